"""Steps on minibatches: the compiled engine agrees with the reference engine for all solvers."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_problems import (
    SETTLED_LOSSES,
    assert_engines_agree,
    blocks_of,
    network_of,
    plan_of,
    problem,
    trained,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info, threadpool_limits

from skinit import InitMLPRegressor
from skinit.activations import Activation, ReLU, Tanh
from skinit.core import Problem, TrainingData
from skinit.engine import TrainingJob, compile_run, one_blas_thread, spare_threads, workload
from skinit.engine.minibatch import MinibatchRun
from skinit.schedules import CosineDecay
from skinit.solvers import SGD, SOLVERS, Adam, BaseSolver, StateCell
from skinit.training import RunState, TrainingRun, compiled_engine

EPOCHS = 30
SOLVERS_OF_BATCHES = {name: solver for name, solver in SOLVERS.items() if solver.takes_minibatches}


WAYS = {
    "without constant column": ["COPIED_BYTES"],
    "with constant column": [],
    "with threads of BLAS": ["MINIBATCH_THREADED_FLOPS"],
}


@pytest.fixture(autouse=True, params=WAYS)
def way(monkeypatch, request):
    for name in WAYS[request.param]:
        monkeypatch.setattr(workload, name, 0)


def run(engine, network, initial, data, max_iter=EPOCHS, batch_size=16, **settings):
    """Train on minibatches; with 40 samples, the last one has 8."""
    plan = plan_of(max_iter, batch_size=batch_size, **settings)
    return trained(engine, network, initial, data, plan)


def assert_agree(network, initial, data, rtol=1e-11, batch_size=16, **settings):
    plan = plan_of(EPOCHS, batch_size=batch_size, **settings)
    assert_engines_agree(network, initial, data, plan, rtol)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("solver", SOLVERS_OF_BATCHES)
def test_compiled_and_reference_engine_agree(solver, loss, weighted):
    network = network_of(loss, ReLU(), Tanh())
    initial, data = problem(network, weighted=weighted)
    assert_agree(network, initial, data, solver=SOLVERS[solver], alpha=0.1 * weighted)


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
def test_in_float32_they_agree_to_its_rounding(loss):
    network = network_of(loss, ReLU())
    initial, data = problem(network, np.float32)
    assert_agree(network, initial, data, rtol=1e-4, solver=SGD(), alpha=0.1)


@pytest.mark.parametrize("batch_size", [1, 7, 20, 39])
def test_any_batch_size_is_supported(batch_size):
    network = network_of("multinomial_cross_entropy", ReLU())
    assert_agree(network, *problem(network), batch_size=batch_size, solver=Adam())


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": SGD(clip_norm=0.1)},
        {"solver": SGD(max_norm=1.0)},
        {"solver": SGD(momentum=0)},
        {"solver": SGD(momentum=0), "learning_rate": CosineDecay(0.1)},
        {"solver": Adam(weight_decay=0.1), "learning_rate": CosineDecay(0.1)},
        {"solver": Adam(clip_norm=0.1, max_norm=1.0), "alpha": 1.0},
        {"solver": SGD(), "shuffle": False},
    ],
    ids=str,
)
def test_compiled_and_reference_engine_agree_with_every_setting(settings):
    network = network_of("binary_cross_entropy", Tanh())
    assert_agree(network, *problem(network), **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": SGD()},
        {"solver": Adam(clip_norm=0.1, max_norm=1.0), "alpha": 1.0},
        {"learning_rate": CosineDecay(0.1), "alpha": 0.3},
    ],
    ids=str,
)
def test_they_agree_without_minibatches_too(settings):
    network = network_of("binary_cross_entropy", Tanh())
    assert_agree(network, *problem(network), batch_size=None, **settings)


def test_sparse_samples_are_trained_on_as_dense_ones():
    network = network_of("binary_cross_entropy", Tanh())
    initial, data = problem(network)
    sparse = TrainingData(csr_array(data.X), data.targets)
    expected, _ = run(compiled_engine, network, initial, data)
    assert_allclose(run(compiled_engine, network, initial, sparse)[0], expected, rtol=1e-10)


def test_each_sample_is_seen_once_in_an_epoch():
    """As long as the parameters do not change, the gradients of an epoch add up to the full one."""

    class Collector(BaseSolver):
        def initial_state(self, parameters):
            return np.zeros_like(parameters)

        def step(self, parameters, gradient, learning_rate, state):
            return parameters, state + gradient

    network = network_of("squared_error", Tanh())
    initial, data = problem(network)

    def collected(batch_size):
        plan = plan_of(1, solver=Collector(), batch_size=batch_size)
        [block] = blocks_of(compiled_engine, network, initial, data, plan)
        return block.solver_state, block.losses

    gradient, losses = collected(None)
    summed, batch_losses = collected(8)
    assert_allclose(summed / 5, gradient, rtol=1e-10, atol=1e-14)
    assert_allclose(batch_losses, losses, rtol=1e-12)


def test_the_order_is_new_in_each_epoch_and_drawn_from_the_generator():
    plan, rng = plan_of(1, batch_size=2), np.random.RandomState(0)
    first, second = plan.order(10, rng), plan.order(10, rng)
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)
    assert_array_equal(first, plan.order(10, np.random.RandomState(0)))


def test_a_run_can_continue_where_another_one_ended():
    network = network_of("squared_error", Tanh())
    initial, data = problem(network)
    plan = plan_of(20, solver=Adam(), batch_size=7)
    whole, _ = trained(compiled_engine, network, initial, data, plan)
    rng, state = np.random.RandomState(0), RunState(initial, plan.solver.initial_state(initial))
    for until in (10, 20):
        run = TrainingRun(Problem(network, data, replace(plan, until=until)), state, rng=rng)
        compiled_engine(run.problem, run)
        state = run.state
    assert_array_equal(state.parameters, whole)


def test_a_batch_size_selects_the_run_for_minibatches():
    network = network_of("squared_error", Tanh())
    initial, data = problem(network)
    plan = plan_of(1, solver=SGD(), batch_size=7)
    cell = StateCell(plan.solver.initial_state(initial))
    run = compile_run(TrainingJob(network, initial, data, plan, cell))
    run.close()
    assert type(run) is MinibatchRun


@pytest.mark.parametrize("flops", [1, 10**12])
def test_products_of_large_batches_use_the_threads_of_blas(flops, monkeypatch):
    monkeypatch.setattr(workload, "MINIBATCH_THREADED_FLOPS", flops)
    seen = []

    class Watched(type(ReLU())):
        def compiled_calls(self, z, delta, new):
            to_value, to_slope = super().compiled_calls(z, delta, new)
            return [lambda: seen.append(most_threads()), *to_value], to_slope

    with threadpool_limits(2, "blas"), one_blas_thread():
        allowed = spare_threads()
        network = network_of("binary_cross_entropy", Watched())
        run(compiled_engine, network, *problem(network), solver=SGD(), max_iter=1)
        assert most_threads() == 1
    assert set(seen) == {allowed if flops == 1 else 1}


def most_threads():
    """Return the larger number of threads of NumPy's and SciPy's BLAS."""
    pools = threadpool_info()
    return max(pool["num_threads"] for pool in pools if pool["user_api"] == "blas")


@pytest.mark.parametrize(
    "value",
    [
        lambda z: np.float64(1.5) * np.tanh(z),
        lambda z: (1.5 * np.tanh(z[::-1].copy()))[::-1],
        lambda z: np.stack([1.5 * np.tanh(z)] * 2, axis=-1)[..., 0],
        lambda z: np.broadcast_to(1.5 * np.tanh(z.mean(axis=-1, keepdims=True)), z.shape),
    ],
    ids=["of float64", "reversed", "part", "broadcast"],
)
def test_an_activation_may_return_an_array_of_any_layout_and_dtype(value):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(100, 5)).astype(np.float32)
    own = Activation(value, lambda z: 1 - np.tanh(z) ** 2)
    model = InitMLPRegressor((8, 4), activation=own, solver="adam", max_iter=2, batch_size=20)
    model.fit(X, X[:, 0])
    assert np.isfinite(model.loss_)
    assert {W.dtype for W in model.coefs_} == {np.dtype(np.float32)}
