import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import erf

from skinit.activations import (
    ACTIVATIONS,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    Logistic,
    ReLU,
    Sin,
    Softplus,
    Tanh,
)
from skinit.mean_field import (
    chi,
    correlation_map,
    correlation_slope,
    critical_point,
    depth_scales,
    fixed_correlation,
    fixed_variance,
    gain,
    gaussian_mean,
    moments,
    variance_map,
    variance_slope,
)

ERF = Activation(erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2)))
OWN = Activation(lambda z: z * np.exp(-np.abs(z)), lambda z: (1 - np.abs(z)) * np.exp(-np.abs(z)))
CLIPPED = Activation(lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) < 1) * 1.0)
SQUARE = Activation(np.square, lambda z: 2 * z)
FLAT = Activation(np.zeros_like, np.zeros_like)

WITH_MOMENTS = {**ACTIVATIONS, "leaky .25": LeakyReLU(0.25), "erf": ERF, "own": OWN}


def integrated(function, variance):
    """Average over a Gaussian number by scipy's adaptive quadrature on each side of 0."""

    def weighted(z):
        return function(np.sqrt(variance) * np.array([z]))[0] * np.exp(-z * z / 2)

    sides = [quad(weighted, *side, epsabs=1e-13, limit=200)[0] for side in [(-10, 0), (0, 10)]]
    return sum(sides) / np.sqrt(2 * np.pi)


# averages


@pytest.mark.parametrize("variance", [0.01, 1.0, 45.0])
@pytest.mark.parametrize("name", WITH_MOMENTS)
def test_moments_are_those_of_adaptive_quadrature(name, variance):
    value, slope = WITH_MOMENTS[name].value, WITH_MOMENTS[name].slope
    expected = [
        integrated(value, variance),
        integrated(lambda z: value(z) ** 2, variance),
        integrated(lambda z: slope(z) ** 2, variance),
    ]
    assert_allclose(moments(WITH_MOMENTS[name], variance), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 100.0])
@pytest.mark.parametrize(
    ("activation", "closed_form"),
    [
        (Identity(), lambda q: (0, q, 1)),
        (ReLU(), lambda q: (np.sqrt(q / (2 * np.pi)), q / 2, 1 / 2)),
        (Sin(), lambda q: (0, -np.expm1(-2 * q) / 2, (1 + np.exp(-2 * q)) / 2)),
        (
            ERF,
            lambda q: (
                0,
                2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)),
                4 / np.pi / (1 + 4 * q) ** 0.5,
            ),
        ),
        (SQUARE, lambda q: (q, 3 * q**2, 4 * q)),
    ],
)
def test_moments_have_their_closed_forms(activation, closed_form, q):
    assert_allclose(moments(activation, q), closed_form(q), rtol=1e-10, atol=1e-14)


def test_kinks_and_jumps_away_from_zero_cost_the_digits_that_the_docstring_says():
    for q in np.linspace(0.1, 10, 34):
        inside = erf(1 / np.sqrt(2 * q))
        density = np.exp(-1 / (2 * q)) / np.sqrt(2 * np.pi * q)
        square = q * (inside - 2 * density) + 1 - inside
        _, found_square, found_inside = moments(CLIPPED, q)
        assert_allclose(found_square, square, rtol=1e-4)
        assert_allclose(found_inside, inside, rtol=0.03)


def test_a_mean_is_of_any_function():
    assert_allclose(gaussian_mean(np.cos, 2.0), np.exp(-1), rtol=1e-13)
    assert_allclose(gaussian_mean(np.exp, 2.0), np.exp(1), rtol=1e-13)


# gains

# Computed by another quadrature, exact in all digits: forward, backward and centered.
GAINS = {
    "identity": (1, 1, 1),
    "relu": (1.414214, 1.414214, 1.712859),
    "leaky_relu": (1.414143, 1.414143, 1.704832),
    "leaky .25": (1.371989, 1.371989, 1.504610),
    "tanh": (1.592537, 1.467414, 1.592537),
    "logistic": (1.846229, 4.722646, 4.801313),
    "elu": (1.245198, 1.223429, 1.270843),
    "selu": (1, 0.966026, 1),
    "gelu": (1.533530, 1.481114, 1.700926),
    "silu": (1.676532, 1.623320, 1.787187),
    "softplus": (1.041867, 1.846229, 1.919126),
    "softsign": (2.337533, 2.095781, 2.337533),
    "mish": (1.486848, 1.444755, 1.592025),
    "erf": (1.467167, 1.325218, 1.467167),
    "sin": (1.520867, 1.327251, 1.520867),
}


@pytest.mark.parametrize("name", GAINS)
def test_gains_are_those_of_the_table(name):
    directions = "forward", "backward", "centered"
    found = [gain(WITH_MOMENTS[name], direction) for direction in directions]
    assert_allclose(found, GAINS[name], rtol=0, atol=0.51e-6)


def test_selu_keeps_mean_zero_and_variance_one():
    assert_allclose(moments(SELU())[:2], (0, 1), atol=1e-14)


def test_a_direction_is_looked_up():
    with pytest.raises(ValueError, match=r"direction='back' .* did you mean 'backward'"):
        gain(Tanh(), "back")


@pytest.mark.parametrize("direction", ["forward", "backward", "centered"])
def test_a_constant_activation_has_no_gain(direction):
    with pytest.raises(ValueError, match=f"has no {direction} gain.*averages to 0"):
        gain(FLAT, direction)


# maps from layer to layer


@pytest.mark.parametrize("q", [0.1, 2.0])
def test_the_maps_of_variance_and_gradient_have_their_closed_forms(q):
    assert_allclose(variance_map(Sin(), q, 1.7, 0.2), 1.7 * -np.expm1(-2 * q) / 2 + 0.2)
    assert_allclose(variance_slope(Sin(), q, 1.7), 1.7 * np.exp(-2 * q))
    assert_allclose(chi(Sin(), q, 1.7), 1.7 * (1 + np.exp(-2 * q)) / 2)


def arc_cosine(c):
    """Kernel of degree 1 of Cho and Saul (2009), by which ReLU maps a correlation."""
    angle = np.arccos(c)
    return (np.sin(angle) + (np.pi - angle) * c) / np.pi


CORRELATIONS = [-1.0, -0.99, -0.5, 0.0, 0.3, 0.9, 0.999, 1.0]


@pytest.mark.parametrize("q", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("c", CORRELATIONS)
def test_the_map_of_correlations_has_its_closed_forms(c, q):
    assert_allclose(correlation_map(Identity(), c, q, 1.5), c, atol=1e-12)
    assert_allclose(correlation_map(ReLU(), c, q, 2.0), arc_cosine(c), atol=1e-12)
    linear = correlation_map(Identity(), c, q, 1.5, bias_variance=0.5)
    assert_allclose(linear, (1.5 * q * c + 0.5) / (1.5 * q + 0.5), atol=1e-12)
    by_erf = np.arcsin(2 * q * c / (1 + 2 * q)) / np.arcsin(2 * q / (1 + 2 * q))
    assert_allclose(correlation_map(ERF, c, q, 1.0), by_erf, atol=1e-11)
    by_sin = np.sinh(q * c) / np.sinh(q)
    assert_allclose(correlation_map(Sin(), c, q, 1.0), by_sin, atol=1e-7 if q == 30 else 1e-12)


@pytest.mark.parametrize("c", CORRELATIONS)
def test_the_slope_of_relus_correlation_map_is_the_kernel_of_degree_zero(c):
    assert_allclose(correlation_slope(ReLU(), c, 1.3, 2.0), 1 - np.arccos(c) / np.pi, atol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "gelu", "logistic", "elu", "own"])
def test_slopes_are_those_of_the_maps(name):
    activation, q, c, step = WITH_MOMENTS[name], 0.8, 0.4, 1e-4

    def difference(function, at):
        return (function(at + step) - function(at - step)) / (2 * step)

    assert_allclose(
        variance_slope(activation, q, 1.7),
        difference(lambda q: variance_map(activation, q, 1.7, 0.1), q),
        rtol=1e-6,
    )
    assert_allclose(
        correlation_slope(activation, c, q, 1.7, 0.1),
        difference(lambda c: correlation_map(activation, c, q, 1.7, 0.1), c),
        rtol=1e-6,
    )


def test_the_maps_agree_with_random_weights():
    """Units of a layer are independent, given its inputs: half a million draws of a unit."""
    rng, n_units, q, c, sw2, sb2 = np.random.RandomState(0), 500_000, 1.3, 0.4, 1.7, 0.2
    inputs = np.linalg.cholesky(q * np.array([[1, c], [c, 1]])) @ rng.normal(size=(2, n_units))
    signals = np.tanh(inputs)
    # The covariance of the next pre-activations is the mean product over units.
    covariance = sw2 * signals @ signals.T / n_units + sb2
    error = 4 * sw2 / np.sqrt(n_units)
    assert_allclose(covariance[0, 0], variance_map(Tanh(), q, sw2, sb2), atol=error)
    mapped = correlation_map(Tanh(), c, q, sw2, sb2)
    assert_allclose(covariance[0, 1] / covariance[0, 0], mapped, atol=error)


# the edge of chaos

# Weight variances for these bias variances, exact in all digits.
BIAS_VARIANCES = 0, 1e-4, 0.01, 0.05, 0.1, 0.25
EDGES = {
    "tanh": (1, 1.086026, 1.424205, 1.760955, 1.986073, 2.401489),
    "erf": (np.pi / 4, 0.852588, 1.114280, 1.375839, 1.552118, 1.880547),
    "elu": (1, 1.130918, 1.383325, 1.533718, 1.606744, 1.705928),
    "selu": (None, 0.564177, 0.760233, 0.901766, 0.980327, 1.101739),
    "gelu": (4, 3.875151, 2.982799, 2.302520, 2.076676, 1.959631),
    "silu": (4, 3.921193, 3.312588, 2.728612, 2.439555, 2.122696),
    "mish": (None, 2.728002, 2.374604, 2.104798, 2.006855, 1.941647),
    "softsign": (1, 1.346665, 2.288770, 3.141247, 3.694134, 4.692540),
}


@pytest.mark.parametrize("name", EDGES)
def test_critical_weights_are_those_of_the_table(name):
    expected = dict(zip(BIAS_VARIANCES, EDGES[name], strict=True))
    for bias_variance, weight_variance in expected.items():
        if weight_variance is not None:
            found, _ = critical_point(WITH_MOMENTS[name], bias_variance)
            assert_allclose(found, weight_variance, rtol=0, atol=0.6e-6)


def test_the_logistic_is_critical_where_it_is_saturated():
    assert_allclose(critical_point(Logistic()), (103.0076, 45.62), atol=0.005)
    for bias_variance, weight_variance in [(0.01, 103.03), (0.1, 103.25), (0.25, 103.61)]:
        found, _ = critical_point(Logistic(), bias_variance)
        assert_allclose(found, weight_variance, atol=0.0051)


# Where the slope of the variance map is also 1 (Roberts, Yaida and Hanin, "The principles of
# deep learning theory", Cambridge University Press, 2022, section 5.3.4).
HALF_STABLE = {
    "gelu": (0.17292239, 1.98305826, 3.5615528),
    "silu": (0.55514317, 1.98800468, 14.3201736),
    "mish": (0.0945218, 2.0135241, 1.6701691),
}


@pytest.mark.parametrize("name", HALF_STABLE)
def test_half_stable_points_are_those_of_the_literature(name):
    bias_variance, weight_variance, q = HALF_STABLE[name]
    found = critical_point(WITH_MOMENTS[name], bias_variance)
    assert_allclose(found, (weight_variance, q), rtol=3e-6)
    assert_allclose(variance_slope(WITH_MOMENTS[name], q, weight_variance), 1, atol=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_rectifiers_keep_every_signal(slope):
    weight_variance, q = critical_point(LeakyReLU(slope))
    assert_allclose((weight_variance, q), (2 / (1 + slope**2), 1), rtol=1e-12)


@pytest.mark.parametrize("bias_variance", [1e-3, 0.2])
@pytest.mark.parametrize("name", ["tanh", "selu", "gelu", "softsign", "logistic", "sin", "own"])
def test_the_critical_point_keeps_the_signal_and_the_gradient(name, bias_variance):
    activation = WITH_MOMENTS[name]
    weight_variance, q = critical_point(activation, bias_variance)
    assert_allclose(variance_map(activation, q, weight_variance, bias_variance), q, rtol=1e-10)
    assert_allclose(chi(activation, q, weight_variance), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("activation", "bias_variance"), [(Softplus(), 0.0), (Softplus(), 0.1), (ReLU(), 0.1)]
)
def test_no_edge_of_chaos_is_an_error(activation, bias_variance):
    with pytest.raises(ValueError, match=f"no edge of chaos for bias_variance={bias_variance:g}"):
        critical_point(activation, bias_variance)


@pytest.mark.parametrize(
    "activation", [FLAT, SQUARE, Activation(lambda z: z**3, lambda z: 3 * z**2)]
)
def test_an_activation_without_a_slope_at_zero_has_no_edge_of_chaos(activation):
    with pytest.raises(ValueError, match="its slope is 0 around 0"):
        critical_point(activation)


def test_an_activation_that_overflows_has_a_critical_point_at_small_q():
    """E exp(z)^2 = exp(2 q), also for the slope: q = 1 and weights of variance exp(-2)."""
    assert_allclose(critical_point(Activation(np.exp, np.exp)), (np.exp(-2), 1), rtol=1e-12)


# limits in deep networks


@pytest.mark.parametrize("start", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize(
    ("activation", "weight_variance", "bias_variance"),
    [(Tanh(), 2.0, 0.05), (Tanh(), 0.5, 0.2), (Logistic(), 1.0, 0.0), (ReLU(), 1.5, 0.3)],
)
def test_signals_of_any_size_converge_to_the_fixed_variance(
    activation, weight_variance, bias_variance, start
):
    q = start
    for _ in range(200):
        q = variance_map(activation, q, weight_variance, bias_variance)
    found = fixed_variance(activation, weight_variance, bias_variance, start)
    assert_allclose(found, q, rtol=1e-9)


def test_signals_of_rectifiers_fade_stay_or_grow():
    found = [
        fixed_variance(ReLU(), weight_variance, start=3.0) for weight_variance in (1.9, 2, 2.1)
    ]
    assert found == [0, 3, np.inf]
    assert fixed_variance(ReLU(), 2.0, bias_variance=0.1) == np.inf


def test_the_limit_of_a_signal_can_depend_on_its_initial_size():
    """GELU has an unstable fixed point below the half-stable one."""
    activation = ACTIVATIONS["gelu"]
    weight_variance, q = critical_point(activation, 0.05)
    below, above = (fixed_variance(activation, weight_variance, 0.05, f * q) for f in (0.9, 1.1))
    assert below < 0.9 * q
    assert above == np.inf


@pytest.mark.parametrize("weight_variance", [1.0, 3.0])
def test_different_samples_converge_to_the_fixed_correlation(weight_variance):
    settings = fixed_variance(Tanh(), weight_variance, 0.05), weight_variance, 0.05
    c = 0.5
    for _ in range(200):
        c = correlation_map(Tanh(), c, *settings)
    assert_allclose(fixed_correlation(Tanh(), *settings), c, rtol=1e-9)


def test_samples_of_an_odd_activation_in_chaos_become_orthogonal():
    assert fixed_correlation(Tanh(), fixed_variance(Tanh(), 3.0), 3.0) == 0


@pytest.mark.parametrize("weight_variance", [1.0, 3.0])
def test_depth_scales_agree_with_signals_sent_through_layers(weight_variance):
    xi_q, xi_c = depth_scales(Tanh(), weight_variance, 0.05)
    settings = weight_variance, 0.05
    end = fixed_variance(Tanh(), *settings)
    c_end = fixed_correlation(Tanh(), end, *settings)

    # A layer multiplies a difference by exp(-1 / xi).
    q, c = 1.0001 * end, c_end - 1e-4
    assert_allclose(
        (variance_map(Tanh(), q, *settings) - end) / (q - end), np.exp(-1 / xi_q), rtol=1e-3
    )
    assert_allclose(
        (correlation_map(Tanh(), c, end, *settings) - c_end) / (c - c_end),
        np.exp(-1 / xi_c),
        rtol=1e-3,
    )


def test_on_the_edge_of_chaos_samples_differ_at_any_depth():
    weight_variance, _ = critical_point(Tanh(), 0.05)
    xi_q, xi_c = depth_scales(Tanh(), weight_variance, 0.05)
    assert (xi_q < 2, xi_c) == (True, np.inf)


@pytest.mark.parametrize("weight_variance", [1.0, 2.0, 3.0])
def test_the_correlation_depth_scale_of_a_rectifier_does_not_depend_on_the_weights(weight_variance):
    """Its signal fades, stays or grows; the angle between two signals is not affected."""
    xi_q, xi_c = depth_scales(ReLU(), weight_variance)
    assert xi_c == np.inf
    assert_allclose(1 / xi_q, max(0, -np.log(weight_variance / 2)), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: gaussian_mean(np.cos, -1.0), "variance"),
        (lambda: moments(Tanh(), np.nan), "variance"),
        (lambda: variance_map(Tanh(), -1.0, 1.0), "variance"),
        (lambda: correlation_map(Tanh(), 1.1, 1.0, 1.0), "c"),
        (lambda: correlation_slope(Tanh(), -1.1, 1.0, 1.0), "c"),
        (lambda: variance_slope(Tanh(), 0.0, 1.0), "q"),
        (lambda: fixed_variance(Tanh(), 1.0, start=0.0), "start"),
    ],
)
def test_a_number_out_of_its_range_is_named(call, name):
    with pytest.raises(ValueError, match=f"^{name} == "):
        call()
