"""The loss as a setting of the estimators, from ``fit`` to ``predict`` and through a search."""

import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import expit, log_expit
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor, LogisticRegression, PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

from skinit import InitMLPClassifier, InitMLPRegressor, Loss, load_circles, trace
from skinit.comparison import describe_outcome
from skinit.estimators import loss_and_targets
from skinit.losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    MultinomialCrossEntropy,
    Poisson,
    SquaredError,
    baseline_loss,
)
from skinit.solvers import SOLVERS

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3))
NUMBERS = X[:, 0] - np.sin(2 * X[:, 1]) + 0.1 * RNG.standard_t(2, 60)
COUNTS = np.floor(np.exp(NUMBERS))
LABELS = np.column_stack([NUMBERS > 0, X[:, 2] > 0.5]).astype(int)
CLASSES = np.digitize(NUMBERS, [-0.5, 0.5])


def squared_hinge(scores, targets):
    """Of labels; the link makes probabilities of its scores, if not its own."""
    return np.square(np.maximum(1 - (2 * targets - 1) * scores, 0)).sum(axis=-1)


def slope_of_squared_hinge(scores, targets):
    signs = 2 * targets - 1
    return -2 * signs * np.maximum(1 - signs * scores, 0)


def cubed_error(scores, targets):
    return np.abs(scores - targets).sum(axis=-1) ** 3


def slope_of_cubed_error(scores, targets):
    error = scores - targets
    return 3 * np.sign(error) * np.abs(error).sum(axis=-1, keepdims=True) ** 2


PROBLEMS = {
    "squared_error": ("squared_error", NUMBERS),
    "absolute_error": ("absolute_error", NUMBERS),
    "huber": (Huber(delta=0.3), NUMBERS),
    "huber of two outputs": (Huber(delta=0.3), np.column_stack([NUMBERS, X[:, 2] ** 2])),
    "poisson": ("poisson", COUNTS),
    "poisson of two outputs": (Poisson(), np.column_stack([COUNTS, COUNTS[::-1]])),
    "own loss of numbers": (Loss(cubed_error, slope_of_cubed_error), NUMBERS),
    "two classes": (CrossEntropy(label_smoothing=0.2), LABELS[:, 0]),
    "several labels": (CrossEntropy(label_smoothing=0.2), LABELS),
    "several classes": (CrossEntropy(label_smoothing=0.2), CLASSES),
    "own loss of classes": (
        Loss(squared_hinge, slope_of_squared_hinge, "logistic"),
        LABELS[:, 0],
    ),
}
EVERY_PROBLEM = pytest.mark.parametrize("problem", PROBLEMS)


def model_of(problem, **settings):
    """Make an estimator that takes a few steps, each of all samples."""
    loss, y = PROBLEMS[problem]
    Estimator = InitMLPClassifier if y.dtype == int else InitMLPRegressor
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 30, "random_state": 0}
    return Estimator(loss=clone(loss, safe=False), **(defaults | settings))


def assert_same(one, other, rtol=1e-10):
    for name in ("coefs_", "intercepts_"):
        for array, expected in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_allclose(array, expected, rtol=rtol, atol=rtol)
    assert_allclose(one.loss_, other.loss_, rtol=rtol)


def loss_by_hand(model, y):
    """Compute the mean loss from the scores and the functions that the user has given."""
    loss = model.loss if not isinstance(model.loss, str) else LOSSES[model.loss]
    signals = X
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        signals = np.maximum(signals @ W + b, 0)
    scores = signals @ model.coefs_[-1] + model.intercepts_[-1]
    targets = np.eye(3)[y] if model.out_activation_ == "softmax" else y.reshape(len(y), -1)
    if isinstance(loss, CrossEntropy):
        softmax = model.out_activation_ == "softmax"
        loss = (MultinomialCrossEntropy if softmax else BinaryCrossEntropy)(loss.label_smoothing)
        n_classes = 3 if softmax else 2
        targets = targets * (1 - loss.label_smoothing) + loss.label_smoothing / n_classes
    return loss.per_sample(scores, targets).mean()


@EVERY_PROBLEM
def test_the_loss_that_is_reported_is_the_one_that_is_asked_for(problem):
    _, y = PROBLEMS[problem]
    model = model_of(problem).fit(X, y)
    assert_allclose(model.loss_, loss_by_hand(model, y), rtol=1e-12)
    assert model.loss_ < model.loss_curve_[0]


@pytest.mark.parametrize("solver", SOLVERS)
@EVERY_PROBLEM
def test_every_solver_takes_every_loss_down(problem, solver):
    _, y = PROBLEMS[problem]
    settings = {"batch_size": 16} if SOLVERS[solver].takes_minibatches else {}
    model = model_of(problem, solver=solver, learning_rate=0.005, **settings).fit(X, y)
    assert model.loss_ < 0.99 * model.loss_curve_[0]


@EVERY_PROBLEM
def test_a_whole_weight_is_as_good_as_repetition(problem):
    _, y = PROBLEMS[problem]
    times = np.random.RandomState(0).randint(0, 4, size=len(X))
    weighted = model_of(problem).fit(X, y, sample_weight=times)
    repeated = model_of(problem).fit(X.repeat(times, axis=0), y.repeat(times, axis=0))
    assert_same(weighted, repeated)


@EVERY_PROBLEM
def test_sparse_samples_are_the_same_as_dense_ones(problem):
    _, y = PROBLEMS[problem]
    filled = X * (X > 0)
    assert_same(model_of(problem).fit(csr_array(filled), y), model_of(problem).fit(filled, y))


@EVERY_PROBLEM
def test_float32_stays_float32(problem):
    _, y = PROBLEMS[problem]
    model = model_of(problem).fit(X.astype(np.float32), y)
    assert {W.dtype for W in model.coefs_} == {np.dtype(np.float32)}
    assert_same(model, model_of(problem).fit(X, y), rtol=1e-3)


@EVERY_PROBLEM
def test_so_many_partial_fits_are_a_fit_of_so_many_iterations(problem):
    _, y = PROBLEMS[problem]
    whole, parts = model_of(problem, max_iter=5).fit(X, y), model_of(problem)
    classes = {"classes": np.unique(y)} if isinstance(parts, InitMLPClassifier) else {}
    for _ in range(5):
        parts.partial_fit(X, y, **classes)
    assert_same(parts, whole, rtol=1e-14)


@EVERY_PROBLEM
def test_a_warm_start_goes_on_with_the_same_loss(problem):
    _, y = PROBLEMS[problem]
    whole = model_of(problem, max_iter=20).fit(X, y)
    twice = model_of(problem, max_iter=10, warm_start=True).fit(X, y).fit(X, y)
    assert_same(twice, whole, rtol=1e-14)
    assert_allclose(twice.loss_curve_, whole.loss_curve_, rtol=1e-14)


@EVERY_PROBLEM
def test_a_pickled_model_and_a_clone_do_the_same(problem):
    _, y = PROBLEMS[problem]
    model = model_of(problem).fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert_array_equal(clone(model).fit(X, y).coefs_[0], model.coefs_[0])


@EVERY_PROBLEM
def test_a_fit_leaves_the_loss_alone(problem):
    _, y = PROBLEMS[problem]
    model = model_of(problem)
    loss, before = model.loss, pickle.dumps(model.loss)
    model.fit(X, y).predict(X)
    assert model.loss is loss
    assert pickle.dumps(loss) == before


def test_a_fit_leaves_the_losses_that_names_stand_for_alone():
    before = pickle.dumps(LOSSES)
    for problem, (loss, y) in PROBLEMS.items():
        if isinstance(loss, str):
            model_of(problem).fit(X, y)
    assert pickle.dumps(LOSSES) == before


# --- What is learnt, and what is predicted -------------------------------------------------------


def linear(loss, **settings):
    """Make a linear model that is taken to its minimum."""
    return InitMLPRegressor((), init="zeros", solver="lbfgs", loss=loss, tol=1e-9, **settings)


def test_without_hidden_layers_poisson_is_scikit_learns_regression_of_counts():
    expected = PoissonRegressor(alpha=0, tol=1e-9, max_iter=1000).fit(X, COUNTS)
    model = linear("poisson").fit(X, COUNTS)
    assert_allclose(model.coefs_[0][:, 0], expected.coef_, atol=1e-5)
    assert_allclose(model.predict(X), expected.predict(X), rtol=1e-5)


def test_without_hidden_layers_huber_is_scikit_learns_robust_regression():
    """Which learns a scale as well; its errors in that unit are compared with epsilon."""
    expected = HuberRegressor(epsilon=1.35, alpha=0, tol=1e-9, max_iter=1000).fit(X, NUMBERS)
    model = linear(Huber(delta=1.35 * expected.scale_)).fit(X, NUMBERS)
    assert_allclose(model.coefs_[0][:, 0], expected.coef_, rtol=1e-4)


def test_without_hidden_layers_cross_entropy_is_scikit_learns_logistic_regression():
    """Smoothed labels are both labels of each sample, with weights."""
    smoothed = InitMLPClassifier(
        (), init="zeros", solver="lbfgs", loss=CrossEntropy(0.2), tol=1e-9, max_iter=1000
    )
    y, both = LABELS[:, 1], np.repeat([0, 1], len(X))
    weights = np.concatenate([np.where(y == label, 0.9, 0.1) for label in (0, 1)])
    expected = LogisticRegression(C=np.inf, tol=1e-9).fit(np.vstack([X, X]), both, weights)
    assert_allclose(smoothed.fit(X, y).coefs_[0][:, 0], expected.coef_[0], atol=1e-4)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("squared_error", np.mean(COUNTS)), ("absolute_error", np.median(COUNTS)),
     ("poisson", np.mean(COUNTS))],
)  # fmt: skip
def test_what_is_predicted_without_features_is_the_mean_or_the_median(loss, expected):
    with pytest.warns(ConvergenceWarning, match="the predictions are the same"):
        model = linear(loss).fit(np.zeros((len(X), 1)), COUNTS)
    assert_allclose(model.predict([[0.0]]), expected, atol=1e-4)


def test_one_target_that_is_far_off_moves_the_squared_error_only():
    y = NUMBERS.copy()
    y[0] = 1e3
    moved = {}
    for loss in ("squared_error", "huber", "absolute_error"):
        before, after = (linear(loss).fit(X, targets).predict(X) for targets in (NUMBERS, y))
        moved[loss] = np.abs(after - before).mean()
    assert moved["squared_error"] > 10
    assert max(moved["huber"], moved["absolute_error"]) < 1


def test_counts_are_predicted_by_the_exponential_of_the_scores():
    model = model_of("poisson").fit(X, COUNTS)
    scores = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0) @ model.coefs_[1]
    assert_allclose(model.predict(X), np.exp(scores + model.intercepts_[1])[:, 0], rtol=1e-12)


@pytest.mark.parametrize("y", [LABELS[:, 0], LABELS, CLASSES], ids=["two", "labels", "several"])
def test_smoothed_labels_make_a_model_less_sure(y):
    sure, unsure = (
        InitMLPClassifier((5,), loss=CrossEntropy(smoothing), solver="lbfgs", random_state=0)
        .set_params(max_iter=100)
        .fit(X, y)
        .predict_proba(X)
        for smoothing in (0.0, 0.2)
    )
    assert np.abs(unsure - 0.5).max() < np.abs(sure - 0.5).max()
    # As sure as the smoothed targets are where it fits them, and not much surer where it overfits.
    assert unsure.min() > 0.001
    assert sure.min() < 0.001


def test_focal_loss_comes_as_a_pair_of_functions():
    """Lin et al., "Focal loss for dense object detection", ICCV 2017, with gamma = 2."""

    def focal(scores, targets):
        right = (2 * targets - 1) * scores
        return -(expit(-right) ** 2 * log_expit(right)).sum(axis=-1)

    def slope(scores, targets):
        signs = 2 * targets - 1
        p, q = expit(signs * scores), expit(-signs * scores)
        return signs * q**2 * (2 * p * log_expit(signs * scores) - q)

    circles, labels, _, _ = load_circles()
    loss = Loss(focal, slope, link_name="logistic")
    model = InitMLPClassifier(loss=loss, solver="adam", max_iter=500, random_state=3)
    model.fit(circles, labels)
    assert model.score(circles, labels) > 0.95
    assert_allclose(model.predict_proba(circles).sum(axis=1), 1)
    assert_allclose(model.predict_proba(circles)[:, 1], expit(model.decision_function(circles)))


def test_a_loss_of_ones_own_can_be_for_several_classes():
    """The Brier score, whose gradient passes through the softmax."""

    def brier(scores, targets):
        return np.square(MultinomialCrossEntropy().link(scores) - targets).sum(axis=-1)

    def slope(scores, targets):
        p = MultinomialCrossEntropy().link(scores)
        error = 2 * (p - targets)
        return p * (error - (p * error).sum(axis=-1, keepdims=True))

    flowers, y = load_iris(return_X_y=True)
    flowers = (flowers - flowers.mean(axis=0)) / flowers.std(axis=0)
    model = InitMLPClassifier((8,), loss=Loss(brier, slope, "softmax"), solver="lbfgs")
    model.set_params(max_iter=100, random_state=0).fit(flowers, y)
    assert model.score(flowers, y) > 0.97
    by_hand = np.square(model.predict_proba(flowers) - np.eye(3)[y]).sum(axis=1).mean()
    assert_allclose(model.loss_, by_hand, rtol=1e-10)


# --- Searching ------------------------------------------------------------------------------------


def test_a_search_reaches_the_delta_of_huber():
    grid = {"loss__delta": [0.1, 10.0]}
    search = GridSearchCV(model_of("huber"), grid, cv=2).fit(X, NUMBERS)
    for delta, candidate in zip([0.1, 10.0], search.cv_results_["params"], strict=True):
        assert candidate == {"loss__delta": delta}
    assert search.best_estimator_.loss.delta == search.best_params_["loss__delta"]
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


@pytest.mark.parametrize("problem", ["two classes", "several labels", "several classes"])
def test_a_search_reaches_label_smoothing(problem):
    _, y = PROBLEMS[problem]
    grid = {"loss__label_smoothing": [0.0, 0.5]}
    search = GridSearchCV(model_of(problem), grid, cv=2, scoring="neg_log_loss")
    if problem == "several labels":
        search.set_params(scoring="roc_auc")
    search.fit(X, y)
    assert search.best_estimator_.loss.label_smoothing in grid["loss__label_smoothing"]
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


def test_a_search_finds_losses_by_name_and_as_objects():
    grid = {"loss": ["squared_error", "poisson", Huber(delta=0.5)]}
    search = GridSearchCV(model_of("huber"), grid, cv=2).fit(X, COUNTS)
    assert len(set(search.cv_results_["mean_test_score"])) == 3


@pytest.mark.parametrize(
    ("Estimator", "loss", "name", "value", "shown"),
    [
        (InitMLPRegressor, "huber", "delta", 2, r"pass the object: loss=Huber\(delta=2\)"),
        (InitMLPRegressor, "auto", "delta", 2, r"such as loss=Huber\(delta=2\)"),
        (InitMLPClassifier, "auto", "label_smoothing", 0.1,
         r"such as loss=CrossEntropy\(label_smoothing=0.1\)"),
        (InitMLPClassifier, "cross_entropy", "label_smoothing", 0.1,
         r"pass the object: loss=CrossEntropy\(label_smoothing=0.1\)"),
        (InitMLPRegressor, "auto", "gain", 2, "pass an object that has it$"),
    ],
)  # fmt: skip
def test_a_setting_of_a_name_is_told_the_object_that_has_it(Estimator, loss, name, value, shown):
    with pytest.raises(ValueError, match=shown):
        Estimator(loss=loss).set_params(**{f"loss__{name}": value})


def test_what_a_name_stands_for_does_not_change_with_an_estimator():
    InitMLPRegressor(loss=LOSSES["huber"]).set_params(loss__delta=7.0)
    assert LOSSES["huber"].delta == 1.0


# --- What cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["huber", Huber(), "squared_error", "poisson", SquaredError()])
@pytest.mark.parametrize("y", [LABELS[:, 0], LABELS, CLASSES], ids=["two", "labels", "several"])
def test_classes_have_no_use_for_a_loss_of_numbers(loss, y):
    with pytest.raises(ValueError, match=r"loss=.* is not for .*; give 'auto', 'cross_entropy'"):
        InitMLPClassifier(loss=loss).fit(X, y)


@pytest.mark.parametrize("loss", ["cross_entropy", CrossEntropy(), MultinomialCrossEntropy()])
def test_numbers_have_no_use_for_a_loss_of_classes(loss):
    with pytest.raises(ValueError, match=r"is not for numbers; give 'auto', 'squared_error', .*"):
        InitMLPRegressor(loss=loss).fit(X, NUMBERS)


def test_three_classes_need_the_softmax():
    own = Loss(squared_hinge, slope_of_squared_hinge, "logistic")
    with pytest.raises(ValueError, match=r"is not for several classes; .*link_name='softmax'"):
        InitMLPClassifier(loss=own).fit(X, CLASSES)


@pytest.mark.parametrize("n_outputs", [1, 2, 3])
@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (Loss(lambda z, y: np.square(z - y), lambda z, y: z - y), "per_sample"),
        (Loss(lambda z, y: np.square(z - y).sum(axis=0), lambda z, y: z - y), "per_sample"),
        (Loss(lambda z, y: np.square(z - y).sum(axis=1), lambda z, y: z - y), "per_sample"),
        (Loss(lambda z, y: np.square(z - y).mean(), lambda z, y: z - y), "per_sample"),
        (Loss(lambda z, y: np.square(z - y).sum(axis=-1), lambda z, y: 0.0), "gradient"),
        (Loss(lambda z, y: np.square(z - y).sum(axis=-1), lambda z, y: (z - y).T), "gradient"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_told(wrong, part, n_outputs):
    y = np.column_stack([NUMBERS] * n_outputs)
    with pytest.raises(ValueError, match=rf"(?s){part} of loss=Loss\(.* returned .* one number"):
        InitMLPRegressor(loss=wrong).fit(X, y)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match=r"y must hold no negative value.*'squared_error'"):
        InitMLPRegressor(loss="poisson").fit(X, NUMBERS)


def test_a_batch_without_counts_is_no_mistake_but_a_fit_is():
    model = InitMLPRegressor(loss="poisson")
    with pytest.raises(ValueError, match="0 for all samples"):
        model.fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="0 for all samples"):
        model.fit(X, COUNTS, sample_weight=COUNTS == 0)
    assert model.partial_fit(X, np.zeros(len(X))).n_iter_ == 1


def test_scikit_learn_is_told_that_counts_are_positive():
    tags = [get_tags(InitMLPRegressor(loss=loss)) for loss in ("auto", "poisson", Poisson(), 3)]
    assert [tag.target_tags.positive_only for tag in tags] == [False, True, True, False]


# --- What others say of it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        ("absolute_error", NUMBERS, np.abs(NUMBERS - np.median(NUMBERS)).mean()),
        ("poisson", COUNTS,
         Poisson().per_sample(np.log(np.full((60, 1), COUNTS.mean())), COUNTS[:, None]).mean()),
        (Huber(100.0), NUMBERS, NUMBERS.var() / 2),
        (CrossEntropy(0.2), CLASSES[:45],
         -(p := 0.8 * np.bincount(CLASSES[:45]) / 45 + 0.2 / 3) @ np.log(p)),
    ],
)  # fmt: skip
def test_guessing_is_judged_by_the_same_loss(loss, y, expected):
    Estimator = InitMLPClassifier if y.dtype == int else InitMLPRegressor
    model = Estimator(loss=loss, max_iter=1).fit(X[: len(y)], y)
    assert_allclose(baseline_loss(*loss_and_targets(model, y)), expected, rtol=1e-6)


def test_a_comparison_says_what_a_loss_has_come_to():
    model = linear(AbsoluteError(), max_iter=100).fit(X, NUMBERS)
    share = model.loss_ / np.abs(NUMBERS - np.median(NUMBERS)).mean()
    assert (
        describe_outcome(model, NUMBERS) == f"learns: the loss ends at {share:.0%} of the baseline"
    )


@pytest.mark.parametrize("problem", ["absolute_error", "huber", "poisson", "two classes"])
def test_predictions_that_are_all_the_same_are_told_whatever_the_loss(problem):
    _, y = PROBLEMS[problem]
    with pytest.warns(ConvergenceWarning, match="the predictions are the same for all samples"):
        model_of(problem, init="zeros").fit(X, y)


def test_nobody_is_told_to_scale_counts():
    for loss, y, told in (("auto", NUMBERS, "X and y (Sta"), ("poisson", COUNTS, "X (Sta")):
        with pytest.warns(ConvergenceWarning, match=re.escape(f"at the scaling of {told}")):
            InitMLPRegressor(init="zeros", loss=loss, max_iter=5).fit(X, y)


def test_a_trace_tells_the_formula_of_the_loss():
    formulas = {
        "absolute_error": ("losses = |p - y|", lambda p, y: abs(p - y)),
        "poisson": ("losses = p - y + y log(y / p)", lambda p, y: p - y + y * np.log(y / p)),
    }
    for loss, (formula, by_hand) in formulas.items():
        passed = trace(InitMLPRegressor(2, loss=loss, random_state=0), [[0.5]], [3.0])
        assert formula in passed.text
        assert_allclose(passed["losses"], by_hand(passed["p"], 3.0).ravel())


def test_a_trace_shows_the_targets_that_the_loss_follows():
    model = InitMLPClassifier(2, loss=CrossEntropy(0.2), random_state=0)
    passed = trace(model, [[0.5], [1.0]], [0, 1])
    assert_allclose(passed["y"], [[0.1], [0.9]])


def test_an_initializer_sees_the_loss():
    seen = []

    def note(layer, rng):
        seen.append(layer.loss)
        return rng.normal(size=(layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)

    model_of("several classes", init=note).fit(X, CLASSES)
    assert repr(seen[0]) == "MultinomialCrossEntropy(label_smoothing=0.2)"
