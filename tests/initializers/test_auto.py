"""What `Auto` promises: signal and gradient keep their size, whatever the network."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import norm

from skinit import InitMLPClassifier, initialize_parameters, load_moons
from skinit.activations import ACTIVATIONS, Activation
from skinit.core import (
    Network,
    TrainingData,
    backward,
    forward,
    layer_views,
    loss_and_gradient,
)
from skinit.initializers import Auto, build_parameters
from skinit.initializers.linear_regime import is_odd, operating_point
from skinit.losses import LOSSES

OWN = {
    "square": Activation(np.square, lambda z: 2 * z),
    "exp": Activation(np.exp, np.exp),
    "bump": Activation(lambda z: np.exp(-z * z), lambda z: -2 * z * np.exp(-z * z)),
    "wave": Activation(lambda z: z + np.sin(z) ** 2, lambda z: 1 + np.sin(2 * z)),
}
ALL = {**ACTIVATIONS, **OWN}


def network_of(activation, hidden, n_features=8, n_outputs=3):
    loss = LOSSES["multinomial_cross_entropy"]
    return Network((n_features, *hidden, n_outputs), (activation,) * len(hidden), loss)


def data_for(network, n_samples=200, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, network.widths[0]))
    return TrainingData(
        X, np.eye(network.widths[-1])[rng.randint(0, network.widths[-1], n_samples)]
    )


def initialized(network, data, seed=1, init=None):
    init = init or Auto()
    parameters, _ = build_parameters(init, network, np.random.RandomState(seed), data=data)
    return parameters


@pytest.mark.parametrize(
    "hidden",
    [(32,) * 60, (32, 8) * 30, (64, 48, 32, 24, 16, 12, 8)],
    ids=["deep", "uneven", "cone"],
)
@pytest.mark.parametrize("name", ALL)
def test_signal_and_gradient_keep_their_size_in_any_network(name, hidden):
    network = network_of(ALL[name], hidden)
    data = data_for(network)
    layers = layer_views(network, initialized(network, data))
    signals, pre_activations = forward(network, layers, data.X)
    # The length of the spread over samples, which does not depend on the number of units.
    lengths = [np.sqrt(z.var(axis=0).sum()) for z in pre_activations[:-1]]
    assert 0.2 < lengths[-1] / lengths[0] < 5

    delta = np.random.RandomState(2).normal(size=signals[-1].shape)
    gradients = backward(network, layers, signals, pre_activations, delta)
    lengths = [np.linalg.norm(db) for _, db in gradients[:-1]]
    assert 0.2 < lengths[0] / lengths[-1] < 5


@pytest.mark.parametrize("n_hidden", [1, 10, 100])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_change_within_the_tolerance(name, n_hidden):
    """The same averages by adaptive integration."""
    activation, tolerance = ACTIVATIONS[name], 0.5
    point = operating_point(activation, n_hidden, tolerance)

    def respond(function, z, sign):
        there = function(np.array([point.bias + point.size * z, point.bias - point.size * z]))
        return there[0] + sign * there[1] if point.mirrored else there[0]

    def average(function):
        kinks = [0, point.bias / point.size, -point.bias / point.size]
        inside = [kink for kink in kinks if abs(kink) < 10]
        return quad(lambda z: function(z) * norm.pdf(z), -10, 10, points=inside, limit=200)[0]

    square = average(lambda z: respond(activation.value, z, -1) ** 2)
    slope_square = average(lambda z: respond(activation.slope, z, 1) ** 2)
    assert_allclose(point.slope, np.sqrt(square) / point.size, rtol=1e-6)
    chi = slope_square * point.size**2 / square
    assert n_hidden * abs(np.log(chi)) < tolerance


def test_odd_activations_need_no_pairs_and_others_do():
    odd = {name for name, activation in ACTIVATIONS.items() if is_odd(activation)}
    assert odd == {"identity", "linear", "tanh", "softsign", "sin"}
    assert not operating_point(ACTIVATIONS["tanh"], 2).mirrored
    assert operating_point(ACTIVATIONS["gelu"], 2).mirrored


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("identity", (16, 2, 16, 2, 16)), ("relu", (16, 5, 17, 4, 32)), ("identity", (16, 12, 10, 9))],
)
def test_narrow_layers_keep_the_principal_directions(name, hidden):
    """The variance of two directions of eight is kept, after ReLU by two pairs of units."""
    rng = np.random.RandomState(0)
    network = network_of(ACTIVATIONS[name], hidden, n_outputs=2)
    plane = rng.normal(size=(2, 8))
    X = rng.normal(size=(300, 2)) @ plane + 0.001 * rng.normal(size=(300, 8))
    data = TrainingData(X, np.eye(2)[rng.randint(0, 2, 300)])
    layers = layer_views(network, initialized(network, data, init=Auto(spread=0.0)))
    _, pre_activations = forward(network, layers, data.X)
    read = [z[:, : z.shape[1] // (2 if name == "relu" else 1)] for z in pre_activations[:-1]]
    energies = [z.var(axis=0).sum() for z in read]
    assert_allclose(energies, energies[0], rtol=1e-4)


@pytest.mark.parametrize("counts", [(50, 50, 50), (120, 20, 10)])
@pytest.mark.parametrize("hidden", [(), (10,), (32,) * 30])
def test_the_initial_loss_is_near_the_entropy_of_the_class_frequencies(hidden, counts):
    network = network_of(ACTIVATIONS["relu"], hidden)
    labels = np.repeat(range(3), counts)
    data = TrainingData(np.random.RandomState(0).normal(size=(150, 8)), np.eye(3)[labels])
    share = np.array(counts) / sum(counts)
    loss, _ = loss_and_gradient(network, initialized(network, data), data)
    assert_allclose(loss, -(share * np.log(share)).sum(), atol=0.1)


@pytest.mark.parametrize("n_samples", [4000, 20_000])
def test_periodic_data_are_sampled_in_all_their_parts(n_samples):
    """Classes alternate, and only the second class has a large variance."""
    network = network_of(ACTIVATIONS["identity"], (2,), n_outputs=2)
    rng = np.random.RandomState(0)
    label = np.arange(n_samples) % 2
    X = rng.normal(size=(n_samples, 2)) @ rng.normal(size=(2, 8)) * label[:, np.newaxis]
    data = TrainingData(X + 0.01 * rng.normal(size=X.shape), np.eye(2)[label])
    loss, _ = loss_and_gradient(network, parameters := initialized(network, data), data)
    assert_allclose(loss, np.log(2), atol=0.1)
    (W, _), _ = layer_views(network, parameters)
    kept = (
        (data.X / data.X.std(axis=0) @ np.linalg.qr(W * data.X.std(axis=0)[:, None])[0])
        .var(axis=0)
        .sum()
    )
    assert kept > 0.99 * 8


def test_scales_and_offsets_of_features_do_not_matter():
    network = network_of(ACTIVATIONS["relu"], (16, 16))
    data = data_for(network)
    raw = data.X * 10.0 ** np.arange(-4, 4) + 100
    raw_predictions = [
        forward(network, layer_views(network, initialized(network, given)), given.X)[0][-1]
        for given in (data, TrainingData(raw, data.targets))
    ]
    assert_allclose(raw_predictions[1], raw_predictions[0], atol=1e-7)


def test_unscaled_features_saturate_units_of_bounded_activations():
    network = network_of(ACTIVATIONS["tanh"], (16, 16))
    data = data_for(network)
    raw = TrainingData(data.X + 1000, data.targets)
    _, (first, *_) = forward(network, layer_views(network, initialized(network, raw)), raw.X)
    slopes = 1 - np.tanh(first) ** 2
    assert np.median(slopes) < 1e-3


def test_targets_of_a_regression_set_the_size_of_the_raw_predictions():
    network = Network((4, 8, 1), (ACTIVATIONS["relu"],), LOSSES["squared_error"])
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(100, 4)), 1e-3 * rng.normal(size=(100, 1)) + 5
    data = TrainingData(X, y)
    raw_predictions = forward(network, layer_views(network, initialized(network, data)), X)[0][-1]
    assert_allclose(raw_predictions.mean(), y.mean(), rtol=1e-9)
    assert_allclose(raw_predictions.std(), Auto().output_size * y.std(), rtol=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_without_data_features_are_assumed_standard_normal(activation):
    initial = initialize_parameters([8, 32, 32, 3], "auto", 0, activation=activation)
    X = np.random.RandomState(5).normal(size=(4000, 8))
    z = X @ initial["W1"].T + initial["b1"].T
    assert_allclose(np.sqrt(z.var(axis=0).mean()), 1, rtol=0.1)


def test_principal_directions_of_very_many_features_are_random():
    network = network_of(ACTIVATIONS["relu"], (6,), n_features=1500)
    data = data_for(network, n_samples=20)
    parameters = initialized(network, data)
    (W, _), _ = layer_views(network, parameters)
    assert np.isfinite(W).all()
    assert_array_equal(parameters, initialized(network, data))


def test_a_deep_network_with_auto_describes_its_layers_and_learns():
    X, y, X_test, y_test = load_moons()
    model = InitMLPClassifier(
        (20, 5) * 15,
        init="auto",
        activation="softplus",
        solver="adam",
        learning_rate=0.003,
        max_iter=200,
        random_state=0,
    )
    model.fit(X, y)
    assert model.score(X_test, y_test) > 0.9
    assert "standardized features" in model.init_resolved_[0]
    assert "the 2 leading principal components of 10 mirrored pairs" in model.init_resolved_[1]


def test_different_settings_in_one_network_do_not_mix():
    network = network_of(ACTIVATIONS["tanh"], (8,) * 20)
    narrow, wide = Auto(tolerance=0.05), Auto(tolerance=5.0)
    _, descriptions = build_parameters(
        [narrow, *[wide] * 20], network, np.random.RandomState(0), data=data_for(network)
    )
    assert "signal RMS 1" in descriptions[1]
    assert "signal RMS 1" not in descriptions[0]


@pytest.mark.parametrize("others", ["he", "orthogonal"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_after_layers_of_other_initializers_the_signal_has_its_size(activation, others):
    """Units that another initializer has drawn are standardized like features, not as pairs."""
    network = network_of(ACTIVATIONS[activation], (32,) * 5)
    data = data_for(network)
    init = [others, "auto", "auto", others, "auto", "auto"]
    parameters, descriptions = build_parameters(init, network, np.random.RandomState(0), data=data)
    _, pre_activations = forward(network, layer_views(network, parameters), data.X)
    size = operating_point(ACTIVATIONS[activation], 5).size
    for index in (1, 4):  # after another initializer
        z = pre_activations[index][:, :16]
        assert_allclose(np.sqrt(z.var(axis=0).mean()), size, rtol=0.3)
        assert "32 standardized units" in descriptions[index]
    assert "standardized" not in descriptions[2] + descriptions[5]


@pytest.mark.parametrize("init", ["auto", "lsuv", "unit_variance"])
def test_a_signal_too_large_to_be_squared_is_an_error(init):
    X, y = np.array([[1e160], [2e160], [3e160]]), [0, 1, 1]
    with pytest.raises(ValueError, match=r"at layer 1, but X reaches 3e\+160; scale X"):
        InitMLPClassifier(init=init, max_iter=1).fit(X, y)
    growing = Activation(lambda z: np.exp(z**2), lambda z: 2 * z * np.exp(z**2))
    model = InitMLPClassifier((9,) * 3, init=["ones", "ones", "ones", init], activation=growing)
    with pytest.raises(ValueError, match="at layer 4, but the signal from layer 3 reaches inf"):
        model.fit(np.ones((3, 1)), y)


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"tolerance": 0}, "tolerance == 0, must be > 0"), ({"spread": np.nan}, "spread == nan"),
     ({"output_size": -1}, "output_size == -1, must be >= 0")],
)  # fmt: skip
def test_settings_are_checked(setting, message):
    with pytest.raises(ValueError, match=message):
        initialize_parameters([2, 3, 1], Auto(**setting))
