"""Which learning rate: the same start trained for a few iterations with each of many rates.

The range test of Smith raises the rate during one run. Here each rate has a run of its own: small
networks can afford it, and what a rate does is not mixed up with what those before it have done.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from numbers import Integral
from textwrap import fill

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skinit._support import WIDTH, check_number, data_frame, format_loss, text_table
from skinit.estimators import Request, last_step, takes_steps
from skinit.training import evaluate, train

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
        Whether the predictions end up the same for all samples: all that such a rate has learnt is
        their mean.
    initial_loss : float
        The loss before training, the same for all rates.
    """

    rates: np.ndarray
    losses: np.ndarray
    constant: np.ndarray
    initial_loss: float

    @property
    def n_iter(self):
        """Number of iterations of each run."""
        return self.losses.shape[1] - 1

    @property
    def settled_from(self):
        """The first of the last 15 iterations, or of the second half of a run that is short."""
        return max((self.n_iter + 1) // 2, self.n_iter - 15)

    @property
    def settled_losses(self):
        """The highest loss from iteration `settled_from` on, of shape (n_rates,).

        A rate whose loss jumps up and down should not win because its last jump was a lucky one.
        """
        return self.losses[:, self.settled_from :].max(axis=1)

    @property
    def diverged(self):
        """Whether the loss stopped being finite or ends in the thousands of that of the start."""
        blown_up = self.settled_losses > 1000 * abs(self.initial_loss)
        return blown_up | ~np.isfinite(self.losses).all(axis=1)

    @property
    def lowest(self):
        """The rate that settles lowest; nan where none of those that learn ends below the start."""
        settled = np.where(self.constant, np.inf, self.settled_losses)
        best = int(np.argmin(settled))
        return float(self.rates[best]) if settled[best] < self.initial_loss else np.nan

    @property
    def suggestion(self):
        """A third of `lowest`, which is often the last rate that goes well."""
        return self.lowest / SAFETY

    @property
    def why(self):
        """What speaks for the suggestion, and what to do where not much does."""
        start = format_loss(self.initial_loss, 3)
        if np.isnan(self.suggestion):
            return (
                f"within {self.n_iter} iterations, no rate learns to tell samples apart and brings "
                f"the loss below {start}, that of the start; look at the init, scale X (and y of a "
                "regressor), or search with a larger n_iter or a lower low"
            )
        [settled] = self.settled_losses[self.rates == self.lowest]
        reason = (
            f"a third of {self.lowest:.2g}, with which the loss is at most "
            f"{format_loss(settled, 3)} in iterations {self.settled_from} to {self.n_iter}, and "
            f"{start} at the start"
        )
        if settled > LITTLE * self.initial_loss:
            return f"{reason}; that is little to go by: search again with a larger n_iter"
        if self.lowest == self.rates[-1]:
            return f"{reason}; no higher rate was tried: search again with a higher high"
        if self.lowest == self.rates[0]:
            return f"{reason}; no lower rate was tried: search again with a lower low"
        return reason

    def to_dict(self):
        """Return the figures as columns, one entry for each rate."""
        return {
            "rate": self.rates.tolist(),
            "final_loss": self.losses[:, -1].tolist(),
            "settled_loss": self.settled_losses.tolist(),
            "diverged": self.diverged.tolist(),
            "constant": self.constant.tolist(),
        }

    def to_frame(self):
        """Return the figures as a pandas DataFrame, one row for each rate (extra ``pandas``)."""
        return data_frame(self.to_dict())

    def __repr__(self):
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


# A loss above this part of that of the start has not fallen by much.
LITTLE = 0.8

# From the rate that settles lowest to the one that is suggested. Another seed, other folds of the
# data or more iterations may not bear the first one; a third of it does nearly as well.
SAFETY = 3


def find_learning_rate(
    estimator, X, y, sample_weight=None, *, low=1e-5, high=10.0, n_rates=25, n_iter=30
):
    """Try learning rates, each for a few iterations from the same start, and suggest one.

    The suggestion is a third of the rate whose highest loss in the last 15 iterations is lowest,
    among those that do not end with the same prediction for all samples. That rate itself is often
    the last one before training fails, and with another seed it may. A network that is stuck for
    long before it learns, a narrow or deep one above all, needs a larger `n_iter` for the rates to
    show what they do. A rate at which the loss stops being finite is part of the answer, not an
    error.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, Pipeline or TransformedTargetRegressor
        With all settings but the learning rate; it stays as it is. All rates have the start, the
        order of samples and the dropout that a fit draws from its `random_state`. If its
        `learning_rate` is a schedule, the rates are tried as `initial` of the schedule.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
    low, high : float, default=1e-5, 10
        The lowest and the highest rate.
    n_rates : int, default=25
        How many rates, from each to the next by the same factor.
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
    15 to 30, and ... at the start
    >>> model = model.set_params(learning_rate=search.suggestion)
    """
    check_number(low, "low", above=0)
    check_number(high, "high", above=0)
    if low >= high:
        raise ValueError(f"low={low} must be below high={high}")
    check_number(n_rates, "n_rates", low=2, kind=Integral)
    check_number(n_iter, "n_iter", low=1, kind=Integral)
    model, X, y = last_step(estimator, X, y)
    if not takes_steps(model):
        raise ValueError(
            f"solver={model.solver!r} has no learning rate to find; choose one that takes steps, "
            "such as 'gd', 'sgd' or 'adam'"
        )
    rates = np.geomspace(low, high, n_rates)

    rng = check_random_state(model.random_state)
    prepared = model._prepare(X, y, sample_weight, Request(False, rng))
    network, start, data = prepared.network, prepared.parameters, prepared.data
    plan = replace(prepared.plan, until=int(n_iter), tol=None, early_stopping=False)
    plan = replace(plan, max_iter=max(plan.max_iter, plan.until))  # what schedules look at
    with np.errstate(over="ignore", invalid="ignore"):
        initial_loss, _ = evaluate(network, start, data, plan)
    if not np.isfinite(initial_loss):
        raise ValueError(
            f"the loss of the start is {initial_loss}, and no learning rate mends that; scale X (and "
            f"y of a regressor), or choose an init with smaller weights than {model.init!r}"
        )
    losses, constant = np.full((n_rates, n_iter + 1), np.inf), np.zeros(n_rates, bool)
    for k, rate in enumerate(rates):
        schedule = clone(plan.schedule).set_params(initial=float(rate))
        draws = deepcopy(rng) if plan.batch_size or network.drops_out else None
        result = train(network, start, data, replace(plan, schedule=schedule), rng=draws)
        if result.interrupted:
            raise KeyboardInterrupt
        losses[k, : result.n_iter] = result.losses
        if not result.diverged:
            losses[k, result.n_iter] = result.final_loss
            constant[k] = result.constant_scores
    return LearningRateSearch(rates, losses, constant, initial_loss)
