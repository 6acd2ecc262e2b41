"""How to train: all that a run is told besides the network, its start and its data."""

from dataclasses import dataclass

import numpy as np

from skinit.schedules import BaseSchedule
from skinit.solvers import BaseSolver

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """The settings of a training run.

    Parameters
    ----------
    solver : BaseSolver
    schedule : BaseSchedule
        Of the learning rate.
    max_iter : int
        Number of iterations, those of earlier runs included. Where there are minibatches, an
        iteration is an epoch.
    batch_size : int or None
        How many samples a step looks at; None is all of them.
    shuffle : bool
        Whether each epoch takes the samples in a new order.
    alpha : float
        Strength of the penalty on large weights, see `skinit.core.loss_and_gradient`.
    tol : float or None
        What an iteration must gain, in loss or score, to count as progress. Without a `tol` and
        without validation, training goes on to the end.
    n_iter_no_change : int
        How many iterations without progress are borne.
    early_stopping : bool
        Whether progress is that of a validation score.
    watched : bool
        Whether somebody wants to look at each iteration.
    until : int or None
        The iteration before which this run ends; None is `max_iter`, which schedules look at.
    """

    solver: BaseSolver
    schedule: BaseSchedule
    max_iter: int
    batch_size: int | None = None
    shuffle: bool = True
    alpha: float = 0.0
    tol: float | None = None
    n_iter_no_change: int = 10
    early_stopping: bool = False
    watched: bool = False
    until: int | None = None

    @property
    def end(self):
        """The iteration before which this run ends."""
        return self.max_iter if self.until is None else self.until

    @property
    def has_criterion(self):
        """Whether training may stop before its end."""
        return self.tol is not None or self.early_stopping

    @property
    def one_by_one(self):
        """Whether each iteration is looked at before the next one."""
        return self.has_criterion or self.watched

    def rates(self, iterations, n_plateaus=0):
        """List the learning rates of some iterations, see `BaseSchedule.rate`."""
        if self.schedule.is_constant:  # which is quicker on short iterations
            return [self.schedule.initial] * len(iterations)
        return [self.schedule.rate(k, self.max_iter, n_plateaus) for k in iterations]

    def order(self, n_samples, rng):
        """Return the samples of an epoch in their order, or None where all are one batch."""
        if self.batch_size is None:
            return None
        return rng.permutation(n_samples) if self.shuffle else np.arange(n_samples)

    @property
    def has_limits(self):
        """Whether the solver limits the size of gradients or weights."""
        return (self.solver.clip_norm, self.solver.max_norm) != (None, None)
