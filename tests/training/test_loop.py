import io
import re

import numpy as np
import pytest
from drawn_problems import blocks_of, plan_of
from numpy.testing import assert_allclose, assert_array_equal

from skinit.activations import ReLU, Tanh
from skinit.core import Network, Problem, TrainingData, loss_and_gradient
from skinit.engine.workload import BLOCK_LENGTH as LONGEST_BLOCK
from skinit.losses import LOSSES
from skinit.solvers import SOLVERS, GradientDescent
from skinit.training import (
    Block,
    CostPrinter,
    Observer,
    RunState,
    compiled_engine,
    evaluate,
    loop,
    reference_engine,
    train,
)

NETWORK = Network((2, 4, 1), (Tanh(),), LOSSES["squared_error"])
LINEAR = Network((2, 1), (), LOSSES["squared_error"])


# What `train` promises holds for both ways to run; the reference alone is exact.
ENGINES = {
    "compiled": [compiled_engine, reference_engine],
    "reference": [reference_engine],
}


@pytest.fixture(params=ENGINES)
def engines(request):
    return ENGINES[request.param]


class Watch(Observer):
    """Calls a function with each block."""

    def __init__(self, watch):
        self.watch = watch

    def observe(self, run, block):
        return self.watch(block)


def assert_same(actual, expected):
    """Compare what one engine found with what both, or the other one, did."""
    assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def data(rng):
    return TrainingData(rng.normal(size=(20, 2)), rng.normal(size=(20, 1)))


@pytest.fixture
def start(rng):
    return rng.normal(size=NETWORK.n_parameters)


@pytest.fixture
def run(engines):
    """Return a function that trains by the engines under test."""

    def run(network, start, data, max_iter=10, learning_rate=0.1, solver=None, watch=None):
        problem = Problem(network, data, plan_of(max_iter, learning_rate, solver))
        observers = [] if watch is None else [Watch(watch)]
        return train(problem, RunState(start), observers=observers, engines=engines)

    return run


def steps_of(network, start, data, max_iter=10, learning_rate=0.1):
    plan = plan_of(max_iter, learning_rate)
    with np.errstate(over="ignore", invalid="ignore"):
        return blocks_of(reference_engine, network, start, data, plan)


def loss_of(network, parameters, data):
    return loss_and_gradient(network, parameters, data)[0]


def test_the_reference_counts_its_iterations(start, data):
    assert [step.iteration for step in steps_of(NETWORK, start, data)] == list(range(10))


def test_the_reference_begins_with_the_loss_of_the_initial_parameters(start, data):
    assert steps_of(NETWORK, start, data)[0].losses == loss_of(NETWORK, start, data)


def test_each_step_has_the_loss_of_the_parameters_before_it(start, data):
    steps = list(steps_of(NETWORK, start, data))
    before = [loss_of(NETWORK, step.parameters, data) for step in steps[:-1]]
    assert [step.losses for step in steps[1:]] == before


def test_steps_can_be_kept(start, data):
    """What is yielded is not overwritten by the steps that follow."""
    losses = [loss_of(NETWORK, step.parameters, data) for step in steps_of(NETWORK, start, data)]
    kept = list(steps_of(NETWORK, start, data))
    assert [loss_of(NETWORK, step.parameters, data) for step in kept] == losses


@pytest.mark.parametrize("name", SOLVERS)
def test_the_initial_parameters_are_left_as_they_were(run, name, start, data):
    before = start.copy()
    run(NETWORK, start, data, solver=SOLVERS[name])
    assert_array_equal(start, before)


@pytest.mark.parametrize("name", SOLVERS)
def test_training_lowers_the_loss(run, name, start, data):
    result = run(NETWORK, start, data, max_iter=200, solver=SOLVERS[name])
    assert result.final_loss < 0.7 * result.losses[0]


def test_gradient_descent_on_a_quadratic_follows_its_closed_form(run, data):
    """The error of the parameters is multiplied by I - learning_rate * Hessian at every step."""
    X1 = np.hstack([data.X, np.ones((20, 1))])
    optimum = np.linalg.lstsq(X1, data.targets[:, 0], rcond=None)[0]
    shrink = np.eye(3) - 0.1 * X1.T @ X1 / 20
    start = np.array([1.0, -2.0, 3.0])
    expected = optimum + np.linalg.matrix_power(shrink, 50) @ (start - optimum)
    assert_allclose(run(LINEAR, start, data, max_iter=50).parameters, expected, rtol=1e-12)


def test_train_runs_the_steps_to_their_end(run, start, data):
    result, steps = run(NETWORK, start, data), list(steps_of(NETWORK, start, data))
    assert_same(result.parameters, steps[-1].parameters)
    assert_same(result.losses, np.concatenate([step.losses for step in steps]))


def test_the_final_loss_is_that_of_the_parameters(run, start, data):
    result = run(NETWORK, start, data)
    assert result.final_loss == loss_of(NETWORK, result.parameters, data)


def test_a_run_that_ends_by_itself_is_neither_interrupted_nor_diverged(run, start, data):
    result = run(NETWORK, start, data)
    assert (result.n_iter, result.interrupted, result.diverged) == (10, False, False)


def test_training_with_sample_weight_is_training_with_repetition(run, start, data):
    times = np.arange(20) % 3
    weighted = TrainingData(data.X, data.targets, times.astype(float))
    repeated = TrainingData(np.repeat(data.X, times, 0), np.repeat(data.targets, times, 0))
    assert_allclose(
        run(NETWORK, start, weighted).parameters, run(NETWORK, start, repeated).parameters
    )


def test_float32_stays_float32(run, start, data):
    short = TrainingData(data.X.astype(np.float32), data.targets.astype(np.float32))
    result = run(NETWORK, start.astype(np.float32), short)
    assert (result.parameters.dtype, result.losses.dtype) == (np.float32, np.float64)


@pytest.fixture
def diverged(run, data):
    return run(LINEAR, np.ones(3), data, max_iter=1000, learning_rate=1e20)


def test_a_diverging_run_says_so(diverged):
    assert diverged.diverged


def test_a_diverging_run_keeps_parameters_whose_loss_is_finite(diverged, data):
    assert np.isfinite(loss_of(LINEAR, diverged.parameters, data))
    assert diverged.final_loss == loss_of(LINEAR, diverged.parameters, data)


def test_a_diverging_run_stops_at_the_last_finite_loss(diverged, data):
    _, gradient = loss_and_gradient(LINEAR, diverged.parameters, data)
    with np.errstate(over="ignore", invalid="ignore"):
        beyond = loss_of(LINEAR, diverged.parameters - 1e20 * gradient, data)
    assert not np.isfinite(beyond)


def test_a_diverging_run_keeps_the_losses_on_the_way_to_its_parameters(diverged, data):
    steps = list(steps_of(LINEAR, np.ones(3), data, diverged.n_iter, learning_rate=1e20))
    assert_array_equal(diverged.losses, np.concatenate([step.losses for step in steps]))
    assert_array_equal(diverged.parameters, steps[-1].parameters)


class InPlaceMomentum(GradientDescent):
    """Changes its state in place, which the state to go back to must survive."""

    def initial_state(self, parameters):
        return np.zeros_like(parameters)

    def step(self, parameters, gradient, learning_rate, state):
        state *= 0.9
        state -= learning_rate * gradient
        return parameters + state, state


def test_a_diverging_run_of_a_solver_with_a_state_stops_at_the_last_finite_loss(run, data):
    solver = InPlaceMomentum()
    result = run(LINEAR, np.ones(3), data, max_iter=1000, learning_rate=3.0, solver=solver)
    problem = Problem(LINEAR, data, plan_of(1000, 3.0, solver))
    expected = train(problem, RunState(np.ones(3)), engines=[reference_engine])
    assert result.diverged
    assert result.n_iter == expected.n_iter
    assert_allclose(result.losses, expected.losses, rtol=1e-6)


def test_divergence_in_the_very_last_step_is_found_too(run, diverged, data):
    last = run(LINEAR, np.ones(3), data, max_iter=diverged.n_iter + 1, learning_rate=1e20)
    assert last.diverged
    assert_array_equal(last.parameters, diverged.parameters)


@pytest.mark.parametrize("size", [1e200, np.inf, np.nan])
def test_initial_parameters_without_a_finite_loss_are_returned_as_they_are(run, size, data):
    start = np.full(3, size)
    result = run(LINEAR, start, data)
    assert (result.n_iter, result.diverged) == (0, True)
    assert not np.isfinite(result.final_loss)
    assert_array_equal(result.parameters, start)


def interrupt_at(iteration):
    def watch(block):
        if block.iteration <= iteration < block.end:
            raise KeyboardInterrupt

    return watch


class InterruptedSolver(GradientDescent):
    """Is interrupted in the middle of a step."""

    def initial_state(self, parameters):
        return 0

    def step(self, parameters, gradient, learning_rate, state):
        if state == 34:
            raise KeyboardInterrupt
        return parameters - learning_rate * gradient, state + 1


INTERRUPTS = {
    "between steps": {"watch": interrupt_at(33)},
    "in one": {"solver": InterruptedSolver()},
}


@pytest.mark.parametrize("settings", INTERRUPTS.values(), ids=INTERRUPTS)
def test_an_interrupted_run_keeps_what_it_has_learned(run, settings, engines, start, data):
    """The reference loses nothing, and the compiled engine no more than a block."""
    result = run(NETWORK, start, data, 100, **settings)
    assert result.interrupted
    assert 34 - LONGEST_BLOCK < result.n_iter < 34 + LONGEST_BLOCK
    assert len(engines) == 2 or result.n_iter == 34
    expected = run(NETWORK, start, data, result.n_iter)
    assert_same(result.parameters, expected.parameters)
    assert_same(result.losses, expected.losses)
    assert result.final_loss == pytest.approx(expected.final_loss, rel=1e-12)


def test_a_run_interrupted_before_its_first_step_keeps_the_initial_parameters(run, start, data):
    class Interrupted(GradientDescent):
        def step(self, parameters, gradient, learning_rate, state):
            raise KeyboardInterrupt

    result = run(NETWORK, start, data, solver=Interrupted())
    assert (result.n_iter, result.interrupted) == (0, True)
    assert_array_equal(result.parameters, start)


def test_an_interrupt_just_when_it_diverges_keeps_finite_parameters(run, diverged, data):
    watch = interrupt_at(diverged.n_iter)
    result = run(LINEAR, np.ones(3), data, 1000, learning_rate=1e20, watch=watch)
    assert (result.interrupted, result.diverged) == (True, True)
    assert_array_equal(result.parameters, diverged.parameters)


def test_an_error_of_an_observer_is_not_swallowed(run, start, data):
    def watch(block):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run(NETWORK, start, data, watch=watch)


def append_to(seen):
    return seen.append


def test_an_observer_sees_every_step(run, start, data):
    seen = []
    run(NETWORK, start, data, watch=append_to(seen))
    assert sum(block.losses.size for block in seen) == seen[-1].end == 10
    assert [block.iteration for block in seen] == [0, *(block.end for block in seen[:-1])]


def test_an_observer_sees_no_step_twice_when_a_run_diverges(run, data):
    seen = []
    result = run(LINEAR, np.ones(3), data, 1000, learning_rate=3.0, watch=append_to(seen))
    assert result.diverged
    assert [block.iteration for block in seen] == [0, *(block.end for block in seen[:-1])]
    assert seen[-1].end >= result.n_iter > 2 * LONGEST_BLOCK


RELU = Network((2, 3, 2), (ReLU(),), LOSSES["squared_error"])


def two_targets(data):
    return TrainingData(data.X, np.hstack([data.targets, data.targets]))


def test_a_network_with_one_output_for_all_samples_has_constant_predictions(run, data):
    start = np.zeros(RELU.n_parameters)
    assert run(RELU, start, two_targets(data), max_iter=5).constant_predictions


def test_predictions_that_differ_by_rounding_only_are_constant(run, data, rng):
    start = np.append(rng.normal(0, 1e-15, 2), 1.0)
    assert run(LINEAR, start, data, max_iter=1, learning_rate=1e-20).constant_predictions


def test_a_network_that_distinguishes_samples_has_no_constant_predictions(run, data, rng):
    start = rng.normal(size=RELU.n_parameters)
    assert not run(RELU, start, two_targets(data)).constant_predictions


def test_one_live_output_is_enough_not_to_be_constant(run, data):
    start = np.zeros(RELU.n_parameters)
    start[[0, 9]] = 1  # from the first input to the first hidden unit to the first output
    result = run(RELU, start, two_targets(data), max_iter=1, learning_rate=1e-20)
    assert not result.constant_predictions


def printed(max_iter):
    """Return the iterations in the printed lines."""
    file = io.StringIO()
    printer = CostPrinter(max_iter, file)
    for iteration in range(max_iter):
        printer.observe(None, Block(iteration, np.array([0.5]), parameters=None))
    return [
        int(re.fullmatch(r"Cost after iteration (\d+): 0\.5", line)[1])
        for line in file.getvalue().splitlines()
    ]


@pytest.mark.parametrize("low", range(7, 1007, 50))
def test_some_fifteen_lines_are_printed_however_long_the_run(low):
    counts = [len(printed(max_iter)) for max_iter in (*range(low, low + 50), 37 * low)]
    assert 7 <= min(counts) <= max(counts) <= 17


@pytest.mark.parametrize("max_iter", range(1, 7))
def test_a_short_run_prints_every_iteration(max_iter):
    assert printed(max_iter) == list(range(max_iter))


@pytest.mark.parametrize("max_iter", [8, 99, 1234, 15000])
def test_the_first_and_the_last_iteration_are_printed(max_iter):
    lines = printed(max_iter)
    assert (lines[0], lines[-1]) == (0, max_iter - 1)


def test_the_tutorials_run_prints_every_thousandth_iteration():
    assert printed(15000) == [*range(0, 15000, 1000), 14999]


def test_the_cost_is_printed_to_standard_output(capsys):
    CostPrinter(max_iter=1).observe(None, Block(0, np.array([0.25]), parameters=None))
    assert capsys.readouterr().out == "Cost after iteration 0: 0.25\n"


def test_an_interrupt_while_the_final_loss_is_computed_loses_nothing(run, monkeypatch, data):
    calls = []

    def interrupted_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(loop, "evaluate", interrupted_once)
    result = run(LINEAR, np.zeros(3), data, max_iter=5, learning_rate=0.1)
    assert result.interrupted
    assert result.n_iter == 5


def test_parameters_lost_behind_a_silent_unit_are_found(run, data):
    class LosesOne(GradientDescent):
        def step(self, parameters, gradient, learning_rate, state):
            return np.where(np.arange(len(parameters)) == 2, -np.inf, parameters), state

    network = Network((2, 1, 1), (ReLU(),), LINEAR.loss)
    result = run(network, np.ones(5), data, max_iter=3, learning_rate=0.1, solver=LosesOne())
    assert result.diverged
    assert np.isfinite(result.parameters).all()
