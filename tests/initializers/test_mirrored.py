"""Mirrored pairs: their response is known in closed form."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from skinit.activations import ACTIVATIONS, LeakyReLU
from skinit.core import Network, forward, layer_views
from skinit.initializers import Mirrored, build_parameters
from skinit.initializers.mirrored import pair_slope
from skinit.losses import LOSSES


def initialized(widths, activation, init=None):
    """Build a network with mirrored pairs; return its layers and its function of the features."""
    network = Network(widths, (activation,) * (len(widths) - 2), LOSSES["squared_error"])
    parameters, _ = build_parameters(init or Mirrored(), network, np.random.RandomState(0))
    layers = layer_views(network, parameters)
    return layers, lambda X: forward(network, layers, X)[0][-1]


@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu", "gelu", "silu", "softplus"])
def test_a_network_of_mirrored_pairs_is_a_rotation(name):
    _, function = initialized((6, *(12,) * 30, 6), ACTIVATIONS[name])
    rotation = function(np.eye(6))
    assert_allclose(rotation @ rotation.T, np.eye(6), atol=1e-9)
    assert_allclose(function(-3 * np.eye(6)), -3 * rotation, atol=1e-9)


def test_pairs_of_logistic_units_are_tanh_units():
    layers, function = initialized((3, 8, 2), ACTIVATIONS["logistic"])
    X = np.random.RandomState(1).normal(size=(20, 3))
    (W1, _), (W2, _) = layers
    # expit(z) - expit(-z) = tanh(z / 2), and the slope of that is 1/2.
    assert_allclose(function(X), np.tanh(X @ W1[:, :4] / 2) @ W2[:4], atol=1e-12)
    Q = W2[:4] / 2
    assert_allclose(Q.T @ Q, np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    ("activation", "bias", "slope"),
    [
        (ACTIVATIONS["relu"], 0.0, 1.0),
        (ACTIVATIONS["relu"], 0.5, 2.0),
        (LeakyReLU(negative_slope=0.25), 0.0, 1.25),
        (ACTIVATIONS["tanh"], 0.0, 2.0),
        (ACTIVATIONS["logistic"], 1.0, 2 * expit(1) * expit(-1)),
    ],
)
def test_the_slope_of_a_pair_is_the_sum_of_both_slopes(activation, bias, slope):
    assert_allclose(pair_slope(activation, bias), slope, rtol=1e-6)


@pytest.mark.parametrize("n_units", [1, 2, 7])
def test_an_odd_unit_has_inputs_and_outgoing_weights_of_zero(n_units):
    layers, _ = initialized((4, n_units, 3), ACTIVATIONS["gelu"])
    (W1, _), (W2, _) = layers
    assert (abs(W1).max(axis=0) > 0).all()
    unread = abs(W2).max(axis=1) == 0
    assert unread.sum() == (n_units % 2 if n_units > 1 else 0)


def test_the_gain_multiplies_every_layer():
    _, once = initialized((4, 8, 8, 4), ACTIVATIONS["relu"])
    _, twice = initialized((4, 8, 8, 4), ACTIVATIONS["relu"], Mirrored(gain=2.0))
    X = np.random.RandomState(1).normal(size=(5, 4))
    assert_allclose(twice(X), 8 * once(X), rtol=1e-12)
