"""The compiled engine agrees with the reference engine for all ingredients, custom ones too."""

from itertools import product as every_combination

import numpy as np
import pytest
from drawn_problems import SETTLED_LOSSES, blocks_of, network_of, plan_of, problem, trained
from numpy.testing import assert_allclose, assert_array_equal
from own_losses import OWN_LOSSES, DoubledError
from scipy.sparse import csr_array

from skinit.activations import (
    ACTIVATIONS,
    Activation,
    BaseActivation,
    LeakyReLU,
    Logistic,
    ReLU,
    Tanh,
)
from skinit.core import Network, TrainingData
from skinit.engine.arrays import DenseLayout
from skinit.engine.compile import fused_step_factor
from skinit.engine.full_batch import FullBatchRun
from skinit.engine.ingredients import fast_path
from skinit.engine.run import TrainingJob
from skinit.engine.workload import BLOCK_LENGTH
from skinit.losses import LOSSES, BaseLoss
from skinit.schedules import CosineDecay
from skinit.solvers import SOLVERS, BaseSolver, GradientDescent, StateCell
from skinit.training import compiled_engine, reference_engine

ITERATIONS = 1000

# If the gradient jumps at 0, rounding errors can change its sign, and from there on runs differ.
ITERATIONS_WITH_JUMPS = 100


def kind(thing):
    """Name a test after a class, as the repr of an object may contain its address."""
    return type(thing).__name__


def run(engine, network, parameters, data, max_iter=ITERATIONS, **settings):
    """Return the last parameters and the losses of all iterations."""
    return trained(engine, network, parameters, data, plan_of(max_iter, **settings))


def assert_agree(network, initial, data, rtol=1e-12, **settings):
    parameters, losses = run(compiled_engine, network, initial, data, **settings)
    expected, expected_losses = run(reference_engine, network, initial, data, **settings)
    # Relative to the largest parameter: one close to zero has a large relative rounding error.
    assert_allclose(parameters, expected, rtol=0, atol=rtol * np.abs(expected).max())
    assert_allclose(losses, expected_losses, rtol=rtol, atol=rtol * expected_losses[0])
    assert parameters.dtype == expected.dtype


@pytest.mark.no_cover  # Counting the lines of long loops makes them half as long again.
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_compiled_and_reference_engine_agree(activation, loss, depth):
    """To 1e-12 in float64, after a thousand iterations; ``depth`` counts layers of weights."""
    network = network_of(loss, *[ACTIVATIONS[activation]] * (depth - 1))
    initial, data = problem(network, weighted=depth % 2 == 0)
    assert_agree(network, initial, data, max_iter=iterations_of(loss))


def iterations_of(loss):
    return ITERATIONS_WITH_JUMPS if loss == "absolute_error" else ITERATIONS


@pytest.mark.no_cover
@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_in_float32_the_compiled_engine_is_as_accurate_as_the_reference_engine(activation, loss):
    """Accuracy is the distance from the same run in float64."""
    network = network_of(loss, *[ACTIVATIONS[activation]] * 2)
    initial, data = problem(network, np.float32, n_samples=300)
    precise = TrainingData(data.X.astype(float), data.targets.astype(float))
    max_iter = iterations_of(loss) // 3
    truth, _ = run(reference_engine, network, initial.astype(float), precise, max_iter)
    compiled, _ = run(compiled_engine, network, initial, data, max_iter)
    reference, _ = run(reference_engine, network, initial, data, max_iter)
    rounding = max_iter * np.finfo(np.float32).eps * np.abs(truth).max()
    assert np.abs(compiled - truth).max() <= 2 * np.abs(reference - truth).max() + rounding
    assert compiled.dtype == np.float32


def test_float32_sums_over_many_samples_keep_their_digits():
    """BLAS sums in parts, and adding each part to the weights directly would round too coarsely."""
    network = network_of("multinomial_cross_entropy", ReLU())
    initial, data = problem(network, np.float32, n_samples=20_000)
    precise = TrainingData(data.X.astype(float), data.targets.astype(float))
    truth, _ = run(compiled_engine, network, initial.astype(float), precise, max_iter=100)
    compiled, _ = run(compiled_engine, network, initial, data, max_iter=100)
    assert_allclose(compiled, truth, rtol=0, atol=3e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("solver", ["gd", "sgd", "adam"])
def test_the_penalty_is_part_of_each_step(solver, depth, weighted):
    """The biases, which lie between the weights in memory, are not penalized."""
    network = network_of("multinomial_cross_entropy", *[Tanh()] * (depth - 1))
    initial, data = problem(network, weighted=weighted)
    assert_agree(network, initial, data, max_iter=200, solver=SOLVERS[solver], alpha=3.0)


@pytest.mark.parametrize(
    ("settings", "dtype", "is_fused"),
    [
        ({}, np.float64, True),
        ({"alpha": 3.0}, np.float64, True),
        ({}, np.float32, True),
        ({"alpha": 3.0}, np.float32, False),
        ({"solver": GradientDescent(max_norm=1.0)}, np.float64, False),
        ({"solver": SOLVERS["adam"]}, np.float64, False),
        ({"learning_rate": CosineDecay(0.1)}, np.float64, False),
    ],
)
def test_gradient_and_step_are_fused_where_nothing_is_between_them(settings, dtype, is_fused):
    plan = plan_of(max_iter=1, **settings)
    factor = fused_step_factor(plan, np.dtype(dtype), n_samples=40, total_weight=40.0)
    assert (factor is not None) == is_fused


def test_in_float32_a_weak_penalty_is_not_lost():
    """Both the penalty and the rest of the step are smaller than the last digit of the weight."""
    network = Network((1, 1), (), LOSSES["squared_error"])
    initial = np.array([1.0, 0.0], np.float32)
    data = TrainingData(np.ones((1, 1), np.float32), np.full((1, 1), 0.5, np.float32))
    digit = np.finfo(np.float32).epsneg
    settings = {"learning_rate": 0.8 * digit, "alpha": 0.5, "max_iter": 1}
    for engine in (compiled_engine, reference_engine):
        [weight, _], _ = run(engine, network, initial, data, **settings)
        assert weight == 1 - digit


@pytest.mark.parametrize("sparse", [False, True])
def test_layers_may_have_different_activations(sparse):
    """Signals that one activation negates must not reach another one with the wrong sign."""
    for activations in every_combination(
        [ReLU(), Tanh(), Logistic(), ACTIVATIONS["gelu"]], repeat=3
    ):
        network = network_of("squared_error", *activations)
        initial, data = problem(network)
        X = csr_array(data.X * (data.X > 0)) if sparse else data.X
        assert_agree(network, initial, TrainingData(X, data.targets), max_iter=50)


@pytest.mark.parametrize("negative_slope", [-0.5, -0.0, 0.0, 0.01, 1.0, 1.5])
def test_any_negative_slope_is_supported(negative_slope):
    network = network_of("squared_error", LeakyReLU(negative_slope), LeakyReLU(negative_slope))
    assert_agree(network, *problem(network), max_iter=200, learning_rate=0.005)


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("before", [(), (Tanh(),), (Logistic(),), (ReLU(),)])
@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(0.1)])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_slope_at_zero_is_that_of_the_reference_engine(activation, before, loss, sparse):
    """All pre-activations are 0, and -0.0 has the sign bit of a negative number."""
    network = network_of(loss, *before, activation)
    initial, data = problem(network)
    last = 7 * network.widths[-1]
    initial[:-last] = 0
    X = csr_array(data.X) if sparse else data.X
    assert_agree(network, initial, TrainingData(X, data.targets), max_iter=1)


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
def test_zeros_stay_at_their_saddle_point(loss):
    network = network_of(loss, ReLU(), ReLU())
    initial, data = problem(network, n_samples=300)
    parameters, _ = run(compiled_engine, network, np.zeros_like(initial), data, max_iter=100)
    assert_array_equal(parameters[: -network.widths[-1]], 0)


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_input_is_the_same_as_dense(dtype, weighted, loss):
    network = network_of(loss, Tanh())
    initial, data = problem(network, dtype, weighted=weighted)
    X = data.X * (np.abs(data.X) > 1)
    dense, losses = run(compiled_engine, network, initial, TrainingData(X, *other(data)), 100)
    sparse, sparse_losses = run(
        compiled_engine, network, initial, TrainingData(csr_array(X), *other(data)), 100
    )
    assert sparse.dtype == dtype
    rtol = 1e3 * np.finfo(dtype).eps
    assert_allclose(sparse, dense, rtol=0, atol=rtol)
    assert_allclose(sparse_losses, losses, rtol=rtol)


def other(data):
    return data.targets, data.sample_weight


@pytest.mark.parametrize("max_iter", [1, BLOCK_LENGTH - 1, BLOCK_LENGTH, BLOCK_LENGTH + 1])
def test_a_run_may_end_in_the_middle_of_a_block(max_iter):
    network = network_of("squared_error", ReLU())
    assert_agree(network, *problem(network), max_iter=max_iter)


def test_a_run_can_continue_where_another_one_ended():
    network = network_of("squared_error", ReLU())
    initial, data = problem(network)
    whole, losses = run(compiled_engine, network, initial, data, max_iter=64)
    half, first = run(compiled_engine, network, initial, data, max_iter=32)
    rest, last = run(compiled_engine, network, half, data, max_iter=32)
    assert_array_equal(rest, whole)
    assert_array_equal([*first, *last], losses)


def test_initial_parameters_and_data_are_not_changed():
    network = network_of("binary_cross_entropy", ReLU(), Logistic())
    initial, data = problem(network, weighted=True)
    arrays = [initial, data.X, data.targets, data.sample_weight]
    copies = [array.copy() for array in arrays]
    run(compiled_engine, network, initial, data, max_iter=20)
    for array, copy in zip(arrays, copies, strict=True):
        assert_array_equal(array, copy)


def test_blocks_can_be_kept():
    network = network_of("squared_error", ReLU())
    initial, data = problem(network)
    blocks = blocks_of(compiled_engine, network, initial, data, plan_of(3 * BLOCK_LENGTH))
    assert len(blocks) == 3
    for k, block in enumerate(blocks, start=1):
        plan = plan_of(k * BLOCK_LENGTH)
        assert_array_equal(
            block.parameters, trained(compiled_engine, network, initial, data, plan)[0]
        )


def test_a_block_of_much_work_is_short():
    """Ctrl-C is noticed between two blocks."""
    network = Network((4, 1000, 1), (ReLU(),), LOSSES["squared_error"])
    rng = np.random.RandomState(0)
    data = TrainingData(rng.normal(size=(50_000, 4)), rng.normal(size=(50_000, 1)))
    parameters = np.zeros(network.n_parameters)
    job = TrainingJob(network, parameters, data, plan_of(1), StateCell())
    assert FullBatchRun(job).block_length == 1


# --- Ingredients without compiled calls, or with outdated ones --------------------------------


class Cube(BaseActivation):
    def value(self, z):
        return z**3

    def slope(self, z):
        return 3 * z**2


class FirstUnitOnly(BaseActivation):
    """Depends on the axes of its argument, (n_samples, n_units)."""

    def value(self, z):
        return z * (np.arange(z.shape[-1]) == 0)

    def slope(self, z):
        return np.ones_like(z) * (np.arange(z.shape[-1]) == 0)


class SmallReLU(ReLU):
    """Overrides the formulas, and inherits compiled calls that no longer agree with them."""

    def value(self, z):
        return 0.5 * super().value(z)

    def slope(self, z):
        return 0.5 * super().slope(z)


@pytest.mark.parametrize(
    "own", [Cube(), FirstUnitOnly(), SmallReLU(), Activation(np.sin, np.cos)], ids=kind
)
def test_a_custom_activation_needs_no_compiled_calls(own):
    for activations in [(own,), (own, ReLU()), (ReLU(), own), (Logistic(), own)]:
        network = network_of("squared_error", *activations)
        assert_agree(network, *problem(network), max_iter=50)


@pytest.mark.parametrize("loss", OWN_LOSSES, ids=kind)
def test_a_custom_loss_needs_no_compiled_calls(loss):
    network = Network((4, 6, 3), (ReLU(),), loss)
    assert_agree(network, *problem(network, weighted=True), max_iter=200)


class Momentum(BaseSolver):
    def initial_state(self, parameters):
        return np.zeros_like(parameters)

    def step(self, parameters, gradient, learning_rate, state):
        velocity = 0.9 * state - learning_rate * gradient
        return parameters + velocity, velocity


class InPlaceMomentum(Momentum):
    """Changes its state in place instead of returning another one."""

    def step(self, parameters, gradient, learning_rate, state):
        state *= 0.9
        state -= learning_rate * gradient
        return parameters + state, state


class PreviousGradient(BaseSolver):
    """Keeps its arguments as its state."""

    def step(self, parameters, gradient, learning_rate, state):
        before, gradient_before = (parameters, gradient) if state is None else state
        extrapolated = 1.5 * gradient - 0.5 * gradient_before + 0 * before
        return parameters - learning_rate * extrapolated, (parameters, gradient)


class Slower(GradientDescent):
    """Overrides the step, and inherits a factor that no longer agrees with it."""

    def step(self, parameters, gradient, learning_rate, state):
        return parameters - 0.1 * learning_rate * gradient, state


STEPPING = [solver for solver in SOLVERS.values() if solver.takes_steps]
OWN_SOLVERS = [Momentum(), InPlaceMomentum(), PreviousGradient(), Slower()]


@pytest.mark.parametrize("solver", [*OWN_SOLVERS, *STEPPING], ids=kind)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_custom_solver_needs_no_compiled_calls(solver, dtype):
    network = network_of("squared_error", ReLU())
    initial, data = problem(network, dtype, n_samples=300)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    assert_agree(network, initial, data, rtol, max_iter=50, solver=solver)


def test_functions_that_are_set_on_an_object_are_used():
    changed = ReLU()
    changed.value, changed.slope = np.tanh, Tanh().slope
    network = network_of("squared_error", changed)
    assert_agree(network, *problem(network), max_iter=20)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [Logistic(), Tanh(), LeakyReLU(1e-3), LeakyReLU(1e-9)])
def test_values_and_slopes_keep_their_digits_far_from_zero(activation, dtype):
    """The small slope of a saturated unit is all that can move it."""
    reach = 15 if isinstance(activation, Logistic) else 4
    z = np.linspace(-reach, reach, 101, dtype=dtype)[np.newaxis]
    kept, delta = z * dtype(activation.input_factor) + 0, np.ones_like(z)  # + 0: no -0.0
    new = DenseLayout(dtype).new
    to_value, to_slope = activation.compiled_calls(kept, delta, new)
    for call in to_value:
        call()
    rtol = 20 * np.finfo(dtype).eps
    # The formula of tanh' is 1 - tanh^2 too, and loses as many digits.
    atol = 2 * np.finfo(dtype).eps if isinstance(activation, Tanh) else 0
    assert_allclose(kept / activation.output_factor, activation.value(z), rtol=rtol)
    for call in to_slope:
        call()
    assert_allclose(delta, activation.slope(z), rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_logistic_unit_survives_any_pre_activation(dtype):
    z = np.array([[-1e4, -800, -100, -50, 0, 50, 100, 800, 1e4]], dtype)
    kept, delta = -z, np.ones_like(z)
    to_value, to_slope = Logistic().compiled_calls(kept, delta, DenseLayout(dtype).new)
    with np.errstate(over="ignore"):
        for call in to_value + to_slope:
            call()
    tiny = 8 * np.finfo(dtype).tiny
    assert_allclose(kept, Logistic().value(z), rtol=1e-6, atol=tiny)
    assert_allclose(delta, Logistic().slope(z), rtol=1e-6, atol=tiny)


@pytest.mark.parametrize("changed", [SmallReLU(), Slower(), DoubledError()], ids=kind)
def test_a_class_that_overrides_a_formula_loses_the_inherited_fast_path(changed):
    Base = next(cls for cls in (BaseActivation, BaseSolver, BaseLoss) if isinstance(changed, cls))
    functions = {BaseActivation: ["value"], BaseSolver: ["step"], BaseLoss: ["gradient"]}[Base]
    assert fast_path(changed, Base, "compiled_calls", *functions).func is Base.compiled_calls


# --- Products -----------------------------------------------------------------------------------


def multiply(factor, left, right, keep, out):
    for call in DenseLayout(out.dtype).product(factor, left, right, keep, out):
        call()


@pytest.mark.parametrize("keep", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1)])
@pytest.mark.parametrize("transposed", list(every_combination([False, True], repeat=2)))
def test_a_product_is_computed_in_place(transposed, shape, dtype, keep):
    n, k, m = shape
    rng = np.random.RandomState(0)
    left, right, out = (rng.normal(size=size).astype(dtype) for size in [(n, k), (k, m), (n, m)])
    expected = 2.0 * left @ right + keep * out
    if transposed[0]:
        left = np.asfortranarray(left)
    if transposed[1]:
        right = np.asfortranarray(right)
    multiply(2.0, left, right, keep, out)
    assert_allclose(out, expected, rtol=1e-5 if dtype == np.float32 else 1e-13)


def test_an_output_array_may_be_uninitialized():
    """With keep=0, the old values are not multiplied by zero either: they may be NaN."""
    for left in (np.eye(2), csr_array(np.eye(2))):
        out = np.full((2, 2), np.nan)
        multiply(1.0, left, np.eye(2), 0.0, out)
        assert_array_equal(out, np.eye(2))


@pytest.mark.parametrize("keep", [0.0, 1.0])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_sparse_product_is_the_dense_one(side, keep):
    rng = np.random.RandomState(0)
    left, right, out = (rng.normal(size=size) for size in [(3, 4), (4, 5), (3, 5)])
    expected = 2.0 * left @ right + keep * out
    if side == "left":
        left = csr_array(left)
    else:
        right = csr_array(right)
    multiply(2.0, left, right, keep, out)
    assert_allclose(out, expected)


def test_a_product_that_cannot_be_computed_in_place_is_refused():
    with pytest.raises(AssertionError):
        multiply(1.0, np.eye(4), np.eye(4), 0.0, np.empty((4, 8))[:, ::2])
    with pytest.raises(AssertionError):
        multiply(1.0, np.eye(4), np.eye(4, dtype=np.float32), 0.0, np.empty((4, 4)))
