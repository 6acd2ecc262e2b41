"""The tutorials' experiments, shortened: their initial costs and published results."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinit import InitMLPClassifier, load_circles, load_moons
from skinit.initializers import He, Normal, PerLayer, Zeros
from skinit.teaching import EXPERIMENTS, run_experiment

EVERY = pytest.mark.parametrize("name", EXPERIMENTS)


@pytest.fixture(scope="module")
def short_runs():
    """Return the runs of both experiments by the name of the init, five iterations each."""
    return {
        name: {run.init: run for run in run_experiment(experiment, max_iter=5).runs}
        for name, experiment in EXPERIMENTS.items()
    }


@EVERY
def test_the_inits_are_zeros_random_and_he(short_runs, name):
    assert list(short_runs[name]) == ["zeros", "random", "he"]


@EVERY
def test_each_init_has_published_results(name):
    experiment = EXPERIMENTS[name]
    assert list(experiment.published) == list(experiment.inits)


@pytest.mark.parametrize(("init", "cost"), [("zeros", "0.6931"), ("he", "0.8831")])
def test_initial_costs_on_circles_are_the_published_ones(short_runs, init, cost):
    assert EXPERIMENTS["circles"].published[init].initial_cost == cost
    assert f"{short_runs['circles'][init].initial_loss:.4f}" == cost


@EVERY
def test_the_cost_of_zeros_stays_that_of_a_coin_flip(short_runs, name):
    run = short_runs[name]["zeros"]
    assert_allclose(run.estimator.loss_curve_, np.log(2))
    assert run.test_score == 0.5


def test_the_cost_of_large_weights_on_circles_is_finite_where_the_tutorial_prints_inf(short_runs):
    assert EXPERIMENTS["circles"].published["random"].initial_cost == "inf"
    assert np.isfinite(short_runs["circles"]["random"].initial_loss)


@pytest.mark.parametrize(
    ("name", "load", "widths"),
    [("circles", load_circles, [(2, 10), (10, 5), (5, 1)]),
     ("moons", load_moons, [(2, 12), (12, 6), (6, 1)])],
)  # fmt: skip
def test_networks_and_data_are_the_tutorials(short_runs, name, load, widths):
    assert [W.shape for W in short_runs[name]["he"].estimator.coefs_] == widths
    for array, expected in zip(EXPERIMENTS[name].load(), load(), strict=True):
        assert_array_equal(array, expected)


@EVERY
def test_training_is_the_tutorials_gradient_descent(short_runs, name):
    model = short_runs[name]["he"].estimator
    assert (model.learning_rate, model.activation, model.solver) == (0.01, "relu", "gd")


@pytest.mark.parametrize(
    ("init", "expected"), [("zeros", Zeros()), ("random", Normal(std=10)), ("he", He())]
)
def test_on_circles_all_layers_have_the_init(short_runs, init, expected):
    assert short_runs["circles"][init].estimator.init_resolved_ == [repr(expected)] * 3


@pytest.mark.parametrize(
    ("init", "expected"), [("zeros", Zeros()), ("random", Normal(std=10)), ("he", He())]
)
def test_on_moons_only_hidden_layers_have_the_init(short_runs, init, expected):
    resolved = short_runs["moons"][init].estimator.init_resolved_
    assert resolved == [repr(expected), repr(expected), repr(He())]


def test_on_moons_the_initial_weights_are_those_of_a_network_built_by_hand(short_runs):
    X_train, y_train, _, _ = load_moons()
    seed = EXPERIMENTS["moons"].random_state
    init = PerLayer(first="random", hidden="random", output="he")
    by_hand = InitMLPClassifier((12, 6), init=init, max_iter=1, random_state=seed)
    coefs = by_hand.fit(X_train, y_train).initial_coefs_
    for W, expected in zip(
        short_runs["moons"]["random"].estimator.initial_coefs_, coefs, strict=True
    ):
        assert_array_equal(W, expected)


@EVERY
def test_an_experiment_announces_its_runs(name):
    announced = []
    run_experiment(EXPERIMENTS[name], max_iter=1, announce=lambda *call: announced.append(call))
    assert [(done, total) for done, total, _ in announced] == [(0, 3), (1, 3), (2, 3)]
