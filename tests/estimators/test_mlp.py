import pickle
import re
import tracemalloc
import warnings
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_breast_cancer, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from threadpoolctl import threadpool_limits

from skinit import (
    Activation,
    InitMLPClassifier,
    InitMLPRegressor,
    initialize_parameters,
    load_circles,
    load_moons,
)
from skinit.activations import ELU, LeakyReLU
from skinit.initializers import Given, Glorot, He, Normal, PerLayer, WithBias, Zeros
from skinit.losses import CrossEntropy, Huber
from skinit.solvers import GradientDescent

BOTH = pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])

# What can be predicted, and by which estimator.
PROBLEMS = {
    "binary": InitMLPClassifier,
    "multiclass": InitMLPClassifier,
    "multilabel": InitMLPClassifier,
    "one output": InitMLPRegressor,
    "several outputs": InitMLPRegressor,
}
EVERY_PROBLEM = pytest.mark.parametrize("problem", PROBLEMS)
CLASSIFICATION = pytest.mark.parametrize(
    "problem", [name for name, Estimator in PROBLEMS.items() if Estimator is InitMLPClassifier]
)


def data_of(problem):
    """Return X of 80 samples and 6 features, half of its values zero, and y."""
    X, labels = make_multilabel_classification(
        n_samples=80, n_features=6, n_classes=3, allow_unlabeled=True, random_state=0
    )
    X = scale(X)
    y = {
        "binary": labels[:, 0],
        "multiclass": labels[:, 0] + labels[:, 1],
        "multilabel": labels,
        "one output": X[:, 0] - np.sin(2 * X[:, 1]),
        "several outputs": np.column_stack([X[:, 0] - np.sin(2 * X[:, 1]), X[:, 2] ** 2]),
    }[problem]
    X[np.median(X) > X] = 0.0
    return X, y


def short(problem, **settings):
    """Make an estimator for a problem that learns something in no time."""
    defaults = {"max_iter": 60, "learning_rate": 0.1, "random_state": 0}
    return PROBLEMS[problem](**(defaults | settings))


def fitted(problem, **settings):
    return short(problem, **settings).fit(*data_of(problem))


def arrays_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_bits(model, other):
    for array, expected in zip(arrays_of(model), arrays_of(other), strict=True):
        assert_array_equal(array, expected)
    assert_array_equal(model.loss_curve_, other.loss_curve_)


def assert_close(model, other, rtol):
    """Compare two models, each array to `rtol` of its largest entry."""
    for array, expected in zip(arrays_of(model), arrays_of(other), strict=True):
        assert_allclose(array, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


# --- The tutorials' experiments ---------------------------------------------------------------


def percent(model, X, y):
    return round(100 * model.score(X, y))


def trained(model, X, y):
    """Fit, and return the warnings beside the model."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    return model, [str(warning.message) for warning in caught]


@pytest.fixture(scope="module")
def circles():
    """Return a function: init -> (model, warnings), trained with the defaults."""
    X, y, _, _ = load_circles()
    return cache(lambda init: trained(InitMLPClassifier(init=init, random_state=3), X, y))


@pytest.fixture(scope="module")
def moons():
    """Return a function: init -> model; only the hidden layers take the tutorial's start."""
    X, y, _, _ = load_moons()

    def train(init):
        model = InitMLPClassifier((12, 6), init=PerLayer(hidden=init), random_state=149)
        return trained(model, X, y)[0]

    return cache(train)


def test_he_on_circles_starts_at_the_published_cost(circles):
    model, _ = circles("he")
    assert model.loss_curve_[0] == pytest.approx(0.88305, abs=5e-6)


@pytest.mark.parametrize(
    ("init", "train", "test"), [("zeros", 50, 50), ("random", 83, 86), ("he", 99, 96)]
)
def test_accuracies_on_circles_are_the_published_ones(circles, init, train, test):
    model, _ = circles(init)
    X_train, y_train, X_test, y_test = load_circles()
    assert percent(model, X_train, y_train) == train
    assert percent(model, X_test, y_test) == test


def test_the_large_start_on_circles_has_finite_costs(circles):
    model, _ = circles("random")
    assert np.isfinite(model.loss_curve_).all()


def test_zeros_on_circles_cost_what_a_coin_costs_throughout(circles):
    model, _ = circles("zeros")
    assert len(model.loss_curve_) == 15000
    assert_allclose(model.loss_curve_, np.log(2), rtol=0, atol=1e-12)


def test_zeros_on_circles_predict_class_0_everywhere(circles):
    model, _ = circles("zeros")
    for X in load_circles()[::2]:
        assert_array_equal(model.predict(X), 0)


def test_zeros_on_circles_warn_and_name_scaling_and_init(circles):
    _, (message,) = circles("zeros")
    for words in ("same for all samples", "scaling of X", "init='zeros'"):
        assert words in message


@pytest.mark.parametrize("init", ["random", "he"])
def test_a_start_that_learns_gives_no_warning(circles, init):
    assert circles(init)[1] == []


@pytest.mark.parametrize(("init", "published"), [("zeros", 50), ("random", 85), ("he", 95)])
def test_accuracies_on_moons_are_about_the_published_ones(moons, init, published):
    X, y, _, _ = load_moons()
    assert 100 * moons(init).score(X, y) == pytest.approx(published, abs=2)


# --- A fit is alone with its data ---------------------------------------------------------------


@EVERY_PROBLEM
def test_an_earlier_fit_to_other_data_leaves_no_trace(problem):
    X, y = data_of(problem)
    model = short(problem).fit(X[:40, :2], y[:40])
    assert_same_bits(model.fit(X, y), fitted(problem))


def test_an_earlier_fit_to_another_kind_of_target_leaves_no_trace():
    model = short("binary")
    for problem in ("multilabel", "multiclass", "binary"):
        X, y = data_of(problem)
        assert_same_bits(model.fit(X, y), fitted(problem))
        assert_array_equal(model.predict(X), fitted(problem).predict(X))


@EVERY_PROBLEM
def test_fit_leaves_its_data_as_they_are(problem):
    X, y = data_of(problem)
    sample_weight = np.linspace(0, 2, len(X))
    before = [array.copy() for array in (X, y, sample_weight)]
    short(problem).fit(X, y, sample_weight)
    for array, expected in zip((X, y, sample_weight), before, strict=True):
        assert_array_equal(array, expected)


@pytest.fixture(scope="module")
def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def test_n_jobs_does_not_change_a_search(breast_cancer):
    model = InitMLPClassifier(100, random_state=0, max_iter=20, learning_rate=0.1)
    one, two = (
        GridSearchCV(model, {"init": ["he", "glorot"]}, cv=2, n_jobs=n_jobs).fit(*breast_cancer)
        for n_jobs in (1, 2)
    )
    assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert_same_bits(one.best_estimator_, two.best_estimator_)


# How BLAS shares a product of many rows among threads decides how it is rounded.
def test_blas_threads_change_no_more_than_rounding_of_predictions():
    X, _ = data_of("binary")
    model, X = fitted("binary", hidden_layer_sizes=100), np.tile(X, (300, 1))
    free = model.decision_function(X)
    with threadpool_limits(1):
        assert_allclose(model.decision_function(X), free, rtol=0, atol=1e-13 * np.abs(free).max())


# --- Targets and predictions ------------------------------------------------------------------


@BOTH
def test_the_kind_of_estimator_is_known_to_scikit_learn(Estimator):
    assert is_classifier(Estimator()) == (Estimator is InitMLPClassifier)
    assert is_regressor(Estimator()) == (Estimator is InitMLPRegressor)


@EVERY_PROBLEM
def test_predictions_have_the_shape_of_y(problem):
    X, y = data_of(problem)
    assert fitted(problem).predict(X).shape == y.shape


def test_a_regressor_gives_a_column_for_a_column():
    X, y = data_of("one output")
    model = short("one output").fit(X, y[:, np.newaxis])
    assert model.predict(X).shape == (len(X), 1)
    assert_same_bits(model, short("one output").fit(X, y))


@EVERY_PROBLEM
def test_training_improves_on_the_start(problem):
    model = fitted(problem, max_iter=300)
    assert model.loss_ < 0.8 * model.loss_curve_[0]


@pytest.mark.parametrize(
    ("problem", "outputs", "link"),
    [
        ("binary", 1, "logistic"),
        ("multiclass", 3, "softmax"),
        ("multilabel", 3, "logistic"),
        ("one output", 1, "identity"),
        ("several outputs", 2, "identity"),
    ],
)
def test_outputs_and_their_link_follow_the_target(problem, outputs, link):
    model = fitted(problem)
    assert (model.n_outputs_, model.out_activation_) == (outputs, link)


@pytest.mark.parametrize(
    ("problem", "shape"), [("binary", (80,)), ("multiclass", (80, 3)), ("multilabel", (80, 3))]
)
def test_decision_function_has_the_shape_that_scikit_learn_asks_for(problem, shape):
    assert fitted(problem).decision_function(data_of(problem)[0]).shape == shape


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_probabilities_of_a_sample_sum_to_one(problem):
    probabilities = fitted(problem).predict_proba(data_of(problem)[0])
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_the_most_probable_class_is_predicted(problem):
    X, _ = data_of(problem)
    model = fitted(problem)
    assert_array_equal(model.classes_[model.predict_proba(X).argmax(axis=1)], model.predict(X))


def test_labels_more_probable_than_not_are_predicted():
    X, _ = data_of("multilabel")
    model = fitted("multilabel")
    assert_array_equal(model.predict_proba(X) > 0.5, model.predict(X))


@pytest.mark.parametrize("problem", ["binary", "multilabel"])
def test_decision_function_is_the_log_odds(problem):
    X, _ = data_of(problem)
    model = fitted(problem)
    p = model.predict_proba(X)[:, -1]
    scores = model.decision_function(X).reshape(len(X), -1)[:, -1]
    assert_allclose(scores, np.log(p / (1 - p)), rtol=1e-9, atol=1e-9)


@CLASSIFICATION
def test_log_probabilities_are_the_logarithms(problem):
    X, _ = data_of(problem)
    model = fitted(problem)
    assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-12)


@CLASSIFICATION
def test_log_probabilities_stay_finite_where_probabilities_round_to_0(problem):
    X, _ = data_of(problem)
    model = fitted(problem)
    model.coefs_[-1] *= 1e4
    assert (model.predict_proba(X) == 0).any()
    assert np.isfinite(model.predict_log_proba(X)).all()


def test_sparse_indicators_are_as_good_as_dense_ones():
    X, y = data_of("multilabel")
    model = short("multilabel").fit(X, sparse.csr_matrix(y))
    assert_same_bits(model, short("multilabel").fit(X, y))


def test_sparse_targets_of_a_regressor_are_as_good_as_dense_ones():
    X, y = data_of("several outputs")
    model = short("several outputs").fit(X, sparse.csr_matrix(y))
    assert_same_bits(model, short("several outputs").fit(X, y))


@CLASSIFICATION
def test_score_of_a_classifier_is_accuracy(problem):
    X, y = data_of(problem)
    model = fitted(problem)
    assert model.score(X, y) == accuracy_score(y, model.predict(X))


@pytest.mark.parametrize("problem", ["one output", "several outputs"])
def test_score_of_a_regressor_is_the_coefficient_of_determination(problem):
    X, y = data_of(problem)
    model = fitted(problem)
    assert model.score(X, y) == r2_score(y, model.predict(X))


LABELS = {
    "str": np.array(["ant", "bee", "cat"]),
    "object": np.array(["ant", "bee", "cat"], dtype=object),
    "negative": np.array([-7, -3, -1]),
    "non-contiguous": np.array([2, 30, 400]),
    "float": np.array([-1.0, 0.0, 2.0]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_labels_of_any_kind_come_back(problem, labels):
    X, codes = data_of(problem)
    model = short(problem).fit(X, labels[codes])
    plain = short(problem).fit(X, codes)
    assert_same_bits(model, plain)
    assert model.classes_.dtype == labels.dtype
    assert_array_equal(model.predict(X), labels[plain.predict(X)])


def test_bool_labels_come_back():
    X, codes = data_of("binary")
    model = short("binary").fit(X, codes == 1)
    assert model.predict(X).dtype == bool
    assert_array_equal(model.predict(X), fitted("binary").predict(X) == 1)


def test_a_column_of_labels_is_flattened_with_scikit_learns_warning():
    X, y = data_of("binary")
    with pytest.warns(DataConversionWarning):
        model = short("binary").fit(X, y[:, np.newaxis])
    assert_same_bits(model, short("binary").fit(X, y))


CHANGES = [
    {"activation": "tanh"},
    {"activation": ["relu", "tanh", "relu"]},
    {"activation__negative_slope": 0.9},
    {"loss": "poisson"},
    {"hidden_layer_sizes": (2,)},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("problem", ["one output", "multiclass"])
def test_predictions_go_by_what_was_fitted(problem, change):
    X, _ = data_of(problem)
    model = fitted(problem, hidden_layer_sizes=(4, 3), activation=LeakyReLU(0.2))
    method = "predict" if is_regressor(model) else "predict_log_proba"
    before = getattr(model, method)(X)
    assert_array_equal(getattr(model.set_params(**change), method)(X), before)


def test_a_new_fit_goes_by_the_new_settings_also_where_it_validates():
    X, y = data_of("one output")
    settings = {"activation": "tanh", "loss": "huber", "early_stopping": True, "tol": 1.0}
    again = fitted("one output").set_params(**settings).fit(X, y)
    afresh = fitted("one output", **settings)
    assert_same_bits(again, afresh)
    assert_array_equal(again.validation_scores_, afresh.validation_scores_)
    assert_array_equal(again.predict(X), afresh.predict(X))


# --- Containers and dtypes --------------------------------------------------------------------


@EVERY_PROBLEM
def test_float32_stays_float32(problem):
    X, y = data_of(problem)
    X = X.astype(np.float32)
    model = short(problem).fit(X, y)
    assert {array.dtype for array in arrays_of(model)} == {np.dtype(np.float32)}
    method = "predict" if is_regressor(model) else "predict_proba"
    assert getattr(model, method)(X).dtype == np.float32


@EVERY_PROBLEM
def test_losses_are_float64_also_in_float32(problem):
    X, y = data_of(problem)
    assert short(problem).fit(X.astype(np.float32), y).loss_curve_.dtype == np.float64


@EVERY_PROBLEM
def test_float32_starts_where_float64_does_and_ends_nearby(problem):
    X, y = data_of(problem)
    # Values that both types hold exactly, so that only the arithmetic differs.
    X = X.astype(np.float32)
    single, double = short(problem).fit(X, y), short(problem).fit(X.astype(np.float64), y)
    for W, expected in zip(single.initial_coefs_, double.initial_coefs_, strict=True):
        assert_array_equal(W, expected.astype(np.float32))
    assert_close(single, double, rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float16, object])
def test_other_dtypes_become_float64(dtype):
    X, y = data_of("binary")
    X = (X > 0).astype(dtype)
    model = short("binary").fit(X, y)
    assert model.coefs_[0].dtype == np.float64
    assert_same_bits(model, short("binary").fit(X.astype(np.float64), y))


SPARSE = [
    sparse.csr_matrix,
    sparse.csc_matrix,
    sparse.coo_matrix,
    sparse.lil_matrix,
    sparse.csr_array,
    sparse.csc_array,
]


@pytest.mark.parametrize("container", SPARSE)
@EVERY_PROBLEM
def test_sparse_X_ends_where_dense_X_does(problem, container):
    X, y = data_of(problem)
    assert_close(short(problem).fit(container(X), y), short(problem).fit(X, y), rtol=1e-10)


@pytest.mark.parametrize("container", SPARSE)
@EVERY_PROBLEM
def test_predictions_from_sparse_X_are_those_from_dense_X(problem, container):
    X, _ = data_of(problem)
    model = fitted(problem)
    assert_allclose(model.predict(container(X)), model.predict(X), rtol=1e-10)


def test_sparse_X_keeps_float32():
    X, y = data_of("binary")
    model = short("binary").fit(sparse.csr_matrix(X, dtype=np.float32), y)
    assert model.predict_proba(X).dtype == np.float32


@pytest.fixture(params=["pandas", "polars"])
def frame(request):
    """Return a function that puts X into a data frame with these column names."""
    DataFrame = pytest.importorskip(request.param).DataFrame
    return lambda X, names: DataFrame({name: X[:, k] for k, name in enumerate(names)})


@EVERY_PROBLEM
def test_column_names_are_kept(problem, frame):
    X, y = data_of(problem)
    model = short(problem).fit(frame(X, "abcdef"), y)
    assert list(model.feature_names_in_) == list("abcdef")
    assert_same_bits(model, short(problem).fit(X, y))


def test_other_column_names_are_refused(frame):
    X, y = data_of("binary")
    model = short("binary").fit(frame(X, "abcdef"), y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame(X, "abcdez"))


def test_column_names_that_are_missing_are_warned_about(frame):
    X, y = data_of("binary")
    model = short("binary").fit(frame(X, "abcdef"), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


# --- Sample weights ---------------------------------------------------------------------------


@EVERY_PROBLEM
def test_a_whole_weight_is_as_good_as_repetition(problem):
    X, y = data_of(problem)
    times = np.random.RandomState(0).randint(1, 4, size=len(X))
    weighted = short(problem).fit(X, y, sample_weight=times)
    repeated = short(problem).fit(X.repeat(times, axis=0), y.repeat(times, axis=0))
    assert_close(weighted, repeated, rtol=1e-10)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)


@EVERY_PROBLEM
def test_a_weight_of_zero_is_as_good_as_absence(problem):
    X, y = data_of(problem)
    present = np.random.RandomState(0).uniform(size=len(X)) < 0.6
    weighted = short(problem).fit(X, y, sample_weight=present.astype(float))
    assert_close(weighted, short(problem).fit(X[present], y[present]), rtol=1e-10)


@EVERY_PROBLEM
def test_the_unit_of_the_weights_does_not_matter(problem):
    X, y = data_of(problem)
    weights = np.random.RandomState(0).uniform(size=len(X))
    one, thousand = (short(problem).fit(X, y, factor * weights) for factor in (1, 1000))
    assert_close(one, thousand, rtol=1e-10)


@EVERY_PROBLEM
def test_no_weights_are_equal_weights(problem):
    X, y = data_of(problem)
    assert_close(short(problem).fit(X, y, np.ones(len(X))), short(problem).fit(X, y), rtol=1e-12)


# --- Settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({"init": He(gain=0.5)}, "init__gain", 0.5),
        ({"init": PerLayer(hidden=He(gain=0.5))}, "init__hidden__gain", 0.5),
        ({"init": WithBias(Normal(std=2))}, "init__base__std", 2),
        ({"activation": LeakyReLU(negative_slope=0.2)}, "activation__negative_slope", 0.2),
        ({"activation": ELU(alpha=2)}, "activation__alpha", 2),
        ({"loss": Huber(delta=2)}, "loss__delta", 2),
        ({"loss": CrossEntropy(label_smoothing=0.2)}, "loss__label_smoothing", 0.2),
    ],
)
@BOTH
def test_settings_of_a_setting_can_be_read_and_set(Estimator, settings, name, value):
    estimator = clone(Estimator(**settings))
    assert estimator.get_params()[name] == value
    estimator.set_params(**{name: 7.0})
    assert clone(estimator).get_params()[name] == 7.0


@BOTH
def test_clone_has_equal_settings_and_objects_of_its_own(Estimator):
    estimator = Estimator(init=He(gain=2), activation=ELU(alpha=3), solver=GradientDescent())
    copy = clone(estimator)
    assert repr(copy) == repr(estimator)
    assert copy.init is not estimator.init


NEEDS_AN_OBJECT = r"init='he' .*has no parameter 'gain'.*pass the object: init=He\(gain=2\)"


@BOTH
def test_setting_a_setting_of_a_name_shows_the_object_to_pass(Estimator):
    with pytest.raises(ValueError, match=NEEDS_AN_OBJECT):
        Estimator().set_params(init__gain=2)


def test_a_pipeline_passes_on_the_object_to_pass():
    pipeline = make_pipeline(StandardScaler(), InitMLPClassifier())
    with pytest.raises(ValueError, match=NEEDS_AN_OBJECT):
        pipeline.set_params(initmlpclassifier__init__gain=2)


@pytest.mark.parametrize(
    ("init", "way_out"),
    [("he", r"the object: He\(\)"), (["he", "he", "he"], r"an object that .*such as He\(\)")],
)
@BOTH
def test_a_name_in_a_grid_of_its_settings_is_told_what_to_be_replaced_by(Estimator, init, way_out):
    search = GridSearchCV(Estimator(), {"init": [init], "init__gain": [1, 2]}, cv=2)
    with pytest.raises(ValueError, match=f"; pass {way_out} together with init__gain$"):
        search.fit(np.eye(4), [0, 1, 0, 1])


@pytest.mark.parametrize("setting", ["activation", "solver", "loss"])
def test_a_name_whose_object_has_no_such_setting_is_told_so(setting):
    with pytest.raises(ValueError, match=f"{setting}=.* has no parameter 'gain'"):
        InitMLPClassifier().set_params(**{f"{setting}__gain": 2})


@BOTH
def test_an_object_and_its_setting_can_be_set_at_once(Estimator):
    estimator = Estimator().set_params(init__gain=2, init=He())
    assert repr(estimator.init) == "He(gain=2)"


@BOTH
def test_a_setting_that_does_not_exist_is_named(Estimator):
    with pytest.raises(ValueError, match="momentum"):
        Estimator().set_params(momentum=0.9)


def test_a_search_finds_names_objects_and_their_settings(breast_cancer):
    X, y = breast_cancer
    net = InitMLPClassifier(random_state=0, max_iter=30, learning_rate=0.3)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net)])
    search = GridSearchCV(
        pipeline,
        [
            {"net__init": ["zeros", "he", Glorot(distribution="uniform")]},
            {"net__init": [He(), Glorot()], "net__init__gain": [0.5, 2.0]},
        ],
        cv=2,
    )
    with pytest.warns(ConvergenceWarning, match="init='zeros'"):
        search.fit(X[:100], y[:100])
    assert len(search.cv_results_["params"]) == 7
    # Each candidate is what it says, and scores what it scores outside the search.
    best = clone(pipeline).set_params(**search.best_params_).fit(X[:100], y[:100])
    assert_same_bits(search.best_estimator_["net"], best["net"])


def settings_with_objects():
    return {
        "init": [He(gain=0.5), PerLayer(first=Normal(std=0.1)), Given([0, 0, np.ones((5, 1))])],
        "activation": LeakyReLU(negative_slope=0.1),
        "solver": GradientDescent(),
    }


@BOTH
def test_fit_leaves_the_objects_in_its_settings_alone(Estimator):
    settings = settings_with_objects()
    before = pickle.dumps(settings)
    estimator = Estimator(max_iter=5, **settings).fit(*data_of("binary"))
    assert pickle.dumps(settings) == before
    assert all(getattr(estimator, name) is value for name, value in settings.items())


@pytest.mark.parametrize("hidden_layer_sizes", [3, np.int64(3), [3], (3,), np.array([3])])
def test_one_hidden_layer_can_be_written_in_many_ways(hidden_layer_sizes):
    model = fitted("binary", hidden_layer_sizes=hidden_layer_sizes)
    assert [W.shape for W in model.coefs_] == [(6, 3), (3, 1)]


@EVERY_PROBLEM
def test_a_network_without_hidden_layers_is_a_linear_model(problem):
    X, _ = data_of(problem)
    model = fitted(problem, hidden_layer_sizes=())
    scores = X @ model.coefs_[0] + model.intercepts_[0]
    method = model.predict if is_regressor(model) else model.decision_function
    assert_allclose(method(X).reshape(scores.shape[0], -1), scores, rtol=1e-12)


def small_waves(layer, rng):
    return rng.uniform(-0.5, 0.5, (layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)


@EVERY_PROBLEM
def test_a_function_can_be_the_init(problem):
    model = fitted(problem, init=small_waves)
    assert model.init_resolved_ == ["small_waves"] * 3
    assert all(np.abs(W).max() <= 0.5 for W in model.initial_coefs_)


def test_each_layer_can_have_an_init_of_its_own():
    model = fitted("binary", init=["he", small_waves, Zeros()])
    assert model.init_resolved_ == ["He()", "small_waves", "Zeros()"]
    assert_array_equal(model.initial_coefs_[2], 0)


def slope_of_arctan(z):
    return 1 / (1 + z**2)


ARCTAN = Activation(np.arctan, slope_of_arctan)


def test_a_users_activation_is_trained_with():
    X, _ = data_of("one output")
    model = fitted("one output", hidden_layer_sizes=8, activation=ARCTAN)
    hidden = np.arctan(X @ model.coefs_[0] + model.intercepts_[0])
    expected = hidden @ model.coefs_[1] + model.intercepts_[1]
    assert_allclose(model.predict(X), expected[:, 0], rtol=1e-12)


ONE_EACH = ["tanh", ARCTAN]


def test_each_hidden_layer_can_have_an_activation_of_its_own():
    X, _ = data_of("one output")
    model = fitted("one output", hidden_layer_sizes=(8, 4), activation=ONE_EACH)
    first = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    second = np.arctan(first @ model.coefs_[1] + model.intercepts_[1])
    expected = second @ model.coefs_[2] + model.intercepts_[2]
    assert_allclose(model.predict(X), expected[:, 0], rtol=1e-12)


@EVERY_PROBLEM
def test_the_same_activation_for_each_layer_is_one_for_all(problem):
    assert_same_bits(
        fitted(problem, activation=["tanh", "tanh"]), fitted(problem, activation="tanh")
    )


def test_a_start_knows_the_activation_of_its_layer():
    seen = []

    def ask(layer, rng):
        seen.append(layer.activation)
        return small_waves(layer, rng)

    fitted("binary", init=ask, activation=["tanh", LeakyReLU(0.2)])
    assert list(map(repr, seen)) == ["Tanh()", "LeakyReLU(negative_slope=0.2)", "None"]


def test_a_search_chooses_among_activations_for_each_layer():
    choices = ["relu", ["relu", "tanh"], [LeakyReLU(0.1), ARCTAN]]
    model = InitMLPClassifier((6, 4), max_iter=20, random_state=0)
    search = GridSearchCV(model, {"activation": choices}, cv=2, error_score="raise")
    assert search.fit(*data_of("binary")).best_params_["activation"] in choices


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"init": small_waves},
        {"init": ["he", He(gain=2), "zeros"]},
        {"activation": ARCTAN},
        {"activation": ONE_EACH},
    ],
    ids=["names", "function as init", "inits", "activation of one's own", "activations"],
)
@EVERY_PROBLEM
def test_a_pickled_model_predicts_the_same_bits(problem, settings):
    X, _ = data_of(problem)
    model = fitted(problem, **settings)
    back = pickle.loads(pickle.dumps(model))
    assert_same_bits(back, model)
    assert_array_equal(back.predict(X), model.predict(X))


# --- What a fit leaves behind -----------------------------------------------------------------


def test_n_parameters_counts_weights_and_biases():
    assert fitted("multiclass").n_parameters_ == (6 + 1) * 10 + (10 + 1) * 5 + (5 + 1) * 3


def test_layers_are_counted_with_the_inputs():
    assert fitted("multiclass").n_layers_ == 4


def test_init_resolved_spells_what_each_layer_was_started_with():
    model = fitted("binary", init=PerLayer(first="kaiming_uniform", output=Normal(std=0.1)))
    assert model.init_resolved_ == ["He(distribution='uniform')", "He()", "Normal(std=0.1)"]


def test_initial_coefs_are_the_start_and_training_leaves_them():
    model = fitted("multiclass")
    start = initialize_parameters([6, 10, 5, 3], "he", random_state=0)
    for number, (W, b) in enumerate(
        zip(model.initial_coefs_, model.initial_intercepts_, strict=True), start=1
    ):
        assert_array_equal(W.T, start[f"W{number}"])
        assert_array_equal(b[:, np.newaxis], start[f"b{number}"])
        assert not np.array_equal(W, model.coefs_[number - 1])


@EVERY_PROBLEM
def test_the_loss_curve_begins_with_the_loss_of_initial_coefs(problem):
    X, y = data_of(problem)
    model = fitted(problem)
    at_start = clone(model).set_params(init=Given(model.initial_coefs_, model.initial_intercepts_))
    assert model.loss_curve_[0] == at_start.set_params(max_iter=1).fit(X, y).loss_curve_[0]


@EVERY_PROBLEM
def test_the_loss_curve_has_one_float64_for_each_step(problem):
    model = fitted(problem, max_iter=17)
    assert model.n_iter_ == 17
    assert (model.loss_curve_.shape, model.loss_curve_.dtype) == ((17,), np.float64)


def loss_by_hand(model, X, y, sample_weight=None):
    """Compute the loss that is minimized from the predictions, by scikit-learn where it can."""
    if is_regressor(model):
        errors = 0.5 * np.square(model.predict(X) - y).reshape(len(X), -1).sum(axis=1)
        return np.average(errors, weights=sample_weight)
    probabilities = model.predict_proba(X)
    if y.ndim == 1:
        return log_loss(y, probabilities, sample_weight=sample_weight)
    columns = zip(y.T, probabilities.T, strict=True)
    return sum(log_loss(labels, p, sample_weight=sample_weight) for labels, p in columns)


@EVERY_PROBLEM
def test_loss_is_that_of_the_fitted_weights(problem):
    X, y = data_of(problem)
    model = fitted(problem)
    assert model.loss_ == pytest.approx(loss_by_hand(model, X, y), rel=1e-12)


@EVERY_PROBLEM
def test_loss_is_weighted_as_the_samples_are(problem):
    X, y = data_of(problem)
    sample_weight = np.random.RandomState(0).uniform(0, 2, size=len(X))
    model = short(problem).fit(X, y, sample_weight)
    assert model.loss_ == pytest.approx(loss_by_hand(model, X, y, sample_weight), rel=1e-12)


@EVERY_PROBLEM
def test_a_longer_run_goes_through_the_loss_of_a_shorter_one(problem):
    shorter, longer = fitted(problem, max_iter=10), fitted(problem, max_iter=20)
    assert longer.loss_curve_[10] == shorter.loss_


def test_best_loss_is_the_smallest_on_the_way():
    # A step so long that the loss goes up.
    model = fitted("multiclass", learning_rate=3.0, max_iter=1)
    assert model.loss_curve_.min() < model.loss_
    assert model.best_loss_ == model.loss_curve_.min()


def test_best_loss_counts_the_loss_after_the_last_step():
    model = fitted("binary")
    assert model.best_loss_ == model.loss_ < model.loss_curve_.min()


# --- What one sees ----------------------------------------------------------------------------


@BOTH
def test_the_html_shows_a_link_to_the_docs(Estimator):
    link = f"https://skinit.readthedocs.io/en/latest/generated/skinit.{Estimator.__name__}.html"
    assert link in Estimator()._repr_html_()


def test_verbose_prints_the_cost_on_about_fifteen_lines_as_the_tutorials_do(capsys):
    X, y, _, _ = load_circles()
    model = InitMLPClassifier(random_state=3, max_iter=300, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert 10 <= len(lines) <= 17
    assert lines[0].startswith("Cost after iteration 0: 0.88")
    for line in lines:
        iteration, cost = re.fullmatch(r"Cost after iteration (\d+): (.*)", line).groups()
        assert float(cost) == model.loss_curve_[int(iteration)]


@BOTH
def test_a_quiet_fit_prints_nothing(Estimator, capfd):
    Estimator(max_iter=5).fit(*data_of("binary"))
    assert capfd.readouterr() == ("", "")


@EVERY_PROBLEM
def test_constant_predictions_give_one_warning_that_names_scaling_and_init(problem):
    _, messages = trained(short(problem, init="zeros"), *data_of(problem))
    (message,) = messages
    for words in ("same for all samples", "scaling of X", "init='zeros'", "learning_rate=0.1"):
        assert words in message
    assert ("scaling of X and y" in message) == (PROBLEMS[problem] is InitMLPRegressor)


def test_constant_predictions_of_a_constant_target_give_no_warning():
    X, y = data_of("one output")
    _, messages = trained(short("one output", init="zeros"), X, np.full_like(y, 3.0))
    assert messages == []


# --- Memory and shortcuts -----------------------------------------------------------------------


def peak_bytes(function, *arguments):
    """Return how much memory a call needs above what is there before, as NumPy tells it."""
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def many_samples(n_samples):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, 50)).astype(np.float32)
    return X, rng.randint(0, 10, n_samples)


@pytest.mark.usefixtures("needs_compiled")
def test_a_fit_to_much_data_needs_little_more_memory_than_the_data(monkeypatch):
    monkeypatch.setattr(
        "skinit.training.compiled.spare_threads", lambda: 2
    )  # each has arrays of its own
    X, y = many_samples(20_000)
    model = InitMLPClassifier((128, 64), max_iter=2, learning_rate=0.01, random_state=0)
    assert peak_bytes(model.fit, X, y) < 15e6


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_predicting_much_data_needs_little_more_memory_than_the_result(method):
    X, y = many_samples(100_000)
    model = InitMLPClassifier((128, 64), max_iter=1, random_state=0).fit(X[:500], y[:500])
    result = 100_000 * 10 * 4
    assert peak_bytes(getattr(model, method), X) < result + 5e6


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_much_data_is_predicted_as_its_parts_are(method):
    X, y = many_samples(5_000)
    model = InitMLPClassifier((128, 64), max_iter=1, random_state=0).fit(X[:500], y[:500])
    parts = [getattr(model, method)(part) for part in np.array_split(X, 50)]
    whole = getattr(model, method)(X)
    assert_allclose(whole, np.concatenate(parts), rtol=1e-3, atol=1e-5)
    assert whole.flags.c_contiguous


def test_arrays_that_need_no_validation_skip_it(monkeypatch):
    X, y = data_of("binary")
    model = short("binary").fit(X, y)
    monkeypatch.setattr("skinit.estimators.base.validate_data", None)
    assert model.predict(X).shape == y.shape


def test_data_that_skip_a_validation_are_those_that_would_pass_it():
    """Else they are validated, converted or refused."""
    X, y = data_of("binary")
    model = short("binary").fit(X, y)
    expected = model.predict_proba(X)
    for same in (np.asfortranarray(X), X.tolist(), np.ma.asarray(X), X.astype(object), X[::1]):
        assert_allclose(model.predict_proba(same), expected, rtol=1e-12)
    for bad in (X[:, :1], X[:0], X[0], np.where(X[0, 0] == X, np.nan, X), X.astype(complex)):
        with pytest.raises(ValueError):  # noqa: PT011
            model.predict_proba(bad)


def test_an_array_for_a_model_that_knows_names_gets_a_warning():
    pandas = pytest.importorskip("pandas")
    X, y = data_of("binary")
    names = [f"feature {k}" for k in range(X.shape[1])]
    model = short("binary").fit(pandas.DataFrame(X, columns=names), y)
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)


def test_class_weights_count_as_the_sample_weights_that_they_stand_for():
    X, y = data_of("binary")
    by_sample = short("binary").fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    by_class = short("binary", class_weight={0: 1, 1: 3}).fit(X, y)
    assert_allclose(by_class.coefs_[0], by_sample.coefs_[0], rtol=1e-12)


def test_class_and_sample_weights_multiply():
    X, y = data_of("binary")
    weights = np.random.RandomState(0).uniform(0.1, 3, len(y))
    both = short("binary", class_weight={0: 1, 1: 3}, alpha=0.1).fit(X, y, weights)
    product = short("binary", alpha=0.1).fit(X, y, weights * np.where(y == 1, 3.0, 1.0))
    assert_allclose(both.coefs_[0], product.coefs_[0], rtol=1e-12)


def test_a_balanced_fit_does_not_see_how_often_a_class_occurs():
    X, y = data_of("binary")
    more = np.concatenate([np.arange(len(y)), *3 * [np.flatnonzero(y == 1)]])
    balanced = short("binary", class_weight="balanced").fit(X, y)
    repeated = short("binary", class_weight="balanced").fit(X[more], y[more])
    assert_allclose(repeated.coefs_[0], balanced.coefs_[0], rtol=1e-10)


@pytest.mark.parametrize("solver", ["gd", "sgd", "adam", "lbfgs"])
def test_a_weight_of_two_is_as_good_as_having_the_sample_twice(solver):
    """With a penalty, too, which is shared among more samples."""
    X, y = data_of("binary")
    twice = np.concatenate([np.arange(len(y)), np.arange(10)])
    weights = np.ones(len(y))
    weights[:10] = 2
    settings = {"solver": solver, "alpha": 0.5, "batch_size": len(twice), "max_iter": 20}
    weighted = short("binary", **settings).fit(X, y, weights)
    repeated = short("binary", **settings).fit(X[twice], y[twice])
    for one, other in zip(weighted.coefs_, repeated.coefs_, strict=True):
        assert_allclose(one, other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"batch_size": "auto"}, r"batch_size='auto' .*None"),
        ({"batch_size": 10}, r"batch_size=10 .* takes all of them at once.*'sgd'"),
        ({"alpha": -1}, "alpha"),
        ({"class_weight": "even"}, "class_weight"),
        ({"class_weight": {5: 1}}, "class_weight"),
        ({"learning_rate": "adaptive"}, r"learning_rate='adaptive'.*ReduceOnPlateau"),
    ],
)
def test_settings_of_training_that_cannot_be_used_are_named(settings, message):
    X, y = data_of("binary")
    with pytest.raises((ValueError, TypeError), match=message):
        short("binary", **settings).fit(X, y)


def test_a_setting_of_a_schedule_cannot_be_set_on_a_number():
    with pytest.raises(ValueError, match=r"learning_rate=ConstantRate\(initial=0\.01\)"):
        InitMLPClassifier().set_params(learning_rate__initial=0.5)
