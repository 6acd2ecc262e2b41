import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from skinit import InitMLPClassifier, InitMLPRegressor
from skinit.activations import ACTIVATIONS, LeakyReLU, ReLU, Tanh
from skinit.core import Network, TrainingData, forward, layer_views, loss_and_gradient
from skinit.initializers import (
    LSUV,
    BaseRate,
    He,
    Kraehenbuehl,
    LeCun,
    PerLayer,
    ScikitLearn,
    UnitVariance,
    build_parameters,
)
from skinit.losses import LOSSES


def network_of(*activations, n_outputs=3):
    widths = (4, *([12] * len(activations)), n_outputs)
    return Network(widths, activations, LOSSES["multinomial_cross_entropy"])


@pytest.fixture
def data():
    """Features of different sizes, far from 0, and weighted samples."""
    rng = np.random.RandomState(0)
    X = rng.normal([0, 5, -100, 3], [1, 0.01, 30, 2], size=(80, 4))
    targets = np.eye(3)[rng.choice(3, 80, p=[0.6, 0.3, 0.1])]
    return TrainingData(X, targets, rng.uniform(size=80))


def initialized(init, network, data, seed=0):
    return build_parameters(init, network, np.random.RandomState(seed), data=data)[0]


def pre_activations(network, parameters, data):
    """Return those of all layers, of shape (n_samples, n_units)."""
    return forward(network, layer_views(network, parameters), data.X)[1]


def weighted_std(z, weight, axis):
    mean = np.average(z, axis=axis, weights=weight)
    return np.sqrt(np.average((z - mean) ** 2, axis=axis, weights=weight))


# LSUV


@pytest.mark.parametrize("activation", [ReLU(), Tanh(), ACTIVATIONS["softplus"]], ids=repr)
@pytest.mark.parametrize("base", ["lecun", ScikitLearn()])
def test_lsuv_gives_every_layer_unit_variance(base, activation, data):
    network = network_of(activation, activation)
    for z in pre_activations(network, initialized(LSUV(base), network, data), data):
        weight = np.repeat(data.sample_weight, z.shape[1])
        assert_allclose(weighted_std(z.ravel(), weight, axis=0), 1, rtol=1e-12)


def test_lsuv_multiplies_a_layer_by_one_factor(data):
    network = network_of(ReLU())
    plain = layer_views(network, initialized(ScikitLearn(), network, data))
    ours = layer_views(network, initialized(LSUV(ScikitLearn()), network, data))
    for (W, b), (W_plain, b_plain) in zip(ours, plain, strict=True):
        factor = W[0, 0] / W_plain[0, 0]
        assert_allclose(W, factor * W_plain, rtol=1e-12)
        assert_allclose(b, factor * b_plain, rtol=1e-12)


def test_lsuv_leaves_a_layer_of_no_variance_as_it_is(data):
    network = network_of(ReLU())
    parameters = initialized(LSUV(PerLayer(hidden="lecun", output="zeros")), network, data)
    assert not layer_views(network, parameters)[1][0].any()


# UnitVariance


@pytest.mark.parametrize("base", ["lecun", "uniform"])
def test_unit_variance_standardizes_every_unit(base, data):
    network = network_of(Tanh(), ReLU())
    for z in pre_activations(network, initialized(UnitVariance(base), network, data), data):
        assert_allclose(np.average(z, axis=0, weights=data.sample_weight), 0, atol=1e-10)
        assert_allclose(weighted_std(z, data.sample_weight, axis=0), 1, rtol=1e-12)


def test_without_centering_the_biases_are_those_of_the_base(data):
    network = network_of(Tanh())
    ours = layer_views(
        network, initialized(UnitVariance(ScikitLearn(), center=False), network, data)
    )
    plain = layer_views(network, initialized(ScikitLearn(), network, data))
    assert_array_equal(ours[0][1], plain[0][1])
    z = data.X @ ours[0][0]
    assert_allclose(weighted_std(z, data.sample_weight, axis=0), 1, rtol=1e-12)


def test_unit_variance_keeps_the_directions_of_the_weights(data):
    network = network_of(Tanh())
    (W, _), _ = layer_views(network, initialized(UnitVariance("he"), network, data))
    (W_plain, _), _ = layer_views(network, initialized("he", network, data))
    assert_allclose(W / W[0], W_plain / W_plain[0], rtol=1e-12)


@pytest.mark.parametrize("convert", [np.asarray, csr_array])
def test_a_unit_that_sums_up_rounding_keeps_its_weights(convert):
    """Terms of 1e5 cancel, and leave rounding errors of 1e-11."""
    X = np.random.RandomState(0).normal(size=(50, 1)) * [[1e5, 1e5 / 3]]

    def cancels(layer, rng):
        return [[1.0], [-3.0]], [0.0]

    network = Network((2, 1), (), LOSSES["squared_error"])
    data = TrainingData(convert(X), X[:, :1])
    W = layer_views(network, initialized(UnitVariance(cancels), network, data))[0][0]
    assert_array_equal(W, [[1.0], [-3.0]])


# Kraehenbuehl


def rates(network, parameters, data):
    """Return the size of the gradient of each layer relative to that of its weights."""
    _, gradient = loss_and_gradient(network, parameters, data)
    return [
        np.sqrt((dW**2).mean() / (W**2).mean())
        for (dW, _), (W, _) in zip(
            layer_views(network, gradient), layer_views(network, parameters), strict=True
        )
    ]


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(0.3), ACTIVATIONS["identity"]], ids=repr)
def test_layers_that_only_scale_learn_at_one_rate(activation, data):
    network = network_of(*[activation] * 4)
    ours = rates(network, initialized(Kraehenbuehl(), network, data), data)
    assert_allclose(ours, ours[0], rtol=1e-9)


@pytest.mark.parametrize("name", ["tanh", "gelu", "elu", "softplus"])
def test_layers_of_other_activations_learn_at_similar_rates(name, data):
    network = network_of(*[ACTIVATIONS[name]] * 4)
    before = rates(network, initialized(UnitVariance(), network, data), data)
    after = rates(network, initialized(Kraehenbuehl(), network, data), data)
    assert np.ptp(np.log(after)) < 0.25 * np.ptp(np.log(before))


def test_balancing_rescales_layers_and_keeps_the_raw_predictions(data):
    network = network_of(ReLU(), LeakyReLU(0.1), ReLU())
    unbalanced = initialized(UnitVariance(), network, data)
    balanced = initialized(Kraehenbuehl(), network, data)
    assert_allclose(
        pre_activations(network, balanced, data)[-1],
        pre_activations(network, unbalanced, data)[-1],
        rtol=1e-9,
        atol=1e-9,
    )
    factors = [
        W[0, 0] / W_before[0, 0]
        for (W, _), (W_before, _) in zip(
            layer_views(network, balanced), layer_views(network, unbalanced), strict=True
        )
    ]
    assert abs(np.log(factors)).max() > 0.1
    assert_allclose(np.prod(factors), 1, rtol=1e-9)


def test_a_layer_that_does_not_learn_is_left_alone(data):
    """Output weights of zero let no gradient through to the first layer."""
    network = network_of(ReLU())
    init = [Kraehenbuehl(), "zeros"]
    (W, _), (W_output, _) = layer_views(network, initialized(init, network, data))
    (W_before, _), _ = layer_views(network, initialized([UnitVariance(), "zeros"], network, data))
    assert_array_equal(W, W_before)
    assert not W_output.any()


# BaseRate


def constant_loss(network, data):
    """Minimize the loss of a constant prediction by gradient descent."""
    scores = np.zeros((1, data.targets.shape[1]))
    weight = data.sample_weight / data.sample_weight.sum()
    for _ in range(4000):
        gradient = network.loss.gradient(np.repeat(scores, len(weight), 0), data.targets)
        scores = scores - 0.5 * weight @ gradient
    return weight @ network.loss.per_sample(np.repeat(scores, len(weight), 0), data.targets)


@pytest.mark.parametrize(
    ("loss", "columns"),
    [
        ("multinomial_cross_entropy", [0, 1, 2]),
        ("binary_cross_entropy", [0]),
        ("binary_cross_entropy", [0, 1, 2]),
        ("squared_error", [0, 1]),
        ("poisson", [0, 1]),
        ("huber", [0]),
    ],
)
def test_with_output_weights_of_zero_the_initial_loss_is_that_of_the_best_constant(
    loss, columns, data
):
    targets = data.targets[:, columns]
    if loss in ("squared_error", "poisson", "huber"):
        targets = targets + 3 * targets * data.X[:, :1] ** 2
    data = TrainingData(data.X, targets, data.sample_weight)
    network = Network((4, 5, len(columns)), (ReLU(),), LOSSES[loss])
    init = BaseRate(PerLayer(hidden="he", output="zeros"))
    initial_loss, _ = loss_and_gradient(network, initialized(init, network, data), data)
    assert_allclose(initial_loss, constant_loss(network, data), rtol=1e-6)


def test_the_initial_loss_of_a_classifier_is_the_entropy_of_its_classes():
    y = np.repeat([0, 1, 2], [70, 20, 10])
    X = np.random.RandomState(0).normal(size=(100, 3))
    init = BaseRate(PerLayer(hidden="he", output="zeros"))
    model = InitMLPClassifier(init=init, max_iter=1, random_state=0).fit(X, y)
    shares = np.array([0.7, 0.2, 0.1])
    assert_allclose(model.loss_curve_[0], -(shares * np.log(shares)).sum(), rtol=1e-12)


def test_a_regressor_of_counts_predicts_their_mean_at_first():
    X = np.random.RandomState(0).normal(size=(40, 3))
    y = np.arange(40.0)
    init = BaseRate(PerLayer(hidden="he", output="zeros"))
    settings = {"loss": "poisson", "max_iter": 1, "learning_rate": 1e-12, "random_state": 0}
    model = InitMLPRegressor(init=init, **settings)
    assert_allclose(np.exp(model.fit(X, y).initial_intercepts_[-1]), 19.5, rtol=1e-12)


def test_only_the_last_bias_is_not_that_of_the_base(data):
    network = network_of(ReLU(), ReLU())
    plain = layer_views(network, initialized(ScikitLearn(), network, data))
    ours = layer_views(network, initialized(BaseRate(ScikitLearn()), network, data))
    for (W, b), (W_plain, b_plain), is_last in zip(ours, plain, [0, 0, 1], strict=True):
        assert_array_equal(W, W_plain)
        assert (b == b_plain).all() != is_last


def test_a_class_that_has_not_come_yet_counts_as_half_a_sample():
    X = np.random.RandomState(0).normal(size=(20, 3))
    init = BaseRate(PerLayer(hidden="he", output="zeros"))
    model = InitMLPClassifier(init=init, learning_rate=1e-9, max_iter=1, random_state=0)
    probabilities = model.partial_fit(X, [0, 1] * 10, classes=[0, 1, 2]).predict_proba(X[:1])
    assert_allclose(probabilities, [np.array([10, 10, 0.5]) / 20.5], atol=1e-6)


# with the same seed


@pytest.mark.parametrize("Family", [LSUV, UnitVariance, Kraehenbuehl, BaseRate])
def test_measuring_draws_nothing(Family, data):
    network = network_of(ReLU(), ReLU())
    left = []
    for init in (LeCun(), Family(base=LeCun())):
        rng = np.random.RandomState(0)
        build_parameters(init, network, rng, data=data)
        left.append(rng.normal())
    assert left[0] == left[1]


def test_a_base_may_be_chosen_by_name_object_or_function(data):
    network = network_of(ReLU())

    def he(layer, rng):
        return He()(layer, rng)

    results = [initialized(LSUV(base), network, data) for base in ("he", He(), he)]
    assert_array_equal(results[0], results[1])
    assert_array_equal(results[0], results[2])
