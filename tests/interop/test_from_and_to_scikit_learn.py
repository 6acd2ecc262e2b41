import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from skinit import InitMLPClassifier, InitMLPRegressor, drop_in, from_sklearn, to_sklearn
from skinit.initializers import He, ScikitLearn
from skinit.losses import CrossEntropy
from skinit.schedules import CosineDecay, InverseScaling, ReduceOnPlateau
from skinit.solvers import LBFGS, SGD, Adam, GradientDescent

has_poisson = "loss" in MLPRegressor().get_params()

# Most models here are stopped early on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def two_classes():
    X, y = load_iris(return_X_y=True)
    return X, y > 0


def three_names():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


def several_labels():
    return make_multilabel_classification(n_samples=80, n_features=5, random_state=0)


def one_target():
    X, y = make_regression(n_samples=80, n_features=4, random_state=0)
    return X, y / y.std()


def several_targets():
    X, y = make_regression(n_samples=80, n_features=4, n_targets=3, random_state=0)
    return X, y / y.std()


TASKS = [
    (InitMLPClassifier, MLPClassifier, two_classes),
    (InitMLPClassifier, MLPClassifier, three_names),
    (InitMLPClassifier, MLPClassifier, several_labels),
    (InitMLPRegressor, MLPRegressor, one_target),
    (InitMLPRegressor, MLPRegressor, several_targets),
]

SETTINGS = [
    {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False, "tol": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.02, "shuffle": False},
    {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-6, "batch_size": 30},
    {"solver": "adam", "early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 3},
    {"solver": "lbfgs", "max_fun": 20, "tol": 1e-3, "alpha": 0.5},
    {"activation": "logistic", "hidden_layer_sizes": (4,), "warm_start": True, "verbose": True},
    {"activation": "identity", "hidden_layer_sizes": [7, 3], "max_iter": 7},
]


def predictions(model, X):
    """Return the predictions of a model and, for a classifier, its probabilities."""
    return [
        getattr(model, name)(X) for name in ("predict", "predict_proba") if hasattr(model, name)
    ]


def assert_same_predictions(model, other, X):
    for found, expected in zip(predictions(model, X), predictions(other, X), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        if found.dtype.kind == "f":
            assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
        else:
            assert_array_equal(found, expected)


def assert_same_weights(model, other):
    for name in ("coefs_", "intercepts_"):
        for array, expected in zip(getattr(model, name), getattr(other, name), strict=True):
            assert_allclose(array, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS)
def test_a_fitted_mlp_predicts_the_same_after_conversion_and_back(Ours, Theirs, load, solver):
    X, y = load()
    mlp = Theirs(
        hidden_layer_sizes=(8, 5), activation="tanh", solver=solver, max_iter=20, random_state=0
    ).fit(X, y)
    model = from_sklearn(mlp)
    assert type(model) is Ours
    assert_same_predictions(model, mlp, X)
    assert_same_predictions(to_sklearn(model), mlp, X)


@pytest.mark.parametrize("solver", [SGD(), Adam(), LBFGS()])
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS)
def test_a_fitted_model_predicts_the_same_in_scikit_learn_and_back(Ours, Theirs, load, solver):
    X, y = load()
    model = Ours(init="scikit_learn", solver=solver, max_iter=20, random_state=0).fit(X, y)
    mlp = to_sklearn(model)
    assert type(mlp) is Theirs
    assert_same_predictions(mlp, model, X)
    assert_same_predictions(from_sklearn(mlp), model, X)


def test_float32_stays_float32_both_ways():
    X, y = three_names()
    X = X.astype(np.float32)
    mlp = MLPClassifier(8, max_iter=5, random_state=0).fit(X, y)
    model = from_sklearn(mlp)
    assert model.predict_proba(X).dtype == to_sklearn(model).predict_proba(X).dtype == np.float32
    assert_allclose(model.predict_proba(X), mlp.predict_proba(X), rtol=1e-5)


def test_feature_names_are_converted():
    pd = pytest.importorskip("pandas")
    X, y = one_target()
    X = pd.DataFrame(X, columns=list("abcd"))
    model = from_sklearn(MLPRegressor(hidden_layer_sizes=5, max_iter=5, random_state=0).fit(X, y))
    for fitted in (model, to_sklearn(model)):
        assert fitted.feature_names_in_.tolist() == list("abcd")
        with pytest.raises(ValueError, match="feature names"):
            fitted.predict(X[list("badc")])


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("Theirs", [MLPClassifier, MLPRegressor])
def test_settings_of_scikit_learn_survive_the_round_trip(Theirs, settings):
    mlp = Theirs(**settings, random_state=3)
    assert to_sklearn(from_sklearn(mlp)).get_params() == mlp.get_params()


@pytest.mark.parametrize("solver", [SGD(0.0), SGD(0.3, nesterov=False), Adam(epsilon=1e-3)])
def test_settings_of_skinit_survive_the_round_trip(solver):
    model = InitMLPClassifier(init="scikit_learn", solver=solver, tol=0.1, batch_size=3, alpha=2.0)
    assert repr(from_sklearn(to_sklearn(model))) == repr(model)


@pytest.mark.parametrize("settings", [{}, {"n_iter_no_change": 20}])
def test_without_a_tolerance_training_runs_to_max_iter_on_both_sides(settings):
    X, y = one_target()
    model = InitMLPRegressor(init="scikit_learn", solver="adam", max_iter=30, **settings)
    assert to_sklearn(model).set_params(learning_rate_init=1e-9).fit(X, y).n_iter_ == 30
    mlp = MLPRegressor(n_iter_no_change=np.inf, max_iter=30, learning_rate_init=1e-9)
    assert from_sklearn(mlp).fit(X, y).n_iter_ == 30


@pytest.mark.parametrize("settings", [s for s in SETTINGS if not s.get("early_stopping")])
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS[:4])
def test_without_shuffling_the_same_settings_end_at_the_same_weights(Ours, Theirs, load, settings):
    X, y = load()
    same = {"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 0}
    mlp = Theirs(**same | settings | {"shuffle": False, "verbose": False})
    assert_same_weights(from_sklearn(mlp).fit(X, y), mlp.fit(X, y))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS)
def test_training_continues_with_the_state_of_the_solver(Ours, Theirs, load, solver):
    X, y = load()
    mlp = Theirs(
        hidden_layer_sizes=(8,), solver=solver, shuffle=False, max_iter=10, random_state=0
    ).fit(X, y)
    here = from_sklearn(mlp)
    there = to_sklearn(from_sklearn(mlp))
    for _ in range(5):
        mlp.partial_fit(X, y)
        here.partial_fit(X, y)
        there.partial_fit(X, y)
    assert_same_weights(here, mlp)
    assert_same_weights(there, mlp)
    assert here.n_iter_ == len(here.loss_curve_) == 15


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_round_trip_does_not_change_further_training(solver):
    """The state of the random number generator, which orders the samples, is kept too."""
    X, y = three_names()
    same = {"batch_size": 30, "max_iter": 5, "random_state": 0}
    model = InitMLPClassifier(init="scikit_learn", solver=solver, **same).fit(X, y)
    back = from_sklearn(to_sklearn(model))
    for _ in range(3):
        assert_same_weights(back.partial_fit(X, y), model.partial_fit(X, y))


def test_warm_start_continues_from_the_converted_weights():
    X, y = one_target()
    mlp = MLPRegressor(hidden_layer_sizes=8, solver="lbfgs", max_iter=20, random_state=0).fit(X, y)
    model = from_sklearn(mlp).set_params(warm_start=True, max_iter=30).fit(X, y)
    assert model.n_iter_ == 50
    assert model.loss_curve_[0] == pytest.approx(mlp.loss_)


def test_training_continues_after_a_fit_by_lbfgs_whose_losses_are_missing():
    X, y = two_classes()
    mlp = MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0).fit(X, y)
    more = {"solver": "adam", "warm_start": True, "max_iter": 5, "tol": None}
    model = from_sklearn(mlp)
    assert (model.n_iter_, len(model.loss_curve_)) == (mlp.n_iter_, 0)
    model.set_params(**more).fit(X, y)
    assert (model.n_iter_, len(model.loss_curve_)) == (mlp.n_iter_ + 5, 5)
    assert_allclose(model.loss_curve_[0], mlp.loss_, rtol=1e-12)
    back = from_sklearn(to_sklearn(model))
    assert back.n_iter_ == model.n_iter_
    assert_array_equal(back.loss_curve_, model.loss_curve_)


def test_attributes_keep_their_meaning():
    X, y = two_classes()
    settings = {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 50}
    mlp = MLPClassifier(8, random_state=0, **settings).fit(X, y)
    model, back = from_sklearn(mlp), to_sklearn(from_sklearn(mlp))
    assert_array_equal(model.loss_curve_, mlp.loss_curve_)
    assert_array_equal(model.validation_scores_, mlp.validation_scores_)
    assert model.init_resolved_ == ["ScikitLearn()", "ScikitLearn()"]
    assert model.n_parameters_ == sum(array.size for array in mlp.coefs_ + mlp.intercepts_)
    names = {name for name in vars(mlp) if name.endswith("_") and not name.startswith("_")}
    for name in names - {"coefs_", "intercepts_", "t_", "classes_"}:
        assert getattr(back, name) == getattr(mlp, name), name
    assert not hasattr(model, "initial_coefs_")


@pytest.mark.parametrize("convert", [from_sklearn, to_sklearn])
def test_conversion_does_not_change_its_argument(convert):
    X, y = three_names()
    Model = {from_sklearn: MLPClassifier, to_sklearn: InitMLPClassifier}[convert]
    extra = {} if Model is MLPClassifier else {"init": "scikit_learn"}
    extra |= {"batch_size": 30, "solver": "adam"}
    model = Model((4,), max_iter=5, random_state=0, **extra).fit(X, y)
    before = pickle.dumps(model)
    convert(model).partial_fit(X, y)
    assert pickle.dumps(model) == before


def test_a_drop_in_keeps_its_init():
    X, y = two_classes()
    clf = drop_in.MLPClassifier((4,), init=He(gain=0.5), max_iter=5, random_state=0).fit(X, y)
    model = from_sklearn(clf)
    assert repr(model.init) == "He(gain=0.5)"
    assert model.init_resolved_ == ["He(gain=0.5)", "He(gain=0.5)"]
    assert_same_predictions(model, clf, X)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"init": "he"}, "init='he'"),
        ({"solver": "gd"}, "without a batch_size"),
        ({"solver": GradientDescent(clip_norm=1.0), "batch_size": 150}, "clip_norm=1.0"),
        ({"solver": "rmsprop"}, "solver='rmsprop'"),
        ({"solver": Adam(weight_decay=0.1)}, "weight_decay=0.1"),
        ({"solver": LBFGS(history_size=5)}, "history_size=5"),
        ({"solver": SGD(max_norm=2.0)}, "max_norm=2.0"),
        ({"learning_rate": CosineDecay(0.1)}, "CosineDecay"),
        ({"solver": "sgd", "learning_rate": InverseScaling(0.1)}, "InverseScaling"),
        ({"learning_rate": ReduceOnPlateau(0.1), "tol": 1e-3}, "ReduceOnPlateau"),
        ({"dropout": 0.5}, "dropout=0.5"),
        ({"class_weight": "balanced"}, "class_weight='balanced'"),
        ({"early_stopping": True, "scoring": "f1"}, "scoring='f1'"),
        ({"early_stopping": True, "solver": "lbfgs"}, "early_stopping"),
        ({"n_iter_no_change": 0, "tol": 1e-3}, "n_iter_no_change=0"),
    ],
)
def test_settings_scikit_learn_lacks_are_an_error_before_a_fit_and_a_warning_after(
    settings, message
):
    X, y = two_classes()
    settings = {"init": "scikit_learn", "solver": "adam", "max_iter": 3} | settings
    model = InitMLPClassifier(**settings, random_state=0)
    with pytest.raises(ValueError, match=message):
        to_sklearn(model)
    model.fit(X, y)
    with pytest.warns(UserWarning, match=message):
        mlp = to_sklearn(model)
    assert_same_predictions(mlp, model, X)


def test_invscaling_is_an_error_before_a_fit_and_a_warning_after():
    X, y = two_classes()
    mlp = MLPClassifier((5,), solver="sgd", learning_rate="invscaling", max_iter=5, random_state=0)
    with pytest.raises(ValueError, match="counts samples"):
        from_sklearn(mlp)
    mlp.fit(X, y)
    with pytest.warns(UserWarning, match="counts samples"):
        model = from_sklearn(mlp)
    assert_same_predictions(model, mlp, X)
    assert repr(model.learning_rate) == "InverseScaling(initial=0.001)"


def test_batch_gradient_descent_is_converted_if_batch_size_is_the_number_of_samples():
    X, y = two_classes()
    model = InitMLPClassifier(init=ScikitLearn(), batch_size=150, max_iter=30, random_state=0)
    assert_same_weights(to_sklearn(model).fit(X, y), model.fit(X, y))


@pytest.mark.parametrize("activation", ["gelu", ["relu", "tanh"], ["tanh", "leaky_relu"]])
@pytest.mark.parametrize("is_fitted", [True, False])
def test_activations_that_scikit_learn_lacks_are_refused(activation, is_fitted):
    X, y = two_classes()
    model = InitMLPClassifier(activation=activation, init="scikit_learn", max_iter=3)
    if is_fitted:
        model.fit(X, y)
    with pytest.raises(ValueError, match="identity, logistic, tanh, relu for all hidden layers"):
        to_sklearn(model)


@pytest.mark.parametrize(
    ("sizes", "activation", "name"),
    [
        ((4, 3), ["tanh", "tanh"], "tanh"),
        ((4,), "sigmoid", "logistic"),
        ((4,), "linear", "identity"),
        ((), "gelu", "relu"),
    ],
)
def test_activations_that_scikit_learn_has_are_converted_to_its_names(sizes, activation, name):
    X, y = two_classes()
    same = {"init": "scikit_learn", "solver": "adam", "max_iter": 3, "random_state": 0}
    model = InitMLPClassifier(sizes, activation=activation, **same).fit(X, y)
    assert to_sklearn(model).activation == name
    assert_same_predictions(to_sklearn(model), model, X)


@pytest.mark.parametrize("convert", [from_sklearn, to_sklearn])
def test_a_pipeline_is_refused_with_the_way_to_its_estimator(convert):
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        convert(make_pipeline(clone(MLPClassifier())))


def test_a_model_of_one_class_is_refused():
    X, _ = two_classes()
    mlp = MLPClassifier((3,), max_iter=3).fit(X, np.ones(len(X)))
    with pytest.raises(ValueError, match=r"one class \(1.0\)"):
        from_sklearn(mlp)


def test_the_activation_and_loss_of_the_fit_are_converted():
    X, y = one_target()
    same = {"init": "scikit_learn", "solver": "adam", "max_iter": 3, "random_state": 0}
    model = InitMLPRegressor((4,), activation="tanh", **same).fit(X, y)
    predicted = model.predict(X)
    model.set_params(activation="relu", loss="poisson")
    assert_allclose(to_sklearn(model).predict(X), predicted, rtol=1e-12)


@pytest.mark.skipif(not has_poisson, reason="scikit-learn < 1.7 has no loss='poisson'")
def test_a_poisson_regressor_is_converted_both_ways():
    X, y = one_target()
    y = np.floor(np.abs(3 * y))
    mlp = MLPRegressor(loss="poisson", hidden_layer_sizes=(5,), max_iter=5, random_state=0)
    model = from_sklearn(mlp.fit(X, y))
    assert model.loss == "poisson"
    assert_same_predictions(model, mlp, X)
    assert_same_predictions(to_sklearn(model), mlp, X)


@pytest.mark.parametrize(
    ("Model", "loss"),
    [
        (InitMLPRegressor, "huber"),
        (InitMLPRegressor, "absolute_error"),
        (InitMLPClassifier, CrossEntropy(label_smoothing=0.1)),
    ],
)
def test_a_loss_that_scikit_learn_lacks_is_reported_and_predictions_stay(Model, loss):
    X, y = two_classes()
    model = Model(loss=loss, init="scikit_learn", solver="adam", max_iter=3, random_state=0)
    with pytest.raises(ValueError, match="loss="):
        to_sklearn(model)
    model.fit(X, y.astype(float))
    with pytest.warns(UserWarning, match="loss="):
        mlp = to_sklearn(model)
    assert_same_predictions(mlp, model, X)


def test_a_conversion_without_loss_warns_of_nothing():
    X, y = two_classes()
    model = from_sklearn(MLPClassifier((3,), max_iter=3).fit(X, y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_sklearn(model)
        with pytest.raises(ConvergenceWarning):
            model.fit(X, y)
