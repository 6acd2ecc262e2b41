"""Find a learning rate: train from the same initial weights, briefly, with each of many rates.

Smith's range test raises the rate during a single run. Here each rate has a separate run, which
small networks can afford, so that the effect of a rate does not depend on the rates before it.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from numbers import Integral
from textwrap import fill
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skinit._support import (
    WIDTH,
    Array,
    MatrixLike,
    check_number,
    data_frame,
    format_loss,
    text_table,
)
from skinit.core import Problem
from skinit.estimators import FitOptions, innermost, last_step, prepare, takes_steps
from skinit.training import RunState, evaluate, train

__all__ = ["LearningRateSearch", "find_learning_rate"]


@dataclass(frozen=True, repr=False)
class LearningRateSearch:
    """Outcome of `find_learning_rate`.

    Parameters
    ----------
    rates : ndarray of shape (n_rates,)
        The learning rates, in increasing order.
    losses : ndarray of shape (n_rates, n_iter + 1)
        Mean training loss before each iteration and after the last; infinite once a run has
        diverged. With minibatches, an iteration has the mean of the losses of its batches.
    constant : ndarray of shape (n_rates,)
        Whether the predictions end up the same for all samples; at such a rate, the network learns
        nothing but the mean of the targets.
    initial_loss : float
        The loss before training, the same for all rates.
    """

    rates: Array
    losses: Array
    constant: Array
    initial_loss: float

    @property
    def n_iter(self) -> int:
        """Number of iterations of each run."""
        return self.losses.shape[1] - 1

    @property
    def settled_from(self) -> int:
        """The first of the last 15 iterations; in a run of less than 30, of the second half."""
        return max((self.n_iter + 1) // 2, self.n_iter - 15)

    @property
    def settled_losses(self) -> Array:
        """The highest loss from iteration `settled_from` on, of shape (n_rates,).

        The highest, so that a rate whose loss jumps up and down does not win by a low last value.
        """
        return self.losses[:, self.settled_from :].max(axis=1)

    @property
    def diverged(self) -> Array:
        """Whether the loss stopped being finite, or settles above 1,000 times the initial loss."""
        blown_up = self.settled_losses > 1000 * abs(self.initial_loss)
        return blown_up | ~np.isfinite(self.losses).all(axis=1)

    @property
    def lowest(self) -> float:
        """The rate whose settled loss is lowest; nan where none is below the initial loss."""
        settled = np.where(self.constant, np.inf, self.settled_losses)
        best = int(np.argmin(settled))
        return float(self.rates[best]) if settled[best] < self.initial_loss else np.nan

    @property
    def suggestion(self) -> float:
        """A third of `lowest`, as that is often the last rate before training fails."""
        return self.lowest / SAFETY

    @property
    def why(self) -> str:
        """The reason for the suggestion, and what to do if it is weak or missing."""
        initial = format_loss(self.initial_loss, 3)
        if np.isnan(self.suggestion):
            return (
                f"within {self.n_iter} iterations, no rate both brings the loss below its initial "
                f"value of {initial} and gives predictions that differ between samples; change the "
                "init, scale X (and y of a regressor), or search with a larger n_iter or a lower "
                "low"
            )
        [settled] = self.settled_losses[self.rates == self.lowest]
        reason = (
            f"a third of {self.lowest:.2g}, with which the loss is at most "
            f"{format_loss(settled, 3)} in iterations {self.settled_from} to {self.n_iter}, and "
            f"{initial} before training"
        )
        if settled > LITTLE * self.initial_loss:
            return f"{reason}; the loss falls by little: search again with a larger n_iter"
        if self.lowest == self.rates[-1]:
            return f"{reason}; no higher rate was tried: search again with a higher high"
        if self.lowest == self.rates[0]:
            return f"{reason}; no lower rate was tried: search again with a lower low"
        return reason

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the results as columns, one entry for each rate."""
        return {
            "rate": self.rates.tolist(),
            "final_loss": self.losses[:, -1].tolist(),
            "settled_loss": self.settled_losses.tolist(),
            "diverged": self.diverged.tolist(),
            "constant": self.constant.tolist(),
        }

    def to_frame(self) -> Any:
        """Return the results as a pandas DataFrame, one row for each rate (extra ``pandas``)."""
        return data_frame(self.to_dict())

    def __repr__(self) -> str:
        columns = self.to_dict()
        rows = [
            [
                f"{rate:.2g}",
                format_loss(final, 4),
                format_loss(settled, 4),
                "diverges" * diverged or "constant prediction" * constant,
            ]
            for rate, final, settled, diverged, constant in zip(*columns.values(), strict=True)
        ]
        headings = ["rate", f"loss after {self.n_iter}", f"highest from {self.settled_from} on", ""]
        found = (
            "no suggestion" if np.isnan(self.suggestion) else f"suggestion {self.suggestion:.2g}"
        )
        return f"{text_table(headings, rows)}\n\n{fill(f'{found}: {self.why}', WIDTH)}"


# A loss above this part of the initial loss has fallen by little.
LITTLE = 0.8

# The rate with the lowest settled loss is divided by this. With another seed, other folds of the
# data or more iterations, training at that rate may fail; a third of it does nearly as well.
SAFETY = 3


def find_learning_rate(
    estimator: Any,
    X: MatrixLike,
    y: MatrixLike,
    sample_weight: MatrixLike | None = None,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    n_rates: int = 25,
    n_iter: int = 30,
) -> LearningRateSearch:
    """Try learning rates, each for a few iterations from the same initial weights; suggest one.

    The suggestion is a third of the rate whose highest loss in the last 15 iterations is lowest,
    among those that do not end with the same prediction for all samples. That rate itself is often
    the last one before training fails, and with another seed training at it may fail. Some
    networks, especially narrow or deep ones, take many iterations before their loss falls; they
    need a larger `n_iter` for the rates to differ. A rate at which the loss stops being finite is a
    result, not an error.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, Pipeline or TransformedTargetRegressor
        Has all settings but the learning rate; it is not changed. All rates have the initial
        weights, the order of samples and the dropout that a fit draws from its `random_state`. If
        its `learning_rate` is a schedule, the rates are tried as `initial` of the schedule.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
    low, high : float, default=1e-5, 10
        The lowest and the highest rate.
    n_rates : int, default=25
        How many rates; each is the one before it times the same factor.
    n_iter : int, default=30
        Iterations of each run; with minibatches, epochs.

    Returns
    -------
    LearningRateSearch

    Raises
    ------
    TypeError
        If `estimator` is something else.
    ValueError
        If its solver has no learning rate, or the data or a setting cannot be used.

    See Also
    --------
    LearningRateDisplay : Draws the outcome.

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

    Y. Bengio, "Practical recommendations for gradient-based training of deep architectures", in
    Neural Networks: Tricks of the Trade, Springer 2012, section 3.1.1: from a rate that fails to
    the next one to try by a factor of 3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skinit import InitMLPClassifier, find_learning_rate
    >>> X, y = load_digits(return_X_y=True)
    >>> model = InitMLPClassifier(30, solver="adam", random_state=0)
    >>> search = find_learning_rate(model, X / 16, y, low=1e-3, high=1, n_rates=4)
    >>> search
    rate   loss after 30  highest from 15 on
    ---...
    0.001...
    0.01...
    0.1...
    1...
    <BLANKLINE>
    suggestion 0.033: a third of 0.1, with which the loss is at most ... in iterations
    15 to 30, and ... before training
    >>> model = model.set_params(learning_rate=search.suggestion)
    """
    check_number(low, "low", above=0)
    check_number(high, "high", above=0)
    if low >= high:
        raise ValueError(f"low={low} must be below high={high}")
    check_number(n_rates, "n_rates", low=2, kind=Integral)
    check_number(n_iter, "n_iter", low=1, kind=Integral)
    problem, initial, rng = prepare_search(estimator, X, y, sample_weight, int(n_iter))
    with np.errstate(over="ignore", invalid="ignore"):
        initial_loss, _ = evaluate(problem, initial.parameters)
    if not np.isfinite(initial_loss):
        init = innermost(estimator).init
        raise ValueError(
            f"the initial loss is {initial_loss}, which no learning rate can lower; scale X (and y "
            f"of a regressor), or choose an init with smaller weights than {init!r}"
        )
    rates = np.geomspace(low, high, n_rates)
    losses, constant = np.full((n_rates, n_iter + 1), np.inf), np.zeros(n_rates, bool)
    for k, rate in enumerate(rates):
        schedule = clone(problem.plan.schedule).set_params(initial=float(rate))
        at_this_rate = replace(problem, plan=replace(problem.plan, schedule=schedule))
        result = train(at_this_rate, initial, rng=deepcopy(rng))
        if result.interrupted:
            raise KeyboardInterrupt
        losses[k, : result.n_iter] = result.losses
        if not result.diverged:
            losses[k, result.n_iter] = result.final_loss
            constant[k] = result.constant_predictions
    return LearningRateSearch(rates, losses, constant, initial_loss)


def prepare_search(
    estimator: Any, X: MatrixLike, y: MatrixLike, sample_weight: MatrixLike | None, n_iter: int
) -> tuple[Problem, RunState, np.random.RandomState]:
    """Return the problem of one run, its initial parameters, and a generator."""
    model, X, y = last_step(estimator, X, y)
    if not takes_steps(model):
        raise ValueError(
            f"solver={model.solver!r} has no learning rate to find; choose one that takes steps, "
            "such as 'gd', 'sgd' or 'adam'"
        )
    rng = check_random_state(model.random_state)
    prepared = prepare(model, X, y, sample_weight, FitOptions(rng))
    plan = replace(prepared.plan, until=n_iter, tol=None, early_stopping=False)
    # Schedules look at `max_iter`.
    plan = replace(plan, max_iter=max(plan.max_iter, n_iter))
    return replace(prepared.problem, plan=plan), prepared.initial, rng
