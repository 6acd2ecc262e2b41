"""Learning-rate schedules: the learning rate as a function of the iteration.

A schedule object holds settings only. Its `rate` depends on the iteration and on how many plateaus
the loss has reached. Every schedule can have a warm-up.
"""

from numbers import Integral, Real
from typing import TypeAlias

import numpy as np
from sklearn.base import BaseEstimator

from skinit._support import check_number, refuse_class

__all__ = [
    "BaseSchedule",
    "ConstantRate",
    "CosineDecay",
    "InverseScaling",
    "ReduceOnPlateau",
    "ScheduleLike",
    "StepDecay",
    "resolve_schedule",
]


class BaseSchedule(BaseEstimator):
    """Base class of all schedules: ``rate(...)`` and ``gives_up(...)``.

    A schedule has the settings `initial`, its highest learning rate, and `warm_up`, the number of
    iterations in which the rate rises to `initial` in equal steps, before the schedule begins. With
    minibatches, an iteration is an epoch.

    Attributes
    ----------
    waits_for_plateaus : bool
        Whether the rate depends on the number of plateaus.
    """

    waits_for_plateaus = False
    initial: float = 0.01
    warm_up: int = 0

    def rate(self, iteration: int, max_iter: int, n_plateaus: int = 0) -> float:
        """Return the learning rate of an iteration.

        Parameters
        ----------
        iteration : int
            Counted from 0.
        max_iter : int
            Total number of iterations.
        n_plateaus : int
            How often the loss or the validation score has stopped improving, according to `tol` and
            `n_iter_no_change` of the estimator.

        Returns
        -------
        float
        """
        if iteration < self.warm_up:
            return self.initial * (iteration + 1) / (self.warm_up + 1)
        rest = max_iter - self.warm_up
        return float(self.initial * self.factor(iteration - self.warm_up, rest, n_plateaus))

    def factor(self, iteration: int, max_iter: int, n_plateaus: int) -> float:
        """Return the ratio of the rate to `initial`; iterations are counted after the warm-up."""
        raise NotImplementedError

    def gives_up(self, n_plateaus: int) -> bool:
        """Return whether training should end at the last one of `n_plateaus` plateaus."""
        return True

    @property
    def is_constant(self) -> bool:
        """Whether all iterations have the same rate."""
        return False

    def check_settings(self) -> None:
        """Raise a `ValueError` or a `TypeError` that names the invalid setting."""
        check_number(self.initial, "initial", above=0)
        check_number(self.warm_up, "warm_up", low=0, kind=Integral)


class ConstantRate(BaseSchedule):
    """The same learning rate in all iterations, as a plain number, but with an optional warm-up.

    Parameters
    ----------
    initial : float, default=0.01
    warm_up : int, default=0

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2 (warm-up).

    Examples
    --------
    >>> schedule = ConstantRate(0.1, warm_up=4)
    >>> [round(schedule.rate(k, max_iter=10), 2) for k in range(6)]
    [0.02, 0.04, 0.06, 0.08, 0.1, 0.1]
    """

    def __init__(self, initial: float = 0.01, *, warm_up: int = 0) -> None:
        self.initial = initial
        self.warm_up = warm_up

    def factor(self, iteration: int, max_iter: int, n_plateaus: int) -> float:
        return 1.0

    @property
    def is_constant(self) -> bool:
        return self.warm_up == 0


class InverseScaling(BaseSchedule):
    r"""A rate that decreases with a power of the iteration.

    .. math:: \eta_k = \eta_0 / (k + 1)^p

    Parameters
    ----------
    initial : float, default=0.01
    power : float, default=0.5
        p. Stochastic approximation converges for values above 0.5 and up to 1.
    warm_up : int, default=0

    References
    ----------
    H. Robbins and S. Monro, "A stochastic approximation method", Annals of Mathematical
    Statistics 22, 1951.

    Examples
    --------
    >>> schedule = InverseScaling(0.1)
    >>> [round(schedule.rate(k, max_iter=10), 3) for k in (0, 3, 8)]
    [0.1, 0.05, 0.033]
    """

    def __init__(self, initial: float = 0.01, *, power: float = 0.5, warm_up: int = 0) -> None:
        self.initial = initial
        self.power = power
        self.warm_up = warm_up

    def factor(self, iteration: int, max_iter: int, n_plateaus: int) -> float:
        return (iteration + 1.0) ** -self.power

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.power, "power", low=0)


class ReduceOnPlateau(BaseSchedule):
    r"""A rate that is divided at each plateau.

    `tol` and `n_iter_no_change` of the estimator define a plateau. Training ends at a plateau that
    is reached with a rate of `minimum` or below.

    .. math:: \eta_k = \eta_0 / f^{\text{plateaus before } k}

    Parameters
    ----------
    initial : float, default=0.01
    divisor : float, default=5.0
        f.
    minimum : float, default=1e-6
    warm_up : int, default=0

    Examples
    --------
    >>> schedule = ReduceOnPlateau(0.1)
    >>> [round(schedule.rate(30, max_iter=100, n_plateaus=n), 4) for n in (0, 1, 2)]
    [0.1, 0.02, 0.004]
    """

    waits_for_plateaus = True

    def __init__(
        self,
        initial: float = 0.01,
        *,
        divisor: float = 5.0,
        minimum: float = 1e-6,
        warm_up: int = 0,
    ) -> None:
        self.initial = initial
        self.divisor = divisor
        self.minimum = minimum
        self.warm_up = warm_up

    def factor(self, iteration: int, max_iter: int, n_plateaus: int) -> float:
        return float(self.divisor) ** -n_plateaus

    def gives_up(self, n_plateaus: int) -> bool:
        return self.initial * self.factor(0, 0, n_plateaus - 1) <= self.minimum

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.divisor, "divisor", above=1)
        check_number(self.minimum, "minimum", low=0)


class CosineDecay(BaseSchedule):
    r"""A rate that follows half a cosine, down to `final_ratio` times the initial rate.

    .. math::
        \eta_k = \eta_0 \left( r + (1 - r) \, \tfrac{1}{2} (1 + \cos(\pi k / n)) \right)

    for iteration k of n.

    Parameters
    ----------
    initial : float, default=0.01
    final_ratio : float, default=0.0
        r, the ratio of the rate after the last iteration to the initial rate.
    warm_up : int, default=0

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    equation 5.

    Examples
    --------
    >>> schedule = CosineDecay(0.1)
    >>> [round(schedule.rate(k, max_iter=100), 3) for k in (0, 25, 50, 75, 99)]
    [0.1, 0.085, 0.05, 0.015, 0.0]
    """

    def __init__(
        self, initial: float = 0.01, *, final_ratio: float = 0.0, warm_up: int = 0
    ) -> None:
        self.initial = initial
        self.final_ratio = final_ratio
        self.warm_up = warm_up

    def factor(self, iteration: int, max_iter: int, n_plateaus: int) -> float:
        done = min(iteration / max(max_iter, 1), 1.0)  # continued fits may go beyond
        return self.final_ratio + (1 - self.final_ratio) * 0.5 * (1 + np.cos(np.pi * done))

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.final_ratio, "final_ratio", low=0, high=1)


class StepDecay(BaseSchedule):
    r"""A rate that is divided after every `every` iterations.

    .. math:: \eta_k = \eta_0 / f^{\lfloor k / m \rfloor}

    Parameters
    ----------
    initial : float, default=0.01
    every : int, default=100
        m.
    divisor : float, default=10.0
        f.
    warm_up : int, default=0

    Examples
    --------
    >>> schedule = StepDecay(0.1, every=30)
    >>> [round(schedule.rate(k, max_iter=100), 4) for k in (0, 29, 30, 60)]
    [0.1, 0.1, 0.01, 0.001]
    """

    def __init__(
        self,
        initial: float = 0.01,
        *,
        every: int = 100,
        divisor: float = 10.0,
        warm_up: int = 0,
    ) -> None:
        self.initial = initial
        self.every = every
        self.divisor = divisor
        self.warm_up = warm_up

    def factor(self, iteration: int, max_iter: int, n_plateaus: int) -> float:
        return float(self.divisor) ** -(iteration // self.every)

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.every, "every", low=1, kind=Integral)
        check_number(self.divisor, "divisor", above=1)


ScheduleLike: TypeAlias = float | BaseSchedule


def resolve_schedule(learning_rate: ScheduleLike) -> BaseSchedule:
    """Turn a number or an object into a schedule.

    Parameters
    ----------
    learning_rate : float or BaseSchedule

    Returns
    -------
    BaseSchedule

    Raises
    ------
    ValueError
        If it is neither a positive, finite number nor a schedule, or a setting is out of range.
    TypeError
        If a setting of the schedule has the wrong type.

    Examples
    --------
    >>> resolve_schedule(0.1)
    ConstantRate(initial=0.1)
    """
    refuse_class(learning_rate, "learning_rate")
    if isinstance(learning_rate, BaseSchedule):
        learning_rate.check_settings()
        return learning_rate
    is_number = isinstance(learning_rate, Real) and not isinstance(learning_rate, bool)
    if not is_number or not 0 < learning_rate < np.inf:
        raise ValueError(
            f"learning_rate={learning_rate!r} must be a positive, finite number such as 0.01, or "
            "a schedule such as CosineDecay(0.01); scikit-learn's 'adaptive' is ReduceOnPlateau(), "
            "and 'invscaling' is InverseScaling()"
        )
    # A plain float, which does not turn float32 arithmetic into float64.
    return ConstantRate(float(learning_rate))
