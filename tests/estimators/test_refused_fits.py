"""A fit that is refused leaves the model as it was: attributes, predictions, generator."""

import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

from skinit import Checkpoint, InitMLPClassifier, InitMLPRegressor, Loss
from skinit.activations import Activation
from skinit.schedules import ReduceOnPlateau

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
NEGATIVE = np.where(np.arange(len(Y)) == 7, -1.0, 1.0)


def wrong_shape(layer, rng):
    """Draw first, so that a generator which is not set back would differ."""
    rng.normal(size=100)
    return np.zeros((1, 1)), np.zeros(1)


def raising(layer, rng):
    rng.normal(size=100)
    raise KeyboardInterrupt


def one_sum(raw, targets):
    return raw.sum()


SUMMED = Loss(one_sum, np.subtract)

# Parameters that are set before the second fit, and what this fit is given instead of X, Y.
BY_PARAMETERS = {
    "hidden_layer_sizes": {"hidden_layer_sizes": (5, 0)},
    "init unknown": {"init": "he_norml"},
    "init of a wrong shape": {"init": wrong_shape},
    "init interrupted": {"init": raising},
    "init for too few layers": {"init": ["he"]},
    "activation unknown": {"activation": "rleu"},
    "activation of a wrong shape": {"activation": Activation(np.sum, np.sum)},
    "solver": {"solver": "sdg"},
    "learning_rate": {"learning_rate": -1.0},
    "learning_rate without plateaus": {"learning_rate": ReduceOnPlateau(0.1)},
    "max_iter": {"max_iter": 0},
    "batch_size": {"batch_size": 1.5},
    "batch_size of gd": {"solver": "gd", "batch_size": 10},
    "alpha": {"alpha": -1.0},
    "dropout": {"dropout": 1.0},
    "dropout of lbfgs": {"dropout": 0.1, "solver": "lbfgs"},
    "loss": {"loss": "poisson"},
    "loss of a wrong shape": {"loss": SUMMED},
    "tol": {"tol": -1.0},
    "n_iter_no_change": {"n_iter_no_change": -1},
    "early_stopping": {"early_stopping": "no"},
    "validation_fraction": {"early_stopping": True, "validation_fraction": 1.5},
    "validation_fraction too small": {"early_stopping": True, "validation_fraction": 1e-3},
    "scoring": {"early_stopping": True, "scoring": "no_such_scorer"},
    "class_weight": {"class_weight": "balnced"},
    "shuffle": {"shuffle": "no"},
    "random_state": {"random_state": "seed"},
}
BY_SAMPLES = {
    "X of one dimension": {"X": X[0]},
    "X not finite": {"X": np.where(X[3, 2] == X, np.nan, X)},
    "X without samples": {"X": X[:0], "y": Y[:0]},
    "X and y of different lengths": {"y": Y[:-1]},
    "one class": {"y": np.zeros(len(Y), int)},
    "numbers as labels": {"y": X[:, 0]},
    "several columns of classes": {"y": np.column_stack([Y, Y])},
    "names and a negative weight": {"y": NAMES, "sample_weight": NEGATIVE},
    "another number of features and a negative weight": {
        "X": X[:, :2],
        "sample_weight": NEGATIVE,
    },
    "weights of another length": {"sample_weight": np.ones(3)},
    "no weight at all": {"sample_weight": np.zeros(len(Y))},
    "validation samples without early stopping": {"X_val": X, "y_val": Y},
}
WARM = {
    "warm, another width": ({"hidden_layer_sizes": (7,)}, {}),
    "warm, another label": ({}, {"y": Y + 1}),
    "warm, another number of features": ({}, {"X": X[:, :2]}),
    "warm, an incomplete validation": ({"early_stopping": True}, {"X_val": X}),
    "warm, validation samples with another label": (
        {"early_stopping": True},
        {"X_val": X, "y_val": Y + 1},
    ),
}
WAYS = {
    **{way: (params, {}) for way, params in BY_PARAMETERS.items()},
    **{way: ({}, given) for way, given in BY_SAMPLES.items()},
    **{way: ({"warm_start": True, **params}, given) for way, (params, given) in WARM.items()},
}


@pytest.fixture(params=[0, "an instance"])
def model(request):
    random_state = request.param if request.param == 0 else np.random.RandomState(0)
    settings = {"solver": "sgd", "batch_size": 50, "max_iter": 3, "random_state": random_state}
    return InitMLPClassifier((6,), **settings).fit(X, Y)


@pytest.mark.parametrize(("params", "given"), WAYS.values(), ids=WAYS)
def test_a_refused_fit_leaves_the_model_as_it_was(model, params, given):
    model.set_params(**params)
    before, predicted = joblib.hash(model), model.predict_proba(X)
    restored = pickle.loads(pickle.dumps(model)) if "init" not in params else model
    with pytest.raises((ValueError, TypeError, KeyboardInterrupt)):
        model.fit(**{"X": X, "y": Y, **given})
    assert joblib.hash(model) == before
    assert vars(model).keys() == vars(restored).keys()
    assert_array_equal(model.predict_proba(X), predicted)
    assert model.predict(X).dtype == Y.dtype


@pytest.mark.parametrize("way", ["another label", "a negative weight", "classes that changed"])
def test_a_refused_partial_fit_leaves_the_model_as_it_was(model, way):
    before = joblib.hash(model)
    arguments = {
        "another label": (X, Y + 1),
        "a negative weight": (X, Y, NEGATIVE),
        "classes that changed": (X, Y, None, [0, 1]),
    }[way]
    with pytest.raises(ValueError, match=r"label|sample_weight|classes"):
        model.partial_fit(*arguments)
    assert joblib.hash(model) == before


def test_a_regressor_keeps_the_shape_of_its_predictions():
    model = InitMLPRegressor((6,), max_iter=3, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, np.column_stack([Y, Y]), sample_weight=NEGATIVE)
    assert model.predict(X).shape == (150,)


def test_a_fit_that_is_refused_before_any_other_leaves_nothing():
    model = InitMLPClassifier(alpha=-1)
    before = vars(model).copy()
    with pytest.raises(ValueError, match="alpha"):
        model.fit(X, Y)
    assert vars(model) == before


@pytest.mark.skipif(not hasattr(InitMLPClassifier, "set_callbacks"), reason="scikit-learn < 1.9")
@pytest.mark.parametrize(
    "callback",
    [Checkpoint("fit.joblib"), Checkpoint("no/such/folder/fit.joblib", every=1)],
    ids=["without every", "without a folder"],
)
def test_a_callback_that_refuses_leaves_the_model_as_it_was(model, callback):
    model.set_callbacks(callback)
    before = joblib.hash(model)
    with pytest.raises((ValueError, FileNotFoundError)):
        model.fit(X, Y)
    assert joblib.hash(model) == before
