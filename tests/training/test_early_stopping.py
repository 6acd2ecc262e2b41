import warnings

import numpy as np
import pytest
from drawn_problems import plan_of
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer

from skinit import (
    DivergedError,
    InitMLPClassifier,
    InitMLPRegressor,
    InterruptedFitWarning,
    load_circles,
)
from skinit.initializers import Initializer
from skinit.schedules import ReduceOnPlateau
from skinit.training import Block
from skinit.training.early_stopping import EarlyStopping, EarlyStoppingState

X_TRAIN, Y_TRAIN, X_TEST, Y_TEST = load_circles()


def followed(losses, validate=None, **settings):
    """Return the states of early stopping after each of some losses, and the scores."""
    early_stopping = EarlyStopping(plan_of(100, **settings), validate)
    states, scores = [EarlyStoppingState()], []
    for k, loss in enumerate(losses):
        block = Block(k, np.array([loss]), np.array([k]))
        state, score = early_stopping.update(states[-1], block)
        states, scores = [*states, state], [*scores, score]
    return states[1:], scores


def plateaus(losses, **settings):
    """List the iterations at which a plateau of the loss is found."""
    states, _ = followed(losses, **settings)
    counts = [0, *(state.n_plateaus for state in states)]
    return np.flatnonzero(np.diff(counts)).tolist()


def test_a_plateau_is_one_more_iteration_without_progress_than_is_tolerated():
    assert plateaus([3, 2, 1, 1, 1, 1, 1, 1, 1], tol=0.1, n_iter_no_change=2) == [5, 8]


def test_a_gain_of_tol_is_progress_and_less_is_not():
    assert plateaus([4.0, 3.5, 3.0, 2.5], tol=0.5, n_iter_no_change=0) == []
    assert plateaus([4.0, 3.75, 3.5, 3.25], tol=0.5, n_iter_no_change=0) == [1, 2, 3]


def test_progress_is_measured_from_the_best_loss_so_far():
    assert plateaus([2, 1, 5, 4, 3, 2], tol=0.5, n_iter_no_change=2) == [4]


def test_without_a_tol_any_gain_is_progress_and_none_is_not():
    assert plateaus([1, 1 - 1e-12, 1 - 1e-12], tol=None, n_iter_no_change=0) == [2]


def test_the_parameters_of_the_best_score_are_kept():
    states, scores = followed([1.0] * 6, lambda parameters: -((parameters[0] - 3) ** 2))
    assert (states[-1].best_parameters, states[-1].best) == ([3], 0)
    assert scores == [-9, -4, -1, 0, -1, -4]


def model(**settings):
    defaults = {"solver": "adam", "random_state": 0, "max_iter": 300}
    return InitMLPClassifier(**{**defaults, **settings})


def test_a_fit_without_a_criterion_goes_on_to_the_end_and_does_not_warn():
    fitted = model(max_iter=20).fit(X_TRAIN, Y_TRAIN)
    assert (fitted.n_iter_, fitted.validation_scores_) == (20, None)


@pytest.mark.parametrize(
    ("criterion", "told"),
    [
        ({"tol": 1e-6}, r"tol=1e-06, n_iter_no_change=10; .* or a higher learning_rate"),
        ({"early_stopping": True}, "early_stopping with tol=None, n_iter_no_change=10; "),
        ({"tol": 1e-9, "solver": "lbfgs"}, r"stop, tol=1e-09; give it more than max_iter=5$"),
    ],
)
def test_a_fit_that_reaches_max_iter_before_its_criterion_warns(criterion, told):
    message = f"ended at iteration 5 without .*{told}"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        model(max_iter=5, **criterion).fit(X_TRAIN, Y_TRAIN)
    assert caught[0].filename == __file__


def test_a_warning_of_partial_fit_points_to_the_line_that_called_it():
    grown = model(solver="sgd", learning_rate=1e3)
    with pytest.warns(ConvergenceWarning) as caught:
        grown.partial_fit(X_TRAIN, Y_TRAIN, classes=[0, 1])
    assert caught[0].filename == __file__


@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error"])
def test_a_step_to_predictions_that_overflow_is_a_divergence(scoring):
    y = np.exp(X_TRAIN[:, 0])
    fitted = InitMLPRegressor(
        loss="poisson", learning_rate=1.0, max_iter=60, early_stopping=True, scoring=scoring,
        random_state=0,
    )  # fmt: skip
    with np.errstate(over="ignore"), pytest.raises(DivergedError, match="stopped being finite"):
        fitted.fit(X_TRAIN * 10, y * 1e3)
    assert np.isfinite(fitted.coefs_[0]).all()


def test_an_iteration_whose_score_was_not_to_be_had_is_not_reached():
    def interrupted(model, X, y):
        seen.append(y)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return model.score(X, y)

    seen = []
    fitted = model(early_stopping=True, scoring=interrupted)
    with pytest.warns(InterruptedFitWarning):
        fitted.fit(X_TRAIN, Y_TRAIN)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == len(fitted.validation_scores_) == 4


def test_after_an_interruption_training_goes_on_with_the_draws_that_come_next():
    def interrupted(model, X, y):
        seen.append(y)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return model.score(X, y)

    def one_more(fitted):
        fitted.set_params(early_stopping=False, scoring=None)
        return fitted.partial_fit(X_TRAIN, Y_TRAIN).coefs_[0]

    seen, settings = [], {"early_stopping": True, "solver": "sgd", "batch_size": 20}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        stopped = model(scoring=interrupted, **settings).fit(X_TRAIN, Y_TRAIN)
        expected = model(max_iter=4, **settings).fit(X_TRAIN, Y_TRAIN)
    assert_array_equal(one_more(stopped), one_more(expected))


def test_a_plateau_need_not_be_waited_for_by_who_takes_one_step():
    one = model(learning_rate=ReduceOnPlateau(0.1), solver="sgd")
    assert one.partial_fit(X_TRAIN, Y_TRAIN, classes=[0, 1]).n_iter_ == 1


def test_a_fit_stops_when_the_loss_no_longer_falls():
    fitted = model(tol=1e-3, max_iter=5000, learning_rate=0.05).fit(X_TRAIN, Y_TRAIN)
    assert fitted.n_iter_ == len(fitted.loss_curve_) < 5000
    best_before = np.minimum.accumulate(fitted.loss_curve_)[:-1]
    assert (fitted.loss_curve_[1:] > best_before - 1e-3)[-11:].all()


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "f1"])
def test_the_weights_that_are_kept_have_the_best_score(scoring):
    given = {"X_val": X_TEST, "y_val": Y_TEST}
    fitted = model(early_stopping=True, scoring=scoring, learning_rate=0.1)
    fitted.fit(X_TRAIN, Y_TRAIN, **given)
    score = fitted.score if scoring is None else lambda X, y: get_scorer(scoring)(fitted, X, y)
    assert score(X_TEST, Y_TEST) == fitted.best_validation_score_
    assert fitted.best_validation_score_ == fitted.validation_scores_.max()
    assert len(fitted.validation_scores_) == fitted.n_iter_ < 300


def test_validation_counts_its_samples_as_they_are_weighted():
    weights = np.zeros(len(X_TEST))
    weights[:10] = 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        some = model(early_stopping=True, max_iter=15).fit(
            X_TRAIN, Y_TRAIN, X_val=X_TEST, y_val=Y_TEST, sample_weight_val=weights
        )
        same = model(early_stopping=True, max_iter=15).fit(
            X_TRAIN, Y_TRAIN, X_val=X_TEST[:10], y_val=Y_TEST[:10]
        )
    assert_array_equal(some.validation_scores_, same.validation_scores_)


def test_samples_held_out_are_neither_trained_on_nor_seen_by_the_start():
    seen = []

    class Looking(Initializer):
        def weights(self, layer, rng):
            seen.append(len(layer.inputs))
            return rng.normal(size=(layer.fan_in, layer.fan_out))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model(early_stopping=True, validation_fraction=0.25, init=Looking(), max_iter=3).fit(
            X_TRAIN, Y_TRAIN
        )
    assert seen[-3:] == [len(X_TRAIN) * 3 // 4] * 3


def test_a_regressor_is_validated_by_its_own_score():
    X, y = X_TRAIN, X_TRAIN[:, 0] ** 2
    fitted = InitMLPRegressor(
        solver="adam", early_stopping=True, learning_rate=0.05, max_iter=2000, random_state=0
    ).fit(X, y)
    assert fitted.n_iter_ < 2000
    assert 0.5 < fitted.best_validation_score_ < 1


def test_frames_with_names_are_validated_on_too():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_TRAIN, columns=["a", "b"])
    by_name = model(early_stopping=True, learning_rate=0.1).fit(frame, Y_TRAIN)
    by_number = model(early_stopping=True, learning_rate=0.1).fit(X_TRAIN, Y_TRAIN)
    assert_array_equal(by_name.validation_scores_, by_number.validation_scores_)


def test_scorers_that_know_no_weights_are_not_given_any():
    weights = np.ones(len(X_TRAIN))
    for scoring in ("neg_max_error", lambda model, X, y: model.score(X, y)):
        fitted = InitMLPRegressor(
            solver="adam", early_stopping=True, scoring=scoring, tol=1e-2, random_state=0
        )
        scores = fitted.fit(X_TRAIN, X_TRAIN[:, 0], weights).validation_scores_
        assert np.isfinite(scores).all()


def test_the_weight_of_a_class_does_not_count_in_validation():
    def spy(model, X, y, sample_weight=None):
        seen.append(sample_weight)
        return model.score(X, y)

    seen = []
    settings = {"early_stopping": True, "class_weight": "balanced", "scoring": spy}
    model(**settings, learning_rate=0.1).fit(X_TRAIN, Y_TRAIN)
    assert set(seen) == {None}


def test_sparse_labels_can_be_held_out():
    _, labels = make_multilabel_classification(n_samples=len(X_TRAIN), random_state=0)
    settings = {"early_stopping": True, "learning_rate": 0.1, "tol": 1e-3}
    sparse = model(**settings).fit(X_TRAIN, csr_matrix(labels))
    assert_array_equal(sparse.loss_curve_, model(**settings).fit(X_TRAIN, labels).loss_curve_)


def test_a_class_that_does_not_count_need_not_be_left_to_train_on():
    fitted = model(early_stopping=True, class_weight={0: 1, 1: 0}, tol=1e-2)
    assert (fitted.fit(X_TRAIN, Y_TRAIN).predict(X_TEST) == 0).mean() > 0.9


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({}, {"X_val": X_TEST, "y_val": Y_TEST}, "early_stopping=True"),
        ({"early_stopping": True}, {"X_val": X_TEST}, "y_val absent"),
        ({"early_stopping": True}, {"X_val": X_TEST[:, :1], "y_val": Y_TEST}, "1 features"),
        ({"early_stopping": True, "validation_fraction": 1.0}, {}, "validation_fraction"),
        ({"early_stopping": True, "validation_fraction": 1e-3}, {}, "cannot hold out"),
        ({"early_stopping": True, "scoring": "no_such_scorer"}, {}, "scoring"),
        ({"early_stopping": True}, {"sample_weight_val": np.ones(3)}, "X_val absent"),
        ({"early_stopping": True}, {"X_val": X_TEST, "y_val": Y_TEST + 7}, r"labels \[7, 8\]"),
        ({"early_stopping": True, "scoring": lambda *_: np.nan}, {}, "returned nan"),
        ({"learning_rate": ReduceOnPlateau(0.1)}, {}, r"waits until .*tol.*early_stopping"),
        ({"tol": -1}, {}, "tol"),
        ({"n_iter_no_change": -1}, {}, "n_iter_no_change"),
    ],
)
def test_what_cannot_be_used_is_named(settings, given, message):
    with pytest.raises(ValueError, match=message):
        model(**settings).fit(X_TRAIN, Y_TRAIN, **given)


def test_a_loss_that_has_grown_within_the_first_epoch_is_told_as_such():
    fitted = model(solver="sgd", learning_rate=300.0, batch_size=10, max_iter=5)
    with pytest.warns(ConvergenceWarning, match=r"the loss has grown from 0\.\d+ to"):
        fitted.fit(X_TRAIN, Y_TRAIN)


def test_a_penalty_that_holds_all_weights_down_is_named():
    fitted = InitMLPRegressor(alpha=1e4, learning_rate=0.01, max_iter=500, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"same for all samples .* or alpha=10000\.0"):
        fitted.fit(X_TRAIN, X_TRAIN[:, 0] + 5)


def test_what_is_held_out_once_is_not_trained_on_when_training_goes_on():
    def spy(model, X, y):
        seen.append(X.copy())
        return model.score(X, y)

    seen = []
    settings = {"early_stopping": True, "scoring": spy, "warm_start": True, "max_iter": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        twice = model(**settings).fit(X_TRAIN, Y_TRAIN).fit(X_TRAIN, Y_TRAIN)
        assert twice.n_iter_ == len(seen) == 6
        for held_out in seen:
            assert_array_equal(held_out, seen[0])
        twice.fit(X_TRAIN[:200], Y_TRAIN[:200])  # other samples are divided anew
    assert len(seen[-1]) == 20
