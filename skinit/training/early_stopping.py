"""When to stop: training that no longer gets better, by its loss or on samples held out."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Standing", "Watchdog"]


@dataclass
class Standing:
    """Where training stands: the best so far, and how long ago that was.

    Parameters
    ----------
    best : float
        The highest score, or minus the lowest loss.
    best_parameters : ndarray of shape (n_parameters,) or None
        Those with the highest score; None where there are no scores.
    n_without_progress : int
        How many iterations have brought no progress since.
    n_plateaus : int
        How often training has come to a standstill.
    """

    best: float = -np.inf
    best_parameters: np.ndarray | None = None
    n_without_progress: int = 0
    n_plateaus: int = 0


class Watchdog:
    """Counts the iterations that have brought no progress, and remembers the best.

    Parameters
    ----------
    plan : Plan
        Its `tol` is what an iteration must gain to count as progress; None is anything at all. One
        more than `n_iter_no_change` iterations without are a plateau.
    validate : callable or None
        ``validate(parameters)`` answers with a score, the higher the better. Without, the loss is
        watched.
    standing : Standing or None
        Where training stands; changed in place. None is that of the start.

    Attributes
    ----------
    scores : list of float
        One for each iteration, if there is `validate`.
    """

    def __init__(self, plan, validate=None, standing=None):
        self.plan, self.validate = plan, validate
        self.standing, self.scores = standing or Standing(), []

    def reaches_plateau(self, block):
        """Look at a block of one iteration, and tell whether there has been no progress lately."""
        standing, value = self.standing, -float(block.losses[-1])
        if self.validate is not None:
            value = float(self.validate(block.parameters))
            self.scores.append(value)
        progress = (
            value > standing.best
            if self.plan.tol is None
            else value >= standing.best + self.plan.tol
        )
        standing.n_without_progress = 0 if progress else standing.n_without_progress + 1
        if value > standing.best:
            standing.best = value
            if self.validate is not None:
                standing.best_parameters = block.parameters
        if standing.n_without_progress <= self.plan.n_iter_no_change:
            return False
        standing.n_without_progress = 0
        standing.n_plateaus += 1
        return True
