"""Weight initialization as a tunable, explainable part of a scikit-learn model."""

from skinit.activations import Activation
from skinit.callbacks import Checkpoint, WeightSnapshots
from skinit.datasets import load_circles, load_moons
from skinit.diagnostics import diagnose
from skinit.displays import (
    ActivationHistogramDisplay,
    DecisionBoundaryPanel,
    JacobianSpectrumDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SignalPropagationDisplay,
)
from skinit.estimators import InitMLPClassifier, InitMLPRegressor
from skinit.initializers import INITIALIZERS, Initializer, initialize_parameters
from skinit.interop import from_sklearn, to_sklearn
from skinit.learning_rate_search import find_learning_rate
from skinit.losses import Loss
from skinit.onnx_export import to_onnx
from skinit.sweeps import diagnose_grid
from skinit.tracing import trace
from skinit.training import DivergedError, InterruptedFitWarning
from skinit.watching import DiagnosisRecorder

__version__ = "0.1.0.dev0"

__all__ = [
    "INITIALIZERS",
    "Activation",
    "ActivationHistogramDisplay",
    "Checkpoint",
    "DecisionBoundaryPanel",
    "DiagnosisRecorder",
    "DivergedError",
    "InitMLPClassifier",
    "InitMLPRegressor",
    "Initializer",
    "InterruptedFitWarning",
    "JacobianSpectrumDisplay",
    "LearningRateDisplay",
    "Loss",
    "LossCurveDisplay",
    "SignalPropagationDisplay",
    "WeightSnapshots",
    "diagnose",
    "diagnose_grid",
    "find_learning_rate",
    "from_sklearn",
    "initialize_parameters",
    "load_circles",
    "load_moons",
    "to_onnx",
    "to_sklearn",
    "trace",
]
