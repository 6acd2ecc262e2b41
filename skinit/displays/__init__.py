"""Pictures, in scikit-learn's display style: data in ``__init__``, drawing in ``plot``.

Each has ``from_estimator`` and, where several can share a picture, ``from_estimators`` with a dict
of names to them; each takes ``ax`` or, if it needs several, ``axes``, and keeps these as ``ax_`` or
``axes_``, with their ``figure_``.
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
