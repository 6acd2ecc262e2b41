import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.optimize import brentq
from scipy.special import digamma
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skinit import initialize_parameters
from skinit.activations import LeakyReLU, resolve_activation, resolve_activations
from skinit.core import Network, backward, forward, layer_views
from skinit.initializers import (
    INITIALIZERS,
    Glorot,
    He,
    LeCun,
    Normal,
    PyTorch,
    RandomWalk,
    ScikitLearn,
    Siren,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
    build_parameters,
)
from skinit.losses import LOSSES

FAN_IN, FAN_OUT = 300, 200


def normal(std):
    return stats.norm(0, std)


def uniform(limit):
    return stats.uniform(-limit, 2 * limit)


def truncated_normal(std):
    """A Gaussian cut at two standard deviations; the constant is the one of Keras and JAX."""
    return stats.truncnorm(-2, 2, scale=std / 0.87962566103423978)


m, n = FAN_IN, FAN_OUT

# What Keras, PyTorch, scikit-learn and the tutorials publish, for a layer of fan-in m, fan-out n.
PUBLISHED = {
    "random": normal(10),
    "normal": normal(0.05),
    "random_normal": normal(0.05),
    "narrow_normal": normal(0.01),
    "uniform": uniform(0.05),
    "random_uniform": uniform(0.05),
    "truncated_normal": truncated_normal(0.05),
    "trunc_normal": truncated_normal(0.05),
    "he": normal(np.sqrt(2 / m)),
    "he_normal": normal(np.sqrt(2 / m)),
    "kaiming": normal(np.sqrt(2 / m)),
    "kaiming_normal": normal(np.sqrt(2 / m)),
    "he_uniform": uniform(np.sqrt(6 / m)),
    "kaiming_uniform": uniform(np.sqrt(6 / m)),
    "glorot": normal(np.sqrt(2 / (m + n))),
    "glorot_normal": normal(np.sqrt(2 / (m + n))),
    "xavier": normal(np.sqrt(2 / (m + n))),
    "xavier_normal": normal(np.sqrt(2 / (m + n))),
    "glorot_uniform": uniform(np.sqrt(6 / (m + n))),
    "xavier_uniform": uniform(np.sqrt(6 / (m + n))),
    "keras": uniform(np.sqrt(6 / (m + n))),
    "lecun": normal(np.sqrt(1 / m)),
    "lecun_normal": normal(np.sqrt(1 / m)),
    "lecun_uniform": uniform(np.sqrt(3 / m)),
    "variance_scaling": normal(np.sqrt(1 / m)),
    "scikit_learn": uniform(np.sqrt(6 / (m + n))),
    "sklearn": uniform(np.sqrt(6 / (m + n))),
    "pytorch": uniform(1 / np.sqrt(m)),
    "torch": uniform(1 / np.sqrt(m)),
    # of a layer that is the first and the last
    "random_walk": normal(np.exp(1 / (2 * m)) / np.sqrt(m)),
    "siren": uniform(1 / m),
}

FANS = {"fan_in": m, "fan_out": n, "fan_avg": (m + n) / 2, "geometric": (m * n) ** 0.5}

DISTRIBUTIONS = {
    "normal": normal,
    "uniform": lambda std: uniform(np.sqrt(3) * std),
    "truncated_normal": truncated_normal,
}

# Pairs of an initializer and the distribution of its weights.
SAMPLED = {
    **{
        name: (init, PUBLISHED.get(name))
        for name, init in INITIALIZERS.items()
        if type(init).__module__ == "skinit.initializers.variance_scaling"
    },
    **{
        f"{mode} {shape}": (VarianceScaling(1.7, mode, shape), distribution((1.7 / fan) ** 0.5))
        for mode, fan in FANS.items()
        for shape, distribution in DISTRIBUTIONS.items()
    },
    "PyTorch's leaky He": (He(negative_slope=0.25), normal(np.sqrt(2 / 1.0625) / np.sqrt(m))),
    "PyTorch's Linear": (
        He(negative_slope=np.sqrt(5), distribution="uniform"),
        uniform(1 / np.sqrt(m)),
    ),
    "Keras' He": (He(distribution="truncated_normal"), truncated_normal(np.sqrt(2 / m))),
    "Keras' Glorot": (
        Glorot(distribution="truncated_normal"),
        truncated_normal(np.sqrt(2 / (m + n))),
    ),
    "gain": (LeCun(gain=3.0), normal(3 / np.sqrt(m))),
    # As on the page on other libraries.
    "DL4J's SIGMOID_UNIFORM": (
        Glorot(gain=4, distribution="uniform"),
        uniform(4 * np.sqrt(6 / (m + n))),
    ),
    "DL4J's XAVIER_LEGACY": (Glorot(gain=0.5**0.5), normal(1 / np.sqrt(m + n))),
    "DL4J's LECUN_UNIFORM": (LeCun(gain=3**0.5, distribution="uniform"), uniform(3 / np.sqrt(m))),
    "MXNet's Gaussian Xavier": (Glorot(gain=3**0.5), normal(np.sqrt(3 / ((m + n) / 2)))),
    "MXNet's MSRAPrelu": (
        He(mode="fan_avg", negative_slope=0.25),
        normal(np.sqrt(2 / (1 + 0.25**2) / ((m + n) / 2))),
    ),
}

for_every_sample = pytest.mark.parametrize("name", SAMPLED)


def draw(name):
    """Draw a layer; return its weights and the distribution that they should have."""
    init, distribution = SAMPLED[name]
    if distribution is None:
        pytest.fail(f"{name!r} is new: add the distribution of its weights to PUBLISHED")
    W = initialize_parameters([FAN_IN, FAN_OUT], init, random_state=12)["W1"]
    return W.ravel(), distribution


@for_every_sample
def test_sampled_mean_agrees_with_the_formula(name):
    W, distribution = draw(name)
    z = W.mean() / (distribution.std() / np.sqrt(W.size))
    assert 2 * stats.norm.sf(abs(z)) > 1e-4


@for_every_sample
def test_sampled_variance_agrees_with_the_formula(name):
    """The mean square of N draws of kurtosis k has the relative variance (k - 1) / N."""
    W, distribution = draw(name)
    kurtosis = distribution.stats(moments="k") + 3
    z = (np.mean(W**2) / distribution.var() - 1) / np.sqrt((kurtosis - 1) / W.size)
    assert 2 * stats.norm.sf(abs(z)) > 1e-4


@for_every_sample
def test_sampled_distribution_has_the_shape_of_the_formula(name):
    W, distribution = draw(name)
    assert stats.kstest(W, distribution.cdf).pvalue > 1e-4


@for_every_sample
def test_weights_are_uncorrelated_along_inputs_and_units(name):
    W, distribution = draw(name)
    W = W.reshape(FAN_OUT, FAN_IN) / distribution.std()
    for left, right in [(W[:, :-1], W[:, 1:]), (W[:-1], W[1:])]:
        z = (left * right).sum() / np.sqrt(left.size)
        assert 2 * stats.norm.sf(abs(z)) > 1e-4


# the digits of the tutorials


def test_he_gives_the_tutorials_digits():
    parameters = initialize_parameters([2, 4, 1], "he", random_state=3)
    W1 = [
        [1.78862847, 0.43650985],
        [0.09649747, -1.8634927],
        [-0.2773882, -0.35475898],
        [-0.08274148, -0.62700068],
    ]
    assert_array_equal(parameters["W1"].round(8), W1)
    W2 = [[-0.03098412, -0.33744411, -0.92904268, 0.62552248]]
    assert_array_equal(parameters["W2"].round(8), W2)
    assert not parameters["b1"].any()
    assert not parameters["b2"].any()


def test_random_gives_the_tutorials_digits():
    parameters = initialize_parameters([3, 2, 1], "random", random_state=3)
    W1 = [[17.88628473, 4.36509851, 0.96497468], [-18.63492703, -2.77388203, -3.54758979]]
    assert_array_equal(parameters["W1"].round(8), W1)
    assert_array_equal(parameters["W2"].round(8), [[-0.82741481, -6.27000677]])
    assert not parameters["b1"].any()
    assert not parameters["b2"].any()


@pytest.mark.parametrize(
    ("init", "factor"), [("random", lambda n: 10), ("he", lambda n: np.sqrt(2 / n))]
)
def test_deeper_networks_continue_the_tutorials_random_stream(init, factor):
    """As in the tutorials: randn(units, inputs) * factor, layer after layer."""
    widths, rng = [2, 10, 5, 1], np.random.RandomState(3)
    parameters = initialize_parameters(widths, init, random_state=3)
    for number in range(1, 4):
        expected = rng.randn(widths[number], widths[number - 1]) * factor(widths[number - 1])
        assert_array_equal(parameters[f"W{number}"], expected)


# one seed, one stream


@pytest.mark.parametrize(
    ("init", "std"),
    [
        (Normal(std=10), lambda m, n: 10),
        (LeCun(), lambda m, n: (1 / m) ** 0.5),
        (Glorot(gain=2.0), lambda m, n: 2 * (2 / (m + n)) ** 0.5),
        (He(mode="fan_out"), lambda m, n: (2 / n) ** 0.5),
        (VarianceScaling(3.0, "geometric"), lambda m, n: 3**0.5 / (m * n) ** 0.25),
    ],
)
def test_normal_initializers_with_one_seed_differ_only_in_scale(init, std):
    widths, rng = [5, 7, 3, 2], np.random.RandomState(1)
    parameters = initialize_parameters(widths, init, random_state=1)
    for number in range(1, 4):
        fan_in, fan_out = widths[number - 1], widths[number]
        standard = rng.standard_normal((fan_out, fan_in))
        assert_allclose(parameters[f"W{number}"], std(fan_in, fan_out) * standard, rtol=1e-14)


@pytest.mark.parametrize("shape", ["uniform", "truncated_normal"])
def test_initializers_of_one_distribution_and_seed_differ_only_in_scale(shape):
    one = initialize_parameters([5, 7, 3], LeCun(distribution=shape), random_state=1)
    other = initialize_parameters([5, 7, 3], He(gain=3.0, distribution=shape), random_state=1)
    for key in ("W1", "W2"):
        assert_allclose(other[key], 3 * np.sqrt(2) * one[key], rtol=1e-13)


def test_uniform_draws_are_those_of_the_random_state():
    W = initialize_parameters([5, 7], Uniform(limit=2.0), random_state=1)["W1"]
    assert_allclose(W, np.random.RandomState(1).uniform(-2, 2, (7, 5)), rtol=1e-14)


@pytest.mark.parametrize(
    ("init", "largest"), [(Uniform(limit=0.3), 0.3), (TruncatedNormal(std=0.3), 0.6 / 0.8796256)]
)
def test_no_weight_is_beyond_the_limit(init, largest):
    W = initialize_parameters([500, 500], init, random_state=0)["W1"]
    assert 0.999 * largest < abs(W).max() <= largest * (1 + 1e-6)


# settings


@pytest.mark.parametrize("family", [LeCun, Glorot, He, RandomWalk])
def test_gain_multiplies_the_weights(family):
    plain = initialize_parameters([5, 7], family(), random_state=1)["W1"]
    gained = initialize_parameters([5, 7], family(gain=0.3), random_state=1)["W1"]
    assert_allclose(gained, 0.3 * plain, rtol=1e-14)


@pytest.mark.parametrize(
    "init",
    [
        VarianceScaling(3.0, "fan_out"),
        VarianceScaling(0.5, "geometric"),
        LeCun(gain=2.0),
        Glorot(gain=0.5),
        He(gain=3.0, mode="fan_avg", negative_slope=0.5),
    ],
    ids=repr,
)
def test_the_formula_shows_the_variance(init):
    variance = init.formula.removeprefix("Var W = ").partition(",")[0]
    drawn = initialize_parameters([FAN_IN, FAN_OUT], init, random_state=1)["W1"]
    standard = initialize_parameters([FAN_IN, FAN_OUT], Normal(std=1.0), random_state=1)["W1"]
    assert_allclose(eval(variance, FANS), (drawn.flat[0] / standard.flat[0]) ** 2, rtol=1e-12)


@pytest.mark.parametrize("init", [Normal(0.3), Uniform(0.3), TruncatedNormal(0.3)], ids=repr)
def test_the_formula_shows_the_standard_deviation(init):
    assert "0.3" in init.formula


@pytest.mark.parametrize(
    ("init", "setting"),
    [
        (Normal(-1), "std"),
        (Normal("1"), "std"),
        (Uniform(-1), "limit"),
        (TruncatedNormal(None), "std"),
        (VarianceScaling(-1), "scale"),
        (VarianceScaling("1"), "scale"),
        (VarianceScaling(mode="fan_inn"), "mode"),
        (VarianceScaling(mode=None), "mode"),
        (VarianceScaling(distribution="gaussian"), "distribution"),
        (LeCun(gain=-1), "gain"),
        (Glorot(gain=None), "gain"),
        (He(gain="relu"), "gain"),
        (He(negative_slope="0"), "negative_slope"),
        (He(mode="fan"), "mode"),
        (LeCun(distribution=2), "distribution"),
        (RandomWalk(gain=-1), "gain"),
        (Siren(w0=0), "w0"),
    ],
    ids=repr,
)
def test_a_wrong_setting_is_named(init, setting):
    with pytest.raises((TypeError, ValueError), match=setting):
        initialize_parameters([2, 1], init)


@pytest.mark.parametrize("init", [Normal(np.nan), VarianceScaling(np.inf), He(gain=np.nan)])
def test_a_setting_that_is_not_finite_is_an_error(init):
    with pytest.raises(ValueError, match="not finite"):
        initialize_parameters([2, 1], init)


def test_a_standard_deviation_of_zero_gives_zeros():
    assert not initialize_parameters([2, 3], Normal(std=0))["W1"].any()


# scikit-learn's initialization


SKLEARN_PROBLEMS = {
    "binary": (MLPClassifier, 2, 1, "binary_cross_entropy"),
    "multiclass": (MLPClassifier, 4, 4, "multinomial_cross_entropy"),
    "regression": (MLPRegressor, None, 1, "squared_error"),
}


@pytest.mark.parametrize("problem", SKLEARN_PROBLEMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(("hidden", "random_state"), [((4,), 0), ((5, 3), 1), ((1, 6, 2), 42)])
def test_scikit_learns_weights_are_bit_identical(problem, dtype, activation, hidden, random_state):
    make, n_classes, n_outputs, loss = SKLEARN_PROBLEMS[problem]
    X = np.random.RandomState(0).normal(size=(24, 3)).astype(dtype)
    model = make(
        hidden_layer_sizes=hidden,
        activation=activation,
        random_state=random_state,
        # The step is too short to change the weights: they are the initial ones.
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=1e-300,
    )
    if n_classes is None:
        model.partial_fit(X, X[:, 0])
    else:
        model.partial_fit(X, np.arange(24) % n_classes, classes=np.arange(n_classes))

    hidden_activations = (resolve_activation(activation),) * len(hidden)
    network = Network((3, *hidden, n_outputs), hidden_activations, LOSSES[loss])
    rng = np.random.RandomState(random_state)
    parameters, _ = build_parameters(ScikitLearn(), network, rng, dtype=dtype)
    for index, (W, b) in enumerate(layer_views(network, parameters)):
        assert model.coefs_[index].dtype == dtype
        assert_array_equal(W, model.coefs_[index])
        assert_array_equal(b[0], model.intercepts_[index])


def test_scikit_learns_biases_are_drawn_as_its_weights():
    b = initialize_parameters([2, 20_000], ScikitLearn(), random_state=0)["b1"].ravel()
    assert stats.kstest(b, uniform(np.sqrt(6 / 20_002)).cdf).pvalue > 1e-4


# PyTorch's initialization


def test_pytorchs_biases_are_drawn_as_its_weights():
    b = initialize_parameters([16, 20_000], PyTorch(), random_state=0)["b1"].ravel()
    assert stats.kstest(b, uniform(1 / 4).cdf).pvalue > 1e-4


# the random walk of the gradient


def initialize_and_run(init, widths, activation, X):
    """Initialize a network; return it, its layers, and the signals of a forward pass."""
    activations = resolve_activations(activation, len(widths) - 2)
    network = Network(tuple(widths), activations, LOSSES["squared_error"])
    layers = layer_views(network, build_parameters(init, network, np.random.RandomState(0))[0])
    return network, layers, *forward(network, layers, X)


def walk_std(activation, fan_in):
    """Return the standard deviation of a random walk's weights after a hidden layer."""
    widths, given = [2, fan_in, 3], {"random_state": 0, "activation": activation}
    walk = initialize_parameters(widths, RandomWalk(), **given)["W2"]
    return walk.flat[0] / initialize_parameters(widths, Normal(std=1.0), **given)["W2"].flat[0]


def exact_walk_std(fan_in, rate):
    """Return the one that keeps the logarithm if units pass on a gradient at this rate.

    The squared length of k Gaussian numbers is chi-squared, whose logarithm has the mean
    digamma(k / 2) + log(2); how many units pass is binomial.
    """
    k = np.arange(1, fan_in + 1)
    probability = stats.binom.pmf(k, fan_in, rate)
    probability /= probability.sum()
    return np.exp(-(probability @ (digamma(k / 2) + np.log(2))) / 2)


@pytest.mark.parametrize(("activation", "rate"), [("identity", 1.0), ("relu", 0.5)])
@pytest.mark.parametrize("fan_in", [8, 16, 32, 64, 256])
def test_a_random_walk_keeps_the_mean_logarithm_of_the_gradient(activation, rate, fan_in):
    assert_allclose(walk_std(activation, fan_in), exact_walk_std(fan_in, rate), rtol=0.04)
    assert_allclose(walk_std(activation, 1024), exact_walk_std(1024, rate), rtol=1e-4)


@pytest.mark.parametrize(
    ("negative_slope", "like", "rtol"), [(1.0, "identity", 1e-12), (0.0, "relu", 0.01)]
)
def test_a_random_walk_after_any_activation_agrees_with_the_solved_cases(
    negative_slope, like, rtol
):
    leaky = LeakyReLU(negative_slope=negative_slope)
    assert_allclose(walk_std(leaky, 30), walk_std(like, 30), rtol=rtol)


def gradient_growth(init, widths):
    """Return the growth per layer of the logarithm of the gradient's length, going backward."""
    X = np.random.RandomState(1).normal(size=(10, widths[0]))
    network, layers, signals, pre_activations = initialize_and_run(init, widths, "tanh", X)
    delta = np.random.RandomState(2).normal(size=(10, widths[-1]))
    gradients = backward(network, layers, signals, pre_activations, delta)
    first, last = gradients[0][1], gradients[-1][1]  # of the biases: sums of the deltas
    return np.log(np.linalg.norm(first) / np.linalg.norm(last)) / len(widths)


def test_a_random_walk_keeps_gradients_in_hundreds_of_tanh_layers():
    widths = [100] * 200
    assert abs(gradient_growth(RandomWalk(), widths)) < 0.01
    assert gradient_growth(LeCun(), widths) < -0.015


# sines


def test_siren_keeps_the_variance_of_pre_activations():
    """For sines of Gaussian numbers of variance q, E sin^2 = (1 - exp(-2 q)) / 2."""
    X = np.random.RandomState(1).uniform(-1, 1, (300, 2))
    _, _, _, pre_activations = initialize_and_run(Siren(), [2] + [256] * 12 + [1], "sin", X)
    variances = [z.var() for z in pre_activations[:-1]]
    stays = brentq(lambda q: 1 - np.exp(-2 * q) - q, 0.1, 1)
    assert_allclose(variances[1], 1, rtol=0.1)
    assert_allclose(variances[4:], stays, rtol=0.1)
    assert stays == pytest.approx(0.8, abs=0.005)


def test_output_weights_of_siren_are_w0_times_smaller():
    given = {"random_state": 0, "activation": "sin"}
    initial = initialize_parameters([2, 2000, 2000, 1], Siren(w0=20.0), **given)
    assert_allclose(abs(initial["W2"]).max(), np.sqrt(6 / 2000), rtol=1e-3)
    assert_allclose(abs(initial["W3"]).max(), np.sqrt(6 / 2000) / 20, rtol=1e-2)


def test_w0_of_siren_changes_only_the_frequencies():
    one, other = (
        initialize_parameters([2, 9, 9, 1], Siren(w0), random_state=0) for w0 in (10.0, 30.0)
    )
    assert_allclose(other["W1"], 3 * one["W1"], rtol=1e-14)
    assert_array_equal(other["W2"], one["W2"])
    assert_allclose(other["W3"], one["W3"] / 3, rtol=1e-14)
