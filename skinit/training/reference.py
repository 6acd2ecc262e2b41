"""The reference engine: the formulas of `skinit.core` and ``solver.step``, one by one."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from sklearn.utils import gen_batches

from skinit.core import (
    Plan,
    Problem,
    TrainingData,
    draw_masks,
    limit_norms,
    loss_and_gradient,
)
from skinit.solvers import clipped
from skinit.training.block import Block
from skinit.training.minimizer import run_minimizer
from skinit.training.run import TrainingRun

__all__ = ["reference_engine"]


def reference_engine(problem: Problem, run: TrainingRun) -> None:
    """Train; each iteration is one block.

    Parameters
    ----------
    problem : Problem
    run : TrainingRun
        It has the initial state, records each block, and decides whether to continue.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.core import Network, Plan
    >>> from skinit.losses import LOSSES
    >>> from skinit.schedules import ConstantRate
    >>> from skinit.solvers import GradientDescent
    >>> from skinit.training import RunState
    >>> network = Network((1, 1), (), LOSSES["squared_error"])
    >>> data = TrainingData(np.array([[1.0], [-1.0]]), np.array([[3.0], [-3.0]]))
    >>> problem = Problem(network, data, Plan(GradientDescent(), ConstantRate(0.5), max_iter=3))
    >>> run = TrainingRun(problem, RunState(np.zeros(2)))
    >>> reference_engine(problem, run)
    >>> run.loss_curve(), run.state.parameters
    (array([4.5    , 1.125  , 0.28125]), array([2.625, 0.   ]))
    """
    network, data, plan = problem.network, problem.data, problem.plan
    solver = plan.solver
    if not solver.takes_steps:
        run_minimizer(partial(loss_and_gradient, network, data=data, alpha=plan.alpha), run)
        return
    parameters, state = run.state.parameters, run.state.solver_state
    while run.should_continue:
        iteration = run.state.n_iter
        [rate] = run.learning_rates([iteration])
        summed = 0.0
        for batch in batches(data, plan, run.rng):
            masks = None
            if network.drops_out:
                masks = draw_masks(network, len(batch.targets), run.rng, parameters.dtype)
            loss, gradient = loss_and_gradient(network, parameters, batch, plan.alpha, masks)
            if solver.clip_norm is not None:
                gradient = clipped(gradient, solver.clip_norm)
            parameters, state = solver.step(parameters, gradient, rate, state)
            if solver.max_norm is not None:
                parameters = parameters.copy()
                limit_norms(network, parameters, solver.max_norm)
            summed += loss * batch.total_weight
        losses = np.atleast_1d(summed / data.total_weight)
        run.accept(Block(iteration, losses, parameters, state))


def batches(
    data: TrainingData, plan: Plan, rng: np.random.RandomState | None
) -> Iterable[TrainingData]:
    """Cut an epoch into batches; the last one may be smaller."""
    n_samples = len(data.targets)
    order = plan.order(n_samples, rng)
    if order is None:
        return [data]
    return (data.rows(order[batch]) for batch in gen_batches(n_samples, plan.batch_size))
