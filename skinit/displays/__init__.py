"""Pictures, in scikit-learn's display style: data in ``__init__``, drawing in ``plot``."""

from skinit.displays.decision_boundary import DecisionBoundaryPanel
from skinit.displays.learning_rate import LearningRateDisplay
from skinit.displays.loss_curve import LossCurveDisplay
from skinit.displays.saving import save_display

__all__ = ["DecisionBoundaryPanel", "LearningRateDisplay", "LossCurveDisplay", "save_display"]
