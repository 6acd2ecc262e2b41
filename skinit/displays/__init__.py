"""Pictures in the style of scikit-learn's displays: data in ``__init__``, drawing in ``plot``.

There is one public file per picture; read `learning_rate` first, which is the simplest. Each
display has ``from_estimator`` and, where several models can share a picture, ``from_estimators``,
which takes a dict of names to estimators. Each takes ``ax``, or ``axes`` if it needs several, and
stores them as ``ax_`` or ``axes_``, and their figure as ``figure_``.

The private files have what displays share: new figures and legends (`_figures`), limits of axes
(`_spans`), named estimators (`_naming`) and writing to a file (`_saving`). A new display is a file
here and a name in ``__all__``; the tests of what all displays have in common then run on it too.
"""

from skinit.displays._saving import save_display
from skinit.displays.activation_histogram import ActivationHistogramDisplay
from skinit.displays.decision_boundary import DecisionBoundaryPanel
from skinit.displays.jacobian_spectrum import JacobianSpectrumDisplay
from skinit.displays.learning_rate import LearningRateDisplay
from skinit.displays.loss_curve import LossCurveDisplay
from skinit.displays.signal_propagation import SignalPropagationDisplay

__all__ = [
    "ActivationHistogramDisplay",
    "DecisionBoundaryPanel",
    "JacobianSpectrumDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "SignalPropagationDisplay",
    "save_display",
]
