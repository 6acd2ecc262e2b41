from itertools import product

import numpy as np
import pytest
from drawn_problems import SETTLED_LOSSES
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_matrix, csr_matrix
from scipy.special import expit

from skinit.activations import ACTIVATIONS, ReLU, Tanh
from skinit.core import (
    Network,
    TrainingData,
    forward,
    layer_views,
    loss_and_gradient,
    mean_loss,
)
from skinit.losses import LOSSES

WIDTHS = (3, 4, 3, 2)
N_SAMPLES = 7
SAMPLE_WEIGHT = np.array([1.0, 2.0, 0.0, 3.0, 1.0, 0.5, 2.0])

every_activation_and_loss = pytest.mark.parametrize(
    ("activation", "loss"), list(product(ACTIVATIONS, SETTLED_LOSSES))
)
with_and_without_sample_weight = pytest.mark.parametrize(
    "sample_weight", [None, SAMPLE_WEIGHT], ids=["unweighted", "weighted"]
)


def small_network(activation="tanh", loss="squared_error"):
    return Network(WIDTHS, (ACTIVATIONS[activation],) * 2, LOSSES[loss])


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(N_SAMPLES, WIDTHS[0]))
    return TrainingData(X, np.eye(WIDTHS[-1])[rng.randint(0, 2, N_SAMPLES)])


@pytest.fixture
def parameters(rng):
    return rng.normal(size=small_network().n_parameters)


@pytest.fixture
def stack(rng):
    return rng.normal(size=(2, 5, small_network().n_parameters))


def with_sample_weight(data, sample_weight):
    return TrainingData(data.X, data.targets, sample_weight)


@with_and_without_sample_weight
@every_activation_and_loss
def test_gradient_equals_finite_differences(
    activation, loss, sample_weight, data, parameters, numerical_gradient
):
    network, data = small_network(activation, loss), with_sample_weight(data, sample_weight)

    def mean(parameters):
        raw = forward(network, layer_views(network, parameters), data.X)[0][-1]
        return mean_loss(network, raw, data)

    _, gradient = loss_and_gradient(network, parameters, data)
    assert_allclose(gradient, numerical_gradient(mean, parameters), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("activations", [(Tanh(), ReLU()), (ReLU(), Tanh())], ids=str)
def test_gradient_follows_each_layers_own_activation(
    activations, data, parameters, numerical_gradient
):
    network = Network(WIDTHS, activations, LOSSES["squared_error"])

    def mean(parameters):
        return loss_and_gradient(network, parameters, data)[0]

    _, gradient = loss_and_gradient(network, parameters, data)
    assert_allclose(gradient, numerical_gradient(mean, parameters), rtol=1e-7, atol=1e-10)


@with_and_without_sample_weight
@every_activation_and_loss
def test_a_stack_of_networks_equals_its_members(activation, loss, sample_weight, data, stack):
    network, data = small_network(activation, loss), with_sample_weight(data, sample_weight)
    losses, gradients = loss_and_gradient(network, stack, data)
    for member in np.ndindex(losses.shape):
        alone, gradient = loss_and_gradient(network, stack[member], data)
        assert_allclose(losses[member], alone, rtol=1e-13)
        assert_allclose(gradients[member], gradient, rtol=1e-10, atol=1e-13)


def test_every_signal_of_a_stack_equals_its_members(data, stack):
    network = small_network()
    (_, *signals), pre_activations = forward(network, layer_views(network, stack), data.X)
    for member in np.ndindex(stack.shape[:-1]):
        (_, *alone), before = forward(network, layer_views(network, stack[member]), data.X)
        for ours, expected in zip([*signals, *pre_activations], [*alone, *before], strict=True):
            assert_allclose(ours[member], expected, rtol=1e-12, atol=1e-15)


def test_each_member_of_a_stack_may_have_its_own_data(rng, stack):
    network, members = small_network(), stack[0]
    X, targets = rng.normal(size=(5, N_SAMPLES, 3)), rng.normal(size=(5, N_SAMPLES, 2))
    losses, gradients = loss_and_gradient(network, members, TrainingData(X, targets))
    for k in range(5):
        alone = TrainingData(X[k], targets[k])
        assert_allclose(losses[k], loss_and_gradient(network, members[k], alone)[0])
        assert_allclose(gradients[k], loss_and_gradient(network, members[k], alone)[1])


def test_forward_is_the_formula(data, parameters):
    network = small_network("tanh")
    (W1, b1), (W2, b2), (W3, b3) = layer_views(network, parameters)
    raw = np.tanh(np.tanh(data.X @ W1 + b1) @ W2 + b2) @ W3 + b3
    assert_allclose(forward(network, layer_views(network, parameters), data.X)[0][-1], raw)


def test_signals_begin_with_the_input_and_end_with_the_raw_predictions(data, parameters):
    network = small_network("relu")
    signals, pre_activations = forward(network, layer_views(network, parameters), data.X)
    assert signals[0] is data.X
    assert_array_equal(signals[-1], pre_activations[-1])


def test_each_hidden_layer_has_its_own_activation(data, parameters):
    network = Network(WIDTHS, (ReLU(), Tanh()), LOSSES["squared_error"])
    signals, pre_activations = forward(network, layer_views(network, parameters), data.X)
    assert_array_equal(signals[1], np.maximum(pre_activations[0], 0))
    assert_array_equal(signals[2], np.tanh(pre_activations[1]))


def test_without_hidden_layers_it_is_logistic_regression(data, rng):
    network = Network((3, 1), (), LOSSES["binary_cross_entropy"])
    w, y = rng.normal(size=4), data.targets[:, :1]
    _, gradient = loss_and_gradient(network, w, TrainingData(data.X, y))
    X1 = np.hstack([data.X, np.ones((N_SAMPLES, 1))])
    expected = X1.T @ (expit(X1 @ w) - y[:, 0]) / N_SAMPLES
    assert_allclose(gradient, expected, rtol=1e-12)


def test_zero_weights_on_balanced_classes_stay_exactly_where_they_are(rng):
    network = Network((2, 10, 5, 1), (ReLU(), ReLU()), LOSSES["binary_cross_entropy"])
    data = TrainingData(rng.normal(size=(300, 2)), (np.arange(300.0) % 2)[:, np.newaxis])
    _, gradient = loss_and_gradient(network, np.zeros(network.n_parameters), data)
    assert_array_equal(gradient, 0)


def test_layer_views_share_the_memory_of_the_parameters(parameters):
    for W, b in layer_views(small_network(), parameters):
        W[...], b[...] = 3, 4
    assert set(parameters) == {3, 4}


def test_layer_views_of_a_stack_share_its_memory(stack):
    for W, b in layer_views(small_network(), stack):
        assert np.shares_memory(W, stack)
        assert np.shares_memory(b, stack)


def test_layer_views_hold_every_parameter_once_in_order():
    network = small_network()
    numbers = np.arange(network.n_parameters)
    views = [part.ravel() for layer in layer_views(network, numbers) for part in layer]
    assert_array_equal(np.concatenate(views), numbers)


def test_layer_views_have_the_shapes_of_the_layers(stack):
    shapes = [(W.shape, b.shape) for W, b in layer_views(small_network(), stack)]
    assert shapes == [
        ((2, 5, 3, 4), (2, 5, 1, 4)),
        ((2, 5, 4, 3), (2, 5, 1, 3)),
        ((2, 5, 3, 2), (2, 5, 1, 2)),
    ]


def test_a_network_counts_its_layers_and_parameters():
    network = Network((2, 10, 5, 1), (ReLU(), ReLU()), LOSSES["binary_cross_entropy"])
    assert (network.n_layers, network.n_parameters) == (3, 2 * 10 + 10 + 10 * 5 + 5 + 5 + 1)


@pytest.mark.parametrize("container", [csr_matrix, csc_matrix])
@with_and_without_sample_weight
def test_sparse_input_equals_dense_input(container, sample_weight, data, parameters):
    network, data = small_network(), with_sample_weight(data, sample_weight)
    data.X[data.X < 0] = 0
    sparse = TrainingData(container(data.X), data.targets, sample_weight)
    loss, gradient = loss_and_gradient(network, parameters, sparse)
    expected_loss, expected = loss_and_gradient(network, parameters, data)
    assert_allclose(loss, expected_loss, rtol=1e-14)
    assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", SETTLED_LOSSES)
def test_sample_weight_is_repetition(loss, data, parameters):
    network, times = small_network("tanh", loss), np.array([1, 2, 0, 3, 1, 1, 2])
    weighted = with_sample_weight(data, times.astype(float))
    repeated = TrainingData(np.repeat(data.X, times, 0), np.repeat(data.targets, times, 0))
    loss, gradient = loss_and_gradient(network, parameters, weighted)
    expected_loss, expected = loss_and_gradient(network, parameters, repeated)
    assert_allclose(loss, expected_loss, rtol=1e-13)
    assert_allclose(gradient, expected, rtol=1e-11, atol=1e-15)


def test_only_the_ratio_of_sample_weights_matters(data, parameters):
    network = small_network()
    single = loss_and_gradient(network, parameters, with_sample_weight(data, SAMPLE_WEIGHT))
    tenfold = loss_and_gradient(network, parameters, with_sample_weight(data, 10 * SAMPLE_WEIGHT))
    assert_allclose(tenfold[0], single[0], rtol=1e-13)
    assert_allclose(tenfold[1], single[1], rtol=1e-11, atol=1e-15)


@with_and_without_sample_weight
@every_activation_and_loss
def test_float32_stays_float32(activation, loss, sample_weight, data, parameters):
    network = small_network(activation, loss)
    X, targets = data.X.astype(np.float32), data.targets.astype(np.float32)
    data = TrainingData(X, targets, sample_weight)
    parameters = parameters.astype(np.float32)
    signals, pre_activations = forward(network, layer_views(network, parameters), data.X)
    _, gradient = loss_and_gradient(network, parameters, data)
    assert {array.dtype.name for array in [*signals, *pre_activations, gradient]} == {"float32"}


@every_activation_and_loss
def test_float32_agrees_with_float64(activation, loss, data, parameters):
    network = small_network(activation, loss)
    short = TrainingData(data.X.astype(np.float32), data.targets.astype(np.float32))
    _, gradient = loss_and_gradient(network, parameters.astype(np.float32), short)
    _, expected = loss_and_gradient(network, parameters, data)
    assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_the_loss_is_averaged_in_float64():
    """Above 2 ** 24, float32 cannot represent all integers."""
    network = Network((1, 1), (), LOSSES["squared_error"])
    raw = np.array([[2.0**13], [2.0], [2.0]], np.float32)
    data = TrainingData(None, np.zeros_like(raw))
    assert mean_loss(network, raw, data) == (2.0**25 + 4) / 3


def test_parameters_and_data_are_not_changed(data, parameters):
    arrays = parameters, data.X, data.targets
    before = [array.copy() for array in arrays]
    loss_and_gradient(small_network(), parameters, data)
    for array, original in zip(arrays, before, strict=True):
        assert_array_equal(array, original)
