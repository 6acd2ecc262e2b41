import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_digits, make_circles
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from skinit import (
    Activation,
    InitMLPClassifier,
    InitMLPRegressor,
    load_circles,
    load_moons,
)
from skinit.activations import ACTIVATIONS, Logistic, ReLU, Softsign, Tanh
from skinit.core import Network, TrainingData, layer_views
from skinit.initializers import SWIM, HullBias, NguyenWidrow, build_parameters
from skinit.initializers.placement import active_range, quarters
from skinit.losses import LOSSES


def first_layer(init, X, targets=None, activation=None, n_units=30, sample_weight=None, seed=0):
    """Initialize a network with one hidden layer; return the weights and biases of that layer."""
    targets = X[:, :1] if targets is None else targets
    network = Network(
        (X.shape[1], n_units, targets.shape[1]), (activation or ReLU(),), LOSSES["squared_error"]
    )
    data = TrainingData(X, targets, sample_weight)
    parameters, _ = build_parameters(init, network, np.random.RandomState(seed), data=data)
    W, b = layer_views(network, parameters)[0]
    return W, b[0]


@pytest.fixture
def rng():
    return np.random.RandomState(1)


# HullBias


def crosses(points, w, b):
    """Tell whether a mixture of the points has the pre-activation 0, by linear programming."""
    sums = np.vstack([points @ w + b, np.ones(len(points))])
    return linprog(np.zeros(len(points)), A_eq=sums, b_eq=[0, 1]).status == 0


@pytest.mark.parametrize("n_samples", [1, 5])
def test_every_hinge_crosses_the_data(n_samples, rng):
    X = rng.normal(50, 1, (20, 3))
    W, b = first_layer(HullBias(n_samples=n_samples), X)
    assert all(crosses(X, *unit) for unit in zip(W.T, b, strict=True))
    W, b = first_layer("he", X)
    assert not any(crosses(X, *unit) for unit in zip(W.T, b, strict=True))


def test_with_one_sample_every_hinge_goes_through_a_sample(rng):
    X = rng.normal(50, 1, (20, 3))
    W, b = first_layer(HullBias(n_samples=1), X)
    assert_allclose(abs(X @ W + b).min(axis=0), 0, atol=1e-12)


def test_hinges_lie_where_a_dirichlet_distribution_puts_them(rng):
    """Along one feature of variance v, at mixtures of k samples of variance 2 v / (k + 1)."""
    X = rng.normal(3.0, 2.0, (5000, 1))
    _, b = first_layer(HullBias("ones", n_samples=5), X, n_units=20_000)
    assert_allclose(np.mean(-b), X.mean(), atol=0.05)
    assert_allclose(np.var(-b), 2 / 6 * X.var(), rtol=0.05)


def test_samples_without_weight_are_not_drawn(rng):
    X = np.r_[rng.normal(0, 1, (50, 1)), rng.normal(100, 1, (50, 1))]
    weight = np.repeat([1.0, 0.0], 50)
    _, b = first_layer(HullBias("ones"), X, sample_weight=weight)
    assert abs(b).max() < 5


@pytest.mark.parametrize("n_samples", [0, 1.5, "5"])
def test_a_wrong_number_of_samples_is_named(n_samples, rng):
    with pytest.raises((TypeError, ValueError), match="n_samples"):
        first_layer(HullBias(n_samples=n_samples), rng.normal(size=(9, 2)))


def test_the_output_layer_keeps_its_biases():
    X, y, _, _ = load_circles()
    model = InitMLPClassifier(init=HullBias(), max_iter=1, random_state=0).fit(X, y)
    assert model.initial_intercepts_[0].any()
    assert not model.initial_intercepts_[-1].any()


# NguyenWidrow


@pytest.mark.parametrize(("activation", "half"), [(Tanh(), 2), (Logistic(), 4), (ReLU(), 1)])
def test_weights_have_the_length_of_the_paper_in_inputs_scaled_to_one(activation, half, rng):
    low, high = np.array([-3.0, 10.0, 0.0]), np.array([1.0, 11.0, 1e-3])
    X = rng.uniform(low, high, (40, 3))
    X[0], X[1] = low, high
    n_units = 50
    W, b = first_layer(NguyenWidrow(), X, activation=activation, n_units=n_units)
    # z in inputs from -1 to 1, and in units of the active range of the activation
    W_scaled = W * ((high - low) / 2)[:, np.newaxis] / half
    b_scaled = (b + (high + low) / 2 @ W) / half
    beta = 0.7 * n_units ** (1 / 3)
    assert_allclose(np.linalg.norm(W_scaled, axis=0), beta, rtol=1e-12)
    assert 0.8 * beta < abs(b_scaled).max() <= beta


def test_one_input_falls_into_as_many_parts_as_there_are_units():
    """Each unit is active on 1 / 0.7 of its share of the range."""
    n_units = 14
    X = np.linspace(5, 25, 50).reshape(-1, 1)
    W, _ = first_layer(NguyenWidrow(), X, activation=Tanh(), n_units=n_units)
    active = 4 / abs(W[0])  # from z = -2 to z = 2
    assert_allclose(active, 20 / n_units / 0.7, rtol=1e-12)


def test_hinges_are_spread_evenly_over_the_range_of_one_input():
    X = np.linspace(5, 25, 50).reshape(-1, 1)
    W, b = first_layer(NguyenWidrow(), X, n_units=5000)
    hinges = np.sort(-b / W[0])
    assert_allclose(hinges, np.linspace(5, 25, 5000), atol=0.5)


def test_a_sparse_column_that_is_never_zero_has_its_own_range(rng):
    X = rng.uniform(2, 3, (20, 2))
    for ours, dense in zip(
        first_layer(NguyenWidrow(), csr_array(X), X[:, :1]),
        first_layer(NguyenWidrow(), X, X[:, :1]),
        strict=True,
    ):
        assert_allclose(ours, dense, rtol=1e-12)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (Tanh(), (-2, 2)),
        (Logistic(), (-4, 4)),
        (ACTIVATIONS["sin"], (-np.arccos(np.cosh(2) ** -2), np.arccos(np.cosh(2) ** -2))),
        (Softsign(), (1 - np.cosh(2), np.cosh(2) - 1)),
        (Activation(lambda z: -np.tanh(z - 3), lambda z: np.tanh(z - 3) ** 2 - 1), (1, 5)),
        (Activation(lambda z: np.clip(z, -1, 1), lambda z: (abs(z) < 1) * 1.0), (-1, 1)),
        *[(ACTIVATIONS[name], (-1, 1)) for name in ("identity", "relu", "elu", "gelu", "mish")],
        (Activation(np.exp, np.exp), (-1, 1)),
        (Activation(np.zeros_like, np.zeros_like), (-1, 1)),
        (None, (-1, 1)),
    ],
)
def test_an_activation_is_at_work_as_long_as_it_is_steep(activation, expected):
    assert_allclose(active_range(activation), expected, rtol=1e-3)


# SWIM


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (Tanh(), (-np.log(3) / 2, np.log(3) / 2)),
        (Logistic(), (-np.log(3), np.log(3))),
        (Softsign(), (-1, 1)),
        (ACTIVATIONS["sin"], (-np.pi / 6, np.pi / 6)),
        (Activation(lambda z: 1 - np.tanh(z), lambda z: np.tanh(z) ** 2 - 1), (-0.5493, 0.5493)),
        *[
            (ACTIVATIONS[name], (0, 1))
            for name in ("relu", "leaky_relu", "elu", "gelu", "softplus")
        ],
    ],
)
def test_units_are_laid_where_an_activation_has_gone_a_quarter_of_its_way(activation, expected):
    assert_allclose(quarters(activation), expected, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize(("activation", "z"), [(ReLU(), (0, 1)), (Tanh(), (-0.549306, 0.549306))])
def test_every_unit_lies_between_two_samples_of_different_targets(activation, z, rng):
    X = rng.normal(size=(12, 3))
    targets = np.repeat([[0.0], [1.0]], 6, axis=0)
    W, b = first_layer(SWIM(), X, targets, activation)
    for w, bias in zip(W.T, b, strict=True):
        reached = X @ w + bias
        pairs = [
            (i, j)
            for i in np.flatnonzero(abs(reached - z[0]) < 1e-6)
            for j in np.flatnonzero(abs(reached - z[1]) < 1e-6)
            if np.allclose(w, (z[1] - z[0]) * (X[j] - X[i]) / ((X[j] - X[i]) ** 2).sum(), 1e-5)
        ]
        assert [targets[i, 0] != targets[j, 0] for i, j in pairs] == [True]


def test_pairs_are_drawn_in_proportion_to_difference_over_distance():
    """Pairs of three samples on a line are drawn by |dy| / |dx|; the slope identifies the pair."""
    X, targets = np.array([[0.0], [1.0], [4.0]]), np.array([[0.0], [2.0], [3.0]])
    draws = [first_layer(SWIM(), X, targets, seed=seed) for seed in range(60)]
    slopes = np.abs([W for W, _ in draws]).ravel()
    chances = {1: 2 / 1, 3: 1 / 3, 4: 3 / 4}  # distance: chance
    for distance, chance in chances.items():
        share = np.isclose(slopes, 1 / distance).mean()
        assert_allclose(share, chance / sum(chances.values()), atol=0.03)


def test_the_output_layer_is_a_least_squares_fit_of_numbers(rng):
    X, _ = load_diabetes(return_X_y=True)
    y = 7 + X @ rng.normal(size=(10, 2))
    model = InitMLPRegressor(
        (), init=SWIM(ridge=1e-9), learning_rate=1e-12, max_iter=1, random_state=0
    )
    weight = rng.uniform(size=len(X))
    noisy = y + rng.normal(size=y.shape)
    expected = LinearRegression().fit(X, noisy, weight)
    model.fit(X, noisy, weight)
    assert_allclose(model.coefs_[0].T, expected.coef_, rtol=1e-5)
    assert_allclose(model.intercepts_[0], expected.intercept_, rtol=1e-5)


def untrained(X, y, **settings):
    """Fit a classifier for one iteration with a learning rate of almost 0."""
    model = InitMLPClassifier(
        (200,), init="swim", learning_rate=1e-12, max_iter=1, random_state=0, **settings
    )
    return model.fit(X, y)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "gelu", "sin"])
@pytest.mark.parametrize("load", [load_circles, load_moons])
def test_swim_classifies_circles_and_moons_without_training(load, activation):
    X, y, X_test, y_test = load()
    assert untrained(X, y, activation=activation).score(X_test, y_test) >= 0.9


def test_digits_are_read_without_training():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    assert untrained(X_train, y_train).score(X_test, y_test) > 0.9


def test_initial_probabilities_of_swim_are_smoothed():
    X, y = make_circles(500, factor=0.3, random_state=0)
    probabilities = untrained(X, y).predict_proba(X).max(axis=1)
    assert_allclose(np.median(probabilities), 0.95, atol=0.03)


def test_duplicates_do_not_make_weights_large(rng):
    X = np.repeat(rng.normal(size=(20, 2)), 5, axis=0)
    targets = rng.normal(size=(100, 1))  # not even the same for the same samples
    nearest = np.sort(np.linalg.norm(X[::5, None] - X[::5], axis=2), axis=1)[:, 1].min()
    W, _ = first_layer(SWIM(), X, targets)
    assert np.linalg.norm(W, axis=0).max() <= 1 / nearest * (1 + 1e-12)


def test_targets_that_are_all_the_same_leave_the_distance_to_decide(rng):
    X = rng.normal(size=(30, 2))
    W, _ = first_layer(SWIM(), X, np.ones((30, 1)))
    assert len(np.unique(W.round(9), axis=1).T) > 20


def test_units_are_different_where_there_are_pairs_enough(rng):
    X, targets = rng.normal(size=(12, 2)), rng.normal(size=(12, 1))
    W, b = first_layer(SWIM(), X, targets, n_units=12 * 11)
    units = np.vstack([W, b]).round(9)
    assert np.unique(units, axis=1).shape == units.shape


def test_a_penalty_must_be_above_zero(rng):
    with pytest.raises(ValueError, match="ridge"):
        first_layer(SWIM(ridge=0.0), rng.normal(size=(9, 2)))
