"""Dropout: the masks, the derivatives, and that all engines drop the same units."""

import numpy as np
import pytest
from drawn_problems import (
    SETTLED_LOSSES,
    assert_engines_agree,
    network_of,
    plan_of,
    problem,
    trained,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad
from scipy.sparse import csr_array

from skinit import InitMLPClassifier, load_circles
from skinit.activations import ACTIVATIONS, Identity, ReLU, Tanh
from skinit.core import Network, TrainingData, draw_masks, forward, layer_views, loss_and_gradient
from skinit.engine import workload
from skinit.engine.full_batch import FullBatchRun
from skinit.engine.tiled import TiledRun
from skinit.losses import LOSSES
from skinit.solvers import SGD, Adam
from skinit.training import compiled_engine

KEEP_RATES = (0.5, 0.8)


def dropping(loss, *activations, keep_rates=KEEP_RATES):
    network = network_of(loss, *activations)
    return Network(network.widths, network.activations, network.loss, keep_rates)


def masks_of(network, n_samples, seed=0, **kwargs):
    return draw_masks(network, n_samples, np.random.RandomState(seed), **kwargs)


# --- Masks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep_rate", [0.05, 0.5, 0.9])
def test_units_are_kept_with_the_requested_rate(keep_rate):
    network = Network((1, 40, 1), (ReLU(),), LOSSES["squared_error"], (keep_rate,))
    [mask] = masks_of(network, 5000)
    deviation = np.sqrt(keep_rate * (1 - keep_rate) / mask.size)
    assert abs(np.mean(mask > 0) - keep_rate) < 4 * deviation


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kept_units_are_scaled_by_one_over_the_keep_rate(dtype):
    [first, second] = masks_of(dropping("squared_error", ReLU(), ReLU()), 1000, dtype=dtype)
    assert set(np.unique(first)) == {0, 2}
    assert_allclose(second[second > 0], 1 / 0.8, rtol=2**-15)
    assert first.dtype == second.dtype == dtype


def test_a_layer_that_keeps_all_of_its_units_draws_nothing():
    network, rng = dropping("squared_error", ReLU(), ReLU(), keep_rates=(1.0, 1.0)), None
    assert draw_masks(network, 10, rng) == [None, None]
    assert not network.drops_out


def test_each_sample_and_each_unit_is_drawn_by_itself():
    network = Network((1, 8, 1), (ReLU(),), LOSSES["squared_error"], (0.5,))
    kept = masks_of(network, 4000)[0] > 0
    between_units = np.corrcoef(kept.T) - np.eye(8)
    assert np.abs(between_units).max() < 5 / np.sqrt(4000)
    assert len(np.unique(kept, axis=0)) == 2**8


def test_on_average_a_linear_network_is_the_whole_one():
    network = dropping("squared_error", Identity(), Identity())
    parameters, data = problem(network)
    layers = layer_views(network, parameters)
    rng = np.random.RandomState(0)
    draws = [
        forward(network, layers, data.X, draw_masks(network, 40, rng))[0][-1] for _ in range(2000)
    ]
    whole = forward(network, layers, data.X)[0][-1]
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(np.mean(draws, axis=0) - whole) < 5 * error).all()


# --- Derivatives and engines ------------------------------------------------------------------


@pytest.mark.parametrize("activation", [Tanh(), ReLU()])
def test_the_gradient_is_that_of_the_network_with_units_dropped(activation):
    network = dropping("multinomial_cross_entropy", activation, Tanh())
    parameters, data = problem(network)
    masks = masks_of(network, len(data.targets))

    def result(part):
        return lambda w: loss_and_gradient(network, w, data, 0.1, masks)[part]

    assert check_grad(result(0), result(1), parameters) < 1e-6


def run(engine, network, initial, data, max_iter=20, **settings):
    return trained(engine, network, initial, data, plan_of(max_iter, **settings))


def assert_agree(network, initial, data, rtol=1e-11, max_iter=20, **settings):
    assert_engines_agree(network, initial, data, plan_of(max_iter, **settings), rtol)


@pytest.mark.parametrize("keep_rates", [(0.5, 0.8), (1.0, 0.5), (0.25, 1.0)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_compiled_and_reference_engine_drop_the_same_units(activation, keep_rates):
    activation = ACTIVATIONS[activation]
    network = dropping("binary_cross_entropy", activation, activation, keep_rates=keep_rates)
    assert_agree(network, *problem(network))


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": SGD(), "batch_size": 16},
        {"solver": SGD(momentum=0), "batch_size": 40},
        {"solver": Adam(), "batch_size": 7, "alpha": 0.1},
        {"solver": Adam(), "shuffle": False, "batch_size": 10},
    ],
    ids=str,
)
def test_they_drop_the_same_units_in_minibatches(settings):
    network = dropping("multinomial_cross_entropy", ReLU(), Tanh())
    assert_agree(network, *problem(network), **settings)


@pytest.mark.parametrize("n_samples", [700, 1501])
@pytest.mark.parametrize("loss", SETTLED_LOSSES)
def test_they_drop_the_same_units_in_tiles(loss, n_samples, monkeypatch):
    monkeypatch.setattr(workload, "THREADED_FLOPS", 0)
    network = dropping(loss, ReLU(), Tanh())
    assert_agree(network, *problem(network, n_samples=n_samples))


@pytest.mark.parametrize("kind", [FullBatchRun, TiledRun])
def test_in_float32_they_agree_to_its_rounding(kind, monkeypatch):
    monkeypatch.setattr(workload, "THREADED_FLOPS", 0 if kind is TiledRun else 10**12)
    network = dropping("binary_cross_entropy", ReLU(), ReLU())
    assert_agree(network, *problem(network, np.float32, n_samples=600), rtol=1e-5)


def test_sparse_samples_are_trained_on_as_dense_ones():
    network = dropping("binary_cross_entropy", ReLU(), Tanh())
    initial, data = problem(network)
    sparse = TrainingData(csr_array(data.X), data.targets)
    for batch_size in (None, 16):
        expected, _ = run(compiled_engine, network, initial, data, batch_size=batch_size)
        found, _ = run(compiled_engine, network, initial, sparse, batch_size=batch_size)
        assert_allclose(found, expected, rtol=1e-10)


# --- Estimators -------------------------------------------------------------------------------


def model_of(**settings):
    return InitMLPClassifier(**({"dropout": 0.3, "max_iter": 12, "random_state": 0} | settings))


@pytest.fixture
def data():
    X, y, _, _ = load_circles()
    return X, y


def test_a_rate_for_all_is_the_same_rate_for_each(data):
    expected = model_of().fit(*data)
    assert_array_equal(model_of(dropout=[0.3, 0.3]).fit(*data).coefs_[0], expected.coefs_[0])
    assert not np.array_equal(model_of(dropout=[0.3, 0]).fit(*data).coefs_[0], expected.coefs_[0])


def test_predictions_use_all_units(data):
    X, y = data
    model = model_of(activation="tanh").fit(X, y)
    signal = X
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        signal = np.tanh(signal @ W + b)
    logits = signal @ model.coefs_[-1] + model.intercepts_[-1]
    assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-logits[:, 0])), rtol=1e-12)


def test_an_initializer_knows_the_keep_rate_of_each_layer(data):
    seen = []

    def ask(layer, rng):
        seen.append(layer.keep_rate)
        return rng.normal(size=(layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)

    model_of(init=ask, dropout=[0.25, 0.5]).fit(*data)
    assert seen == [0.75, 0.5, 1.0]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (1.0, "dropout == 1.0, must be < 1"),
        (-0.1, "dropout == -0.1, must be >= 0"),
        ("half", "dropout='half' is of type str, must be a number"),
        ([0.5], "dropout has 1 entries, but there are 2 hidden layers"),
        ([0.5, 2], "dropout == 2, must be < 1"),
    ],
)
def test_an_invalid_rate_is_refused(bad, message, data):
    with pytest.raises((ValueError, TypeError), match=message):
        model_of(dropout=bad).fit(*data)


def test_lbfgs_is_refused_with_dropout(data):
    with pytest.raises(ValueError, match=r"dropout=0\.3 makes the loss random"):
        model_of(solver="lbfgs").fit(*data)
    model_of(solver="lbfgs", dropout=0).fit(*data)
