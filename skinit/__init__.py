"""Weight initialization as a tunable, explainable part of a scikit-learn model.

The names that are used most are imported here; the others are in the packages and modules below.
To read the code, begin with `core`, the mathematics of a network on plain arrays; `engine` is the
same, compiled, and `initializers` draws its parameters. `training` is the loop and `estimators`
scikit-learn's side of it. On these stand `diagnosis`, `comparison`, `teaching`, `interop` and
`drop_in`, then the pictures in `displays`, and last the command line in `cli`. The activations,
losses, solvers and schedules that networks are made of are modules of their own.
"""

from skinit.activations import Activation
from skinit.comparison import find_learning_rate
from skinit.datasets import load_circles, load_moons
from skinit.diagnosis import DiagnosisRecorder, diagnose, diagnose_grid
from skinit.displays import (
    ActivationHistogramDisplay,
    DecisionBoundaryPanel,
    JacobianSpectrumDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SignalPropagationDisplay,
)
from skinit.estimators import Checkpoint, InitMLPClassifier, InitMLPRegressor, WeightSnapshots
from skinit.initializers import INITIALIZERS, Initializer, initialize_parameters
from skinit.interop import from_sklearn, to_onnx, to_sklearn
from skinit.losses import Loss
from skinit.teaching import trace
from skinit.training import DivergedError, InterruptedFitWarning

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
