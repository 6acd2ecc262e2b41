"""The search for a learning rate: its runs are fits, and what it suggests trains well."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skinit import (
    Activation,
    InitMLPClassifier,
    InitMLPRegressor,
    find_learning_rate,
    load_circles,
    load_moons,
)
from skinit.comparison import LearningRateSearch
from skinit.estimators import prepare
from skinit.schedules import ConstantRate, CosineDecay
from skinit.solvers import SGD

X, y, _, _ = load_moons()
FEW = {"low": 0.01, "high": 1, "n_rates": 3, "n_iter": 8}


def classifier(**settings):
    return InitMLPClassifier((6, 4), **{"random_state": 3, "max_iter": 8, **settings})


def made_up(losses, initial_loss=1.0, constant=None, rates=None):
    losses = np.asarray(losses, float)
    rates = np.geomspace(0.01, 10, len(losses)) if rates is None else np.asarray(rates)
    constant = np.zeros(len(losses), bool) if constant is None else np.asarray(constant)
    return LearningRateSearch(rates, losses, constant, initial_loss)


# The runs


@pytest.mark.parametrize("settings", [
    {},
    {"solver": "adam", "batch_size": 32},
    {"solver": SGD(momentum=0.5), "batch_size": 32, "alpha": 0.3, "class_weight": {0: 1, 1: 3}},
    {"dropout": 0.3},
    {"learning_rate": ConstantRate(warm_up=4)},
    {"activation": ["tanh", "gelu"], "init": "lecun"},
])  # fmt: skip
def test_each_run_is_a_fit_with_its_rate(settings):
    model = classifier(**settings)
    search = find_learning_rate(model, X, y, **FEW)
    name = "learning_rate__initial" if "learning_rate" in settings else "learning_rate"
    for rate, losses in zip(search.rates, search.losses, strict=True):
        fitted = clone(model).set_params(**{name: rate}).fit(X, y)
        assert_allclose(losses, [*fitted.loss_curve_, fitted.loss_], rtol=1e-12)


def test_losses_of_a_linear_model_are_its_closed_form():
    model = InitMLPRegressor((), init="zeros")
    search = find_learning_rate(model, [[1.0], [-1.0]], [2.0, -2.0], low=0.25, high=4, n_rates=5)
    # The weight is 0 at first, and each step multiplies its distance from 2 by 1 - rate.
    k, rates = np.arange(31), np.array([0.25, 0.5, 1, 2, 4])
    assert_allclose(search.rates, rates)
    assert_allclose(search.losses, 2 * (1 - rates[:, np.newaxis]) ** (2 * k), atol=1e-14)
    assert search.lowest == 1
    assert search.initial_loss == 2


def test_rates_go_from_low_to_high_by_one_factor():
    search = find_learning_rate(classifier(), X, y, low=1e-3, high=8, n_rates=4, n_iter=1)
    assert_allclose(search.rates, [1e-3, 2e-2, 4e-1, 8])


def test_losses_after_divergence_are_infinite():
    X, y = load_diabetes(return_X_y=True)
    model = InitMLPRegressor(20, activation="identity", random_state=0)
    search = find_learning_rate(model, X, y, low=1e-2, high=1e40, n_rates=2)
    assert search.diverged.tolist() == [False, True]
    row = search.losses[1]
    first = int(np.argmin(np.isfinite(row)))
    assert 0 < first < 31
    assert np.isfinite(row[:first]).all()
    assert np.isinf(row[first:]).all()


@pytest.mark.parametrize("settings", [{}, {"solver": "adam", "batch_size": 16}])
def test_the_initial_loss_is_that_before_training(settings):
    search = find_learning_rate(classifier(**settings), X, y, **FEW)
    assert search.initial_loss == pytest.approx(classifier().fit(X, y).loss_curve_[0], rel=1e-12)


def test_without_a_seed_all_rates_have_the_same_initial_weights():
    search = find_learning_rate(classifier(random_state=None), X, y, **FEW)
    assert_array_equal(search.losses[:, 0], search.losses[0, 0])


def test_one_seed_has_one_outcome():
    model = classifier(solver="adam", batch_size=16)
    first, second = (find_learning_rate(model, X, y, **FEW) for _ in range(2))
    assert_array_equal(first.losses, second.losses)


@pytest.mark.parametrize("random_state", [3, np.random.RandomState(3)])
def test_the_estimator_is_not_changed(random_state):
    model = classifier(random_state=random_state, solver="sgd", batch_size=16)
    settings = model.get_params()
    first = find_learning_rate(model, X, y, **FEW)
    assert model.get_params() == settings
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert_array_equal(find_learning_rate(model, X, y, **FEW).losses, first.losses)


def test_the_search_does_not_continue_a_fit():
    fitted = classifier(warm_start=True).fit(X, y)
    weights = fitted.coefs_[0].copy()
    found = find_learning_rate(fitted, X, y, **FEW)
    assert_array_equal(found.losses, find_learning_rate(classifier(), X, y, **FEW).losses)
    assert_array_equal(fitted.coefs_[0], weights)


def test_a_stopping_criterion_does_not_shorten_the_runs():
    losses = find_learning_rate(classifier(), X, y, **FEW).losses
    impatient = classifier(tol=10, n_iter_no_change=1)
    assert_array_equal(find_learning_rate(impatient, X, y, **FEW).losses, losses)


def test_early_stopping_leaves_its_samples_out(monkeypatch):
    def noting_sizes(*arguments):
        prepared = prepare(*arguments)
        sizes.append(len(prepared.data.targets))
        return prepared

    sizes = []
    monkeypatch.setattr("skinit.comparison.learning_rate.prepare", noting_sizes)
    model = classifier(early_stopping=True, validation_fraction=0.25)
    assert find_learning_rate(model, X, y, **FEW).losses.shape == (3, 9)
    assert sizes == [int(0.75 * len(X))]


def test_a_schedule_is_followed_as_far_as_the_runs_go():
    model = classifier(learning_rate=CosineDecay(0.5), max_iter=80)
    search = find_learning_rate(model, X, y, **FEW)
    for rate, losses in zip(search.rates, search.losses, strict=True):
        fitted = clone(model).set_params(learning_rate__initial=rate).fit(X, y)
        assert_allclose(losses[:8], fitted.loss_curve_[:8], rtol=1e-12)


def test_a_pipeline_is_searched_on_the_transformed_data():
    model = make_pipeline(StandardScaler(), classifier())
    found = find_learning_rate(model, 100 * X, y, **FEW)
    by_hand = find_learning_rate(classifier(), StandardScaler().fit_transform(100 * X), y, **FEW)
    assert_array_equal(found.losses, by_hand.losses)
    with pytest.raises(NotFittedError):
        model[0].transform(X)


def test_a_pipeline_of_the_network_alone_is_the_network():
    found = find_learning_rate(Pipeline([("net", classifier())]), X, y, **FEW)
    assert_array_equal(found.losses, find_learning_rate(classifier(), X, y, **FEW).losses)


def test_samples_of_weight_zero_do_not_count():
    weight = np.arange(len(X)) % 2
    found = find_learning_rate(classifier(), X, y, weight, **FEW)
    kept = find_learning_rate(classifier(), X[weight > 0], y[weight > 0], **FEW)
    assert_allclose(found.losses, kept.losses, rtol=1e-12)


def test_an_interrupt_ends_the_search():
    def value(z):
        nonlocal calls
        calls += 1
        if calls > 20:
            raise KeyboardInterrupt
        return np.tanh(z)

    calls = 0
    activation = Activation(value, lambda z: 1 - np.tanh(z) ** 2)
    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(classifier(activation=activation), X, y, **FEW)


# Errors


def test_a_solver_without_a_learning_rate_is_refused():
    with pytest.raises(ValueError, match="solver='lbfgs' has no learning rate to find; choose"):
        find_learning_rate(classifier(solver="lbfgs"), X, y)


@pytest.mark.parametrize(
    "estimator", [MLPClassifier(), make_pipeline(StandardScaler(), MLPClassifier()), "he"]
)
def test_another_estimator_is_refused(estimator):
    with pytest.raises(TypeError, match="expected an InitMLPClassifier, an InitMLPRegressor or a"):
        find_learning_rate(estimator, X, y)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"low": 0}, "low == 0, must be > 0"),
        ({"low": 1, "high": 0.1}, "low=1 must be below high=0.1"),
        ({"high": np.inf}, "high == inf, must be a finite number"),
        ({"n_rates": 1}, "n_rates == 1, must be >= 2"),
        ({"n_iter": 0}, "n_iter == 0, must be >= 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        find_learning_rate(classifier(), X, y, **settings)


def test_initial_weights_whose_loss_is_not_finite_are_refused():
    with pytest.raises(ValueError, match=re.escape("the initial loss is inf")):
        find_learning_rate(InitMLPRegressor(random_state=0), 1e300 * X, y)


# The suggestion


@pytest.mark.parametrize("solver", ["gd", "sgd", "adam"])
@pytest.mark.parametrize("load", [load_digits, load_breast_cancer, load_diabetes])
def test_long_training_at_the_suggestion_gets_almost_as_far_as_the_best_of_a_grid(load, solver):
    X, y = load(return_X_y=True)
    X = X / 16 if load is load_digits else scale(X)
    y = scale(y) if load is load_diabetes else y
    cls = InitMLPRegressor if load is load_diabetes else InitMLPClassifier
    model = cls(12, solver=solver, random_state=0)
    grid = find_learning_rate(model, X, y, low=1e-3, n_rates=9, n_iter=120)
    search = find_learning_rate(model, X, y, low=1e-3, n_rates=9)
    model.set_params(max_iter=120, learning_rate=search.suggestion)
    best, initial = grid.losses[:, -1].min(), grid.initial_loss
    assert (initial - model.fit(X, y).loss_) / (initial - best) > 0.9


@pytest.mark.parametrize("solver", ["gd", "sgd", "adam"])
@pytest.mark.parametrize("init", ["he", "glorot"])
@pytest.mark.parametrize("data", ["digits", "moons", "breast cancer"])
def test_other_seeds_learn_at_the_suggestion(data, init, solver):
    if data == "moons":
        X, y, _, _ = load_moons()
    else:
        X, y = (load_digits if data == "digits" else load_breast_cancer)(return_X_y=True)
    model = InitMLPClassifier((10, 5), init=init, solver=solver, max_iter=50, random_state=0)
    rate = find_learning_rate(model, scale(X), y, n_rates=13).suggestion
    for seed in (1, 2, 3):
        model.set_params(random_state=seed, learning_rate=rate).fit(scale(X), y)
        assert model.loss_ < 0.8 * model.loss_curve_[0]
        assert len(np.unique(model.predict(scale(X)))) > 1


def test_the_suggestion_is_a_third_of_the_rate_that_settles_lowest():
    search = made_up([[1.0, 0.9, 0.8], [1.0, 0.5, 0.4], [1.0, 2.0, 3.0]], rates=[0.1, 0.6, 10])
    assert (search.lowest, search.suggestion) == (0.6, pytest.approx(0.2))


def test_the_rate_with_the_smallest_highest_loss_settles_lowest():
    search = made_up([[1.0, 0.9, 0.8], [1.0, 0.5, 0.4], [1.0, 2.0, 3.0]], rates=[0.1, 1, 10])
    assert_array_equal(search.settled_losses, [0.9, 0.5, 3.0])
    assert search.lowest == 1


def test_a_loss_that_jumps_does_not_win_by_its_last_value():
    search = made_up([[1.0, 1.0, 0.6, 0.5, 0.4], [1.0, 0.1, 2.0, 3.0, 0.1]], rates=[0.1, 1])
    assert search.lowest == 0.1


def test_a_jump_long_before_the_end_does_not_count():
    calm, jumped = np.full((2, 101), 0.5)
    jumped[60:85], jumped[85:] = 3.0, 0.1
    search = made_up([calm, jumped], rates=[0.1, 1])
    assert_array_equal(search.settled_losses, [0.5, 0.1])
    assert search.lowest == 1


def test_a_rate_that_ends_with_one_prediction_for_all_is_not_suggested():
    losses = [[1.0, 0.8, 0.7], [1.0, 0.3, 0.2]]
    assert made_up(losses, constant=[False, True], rates=[0.1, 1]).lowest == 0.1


def test_dead_units_are_detected():
    circles = load_circles()[:2]
    search = find_learning_rate(InitMLPClassifier(random_state=3), *circles, low=0.1, high=5)
    dead = InitMLPClassifier(random_state=3, learning_rate=5.0, max_iter=30)
    with pytest.warns(UserWarning, match="predictions are the same for all samples"):
        dead.fit(*circles)
    assert search.constant[-1]
    assert not search.constant[0]


@pytest.mark.parametrize(
    "search",
    [
        made_up([[1.0, 1.0, 1.0], [1.0, 2.0, 1.5]]),
        made_up([[1.0, np.inf, np.inf], [np.inf, np.inf, np.inf]]),
        made_up([[1.0, 0.5, 0.4], [1.0, 0.5, 0.4]], constant=[True, True]),
    ],
)
def test_where_no_rate_learns_there_is_no_suggestion_but_advice(search):
    assert np.isnan([search.lowest, search.suggestion]).all()
    assert "no rate both brings the loss below" in search.why
    assert "no suggestion" in repr(search)


@pytest.mark.parametrize(
    ("ends", "advice"),
    [
        ([0.5, 0.1, 0.2], None),
        ([0.5, 0.2, 0.1], "no higher rate was tried: search again with a higher high"),
        ([0.1, 0.2, 0.5], "no lower rate was tried: search again with a lower low"),
        ([0.95, 0.9, 0.92], "the loss falls by little: search again with a larger n_iter"),
    ],
)
def test_a_weak_suggestion_says_what_to_do(ends, advice):
    search = made_up([[1.0, end, end] for end in ends], rates=[0.1, 1, 10])
    reason = (
        f"a third of {search.lowest:g}, with which the loss is at most {min(ends)} in iterations "
        "1 to 2, and 1 before training"
    )
    assert search.why == (f"{reason}; {advice}" if advice else reason)


def test_to_frame_has_a_row_for_each_rate():
    search = find_learning_rate(classifier(), X, y, **FEW)
    frame = search.to_frame()
    assert list(frame.columns) == ["rate", "final_loss", "settled_loss", "diverged", "constant"]
    assert_array_equal(frame.rate, search.rates)
    assert_array_equal(frame.final_loss, search.losses[:, -1])
    assert_array_equal(frame.settled_loss, search.losses[:, 4:].max(axis=1))


def test_repr_shows_rates_losses_and_the_suggestion():
    losses = [[1.0, 0.5, 0.25], [1.0, 0.3, 0.2], [1.0, 0.7, 0.7], [1.0, np.inf, np.inf]]
    search = made_up(losses, constant=[False, False, True, False])
    assert repr(search).splitlines() == [
        "rate  loss after 2  highest from 1 on",
        "----------------------------------------------------------",
        "0.01          0.25                0.5",
        "0.1            0.2                0.3",
        "1              0.7                0.7  constant prediction",
        "10             inf                inf             diverges",
        "",
        "suggestion 0.033: a third of 0.1, with which the loss is at most 0.3 in",
        "iterations 1 to 2, and 1 before training",
    ]
