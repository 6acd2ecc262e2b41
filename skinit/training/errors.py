"""How a fit reports that it diverged or was interrupted."""

from sklearn.exceptions import ConvergenceWarning

__all__ = ["DivergedError", "InterruptedFitWarning"]


class DivergedError(ValueError):
    """The loss is no longer a finite number.

    The estimator keeps the last weights whose loss was finite and can be used with them. A search
    counts the fit as failed and continues, as set by its ``error_score``.

    Examples
    --------
    >>> from skinit import DivergedError, InitMLPRegressor, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPRegressor(learning_rate=1e6, random_state=0)
    >>> try:
    ...     model.fit(X, y)
    ... except DivergedError:
    ...     print(model.n_iter_ < 100, model.predict(X).shape)
    True (300,)
    """


class InterruptedFitWarning(ConvergenceWarning):
    """The user stopped a fit (Ctrl-C); it keeps what it has learned.

    Examples
    --------
    >>> import warnings
    >>> from skinit import InitMLPClassifier, InterruptedFitWarning, load_circles
    >>> X, y, _, _ = load_circles()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InterruptedFitWarning)  # stop the whole script instead
    ...     model = InitMLPClassifier(max_iter=10).fit(X, y)
    """
