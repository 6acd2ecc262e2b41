"""Properties of all initializers, those with a name and those made of others."""

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

# All others draw other weights with another seed.
NOT_RANDOM = {"zeros", "ones", "constant", "identity", "eye", "given"}
NOT_RANDOM |= {"padded_identity", "hadamard", "sinusoidal"}

# All others work without data, and do not depend on them.
DATA_DEPENDENT = {
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
# Of these, some draw samples: a sample of weight 2 is not drawn like two samples.
DRAW_SAMPLES = {"hull", "swim"}
# And some use synthetic data if there are none.
SYNTHETIC_DATA = {"auto"}

for_every_init = pytest.mark.parametrize("init", INITS.values(), ids=INITS)
for_all_data_dependent = pytest.mark.parametrize("name", sorted(DATA_DEPENDENT))


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    return TrainingData(rng.normal(size=(50, 4)), np.eye(3)[rng.randint(0, 3, 50)])


@pytest.fixture
def initialize(data):
    """Return a function that initializes the network."""

    def parameters_of(init, seed=0, dtype=np.float64):
        short = TrainingData(data.X.astype(dtype), data.targets.astype(dtype))
        rng = np.random.RandomState(seed)
        return build_parameters(init, NETWORK, rng, dtype=dtype, data=short)[0]

    return parameters_of


@for_every_init
def test_weights_and_biases_have_the_shapes_of_the_layer(init, data):
    layers = layer_views(NETWORK, np.zeros(NETWORK.n_parameters))
    for index, (W, b) in enumerate(layers):
        layer = Layer(NETWORK, index, np.float64, np.zeros(NETWORK.n_parameters), data)
        weights, biases = init(layer, np.random.RandomState(0))
        assert (np.shape(weights), np.shape(biases)) == (W.shape, b[0].shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@for_every_init
def test_initial_weights_are_finite_and_of_the_given_dtype(init, dtype, initialize):
    parameters = initialize(init, dtype=dtype)
    assert (parameters.dtype, np.isfinite(parameters).all()) == (dtype, True)


@for_every_init
def test_the_same_seed_gives_the_same_weights(init, initialize):
    assert_array_equal(initialize(init, seed=1), initialize(init, seed=1))


@pytest.mark.parametrize("name", sorted(INITS.keys() - NOT_RANDOM))
def test_another_seed_gives_other_weights(name, initialize):
    assert (initialize(INITS[name], seed=1) != initialize(INITS[name], seed=2)).any()


@pytest.mark.parametrize("name", sorted(NOT_RANDOM))
def test_an_initializer_without_randomness_draws_no_numbers(name, data):
    rng, untouched = np.random.RandomState(0), np.random.RandomState(0)
    build_parameters(INITS[name], NETWORK, rng, data=data)
    assert rng.normal() == untouched.normal()


@for_every_init
def test_the_global_random_state_is_not_used(init, initialize):
    of_the_process = check_random_state(None)
    before = of_the_process.get_state()
    initialize(init)
    assert_equal(of_the_process.get_state(), before)


@pytest.mark.parametrize("name", INITS)
def test_float32_weights_are_rounded_float64_weights(name, initialize):
    ours, twin = (
        initialize(INITS[name], dtype=np.float32),
        initialize(INITS[name]).astype(np.float32),
    )
    # The data are rounded to float32, too.
    rounding = 1e-4 if name in DATA_DEPENDENT else 0
    assert_allclose(ours, twin, rtol=rounding, atol=rounding)


@for_every_init
def test_a_clone_draws_the_same(init, initialize):
    assert_array_equal(initialize(clone(init)), initialize(init))


@for_every_init
def test_a_pickled_copy_draws_the_same(init, initialize):
    assert_array_equal(initialize(pickle.loads(pickle.dumps(init))), initialize(init))


@for_every_init
def test_repr_evaluates_back(init, initialize):
    back = eval(repr(init), vars(skinit.initializers))
    assert (type(back), repr(back)) == (type(init), repr(init))
    assert_array_equal(initialize(back), initialize(init))


@for_every_init
def test_drawing_does_not_change_the_settings(init, data):
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
    """The constructor stores what get_params returns, and nothing else."""
    assert isinstance(init, Initializer)
    assert vars(init) == init.get_params(deep=False)


@pytest.mark.parametrize("widths", [(1, 1), (7, 1), (1, 7), (3, 1, 1, 2)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_networks_of_any_widths_can_be_initialized(name, widths):
    network = Network(widths, (ReLU(),) * (len(widths) - 2), LOSSES["squared_error"])
    rng = np.random.RandomState(0)
    data = TrainingData(rng.normal(size=(20, widths[0])), rng.normal(size=(20, widths[-1])))
    assert np.isfinite(build_parameters(name, network, rng, data=data)[0]).all()


@pytest.mark.parametrize("composite", [LSUV, PerLayer, Scaled, UnitVariance, WithBias])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_can_be_a_part_of_others(name, composite, initialize):
    key = "hidden" if composite is PerLayer else "base"
    assert np.isfinite(initialize(composite(**{key: name}))).all()


# data-dependent initializers


@pytest.mark.parametrize("name", sorted(INITS.keys() - DATA_DEPENDENT))
def test_other_initializers_draw_the_same_without_data(name, initialize):
    without, _ = build_parameters(INITS[name], NETWORK, np.random.RandomState(0))
    assert_array_equal(initialize(INITS[name]), without)


@pytest.mark.parametrize("name", sorted(DATA_DEPENDENT - SYNTHETIC_DATA))
def test_data_dependent_initializers_without_data_are_an_error(name):
    of_which = rf"^init={type(INITIALIZERS[name]).__name__}\(.*\): "
    with pytest.raises(ValueError, match=of_which + r".* the data .* none here; .* fit\(X, y\)"):
        initialize_parameters([4, 6, 3], name)


def initialized(name, data, network=NETWORK):
    return build_parameters(name, network, np.random.RandomState(0), data=data)[0]


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@for_all_data_dependent
def test_sparse_data_give_the_same_weights(name, container, data):
    X = data.X * (data.X > 0)
    dense = initialized(name, TrainingData(X, data.targets))
    sparse = initialized(name, TrainingData(container(X), data.targets))
    assert_allclose(sparse, dense, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(DATA_DEPENDENT - DRAW_SAMPLES))
def test_a_weight_of_two_is_the_same_as_two_samples(name, data):
    counts = np.random.RandomState(1).randint(1, 4, len(data.targets))
    weighted = initialized(name, TrainingData(data.X, data.targets, counts / 8))
    repeated = initialized(name, data.rows(np.repeat(np.arange(len(counts)), counts)))
    assert_allclose(weighted, repeated, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
@for_all_data_dependent
def test_identical_samples_give_finite_weights(name, value):
    data = TrainingData(np.full((30, 4), value), np.eye(3)[np.zeros(30, int)])
    assert abs(initialized(name, data)).max() < 1e7


@for_all_data_dependent
def test_a_constant_feature_gives_finite_weights(name, data):
    X = np.c_[data.X[:, :3], np.full(len(data.X), 0.1)]
    assert abs(initialized(name, TrainingData(X, data.targets))).max() < 1e4


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
@for_all_data_dependent
def test_custom_activations_give_finite_weights(name, activation, data):
    network = Network(NETWORK.widths, (activation, activation), NETWORK.loss)
    assert np.isfinite(initialized(name, data, network)).all()


@pytest.mark.parametrize("name", sorted(DATA_DEPENDENT - {"auto", "base_rate", "class_prior"}))
def test_a_subset_of_many_samples_is_used(name):
    rng = np.random.RandomState(0)
    n_samples = 2 * MOST_SAMPLES + 7
    data = TrainingData(rng.normal(size=(n_samples, 4)), np.eye(3)[rng.randint(0, 3, n_samples)])
    subset = subset_of_samples(n_samples)
    assert len(np.unique(subset)) == MOST_SAMPLES
    assert_array_equal(initialized(name, data), initialized(name, data.rows(subset)))
