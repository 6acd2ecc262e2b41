"""The compiled engine: the same iterations as the reference, run by `skinit.engine`."""

from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skinit._support import Array
from skinit.core import Problem
from skinit.engine import TrainingJob, compile_run, spare_threads
from skinit.solvers import BaseSolver, StateCell
from skinit.training.block import Block
from skinit.training.minimizer import run_minimizer
from skinit.training.reference import reference_engine
from skinit.training.run import TrainingRun

__all__ = ["CompiledGradient", "compiled_engine"]


def compiled_engine(problem: Problem, run: TrainingRun) -> None:
    """Train as `reference_engine` does, to rounding, and faster.

    Parameters
    ----------
    problem : Problem
    run : TrainingRun
        It has the initial state, records each block, and decides whether to continue.
    """
    network, data, plan = problem.network, problem.data, problem.plan
    if plan.batch_size is not None and issparse(data.X):  # sparse minibatches are not compiled
        return reference_engine(problem, run)
    if not plan.solver.takes_steps:
        with closing(CompiledGradient(problem, run.state.parameters)) as objective:
            return run_minimizer(objective.loss_and_gradient, run)
    # The iterations change both in place, and the run may have to return to its initial state.
    parameters, cell = run.state.parameters.copy(), StateCell(deepcopy(run.state.solver_state))
    job = TrainingJob(network, parameters, data, plan, cell, run.rng)
    compiled = compile_run(job, spare_threads())
    draw_order = partial(plan.order, len(data.targets), run.rng)
    with closing(compiled):
        while run.should_continue:
            iterations = run.next_iterations(compiled.block_length)
            losses = compiled.advance(run.learning_rates(iterations), draw_order)
            reached = parameters, cell.value
            if iterations.stop < plan.end:  # later iterations change them in place
                reached = parameters.copy(), deepcopy(cell.value)
            run.accept(Block(iterations.start, losses, *reached))
    return None


class CompiledGradient:
    """The compiled loss and gradient at any parameters, without steps.

    Parameters
    ----------
    problem : Problem
    parameters : ndarray of shape (n_parameters,)
        Only their dtype matters.
    """

    def __init__(self, problem: Problem, parameters: Array) -> None:
        plan = replace(problem.plan, solver=KeepsGradient(), one_iteration_per_block=True)
        self.parameters, self.gradient = parameters.copy(), np.zeros_like(parameters)
        job = TrainingJob(
            problem.network, self.parameters, problem.data, plan, StateCell(self.gradient)
        )
        self.compiled = compile_run(job, spare_threads())

    def loss_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        """Compute `skinit.core.loss_and_gradient`; the next call overwrites the gradient."""
        self.parameters[:] = parameters
        [loss] = self.compiled.advance([0.0])
        return loss, self.gradient

    def close(self) -> None:
        """Shut down the threads."""
        self.compiled.close()


class KeepsGradient(BaseSolver):
    """A solver whose state is the gradient, and which leaves the parameters as they are."""

    def compiled_calls(
        self, parameters: Array, gradient: Array, learning_rate: Array, cell: StateCell
    ) -> list[Callable[[], Any]]:
        return [partial(np.copyto, cell.value, gradient)]
