"""`train`: from initial parameters to a `TrainingResult`, also of an interrupted run."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from skinit._support import Array
from skinit.core import Problem
from skinit.engine import one_blas_thread
from skinit.training.compiled import compiled_engine
from skinit.training.evaluation import are_constant, evaluate
from skinit.training.reference import reference_engine
from skinit.training.run import Observer, RunState, TrainingResult, TrainingRun

__all__ = ["ENGINES", "Engine", "train"]

Engine = Callable[[Problem, TrainingRun], None]

# If the first engine diverges, the second continues from the last good state. It checks every
# iteration, and so finds the last parameters whose loss is finite.
ENGINES: list[Engine] = [compiled_engine, reference_engine]


def train(
    problem: Problem,
    initial: RunState,
    *,
    rng: np.random.RandomState | None = None,
    validate: Callable[[Array], float] | None = None,
    observers: Sequence[Observer] = (),
    engines: Sequence[Engine] = ENGINES,
) -> TrainingResult:
    """Train a network, and keep what was learned even if the run is interrupted or diverges.

    Parameters
    ----------
    problem : Problem
    initial : RunState
        Where to begin: parameters, and what earlier runs have left; not changed.
    rng : RandomState or None
        For the order of the samples, where there are minibatches, and for dropout.
    validate : callable or None
        ``validate(parameters)`` scores the validation samples, the higher the better; with it, the
        parameters of the best score are kept.
    observers : sequence of Observer
    engines : sequence of callables
        ``engine(problem, run)`` computes the iterations; if one diverges, the next one is tried.

    Returns
    -------
    TrainingResult
    """
    if initial.solver_state is None:
        solver_state = problem.plan.solver.initial_state(initial.parameters)
        initial = initial._replace(solver_state=solver_state)
    run = TrainingRun(problem, initial, rng=rng, validate=validate, observers=observers)
    with (
        np.errstate(over="ignore", invalid="ignore"),  # reported below, as a message
        # How BLAS shares a product among threads decides how it is rounded. Weights must not depend
        # on the number of cores, except where only BLAS can use several cores, see
        # `skinit.engine.shares_products`.
        one_blas_thread(),
    ):
        for engine in engines:
            final_loss, raw = run_engine(engine, run)
            if run.interrupted or not run.diverged:
                break
        parameters = run.state.stopping.best_parameters
        if parameters is None:
            parameters = run.state.parameters
        else:
            final_loss, raw = evaluate(problem, parameters)
        result = replace(
            run.snapshot(),
            parameters=parameters,
            final_loss=final_loss,
            constant_predictions=are_constant(raw),
        )
        return replace(result, initial_loss=initial_loss(run, result))


def run_engine(engine: Engine, run: TrainingRun) -> tuple[float, Array]:
    """Run an engine to its end, and evaluate the last parameters whose loss is finite."""
    run.diverged = False
    run.return_to(run.state)
    try:
        engine(run.problem, run)
        loss, raw = evaluate(run.problem, run.state.parameters)
    except KeyboardInterrupt:
        run.interrupted = True
        loss, raw = evaluate(run.problem, run.state.parameters)
    if not np.isfinite(loss):
        run.diverged = True
        run.return_to(run.previous)
        loss, raw = evaluate(run.problem, run.state.parameters)
    if not (np.isfinite(loss) or run.interrupted):
        # The engine before this one found all losses finite up to here, as it rounds otherwise.
        run.return_to(run.initial)
        loss, raw = evaluate(run.problem, run.state.parameters)
    run.rewind_rng()
    return loss, raw


def initial_loss(run: TrainingRun, result: TrainingResult) -> float:
    """Return the loss before the first step, or with minibatches the mean over the first epoch.

    Where all predictions are the same in the end, the loss may have grown within the first epoch;
    then the loss before it is computed.
    """
    if result.n_iter == 0:
        return result.final_loss
    if run.problem.plan.batch_size is None or not result.constant_predictions:
        return result.losses[0]
    loss, _ = evaluate(run.problem, run.initial.parameters)
    return loss
