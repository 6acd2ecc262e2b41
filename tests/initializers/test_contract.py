"""What every initializer must do, those with a name and those made of others."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.utils import check_random_state

import skinit.initializers
from skinit import initialize_parameters
from skinit.activations import Activation, ReLU
from skinit.core import Network, TrainingData, layer_views
from skinit.initializers import (
    INITIALIZERS,
    LSUV,
    Constant,
    Given,
    Glorot,
    He,
    Initializer,
    Layer,
    Normal,
    PerLayer,
    Scaled,
    UnitVariance,
    WithBias,
    build_parameters,
)
from skinit.initializers.signal import MOST_SAMPLES, subset_of_samples
from skinit.losses import LOSSES

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

# Everything else must start without data, and the same whatever the data are.
LOOK_AT_DATA = {
    "auto",
    "lsuv",
    "unit_variance",
    "kraehenbuehl",
    "krahenbuhl",
    "hull",
    "nguyen_widrow",
    "swim",
    "base_rate",
    "class_prior",
}
# Of these, some draw samples: a sample that counts twice is not drawn as two samples are.
DRAW_SAMPLES = {"hull", "swim"}
# And some imagine data where there are none.
IMAGINE_DATA = {"auto"}

for_every_init = pytest.mark.parametrize("init", INITS.values(), ids=INITS)
for_all_that_look = pytest.mark.parametrize("name", sorted(LOOK_AT_DATA))


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


@pytest.mark.parametrize("name", INITS)
def test_a_float32_network_starts_where_its_float64_twin_does_rounded(name, start):
    ours, twin = start(INITS[name], dtype=np.float32), start(INITS[name]).astype(np.float32)
    # The data are rounded too, before anybody looks at them.
    rounding = 1e-4 if name in LOOK_AT_DATA else 0
    assert_allclose(ours, twin, rtol=rounding, atol=rounding)


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
def test_formula_advice_and_cost_are_a_line_each(init):
    for text in (init.formula, init.advice, init.cost):
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


@pytest.mark.parametrize("composite", [LSUV, PerLayer, Scaled, UnitVariance, WithBias])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_can_be_a_part_of_others(name, composite, start):
    key = "hidden" if composite is PerLayer else "base"
    assert np.isfinite(start(composite(**{key: name}))).all()


# starts that look at the data


@pytest.mark.parametrize("name", sorted(INITS.keys() - LOOK_AT_DATA))
def test_a_start_that_does_not_look_at_the_data_needs_none(name, start):
    without, _ = build_parameters(INITS[name], NETWORK, np.random.RandomState(0))
    assert_array_equal(start(INITS[name]), without)


@pytest.mark.parametrize("name", sorted(LOOK_AT_DATA - IMAGINE_DATA))
def test_a_start_that_looks_at_the_data_says_so_where_there_is_none(name):
    of_which = rf"^init={type(INITIALIZERS[name]).__name__}\(.*\): "
    with pytest.raises(ValueError, match=of_which + r".* the data .* none here; .* fit\(X, y\)"):
        initialize_parameters([4, 6, 3], name)


def started(name, data, network=NETWORK):
    return build_parameters(name, network, np.random.RandomState(0), data=data)[0]


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@for_all_that_look
def test_sparse_data_give_the_same_start(name, container, data):
    X = data.X * (data.X > 0)
    dense = started(name, TrainingData(X, data.targets))
    sparse = started(name, TrainingData(container(X), data.targets))
    assert_allclose(sparse, dense, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(LOOK_AT_DATA - DRAW_SAMPLES))
def test_to_count_twice_is_to_be_there_twice(name, data):
    counts = np.random.RandomState(1).randint(1, 4, len(data.targets))
    weighted = started(name, TrainingData(data.X, data.targets, counts / 8))
    repeated = started(name, data.rows(np.repeat(np.arange(len(counts)), counts)))
    assert_allclose(weighted, repeated, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
@for_all_that_look
def test_samples_that_are_all_the_same_give_a_finite_start(name, value):
    data = TrainingData(np.full((30, 4), value), np.eye(3)[np.zeros(30, int)])
    assert abs(started(name, data)).max() < 1e7


@for_all_that_look
def test_a_feature_that_is_constant_gives_a_finite_start(name, data):
    X = np.c_[data.X[:, :3], np.full(len(data.X), 0.1)]
    assert abs(started(name, TrainingData(X, data.targets))).max() < 1e4


@pytest.mark.parametrize(
    "activation",
    [
        Activation(np.square, lambda z: 2 * z),
        Activation(np.exp, np.exp),
        Activation(lambda z: np.clip(z, -1, 1), lambda z: (abs(z) < 1).astype(z.dtype)),
        Activation(np.zeros_like, np.zeros_like),
    ],
    ids=["square", "exp", "clip", "zero"],
)
@for_all_that_look
def test_activations_of_your_own_give_a_finite_start(name, activation, data):
    network = Network(NETWORK.widths, (activation, activation), NETWORK.loss)
    assert np.isfinite(started(name, data, network)).all()


@pytest.mark.parametrize("name", sorted(LOOK_AT_DATA - {"auto", "base_rate", "class_prior"}))
def test_of_many_samples_some_are_looked_at(name):
    rng = np.random.RandomState(0)
    n_samples = 2 * MOST_SAMPLES + 7
    data = TrainingData(rng.normal(size=(n_samples, 4)), np.eye(3)[rng.randint(0, 3, n_samples)])
    some = subset_of_samples(n_samples)
    assert len(np.unique(some)) == MOST_SAMPLES
    assert_array_equal(started(name, data), started(name, data.rows(some)))
