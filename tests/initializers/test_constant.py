import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skinit import initialize_parameters
from skinit.activations import ReLU
from skinit.core import Network, layer_views
from skinit.initializers import Constant, Given, Identity, Ones, Zeros, build_parameters
from skinit.losses import LOSSES

NETWORK = Network((2, 3, 1), (ReLU(),), LOSSES["squared_error"])


@pytest.mark.parametrize(
    ("init", "value"), [(Zeros(), 0), (Ones(), 1), (Constant(), 0.1), (Constant(-2), -2)]
)
def test_all_weights_are_the_value_and_all_biases_zero(init, value):
    parameters = initialize_parameters([3, 4, 2], init)
    assert {*parameters["W1"].ravel(), *parameters["W2"].ravel()} == {value}
    assert {*parameters["b1"].ravel(), *parameters["b2"].ravel()} == {0}


def test_the_tutorials_zeros_are_zero():
    parameters = initialize_parameters([3, 2, 1], "zeros")
    assert_array_equal(parameters["W1"], np.zeros((2, 3)))
    assert_array_equal(parameters["b1"], np.zeros((2, 1)))


def test_identity_passes_on_its_inputs():
    W = initialize_parameters([4, 4], Identity())["W1"]
    assert_array_equal(W @ [1, 2, 3, 4], [1, 2, 3, 4])


def test_identity_with_fewer_units_passes_on_the_first_inputs():
    W = initialize_parameters([4, 2], Identity())["W1"]
    assert_array_equal(W @ [1, 2, 3, 4], [1, 2])


def test_identity_with_more_units_has_zeros_in_the_last_ones():
    W = initialize_parameters([2, 4], Identity())["W1"]
    assert_array_equal(W @ [1, 2], [1, 2, 0, 0])


def test_periodic_padding_repeats_the_inputs_in_turn():
    W = initialize_parameters([3, 7], Identity(padding="periodic"))["W1"]
    assert_array_equal(W @ [1, 2, 3], [1, 2, 3, 1, 2, 3, 1])


@pytest.mark.parametrize("widths", [(4, 4), (4, 2), (4, 1)])
def test_padding_matters_only_where_a_layer_widens(widths):
    periodic = initialize_parameters(widths, Identity(padding="periodic"))["W1"]
    assert_array_equal(periodic, np.eye(*reversed(widths)))


def test_gain_multiplies_the_identity():
    assert_array_equal(initialize_parameters([2, 2], Identity(gain=3))["W1"], [[3, 0], [0, 3]])


@pytest.mark.parametrize(
    ("init", "formula"),
    [
        (Constant(0.5), "W = 0.5"),
        (Identity(), "W = I"),
        (Identity(gain=2), "W = 2 I"),
        (Identity(padding="periodic"), "W = I, repeated"),
    ],
)
def test_the_formula_shows_the_setting(init, formula):
    assert init.formula == formula


@pytest.mark.parametrize(
    ("init", "setting"),
    [
        (Constant("1"), "value"),
        (Identity(gain=None), "gain"),
        (Identity(padding="ones"), "padding"),
    ],
)
def test_a_wrong_setting_is_named(init, setting):
    with pytest.raises((TypeError, ValueError), match=setting):
        initialize_parameters([2, 1], init)


@pytest.fixture
def trained():
    """Return the layers of some network."""
    return layer_views(NETWORK, np.random.RandomState(0).normal(size=NETWORK.n_parameters))


def test_given_has_the_weights_of_another_network(trained):
    init = Given([W for W, _ in trained], [b[0] for _, b in trained])
    parameters, _ = build_parameters(init, NETWORK, np.random.RandomState(0))
    assert_array_equal(parameters, np.random.RandomState(0).normal(size=NETWORK.n_parameters))


def test_given_without_intercepts_has_biases_of_zero(trained):
    parameters, _ = build_parameters(Given([W for W, _ in trained]), NETWORK, None)
    assert [b.any() for _, b in layer_views(NETWORK, parameters)] == [False, False]


def test_given_keeps_its_arrays_when_the_network_goes_on(trained):
    coefs = [W.copy() for W, _ in trained]
    parameters, _ = build_parameters(Given(coefs), NETWORK, None)
    parameters[...] = 0
    assert_array_equal(coefs[0], trained[0][0])


@pytest.mark.parametrize("setting", ["coefs", "intercepts"])
def test_given_needs_one_array_for_each_layer(setting, trained):
    arrays = {"coefs": [W for W, _ in trained], "intercepts": [b[0] for _, b in trained]}
    arrays[setting] = arrays[setting][:1]
    with pytest.raises(ValueError, match=rf"Given\({setting}=\.\.\.\) has 1 arrays.* needs 2"):
        build_parameters(Given(**arrays), NETWORK, None)


def test_given_weights_in_pytorchs_orientation_are_an_error_with_a_hint(trained):
    init = Given([W.T for W, _ in trained])
    with pytest.raises(ValueError, match=r"W of shape \(3, 2\), expected \(2, 3\).*transpose"):
        build_parameters(init, NETWORK, None)
