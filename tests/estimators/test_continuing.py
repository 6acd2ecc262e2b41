"""Training that goes on: partial_fit, warm_start, weights set by hand, another process."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression

from skinit import InitMLPClassifier, InitMLPRegressor
from skinit.schedules import InverseScaling
from skinit.solvers import SOLVERS

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
STEPPING = [name for name, solver in SOLVERS.items() if solver.takes_steps]


def model(**settings):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 10, "random_state": 0}
    return InitMLPClassifier(**{**defaults, **settings})


def with_batches(solver):
    return {"solver": solver, "batch_size": 32 if SOLVERS[solver].takes_minibatches else None}


def assert_same_model(one, other):
    for name in ("coefs_", "intercepts_", "initial_coefs_"):
        for array, expected in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_array_equal(array, expected)
    assert_array_equal(one.loss_curve_, other.loss_curve_)
    assert (one.n_iter_, one.loss_, one.best_loss_) == (
        other.n_iter_,
        other.loss_,
        other.best_loss_,
    )


@pytest.mark.parametrize("dropout", [0, 0.3])
@pytest.mark.parametrize("solver", STEPPING)
def test_so_many_partial_fits_are_a_fit_of_so_many_iterations(solver, dropout):
    settings = with_batches(solver) | {"dropout": dropout}
    whole, parts = model(**settings).fit(X, Y), model(**settings)
    for _ in range(10):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert_same_model(parts, whole)


@pytest.mark.parametrize("solver", STEPPING)
def test_a_warm_start_goes_on_as_if_the_fit_had_not_ended(solver):
    settings = with_batches(solver)
    whole = model(**settings, max_iter=20).fit(X, Y)
    twice = model(**settings, warm_start=True).fit(X, Y).fit(X, Y)
    assert_same_model(twice, whole)


def test_schedules_go_on_counting():
    settings = {"learning_rate": InverseScaling(0.1), "solver": "sgd"}
    whole, parts = model(**settings).fit(X, Y), model(**settings)
    for _ in range(10):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert_same_model(parts, whole)


def test_without_a_warm_start_a_fit_begins_anew():
    fitted = model(solver="adam").fit(X, Y)
    before = [W.copy() for W in fitted.coefs_]
    fitted.fit(X, Y)
    assert fitted.n_iter_ == 10
    for W, expected in zip(fitted.coefs_, before, strict=True):
        assert_array_equal(W, expected)


@pytest.mark.usefixtures("needs_compiled")  # which the other process has in any case
def test_a_pickled_model_goes_on_in_another_process():
    whole = model(solver="adam", batch_size=32, max_iter=20).fit(X, Y)
    half = model(solver="adam", batch_size=32, warm_start=True).fit(X, Y)
    code = (
        "import pickle, sys; model, X, Y = pickle.load(sys.stdin.buffer); "
        "sys.stdout.buffer.write(pickle.dumps(model.fit(X, Y)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps((half, X, Y)),
        capture_output=True,
        check=True,
    )
    assert_same_model(pickle.loads(done.stdout), whole)


def test_weights_set_by_hand_are_gone_on_from():
    fitted = model(solver="gd", warm_start=True, max_iter=1).fit(X, Y)
    other = model(solver="gd", max_iter=1, random_state=5).fit(X, Y)
    fitted.coefs_, fitted.intercepts_ = other.initial_coefs_, other.initial_intercepts_
    fitted.fit(X, Y)
    for W, expected in zip(fitted.coefs_, other.coefs_, strict=True):
        assert_array_equal(W, expected)


def test_the_settings_may_change_on_the_way():
    fitted = model(solver="adam", warm_start=True).fit(X, Y)
    fitted.set_params(solver="sgd", learning_rate=0.1, max_iter=30, alpha=0.1).fit(X, Y)
    assert fitted.n_iter_ == 40
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[9]


def test_lbfgs_goes_on_by_a_warm_start_and_has_no_single_steps():
    fitted = model(solver="lbfgs", alpha=0.1, warm_start=True, max_iter=5).fit(X, Y)
    first = fitted.loss_
    assert fitted.fit(X, Y).loss_ < first
    assert fitted.n_iter_ == 10
    assert not hasattr(fitted, "partial_fit")


def test_a_batch_need_not_hold_all_classes():
    fitted = model(solver="sgd", learning_rate=0.1)
    for _ in range(30):
        for label in (0, 1, 2):
            fitted.partial_fit(X[label == Y], Y[label == Y], classes=[0, 1, 2])
    assert_array_equal(fitted.classes_, [0, 1, 2])
    assert fitted.predict_proba(X).shape == (150, 3)


def test_a_regressor_and_multilabel_targets_need_no_classes():
    A, b = make_regression(n_samples=60, n_features=3, random_state=0)
    regressor = InitMLPRegressor((6,), max_iter=3, random_state=0, learning_rate=1e-4)
    whole = InitMLPRegressor((6,), max_iter=3, random_state=0, learning_rate=1e-4).fit(A, b)
    for _ in range(3):
        regressor.partial_fit(A, b)
    assert_same_model(regressor, whole)
    A, B = make_multilabel_classification(n_samples=60, n_features=3, random_state=0)
    assert model().partial_fit(A, B).partial_fit(A[:5], B[:5]).predict(A).shape == B.shape


def test_validation_scores_of_all_runs_are_kept():
    fitted = model(solver="adam", early_stopping=True, warm_start=True, learning_rate=0.1)
    fitted.set_params(max_iter=1000).fit(X, Y)
    n_first = fitted.n_iter_
    fitted.fit(X, Y)
    assert len(fitted.validation_scores_) == fitted.n_iter_ > n_first
    assert fitted.best_validation_score_ == fitted.validation_scores_.max()


def test_a_failed_call_leaves_a_model_that_goes_on():
    fitted, expected = model(solver="adam"), model(solver="adam")
    for each in (fitted, expected):
        each.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="features"):
        fitted.partial_fit(X[:, :2], Y)
    for each in (fitted, expected):
        each.partial_fit(X, Y)
    assert_same_model(fitted, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: model().partial_fit(X, Y), "classes must be passed on the first call"),
        (
            lambda: model().fit(X, Y).partial_fit(X, Y, classes=[0, 1]),
            r"classes=\[0, 1\] is not the same",
        ),
        (lambda: model().fit(X, Y).partial_fit(X, Y + 1), r"labels \[3\].*not among the classes"),
        (lambda: model(warm_start=True).fit(X, Y).fit(X, Y + 1), r"labels \[3\]"),
        (
            lambda: model().fit(X, Y).set_params(hidden_layer_sizes=(7,)).partial_fit(X, Y),
            r"widths \(4, 7, 3\).*clone",
        ),
        (
            lambda: model(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2]),
            "early_stopping=False",
        ),
    ],
)
def test_what_cannot_go_on_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_float32_stays_float32():
    fitted = model(solver="adam").partial_fit(X.astype(np.float32), Y, classes=[0, 1, 2])
    fitted.partial_fit(X, Y)
    assert {W.dtype for W in fitted.coefs_} == {np.dtype(np.float32)}
    assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
