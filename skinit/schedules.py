"""Learning-rate schedules: how large a step is, from iteration to iteration.

A schedule object holds settings only, and `rate` computes from them, the iteration, and how often
training has come to a standstill. Every schedule can be warmed up.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator

from skinit._support import check_number, refuse_class

__all__ = [
    "BaseSchedule",
    "ConstantRate",
    "CosineDecay",
    "InverseScaling",
    "ReduceOnPlateau",
    "StepDecay",
    "resolve_schedule",
]


class BaseSchedule(BaseEstimator):
    """What every schedule answers: ``rate(...)`` and ``gives_up(...)``.

    A schedule has the settings `initial`, its highest learning rate, and `warm_up`, the number of
    iterations in which the rate rises to it in equal steps; the schedule begins behind them. An
    iteration of a solver that takes minibatches is an epoch.

    Attributes
    ----------
    waits_for_plateaus : bool
        Whether it needs to be told when training has come to a standstill.
    """

    waits_for_plateaus = False

    def rate(self, iteration, max_iter, n_plateaus=0):
        """Return the learning rate of an iteration.

        Parameters
        ----------
        iteration : int
            Counted from 0.
        max_iter : int
            How many there will be.
        n_plateaus : int
            How often the loss or the validation score has stopped getting better, as `tol` and
            `n_iter_no_change` of the estimator say.

        Returns
        -------
        float
        """
        if iteration < self.warm_up:
            return self.initial * (iteration + 1) / (self.warm_up + 1)
        rest = max_iter - self.warm_up
        return float(self.initial * self.factor(iteration - self.warm_up, rest, n_plateaus))

    def factor(self, iteration, max_iter, n_plateaus):
        """Return the part of `initial` that is left, with iterations counted after the warm-up."""
        raise NotImplementedError

    def gives_up(self, n_plateaus):
        """Tell whether training should end at a plateau, the last one of `n_plateaus`."""
        return True

    @property
    def is_constant(self):
        """Whether all iterations have the same rate."""
        return False

    def check_settings(self):
        """Raise a `ValueError` or a `TypeError` that names the setting that is wrong."""
        check_number(self.initial, "initial", above=0)
        check_number(self.warm_up, "warm_up", low=0, kind=Integral)


class ConstantRate(BaseSchedule):
    """The same learning rate throughout, as a plain number is, with a warm-up if wanted.

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

    def __init__(self, initial=0.01, *, warm_up=0):
        self.initial = initial
        self.warm_up = warm_up

    def factor(self, iteration, max_iter, n_plateaus):
        return 1.0

    @property
    def is_constant(self):
        return self.warm_up == 0


class InverseScaling(BaseSchedule):
    r"""A rate that falls with a power of the iteration.

    .. math:: \eta_k = \eta_0 / (k + 1)^p

    Parameters
    ----------
    initial : float, default=0.01
    power : float, default=0.5
        p. Above 0.5 and up to 1, stochastic approximation converges.
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

    def __init__(self, initial=0.01, *, power=0.5, warm_up=0):
        self.initial = initial
        self.power = power
        self.warm_up = warm_up

    def factor(self, iteration, max_iter, n_plateaus):
        return (iteration + 1.0) ** -self.power

    def check_settings(self):
        super().check_settings()
        check_number(self.power, "power", low=0)


class ReduceOnPlateau(BaseSchedule):
    r"""A rate that is divided whenever training no longer gets better.

    When that is, `tol` and `n_iter_no_change` of the estimator say. Training ends at the plateau of
    a rate of `minimum` or below.

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

    def __init__(self, initial=0.01, *, divisor=5.0, minimum=1e-6, warm_up=0):
        self.initial = initial
        self.divisor = divisor
        self.minimum = minimum
        self.warm_up = warm_up

    def factor(self, iteration, max_iter, n_plateaus):
        return float(self.divisor) ** -n_plateaus

    def gives_up(self, n_plateaus):
        return self.initial * self.factor(0, 0, n_plateaus - 1) <= self.minimum

    def check_settings(self):
        super().check_settings()
        check_number(self.divisor, "divisor", above=1)
        check_number(self.minimum, "minimum", low=0)


class CosineDecay(BaseSchedule):
    r"""A rate that falls along half a cosine, slowly at both ends, to almost nothing.

    .. math::
        \eta_k = \eta_0 \left( r + (1 - r) \, \tfrac{1}{2} (1 + \cos(\pi k / n)) \right)

    for iteration k of n.

    Parameters
    ----------
    initial : float, default=0.01
    final_ratio : float, default=0.0
        r, what is left of the initial rate behind the last iteration.
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

    def __init__(self, initial=0.01, *, final_ratio=0.0, warm_up=0):
        self.initial = initial
        self.final_ratio = final_ratio
        self.warm_up = warm_up

    def factor(self, iteration, max_iter, n_plateaus):
        done = min(iteration / max(max_iter, 1), 1.0)  # a fit that goes on may go beyond
        return self.final_ratio + (1 - self.final_ratio) * 0.5 * (1 + np.cos(np.pi * done))

    def check_settings(self):
        super().check_settings()
        check_number(self.final_ratio, "final_ratio", low=0, high=1)


class StepDecay(BaseSchedule):
    r"""A rate that is divided every so many iterations.

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

    def __init__(self, initial=0.01, *, every=100, divisor=10.0, warm_up=0):
        self.initial = initial
        self.every = every
        self.divisor = divisor
        self.warm_up = warm_up

    def factor(self, iteration, max_iter, n_plateaus):
        return float(self.divisor) ** -(iteration // self.every)

    def check_settings(self):
        super().check_settings()
        check_number(self.every, "every", low=1, kind=Integral)
        check_number(self.divisor, "divisor", above=1)


def resolve_schedule(learning_rate):
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
        If a setting of the schedule is of a wrong type.

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
