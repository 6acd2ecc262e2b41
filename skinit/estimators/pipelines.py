"""A network inside a pipeline, and the data as transformed by the steps before it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skinit._support import Array, MatrixLike, refuse_class
from skinit.estimators.base import BaseInitMLP

__all__ = ["innermost", "last_step"]


def last_step(
    estimator: Any,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    fitted: bool = False,
    convert: Callable[[Any], Any] | None = None,
) -> tuple[BaseInitMLP, Any, Any]:
    """Return the network inside an estimator, and the data as they arrive at the network.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, or what `innermost` looks into
        Left as it is.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
    fitted : bool, default=False
        Whether to take the network and the other steps as they are fitted. Otherwise they are
        cloned, and the steps before the network are fitted to X and y.
    convert : callable, default=None
        ``convert(network)`` turns a network of another library into one of skinit.

    Returns
    -------
    network : InitMLPClassifier or InitMLPRegressor
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None

    Raises
    ------
    TypeError
        If `estimator` is something else.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MaxAbsScaler
    >>> from skinit import InitMLPClassifier
    >>> network, X, y = last_step(make_pipeline(MaxAbsScaler(), InitMLPClassifier(3)), [[1], [4]])
    >>> network, X.tolist()
    (InitMLPClassifier(hidden_layer_sizes=3), [[0.25], [1.0]])
    """
    refuse_class(estimator, "estimator")
    network = innermost(estimator, fitted=fitted)
    network = network if convert is None else convert(network)
    if not isinstance(network, BaseInitMLP):
        raise TypeError(
            f"estimator is {estimator!r}, expected an InitMLPClassifier, an InitMLPRegressor or a "
            f"Pipeline or TransformedTargetRegressor of one{way_out(network)}"
        )
    X, y = arriving(estimator, X, y, fitted)
    return network if fitted else clone(network), X, y


def innermost(estimator: Any, *, fitted: bool = False) -> Any:
    """Return the network inside of Pipelines and TransformedTargetRegressors.

    Parameters
    ----------
    estimator : estimator
    fitted : bool, default=False
        Whether to take the fitted one.

    Returns
    -------
    estimator
        The estimator itself where it is neither.

    Raises
    ------
    NotFittedError
        If `fitted`, and a TransformedTargetRegressor is not.

    Examples
    --------
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from skinit import InitMLPRegressor
    >>> innermost(TransformedTargetRegressor(InitMLPRegressor(3)))
    InitMLPRegressor(hidden_layer_sizes=3)
    """
    if isinstance(estimator, Pipeline):
        return innermost(estimator[-1], fitted=fitted)
    if isinstance(estimator, TransformedTargetRegressor):
        return innermost(regressor_of(estimator, fitted), fitted=fitted)
    return estimator


def regressor_of(estimator: TransformedTargetRegressor, fitted: bool) -> Any:
    """Return what a TransformedTargetRegressor predicts with."""
    if not fitted:
        return estimator.regressor
    check_is_fitted(estimator, "regressor_")
    return estimator.regressor_


def arriving(estimator: Any, X: Any, y: Any, fitted: bool) -> tuple[Any, Any]:
    """Transform X and y as the steps before the innermost estimator do."""
    if isinstance(estimator, Pipeline):
        before = estimator[:-1]
        if len(before):
            X = before.transform(X) if fitted else clone(before).fit_transform(X, y)
        return arriving(estimator[-1], X, y, fitted)
    if isinstance(estimator, TransformedTargetRegressor):
        y = y if y is None else transformed_target(estimator, np.asarray(y), fitted)
        return arriving(regressor_of(estimator, fitted), X, y, fitted)
    return X, y


def transformed_target(estimator: TransformedTargetRegressor, y: Array, fitted: bool) -> Array:
    """Transform y as a TransformedTargetRegressor does."""
    if not fitted:
        # With a trivial regressor, only the transformer is fitted.
        estimator = clone(estimator).set_params(regressor=DummyRegressor()).fit(y, y)
    column = y.reshape(-1, 1) if y.ndim == 1 else y
    transformed = estimator.transformer_.transform(column)
    return transformed[:, 0] if transformed.shape[1] == 1 else transformed


def way_out(estimator: Any) -> str:
    """Say what to pass instead of a meta-estimator, such as a search."""
    if not hasattr(estimator, "estimator"):
        return ""
    return (
        f"; pass the attribute `estimator` of the {type(estimator).__name__}, or `best_estimator_` "
        "of a search that is fitted"
    )
