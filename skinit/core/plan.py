"""The settings of a training run: everything but the network, its parameters and the data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinit._support import Array
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
        Schedule of the learning rate.
    max_iter : int
        Number of iterations, including those of earlier runs. With minibatches, an iteration is an
        epoch.
    batch_size : int or None
        Number of samples of a step; None for all samples.
    shuffle : bool
        Whether to shuffle the samples in each epoch.
    alpha : float
        Strength of the L2 penalty on the weights, see `skinit.core.loss_and_gradient`.
    tol : float or None
        By how much an iteration must improve the loss or the validation score to count as progress.
        Without `tol` and `early_stopping`, training runs for all iterations.
    n_iter_no_change : int
        Training stops after more than this many iterations without progress.
    early_stopping : bool
        Whether progress is measured by a validation score.
    one_iteration_per_block : bool
        Whether blocks hold one iteration each, also without a criterion to stop.
    until : int or None
        The iteration before which this run ends; None for `max_iter`. Schedules depend on
        `max_iter` only.
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
    one_iteration_per_block: bool = False
    until: int | None = None

    @property
    def end(self) -> int:
        """The iteration before which this run ends."""
        return self.max_iter if self.until is None else self.until

    @property
    def has_criterion(self) -> bool:
        """Whether training may stop before its last iteration."""
        return self.tol is not None or self.early_stopping

    @property
    def one_by_one(self) -> bool:
        """Whether each iteration is a block, as something checks it before the next one."""
        return self.has_criterion or self.one_iteration_per_block

    def rates(self, iterations: Sequence[int], n_plateaus: int = 0) -> list[float]:
        """Return the learning rate of each of the iterations, see `BaseSchedule.rate`."""
        if self.schedule.is_constant:  # saves time when iterations are short
            return [self.schedule.initial] * len(iterations)
        return [self.schedule.rate(k, self.max_iter, n_plateaus) for k in iterations]

    def order(self, n_samples: int, rng: np.random.RandomState) -> Array | None:
        """Return the order of the samples in an epoch, or None without minibatches."""
        if self.batch_size is None:
            return None
        return rng.permutation(n_samples) if self.shuffle else np.arange(n_samples)

    @property
    def has_limits(self) -> bool:
        """Whether the solver limits the size of gradients or weights."""
        return (self.solver.clip_norm, self.solver.max_norm) != (None, None)
