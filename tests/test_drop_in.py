import inspect
import io
import pickle
import warnings
from contextlib import redirect_stdout

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.fixes import parse_version

from skinit import drop_in, initialize_parameters
from skinit.initializers import INITIALIZERS, He

since_1_7 = parse_version(sklearn.__version__) >= parse_version("1.7")
NAMES = ["MLPClassifier", "MLPRegressor"]


def two_classes():
    X, y = load_iris(return_X_y=True)
    return X, y > 0


def three_classes():
    return load_iris(return_X_y=True)


def several_labels():
    X, y = make_multilabel_classification(n_samples=150, n_features=6, random_state=0)
    return X - X.mean(axis=0), y


def one_target():
    X, y = make_regression(n_samples=150, n_features=4, random_state=0)
    return X, y / y.std()


def counts():
    X, y = one_target()
    return X, np.floor(np.abs(3 * y))


def several_targets():
    X, y = make_regression(n_samples=150, n_features=4, n_targets=3, random_state=0)
    return X, y / y.std()


TASKS = [
    ("MLPClassifier", two_classes),
    ("MLPClassifier", three_classes),
    ("MLPClassifier", several_labels),
    ("MLPRegressor", one_target),
    ("MLPRegressor", several_targets),
]

SETTINGS = {
    "sgd": {"solver": "sgd"},
    "sgd, all at once": {"solver": "sgd", "batch_size": 150, "momentum": 0.0},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.02},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
    "adam": {"solver": "adam", "batch_size": 32, "activation": "tanh"},
    "adam, not shuffled": {"solver": "adam", "shuffle": False, "activation": "logistic"},
    "adam, early stopping": {"early_stopping": True, "learning_rate_init": 0.01, "tol": 0.01},
    "sgd, early stopping": {"solver": "sgd", "early_stopping": True, "batch_size": 40},
    "lbfgs": {"solver": "lbfgs", "max_iter": 15, "activation": "tanh", "alpha": 0.1},
}


def pair(name, **settings):
    """Return scikit-learn's estimator and ours, with the same settings."""
    settings = {"hidden_layer_sizes": (8, 5), "random_state": 0} | settings
    return getattr(neural_network, name)(**settings), getattr(drop_in, name)(**settings)


def told(function):
    """Call a function, and return what it says: warnings and printed text."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(printed):
        warnings.simplefilter("always")
        function()
    said = [(w.category, str(w.message)) for w in caught if w.category is not RuntimeWarning]
    return said, printed.getvalue()


def assert_same_fit(ours, theirs, rtol=1e-8):
    for name in ("coefs_", "intercepts_"):
        for array, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert array.dtype == expected.dtype
            assert_allclose(array, expected, rtol=rtol, atol=1e-10)
    attributes = {name for name in vars(theirs) if name.endswith("_")}
    assert {name for name in vars(ours) if name.endswith("_")} == attributes | {"init_resolved_"}
    for name in attributes - {"coefs_", "intercepts_"}:
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert np.shape(found) == np.shape(expected), name
        if np.asarray(expected).dtype.kind == "f":
            assert_allclose(found, expected, rtol=1e-8, atol=1e-12, err_msg=name)
        else:
            assert_array_equal(found, expected, err_msg=name)
        assert type(found) is type(expected) or isinstance(expected, np.floating), name


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_scikit_learns_with_init_at_its_end(name):
    theirs, ours = (
        inspect.signature(getattr(module, name)).parameters for module in (neural_network, drop_in)
    )
    without_types = [str(each.replace(annotation=each.empty)) for each in ours.values()]
    assert without_types == [*map(str, theirs.values()), "init='scikit_learn'"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_one_of_scikit_learns_classes(name):
    assert isinstance(getattr(drop_in, name)(), getattr(neural_network, name))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("name", "load"), TASKS)
def test_all_that_a_fit_leaves_and_says_is_scikit_learns(name, load, settings):
    """Weights to rounding, and every attribute, printed line and warning."""
    X, y = load()
    theirs, ours = pair(name, **{"max_iter": 25, "verbose": True} | SETTINGS[settings])
    if ours.solver == "lbfgs":
        ours.verbose = theirs.verbose = False
    assert told(lambda: ours.fit(X, y)) == told(lambda: theirs.fit(X, y))
    assert_same_fit(ours, theirs)
    assert_array_equal(ours.predict(X).shape, theirs.predict(X).shape)


@pytest.mark.skipif(not since_1_7, reason="scikit-learn < 1.7 has no loss='poisson'")
@pytest.mark.parametrize("settings", ["sgd", "adam", "adam, early stopping", "lbfgs"])
def test_so_it_is_of_counts(settings):
    X, y = counts()
    settings = {"max_iter": 25, "loss": "poisson"} | SETTINGS[settings]
    theirs, ours = pair("MLPRegressor", **settings)
    assert told(lambda: ours.fit(X, y)) == told(lambda: theirs.fit(X, y))
    assert_same_fit(ours, theirs)


@pytest.mark.skipif(not since_1_7, reason="scikit-learn < 1.7 has no sample_weight here")
@pytest.mark.parametrize("settings", ["sgd, all at once", "sgd", "adam", "lbfgs"])
@pytest.mark.parametrize(("name", "load"), TASKS)
def test_so_are_the_weights_with_sample_weights(name, load, settings):
    X, y = load()
    theirs, ours = pair(name, **{"max_iter": 10} | SETTINGS[settings])
    weights = np.random.RandomState(0).uniform(0.1, 3, len(X))
    for estimator in (theirs, ours):
        told(lambda e=estimator: e.fit(X, y, sample_weight=weights))
    for array, expected in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert_allclose(array, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("settings", ["sgd", "sgd, invscaling", "sgd, adaptive", "adam"])
@pytest.mark.parametrize(("name", "load"), TASKS[1:4])
def test_so_is_training_that_goes_on(name, load, settings):
    """By `partial_fit`, with what the optimizer remembers, and by `warm_start`, without."""
    X, y = load()
    theirs, ours = pair(name, **{"max_iter": 5, "warm_start": True} | SETTINGS[settings])

    def go_on(estimator):
        estimator.fit(X, y).fit(X, y)
        for _ in range(4):
            estimator.partial_fit(X, y)
        estimator.fit(X, y)

    assert told(lambda: go_on(ours)) == told(lambda: go_on(theirs))
    assert_same_fit(ours, theirs)


def test_a_warm_start_that_finds_nothing_better_keeps_the_best_weights():
    """Which scikit-learn means to do, and has overwritten them."""
    X, y = three_classes()
    settings = {"early_stopping": True, "warm_start": True, "learning_rate_init": 0.05}
    model = drop_in.MLPClassifier(max_iter=20, random_state=0, **settings)
    told(lambda: model.fit(X, y))
    best, coefs = model.best_validation_score_, [W.copy() for W in model.coefs_]
    told(lambda: model.set_params(learning_rate_init=1.0).fit(X, y))
    assert model.best_validation_score_ == best
    for array, expected in zip(model.coefs_, coefs, strict=True):
        assert_array_equal(array, expected)


def test_l_bfgs_goes_on_as_well():
    X, y = three_classes()
    theirs, ours = pair(
        "MLPClassifier", solver="lbfgs", max_iter=8, warm_start=True, alpha=1.0, activation="tanh"
    )
    for estimator in (theirs, ours):
        told(lambda e=estimator: e.fit(X, y).fit(X, y))
    assert_same_fit(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_random_state_is_left_where_scikit_learn_leaves_it(name):
    X, y = one_target() if name == "MLPRegressor" else two_classes()
    states = [np.random.RandomState(3), np.random.RandomState(3)]
    for estimator, state in zip(pair(name, max_iter=4, batch_size=200), states, strict=True):
        told(lambda e=estimator, s=state: e.set_params(random_state=s).fit(X, y))
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("settings", ["sgd, early stopping", "adam", "lbfgs"])
def test_sparse_samples_end_where_dense_ones_do(container, settings):
    X, y = one_target()
    X[np.abs(X) < 0.5] = 0
    dense, other = (drop_in.MLPRegressor(hidden_layer_sizes=(6,), random_state=0) for _ in "ab")
    for estimator, samples in ((dense, X), (other, container(X))):
        estimator.set_params(**{"max_iter": 5} | SETTINGS[settings])
        told(lambda e=estimator, samples=samples: e.fit(samples, y))
    for array, expected in zip(other.coefs_, dense.coefs_, strict=True):
        assert_allclose(array, expected, rtol=1e-8)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_float32_has_the_dtypes_that_it_has_in_scikit_learn(solver):
    X, y = one_target()
    theirs, ours = pair("MLPRegressor", solver=solver, activation="tanh", alpha=3.0, max_iter=300)
    for estimator in (theirs, ours):
        told(lambda e=estimator: e.fit(X.astype(np.float32), y))
    for array, expected in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert array.dtype == expected.dtype
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-3)


class Interrupted:
    """Stops a fit by Ctrl-C when its fourth epoch is over."""

    def _update_no_improvement_count(self, *args):
        if self.n_iter_ == 4:
            raise KeyboardInterrupt
        super()._update_no_improvement_count(*args)


def test_an_interrupted_fit_keeps_what_scikit_learns_keeps():
    X, y = one_target()
    fitted = []
    for Base in (neural_network.MLPRegressor, drop_in.MLPRegressor):
        Regressor = type("Regressor", (Interrupted, Base), {})
        estimator = Regressor().set_params(hidden_layer_sizes=(5,), max_iter=9, random_state=0)
        with pytest.warns(UserWarning, match=r"Training interrupted by user\.$"):
            estimator.fit(X, y)
        fitted.append(estimator)
    assert_same_fit(*reversed(fitted))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_init_is_where_a_fit_starts(solver):
    X, y = one_target()
    settings = {"max_iter": 1, "learning_rate_init": 1e-300, "random_state": 5, "tol": 1e9}
    model = drop_in.MLPRegressor(hidden_layer_sizes=(7,), solver=solver, init="he", **settings)
    told(lambda: model.fit(X, y))
    start = initialize_parameters([4, 7, 1], init="he", random_state=5)
    if solver != "lbfgs":  # which takes one step at least
        assert_array_equal(model.coefs_[0], start["W1"].T)
    assert model.init_resolved_ == ["He()", "He()"]


def test_init_has_settings_that_a_search_reaches():
    model = drop_in.MLPClassifier(init=He())
    assert clone(model).set_params(init__gain=2.0).get_params()["init__gain"] == 2.0


@pytest.mark.parametrize("name", NAMES)
def test_setting_a_setting_of_an_inits_name_shows_the_object_to_pass(name):
    with pytest.raises(ValueError, match=r"'he' is a name .*pass the object: init=He\(gain=2\)$"):
        getattr(drop_in, name)(init="he").set_params(init__gain=2)


def test_what_the_name_of_an_init_stands_for_cannot_be_changed():
    model = drop_in.MLPClassifier(init=INITIALIZERS["he"]).set_params(init__gain=7)
    assert model.init.gain == 7
    assert INITIALIZERS["he"].gain == 1


def test_an_init_that_is_not_known_is_told_what_was_meant():
    with pytest.raises(ValueError, match=r"init='he_norml'.*did you mean 'he_normal'"):
        drop_in.MLPClassifier(init="he_norml").fit(*two_classes())


def test_a_start_does_not_see_what_is_held_out():
    X, y = one_target()
    seen = []

    def curious(layer, rng):
        seen.append(len(layer.data.targets))
        return np.ones((layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)

    model = drop_in.MLPRegressor(
        hidden_layer_sizes=(3,), init=curious, early_stopping=True, validation_fraction=0.4
    )
    told(lambda: model.set_params(max_iter=2).fit(X, y))
    assert seen[-2:] == [90, 90]


def test_what_a_setting_may_be_is_what_it_may_be_in_scikit_learn():
    X, y = one_target()
    for settings in ({"alpha": -1}, {"solver": "gd"}, {"activation": "gelu"}, {"max_iter": 0.5}):
        messages = []
        for estimator in pair("MLPRegressor", **settings):
            with pytest.raises(ValueError, match="parameter") as error:
                estimator.fit(X, y)
            messages.append(str(error.value))
        assert messages[0] == messages[1]


def test_a_pickled_model_goes_on():
    X, y = one_target()
    model = drop_in.MLPRegressor(hidden_layer_sizes=(6,), random_state=0, max_iter=3)
    told(lambda: model.fit(X, y))
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.partial_fit(X, y).coefs_[0], model.partial_fit(X, y).coefs_[0])


def every_check():
    return [
        pytest.param(estimator, check, id=f"{name}-{check.func.__name__}")
        for name in NAMES
        for estimator, check in estimator_checks_generator(getattr(drop_in, name)(max_iter=100))
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), every_check())
def test_it_passes_every_check_of_scikit_learn(estimator, check):
    check(estimator)


def test_a_fit_that_ends_too_early_says_so_as_scikit_learn_does():
    X, y = one_target()
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        drop_in.MLPRegressor(max_iter=2).fit(X, y)
