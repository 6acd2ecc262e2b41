"""A network at the end of a pipeline: the network itself, and the data as they arrive there."""

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skinit.perceptron import BaseInitMLP

__all__ = ["last_step"]


def last_step(estimator, X, y=None, *, fitted=False):
    """Return the network of an estimator, and X as the steps of a pipeline before it transform it.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor or Pipeline that ends in one
        Left as it is.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
    fitted : bool, default=False
        Whether to take the network and the other steps as they are fitted; otherwise these are
        clones, and the steps before the network are fitted to X and y.

    Returns
    -------
    network : InitMLPClassifier or InitMLPRegressor
    X : {array-like, sparse matrix} of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If `estimator` is something else.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MaxAbsScaler
    >>> from skinit import InitMLPClassifier
    >>> last_step(make_pipeline(MaxAbsScaler(), InitMLPClassifier(3)), [[1.0], [4.0]])
    (InitMLPClassifier(hidden_layer_sizes=3), array([[0.25],
           [1.  ]]))
    """
    network, before = estimator, ()
    if isinstance(estimator, Pipeline):
        network, before = estimator[-1], estimator[:-1]
    if not isinstance(network, BaseInitMLP):
        raise TypeError(
            f"estimator is {estimator!r}, expected an InitMLPClassifier, an InitMLPRegressor or a "
            "Pipeline that ends in one"
        )
    if len(before):
        X = before.transform(X) if fitted else clone(before).fit_transform(X, y)
    return network if fitted else clone(network), X
