"""A network inside a pipeline: the network itself, and the data as they arrive there."""

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skinit._support import refuse_class
from skinit.estimators.base import BaseInitMLP

__all__ = ["innermost", "last_step"]


def last_step(estimator, X, y=None, *, fitted=False, turn=None):
    """Return the network of an estimator, and the data as what stands around it transforms them.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, or what `innermost` looks into
        Left as it is.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
    fitted : bool, default=False
        Whether to take the network and the other steps as they are fitted; otherwise these are
        clones, and the steps before the network are fitted to X and y.
    turn : callable, default=None
        ``turn(network)`` makes one of ours of a network that is none.

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
    network = network if turn is None else turn(network)
    if not isinstance(network, BaseInitMLP):
        raise TypeError(
            f"estimator is {estimator!r}, expected an InitMLPClassifier, an InitMLPRegressor or a "
            f"Pipeline or TransformedTargetRegressor of one{way_out(network)}"
        )
    X, y = arriving(estimator, X, y, fitted)
    return network if fitted else clone(network), X, y


def innermost(estimator, *, fitted=False):
    """Return what a Pipeline ends in, or a TransformedTargetRegressor is of, or one in the other.

    Parameters
    ----------
    estimator : estimator
    fitted : bool, default=False
        Whether to take it as it is fitted.

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


def regressor_of(estimator, fitted):
    """Return what a TransformedTargetRegressor predicts with."""
    if not fitted:
        return estimator.regressor
    check_is_fitted(estimator, "regressor_")
    return estimator.regressor_


def arriving(estimator, X, y, fitted):
    """Transform X and y as they are on their way to the innermost estimator."""
    if isinstance(estimator, Pipeline):
        before = estimator[:-1]
        if len(before):
            X = before.transform(X) if fitted else clone(before).fit_transform(X, y)
        return arriving(estimator[-1], X, y, fitted)
    if isinstance(estimator, TransformedTargetRegressor):
        y = y if y is None else transformed_target(estimator, np.asarray(y), fitted)
        return arriving(regressor_of(estimator, fitted), X, y, fitted)
    return X, y


def transformed_target(estimator, y, fitted):
    """Transform y as a TransformedTargetRegressor does."""
    if not fitted:
        # With a regressor that learns at once, a fit is that of the transformer.
        estimator = clone(estimator).set_params(regressor=DummyRegressor()).fit(y, y)
    column = y.reshape(-1, 1) if y.ndim == 1 else y
    transformed = estimator.transformer_.transform(column)
    return transformed[:, 0] if transformed.shape[1] == 1 else transformed


def way_out(estimator):
    """Say what to give instead of an estimator that is around another one, such as a search."""
    if not hasattr(estimator, "estimator"):
        return ""
    return (
        f"; give the one that the {type(estimator).__name__} is around, its `estimator`, or, of a "
        "search that is fitted, its `best_estimator_`"
    )
