"""When to stop: training that no longer gets better, by its loss or on samples held out."""

import numpy as np

__all__ = ["Watchdog"]


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

    Attributes
    ----------
    scores : list of float
        One for each iteration, if there is `validate`.
    best : float
        The highest score, or minus the lowest loss.
    best_parameters : ndarray of shape (n_parameters,) or None
        Those with the highest score.
    """

    def __init__(self, plan, validate=None):
        self.plan, self.validate = plan, validate
        self.scores, self.best, self.best_parameters = [], -np.inf, None
        self.n_without_progress = 0

    def reaches_plateau(self, block):
        """Look at a block of one iteration, and tell whether there has been no progress lately."""
        value = -float(block.losses[-1])
        if self.validate is not None:
            value = float(self.validate(block.parameters))
            self.scores.append(value)
        progress = (
            value > self.best if self.plan.tol is None else value >= self.best + self.plan.tol
        )
        self.n_without_progress = 0 if progress else self.n_without_progress + 1
        if value > self.best:
            self.best = value
            if self.validate is not None:
                self.best_parameters = block.parameters
        if self.n_without_progress <= self.plan.n_iter_no_change:
            return False
        self.n_without_progress = 0
        return True
