"""Tiles agree with the reference engine, to the same digit with any number of threads."""

import threading
import weakref
from contextlib import closing, nullcontext

import drawn_problems
import numpy as np
import pytest
from drawn_problems import SETTLED_LOSSES, network_of, plan_of, trained
from numpy.testing import assert_allclose, assert_array_equal
from own_losses import OWN_LOSSES
from scipy.sparse import csr_array

from skinit.activations import ACTIVATIONS, Activation, Logistic, ReLU, Tanh
from skinit.core import Network, TrainingData, forward, layer_views
from skinit.engine import TrainingJob, blas_threads, compile_run, tiled_forward, workload
from skinit.engine import tiled as tiles
from skinit.engine.arrays import call_all
from skinit.engine.full_batch import FullBatchRun
from skinit.engine.tiled import TiledRun, split_rows
from skinit.engine.workload import MIN_TILE_ROWS
from skinit.losses import LOSSES, Loss
from skinit.solvers import StateCell
from skinit.training import reference_engine

LEARNING_RATE = 0.02


@pytest.fixture(autouse=True, params=[0, 2**23], ids=["not copied", "copied"])
def small_tiles(monkeypatch, request):
    monkeypatch.setattr(workload, "MIN_TILE_ROWS", 32)
    monkeypatch.setattr(workload, "TILE_BYTES", 1)
    monkeypatch.setattr(workload, "COPIED_BYTES", request.param)


def problem(network, dtype=np.float64, n_samples=301, weighted=False):
    """Draw 301 samples, which do not divide into tiles evenly."""
    return drawn_problems.problem(network, dtype, n_samples, weighted)


def tiled_run(network, initial, data, n_threads=1, **settings):
    plan = plan_of(1, LEARNING_RATE, **settings)
    cell = StateCell(plan.solver.initial_state(initial))
    return TiledRun(TrainingJob(network, initial.copy(), data, plan, cell), n_threads)


def train_in_tiles(network, initial, data, n_threads=1, n_iter=30, **settings):
    compiled = tiled_run(network, initial, data, n_threads, **settings)
    with closing(compiled):
        losses = np.concatenate([compiled.advance([LEARNING_RATE]) for _ in range(n_iter)])
    return compiled.parameters, losses


def train_by_reference(network, initial, data, n_iter=30, **settings):
    plan = plan_of(n_iter, LEARNING_RATE, **settings)
    return trained(reference_engine, network, initial, data, plan)


def assert_agree(network, initial, data, rtol=1e-12, n_threads=1, **settings):
    parameters, losses = train_in_tiles(network, initial, data, n_threads, **settings)
    expected, expected_losses = train_by_reference(network, initial, data, **settings)
    assert_allclose(parameters, expected, rtol=0, atol=rtol * np.abs(expected).max())
    assert_allclose(losses, expected_losses, rtol=rtol)
    assert parameters.dtype == expected.dtype


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_tiles_and_reference_engine_agree(activation, loss, weighted):
    network = network_of(loss, *[ACTIVATIONS[activation]] * 2)
    assert_agree(network, *problem(network, weighted=weighted))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_penalty_is_that_of_the_reference_engine(weighted):
    network = network_of("squared_error", Tanh(), ReLU())
    assert_agree(network, *problem(network, weighted=weighted), n_threads=2, alpha=30.0)


@pytest.mark.parametrize("activations", [(), (ReLU(),), (ReLU(), Tanh()), (Logistic(), ReLU())])
@pytest.mark.parametrize("n_samples", [17, 64, 65, 128, 200])
def test_any_number_of_rows_is_supported(n_samples, activations):
    network = network_of("binary_cross_entropy", *activations)
    assert_agree(network, *problem(network, n_samples=n_samples), n_threads=2)


@pytest.mark.parametrize("loss", OWN_LOSSES, ids=lambda loss: type(loss).__name__)
def test_custom_losses_are_minimized_and_reported(loss):
    network = Network((4, 6, 3), (ReLU(),), loss)
    assert_agree(network, *problem(network))


def test_targets_may_be_shares_of_several_classes():
    network = network_of("multinomial_cross_entropy", ReLU())
    initial, data = problem(network)
    soft = 0.9 * data.targets + 0.1 / 3
    assert_agree(network, initial, TrainingData(data.X, soft))


def test_targets_may_be_of_another_dtype():
    network = network_of("multinomial_cross_entropy", ReLU())
    initial, data = problem(network, np.float32)
    expected, _ = train_in_tiles(network, initial, data)
    for dtype in (int, float):
        other = TrainingData(data.X, data.targets.astype(dtype))
        assert_array_equal(train_in_tiles(network, initial, other)[0], expected)


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
def test_float32_stays_float32(loss):
    network = network_of(loss, ReLU())
    assert_agree(network, *problem(network, np.float32), rtol=2e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_input_is_the_same_as_dense(dtype, weighted):
    network = network_of("multinomial_cross_entropy", ReLU())
    initial, data = problem(network, dtype, weighted=weighted)
    X = data.X * (np.abs(data.X) > 1)
    other = data.targets, data.sample_weight
    dense, losses = train_in_tiles(network, initial, TrainingData(X, *other))
    sparse, sparse_losses = train_in_tiles(
        network, initial, TrainingData(csr_array(X), *other), n_threads=2
    )
    rtol = 1e3 * np.finfo(dtype).eps
    assert_allclose(sparse, dense, rtol=0, atol=rtol)
    assert_allclose(sparse_losses, losses, rtol=rtol)
    assert sparse.dtype == dtype


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_does_not_change_a_digit(dtype, loss):
    network = network_of(loss, ReLU(), Tanh())
    initial, data = problem(network, dtype, n_samples=1000, weighted=True)
    expected, expected_losses = train_in_tiles(network, initial, data, n_threads=1)
    for n_threads in (2, 3, 8, 50):
        parameters, losses = train_in_tiles(network, initial, data, n_threads)
        assert_array_equal(parameters, expected)
        assert_array_equal(losses, expected_losses)


def test_a_thread_takes_over_lanes_of_slower_ones():
    network = network_of("multinomial_cross_entropy", Tanh())
    initial, data = problem(network)
    expected, _ = train_in_tiles(network, initial, data, n_iter=1)
    compiled = tiled_run(network, initial, data, n_threads=2)
    with closing(compiled):
        assert len(compiled.layouts) == 2
        lanes = set(range(len(compiled.gradients)))
        compiled.work(1, lanes, np.geterr())  # all of them, as no other thread is there
        compiled.rates[:] = LEARNING_RATE
        call_all(compiled.step_calls)
    assert not lanes
    assert_array_equal(compiled.parameters, expected)


@pytest.mark.parametrize("before", [(), (Tanh(),), (ReLU(),)])
def test_the_slope_at_zero_is_that_of_the_reference_engine(before):
    network = network_of("squared_error", *before, ReLU())
    initial, data = problem(network)
    initial[: -7 * network.widths[-1]] = 0
    expected = train_by_reference(network, initial, data, 1)[0]
    assert_allclose(
        train_in_tiles(network, initial, data, n_iter=1)[0], expected, rtol=1e-13, atol=1e-15
    )


def test_initial_parameters_and_data_are_not_changed():
    network = network_of("binary_cross_entropy", ReLU(), Logistic())
    initial, data = problem(network, weighted=True)
    arrays = [initial, data.X, data.targets, data.sample_weight]
    copies = [array.copy() for array in arrays]
    train_in_tiles(network, initial, data, n_iter=3)
    for array, copy in zip(arrays, copies, strict=True):
        assert_array_equal(array, copy)


def test_all_tiles_have_the_same_number_of_rows_and_hold_every_sample_once():
    network = network_of("squared_error")
    _, data = problem(network, weighted=True)
    parts = split_rows(data, 40)
    assert len({part.X.shape for part in parts}) == 1
    kept = [part.sample_weight > 0 for part in parts]
    for name in ("X", "targets", "sample_weight"):
        pieces = [getattr(part, name)[rows] for part, rows in zip(parts, kept, strict=True)]
        assert_array_equal(np.concatenate(pieces), getattr(data, name))


def test_rows_that_fill_up_a_tile_do_no_harm():
    """A row of zeros would do harm: the slope of the cube root is infinite at 0."""
    cube_root = Activation(np.cbrt, lambda z: 1 / (3 * np.cbrt(z) ** 2))
    network = network_of("squared_error", cube_root)
    initial, data = problem(network)
    initial[24:30] = 0  # the biases of the hidden layer
    parameters, _ = train_in_tiles(network, initial, data, n_iter=1)
    assert np.isfinite(parameters).all()


def test_terms_that_cancel_do_so_exactly():
    network = network_of("binary_cross_entropy", ReLU(), ReLU())
    initial, data = problem(network, n_samples=300)
    balanced = TrainingData(data.X, np.arange(300).reshape(-1, 1) % 2.0)
    parameters, _ = train_in_tiles(network, np.zeros_like(initial), balanced, n_iter=10)
    assert_array_equal(parameters, 0)


def test_tiles_are_views_of_the_data():
    network = network_of("squared_error")
    _, data = problem(network, n_samples=80)
    assert all(np.shares_memory(part.X, data.X) for part in split_rows(data, 40))


@pytest.mark.parametrize("what", ["fit", "predict"])
def test_threads_ignore_the_floating_point_errors_that_their_caller_ignores(what):
    network = network_of("squared_error", ReLU())
    initial, data = problem(network, n_samples=1000)
    with np.errstate(over="ignore", invalid="ignore"):  # any warning would be an error
        if what == "fit":
            _, losses = train_in_tiles(network, 1e200 * initial, data, n_threads=2, n_iter=2)
            assert not np.isfinite(losses).all()
        else:
            layers = layer_views(network, 1e200 * initial)
            raw = tiled_forward(network, layers, data.X, np.asarray, n_threads=2)
            assert not np.isfinite(raw).all()


def seen_threads(network, monkeypatch, n_threads):
    """Return how many threads compute ReLUs; each waits for a second one."""
    seen, second = set(), threading.Event()

    class Seen(ReLU):
        def value(self, z):
            seen.add(threading.get_ident())
            if len(seen) > 1:
                second.set()
            second.wait(0.05)
            return super().value(z)

    monkeypatch.setattr(tiles, "is_builtin", lambda network: True)
    watched = Network(network.widths, (Seen(),), network.loss)
    initial, data = problem(watched, n_samples=500)
    train_in_tiles(watched, initial, data, n_threads, n_iter=1)
    return len(seen)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_as_many_threads_work_as_requested(n_threads, monkeypatch):
    assert seen_threads(network_of("squared_error", ReLU()), monkeypatch, n_threads) == n_threads


def test_custom_activations_are_called_by_one_thread_only():
    """They may have buffers that two threads must not share."""
    seen = set()

    def value(z):
        seen.add(threading.get_ident())
        return np.sin(z)

    network = network_of("squared_error", Activation(value, np.cos))
    initial, data = problem(network, n_samples=500)
    train_in_tiles(network, initial, data, n_threads=2, n_iter=5)
    tiled_forward(network, layer_views(network, initial), data.X, np.asarray, n_threads=2)
    assert seen == {threading.get_ident()}


def test_a_custom_loss_is_called_by_one_thread_only():
    seen = set()

    def per_sample(raw, targets):
        seen.add(threading.get_ident())
        return np.square(raw - targets).sum(axis=-1)

    def gradient(raw, targets):
        seen.add(threading.get_ident())
        return 2 * (raw - targets)

    network = Network((4, 6, 2), (ReLU(),), Loss(per_sample, gradient))
    train_in_tiles(network, *problem(network, n_samples=500), n_threads=2, n_iter=5)
    assert seen == {threading.get_ident()}


def test_an_error_in_a_thread_reaches_the_caller():
    def fails(z):
        raise RuntimeError("mine")

    network = network_of("squared_error", Activation(fails, fails))
    with pytest.raises(RuntimeError, match="mine"):
        train_in_tiles(network, *problem(network), n_threads=2)


@pytest.mark.parametrize("kind", [FullBatchRun, TiledRun])
def test_a_run_is_freed_without_the_garbage_collector(kind):
    network = network_of("binary_cross_entropy", ReLU(), ACTIVATIONS["gelu"])
    initial, data = problem(network)
    threads = {"n_threads": 2} if kind is TiledRun else {}
    compiled = kind(TrainingJob(network, initial, data, plan_of(1), StateCell()), **threads)
    compiled.advance([LEARNING_RATE])
    compiled.close()
    gone = weakref.ref(compiled)
    del compiled
    assert gone() is None


def test_no_thread_is_left_behind():
    network = network_of("squared_error", ReLU())
    before = threading.active_count()
    train_in_tiles(network, *problem(network), n_threads=3)
    assert threading.active_count() == before


def test_zeros_of_a_sparse_matrix_do_not_count_as_work():
    network = Network((20_000, 100, 1), (ReLU(),), LOSSES["squared_error"])
    data = TrainingData(csr_array((1000, 20_000)), np.zeros((1000, 1)))
    initial = np.zeros(network.n_parameters)
    job = TrainingJob(network, initial, data, plan_of(1), StateCell())
    assert type(compile_run(job)) is FullBatchRun


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_raw_predictions_in_tiles_are_those_of_all_samples_at_once(sparse, n_threads, monkeypatch):
    monkeypatch.setattr(workload, "TILE_BYTES", 1)
    network = network_of("multinomial_cross_entropy", ReLU(), Tanh())
    initial, data = problem(network)
    layers, X = layer_views(network, initial), csr_array(data.X) if sparse else data.X
    whole = forward(network, layers, X)[0][-1]
    assert_allclose(tiled_forward(network, layers, X, np.asarray, n_threads), whole, rtol=1e-12)
    proba = tiled_forward(network, layers, X, network.loss.link, n_threads)
    assert_allclose(proba, network.loss.link(whole), rtol=1e-12)
    assert proba.flags.c_contiguous


@pytest.mark.parametrize(
    ("n_samples", "widths", "expected", "threads"),
    [
        (300, (2, 10, 5, 1), FullBatchRun, nullcontext),
        (30_000, (2, 10, 5, 1), FullBatchRun, nullcontext),
        (20_000, (50, 128, 64, 10), TiledRun, None),
        (1_100, (784, 256, 128, 10), TiledRun, None),
        (1_000, (784, 256, 128, 10), FullBatchRun, blas_threads),
        (20, (10_000, 500, 1), FullBatchRun, blas_threads),
        (150, (3_000, 2_000, 1), FullBatchRun, blas_threads),
    ],
)
def test_threads_are_used_for_much_work_only(n_samples, widths, expected, threads, monkeypatch):
    monkeypatch.setattr(workload, "MIN_TILE_ROWS", MIN_TILE_ROWS)
    network = Network(widths, (ReLU(),) * (len(widths) - 2), LOSSES["squared_error"])
    data = TrainingData(np.zeros((n_samples, widths[0])), np.zeros((n_samples, widths[-1])))
    parameters = np.zeros(network.n_parameters)
    compiled = compile_run(TrainingJob(network, parameters, data, plan_of(1), StateCell()))
    compiled.close()
    assert type(compiled) is expected
    assert getattr(compiled, "threads", None) is threads
