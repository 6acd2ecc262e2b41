"""What runs the iterations: two engines that do the same, the specification and the tape.

An engine yields blocks of iterations. One more, for solvers that cannot be left between two
iterations, hands its blocks over.
"""

from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skinit.core import draw_masks, limit_norms, loss_and_gradient
from skinit.engine import TrainingJob, compile_run, spare_threads
from skinit.solvers import BaseSolver, StateCell, clipped
from skinit.training.early_stopping import Standing

__all__ = ["Block", "GradientTape", "Progress", "specification_blocks", "tape_blocks"]


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


@dataclass
class Progress:
    """What changes while a run goes on, besides what its blocks tell.

    Parameters
    ----------
    rng : RandomState or None
        For the order of the samples and for dropout; None where nothing is drawn.
    standing : Standing
    converged : bool
        Whether there is no more progress to be made.
    take : callable or None
        Takes a block and tells whether to go on, for a solver that cannot be left between blocks.
    """

    rng: object = None
    standing: Standing = field(default_factory=Standing)
    converged: bool = False
    take: object = None


def specification_blocks(network, start, data, plan, progress):
    """Train by `skinit.core.network` and ``solver.step``, a block for each iteration.

    Parameters
    ----------
    network : Network
    start : Block
        What to go on from; left as it is. The first start has no iterations.
    data : TrainingData
    plan : Plan
    progress : Progress

    Yields
    ------
    Block

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> from skinit.core import Network, TrainingData
    >>> from skinit.core import Plan
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
    if not solver.takes_steps:
        minimize(
            partial(loss_and_gradient, network, data=data, alpha=plan.alpha), start, plan, progress
        )
        return
    for iteration in range(start.end, plan.end):
        [rate] = plan.rates([iteration], progress.standing.n_plateaus)
        summed = 0.0
        for batch in batches(data, plan, progress.rng):
            n_samples, masks = len(batch.targets), None
            if network.drops_out:
                masks = draw_masks(network, n_samples, progress.rng, parameters.dtype)
            loss, gradient = loss_and_gradient(network, parameters, batch, plan.alpha, masks)
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
    """Train as `specification_blocks` does, by `skinit.engine`: the same to rounding, but fast."""
    if plan.batch_size is not None and issparse(data.X):  # which is not compiled
        yield from specification_blocks(network, start, data, plan, progress)
        return
    if not plan.solver.takes_steps:
        with closing(GradientTape(network, start.parameters, data, plan)) as tape:
            minimize(tape.loss_and_gradient, start, plan, progress)
        return
    # A solver may change its state in place, and a start may be needed again.
    parameters, cell = start.parameters.copy(), StateCell(deepcopy(start.state))
    job = TrainingJob(network, parameters, data, plan, cell, progress.rng)
    tape = compile_run(job, spare_threads())
    draw_order = partial(plan.order, len(data.targets), progress.rng)
    with closing(tape):
        for first in range(start.end, plan.end, tape.block_length):
            block = range(first, min(first + tape.block_length, plan.end))
            rates = plan.rates(block, progress.standing.n_plateaus)
            losses = tape.advance(rates, draw_order)
            reached = parameters, cell.value
            if block.stop < plan.end:  # the tape goes on to change them in place
                reached = parameters.copy(), deepcopy(cell.value)
            yield Block(first, losses, *reached)


class GradientTape:
    """A tape that takes no steps: it computes loss and gradient of whatever parameters."""

    def __init__(self, network, parameters, data, plan):
        plan = replace(plan, solver=Recorder(), watched=True)
        self.parameters, self.gradient = parameters.copy(), np.zeros_like(parameters)
        job = TrainingJob(network, self.parameters, data, plan, StateCell(self.gradient))
        self.tape = compile_run(job, spare_threads())

    def loss_and_gradient(self, parameters):
        """Do as `skinit.core.loss_and_gradient`; the gradient's array is used again."""
        self.parameters[:] = parameters
        [loss] = self.tape.advance([0.0])
        return loss, self.gradient

    def close(self):
        """Let the threads go."""
        self.tape.close()


class Recorder(BaseSolver):
    """Remembers the gradient, and leaves the parameters as they are."""

    def compiled_calls(self, parameters, gradient, learning_rate, cell):
        return [partial(np.copyto, cell.value, gradient)]


def minimize(loss_and_gradient, start, plan, progress):
    """Let a solver that takes no single steps run, and hand over a block for each iteration."""
    iteration = start.end

    def visit(loss, parameters):
        nonlocal iteration
        iteration += 1
        return progress.take(Block(iteration - 1, np.array([loss]), parameters))

    has_ended = plan.solver.minimize(
        loss_and_gradient, start.parameters, plan.end - start.end, plan.tol, visit
    )
    progress.converged = progress.converged or has_ended
