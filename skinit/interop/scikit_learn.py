"""Between scikit-learn's MLP and ours: the same settings, weights and memory under other names.

A model comes over fitted or not. A fitted one predicts the same and can go on training; what the
other side does not have is an error where predictions would change, or where nothing is fitted yet.
"""

import warnings
from copy import deepcopy

import numpy as np
from sklearn import neural_network
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state

from skinit._support import check_widths
from skinit.activations import Identity, Logistic, ReLU, Tanh, resolve_activations
from skinit.estimators import (
    BaseInitMLP,
    InitMLPClassifier,
    InitMLPRegressor,
    coefs_and_intercepts,
    packed,
)
from skinit.initializers import ScikitLearn
from skinit.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    MultinomialCrossEntropy,
    Poisson,
    SquaredError,
    resolve_loss,
)
from skinit.schedules import InverseScaling, ReduceOnPlateau, resolve_schedule
from skinit.solvers import LBFGS, SGD, Adam, GradientDescent, resolve_solver

__all__ = [
    "from_sklearn",
    "make_optimizer",
    "read_memory",
    "solver_of",
    "to_sklearn",
    "write_memory",
]

# scikit-learn's names of what both sides have.
ACTIVATION_NAMES = {Identity: "identity", Logistic: "logistic", Tanh: "tanh", ReLU: "relu"}
SCIKIT_LEARN_NAMES = ("scikit_learn", "sklearn")
SHARED_ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "classes_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "coefs_",
    "intercepts_",
)
SHARED_LOSSES = (
    CrossEntropy,
    BinaryCrossEntropy,
    MultinomialCrossEntropy,
    SquaredError,
    Poisson,
)

# Less than one sample more or less does to an accuracy, and more than rounding does.
ANY_GAIN = 1e-12


def from_sklearn(mlp):
    """Turn scikit-learn's MLP into ours: a model with the same settings, fitted if it was.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Of `sklearn.neural_network` or `skinit.drop_in`; left as it is.

    Returns
    -------
    InitMLPClassifier or InitMLPRegressor
        If `mlp` is fitted, it predicts the same, and ``partial_fit`` goes on from its weights, with
        what "sgd" or "adam" remembers. The weights before training, ``initial_coefs_``, are not
        there, as scikit-learn does not keep them; nor are the losses of a fit by "lbfgs", so that
        ``loss_curve_`` is shorter than ``n_iter_``.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If it has only one class; or, before it is fitted, for ``learning_rate="invscaling"``.

    Warns
    -----
    UserWarning
        If a fitted model has ``learning_rate="invscaling"``, which counts samples;
        `skinit.schedules.InverseScaling` counts iterations and takes its place.

    See Also
    --------
    to_sklearn : The way back.
    skinit.drop_in : scikit-learn's own signatures, for code that should not change.

    Examples
    --------
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skinit import from_sklearn, load_circles
    >>> X, y, _, _ = load_circles()
    >>> mlp = MLPClassifier(20, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    >>> model = from_sklearn(mlp)
    >>> bool((model.predict(X) == mlp.predict(X)).all())
    True
    >>> from_sklearn(MLPClassifier(20, solver="sgd")).solver
    SGD()
    """
    if isinstance(mlp, neural_network.MLPClassifier):
        Ours = InitMLPClassifier
    elif isinstance(mlp, neural_network.MLPRegressor):
        Ours = InitMLPRegressor
    else:
        raise TypeError(
            f"from_sklearn takes an MLPClassifier or an MLPRegressor, not {type(mlp).__name__}; of "
            "a pipeline or a search give the estimator itself: pipeline[-1], search.best_estimator_"
        )
    settings, lost = our_settings(mlp)
    is_fitted = "coefs_" in vars(mlp)
    tell_what_is_lost(lost, is_fitted, "skinit")
    model = Ours(**settings)
    return take_fit(model, mlp) if is_fitted else model


def our_settings(mlp):
    """Return the settings that do the same here, and list those that nothing does the same for."""
    lost, rate = [], mlp.learning_rate_init
    if mlp.solver == "sgd" and mlp.learning_rate == "adaptive":
        rate = ReduceOnPlateau(rate)
    elif mlp.solver == "sgd" and mlp.learning_rate == "invscaling":
        rate = InverseScaling(rate, power=mlp.power_t)
        lost.append(
            "learning_rate='invscaling', which counts samples (InverseScaling counts iterations)"
        )
    takes_steps, forever = mlp.solver != "lbfgs", mlp.n_iter_no_change == np.inf
    settings = {
        "hidden_layer_sizes": mlp.hidden_layer_sizes,
        "init": getattr(mlp, "init", "scikit_learn"),
        "activation": mlp.activation,
        "solver": solver_of(mlp),
        "learning_rate": rate,
        "max_iter": mlp.max_iter,
        "batch_size": mlp.batch_size if takes_steps and mlp.batch_size != "auto" else None,
        "alpha": mlp.alpha,
        "tol": mlp.tol,
        # There are never more iterations without progress than iterations.
        "n_iter_no_change": mlp.max_iter if forever else mlp.n_iter_no_change,
        "early_stopping": mlp.early_stopping and takes_steps,
        "validation_fraction": mlp.validation_fraction,
        "shuffle": mlp.shuffle,
        "warm_start": mlp.warm_start,
        "random_state": mlp.random_state,
        "verbose": bool(mlp.verbose),
    }
    if getattr(mlp, "loss", None) == "poisson":
        settings["loss"] = "poisson"
    return settings, lost


def solver_of(mlp):
    """Return the solver that takes the steps of a scikit-learn MLP."""
    if mlp.solver == "sgd":
        return SGD(mlp.momentum, nesterov=mlp.nesterovs_momentum)
    if mlp.solver == "adam":
        return Adam(mlp.beta_1, mlp.beta_2, epsilon=mlp.epsilon)
    return LBFGS(max_fun=mlp.max_fun)


def tell_what_is_lost(lost, is_fitted, where):
    """Raise an error, or warn where there is a fit, which predicts the same in any case."""
    if not lost:
        return
    message = f"{where} has nothing that does the same as {'; '.join(lost)}"
    if not is_fitted:
        raise ValueError(f"{message}. Choose what both have, and convert then")
    warnings.warn(f"{message}. The predictions are the same, further training is not", stacklevel=3)


def take_fit(model, mlp):
    """Give a model what scikit-learn's has learnt."""
    copy_attributes(mlp, model)
    if isinstance(model, InitMLPClassifier):
        if len(model.classes_) < 2:
            raise ValueError(
                f"the MLP was fitted to one class ({model.classes_.tolist()[0]!r}), and "
                "InitMLPClassifier needs two or more"
            )
        model._multilabel = model.out_activation_ == "logistic" and model.n_outputs_ > 1
    else:
        model._one_column = model.n_outputs_ == 1
    model._fitted_with = model._network_settings()
    network = model._network
    model.n_parameters_ = network.n_parameters
    model.init_resolved_ = getattr(mlp, "init_resolved_", [repr(ScikitLearn())] * network.n_layers)

    model.loss_curve_ = np.array(getattr(mlp, "loss_curve_", []), dtype=np.float64)
    # scikit-learn counts anew in each call of fit and partial_fit, and keeps no losses of "lbfgs".
    model.n_iter_ = max(len(model.loss_curve_), mlp.n_iter_)
    model.loss_ = float(mlp.loss_)
    model.best_loss_ = float(np.append(model.loss_curve_, model.loss_).min())
    scores = getattr(mlp, "validation_scores_", None)
    model.validation_scores_ = None if scores is None else np.array(scores)
    model.best_validation_score_ = getattr(mlp, "best_validation_score_", None)

    model._rng = deepcopy(getattr(mlp, "_random_state", check_random_state(mlp.random_state)))
    model._solver_state = {}
    if hasattr(mlp, "_optimizer"):
        name, state = read_memory(mlp._optimizer, network, model.coefs_[0].dtype)
        model._solver_state[name] = state
    return model


def copy_attributes(fitted, model):
    """Copy what has the same name and meaning on both sides."""
    for name in SHARED_ATTRIBUTES:
        if hasattr(fitted, name):
            setattr(model, name, deepcopy(getattr(fitted, name)))


def read_memory(optimizer, network, dtype):
    """Return the name of a solver, and as its state what scikit-learn's optimizer remembers."""

    def flat(arrays):
        return packed(network, arrays[: network.n_layers], arrays[network.n_layers :], dtype)

    if isinstance(optimizer, SGDOptimizer):
        return "SGD", flat(optimizer.velocities)
    return "Adam", (flat(optimizer.ms), flat(optimizer.vs), optimizer.t)


def write_memory(optimizer, network, state):
    """Let scikit-learn's optimizer remember what a solver does."""

    def arrays(vector):
        coefs, intercepts = coefs_and_intercepts(network, vector)
        return coefs + intercepts

    if isinstance(optimizer, SGDOptimizer):
        optimizer.velocities = arrays(state)
    else:
        mean, square, optimizer.t = state
        optimizer.ms, optimizer.vs = arrays(mean), arrays(square)


def make_optimizer(mlp):
    """Make the optimizer that scikit-learn would make at the beginning of a fit."""
    params = mlp.coefs_ + mlp.intercepts_
    if mlp.solver == "adam":
        return AdamOptimizer(params, mlp.learning_rate_init, mlp.beta_1, mlp.beta_2, mlp.epsilon)
    rate = mlp.learning_rate_init, mlp.learning_rate
    return SGDOptimizer(params, *rate, mlp.momentum, mlp.nesterovs_momentum, mlp.power_t)


def to_sklearn(estimator):
    """Turn our model into scikit-learn's MLP: one with the same settings, fitted if it was.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        Left as it is.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Of `sklearn.neural_network`. If `estimator` is fitted, it predicts the same, and
        ``partial_fit`` goes on from its weights, with what "sgd" or "adam" remembers. Of a single
        target, scikit-learn's predictions have one dimension, also where y had two.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If predictions could not be the same: scikit-learn has one of four activations for all
        hidden layers. Before it is fitted, also if a setting of the training is not to be had
        there, such as an `init`, or "rmsprop".

    Warns
    -----
    UserWarning
        If a fitted model has such a setting: predictions are the same, further training is not.

    See Also
    --------
    from_sklearn : The way back.

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
    Theirs = neural_network.MLPClassifier if classifies else neural_network.MLPRegressor
    is_fitted = "coefs_" in vars(estimator)
    settings = their_settings(estimator)
    if not classifies and link_of(estimator) == "exp":
        settings["loss"] = "poisson"
        if "loss" not in Theirs().get_params():
            raise ValueError("scikit-learn's MLPRegressor has loss='poisson' since version 1.7")
    mlp = Theirs(**settings)
    tell_what_is_lost(lost_in_sklearn(estimator, mlp), is_fitted, "scikit-learn's MLP")
    return give_fit(mlp, estimator) if is_fitted else mlp


def their_settings(estimator):
    """Return the settings that come closest."""
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


def link_of(regressor):
    """Return scikit-learn's name of what a regressor does, or would do, to its scores."""
    if "coefs_" in vars(regressor):
        return regressor.out_activation_
    return resolve_loss(regressor.loss, "numbers").link_name


def activation_name(estimator):
    """Return scikit-learn's name of the activation of all hidden layers, or say why there is none.

    Without hidden layers, any would do.
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
            f"activation={given!r} is not to be had in scikit-learn's MLP, which has one of "
            f"{', '.join(ACTIVATION_NAMES.values())} for all hidden layers; to_onnx takes every "
            "activation that has a name here"
        )
    return names.pop() if names else "relu"


def lost_in_sklearn(estimator, mlp):
    """List the settings of the training that nothing does the same for in scikit-learn's MLP."""
    solver, schedule = resolve_solver(estimator.solver), resolve_schedule(estimator.learning_rate)
    lost = []
    if not (isinstance(estimator.init, ScikitLearn) or estimator.init in SCIKIT_LEARN_NAMES):
        lost.append(f"init={estimator.init!r} (which skinit.drop_in has)")
    if isinstance(solver, GradientDescent):
        if estimator.batch_size is None:
            lost.append(f"solver={estimator.solver!r} without a batch_size (set it to len(X))")
        solver = SGD(0.0, nesterov=False, clip_norm=solver.clip_norm, max_norm=solver.max_norm)
    # What comes back is what has come over.
    if not are_same(solver_of(mlp), solver):
        lost.append(f"solver={estimator.solver!r}")
    back, _ = our_settings(mlp)
    if solver.takes_steps and not are_same(resolve_schedule(back["learning_rate"]), schedule):
        lost.append(f"learning_rate={estimator.learning_rate!r}")
    if not is_plain(estimator.loss):
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


def is_plain(loss):
    """Tell whether scikit-learn has a loss, as it is without settings."""
    if isinstance(loss, str):
        return loss == "auto" or isinstance(LOSSES[loss], SHARED_LOSSES)
    return type(loss) in SHARED_LOSSES and are_same(loss, type(loss)())


def are_same(one, other):
    """Tell whether two objects are of one class and have the same settings."""
    return type(one) is type(other) and one.get_params() == other.get_params()


def give_fit(mlp, estimator):
    """Give scikit-learn's MLP what a model has learnt."""
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
    mlp.t_ = 0  # we do not count samples, and what asks for it, "invscaling", does not come out

    mlp._random_state = deepcopy(estimator._rng)
    state = estimator._solver_state.get({"sgd": "SGD", "adam": "Adam"}.get(mlp.solver))
    if state is not None:
        mlp._optimizer = make_optimizer(mlp)
        write_memory(mlp._optimizer, estimator._network, deepcopy(state))
    return mlp
