"""From scikit-learn: its multilayer perceptron becomes one of skinit, fitted or not."""

from copy import deepcopy
from typing import Any, overload

import numpy as np
from sklearn import neural_network
from sklearn.utils import check_random_state

from skinit.estimators import InitMLPClassifier, InitMLPRegressor
from skinit.initializers import ScikitLearn
from skinit.interop.counterparts import copy_attributes, report_lost_settings
from skinit.interop.optimizers import read_optimizer_state, solver_of
from skinit.schedules import InverseScaling, ReduceOnPlateau

__all__ = ["from_sklearn", "settings_from_mlp"]


@overload
def from_sklearn(mlp: neural_network.MLPClassifier) -> InitMLPClassifier: ...
@overload
def from_sklearn(mlp: neural_network.MLPRegressor) -> InitMLPRegressor: ...
def from_sklearn(mlp: Any) -> Any:
    """Turn scikit-learn's MLP into skinit's: a model with the same settings, fitted if it was.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Of `sklearn.neural_network` or `skinit.drop_in`. It is not changed.

    Returns
    -------
    InitMLPClassifier or InitMLPRegressor
        If `mlp` is fitted, so is the model: it makes the same predictions, and ``partial_fit``
        continues from its weights and from the solver state of "sgd" or "adam". The attribute
        ``initial_coefs_`` is missing, as scikit-learn does not keep the weights before training.
        Nor does it keep the losses of a fit by "lbfgs", so that ``loss_curve_`` is then shorter
        than ``n_iter_``.

    Raises
    ------
    TypeError
        If `mlp` is not an MLPClassifier or MLPRegressor.
    ValueError
        If `mlp` was fitted to a single class; or if it is not fitted and has
        ``learning_rate="invscaling"``.

    Warns
    -----
    UserWarning
        If `mlp` is fitted and has ``learning_rate="invscaling"``, which decreases with the number
        of samples seen. It is replaced by `skinit.schedules.InverseScaling`, which decreases with
        the number of iterations.

    See Also
    --------
    to_sklearn : The conversion in the other direction.
    skinit.drop_in : Estimators with scikit-learn's signatures, for code that should not change.

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
        Estimator = InitMLPClassifier
    elif isinstance(mlp, neural_network.MLPRegressor):
        Estimator = InitMLPRegressor
    else:
        raise TypeError(
            f"from_sklearn takes an MLPClassifier or an MLPRegressor, not {type(mlp).__name__}; of "
            "a pipeline or a search give the estimator itself: pipeline[-1], search.best_estimator_"
        )
    settings, lost = settings_from_mlp(mlp)
    is_fitted = "coefs_" in vars(mlp)
    report_lost_settings(lost, is_fitted, "skinit")
    model = Estimator(**settings)
    return copy_fit_from_mlp(model, mlp) if is_fitted else model


def settings_from_mlp(mlp: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the settings for skinit, and a list of those that have no counterpart there."""
    lost, rate = [], mlp.learning_rate_init
    if mlp.solver == "sgd" and mlp.learning_rate == "adaptive":
        rate = ReduceOnPlateau(rate)
    elif mlp.solver == "sgd" and mlp.learning_rate == "invscaling":
        rate = InverseScaling(rate, power=mlp.power_t)
        lost.append(
            "learning_rate='invscaling', which counts samples (InverseScaling counts iterations)"
        )
    takes_steps, never_stops = mlp.solver != "lbfgs", mlp.n_iter_no_change == np.inf
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
        # skinit takes no infinity here; max_iter iterations without progress never happen either.
        "n_iter_no_change": mlp.max_iter if never_stops else mlp.n_iter_no_change,
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


def copy_fit_from_mlp(model: Any, mlp: Any) -> Any:
    """Give a model of skinit the fitted state of scikit-learn's."""
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
    # scikit-learn's n_iter_ counts the iterations of the last call of fit or partial_fit only, but
    # its loss_curve_ has the losses of all of them. After a fit by "lbfgs" there is no loss_curve_.
    model.n_iter_ = max(len(model.loss_curve_), mlp.n_iter_)
    model.loss_ = float(mlp.loss_)
    model.best_loss_ = float(np.append(model.loss_curve_, model.loss_).min())
    scores = getattr(mlp, "validation_scores_", None)
    model.validation_scores_ = None if scores is None else np.array(scores)
    model.best_validation_score_ = getattr(mlp, "best_validation_score_", None)

    model._rng = deepcopy(getattr(mlp, "_random_state", check_random_state(mlp.random_state)))
    model._solver_state = {}
    if hasattr(mlp, "_optimizer"):
        name, state = read_optimizer_state(mlp._optimizer, network, model.coefs_[0].dtype)
        model._solver_state[name] = state
    return model
