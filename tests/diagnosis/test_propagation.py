"""Signal and gradient, layer by layer: against closed forms, differences and mean-field theory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.stats import ortho_group
from sklearn.metrics.pairwise import cosine_similarity

from skinit.activations import ACTIVATIONS, GELU, Identity, Logistic, ReLU, Sin, Tanh
from skinit.core import Network, TrainingData, forward, layer_views
from skinit.diagnosis.layer_statistics import (
    count_distinct_units,
    dead_units,
    effective_rank,
    mean_cosine,
    saturated_share,
)
from skinit.diagnosis.propagation import measure_propagation
from skinit.initializers import He, LeCun, VarianceScaling, build_parameters
from skinit.losses import LOSSES


def initialized(widths, activation, init, seed=0):
    network = Network(widths, (activation,) * (len(widths) - 2), LOSSES["squared_error"])
    parameters, _ = build_parameters(init, network, np.random.RandomState(seed))
    return network, parameters


def drawn_data(n_samples=50, n_features=4, n_outputs=2, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, n_features))
    return TrainingData(X, rng.normal(size=(n_samples, n_outputs)))


def assert_close(one, other):
    """Compare two measurements, whatever rounding has done to them."""
    for name, column in one.to_dict().items():
        assert_allclose(column, other.to_dict()[name], rtol=1e-9, atol=1e-12, err_msg=name)


# --- The signal -----------------------------------------------------------------------------------


def test_the_identity_keeps_mean_variance_rank_and_correlation():
    data = drawn_data(n_outputs=4)
    network, parameters = initialized((4, 4, 4, 4), Identity(), "identity")
    measured = measure_propagation(network, parameters, data)
    assert_allclose(measured.pre_activation_mean, [data.X.mean()] * 3)
    assert_allclose(measured.pre_activation_variance, [data.X.var()] * 3)
    assert_allclose(measured.effective_rank, [measured.input_rank] * 3)
    assert_allclose(measured.correlation, [measured.input_correlation] * 3)


def test_mean_and_variance_are_those_of_all_samples_and_units():
    data = drawn_data()
    network, parameters = initialized((4, 6, 5, 2), Tanh(), "he")
    signals, pre_activations = forward(network, layer_views(network, parameters), data.X)
    measured = measure_propagation(network, parameters, data)
    assert_allclose(measured.pre_activation_mean, [z.mean() for z in pre_activations])
    assert_allclose(measured.pre_activation_variance, [z.var() for z in pre_activations])
    assert_allclose(measured.activation_mean, [a.mean() for a in signals[1:]])
    assert_allclose(measured.activation_variance, [a.var() for a in signals[1:]])


def test_glorot_on_relu_halves_the_mean_square_layer_by_layer():
    network, parameters = initialized((400,) * 7, ReLU(), "glorot")
    data = TrainingData(np.random.RandomState(1).normal(size=(100, 400)), None)
    squares = measure_propagation(network, parameters, data).pre_activation_square
    assert_allclose(squares, 0.5 ** np.arange(6), rtol=0.25)
    assert_allclose((squares[-1] / squares[0]) ** 0.2, 0.5, rtol=0.05)


@pytest.mark.parametrize("n_features", [3, 80])
def test_sparse_data_are_measured_like_dense_ones(n_features):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, n_features)) * (rng.uniform(size=(40, n_features)) < 0.3)
    X[0] = 0.0
    targets = rng.normal(size=(40, 2))
    network, parameters = initialized((n_features, 6, 2), ReLU(), "he")
    dense = measure_propagation(network, parameters, TrainingData(X, targets))
    sparse = measure_propagation(network, parameters, TrainingData(csr_matrix(X), targets))
    assert_close(dense, sparse)
    for name in ("input_square", "input_rank", "input_correlation"):
        assert_allclose(getattr(dense, name), getattr(sparse, name))


def test_histograms_count_each_activation_between_the_smallest_and_the_largest():
    data = drawn_data()
    network, parameters = initialized((4, 6, 5, 2), Tanh(), "he")
    signals, _ = forward(network, layer_views(network, parameters), data.X)
    measured = measure_propagation(network, parameters, data)
    assert_array_equal(measured.counts.sum(axis=1), [50 * 6, 50 * 5, 50 * 2])
    assert_allclose(measured.edges[:, 0], [a.min() for a in signals[1:]])
    assert_allclose(measured.edges[:, -1], [a.max() for a in signals[1:]])


# --- The gradient ---------------------------------------------------------------------------------


def test_gradients_are_those_of_finite_differences(numerical_gradient):
    data = drawn_data(n_samples=6)
    network, parameters = initialized((4, 3, 3, 2), Tanh(), "he")

    def mean_loss(values):
        raw_predictions = forward(network, layer_views(network, values), data.X)[0][-1]
        return 0.5 * np.square(raw_predictions - data.targets).sum() / 6

    by_weights = layer_views(network, numerical_gradient(mean_loss, parameters))
    measured = measure_propagation(network, parameters, data)
    expected = [np.sqrt(np.mean(dW**2)) for dW, _ in by_weights]
    assert_allclose(measured.weight_gradient, expected, rtol=1e-8)

    layers = layer_views(network, parameters)
    for index in range(3):

        def sum_of_losses(shift, index=index):
            signal = data.X
            for number, (W, b) in enumerate(layers):
                z = signal @ W + b + (shift if number == index else 0)
                signal = np.tanh(z) if number < 2 else z
            return 0.5 * np.square(signal - data.targets).sum()

        shifts = np.zeros((6, network.widths[index + 1]))
        deltas = numerical_gradient(sum_of_losses, shifts)
        assert_allclose(measured.signal_gradient[index], np.sqrt(np.mean(deltas**2)), rtol=1e-8)


def test_an_orthogonal_linear_network_keeps_signal_and_gradient():
    layers = [(ortho_group.rvs(5, random_state=k), np.zeros(5)) for k in range(4)]
    network = Network((5,) * 5, (Identity(),) * 3, LOSSES["squared_error"])
    parameters = np.concatenate([part.ravel() for layer in layers for part in layer])
    measured = measure_propagation(network, parameters, drawn_data(n_features=5, n_outputs=5))
    assert_allclose(measured.pre_activation_square, [measured.input_square] * 4)
    assert_allclose(measured.signal_gradient, [measured.signal_gradient[-1]] * 4)


def test_without_targets_there_is_no_gradient():
    network, parameters = initialized((4, 3, 2), ReLU(), "he")
    measured = measure_propagation(network, parameters, TrainingData(drawn_data().X, None))
    assert np.isnan([measured.weight_gradient, measured.signal_gradient]).all()


# --- Mean-field theory ----------------------------------------------------------------------------


def alike_samples(n_samples, n_features, cosine):
    """Samples of mean square 1, any two of which have the same cosine."""
    Q = ortho_group.rvs(n_features, random_state=0)[: n_samples + 1]
    return np.sqrt(n_features) * (np.sqrt(cosine) * Q[0] + np.sqrt(1 - cosine) * Q[1:])


@pytest.mark.parametrize(("activation", "scale"), [(ReLU(), 2.0), (Tanh(), 1.5), (GELU(), 2.0)])
def test_a_wide_network_is_on_average_what_mean_field_theory_expects(activation, scale):
    # So far from the scores, the targets give all samples the same gradient.
    data = TrainingData(alike_samples(12, 200, cosine=0.4), np.full((12, 1), 100.0))
    ratios, differences = [], []
    for seed in range(8):
        drawn = initialized((200, *[300] * 3, 1), activation, VarianceScaling(scale), seed)
        found = measure_propagation(*drawn, data)
        of_signal = found.pre_activation_square / found.expected_square
        of_gradient = found.signal_gradient / found.expected_gradient
        ratios.append([of_signal[:-1], of_gradient[:-1]])
        differences.append((found.correlation - found.expected_correlation)[:-1])
    assert_allclose(np.mean(ratios, axis=0), 1, atol=0.12)
    assert_allclose(np.mean(differences, axis=0), 0, atol=0.03)


def test_theory_follows_closed_forms_for_relu():
    network, parameters = initialized((30, 20, 40, 1), ReLU(), "he")
    W = [W for W, _ in layer_views(network, parameters)]
    measured = measure_propagation(network, parameters, drawn_data(30, 30, 1))
    first = 30 * np.mean(W[0] ** 2) * measured.input_square
    second = 20 * np.mean(W[1] ** 2) * first / 2
    assert_allclose(measured.expected_square[:2], [first, second])
    back = measured.signal_gradient[-1] ** 2 * np.mean(W[2] ** 2) / 2
    assert_allclose(measured.expected_gradient[1] ** 2, back)
    assert_allclose(measured.expected_gradient[0] ** 2, back * 40 * np.mean(W[1] ** 2) / 2)
    angle = np.arccos(measured.expected_correlation[0])
    cosine = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi  # Cho and Saul, 2009
    assert_allclose(measured.expected_correlation[1], cosine, atol=1e-4)


# --- Units ----------------------------------------------------------------------------------------


def test_exactly_the_units_that_were_killed_are_dead():
    network, parameters = initialized((4, 10, 2), ReLU(), LeCun())
    data = drawn_data()
    layers = layer_views(network, parameters)
    layers[0][1][..., [1, 4, 7]] = -1e3
    layers[0][1][..., [0, 2, 3, 5, 6, 8, 9]] = 1.0
    _, (z, _) = forward(network, layers, data.X)
    assert_array_equal(np.flatnonzero(dead_units(ReLU(), z)), [1, 4, 7])
    assert measure_propagation(network, parameters, data).dead[0] == pytest.approx(0.3)


@pytest.mark.parametrize("activation", [Tanh(), Logistic(), GELU(), ReLU()])
def test_a_unit_without_a_slope_is_dead_whatever_its_activation(activation):
    z = np.array([[-50.0, 0.5], [-40.0, -0.5]])
    assert_array_equal(dead_units(activation, z), [True, False])


def test_saturation_counts_pre_activations_in_the_flat_parts():
    z = np.arctanh(np.sqrt(1 - 0.05)) * np.array([[-1.01, -0.99, 0.0, 0.99, 1.01]])
    assert saturated_share(Tanh(), z) == pytest.approx(0.4)


def test_saturation_is_defined_for_bounded_activations():
    z = np.zeros((2, 2))
    bounded = {name for name in ACTIVATIONS if not np.isnan(saturated_share(ACTIVATIONS[name], z))}
    assert bounded == {"tanh", "logistic", "sigmoid", "softsign", "sin"}
    assert saturated_share(Sin(), z) == 0


def test_zeros_make_all_units_identical_and_all_samples_the_same():
    network, parameters = initialized((4, 6, 5, 2), Tanh(), "zeros")
    measured = measure_propagation(network, parameters, drawn_data())
    assert_array_equal(measured.distinct, [1, 1, 1])
    assert_array_equal(measured.effective_rank, [0, 0, 0])
    assert_array_equal(measured.weight_gradient, [0, 0, 0])


def test_units_that_differ_only_in_their_outgoing_weights_are_distinct():
    network, parameters = initialized((3, 4, 4, 1), Tanh(), ["ones", "he", "ones"])
    layers = layer_views(network, parameters)
    assert [count_distinct_units(layers, k) for k in range(3)] == [4, 4, 1]


def test_identical_units_count_once_wherever_they_are():
    network, parameters = initialized((3, 6, 2), Tanh(), "he")
    (W, _), (out, _) = layers = layer_views(network, parameters)
    W[:, 5], out[5] = W[:, 1], out[1]
    W[:, 3], out[3] = W[:, 1], out[1]
    assert count_distinct_units(layers, 0) == 4


# --- Telling samples apart ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_the_effective_rank_is_the_participation_ratio_of_the_covariance(shape):
    signal = np.random.RandomState(0).normal(1.0, np.arange(1, shape[1] + 1), size=shape)
    eigenvalues = np.linalg.eigvalsh(np.cov(signal.T))
    expected = eigenvalues.sum() ** 2 / np.square(eigenvalues).sum()
    assert_allclose(effective_rank(signal), expected)
    assert_allclose(effective_rank(csr_matrix(signal)), expected)


@pytest.mark.parametrize("n_directions", [1, 3, 8])
def test_the_effective_rank_counts_equal_directions(n_directions):
    directions = ortho_group.rvs(8, random_state=0)[:n_directions]
    assert_allclose(effective_rank(5 + np.vstack([directions, -directions])), n_directions)


def test_the_mean_cosine_is_that_of_all_pairs():
    signal = np.random.RandomState(0).normal(0.5, size=(20, 6))
    pairs = cosine_similarity(signal)[np.triu_indices(20, k=1)]
    assert_allclose(mean_cosine(signal), pairs.mean())
    assert_allclose(mean_cosine(np.vstack([signal, np.zeros(6)])), pairs.mean())


def test_relu_layers_make_samples_more_similar_with_depth():
    network, parameters = initialized((10, *[100] * 20, 1), ReLU(), He())
    data = TrainingData(np.random.RandomState(0).normal(size=(50, 10)), None)
    correlation = measure_propagation(network, parameters, data).correlation
    assert correlation[0] < 0.1
    assert correlation[-2] > 0.9
