"""When to stop: neither the loss nor the validation score improves any more."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skinit._support import Array
from skinit.core import Plan
from skinit.training.block import Block

__all__ = ["EarlyStopping", "EarlyStoppingState"]


class EarlyStoppingState(NamedTuple):
    """The best value so far, and how long ago it was reached.

    Parameters
    ----------
    best : float
        The highest validation score, or minus the lowest loss where there is no validation.
    best_parameters : ndarray of shape (n_parameters,) or None
        Those with the highest validation score; None without validation.
    n_without_progress : int
        Number of iterations without progress since then.
    n_plateaus : int
        Number of times that training has stopped improving.
    """

    best: float = -np.inf
    best_parameters: Array | None = None
    n_without_progress: int = 0
    n_plateaus: int = 0


class EarlyStopping:
    """Counts iterations without progress.

    Parameters
    ----------
    plan : Plan
        An improvement of at least `tol` is progress, or any improvement where `tol` is None. More
        than `n_iter_no_change` iterations without progress are a plateau.
    validate : callable or None
        ``validate(parameters)`` returns a score, the higher the better. With None, the loss is
        used.
    """

    def __init__(self, plan: Plan, validate: Callable[[Array], float] | None = None) -> None:
        self.plan, self.validate = plan, validate

    def update(
        self, state: EarlyStoppingState, block: Block
    ) -> tuple[EarlyStoppingState, float | None]:
        """Return the state after a block of one iteration, and its validation score if any.

        Each plateau increases `n_plateaus` by one, and the count of iterations without progress
        begins again.
        """
        score, value = None, -float(block.losses[-1])
        if self.validate is not None:
            score = value = float(self.validate(block.parameters))
        improves = value > state.best
        is_progress = improves if self.plan.tol is None else value >= state.best + self.plan.tol
        n_without_progress = 0 if is_progress else state.n_without_progress + 1
        n_plateaus = state.n_plateaus
        if n_without_progress > self.plan.n_iter_no_change:
            n_without_progress, n_plateaus = 0, n_plateaus + 1
        best, best_parameters = state.best, state.best_parameters
        if improves:
            best = value
            best_parameters = None if self.validate is None else block.parameters
        return EarlyStoppingState(best, best_parameters, n_without_progress, n_plateaus), score
