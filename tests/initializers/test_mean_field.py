import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from skinit import InitMLPRegressor, initialize_parameters
from skinit.activations import ACTIVATIONS, Activation, LeakyReLU, Softplus, Tanh
from skinit.core import Network, backward, draw_masks, forward, layer_views
from skinit.initializers import (
    INITIALIZERS,
    ActivationGain,
    EdgeOfChaos,
    Glorot,
    He,
    Kumar,
    LeCun,
    MuP,
    build_parameters,
)
from skinit.losses import LOSSES
from skinit.mean_field import critical_point

OWN = Activation(lambda z: z + np.sin(z), lambda z: 1 + np.cos(z))
CUBE = Activation(lambda z: z**3, lambda z: 3 * z**2)
FLAT = Activation(np.zeros_like, np.zeros_like)

# So wide that a mean square over units is within a few percent of its expectation; deviations add
# up over layers.
WIDTHS = (600,) * 6


def squares_of_signal_and_gradient(
    init, activation, keep_rate=1.0, sample_square=1.0, widths=WIDTHS
):
    """Send a sample through a wide network and a derivative back; return mean squares by layer."""
    activations = (activation,) * (len(widths) - 2)
    keep_rates = (keep_rate,) * len(activations)
    network = Network(widths, activations, LOSSES["squared_error"], keep_rates)
    rng = np.random.RandomState(0)
    layers = layer_views(network, build_parameters(init, network, rng)[0])
    x, delta = rng.choice([-1.0, 1.0], (1, widths[0])), rng.normal(size=(1, widths[-1]))
    masks = draw_masks(network, 1, rng)
    signals, pre_activations = forward(network, layers, np.sqrt(sample_square) * x, masks)
    gradients = backward(network, layers, signals, pre_activations, delta, masks)
    # For a single sample, the derivative with respect to a bias is that of its pre-activation.
    return [np.mean(z**2) for z in pre_activations], [np.mean(db**2) for _, db in gradients]


def same_start(init, other, activation="relu", widths=(5, 7, 3, 2)):
    """Compare the weights of two initializers with one seed, layer by layer."""
    results = [
        initialize_parameters(widths, each, 1, activation=activation) for each in (init, other)
    ]
    for key in results[0]:
        assert_allclose(results[0][key], results[1][key], rtol=1e-12)


# gains of any activation


@pytest.mark.parametrize("keep_rate", [1.0, 0.6])
@pytest.mark.parametrize("activation", [ACTIVATIONS["elu"], ACTIVATIONS["logistic"], OWN])
def test_forward_keeps_the_signal_of_any_activation(activation, keep_rate):
    signal, _ = squares_of_signal_and_gradient(ActivationGain(), activation, keep_rate)
    assert_allclose(signal, 1, rtol=0.4)


@pytest.mark.parametrize("keep_rate", [1.0, 0.6])
def test_backward_keeps_the_gradient_through_layers_of_any_widths(keep_rate):
    """For activations whose slopes do not depend on the size of the signal, which changes."""
    _, gradient = squares_of_signal_and_gradient(
        ActivationGain("backward"), LeakyReLU(0.3), keep_rate, widths=(400, 1000) * 3
    )
    assert_allclose(gradient, gradient[-1], rtol=0.4)


@pytest.mark.parametrize("activation", ["logistic", "sin"])
def test_backward_makes_up_for_the_slopes_of_the_activation(activation):
    """In the first hidden layer the signal has the size that the averages assume."""
    activation = ACTIVATIONS[activation]
    init = [LeCun(), ActivationGain("backward")]
    _, gradient = squares_of_signal_and_gradient(init, activation, widths=(1000,) * 3)
    assert_allclose(gradient[0], gradient[1], rtol=0.15)


def test_both_is_the_compromise_of_glorot_and_bengio_for_any_activation():
    directions = "forward", "backward", "both"
    forward, backward, both = (
        initialize_parameters([5, 7, 3], ActivationGain(direction), 1, activation="gelu")["W2"]
        ** -2
        for direction in directions
    )
    assert_allclose(both, (forward + backward) / 2)


@pytest.mark.parametrize(
    ("init", "famous", "activation"),
    [
        (ActivationGain(), LeCun(), "selu"),
        (ActivationGain("both"), Glorot(), "identity"),
        (ActivationGain(gain=0.5, distribution="uniform"), LeCun(0.5, "uniform"), "linear"),
        (["lecun", ActivationGain(), ActivationGain()], ["lecun", "he", "he"], "relu"),
        (
            ["lecun", ActivationGain("backward"), "zeros"],
            ["lecun", He(mode="fan_out"), "zeros"],
            "relu",
        ),
        (
            ["lecun", *[ActivationGain()] * 2],
            ["lecun", *[He(negative_slope=0.25)] * 2],
            LeakyReLU(0.25),
        ),
    ],
    ids=repr,
)
def test_well_known_initializers_are_gains_of_their_activations(init, famous, activation):
    same_start(init, famous, activation)


def test_the_gain_is_that_of_the_activation_before_the_layer():
    mixed, relu = (
        initialize_parameters([5, 7, 3, 2], ActivationGain(), 1, activation=activations)
        for activations in (["relu", "tanh"], "relu")
    )
    assert_array_equal(mixed["W2"], relu["W2"])
    assert (mixed["W3"] != relu["W3"]).all()


def initial_weights(init, X, **fit_parameters):
    """Return the first layer's weights before training."""
    model = InitMLPRegressor(4, init=init, activation="tanh", max_iter=1, random_state=0)
    return model.fit(X, np.arange(X.shape[0]), **fit_parameters).initial_coefs_[0]


@pytest.mark.parametrize("family", [ActivationGain, lambda **given: EdgeOfChaos(0.3, **given)])
@pytest.mark.filterwarnings("ignore:the predictions are the same")
def test_the_size_of_the_data_can_be_given_or_measured(family):
    X = np.random.RandomState(0).normal(3, 2, size=(30, 5))
    given, measured = (family(input_square=square) for square in (np.mean(X**2), "data"))
    expected = initial_weights(given, X)
    assert_allclose(initial_weights(measured, X), expected)
    assert_allclose(initial_weights(measured, csr_matrix(X)), expected)
    assert_allclose(initial_weights(measured, 10 * X), expected / 10)


def test_the_size_of_the_data_is_measured_with_the_weights_of_samples():
    X = np.random.RandomState(0).normal(size=(30, 5)) * np.arange(30)[:, np.newaxis]
    init, counts = ActivationGain(input_square="data"), np.arange(30) % 3
    weighted = initial_weights(init, X, sample_weight=counts)
    assert_allclose(weighted, initial_weights(init, np.repeat(X, counts, axis=0)))


def test_data_of_zeros_have_no_size():
    with pytest.raises(ValueError, match="cannot scale an X that is all zeros"):
        initial_weights(ActivationGain(input_square="data"), np.zeros((5, 2)))


# the edge of chaos


@pytest.mark.parametrize("sample_square", [1.0, 9.0])
@pytest.mark.parametrize(
    ("activation", "sigma_b"),
    [("tanh", 0.2), ("selu", 0.3), ("gelu", 0.5), ("relu", 0.0), ("logistic", 0.0)],
)
def test_on_the_edge_of_chaos_signal_and_gradient_stay(activation, sigma_b, sample_square):
    activation = ACTIVATIONS[activation]
    init = EdgeOfChaos(sigma_b, input_square=sample_square)
    signal, gradient = squares_of_signal_and_gradient(init, activation, sample_square=sample_square)
    _, q = critical_point(activation, sigma_b**2)
    assert_allclose(signal, q, rtol=0.4)
    assert_allclose(gradient, gradient[-1], rtol=0.4)


def test_where_a_signal_fades_slowly_the_data_come_in_as_they_are():
    same_start(EdgeOfChaos(), "lecun", "tanh")
    same_start(EdgeOfChaos(input_square=4.0), "lecun", "tanh")


def test_the_edge_of_chaos_of_relu_is_he():
    same_start(EdgeOfChaos(), ["lecun", "he", "he"], "relu")


def test_biases_of_the_edge_of_chaos_have_their_spread():
    b = initialize_parameters([2, 20_000], EdgeOfChaos(sigma_b=0.3), 0)["b1"]
    # The variance of N normal draws has the relative standard deviation sqrt(2 / N).
    assert_allclose(b.var(), 0.09, rtol=4 * np.sqrt(2 / 20_000))


@pytest.mark.parametrize(
    ("activation", "sigma_b", "way_out"),
    [
        ("gelu", 0.0, "sigma_b=0.5"),
        ("silu", 0.5, "sigma_b=1"),
        ("mish", 0.1, "sigma_b=0.5"),
        ("relu", 0.1, "sigma_b=0"),
    ],
)
def test_the_error_without_edge_of_chaos_suggests_other_biases(activation, sigma_b, way_out):
    with pytest.raises(ValueError, match=f"with sigma_b={sigma_b:g}: .* use {way_out}$"):
        initialize_parameters([2, 3, 1], EdgeOfChaos(sigma_b), activation=activation)
    # The suggestion works.
    other = float(way_out.removeprefix("sigma_b="))
    initialize_parameters([2, 3, 1], EdgeOfChaos(other), activation=activation)


def test_an_activation_without_any_edge_of_chaos_gets_another_initializer():
    with pytest.raises(ValueError, match=r"Softplus\(\) has no edge .* 'activation_gain'$"):
        initialize_parameters([2, 3, 1], EdgeOfChaos(), activation=Softplus())
    initialize_parameters([2, 3, 1], "activation_gain", activation=Softplus())


# Kumar


@pytest.mark.parametrize(
    ("activation", "scale"),
    [
        ("logistic", 12.8),
        ("tanh", 1),
        ("relu", 2),
        (LeakyReLU(0.5), 1.6),
        ("softplus", 4 / (1 + np.log(2) ** 2)),
        ("gelu", 4),
    ],
)
def test_kumars_weights_have_the_variance_of_the_paper(activation, scale):
    same_start(Kumar(), LeCun(np.sqrt(scale)), activation)


def test_kumars_weights_of_mixed_activations_are_those_of_what_follows():
    scales = [12.8, 1, 1]
    same_start(Kumar(), [LeCun(np.sqrt(scale)) for scale in scales], ["logistic", "tanh"])


def test_kumar_is_lecun_for_a_linear_model():
    same_start(Kumar(), "lecun", widths=(5, 2))


# muP


def test_raw_predictions_of_mup_shrink_with_the_width():
    """By the square root of the width; hidden signals keep their size."""
    widths, X = (100, 400, 1600), np.random.RandomState(0).normal(size=(10, 200))
    spreads = []
    for width in widths:
        initial = initialize_parameters([10, width, width, 200], MuP(), 0, activation="tanh")
        hidden = np.tanh(initial["W2"] @ np.tanh(initial["W1"] @ X))
        spreads.append((np.std(hidden), np.std(initial["W3"] @ hidden) * np.sqrt(width)))
    assert_allclose(spreads, [spreads[0]] * len(widths), rtol=0.1)


def test_mup_without_hidden_layers_is_lecun():
    same_start(MuP(), "lecun", widths=(5, 2))


# settings


@pytest.mark.parametrize("init", [Kumar(), ActivationGain(), ActivationGain("backward")], ids=repr)
def test_an_activation_with_a_constant_output_is_an_error(init):
    with pytest.raises(ValueError, match="activation=Activation"):
        initialize_parameters([2, 3, 1], init, activation=FLAT)


def test_kumar_needs_a_slope_at_zero():
    with pytest.raises(ValueError, match="has the slope 0 at 0"):
        initialize_parameters([2, 3, 1], Kumar(), activation=CUBE)


@pytest.mark.parametrize(
    ("init", "setting"),
    [
        (ActivationGain("back"), "direction"),
        (ActivationGain(gain=-1), "gain"),
        (ActivationGain(distribution="gauss"), "distribution"),
        (ActivationGain(input_square="dta"), "input_square"),
        (ActivationGain(input_square=0), "input_square"),
        (ActivationGain(input_square=None), "input_square"),
        (EdgeOfChaos(sigma_b=-1), "sigma_b"),
        (EdgeOfChaos(sigma_b="0"), "sigma_b"),
        (EdgeOfChaos(input_square=np.nan), "input_square"),
        (Kumar(gain=None), "gain"),
        (MuP(gain=-1), "gain"),
    ],
    ids=repr,
)
def test_a_wrong_setting_is_named(init, setting):
    with pytest.raises((TypeError, ValueError), match=setting):
        initialize_parameters([2, 3, 1], init, activation=Tanh())


@pytest.mark.parametrize("name", ["activation_gain", "kumar", "mup"])
def test_gain_multiplies_the_weights(name):
    family = type(INITIALIZERS[name])
    plain = initialize_parameters([5, 7, 2], family(), 1)
    gained = initialize_parameters([5, 7, 2], family(gain=0.3), 1)
    for key in ("W1", "W2"):
        assert_allclose(gained[key], 0.3 * plain[key], rtol=1e-13)
