"""A training run: its state and its observers.

An engine computes blocks of iterations, hands each one to `TrainingRun.accept`, and goes on while
`TrainingRun.should_continue`. The run keeps one `RunState`, which holds all that is needed to
return to an earlier point or to continue from there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skinit._support import Array
from skinit.core import Problem
from skinit.training.block import Block
from skinit.training.early_stopping import EarlyStopping, EarlyStoppingState

__all__ = ["Observer", "RunState", "TrainingResult", "TrainingRun"]


class RunState(NamedTuple):
    """The state of a run between two iterations.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
    solver_state : object
        State of the solver; None for the initial state of the solver.
    n_iter : int
        Number of iterations done, those of earlier runs included.
    stopping : EarlyStoppingState
    rng_state : tuple or None
        State of the random number generator before the next iteration.
    """

    parameters: Array
    solver_state: object = None
    n_iter: int = 0
    stopping: EarlyStoppingState = EarlyStoppingState()
    rng_state: tuple | None = None


@dataclass(frozen=True)
class TrainingResult:
    """What a run has learned, however it ended; or what it has learned so far.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The last parameters whose loss is finite; at the end of a run with validation, those of the
        best score.
    losses : ndarray of shape (n_iter,)
        Mean loss before each step.
    validation_scores : ndarray of shape (n_iter,)
        Score of the validation samples after each step; empty without validation.
    state : RunState
        State of the run. initial_loss, final_loss : float or None Mean loss of the parameters
        before the first step, and of `parameters`; None until the run ends.
    constant_predictions : bool
        Whether the raw predictions of all samples are the same, to rounding.
    interrupted : bool
        Whether the user stopped the run (Ctrl-C).
    diverged : bool
        Whether the step after `parameters` led to a loss that is not finite.
    converged : bool
        Whether the run ended because it no longer improved.
    stopped : bool
        Whether an observer ended it.
    """

    parameters: Array
    losses: Array
    validation_scores: Array
    state: RunState
    initial_loss: float | None = None
    final_loss: float | None = None
    constant_predictions: bool = False
    interrupted: bool = False
    diverged: bool = False
    converged: bool = False
    stopped: bool = False

    @property
    def n_iter(self) -> int:
        """Number of steps taken in this run."""
        return len(self.losses)


class Observer:
    """Base class of objects that watch a run in progress: printing, callbacks.

    An observer says beforehand which iterations it wants to see, so that the engine can compute
    all iterations in between at once.
    """

    def next_iteration(self, n_iter: int) -> float:
        """Return the next number of iterations, above `n_iter`, at which a block must end.

        The default is infinity: blocks may end anywhere.
        """
        return math.inf

    def observe(self, run: "TrainingRun", block: Block) -> bool:
        """Look at a block that the run has recorded, and return whether to end the run."""
        raise NotImplementedError


class TrainingRun:
    """One training run.

    Parameters
    ----------
    problem : Problem
    initial : RunState
        Where it begins; left as it is.
    rng : RandomState or None
        For the order of the samples in minibatches, and for dropout.
    validate : callable or None
        ``validate(parameters)`` scores the validation samples, the higher the better.
    observers : sequence of Observer

    Attributes
    ----------
    state, previous : RunState
        After the last block, and before it. Only the next block shows that a step has led to an
        infinite loss; then the run returns to `previous`.
    """

    def __init__(
        self,
        problem: Problem,
        initial: RunState,
        *,
        rng: np.random.RandomState | None = None,
        validate: Callable[[Array], float] | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.problem, self.observers = problem, observers
        draws = problem.plan.batch_size is not None or problem.network.drops_out
        self.rng = rng if draws else None  # its state need not be kept where nothing is drawn
        self.early_stopping = None
        if validate or (problem.plan.tol is not None and problem.plan.solver.takes_steps):
            self.early_stopping = EarlyStopping(problem.plan, validate)
        self.initial = self.state = self.previous = initial._replace(rng_state=self._rng_state())
        self.losses: list[Array] = []  # of each block
        self.scores: list[float] = []  # of each iteration, with validation
        self.n_observed = initial.n_iter
        self.stop_at = math.inf  # the number of iterations at which an observer wants to end
        self.interrupted = self.diverged = self.converged = False

    @property
    def stopped(self) -> bool:
        """Whether an observer has ended the run."""
        return self.state.n_iter >= self.stop_at

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended for another reason than its number of iterations."""
        return self.diverged or self.converged or self.stopped

    @property
    def should_continue(self) -> bool:
        """Whether there are more iterations to do."""
        return not self.has_ended and self.state.n_iter < self.problem.plan.end

    def next_iterations(self, at_most: int) -> range:
        """Return the iterations of the next block: no more than the observers allow."""
        first = self.state.n_iter
        ends = [observer.next_iteration(first) for observer in self.observers]
        return range(first, int(min(first + at_most, self.problem.plan.end, *ends)))

    def learning_rates(self, iterations: Sequence[int]) -> list[float]:
        """Return the learning rate of each iteration."""
        return self.problem.plan.rates(iterations, self.state.stopping.n_plateaus)

    def accept(self, block: Block) -> None:
        """Record a block of iterations that begins at the present state.

        A block with a loss or parameters that are not finite is not recorded: the run has diverged.
        """
        self.diverged = not block.is_finite()
        if self.diverged:
            return
        stopping = self.state.stopping
        if self.early_stopping is not None:
            # If the user interrupts the scoring, the run stays where it was before this block.
            stopping, score = self.early_stopping.update(stopping, block)
            self.scores += [] if score is None else [score]
        self.losses.append(block.losses)
        reached = RunState(
            block.parameters, block.solver_state, block.end, stopping, self._rng_state()
        )
        self.previous, self.state = self.state, reached
        if stopping.n_plateaus > self.previous.stopping.n_plateaus:
            self.converged = self.problem.plan.schedule.gives_up(stopping.n_plateaus)
        if block.iteration >= self.n_observed:  # observers see no iteration twice
            self.n_observed = block.end
            stop_requests = [observer.observe(self, block) for observer in self.observers]
            if any(stop_requests):
                self.stop_at = block.end

    def return_to(self, state: RunState) -> None:
        """Go back to a state that this run has been in: drop what came after it."""
        self.state = self.previous = state
        self.losses, self.scores = [self.loss_curve()], list(self.validation_scores())
        self.converged = False
        self.rewind_rng()

    def rewind_rng(self) -> None:
        """Discard the random draws of an unfinished iteration."""
        if self.rng is not None:
            self.rng.set_state(self.state.rng_state)

    def _rng_state(self) -> tuple | None:
        return None if self.rng is None else self.rng.get_state()

    def loss_curve(self) -> Array:
        """Return the mean loss before each step, of shape (n_iter,)."""
        losses = np.concatenate([np.empty(0), *self.losses])
        return losses[: self.state.n_iter - self.initial.n_iter]

    def validation_scores(self) -> Array:
        """Return the score after each step; an empty array without validation."""
        return np.array(self.scores[: self.state.n_iter - self.initial.n_iter])

    def snapshot(self) -> TrainingResult:
        """Return what has been learned so far."""
        return TrainingResult(
            parameters=self.state.parameters,
            losses=self.loss_curve(),
            validation_scores=self.validation_scores(),
            state=self.state,
            interrupted=self.interrupted,
            diverged=self.diverged,
            converged=self.converged,
            stopped=self.stopped,
        )
