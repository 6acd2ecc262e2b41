import functools
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from skinit import initialize_parameters
from skinit.activations import ACTIVATIONS, ReLU, Tanh
from skinit.core import Network, TrainingData, forward, layer_views
from skinit.initializers import (
    INITIALIZERS,
    LSUV,
    Auto,
    He,
    Initializer,
    Kraehenbuehl,
    Layer,
    Normal,
    Ones,
    PerLayer,
    Scaled,
    Zeros,
    build_parameters,
    resolve_init,
)
from skinit.losses import LOSSES

NETWORK = Network((2, 4, 3, 1), (ReLU(), Tanh()), LOSSES["binary_cross_entropy"])


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def data():
    rng = np.random.RandomState(7)
    y = rng.randint(0, 2, (12, 1)).astype(float)
    return TrainingData(rng.normal(size=(12, 2)), y, rng.uniform(size=12))


def ones(layer, rng):
    return np.ones((layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)


# names, objects and functions


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_name_resolves_to_a_copy_of_its_entry(name):
    resolved = resolve_init(name)
    assert repr(resolved) == repr(INITIALIZERS[name])
    assert resolved is not INITIALIZERS[name]


@pytest.mark.parametrize(
    "names",
    [
        ("he", "he_normal", "kaiming", "kaiming_normal"),
        ("he_uniform", "kaiming_uniform"),
        ("glorot", "glorot_normal", "xavier", "xavier_normal"),
        ("glorot_uniform", "xavier_uniform", "keras"),
        ("lecun", "lecun_normal"),
        ("normal", "random_normal"),
        ("uniform", "random_uniform"),
        ("truncated_normal", "trunc_normal"),
        ("identity", "eye"),
        ("scikit_learn", "sklearn"),
        ("pytorch", "torch"),
    ],
)
def test_aliases_stand_for_the_same_initializer(names):
    assert len({repr(resolve_init(name)) for name in names}) == 1


def test_an_object_resolves_to_a_copy():
    init = He(gain=0.5)
    resolved = resolve_init(init)
    assert (repr(resolved), resolved is init) == (repr(init), False)


def test_a_function_resolves_to_itself():
    assert resolve_init(ones) is ones


def test_a_class_in_place_of_an_object_is_an_error():
    with pytest.raises(TypeError, match=r"init=He is a class; pass an object, as in init=He\(\)"):
        resolve_init(He)


@pytest.mark.parametrize("junk", [None, 3, np.ones(2), {"he": 1}])
def test_what_is_no_initializer_is_an_error_with_examples(junk):
    with pytest.raises(TypeError, match="is not an initializer; give a name such as 'he'"):
        resolve_init(junk)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("he_norml", "he_normal"),
        ("He", "he"),
        ("HeNormal", "he_normal"),
        ("Kaiming-Uniform", "kaiming_uniform"),
        ("xaiver", "xavier"),
        ("zero", "zeros"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(typed, meant):
    with pytest.raises(ValueError, match=f"init='{typed}'.*did you mean '{meant}'"):
        resolve_init(typed)


# one initializer for all layers, or one for each


def test_a_sequence_has_one_entry_for_each_layer(rng):
    init = ["ones", Zeros(), ones]
    parameters, resolved = build_parameters(init, NETWORK, rng)
    assert [W.mean() for W, _ in layer_views(NETWORK, parameters)] == [1, 0, 1]
    assert resolved == ["Ones()", "Zeros()", "ones"]


@pytest.mark.parametrize("init", [[], ["he"], ("he",) * 4])
def test_a_sequence_of_another_length_is_an_error_with_the_number_of_layers(init, rng):
    with pytest.raises(ValueError, match=rf"init has {len(init)} entries.*has 3 layers"):
        build_parameters(init, NETWORK, rng)


def test_layers_are_drawn_from_first_to_last(rng):
    recorded = []

    def init(layer, rng):
        recorded.append((layer.index, layer.fan_in, layer.fan_out))
        return ones(layer, rng)

    build_parameters(init, NETWORK, rng)
    assert recorded == [(0, 2, 4), (1, 4, 3), (2, 3, 1)]


def test_a_callable_that_is_not_hashable_can_be_an_initializer(rng):
    @dataclass
    class Filled:
        value: float

        def __call__(self, layer, rng):
            return np.full((layer.fan_in, layer.fan_out), self.value), np.zeros(layer.fan_out)

    parameters, _ = build_parameters(Filled(2.0), NETWORK, rng)
    assert set(parameters) == {0, 2}


def test_a_partial_function_can_be_an_initializer(rng):
    def filled(layer, rng, value):
        return np.full((layer.fan_in, layer.fan_out), value), np.zeros(layer.fan_out)

    parameters, resolved = build_parameters(functools.partial(filled, value=3.0), NETWORK, rng)
    assert set(parameters) == {0, 3}
    assert "filled" in resolved[0]


def test_functions_may_return_lists_and_integers(rng):
    def lists(layer, rng):
        return [[1] * layer.fan_out] * layer.fan_in, [2] * layer.fan_out

    assert set(build_parameters(lists, NETWORK, rng)[0]) == {1, 2}


# what an initializer may know about a layer


def test_a_layer_knows_its_place_in_the_network():
    layers = [Layer(NETWORK, index) for index in range(3)]
    assert [layer.is_output for layer in layers] == [False, False, True]
    assert [layer.activation for layer in layers] == [*NETWORK.activations, None]
    assert {(layer.widths, layer.n_layers, layer.loss) for layer in layers} == {
        (NETWORK.widths, 3, NETWORK.loss)
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_knows_the_dtype_of_the_weights(dtype, rng):
    recorded = set()

    def init(layer, rng):
        recorded.add(layer.dtype)
        return ones(layer, rng)

    build_parameters(init, NETWORK, rng, dtype=dtype)
    assert recorded == {dtype}


def spy_on(attribute):
    """Return an initializer that records `layer.attribute` of each layer."""
    recorded = []

    def init(layer, rng):
        recorded.append(getattr(layer, attribute))
        b = rng.normal(size=layer.fan_out)
        return rng.normal(size=(layer.fan_in, layer.fan_out)), b

    return init, recorded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_are_the_signals_of_a_forward_pass(dtype, data, rng):
    data = TrainingData(data.X.astype(dtype), data.targets)
    init, recorded = spy_on("inputs")
    parameters, _ = build_parameters(init, NETWORK, rng, dtype=dtype, data=data)
    signals, _ = forward(NETWORK, layer_views(NETWORK, parameters), data.X)
    for ours, expected in zip(recorded, signals[:-1], strict=True):
        assert ours.dtype == dtype
        assert_array_equal(ours, expected)


def test_inputs_of_the_first_layer_are_the_data(data):
    layer = Layer(NETWORK, 0, np.float64, np.zeros(NETWORK.n_parameters), data)
    assert_array_equal(layer.inputs, data.X)


def test_inputs_after_the_first_layer_are_dense_for_sparse_data(data, rng):
    init, dense = spy_on("inputs")
    build_parameters(init, NETWORK, rng, data=data)
    init, sparse = spy_on("inputs")
    sparse_data = TrainingData(csr_matrix(data.X), data.targets)
    build_parameters(init, NETWORK, np.random.RandomState(0), data=sparse_data)
    for ours, expected in zip(sparse[1:], dense[1:], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


@pytest.mark.parametrize("attribute", ["targets", "sample_weight"])
def test_targets_and_sample_weight_are_those_of_the_training(attribute, data, rng):
    init, recorded = spy_on(attribute)
    build_parameters(init, NETWORK, rng, data=data)
    assert [given is getattr(data, attribute) for given in recorded] == [True] * 3


@pytest.mark.parametrize("attribute", ["inputs", "targets", "sample_weight"])
def test_the_error_without_data_names_the_estimators(attribute):
    init, _ = spy_on(attribute)
    with pytest.raises(ValueError, match=rf"layer\.{attribute}.* none here.*InitMLPClassifier"):
        initialize_parameters([2, 3, 1], init)


# results that cannot be used


def wrong(W=None, b=None):
    """Return an initializer that returns given arrays."""

    def init(layer, rng):
        right = ones(layer, rng)
        return right[0] if W is None else W(layer), right[1] if b is None else b(layer)

    return init


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (
            wrong(W=lambda layer: np.ones((layer.fan_out, layer.fan_in))),
            r"W of shape \(4, 2\), expected \(2, 4\); return its transpose, W\.T",
        ),
        (wrong(W=lambda layer: np.ones(3)), r"W of shape \(3,\), expected \(2, 4\)$"),
        (wrong(W=lambda layer: 1.0), r"W of shape \(\), expected \(2, 4\)$"),
        (wrong(b=lambda layer: np.ones(2)), r"b of shape \(2,\), expected \(4,\)$"),
        (wrong(b=lambda layer: np.ones((4, 1))), r"b of shape \(4, 1\), expected \(4,\); return b"),
    ],
)
def test_a_wrong_shape_is_an_error_with_the_right_one(init, message, rng):
    with pytest.raises(ValueError, match="init=init for layer 1 of 3 returned " + message):
        build_parameters(init, NETWORK, rng)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, "text", None, 1j, True])
@pytest.mark.parametrize("letter", ["W", "b"])
def test_values_that_are_not_finite_numbers_are_an_error(letter, value, rng):
    shape = {"W": lambda layer: (layer.fan_in, layer.fan_out), "b": lambda layer: layer.fan_out}
    init = wrong(**{letter: lambda layer: np.full(shape[letter](layer), value)})
    with pytest.raises(ValueError, match=f"returned {letter} with values that are not finite"):
        build_parameters(init, NETWORK, rng)


def test_values_that_are_not_finite_in_float32_are_an_error(rng):
    init = wrong(W=lambda layer: np.full((layer.fan_in, layer.fan_out), 1e39))
    with pytest.raises(ValueError, match="not finite numbers in float32"):
        build_parameters(init, NETWORK, rng, dtype=np.float32)


@pytest.mark.parametrize(
    "result", [None, 1.0, np.ones((2, 4)), (np.ones((2, 4)),), (1, 2, 3), {"W": 1, "b": 2}]
)
def test_a_result_that_is_no_pair_is_an_error_with_what_is_expected(result, rng):
    with pytest.raises(TypeError, match=r"expected a pair \(W, b\): the weights of shape \(2, 4\)"):
        build_parameters(lambda layer, rng: result, NETWORK, rng)


@pytest.mark.parametrize(
    ("init", "whose"),
    [
        (Auto(tolerance=-1), r"init=Auto\(tolerance=-1\): tolerance == -1"),
        (["he", "he", Normal(std="x")], r"init=Normal\(std='x'\): std must be"),
        (PerLayer(hidden=LSUV(Normal(std=-1))), r"init=Normal\(std=-1\): std == -1"),
        (Kraehenbuehl(He(mode="fan")), r"init=He\(mode='fan'\): mode='fan'"),
        (Scaled("he_norml"), "init='he_norml' is not"),
    ],
    ids=repr,
)
def test_errors_of_settings_name_the_initializer(init, whose, data, rng):
    with pytest.raises((TypeError, ValueError), match="^" + whose):
        build_parameters(init, NETWORK, rng, data=data)


class Custom(Initializer):
    """Raises an error when it draws a layer or refines the network."""

    def __init__(self, error, in_refine=False):
        self.error = error
        self.in_refine = in_refine

    def weights(self, layer, rng):
        if not self.in_refine:
            raise self.error
        return np.zeros((layer.fan_in, layer.fan_out))

    def refine(self, parameters, network, data, rng):
        raise self.error


@pytest.mark.parametrize("in_refine", [False, True])
@pytest.mark.parametrize("error", [ValueError("mine"), TypeError("mine"), KeyError("mine")])
def test_errors_of_custom_initializers_are_not_changed(error, in_refine, rng):
    with pytest.raises(type(error)) as raised:
        build_parameters(Custom(error, in_refine), NETWORK, rng)
    assert raised.value.args == ("mine",)
    assert raised.value.__cause__ is None


def test_errors_of_results_name_the_layer_and_the_initializer(rng):
    class Broken(Initializer):
        def weights(self, layer, rng):
            return np.full((layer.fan_in, layer.fan_out), np.nan)

    with pytest.raises(ValueError, match=r"init=Broken\(\) for layer 2 of 3"):
        build_parameters(["he", Broken(), "he"], NETWORK, rng)


# refining the whole network


class Refined(Initializer):
    """Draws ones, and records the arguments of `refine`."""

    def __init__(self, calls, result=None):
        self.calls = calls
        self.result = result

    def __sklearn_clone__(self):
        return self

    def weights(self, layer, rng):
        return np.ones((layer.fan_in, layer.fan_out))

    def refine(self, parameters, network, data, rng):
        self.calls.append((parameters.copy(), network, data, rng))
        return 2 * parameters if self.result is None else self.result


def test_refine_is_called_once_with_the_drawn_parameters(data, rng):
    init = Refined([])
    build_parameters(init, NETWORK, rng, data=data)
    ((parameters, *given),) = init.calls
    assert_array_equal(parameters, build_parameters("ones", NETWORK, rng)[0])
    assert given == [NETWORK, data, rng]


def test_the_initial_parameters_are_those_that_refine_returns(rng):
    parameters, _ = build_parameters(Refined([]), NETWORK, rng)
    assert_array_equal(parameters, 2 * build_parameters("ones", NETWORK, rng)[0])


def test_each_strategy_of_a_sequence_refines_once_in_order(rng):
    calls = []
    parameters, _ = build_parameters([Refined(calls), Ones(), Refined(calls)], NETWORK, rng)
    assert [given[0].max() for given in calls] == [1, 2]
    assert parameters.max() == 4


def test_refine_does_not_change_the_dtype(rng):
    init = Refined([], result=np.ones(NETWORK.n_parameters))
    parameters, _ = build_parameters(init, NETWORK, rng, dtype=np.float32)
    assert parameters.dtype == np.float32


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.ones(3), r"shape \(3,\), expected all parameters of the network, of shape \(31,\)"),
        (np.full(31, np.nan), "not finite numbers in float64"),
    ],
)
def test_a_refinement_that_cannot_be_used_is_an_error(result, message, rng):
    with pytest.raises(ValueError, match=r"refine returned .*" + message):
        build_parameters(Refined([], result), NETWORK, rng)


# the functional form


def test_keys_and_shapes_are_those_of_the_tutorials():
    parameters = initialize_parameters([2, 10, 5, 1])
    assert {key: array.shape for key, array in parameters.items()} == {
        "W1": (10, 2),
        "b1": (10, 1),
        "W2": (5, 10),
        "b2": (5, 1),
        "W3": (1, 5),
        "b3": (1, 1),
    }


@pytest.mark.parametrize("init", ["he", "sklearn"])
def test_the_functional_form_is_the_transpose_of_the_layers(init):
    network = Network((2, 4, 1), (ReLU(),), LOSSES["binary_cross_entropy"])
    flat, _ = build_parameters(init, network, np.random.RandomState(3))
    ours = initialize_parameters([2, 4, 1], init, random_state=3)
    for number, (W, b) in enumerate(layer_views(network, flat), start=1):
        assert_array_equal(ours[f"W{number}"], W.T)
        assert_array_equal(ours[f"b{number}"], b.T)


def test_the_activation_reaches_the_initializers():
    recorded = []

    def init(layer, rng):
        recorded.append(layer.activation)
        return ones(layer, rng)

    initialize_parameters([2, 3, 1], init, activation="gelu")
    assert [type(activation) for activation in recorded] == [type(ACTIVATIONS["gelu"]), type(None)]


@pytest.mark.parametrize("container", [list, tuple, np.array])
def test_layer_dims_may_be_any_sequence(container):
    assert initialize_parameters(container([2, 3, 1]))["W1"].shape == (3, 2)


@pytest.mark.parametrize(
    "layer_dims", [[2, 0, 1], [2, -3, 1], [2, 2.5, 1], [2, True, 1], [[2, 3], [4, 1]], ["2", 1]]
)
def test_layer_dims_must_be_positive_integers(layer_dims):
    with pytest.raises(ValueError, match=r"layer_dims=.* must be positive integers"):
        initialize_parameters(layer_dims)


@pytest.mark.parametrize("layer_dims", [[], [2], 2])
def test_layer_dims_must_have_inputs_and_outputs(layer_dims):
    with pytest.raises(ValueError, match=r"layer_dims=.* needs two entries or more"):
        initialize_parameters(layer_dims)
