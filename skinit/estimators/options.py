"""Options of one call of ``fit`` or ``partial_fit``."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skinit.training import EarlyStoppingState

__all__ = ["FitOptions", "ResumePoint"]


@dataclass(frozen=True)
class ResumePoint:
    """Where to continue a fit of which this model is a copy.

    Parameters
    ----------
    stopping : EarlyStoppingState
    end : int
        The iteration before which the fit ends.
    """

    stopping: EarlyStoppingState
    end: int


@dataclass(frozen=True)
class FitOptions:
    """Options of a fit.

    Parameters
    ----------
    rng : RandomState
        What the split, the initial weights and the order of the samples are drawn from.
    resume : bool
        Whether to continue from the weights of a fitted model.
    n_iter_before : int
        Number of iterations that this model has done before.
    partial : bool
        Whether to do a single iteration, as ``partial_fit``.
    classes : array-like or None
        All classes, in case y does not contain each of them.
    validation : tuple of (X, y, sample_weight)
        The samples to validate on; None for each where there are none.
    resume_point : ResumePoint or None
        Where to continue an unfinished fit.
    """

    rng: np.random.RandomState
    resume: bool = False
    n_iter_before: int = 0
    partial: bool = False
    classes: Any = None
    validation: tuple[Any, Any, Any] = (None, None, None)
    resume_point: ResumePoint | None = None
