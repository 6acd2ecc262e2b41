"""To scikit-learn: a model of skinit becomes scikit-learn's MLP, fitted or not."""

from copy import deepcopy
from typing import Any, overload

import numpy as np
from sklearn import neural_network
from sklearn.preprocessing import LabelBinarizer

from skinit._support import check_widths
from skinit.activations import resolve_activations
from skinit.estimators import BaseInitMLP, InitMLPClassifier, InitMLPRegressor
from skinit.initializers import ScikitLearn
from skinit.interop.counterparts import ACTIVATION_NAMES, copy_attributes, report_lost_settings
from skinit.interop.from_scikit_learn import settings_from_mlp
from skinit.interop.optimizers import make_optimizer, solver_of, write_optimizer_state
from skinit.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    MultinomialCrossEntropy,
    Poisson,
    SquaredError,
    resolve_loss,
)
from skinit.schedules import ReduceOnPlateau, resolve_schedule
from skinit.solvers import LBFGS, SGD, Adam, GradientDescent, resolve_solver

__all__ = ["to_sklearn"]

# Names under which `init` is scikit-learn's own initialization.
SCIKIT_LEARN_NAMES = ("scikit_learn", "sklearn")

# Losses that scikit-learn has too, with their default settings.
SHARED_LOSSES = (
    CrossEntropy,
    BinaryCrossEntropy,
    MultinomialCrossEntropy,
    SquaredError,
    Poisson,
)

# With early stopping, tol=None counts every increase of the validation score as progress.
# scikit-learn wants a number: this is less than the accuracy changes by with one sample, and more
# than rounding.
ANY_GAIN = 1e-12


@overload
def to_sklearn(estimator: InitMLPClassifier) -> neural_network.MLPClassifier: ...
@overload
def to_sklearn(estimator: InitMLPRegressor) -> neural_network.MLPRegressor: ...
def to_sklearn(estimator: Any) -> Any:
    """Turn skinit's model into scikit-learn's MLP: one with the same settings, fitted if it was.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        It is not changed.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Of `sklearn.neural_network`. If `estimator` is fitted, so is the MLP: it makes the same
        predictions, and ``partial_fit`` continues from its weights and from the solver state of
        "sgd" or "adam". scikit-learn's predictions of a single target have one dimension, even
        if y had two.

    Raises
    ------
    TypeError
        If `estimator` is not an InitMLPClassifier or InitMLPRegressor.
    ValueError
        If predictions could not be the same: scikit-learn has four activations, and all hidden
        layers have the same one. If `estimator` is not fitted, also if a setting of the training
        is not available in scikit-learn, such as another `init`, or "rmsprop".

    Warns
    -----
    UserWarning
        If a fitted model has such a setting: predictions are the same, but further training will
        differ.

    See Also
    --------
    from_sklearn : The conversion in the other direction.

    Examples
    --------
    >>> from skinit import InitMLPRegressor, to_sklearn
    >>> to_sklearn(InitMLPRegressor(20, init="scikit_learn", solver="adam", max_iter=100))
    MLPRegressor(alpha=0.0, hidden_layer_sizes=20, learning_rate_init=0.01, max_iter=100,
                 n_iter_no_change=inf)
    """
    if not isinstance(estimator, BaseInitMLP):
        raise TypeError(
            f"to_sklearn takes an InitMLPClassifier or an InitMLPRegressor, not "
            f"{type(estimator).__name__}; of a pipeline or a search give the estimator itself: "
            "pipeline[-1], search.best_estimator_"
        )
    classifies = isinstance(estimator, InitMLPClassifier)
    MLP = neural_network.MLPClassifier if classifies else neural_network.MLPRegressor
    is_fitted = "coefs_" in vars(estimator)
    settings = settings_for_mlp(estimator)
    if not classifies and output_activation(estimator) == "exp":
        settings["loss"] = "poisson"
        if "loss" not in MLP().get_params():
            raise ValueError("scikit-learn's MLPRegressor has loss='poisson' since version 1.7")
    mlp = MLP(**settings)
    lost = settings_without_counterpart(estimator, mlp)
    report_lost_settings(lost, is_fitted, "scikit-learn's MLP")
    return copy_fit_to_mlp(mlp, estimator) if is_fitted else mlp


def settings_for_mlp(estimator: Any) -> dict[str, Any]:
    """Return the settings of scikit-learn's MLP that are closest to those of a model."""
    solver, schedule = resolve_solver(estimator.solver), resolve_schedule(estimator.learning_rate)
    settings = {
        "hidden_layer_sizes": estimator.hidden_layer_sizes,
        "activation": activation_name(estimator),
        "alpha": estimator.alpha,
        "batch_size": "auto" if estimator.batch_size is None else estimator.batch_size,
        "learning_rate": "adaptive" if isinstance(schedule, ReduceOnPlateau) else "constant",
        "learning_rate_init": float(schedule.initial),
        "max_iter": estimator.max_iter,
        "shuffle": estimator.shuffle,
        "random_state": estimator.random_state,
        "verbose": estimator.verbose,
        "warm_start": estimator.warm_start,
        "early_stopping": estimator.early_stopping,
        "validation_fraction": estimator.validation_fraction,
        "n_iter_no_change": estimator.n_iter_no_change,
    }
    if estimator.tol is not None:
        settings["tol"] = estimator.tol
    elif not solver.takes_steps:
        settings["tol"] = 1e-5  # see `LBFGS`
    elif estimator.early_stopping:
        settings["tol"] = ANY_GAIN
    else:
        settings["n_iter_no_change"] = np.inf
    if isinstance(solver, (GradientDescent, SGD)):
        momentum = getattr(solver, "momentum", 0.0), getattr(solver, "nesterov", False)
        settings |= {"solver": "sgd", "momentum": momentum[0], "nesterovs_momentum": momentum[1]}
    elif isinstance(solver, LBFGS):
        settings |= {"solver": "lbfgs", "max_fun": solver.max_fun}
    elif isinstance(solver, Adam):
        betas = {"beta_1": solver.beta_1, "beta_2": solver.beta_2}
        settings |= {"solver": "adam", "epsilon": solver.epsilon, **betas}
    return settings


def output_activation(regressor: Any) -> str:
    """Return scikit-learn's name of the output activation that a regressor has, or will have."""
    if "coefs_" in vars(regressor):
        return regressor.out_activation_
    return resolve_loss(regressor.loss, "numbers").link_name


def activation_name(estimator: Any) -> str:
    """Return scikit-learn's name of the activation of all hidden layers, or raise an error.

    Without hidden layers, the name has no effect: it is "relu".
    """
    if "coefs_" in vars(estimator):
        given = activations = estimator._network.activations
    else:
        n_hidden = len(check_widths(estimator.hidden_layer_sizes, "hidden_layer_sizes"))
        given = estimator.activation
        activations = resolve_activations(given, n_hidden)
    names = {ACTIVATION_NAMES.get(type(activation)) for activation in activations}
    if None in names or len(names) > 1:
        raise ValueError(
            f"activation={given!r} is not available in scikit-learn's MLP, which has one of "
            f"{', '.join(ACTIVATION_NAMES.values())} for all hidden layers; to_onnx takes every "
            "activation that has a name here"
        )
    return names.pop() if names else "relu"


def settings_without_counterpart(estimator: Any, mlp: Any) -> list[str]:
    """List the settings of the training that scikit-learn's MLP does not reproduce."""
    solver, schedule = resolve_solver(estimator.solver), resolve_schedule(estimator.learning_rate)
    lost = []
    if not (isinstance(estimator.init, ScikitLearn) or estimator.init in SCIKIT_LEARN_NAMES):
        lost.append(f"init={estimator.init!r} (which skinit.drop_in has)")
    if isinstance(solver, GradientDescent):
        if estimator.batch_size is None:
            lost.append(f"solver={estimator.solver!r} without a batch_size (set it to len(X))")
        solver = SGD(0.0, nesterov=False, clip_norm=solver.clip_norm, max_norm=solver.max_norm)
    # Convert back: a setting is lost if it does not survive the round trip.
    if not are_same(solver_of(mlp), solver):
        lost.append(f"solver={estimator.solver!r}")
    back, _ = settings_from_mlp(mlp)
    if solver.takes_steps and not are_same(resolve_schedule(back["learning_rate"]), schedule):
        lost.append(f"learning_rate={estimator.learning_rate!r}")
    if not is_shared_loss(estimator.loss):
        lost.append(f"loss={estimator.loss!r}")
    if np.any(estimator.dropout):
        lost.append(f"dropout={estimator.dropout!r}")
    if estimator.n_iter_no_change < 1:
        lost.append(f"n_iter_no_change={estimator.n_iter_no_change!r}")
    if getattr(estimator, "class_weight", None) is not None:
        lost.append(f"class_weight={estimator.class_weight!r}")
    if estimator.early_stopping and estimator.scoring is not None:
        lost.append(f"scoring={estimator.scoring!r}")
    if estimator.early_stopping and not solver.takes_steps:
        lost.append(f"early_stopping with solver={estimator.solver!r}")
    return lost


def is_shared_loss(loss: Any) -> bool:
    """Tell whether scikit-learn has a loss, which it does only with default settings."""
    if isinstance(loss, str):
        return loss == "auto" or isinstance(LOSSES[loss], SHARED_LOSSES)
    return type(loss) in SHARED_LOSSES and are_same(loss, type(loss)())


def are_same(one: Any, other: Any) -> bool:
    """Tell whether two objects are of one class and have the same settings."""
    return type(one) is type(other) and one.get_params() == other.get_params()


def copy_fit_to_mlp(mlp: Any, estimator: Any) -> Any:
    """Give scikit-learn's MLP the fitted state of a model of skinit."""
    copy_attributes(estimator, mlp)
    if isinstance(mlp, neural_network.MLPClassifier):
        labels = np.eye(mlp.n_outputs_, dtype=int) if estimator._multilabel else mlp.classes_
        mlp._label_binarizer = LabelBinarizer().fit(labels)
    mlp._best_coefs, mlp._best_intercepts = deepcopy((mlp.coefs_, mlp.intercepts_))

    scores = estimator.validation_scores_
    mlp.n_iter_, mlp.loss_ = estimator.n_iter_, estimator.loss_
    mlp.loss_curve_ = estimator.loss_curve_.tolist()
    mlp.best_loss_ = None if estimator.early_stopping else estimator.best_loss_
    mlp.validation_scores_ = None if scores is None else scores.tolist()
    mlp.best_validation_score_ = estimator.best_validation_score_
    mlp._no_improvement_count = 0
    # The number of samples seen. skinit does not count them; only "invscaling" needs them, and no
    # setting of skinit is converted to that.
    mlp.t_ = 0

    mlp._random_state = deepcopy(estimator._rng)
    state = estimator._solver_state.get({"sgd": "SGD", "adam": "Adam"}.get(mlp.solver))
    if state is not None:
        mlp._optimizer = make_optimizer(mlp)
        write_optimizer_state(mlp._optimizer, estimator._network, deepcopy(state))
    return mlp
