"""What every initializer must do, those with a name and those made of others."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal, assert_equal
from sklearn.base import clone
from sklearn.utils import check_random_state

import skinit.initializers
from skinit.activations import ReLU
from skinit.initializers import (
    INITIALIZERS,
    Constant,
    Given,
    Glorot,
    He,
    Initializer,
    Layer,
    Normal,
    PerLayer,
    Scaled,
    WithBias,
    build_parameters,
)
from skinit.losses import LOSSES
from skinit.network import Network, TrainingData, layer_views

NETWORK = Network((4, 6, 5, 3), (ReLU(), ReLU()), LOSSES["multinomial_cross_entropy"])

GIVEN = Given(
    coefs=[
        [[0.1 * (i - j) for j in range(fan_out)] for i in range(fan_in)]
        for fan_in, fan_out in [(4, 6), (6, 5), (5, 3)]
    ],
    intercepts=[[0.5] * 6, [0.25] * 5, [0.0] * 3],
)

INITS = {
    **INITIALIZERS,
    "given": GIVEN,
    "per_layer": PerLayer(first="sklearn", hidden=He(gain=0.5), output="zeros"),
    "scaled": Scaled(Glorot(distribution="uniform"), factor=0.5),
    "with_bias": WithBias("lecun", value=0.1),
    "nested": PerLayer(hidden=Scaled(WithBias(Normal(std=2.0), 0.25), 3.0), output=Constant(0.5)),
}

# Everything else must answer differently to a different seed.
NOT_RANDOM = {"zeros", "ones", "constant", "identity", "eye", "given"}
NOT_RANDOM |= {"padded_identity", "hadamard", "sinusoidal"}

for_every_init = pytest.mark.parametrize("init", INITS.values(), ids=INITS)


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    return TrainingData(rng.normal(size=(50, 4)), np.eye(3)[rng.randint(0, 3, 50)])


@pytest.fixture
def start(data):
    """Return a function that starts the network."""

    def parameters_of(init, seed=0, dtype=np.float64):
        short = TrainingData(data.X.astype(dtype), data.targets.astype(dtype))
        rng = np.random.RandomState(seed)
        return build_parameters(init, NETWORK, rng, dtype=dtype, data=short)[0]

    return parameters_of


@for_every_init
def test_answers_have_the_shapes_of_the_layer(init, data):
    layers = layer_views(NETWORK, np.zeros(NETWORK.n_parameters))
    for index, (W, b) in enumerate(layers):
        layer = Layer(NETWORK, index, np.float64, np.zeros(NETWORK.n_parameters), data)
        weights, biases = init(layer, np.random.RandomState(0))
        assert (np.shape(weights), np.shape(biases)) == (W.shape, b[0].shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@for_every_init
def test_a_start_is_finite_and_of_the_wanted_dtype(init, dtype, start):
    parameters = start(init, dtype=dtype)
    assert (parameters.dtype, np.isfinite(parameters).all()) == (dtype, True)


@for_every_init
def test_the_same_seed_gives_the_same_start(init, start):
    assert_array_equal(start(init, seed=1), start(init, seed=1))


@pytest.mark.parametrize("name", sorted(INITS.keys() - NOT_RANDOM))
def test_another_seed_gives_another_start(name, start):
    assert (start(INITS[name], seed=1) != start(INITS[name], seed=2)).any()


@pytest.mark.parametrize("name", sorted(NOT_RANDOM))
def test_a_start_without_randomness_draws_nothing(name, data):
    rng, untouched = np.random.RandomState(0), np.random.RandomState(0)
    build_parameters(INITS[name], NETWORK, rng, data=data)
    assert rng.normal() == untouched.normal()


@for_every_init
def test_the_random_state_of_the_process_is_left_alone(init, start):
    of_the_process = check_random_state(None)
    before = of_the_process.get_state()
    start(init)
    assert_equal(of_the_process.get_state(), before)


@for_every_init
def test_a_float32_network_starts_where_its_float64_twin_does_rounded(init, start):
    assert_array_equal(start(init, dtype=np.float32), start(init).astype(np.float32))


@for_every_init
def test_a_clone_starts_the_same(init, start):
    assert_array_equal(start(clone(init)), start(init))


@for_every_init
def test_a_pickled_copy_starts_the_same(init, start):
    assert_array_equal(start(pickle.loads(pickle.dumps(init))), start(init))


@for_every_init
def test_repr_evaluates_back(init, start):
    back = eval(repr(init), vars(skinit.initializers))
    assert (type(back), repr(back)) == (type(init), repr(init))
    assert_array_equal(start(back), start(init))


@for_every_init
def test_starting_a_network_does_not_change_the_settings(init, data):
    used = copy.deepcopy(init)
    for index in range(NETWORK.n_layers):
        layer = Layer(NETWORK, index, np.float64, np.zeros(NETWORK.n_parameters), data)
        used(layer, np.random.RandomState(0))
    assert pickle.dumps(vars(used)) == pickle.dumps(vars(copy.deepcopy(init)))


@for_every_init
def test_formula_and_advice_are_a_line_each(init):
    for text in (init.formula, init.advice):
        assert text.strip()
        assert "\n" not in text


@for_every_init
def test_an_initializer_is_tuned_by_its_settings_alone(init):
    """What the constructor stores is what get_params tells, and nothing else."""
    assert isinstance(init, Initializer)
    assert vars(init) == init.get_params(deep=False)


@pytest.mark.parametrize("widths", [(1, 1), (7, 1), (1, 7), (3, 1, 1, 2)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_networks_of_any_widths_can_be_started(name, widths):
    network = Network(widths, (ReLU(),) * (len(widths) - 2), LOSSES["squared_error"])
    rng = np.random.RandomState(0)
    data = TrainingData(rng.normal(size=(20, widths[0])), rng.normal(size=(20, widths[-1])))
    assert np.isfinite(build_parameters(name, network, rng, data=data)[0]).all()
