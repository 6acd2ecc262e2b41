"""scikit-learn's front door: `InitMLPClassifier` and `InitMLPRegressor`.

Read `mlp` for the two classes, `base` for the way of a fit, `settings` for how parameters are
checked, and `fitted` for what a fit leaves. `callbacks` connects a fit with scikit-learn's
callbacks and has two of our own; `pipelines` finds the network inside a pipeline. A parameter of
the estimators is added in `base`, and checked in `settings`.
"""

from skinit.estimators.base import BaseInitMLP, checked_params, loss_and_targets, takes_steps
from skinit.estimators.callbacks import ITERATION, Checkpoint, OwnCallback, WeightSnapshots
from skinit.estimators.fitted import coefs_and_intercepts
from skinit.estimators.mlp import InitMLPClassifier, InitMLPRegressor
from skinit.estimators.pipelines import innermost, last_step
from skinit.estimators.settings import BATCH_SIZE, Request, packed

__all__ = [
    "BATCH_SIZE",
    "ITERATION",
    "BaseInitMLP",
    "Checkpoint",
    "InitMLPClassifier",
    "InitMLPRegressor",
    "OwnCallback",
    "Request",
    "WeightSnapshots",
    "checked_params",
    "coefs_and_intercepts",
    "innermost",
    "last_step",
    "loss_and_targets",
    "packed",
    "takes_steps",
]
