"""The training loop: an engine yields blocks of iterations, and `train` runs them to their end.

There are two engines, the specification and the tape, which does the same faster.
"""

import sys
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches

from skinit.network import layer_views, limit_norms, loss_and_gradient, mean_loss, penalty
from skinit.solvers import clipped
from skinit.stopping import Watchdog
from skinit.threads import one_blas_thread, spare_threads
from skinit.tiles import make_tape, tiled_forward

__all__ = [
    "ENGINES",
    "Block",
    "DivergedError",
    "InterruptedFitWarning",
    "Progress",
    "TrainingResult",
    "print_cost",
    "specification_blocks",
    "tape_blocks",
    "train",
]


class DivergedError(ValueError):
    """The loss is no longer a finite number.

    The estimator keeps the last weights whose loss was finite and can be used with them. A
    search counts the fit as failed and goes on, as its ``error_score`` says.

    Examples
    --------
    >>> from skinit import DivergedError, InitMLPRegressor, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPRegressor(learning_rate=1e6, random_state=0)
    >>> try:
    ...     model.fit(X, y)
    ... except DivergedError:
    ...     print(model.n_iter_ < 100, model.predict(X).shape)
    True (300,)
    """


class InterruptedFitWarning(ConvergenceWarning):
    """The user stopped a fit (Ctrl-C); it kept what it had learnt.

    Examples
    --------
    >>> import warnings
    >>> from skinit import InitMLPClassifier, InterruptedFitWarning, load_circles
    >>> X, y, _, _ = load_circles()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InterruptedFitWarning)  # stop the whole script instead
    ...     model = InitMLPClassifier(max_iter=10).fit(X, y)
    """


@dataclass
class Progress:
    """What changes while a run goes on, besides what its blocks tell.

    Parameters
    ----------
    rng : RandomState or None
        For the order of the samples; None where it is not drawn.
    n_plateaus : int
        How often training has come to a standstill.
    """

    rng: object = None
    n_plateaus: int = 0


@dataclass(frozen=True)
class Block:
    """Some iterations of training, one after the other.

    Parameters
    ----------
    iteration : int
        The first of them, counted from 0.
    losses : ndarray of shape (n_iterations,)
        Mean loss before each step.
    parameters : ndarray of shape (n_parameters,)
        Parameters after the last step.
    state : object
        What the solver remembers after the last step.
    """

    iteration: int
    losses: np.ndarray
    parameters: np.ndarray
    state: object = None

    @property
    def end(self):
        """The iteration that comes next, which is also how many are done."""
        return self.iteration + len(self.losses)

    def is_finite(self):
        """Tell whether all is well so far."""
        # Behind a silent unit, parameters can be lost and the loss not show it.
        return bool(np.isfinite(self.losses).all() and np.isfinite(self.parameters).all())


@dataclass(frozen=True)
class TrainingResult:
    """What training has learnt, however it ended.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The last parameters whose loss is finite.
    losses : ndarray of shape (n_iter,)
        Mean loss before each step; the first is the loss of the start.
    final_loss : float
        Mean loss of `parameters`.
    constant_scores : bool
        Whether the scores of all samples are the same, to rounding.
    interrupted : bool
        Whether the user stopped it (Ctrl-C).
    diverged : bool
        Whether the step after `parameters` led to a loss that is not finite.
    converged : bool
        Whether it ended because there was no more progress.
    validation_scores : ndarray of shape (n_iter,)
        Score of the samples held out after each step; empty without validation, with which
        `parameters` are those of the best score.
    """

    parameters: np.ndarray
    losses: np.ndarray
    final_loss: float
    constant_scores: bool
    interrupted: bool
    diverged: bool
    converged: bool
    validation_scores: np.ndarray

    @property
    def n_iter(self):
        """Number of steps taken."""
        return len(self.losses)


def specification_blocks(network, start, data, plan, progress):
    """Train by `skinit.network` and ``solver.step``, a block for each iteration.

    Parameters
    ----------
    network : Network
    start : Block
        What to go on from; left as it is. The first start has no iterations.
    data : TrainingData
    plan : Plan
        Its `max_iter` counts the iterations before `start` too.
    progress : Progress

    Yields
    ------
    Block

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> from skinit.network import Network, TrainingData
    >>> from skinit.plan import Plan
    >>> from skinit.schedules import ConstantRate
    >>> from skinit.solvers import GradientDescent
    >>> network = Network((1, 1), (), LOSSES["squared_error"])
    >>> data = TrainingData(np.array([[1.0], [-1.0]]), np.array([[3.0], [-3.0]]))
    >>> start = Block(0, losses=np.empty(0), parameters=np.zeros(2))
    >>> plan = Plan(GradientDescent(), ConstantRate(0.5), max_iter=3)
    >>> for block in specification_blocks(network, start, data, plan, Progress()):
    ...     print(block.iteration, block.losses, block.parameters)
    0 [4.5] [1.5 0. ]
    1 [1.125] [2.25 0.  ]
    2 [0.28125] [2.625 0.   ]
    """
    solver, parameters, state = plan.solver, start.parameters, start.state
    for iteration in range(start.end, plan.max_iter):
        [rate] = plan.rates([iteration], progress.n_plateaus)
        summed = 0.0
        for batch in batches(data, plan, progress.rng):
            loss, gradient = loss_and_gradient(network, parameters, batch, plan.alpha)
            if solver.clip_norm is not None:
                gradient = clipped(gradient, solver.clip_norm)
            parameters, state = solver.step(parameters, gradient, rate, state)
            if solver.max_norm is not None:
                parameters = parameters.copy()
                limit_norms(network, parameters, solver.max_norm)
            summed += loss * batch.total_weight
        yield Block(iteration, np.atleast_1d(summed / data.total_weight), parameters, state)


def batches(data, plan, rng):
    """Cut an epoch into batches, the last one with what is left."""
    n_samples = len(data.targets)
    order = plan.order(n_samples, rng)
    if order is None:
        return [data]
    return (data.rows(order[batch]) for batch in gen_batches(n_samples, plan.batch_size))


def tape_blocks(network, start, data, plan, progress):
    """Train as `specification_blocks` does, by `skinit.tape`: the same to rounding, and faster."""
    if plan.batch_size is not None and issparse(data.X):  # which is not compiled
        yield from specification_blocks(network, start, data, plan, progress)
        return
    # A solver may change its state in place, and a start may be needed again.
    parameters, memory = start.parameters.copy(), [deepcopy(start.state)]
    tape = make_tape(network, parameters, data, plan, memory, n_threads=spare_threads())
    with closing(tape):
        for first in range(start.end, plan.max_iter, tape.block_length):
            block = range(first, min(first + tape.block_length, plan.max_iter))
            rates = plan.rates(block, progress.n_plateaus)
            losses = tape.play(rates, plan.order(len(data.targets), progress.rng))
            yield Block(first, losses, parameters.copy(), deepcopy(memory[0]))


# In the order in which they are tried. The second one finds the very step that diverges.
ENGINES = [tape_blocks, specification_blocks]


def train(network, parameters, data, plan, *, rng=None, watch=None, validate=None):
    """Train a network, and keep what was learnt also when it is interrupted or diverges.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Where to start; left as it is.
    data : TrainingData
    plan : Plan
    rng : RandomState or None
        For the order of the samples, where there are minibatches.
    watch : callable or None
        Called with every `Block`.
    validate : callable or None
        ``validate(parameters)`` scores samples held out, the higher the better; with it, the
        parameters of the best score are kept.

    Returns
    -------
    TrainingResult
    """
    progress, converged = Progress(rng), False
    stops = plan.tol is not None or validate is not None
    watchdog = Watchdog(plan, validate) if stops else None
    losses = [np.empty(0)]
    reached = Block(0, np.empty(0), parameters, plan.solver.initial_state(parameters))
    watched, dice = 0, rng and rng.get_state()
    with (
        np.errstate(over="ignore", invalid="ignore"),  # told below, in words
        # How BLAS shares a product among threads decides how it is rounded: the weights must not
        # depend on the number of cores, or on the jobs that run beside this one.
        one_blas_thread(),
    ):
        for engine in ENGINES:
            before, interrupted, diverged = reached, False, False
            if rng is not None:
                rng.set_state(dice)
            try:
                for block in engine(network, reached, data, plan, progress):
                    diverged = not block.is_finite()
                    if diverged:
                        break
                    losses.append(block.losses)
                    before, reached, dice = reached, block, rng and rng.get_state()
                    if watch is not None and block.iteration >= watched:
                        watch(block)
                        watched = block.end
                    if watchdog is not None and watchdog.reaches_plateau(block):
                        progress.n_plateaus += 1
                        converged = plan.schedule.gives_up(progress.n_plateaus)
                        if converged:
                            break
                final_loss, scores = evaluate(network, reached.parameters, data, plan.alpha)
            except KeyboardInterrupt:
                interrupted = True
                final_loss, scores = evaluate(network, reached.parameters, data, plan.alpha)

            # A step to parameters whose loss is not finite is found one block later: until then
            # the parameters before it are kept.
            if not np.isfinite(final_loss):
                diverged, reached = True, before
                final_loss, scores = evaluate(network, reached.parameters, data, plan.alpha)
            losses = [np.concatenate(losses)[: reached.end]]
            if interrupted or not diverged:
                break
        kept = reached.parameters
        if watchdog is not None and watchdog.best_parameters is not None:
            kept = watchdog.best_parameters
            final_loss, scores = evaluate(network, kept, data, plan.alpha)
        constant_scores = constant_over_samples(scores)
    return TrainingResult(
        parameters=kept,
        losses=losses[0],
        final_loss=final_loss,
        constant_scores=constant_scores,
        interrupted=interrupted,
        diverged=diverged,
        converged=converged,
        validation_scores=np.array(watchdog.scores[: reached.end] if watchdog else []),
    )


def evaluate(network, parameters, data, alpha=0.0):
    """Compute the mean loss, the penalty included, and the scores of all samples."""
    layers = layer_views(network, parameters)
    scores = tiled_forward(network, layers, data.X, np.ascontiguousarray, spare_threads())
    loss = (
        mean_loss(network, scores, data) + alpha * penalty(network, parameters) / data.total_weight
    )
    return float(loss), scores


def constant_over_samples(scores):
    """Tell whether all rows are the same, up to what rounding does in a few layers."""
    spread, size = np.ptp(scores, axis=-2), np.abs(scores).max(axis=-2)
    return bool(np.all(spread <= 100 * np.finfo(scores.dtype).eps * size))


def print_cost(max_iter, file=None):
    """Make a watcher that prints the cost as the tutorials do, on some fifteen lines.

    Parameters
    ----------
    max_iter : int
        Number of iterations of the whole run.
    file : file object or None
        Where to print; None is standard output.

    Returns
    -------
    callable
        For the parameter `watch` of `train`.

    Examples
    --------
    >>> watch = print_cost(max_iter=15000)
    >>> for iteration in range(0, 2500, 10):
    ...     watch(Block(iteration, 1 / np.arange(iteration + 1, iteration + 11), parameters=None))
    Cost after iteration 0: 1.0
    Cost after iteration 1000: 0.000999000999000999
    Cost after iteration 2000: 0.0004997501249375312
    """
    every = round_step(max_iter)

    def watch(block):
        for iteration, loss in enumerate(block.losses.tolist(), start=block.iteration):
            if iteration % every == 0 or iteration == max_iter - 1:
                print(f"Cost after iteration {iteration}: {loss}", file=file or sys.stdout)

    return watch


def round_step(n, most=15):
    """Find the smallest of 1, 2, 5, 10, 20, 50, ... that divides n into at most `most` parts."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if n <= most * digit * power:
                return digit * power
        power *= 10
