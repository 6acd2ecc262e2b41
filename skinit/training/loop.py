"""The training loop: it takes blocks of iterations from an engine, and decides what to keep."""

import sys
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skinit.core import layer_views, mean_loss, penalty
from skinit.engine import (
    blas_matmul,
    blas_threads,
    one_blas_thread,
    shares_products,
    spare_threads,
    tiled_forward,
)
from skinit.training.compiled import Block, Progress, specification_blocks, tape_blocks
from skinit.training.early_stopping import Standing, Watchdog

__all__ = [
    "ENGINES",
    "DivergedError",
    "InterruptedFitWarning",
    "TrainingResult",
    "evaluate",
    "print_cost",
    "train",
]

# In the order in which they are tried. The second one finds the very step that diverges.
ENGINES = [tape_blocks, specification_blocks]


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


@dataclass(frozen=True)
class TrainingResult:
    """What training has learnt, however it ended.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The last parameters whose loss is finite.
    losses : ndarray of shape (n_iter,)
        Mean loss before each step; the first is the loss of the start.
    final_loss : float or None
        Mean loss of `parameters`; None while training goes on.
    constant_scores : bool
        Whether the scores of all samples are the same, to rounding.
    interrupted : bool
        Whether the user stopped it (Ctrl-C).
    diverged : bool
        Whether the step after `parameters` led to a loss that is not finite.
    converged : bool
        Whether it ended because there was no more progress.
    stopped : bool
        Whether a watcher ended it.
    validation_scores : ndarray of shape (n_iter,)
        Score of the samples held out after each step; empty without validation, with which
        `parameters` are those of the best score.
    state : object
        What the solver remembers.
    standing : Standing
        Where training stands, for one that goes on.
    """

    parameters: np.ndarray
    losses: np.ndarray
    final_loss: float | None
    constant_scores: bool
    interrupted: bool
    diverged: bool
    converged: bool
    stopped: bool
    validation_scores: np.ndarray
    state: object
    standing: Standing

    @property
    def n_iter(self):
        """Number of steps taken."""
        return len(self.losses)


def train(
    network,
    parameters,
    data,
    plan,
    *,
    n_before=0,
    state=None,
    rng=None,
    standing=None,
    watchers=(),
    validate=None,
):
    """Train a network, and keep what was learnt also when it is interrupted or diverges.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Where to start; left as it is.
    data : TrainingData
    plan : Plan
    n_before : int
        How many iterations earlier runs have done.
    state : object
        What the solver remembers from them; None where there were none.
    rng : RandomState or None
        For the order of the samples, where there are minibatches, and for dropout.
    standing : Standing or None
        Where an unfinished run stood that this one goes on from.
    watchers : sequence of callables
        ``watch(block, run)`` is called with every `Block` and the `Run`, and may answer that it is
        time to stop, with True.
    validate : callable or None
        ``validate(parameters)`` scores samples held out, the higher the better; with it, the
        parameters of the best score are kept.

    Returns
    -------
    TrainingResult
    """
    progress = Progress(rng, standing or Standing())
    if state is None:
        state = plan.solver.initial_state(parameters)
    run = Run(Block(n_before, np.empty(0), parameters, state), plan, progress, watchers, validate)
    progress.take = run.take
    with (
        np.errstate(over="ignore", invalid="ignore"),  # told below, in words
        # How BLAS shares a product among threads decides how it is rounded: the weights must not
        # depend on the number of cores, but where nothing else can be shared than large products,
        # see `skinit.engine.shares_products`.
        one_blas_thread(),
    ):
        for engine in ENGINES:
            run.begin()
            try:
                for block in engine(network, run.reached, data, plan, progress):
                    if not run.take(block):
                        break
                final_loss, scores = evaluate(network, run.reached.parameters, data, plan)
            except KeyboardInterrupt:
                run.interrupted = True
                run.take_back_draws()
                final_loss, scores = evaluate(network, run.reached.parameters, data, plan)

            # A step to parameters whose loss is not finite is found one block later: until then
            # the parameters before it are kept.
            if not np.isfinite(final_loss):
                run.diverged, run.reached = True, run.before
                final_loss, scores = evaluate(network, run.reached.parameters, data, plan)
            if run.interrupted or not run.diverged:
                break
        kept = run.reached.parameters
        if progress.standing.best_parameters is not None:
            kept = progress.standing.best_parameters
            final_loss, scores = evaluate(network, kept, data, plan)
        constant_scores = constant_over_samples(scores)
    return run.result(kept, final_loss, constant_scores)


class Run:
    """How far a training run has come.

    Parameters
    ----------
    start : Block
        What it goes on from.
    plan, watchers, validate
        As in `train`.
    progress : Progress

    Attributes
    ----------
    reached, before : Block
        The last block that is usable, and the one before it.
    losses : list of ndarray
        Of all blocks so far, and maybe of one that is not usable in the end.
    """

    def __init__(self, start, plan, progress, watchers, validate):
        self.plan, self.progress, self.watchers = plan, progress, watchers
        criterion = plan.tol is not None and plan.solver.takes_steps
        self.watchdog = None
        if criterion or validate:
            self.watchdog = Watchdog(plan, validate, progress.standing)
        self.start = self.reached = self.before = start
        self.losses, self.watched = [np.empty(0)], start.end
        self.interrupted = self.diverged = self.stopped = False
        self.dice = progress.rng and progress.rng.get_state()

    def begin(self):
        """Get ready for an engine to go on from what is reached."""
        self.losses = [self.losses_so_far()]
        self.before, self.diverged = self.reached, False
        self.take_back_draws()

    def take_back_draws(self):
        """Forget what an iteration has drawn that was not reached: the next one draws it again."""
        if self.progress.rng is not None:
            self.progress.rng.set_state(self.dice)

    def take(self, block):
        """Take a block, and tell whether to go on."""
        self.diverged = not block.is_finite()
        if self.diverged:
            return False
        # First of all, so that an iteration whose score was not to be had is not reached.
        is_plateau = self.watchdog is not None and self.watchdog.reaches_plateau(block)
        self.losses.append(block.losses)
        self.before, self.reached = self.reached, block
        self.dice = self.progress.rng and self.progress.rng.get_state()
        if is_plateau:
            n_plateaus = self.progress.standing.n_plateaus
            self.progress.converged = self.plan.schedule.gives_up(n_plateaus)
        if block.iteration >= self.watched:
            self.watched = block.end
            answers = [watch(block, self) for watch in self.watchers]
            self.stopped = any(answers)
        return not (self.progress.converged or self.stopped)

    def losses_so_far(self):
        """Return the mean loss before each step that has led to what is reached."""
        return np.concatenate(self.losses)[: self.reached.end - self.start.end]

    def scores_so_far(self):
        """Return the score after each of these steps, an empty array without validation."""
        scores = self.watchdog.scores if self.watchdog else []
        return np.array(scores[: self.reached.end - self.start.end])

    def result(self, parameters=None, final_loss=None, constant_scores=False):
        """Return what has been learnt; while training goes on, that is what is reached."""
        return TrainingResult(
            parameters=self.reached.parameters if parameters is None else parameters,
            losses=self.losses_so_far(),
            final_loss=final_loss,
            constant_scores=constant_scores,
            interrupted=self.interrupted,
            diverged=self.diverged,
            converged=self.progress.converged,
            stopped=self.stopped,
            validation_scores=self.scores_so_far(),
            state=self.reached.state,
            standing=self.progress.standing,
        )


def evaluate(network, parameters, data, plan):
    """Compute the mean loss, the penalty included, and the scores of all samples."""
    layers, finish = layer_views(network, parameters), np.ascontiguousarray
    if shares_products(network, data, plan):
        # The threads of BLAS are still awake, and would be in the way of others.
        with blas_threads():
            scores = tiled_forward(network, layers, data.X, finish, matmul=blas_matmul)
    else:
        scores = tiled_forward(network, layers, data.X, finish, spare_threads())
    penalized = plan.alpha * penalty(network, parameters) / data.total_weight
    return float(mean_loss(network, scores, data) + penalized), scores


def constant_over_samples(scores):
    """Tell whether all rows are the same, up to what rounding does in a few layers."""
    spread, size = np.ptp(scores, axis=-2), np.abs(scores).max(axis=-2)
    return bool(np.all(spread <= 100 * np.finfo(scores.dtype).eps * size))


def print_cost(max_iter, file=None):
    """Make a watcher that prints the cost as the tutorials do, on some fifteen lines.

    With validation, the score of samples held out stands beside it.

    Parameters
    ----------
    max_iter : int
        Number of iterations of the whole run.
    file : file object or None
        Where to print; None is standard output.

    Returns
    -------
    callable
        For the parameter `watchers` of `train`.

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

    def watch(block, run=None):
        scores = [] if run is None else run.scores_so_far()
        score = f", validation score: {scores[-1]:.4f}" if len(scores) else ""
        for iteration, loss in enumerate(block.losses.tolist(), start=block.iteration):
            if iteration % every == 0 or iteration == max_iter - 1:
                print(f"Cost after iteration {iteration}: {loss}{score}", file=file or sys.stdout)

    return watch


def round_step(n, most=15):
    """Find the smallest of 1, 2, 5, 10, 20, 50, ... that divides n into at most `most` parts."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if n <= most * digit * power:
                return digit * power
        power *= 10
