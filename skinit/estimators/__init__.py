"""The scikit-learn estimators: `InitMLPClassifier` and `InitMLPRegressor`.

Read `mlp` for the two classes and `base` for ``fit``. `fit` calls `preparation`, which reads the
parameters (`settings`), validates, encodes and splits the samples (`samples`, `targets`), and draws
the initial weights; then `skinit.training` trains. `fitted` lists the fitted attributes, `packing`
turns ``coefs_`` into a flat vector and back, `messages` says what went wrong, `options` are those
of one call of ``fit``. `callbacks` connects a fit with scikit-learn's callbacks; `snapshots` and
`checkpoint` are two of them. `parameters` is behind ``set_params``, and `pipelines` finds the
network inside a pipeline. A parameter of the estimators is added in `base` and `mlp`, and checked
in `settings`; a callback gets a file of its own.
"""

from skinit.estimators.base import BaseInitMLP, loss_and_targets, takes_steps
from skinit.estimators.callbacks import IterationCallback
from skinit.estimators.checkpoint import Checkpoint
from skinit.estimators.mlp import InitMLPClassifier, InitMLPRegressor
from skinit.estimators.options import FitOptions
from skinit.estimators.packing import coefs_and_intercepts, packed
from skinit.estimators.parameters import check_nested_params
from skinit.estimators.pipelines import innermost, last_step
from skinit.estimators.preparation import PreparedFit, prepare
from skinit.estimators.settings import BATCH_SIZE
from skinit.estimators.snapshots import WeightSnapshots

__all__ = [
    "BATCH_SIZE",
    "BaseInitMLP",
    "Checkpoint",
    "FitOptions",
    "InitMLPClassifier",
    "InitMLPRegressor",
    "IterationCallback",
    "PreparedFit",
    "WeightSnapshots",
    "check_nested_params",
    "coefs_and_intercepts",
    "innermost",
    "last_step",
    "loss_and_targets",
    "packed",
    "prepare",
    "takes_steps",
]
