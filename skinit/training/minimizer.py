"""Run solvers that cannot take single steps, such as L-BFGS."""

from collections.abc import Callable

import numpy as np

from skinit._support import Array
from skinit.training.block import Block
from skinit.training.run import TrainingRun

__all__ = ["run_minimizer"]


def run_minimizer(
    loss_and_gradient: Callable[[Array], tuple[float, Array]], run: TrainingRun
) -> None:
    """Let the solver minimize the loss, and hand each of its iterations to the run as a block.

    Parameters
    ----------
    loss_and_gradient : callable
        ``loss_and_gradient(parameters)`` returns the mean loss and its gradient.
    run : TrainingRun
    """
    plan, state = run.problem.plan, run.state

    def visit(loss: float, parameters: Array) -> bool:
        run.accept(Block(run.state.n_iter, np.array([loss]), parameters))
        return not run.has_ended  # the solver itself counts the iterations

    has_converged = plan.solver.minimize(
        loss_and_gradient, state.parameters, plan.end - state.n_iter, plan.tol, visit
    )
    run.converged = run.converged or has_converged
