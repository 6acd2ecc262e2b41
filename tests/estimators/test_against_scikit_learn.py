"""scikit-learn's own MLP as a witness: the same weights and the same steps have the same end."""

import warnings
from functools import partial

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.fixes import parse_version

from skinit import InitMLPClassifier, InitMLPRegressor, load_circles
from skinit.initializers import ScikitLearn
from skinit.schedules import ReduceOnPlateau
from skinit.solvers import SGD, Adam

STEPS = 300
weights_matter = has_poisson = parse_version(sklearn.__version__) >= parse_version("1.7")


def binary():
    X, y, _, _ = load_circles()
    return X, y


def multiclass():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def multilabel():
    X, y = make_multilabel_classification(n_samples=100, n_features=6, random_state=0)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def regression(n_targets=1):
    X, y = make_regression(n_samples=80, n_features=4, n_targets=n_targets, random_state=0)
    return X, y / y.std()


def several_outputs():
    return regression(n_targets=3)


def counts(n_targets=1):
    X, y = regression(n_targets)
    return X, np.floor(np.exp(y))


def several_counts():
    return counts(n_targets=3)


TASKS = [
    (InitMLPClassifier, MLPClassifier, binary),
    (InitMLPClassifier, MLPClassifier, multiclass),
    (InitMLPClassifier, MLPClassifier, multilabel),
    (InitMLPRegressor, MLPRegressor, regression),
    (InitMLPRegressor, MLPRegressor, several_outputs),
]
if has_poisson:
    with_poisson = [partial(Regressor, loss="poisson") for Regressor in TASKS[3][:2]]
    TASKS += [(*with_poisson, counts), (*with_poisson, several_counts)]


def fit_scikit_learn(Theirs, activation, X, y, **fit_params):
    """Take the steps of batch gradient descent by scikit-learn's ``partial_fit``."""
    mlp = Theirs(
        hidden_layer_sizes=(8, 5), activation=activation, random_state=0, solver="sgd",
        momentum=0, nesterovs_momentum=False, batch_size=len(X), shuffle=False, alpha=0,
        learning_rate_init=0.05,
    )  # fmt: skip
    first = {}
    if Theirs is MLPClassifier:
        first["classes"] = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
    mlp.partial_fit(X, y, **first, **fit_params)
    for _ in range(STEPS - 1):
        mlp.partial_fit(X, y, **fit_params)
    return mlp


def fit_ours(Ours, activation, X, y, **fit_params):
    model = Ours(
        (8, 5), init=ScikitLearn(), activation=activation, learning_rate=0.05, max_iter=STEPS,
        random_state=0,
    )  # fmt: skip
    return model.fit(X, y, **fit_params)


def assert_same_weights(ours, theirs):
    for name in ("coefs_", "intercepts_"):
        for array, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert_allclose(array, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS)
def test_batch_gradient_descent_ends_where_scikit_learns_does(Ours, Theirs, load, activation):
    X, y = load()
    ours, theirs = fit_ours(Ours, activation, X, y), fit_scikit_learn(Theirs, activation, X, y)
    assert_same_weights(ours, theirs)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-10, atol=1e-10)


@pytest.mark.skipif(not weights_matter, reason="scikit-learn < 1.7 has no sample_weight here")
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS)
def test_so_it_does_with_sample_weights(Ours, Theirs, load):
    X, y = load()
    weights = np.random.RandomState(0).uniform(0.1, 3, len(X))
    assert_same_weights(
        fit_ours(Ours, "tanh", X, y, sample_weight=weights),
        fit_scikit_learn(Theirs, "tanh", X, y, sample_weight=weights),
    )


MINIBATCHES = {
    "sgd without momentum": (SGD(0.0), {"solver": "sgd", "momentum": 0.0}),
    "sgd with momentum": (
        SGD(0.8, nesterov=False),
        {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False},
    ),
    "sgd with Nesterov's": (SGD(0.9), {"solver": "sgd", "momentum": 0.9}),
    "adam": (Adam(0.8, 0.99), {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99}),
}


@pytest.mark.parametrize("solver", MINIBATCHES)
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS)
def test_minibatch_solvers_take_scikit_learns_steps(Ours, Theirs, load, solver):
    """A hundred steps and more, from the same start, with the same batches and penalty."""
    (X, y), (ours, theirs) = load(), MINIBATCHES[solver]
    same = {"hidden_layer_sizes": (8, 5), "batch_size": 32, "shuffle": False, "alpha": 0.5}
    same |= {"max_iter": 40, "random_state": 0}
    expected = Theirs(**theirs, **same, learning_rate_init=0.01, n_iter_no_change=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops at max_iter
        expected.fit(X, y)
    model = Ours(init=ScikitLearn(), solver=ours, learning_rate=0.01, **same).fit(X, y)
    assert model.n_iter_ * -(-len(X) // 32) >= 100
    for name in ("coefs_", "intercepts_"):
        for array, wanted in zip(getattr(model, name), getattr(expected, name), strict=True):
            assert_allclose(array, wanted, rtol=1e-10, atol=1e-12)
    if load is not several_outputs:  # over which scikit-learn averages, but for its gradient
        assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS[:4])
def test_lbfgs_finds_the_same_loss(Ours, Theirs, load):
    """With a penalty that leaves one minimum to be found from this start."""
    X, y = load()
    same = {"hidden_layer_sizes": (8,), "alpha": 3.0, "random_state": 0, "max_iter": 2000}
    same |= {"activation": "tanh", "tol": 1e-6}
    expected = Theirs(solver="lbfgs", **same).fit(X, y)
    model = Ours(init=ScikitLearn(), solver="lbfgs", **same).fit(X, y)
    assert_allclose(model.loss_, expected.loss_, rtol=1e-6)
    assert model.loss_curve_[0] > model.loss_curve_[-1] >= model.loss_


@pytest.mark.parametrize("schedule", ["constant", "adaptive"])
@pytest.mark.parametrize(("Ours", "Theirs", "load"), TASKS[:4])
def test_training_stops_where_scikit_learns_does(Ours, Theirs, load, schedule):
    X, y = load()
    same = {"hidden_layer_sizes": (8, 5), "batch_size": 32, "shuffle": False, "random_state": 0}
    same |= {"tol": 0.03, "n_iter_no_change": 3, "max_iter": 500, "alpha": 0.0}
    theirs = Theirs(solver="sgd", learning_rate_init=0.1, learning_rate=schedule, **same)
    expected = theirs.fit(X, y)
    rate = {"constant": 0.1, "adaptive": ReduceOnPlateau(0.1)}[schedule]
    model = Ours(init=ScikitLearn(), solver="sgd", learning_rate=rate, **same).fit(X, y)
    assert model.n_iter_ == expected.n_iter_ < 500
    assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-8)


@pytest.mark.parametrize(("Ours", "Theirs", "load"), [TASKS[0], *TASKS[2:4]])
def test_early_stopping_keeps_the_weights_that_scikit_learn_keeps(Ours, Theirs, load):
    """Of the same initial weights, with the same samples to validate on.

    scikit-learn draws the initial weights first and then the split, and we the other way round: its
    split is drawn here. It does not stratify it by more than two classes.
    """
    X, y = load()
    rng = np.random.RandomState(0)
    Ours((8, 5), init=ScikitLearn(), max_iter=1, random_state=rng).fit(X, y)  # draws its weights
    stratify = y if issubclass(Ours, InitMLPClassifier) and y.ndim == 1 else None
    X_train, X_val, y_train, y_val = train_test_split(
        X, y, random_state=rng, test_size=0.2, stratify=stratify
    )
    same = {"hidden_layer_sizes": (8, 5), "batch_size": 32, "shuffle": False, "random_state": 0}
    same |= {"tol": 1e-3, "n_iter_no_change": 5, "early_stopping": True, "max_iter": 500}
    same |= {"validation_fraction": 0.2, "alpha": 0.0}
    expected = Theirs(solver="sgd", learning_rate_init=0.05, **same).fit(X, y)
    model = Ours(init=ScikitLearn(), solver="sgd", learning_rate=0.05, **same)
    model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    assert model.n_iter_ == expected.n_iter_ < 500
    assert_allclose(model.validation_scores_, expected.validation_scores_, rtol=1e-8, atol=1e-10)
    assert_allclose(model.best_validation_score_, expected.best_validation_score_, rtol=1e-8)
    for array, wanted in zip(model.coefs_, expected.coefs_, strict=True):
        assert_allclose(array, wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("Ours", "Theirs", "load"), [*TASKS[:3], *TASKS[5:]])
def test_predictions_and_losses_are_scikit_learns(Ours, Theirs, load):
    X, y = load()
    ours, theirs = fit_ours(Ours, "relu", X, y), fit_scikit_learn(Theirs, "relu", X, y)
    predict = "predict_proba" if hasattr(ours, "predict_proba") else "predict"
    assert_allclose(getattr(ours, predict)(X), getattr(theirs, predict)(X), rtol=1e-10, atol=1e-12)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
    assert ours.out_activation_ == theirs.out_activation_
