"""The Jacobian and the curvature: against differences, explicit matrices, and training itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix
from scipy.stats import ortho_group

from skinit import DivergedError, InitMLPClassifier, InitMLPRegressor, diagnose
from skinit.activations import ACTIVATIONS, Identity, ReLU, Tanh
from skinit.core import Network, TrainingData, forward, layer_views, loss_and_gradient
from skinit.diagnosis.spectra import hessian_product, jacobian_singular_values, largest_curvature
from skinit.initializers import Given, build_parameters
from skinit.losses import LOSSES, Loss
from skinit.solvers import SGD


def initialized(widths, activation=None, init="he", loss="squared_error", seed=0):
    network = Network(widths, (activation or Tanh(),) * (len(widths) - 2), LOSSES[loss])
    parameters, _ = build_parameters(init, network, np.random.RandomState(seed))
    return network, parameters


def drawn_data(n_samples=20, n_features=3, n_outputs=2):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, n_features))
    return TrainingData(X, np.eye(n_outputs)[rng.randint(0, n_outputs, n_samples)])


# --- The Jacobian ---------------------------------------------------------------------------------


def test_an_orthogonal_linear_network_has_singular_values_of_one():
    coefs = [ortho_group.rvs(6, random_state=k) for k in range(4)]
    network, parameters = initialized((6,) * 5, Identity(), Given(coefs))
    assert_allclose(jacobian_singular_values(network, parameters, np.ones((3, 6))), 1)


@pytest.mark.parametrize("n_outputs", [1, 2, 5])
def test_singular_values_are_those_of_differences(n_outputs):
    network, parameters = initialized((3, 7, 6, n_outputs))
    X, h = drawn_data(4).X, 1e-6
    layers = layer_views(network, parameters)
    expected = []
    for x in X:
        columns = [
            (
                forward(network, layers, x + h * e)[0][-1]
                - forward(network, layers, x - h * e)[0][-1]
            )
            for e in np.eye(3)
        ]
        expected.append(np.linalg.svd(np.vstack(columns) / (2 * h), compute_uv=False))
    assert_allclose(jacobian_singular_values(network, parameters, X), expected, rtol=1e-6)


def test_the_jacobian_of_sparse_data_is_that_of_dense_ones():
    network, parameters = initialized((3, 7, 2))
    X = drawn_data(4).X
    expected = jacobian_singular_values(network, parameters, X)
    assert_allclose(jacobian_singular_values(network, parameters, csr_matrix(X)), expected)


def test_the_samples_of_the_jacobian_are_at_equal_distances():
    network, parameters = initialized((3, 7, 2))
    X = drawn_data(15).X
    values = jacobian_singular_values(network, parameters, X)
    assert_allclose(values, jacobian_singular_values(network, parameters, X[::2]))


def test_the_jacobian_of_very_many_outputs_has_200_of_them():
    Q = ortho_group.rvs(210, random_state=0)
    network, parameters = initialized((210, 210), init=Given([Q]))
    values = jacobian_singular_values(network, parameters, np.ones((2, 210)))
    assert values.shape == (2, 200)
    assert_allclose(values, 1)


# --- The curvature --------------------------------------------------------------------------------


def explicit_hessian(network, parameters, data, alpha=0.0, steps=1e-5):
    """Differentiate the gradient by each parameter, with one step for all or one for each."""
    steps = np.broadcast_to(steps, len(parameters))
    columns = [
        (
            loss_and_gradient(network, parameters + step, data, alpha)[1]
            - loss_and_gradient(network, parameters - step, data, alpha)[1]
        )
        / (2 * step.max())
        for step in np.diag(steps)
    ]
    return np.array(columns)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "softsign", "elu", "sin", "identity"])
@pytest.mark.parametrize(
    "loss", ["squared_error", "multinomial_cross_entropy", "binary_cross_entropy", "poisson"]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_hessian_products_are_those_with_the_explicit_hessian(activation, loss, weighted):
    network, parameters = initialized((3, 5, 4, 2), ACTIVATIONS[activation], "glorot", loss)
    X, targets = drawn_data().X, drawn_data().targets
    data = TrainingData(X, targets, np.arange(20) % 3 + 0.5 if weighted else None)
    hessian = explicit_hessian(network, parameters, data, alpha=0.0)
    vector = np.random.RandomState(1).normal(size=len(parameters))
    product = hessian_product(network, parameters, data)(vector)
    assert_allclose(product, hessian @ vector, rtol=1e-5, atol=1e-7)


def test_hessian_products_are_exact_on_features_that_are_not_scaled():
    network, parameters = initialized((3, 5, 2), loss="multinomial_cross_entropy")
    scales = np.array([1e3, 1.0, 1e-2])
    data = TrainingData(drawn_data().X * scales, drawn_data().targets)
    steps = np.full(len(parameters), 1e-5)
    for values, factor in ((parameters, 1 / scales), (steps, 1 / scales)):
        layer_views(network, values)[0][0][...] *= factor[:, np.newaxis]
    hessian = explicit_hessian(network, parameters, data, steps=steps)
    multiply = hessian_product(network, parameters, data)
    products = np.array([multiply(e) for e in np.eye(len(parameters))])
    # In units in which all parameters move the pre-activations as far.
    units = np.outer(steps, steps) / 1e-10
    assert_allclose(products * units, hessian * units, rtol=1e-5, atol=1e-7)
    largest = np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1]
    assert_allclose(largest_curvature(network, parameters, data), largest, rtol=1e-3)


def test_the_curvature_of_sparse_data_is_that_of_dense_ones():
    network, parameters = initialized((3, 5, 2))
    data = drawn_data()
    sparse = TrainingData(csr_matrix(data.X), data.targets)
    dense = largest_curvature(network, parameters, data)
    assert_allclose(largest_curvature(network, parameters, sparse), dense)


@pytest.mark.parametrize("loss", ["squared_error", "multinomial_cross_entropy"])
@pytest.mark.parametrize("alpha", [0.0, 5.0])
def test_the_curvature_is_the_largest_eigenvalue_of_the_hessian(loss, alpha):
    network, parameters = initialized((3, 5, 4, 2), loss=loss)
    data = drawn_data()
    hessian = explicit_hessian(network, parameters, data, alpha)
    expected = np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1]
    assert_allclose(largest_curvature(network, parameters, data, alpha), expected, rtol=0.01)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("weights", [0.0, 1.0])
def test_the_curvature_of_a_line_is_that_of_its_features(scale, weights):
    network, parameters = initialized((3, 1))
    data = drawn_data(n_outputs=1)
    data = TrainingData(scale * data.X, data.targets)
    columns = np.column_stack([data.X, np.ones(20)])
    expected = np.linalg.eigvalsh(columns.T @ columns / 20)[-1]
    assert_allclose(largest_curvature(network, weights * parameters, data), expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-5, 1e5])
def test_the_curvature_is_found_however_small_it_is(scale):
    """Multiplying the loss by a factor multiplies the curvature by the same factor."""

    def times(loss):
        def per_sample(scores, targets):
            return scale * loss.per_sample(scores, targets)

        def gradient(scores, targets):
            return scale * loss.gradient(scores, targets)

        return Loss(per_sample, gradient, "identity")

    network, parameters = initialized((3, 10, 8, 2))
    small = Network(network.widths, network.activations, times(network.loss))
    expected = scale * largest_curvature(network, parameters, drawn_data())
    assert_allclose(largest_curvature(small, parameters, drawn_data()), expected, rtol=1e-4)


def test_a_raw_prediction_on_the_kink_of_a_loss_adds_no_curvature():
    network = Network((1, 1), (), LOSSES["absolute_error"])
    data = TrainingData(np.array([[1.0], [-1.0]]), np.array([[0.0], [1.0]]))
    assert_allclose(largest_curvature(network, np.zeros(2), data), 0, atol=1e-9)


def test_a_sample_on_the_kinks_of_all_units_adds_no_curvature():
    network, parameters = initialized((3, 8, 8, 2), ReLU())
    data = drawn_data()
    with_zero = TrainingData(np.vstack([data.X, np.zeros(3)]), np.vstack([data.targets, [1, 0]]))
    without = largest_curvature(network, parameters, data)
    assert largest_curvature(network, parameters, with_zero) < 1.5 * without


@pytest.mark.parametrize(
    ("solver", "times"),
    [("gd", 1.0), (SGD(0.5, nesterov=False), 1.5), (SGD(0.5), 0.75)],
)
def test_a_line_diverges_just_above_the_stable_rate_and_not_below(solver, times):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    settings = {"solver": solver, "batch_size": 100, "max_iter": 3000, "random_state": 0}
    model = InitMLPRegressor((), **settings)
    stable = times * diagnose(model, X, y).stable_rate
    below = model.set_params(learning_rate=0.97 * stable)
    assert not [each for each in diagnose(below, X, y).findings if each.subject == "learning rate"]
    assert below.fit(X, y).loss_ < 0.6
    above = model.set_params(learning_rate=1.05 * stable)
    assert [each.subject for each in diagnose(above, X, y).findings] == ["learning rate"]
    with pytest.raises(DivergedError):
        above.set_params(max_iter=20000).fit(X, y)


@pytest.mark.filterwarnings("ignore:the loss has grown")
def test_the_first_steps_of_a_network_go_down_below_the_stable_rate_and_up_above():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(100, 3)), rng.randint(0, 2, 100)
    model = InitMLPClassifier((8, 8), activation="tanh", max_iter=30, random_state=0)
    stable = diagnose(model, X, y).stable_rate
    calm = model.set_params(learning_rate=0.9 * stable).fit(X, y).loss_curve_
    assert (np.diff(calm) < 0).all()
    wild = model.set_params(learning_rate=4 * stable).fit(X, y).loss_curve_
    assert (np.diff(wild) > 0).any()
