"""Every kind of bad input gets an error or a warning that names it and the way out."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

from skinit import (
    INITIALIZERS,
    Activation,
    DivergedError,
    InitMLPClassifier,
    InitMLPRegressor,
    InterruptedFitWarning,
    load_circles,
)
from skinit.activations import ACTIVATIONS, ReLU
from skinit.engine.workload import BLOCK_LENGTH
from skinit.initializers import Given, He, Normal, PerLayer, Scaled
from skinit.losses import CrossEntropy
from skinit.solvers import SGD, GradientDescent

BOTH = pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])


@pytest.fixture
def data():
    X, y, _, _ = load_circles()
    return X[:40].copy(), y[:40].copy()


def short(Estimator, **settings):
    return Estimator(**{"max_iter": 20, "random_state": 0, **settings})


def assert_refuses(estimator, X, y, *words, error=ValueError, **fit_params):
    with pytest.raises(error) as caught:
        estimator.fit(X, y, **fit_params)
    for word in words:
        assert re.search(word, str(caught.value), flags=re.IGNORECASE), str(caught.value)


@BOTH
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_a_value_in_X_that_is_not_finite_is_named(Estimator, value, word, data):
    X, y = data
    X[3, 1] = value
    assert_refuses(short(Estimator), X, y, "X", word)


@BOTH
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_a_target_that_is_not_finite_is_named(Estimator, value, word, data):
    X, y = data
    y = y.astype(float)
    y[0] = value
    assert_refuses(short(Estimator), X, y, "input y", word)


@pytest.mark.parametrize(("label", "shown"), [(7, r"\(7\)"), ("cat", r"\('cat'\)")])
def test_one_class_is_named(label, shown, data):
    X, y = data
    assert_refuses(short(InitMLPClassifier), X, np.full(len(y), label), "one class", shown)


@BOTH
def test_one_sample_is_too_few(Estimator, data):
    X, y = data
    assert_refuses(short(Estimator), X[:1], y[:1], "1 sample", "minimum of 2")


@BOTH
def test_no_feature_is_too_few(Estimator, data):
    X, y = data
    assert_refuses(short(Estimator), X[:, :0], y, "0 feature", "minimum of 1")


@BOTH
def test_constant_features_give_a_warning_that_names_scaling_and_init(Estimator, data):
    X, y = data
    with pytest.warns(ConvergenceWarning, match=r"same for all samples.*scaling of X.*init='he'"):
        short(Estimator).fit(np.ones_like(X), y)


def test_a_constant_target_is_no_reason_to_warn(data):
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short(InitMLPRegressor, init="zeros").fit(X, np.zeros(len(y)))


@BOTH
def test_a_number_of_samples_that_differs_is_named(Estimator, data):
    X, y = data
    assert_refuses(short(Estimator), X, y[:-1], "inconsistent numbers of samples", "40", "39")


@BOTH
def test_X_of_one_dimension_is_told_to_be_reshaped(Estimator, data):
    X, y = data
    assert_refuses(short(Estimator), X[:, 0], y, "2D array", "reshape")


@BOTH
def test_text_in_X_is_named(Estimator, data):
    _, y = data
    assert_refuses(short(Estimator), [["1", "north"]] * 40, y, "could not convert", "north")


def test_text_targets_are_no_numbers(data):
    X, y = data
    assert_refuses(short(InitMLPRegressor), X, np.where(y, "yes", "no"), "could not convert")


def test_continuous_targets_are_no_classes(data):
    X, y = data
    assert_refuses(short(InitMLPClassifier), X, y + X[:, 0], "continuous")


def test_several_columns_of_classes_are_shown_another_way(data):
    X, y = data
    several = np.column_stack([y, y + 1, np.arange(len(y)) % 3])
    assert_refuses(short(InitMLPClassifier), X, several, "several columns", "MultiOutputClassifier")


def test_indicators_other_than_zero_and_one_are_shown(data):
    X, y = data
    assert_refuses(
        short(InitMLPClassifier), X, np.column_stack([y, 1 - y]) * 2, "zeros and ones", r"\[0, 2\]"
    )


@BOTH
@pytest.mark.parametrize(
    "sizes",
    [
        *[0, -3, (10, 0), (10, -5), 2.5, (10, 2.5), "10", None, True, [[3]], [[3, 2], [1]]],
        *[{3}, {3: 2}, np.array([3.0]), np.array([[3]]), np.array([True]), np.True_],
    ],
)
def test_hidden_layer_sizes_must_be_positive_integers(Estimator, sizes, data):
    estimator = short(Estimator, hidden_layer_sizes=sizes)
    assert_refuses(estimator, *data, "hidden_layer_sizes", "positive integers", r"\(10, 5\)")


@BOTH
@pytest.mark.parametrize(
    "rate", [0, -0.1, np.nan, np.inf, "fast", "0.1", None, True, 1j, [0.1], np.array([0.1])]
)
def test_learning_rate_must_be_a_positive_number(Estimator, rate, data):
    estimator = short(Estimator, learning_rate=rate)
    assert_refuses(estimator, *data, "learning_rate", "positive", "0.01")


@BOTH
@pytest.mark.parametrize("max_iter", [0, -1, 2.5, 10.0, "10", None, True, np.inf, [10]])
def test_max_iter_must_be_a_positive_integer(Estimator, max_iter, data):
    assert_refuses(short(Estimator, max_iter=max_iter), *data, "max_iter", "positive integer")


@pytest.mark.parametrize(
    ("setting", "typed", "meant"),
    [
        ("init", "he_norml", "he_normal"),
        ("init", "Xavier", "xavier"),
        ("init", "glorot-uniform", "glorot_uniform"),
        ("activation", "Relu", "relu"),
        ("activation", "sigmod", "sigmoid"),
        ("solver", "g_d", "gd"),
        ("loss", "crossentropy", "cross_entropy"),
    ],
)
def test_a_misspelt_name_is_told_what_was_meant(setting, typed, meant, data):
    estimator = short(InitMLPClassifier, **{setting: typed})
    assert_refuses(estimator, *data, f"{setting}='{typed}'", f"did you mean '{meant}'")


@pytest.mark.parametrize("setting", ["init", "activation", "solver", "loss"])
def test_a_name_like_no_other_is_told_all_names(setting, data):
    estimator = short(InitMLPClassifier, **{setting: "qqqq"})
    assert_refuses(estimator, *data, f"{setting}='qqqq'", "known names: .+")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("init", He),
        ("init", 3),
        ("init", None),
        ("activation", ReLU),
        ("activation", np.tanh),
        ("activation", None),
        ("solver", GradientDescent),
        ("solver", 3),
        ("solver", None),
        ("loss", CrossEntropy),
        ("loss", None),
    ],
)
def test_what_is_no_name_and_no_object_is_shown_one(setting, value, data):
    estimator = short(InitMLPClassifier, **{setting: value})
    assert_refuses(estimator, *data, f"{setting}=", r"\(", error=TypeError)


def transposed(layer, rng):
    return rng.normal(size=(layer.fan_out, layer.fan_in)), np.zeros(layer.fan_out)


def not_a_number(layer, rng):
    return np.full((layer.fan_in, layer.fan_out), np.nan), np.zeros(layer.fan_out)


def weights_only(layer, rng):
    return rng.normal(size=(layer.fan_in, layer.fan_out))


@pytest.mark.parametrize(
    ("strategy", "words", "error"),
    [
        (
            transposed,
            ["init=transposed", "layer 1 of 3", r"\(10, 2\)", r"\(2, 10\)", "W.T"],
            ValueError,
        ),
        (not_a_number, ["init=not_a_number", "layer 1 of 3", "not finite"], ValueError),
        (weights_only, ["init=weights_only", "ndarray", r"pair \(W, b\)"], TypeError),
    ],
)
def test_a_strategy_with_a_wrong_answer_is_named(strategy, words, error, data):
    assert_refuses(short(InitMLPClassifier, init=strategy), *data, *words, error=error)


def test_given_weights_for_another_number_of_layers_are_refused(data):
    assert_refuses(short(InitMLPClassifier, init=Given([np.ones((2, 1))])), *data, "1 arrays", "3")


def test_a_sequence_of_inits_of_the_wrong_length_is_refused(data):
    estimator = short(InitMLPClassifier, init=["he", "zeros"])
    assert_refuses(estimator, *data, "2 entries", "3 layers", "output layer included")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.r_[-1.0, np.ones(39)], ["sample_weight", "negative"]),
        (np.zeros(40), ["sample_weight", "above zero"]),
        (np.r_[np.nan, np.ones(39)], ["sample_weight", "NaN"]),
        (np.ones(39), ["sample_weight", r"\(39,\)", "40 samples"]),
        (np.ones((40, 2)), ["sample_weight", r"\(40, 2\)", "one number for each"]),
        (["a"] * 40, ["could not convert"]),
    ],
)
def test_unusable_sample_weights_are_refused(weights, words, data):
    assert_refuses(short(InitMLPClassifier), *data, *words, sample_weight=weights)


PREDICTIONS = [
    (InitMLPClassifier, "predict"),
    (InitMLPClassifier, "predict_proba"),
    (InitMLPClassifier, "predict_log_proba"),
    (InitMLPClassifier, "decision_function"),
    (InitMLPRegressor, "predict"),
]


@pytest.mark.parametrize(("Estimator", "method"), PREDICTIONS)
def test_predicting_before_fit_says_so(Estimator, method, data):
    X, _ = data
    with pytest.raises(NotFittedError, match=f"{Estimator.__name__} instance is not fitted yet"):
        getattr(Estimator(), method)(X)


@pytest.mark.parametrize(
    ("settings", "fit_params"),
    [({"init": "unknown"}, {}), ({}, {"sample_weight": -np.ones(40)})],
    ids=["init", "sample_weight"],
)
@pytest.mark.parametrize(("Estimator", "method"), PREDICTIONS)
def test_a_fit_that_was_refused_is_no_fit(Estimator, method, settings, fit_params, data):
    X, y = data
    model = short(Estimator, **settings)
    with pytest.raises(ValueError, match=r"init|sample_weight"):
        model.fit(X, y, **fit_params)
    with pytest.raises(NotFittedError):
        getattr(model, method)(X)


@BOTH
def test_another_number_of_features_is_named(Estimator, data):
    X, y = data
    model = short(Estimator).fit(X, y)
    with pytest.raises(ValueError, match=r"3 features.*expecting 2 features"):
        model.predict(np.ones((4, 3)))


@pytest.fixture
def diverged(data):
    X, y = data
    model = short(InitMLPRegressor, learning_rate=1e4, activation="identity", max_iter=500)
    with pytest.raises(DivergedError) as caught:
        model.fit(X, y)
    return model, str(caught.value)


def test_too_large_a_learning_rate_names_the_iteration_and_what_to_change(diverged):
    model, message = diverged
    assert f"iteration {model.n_iter_ + 1}" in message
    for word in ("learning_rate=10000.0", "scale X and y", "init"):
        assert word in message


def test_a_diverged_fit_keeps_its_last_usable_weights(diverged, data):
    model, _ = diverged
    X, y = data
    assert all(np.isfinite(W).all() for W in model.coefs_)
    assert len(model.loss_curve_) == model.n_iter_ > 0
    half_mean_square = 0.5 * np.mean((model.predict(X) - y) ** 2)
    assert np.isclose(half_mean_square, model.loss_, rtol=1e-10)


def test_a_diverged_fit_can_be_predicted_with(diverged, data):
    model, _ = diverged
    assert np.isfinite(model.predict(data[0])).all()


@pytest.mark.parametrize("batch_size", [None, 5])
def test_a_penalty_lets_a_fit_diverge_at_the_same_iteration_watched_or_not(batch_size):
    """In float32, the squares of the weights are the first that are no longer finite."""
    X = np.random.RandomState(0).normal(size=(10, 3)).astype(np.float32)
    settings = {"activation": "tanh", "solver": SGD(momentum=0), "max_iter": 500}
    settings |= {"alpha": 1e6, "learning_rate": 3e-5, "n_iter_no_change": 1000}
    models = [
        short(InitMLPRegressor, **settings, batch_size=batch_size, tol=tol) for tol in (None, 1e-9)
    ]
    for model in models:
        with pytest.raises(DivergedError):
            model.fit(X, X[:, 0])
    assert models[0].n_iter_ == models[1].n_iter_ > 0
    assert all(np.isfinite(model.loss_) for model in models)


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba", "decision_function"])
def test_a_diverged_classifier_can_be_predicted_with(method, data):
    X, y = data
    model = short(InitMLPClassifier, learning_rate=1e300)
    with pytest.raises(DivergedError):
        model.fit(X, y)
    assert np.isfinite(getattr(model, method)(X)).all()


def test_divergence_is_a_value_error_that_a_search_scores_as_failed(data):
    search = GridSearchCV(
        short(InitMLPRegressor, activation="identity", max_iter=500),
        {"learning_rate": [1e4, 0.01]},
        cv=2,
        error_score=-99.0,
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search.fit(*data)
    assert_array_equal(search.cv_results_["mean_test_score"] == -99.0, [True, False])


def test_initial_weights_too_large_for_a_finite_loss_are_reported(data):
    estimator = short(InitMLPRegressor, init=Normal(std=1e150), activation="identity")
    assert_refuses(estimator, *data, "initial loss", "smaller weights", error=DivergedError)


class InterruptsAfter(ReLU):
    """A user who presses Ctrl-C after so many forward passes."""

    def __init__(self, passes):
        self.passes = passes
        self.left = [passes]

    def value(self, z):
        self.left[0] -= 1
        if self.left[0] == 0:
            raise KeyboardInterrupt
        return super().value(z)


@BOTH
def test_an_interrupted_fit_warns_and_keeps_what_it_has_learnt(Estimator, data):
    X, y = data
    # One hidden layer: one pass for each iteration.
    settings = {"hidden_layer_sizes": 5, "random_state": 1}
    model = Estimator(activation=InterruptsAfter(40), max_iter=100, **settings)
    with pytest.warns(InterruptedFitWarning, match=r"after \d\d of 100 iterations"):
        model.fit(X, y)
    assert 40 - BLOCK_LENGTH <= model.n_iter_ < 40
    whole = Estimator(max_iter=model.n_iter_, **settings).fit(X, y)
    for W, expected in zip(model.coefs_, whole.coefs_, strict=True):
        assert_allclose(W, expected, rtol=1e-12)
    assert_allclose(model.predict(X), whole.predict(X), rtol=1e-12)


class StopsAfter(GradientDescent):
    """A user who presses Ctrl-C after so many steps."""

    def __init__(self, steps):
        self.steps = steps

    def initial_state(self, parameters):
        return 0

    def step(self, parameters, gradient, learning_rate, state):
        if state == self.steps:
            raise KeyboardInterrupt
        return parameters - learning_rate * gradient, state + 1


@BOTH
def test_an_interrupt_before_the_first_step_keeps_the_initial_weights(Estimator, data):
    X, y = data
    model = short(Estimator, solver=StopsAfter(0))
    with pytest.warns(InterruptedFitWarning, match="after 0 of 20 iterations"):
        model.fit(X, y)
    for W, initial in zip(model.coefs_, model.initial_coefs_, strict=True):
        assert_array_equal(W, initial)
    assert len(model.loss_curve_) == 0
    assert np.isfinite(model.loss_)
    assert np.isfinite(model.predict(X)).all()


@BOTH
def test_an_interrupt_within_a_step_keeps_the_steps_before(Estimator, data):
    X, y = data
    model = short(Estimator, max_iter=100, solver=StopsAfter(40))
    with pytest.warns(InterruptedFitWarning, match=r"after \d\d of 100 iterations"):
        model.fit(X, y)
    assert 40 - BLOCK_LENGTH < model.n_iter_ <= 40
    whole = short(Estimator, max_iter=model.n_iter_).fit(X, y)
    assert_allclose(model.loss_curve_, whole.loss_curve_, rtol=1e-12)
    assert_allclose(model.predict(X), whole.predict(X), rtol=1e-12)


def test_a_fit_after_an_interrupt_is_whole_again(data):
    X, y = data
    model = short(InitMLPClassifier, solver=StopsAfter(7))
    with pytest.warns(InterruptedFitWarning):
        model.fit(X, y)
    again = model.set_params(solver="gd").fit(X, y)
    assert_array_equal(again.loss_curve_, short(InitMLPClassifier).fit(X, y).loss_curve_)


@pytest.mark.parametrize("bad", [np.sum, lambda z: z[:1], lambda z: 1.0])
@pytest.mark.parametrize("name", ["value", "slope"])
def test_an_activation_that_returns_another_shape_is_named(name, bad, data):
    functions = {"value": np.tanh, "slope": np.ones_like, name: bad}
    message = rf"{name} of activation=Activation.*returned shape .* for pre-activations of shape"
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        short(InitMLPClassifier, activation=Activation(**functions)).fit(*data)


@pytest.mark.parametrize("junk", [["tanh"], ["tanh", "relu", "relu"], []])
def test_activations_are_as_many_as_hidden_layers(junk, data):
    model = short(InitMLPClassifier, hidden_layer_sizes=(3, 2), activation=junk)
    assert_refuses(model, *data, f"activation has {len(junk)} entries, but there are 2 hidden")


def test_an_activation_that_returns_nonsense_is_a_divergence_and_no_silence(data):
    nonsense = Activation(value=lambda z: z * np.nan, slope=np.ones_like)
    assert_refuses(
        short(InitMLPClassifier, activation=nonsense), *data, "initial loss", error=DivergedError
    )


def test_steps_that_make_the_loss_grow_give_a_warning_that_names_the_learning_rate(data):
    model = short(InitMLPClassifier, activation="tanh", learning_rate=100, max_iter=300)
    with pytest.warns(ConvergenceWarning, match=r"the loss has grown.*learning_rate=100"):
        model.fit(*data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-300, 1e-46, 1.0, 1e38, 1e308])
def test_only_the_ratios_of_sample_weights_matter(dtype, size, data):
    X, y = data
    X = X.astype(dtype)
    weighted = short(InitMLPClassifier).fit(X, y, np.full(len(y), size))
    plain = short(InitMLPClassifier).fit(X, y)
    np.testing.assert_allclose(weighted.coefs_[0], plain.coefs_[0], rtol=1e-4)


def test_a_number_weighs_all_samples_alike(data):
    weighted = short(InitMLPClassifier).fit(*data, sample_weight=2.0)
    np.testing.assert_allclose(weighted.coefs_[0], short(InitMLPClassifier).fit(*data).coefs_[0])


def test_a_sample_without_weight_may_have_any_target(data):
    X, y = data
    model = short(InitMLPRegressor, learning_rate=0.001)
    weights = np.r_[np.ones(40), 0]
    model.fit(np.r_[X, [[1.0, 1.0]]], np.r_[y, 1e200], sample_weight=weights)
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize(
    ("init", "key"),
    [
        (PerLayer(hidden="he"), "init__hidden__gain"),
        (Scaled("he"), "init__base__gain"),
        (["he", "he", "he"], "init__gain"),
        (transposed, "init__gain"),
    ],
)
def test_a_setting_within_what_has_none_is_refused(init, key):
    with pytest.raises(ValueError, match="has no parameter 'gain' to set"):
        InitMLPClassifier(init=init).set_params(**{key: 2})


@pytest.mark.parametrize(
    ("setting", "registry", "name", "key"),
    [("init", INITIALIZERS, "he", "gain"), ("activation", ACTIVATIONS, "elu", "alpha")],
)
def test_what_a_name_stands_for_cannot_be_changed(setting, registry, name, key):
    model = InitMLPClassifier(**{setting: registry[name]}).set_params(**{f"{setting}__{key}": 7})
    assert getattr(getattr(model, setting), key) == 7
    assert getattr(registry[name], key) == 1
