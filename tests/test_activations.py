import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import skinit.activations
from skinit.activations import (
    ACTIVATIONS,
    ELU,
    SELU,
    Activation,
    BaseActivation,
    LeakyReLU,
    Logistic,
    ReLU,
    resolve_activation,
)

# Away from 0, where some activations have a kink.
MODERATE = np.linspace(-30, 30, 241) + 0.01

# The smallest size that float32 represents with all digits, with a margin.
TINY = 1e-36


def elu(z, alpha=1.0):
    return z if z > 0 else alpha * math.expm1(z)


def selu(z):
    """Constants from the fixed point of mean 0 and variance 1, as in the paper's appendix."""
    root_e, tail = math.sqrt(math.e), math.erfc(1 / math.sqrt(2))
    alpha = -math.sqrt(2 / math.pi) / (tail * root_e - 1)
    scale = (1 - tail * root_e) * math.sqrt(2 * math.pi)
    scale /= math.sqrt(
        2 * math.erfc(math.sqrt(2)) * math.e**2
        + math.pi * tail**2 * math.e
        - 2 * (2 + math.pi) * tail * root_e
        + math.pi
        + 2
    )
    return scale * elu(z, alpha)


def mish(z):
    """Without the hyperbolic tangent of a logarithm."""
    rational = math.exp(z) * (math.exp(z) + 2)
    return z * rational / (rational + 2)


def softplus(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


CLOSED_FORMS = {
    "identity": lambda z: z,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: max(z, z / 100),
    "elu": elu,
    "selu": selu,
    "gelu": lambda z: z * math.erfc(-z / math.sqrt(2)) / 2,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "mish": mish,
    "softplus": softplus,
    "softsign": lambda z: z / (1 + abs(z)),
    "tanh": lambda z: math.sinh(z) / math.cosh(z),
    "logistic": lambda z: 1 / (1 + math.exp(-z)),
    "sin": math.sin,
}
ALIASES = {"linear": "identity", "swish": "silu", "sigmoid": "logistic"}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_equals_its_closed_form(name):
    closed_form = CLOSED_FORMS[ALIASES.get(name, name)]
    expected = [closed_form(z) for z in MODERATE]
    assert_allclose(ACTIVATIONS[name].value(MODERATE), expected, rtol=1e-13, atol=TINY)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_in_float32_equals_its_closed_form(name):
    closed_form = CLOSED_FORMS[ALIASES.get(name, name)]
    z = MODERATE.astype(np.float32)
    expected = [closed_form(float(value)) for value in z]
    assert_allclose(ACTIVATIONS[name].value(z), expected, rtol=2e-6, atol=TINY)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_is_the_derivative_of_the_value(name):
    value, h = ACTIVATIONS[name].value, 1e-4
    near, far = (value(MODERATE + k * h) - value(MODERATE - k * h) for k in (1, 2))
    expected = (8 * near - far) / (12 * h)
    assert_allclose(ACTIVATIONS[name].slope(MODERATE), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_in_float32_is_the_rounded_slope(name):
    z = MODERATE.astype(np.float32)
    expected = ACTIVATIONS[name].slope(z.astype(np.float64))
    assert_allclose(ACTIVATIONS[name].slope(z), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("part", ["value", "slope"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extreme_arguments_give_finite_numbers_without_warnings(name, part, dtype):
    sizes = np.r_[0.0, np.geomspace(1e-40, 1e4, 400), np.arange(1, 1000), 1e4]
    z = np.r_[-sizes, sizes].astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(getattr(ACTIVATIONS[name], part)(z)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("part", ["value", "slope"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dtype_and_shape_are_kept(name, part, dtype):
    z = np.linspace(-2, 2, 24, dtype=dtype).reshape(2, 3, 4)
    result = getattr(ACTIVATIONS[name], part)(z)
    assert (result.dtype, result.shape) == (z.dtype, z.shape)


@pytest.mark.parametrize("number", [int, np.float32, np.float64, np.array])
@pytest.mark.parametrize("part", ["value", "slope"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_settings_of_any_number_type_keep_float32(name, part, number):
    """A NumPy float64 scalar widens a float32 array, where a Python float does not."""
    activation = clone(ACTIVATIONS[name])
    activation.set_params(**{key: number(1) for key in activation.get_params()})
    z = np.linspace(-2, 2, 5, dtype=np.float32)
    assert getattr(activation, part)(z).dtype == np.float32


@pytest.mark.parametrize("part", ["value", "slope"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_argument_is_not_changed(name, part):
    z = MODERATE.copy()
    getattr(ACTIVATIONS[name], part)(z)
    assert_array_equal(z, MODERATE)


def test_relu_has_slope_zero_at_zero():
    assert_array_equal(ReLU().slope(np.array([0.0, -0.0])), [0, 0])


def test_leaky_relu_has_its_negative_slope_at_zero_and_below():
    assert_array_equal(LeakyReLU(0.25).slope(np.array([-3.0, -0.0, 0.0])), 0.25)


def test_leaky_relu_multiplies_negative_values_by_its_slope():
    assert_array_equal(LeakyReLU(0.25).value(np.array([-4.0, 4.0])), [-1.0, 4.0])


def test_elu_ends_at_minus_alpha():
    assert_allclose(ELU(alpha=0.5).value(np.array([-50.0])), -0.5)


def test_selu_keeps_mean_zero_and_variance_one():
    nodes = np.linspace(-12, 12, 240_001)
    density = np.exp(-0.5 * nodes**2) / math.sqrt(2 * math.pi) * (nodes[1] - nodes[0])
    moments = [(SELU().value(nodes) ** power * density).sum() for power in (1, 2)]
    assert_allclose(moments, [0, 1], atol=1e-8)


def test_logistic_slope_keeps_its_small_tails():
    z = np.array([-700.0, 700.0])
    assert_allclose(Logistic().slope(z), math.exp(-700), rtol=1e-12)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases_stand_for_the_same_activation(alias, name):
    assert repr(ACTIVATIONS[alias]) == repr(ACTIVATIONS[name])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_clone_and_pickle_keep_the_settings(name):
    for copy in (clone(ACTIVATIONS[name]), pickle.loads(pickle.dumps(ACTIVATIONS[name]))):
        assert copy.get_params() == ACTIVATIONS[name].get_params()


@pytest.mark.parametrize(
    "activation", [*ACTIVATIONS.values(), LeakyReLU(0.2), ELU(alpha=0.5)], ids=repr
)
def test_repr_evaluates_back(activation):
    back = eval(repr(activation), vars(skinit.activations))
    assert (type(back), back.get_params()) == (type(activation), activation.get_params())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_name_resolves_to_a_fresh_copy(name):
    resolved = resolve_activation(name)
    assert type(resolved) is type(ACTIVATIONS[name])
    assert resolved is not ACTIVATIONS[name]


def square(z):
    return z**2


def twice(z):
    return 2 * z


def test_a_custom_activation_is_its_two_functions():
    own = resolve_activation(Activation(value=square, slope=twice))
    assert (own.value(3.0), own.slope(3.0)) == (9.0, 6.0)


def test_a_custom_activation_can_be_cloned_and_pickled():
    own = Activation(value=square, slope=twice)
    for copy in (clone(own), pickle.loads(pickle.dumps(own))):
        assert copy.get_params() == {"value": square, "slope": twice}


def test_any_object_with_value_and_slope_is_an_activation():
    class Own:
        value = staticmethod(square)
        slope = staticmethod(twice)

    resolved = resolve_activation(Own())
    assert isinstance(resolved, BaseActivation)
    assert (resolved.value, resolved.slope) == (square, twice)


def test_a_misspelled_activation_gets_did_you_mean():
    with pytest.raises(ValueError, match=r"activation='rleu' .* did you mean 'relu'"):
        resolve_activation("rleu")


@pytest.mark.parametrize("junk", [None, 3, np.tanh, Activation(np.tanh, None)])
def test_other_objects_are_refused_with_valid_examples(junk):
    with pytest.raises(TypeError, match=r"is not an activation; give a name such as 'relu'"):
        resolve_activation(junk)
