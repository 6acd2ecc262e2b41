import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skinit import initialize_parameters
from skinit.activations import ReLU
from skinit.core import Network, layer_views
from skinit.initializers import (
    Constant,
    He,
    Normal,
    Ones,
    PerLayer,
    Scaled,
    ScikitLearn,
    WithBias,
    build_parameters,
)
from skinit.losses import LOSSES

WIDTHS = [3, 4, 4, 4, 2]


def values_of(init, widths=WIDTHS):
    """Return the one value that the weights of each layer have."""
    parameters = initialize_parameters(widths, init, random_state=0)
    weights = [parameters[f"W{number}"] for number in range(1, len(widths))]
    return [W.flat[0] for W in weights if np.ptp(W) == 0]


FIRST_HIDDEN_OUTPUT = PerLayer(Constant(1.0), Constant(2.0), Constant(3.0))


def test_per_layer_distinguishes_first_hidden_and_output_layers():
    assert values_of(FIRST_HIDDEN_OUTPUT) == [1, 2, 2, 3]


def test_per_layer_uses_output_for_a_network_without_hidden_layers():
    assert values_of(FIRST_HIDDEN_OUTPUT, widths=[3, 2]) == [3]


def test_per_layer_uses_hidden_for_the_first_layer_by_default():
    assert values_of(PerLayer(hidden=Constant(2.0), output="zeros")) == [2, 2, 2, 0]


def test_per_layer_by_itself_is_he():
    ours = initialize_parameters(WIDTHS, PerLayer(), random_state=0)
    expected = initialize_parameters(WIDTHS, "he", random_state=0)
    for key in expected:
        assert_array_equal(ours[key], expected[key])


def test_per_layer_takes_functions():
    def fours(layer, rng):
        return np.full((layer.fan_in, layer.fan_out), 4.0), np.zeros(layer.fan_out)

    assert values_of(PerLayer(fours, "ones", fours)) == [4, 1, 1, 4]


def test_per_layer_within_per_layer_has_the_whole_network():
    assert values_of(PerLayer(hidden=FIRST_HIDDEN_OUTPUT, output="zeros")) == [1, 2, 2, 0]


def test_the_description_of_a_layer_names_its_initializer():
    network = Network((3, 4, 4, 2), (ReLU(), ReLU()), LOSSES["squared_error"])
    init = PerLayer(first=Scaled("he", 2.0), hidden=PerLayer("ones", "zeros"), output="lecun")
    _, resolved = build_parameters(init, network, np.random.RandomState(0))
    assert resolved == ["Scaled(base=He(), factor=2.0)", "Zeros()", "LeCun()"]


@pytest.mark.parametrize("base", ["he", ScikitLearn(), "ones"])
def test_scaled_multiplies_the_weights_and_leaves_the_biases(base):
    plain = initialize_parameters(WIDTHS, base, random_state=0)
    scaled = initialize_parameters(WIDTHS, Scaled(base, factor=-0.25), random_state=0)
    for key in plain:
        assert_array_equal(scaled[key], plain[key] * (-0.25 if key.startswith("W") else 1))


def test_scaled_takes_functions():
    def lists(layer, rng):
        return [[2.0] * layer.fan_out] * layer.fan_in, [0.0] * layer.fan_out

    assert values_of(Scaled(lists, factor=3)) == [6, 6, 6, 6]


@pytest.mark.parametrize("base", ["he", ScikitLearn()])
def test_with_bias_keeps_the_weights_and_replaces_the_biases(base):
    plain = initialize_parameters(WIDTHS, base, random_state=0)
    ours = initialize_parameters(WIDTHS, WithBias(base, value=0.5), random_state=0)
    for key in plain:
        assert_array_equal(ours[key], plain[key] if key.startswith("W") else 0.5)


def test_with_bias_takes_a_function():
    def numbered(layer, rng):
        return np.arange(layer.fan_out)

    assert_array_equal(initialize_parameters([2, 3], WithBias("he", numbered))["b1"].T, [[0, 1, 2]])


def test_biases_may_be_drawn_after_the_weights():
    def drawn(layer, rng):
        return rng.normal(size=layer.fan_out)

    ours = initialize_parameters([2, 3], WithBias(Normal(std=1.0), drawn), random_state=0)
    expected = np.random.RandomState(0).normal(size=9)
    assert_array_equal(np.r_[ours["W1"].ravel(), ours["b1"].ravel()], expected)


@pytest.mark.parametrize(
    "init",
    [
        PerLayer(hidden="he_norml"),
        PerLayer(hidden=PerLayer(hidden="he_norml")),
        Scaled("he_norml"),
        WithBias(Scaled("he_norml")),
    ],
    ids=repr,
)
def test_a_misspelt_nested_name_gets_a_suggestion(init):
    with pytest.raises(ValueError, match=r"'he_norml'.* did you mean 'he_normal'"):
        initialize_parameters(WIDTHS, init)


@pytest.mark.parametrize(
    ("init", "setting"), [(Scaled(factor="2"), "factor"), (WithBias(value="0"), "value")]
)
def test_a_setting_that_is_no_number_is_named(init, setting):
    with pytest.raises(TypeError, match=setting):
        initialize_parameters(WIDTHS, init)


def test_nested_settings_are_reached_by_their_path():
    init = PerLayer(hidden=Scaled(He(gain=2.0))).set_params(hidden__base__gain=3.0)
    assert init.hidden.base.gain == 3.0


def test_nested_initializers_are_not_changed():
    part = Ones()
    init = PerLayer(part, part, part)
    initialize_parameters(WIDTHS, init)
    assert (init.first, init.hidden, init.output) == (part, part, part)


class Doubled(ScikitLearn):
    """Doubles all parameters of the network."""

    def refine(self, parameters, network, data, rng):
        return 2 * parameters + rng.normal(0, 1e-3)


def test_a_part_that_refines_is_refined_before_it_is_scaled():
    alone = initialize_parameters(WIDTHS, Doubled(), random_state=0)
    scaled = initialize_parameters(WIDTHS, Scaled(Doubled(), factor=0.5), random_state=0)
    for key in alone:
        assert_array_equal(scaled[key], alone[key] * (0.5 if key.startswith("W") else 1))


def test_a_part_that_refines_gets_the_biases_that_it_is_given():
    alone = initialize_parameters(WIDTHS, Doubled(), random_state=0)
    ours = initialize_parameters(WIDTHS, Scaled(WithBias(Doubled(), value=0.5)), random_state=0)
    for key in alone:
        assert_array_equal(ours[key], alone[key] if key.startswith("W") else 0.5)


def test_a_part_that_refines_draws_only_its_own_layers():
    alone = initialize_parameters(WIDTHS, Doubled(), random_state=0)
    mixed = initialize_parameters(WIDTHS, PerLayer(hidden=Doubled(), output="ones"), random_state=0)
    for key in ("W1", "b1", "W2", "b2", "W3", "b3"):
        assert_array_equal(mixed[key], alone[key])
    assert_array_equal(mixed["W4"], np.ones((2, 4)))


def test_a_part_that_refines_keeps_the_layers_drawn_before():
    recorded = []

    class Watching(Ones):
        def refine(self, parameters, network, data, rng):
            recorded.append([W.mean() for W, _ in layer_views(network, parameters)])
            return parameters

    initialize_parameters(WIDTHS, PerLayer(first=Constant(7.0), hidden=Watching(), output="zeros"))
    assert recorded == [[7, 1, 1, 1]]


@pytest.mark.parametrize("composite", [Scaled, WithBias, PerLayer])
def test_a_part_that_returns_nonsense_is_named(composite):
    def nonsense(layer, rng):
        return 3

    with pytest.raises(TypeError, match="init=nonsense for layer 1 of 4 returned int"):
        initialize_parameters(WIDTHS, composite(nonsense))
