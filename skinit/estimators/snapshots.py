"""`WeightSnapshots`, a callback that keeps the weights of chosen iterations."""

from collections.abc import Sequence
from typing import Any

from skinit._support import Array
from skinit.estimators.callbacks import IterationCallback

__all__ = ["WeightSnapshots"]


class WeightSnapshots(IterationCallback):
    """Keep the weights of chosen iterations, and the initial weights.

    Between two snapshots the fit is as fast as without.

    Parameters
    ----------
    every : int or sequence of int, default=1
        Number of iterations between two snapshots, or the iterations themselves, such as
        ``(1, 10, 100, 1000)``.

    Attributes
    ----------
    iterations_ : list of int
        Number of iterations done at each snapshot.
    coefs_ : list of list of ndarray of shape (fan_in, fan_out)
        The weights at each snapshot, layer by layer.
    intercepts_ : list of list of ndarray of shape (fan_out,)
        The biases at each snapshot.

    Notes
    -----
    The callback runs in every fit of the estimator, and keeps the snapshots of the last one.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, WeightSnapshots, load_circles
    >>> X, y, _, _ = load_circles()
    >>> snapshots, model = WeightSnapshots(every=10), InitMLPClassifier(max_iter=30, random_state=0)
    >>> if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
    ...     model = model.set_callbacks(snapshots).fit(X, y)
    ...     assert snapshots.iterations_ == [0, 10, 20, 30]
    """

    iterations_: list[int]
    coefs_: list[list[Array]]
    intercepts_: list[list[Array]]

    def __init__(self, every: int | Sequence[int] = 1) -> None:
        self.every = every

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget the last fit."""
        super().setup(estimator, context)
        self.iterations_, self.coefs_, self.intercepts_ = [], [], []

    def on_iteration(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Keep the weights of a model."""
        self.iterations_.append(model.n_iter_)
        self.coefs_.append([W.copy() for W in model.coefs_])
        self.intercepts_.append([b.copy() for b in model.intercepts_])
