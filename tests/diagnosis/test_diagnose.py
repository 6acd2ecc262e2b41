"""`diagnose`: it measures the initial weights that a fit draws, and changes nothing."""

import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skinit import (
    DiagnosisRecorder,
    InitMLPClassifier,
    InitMLPRegressor,
    diagnose,
    diagnose_grid,
    trace,
)
from skinit.diagnosis.inputs import choose_subset, prepare_parameters
from skinit.drop_in import MLPClassifier as DropInClassifier
from skinit.initializers import PerLayer, WithBias, initializer_expression
from skinit.solvers import SGD, Adam

X, Y = load_iris(return_X_y=True)
X = scale(X)


def classifier(**settings):
    return InitMLPClassifier(**{"max_iter": 5, "random_state": 0, **settings})


def assert_same(one, other, rtol=1e-9):
    """Compare the numbers of two diagnoses."""
    for name, column in one.to_dict().items():
        assert_allclose(column, other.to_dict()[name], rtol=rtol, atol=1e-12, err_msg=name)
    for name in ("initial_loss", "baseline_loss", "singular_values", "curvature"):
        assert_allclose(getattr(one, name), getattr(other, name), rtol=max(rtol, 1e-4))


# --- Which weights --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"init": "glorot", "hidden_layer_sizes": ()},
        {"init": "lsuv", "hidden_layer_sizes": (8, 8)},
        {"init": "lsuv", "early_stopping": True, "max_iter": 99, "learning_rate": 1e-9},
        {"class_weight": {0: 1, 1: 5, 2: 0.1}},
        {"random_state": np.random.RandomState(3)},
    ],
    ids=["he", "no hidden layers", "lsuv", "early stopping", "class weights", "random state"],
)
def test_the_initial_weights_are_those_that_a_fit_draws(settings):
    model = classifier(**settings)
    measured = diagnose(model, X, Y)
    assert_allclose(measured.initial_loss, model.fit(X, Y).loss_curve_[0], rtol=1e-9)


def test_sample_weights_count_in_the_losses():
    weight = np.arange(len(Y)) % 5 + 0.5
    measured = diagnose(classifier(), X, Y, weight)
    assert_allclose(measured.initial_loss, classifier().fit(X, Y, weight).loss_curve_[0])
    share = np.bincount(Y, weight) / weight.sum()
    assert_allclose(measured.baseline_loss, -share @ np.log(share), rtol=1e-5)


def test_the_baseline_of_balanced_classes_is_the_logarithm_of_their_number():
    assert_allclose(diagnose(classifier(), X, Y).baseline_loss, np.log(3), rtol=1e-6)


@pytest.mark.parametrize("weights", ["initial", "fitted"])
def test_a_fitted_model_is_diagnosed_before_or_after_training(weights):
    model = classifier(max_iter=50, learning_rate=0.1).fit(X, Y)
    expected = {"initial": model.loss_curve_[0], "fitted": model.loss_}[weights]
    assert_allclose(diagnose(model, X, Y, weights=weights).initial_loss, expected)


def test_a_fitted_model_is_diagnosed_with_the_settings_of_its_fit():
    model = classifier(activation="tanh", max_iter=20).fit(X, Y)
    before = diagnose(model, X, Y, weights="fitted")
    assert_allclose(before.initial_loss, model.loss_)
    model.set_params(activation="relu")
    assert_same(before, diagnose(model, X, Y, weights="fitted"))
    assert_allclose(trace(model, X, Y, verbose=False)["p"], model.predict_proba(X))


def test_the_penalty_is_that_of_a_step():
    """A minibatch shares it among fewer samples, and so it is stiffer."""
    for batch_size in (10, 50):
        model = classifier(solver=SGD(momentum=0), batch_size=batch_size, alpha=1e4)
        assert_allclose(diagnose(model, X, Y).curvature, 1e4 / batch_size, rtol=0.01)


def test_fitted_weights_of_a_model_that_is_not_fitted_are_refused():
    with pytest.raises(NotFittedError):
        diagnose(classifier(), X, Y, weights="fitted")


def test_at_most_max_samples_are_measured_and_the_same_each_time():
    digits = load_digits(return_X_y=True)
    one, again = (diagnose(classifier(), *digits, max_samples=100) for _ in range(2))
    assert one.n_samples == 100
    assert_same(one, again, rtol=0)
    assert diagnose(classifier(), *digits).n_samples == 500
    assert diagnose(classifier(random_state=1), *digits).initial_loss != one.initial_loss


def test_a_pipeline_is_diagnosed_as_its_network_on_the_transformed_data():
    unscaled = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), classifier())
    assert_same(
        diagnose(pipeline, *unscaled), diagnose(classifier(), scale(unscaled[0]), unscaled[1])
    )
    pipeline.fit(*unscaled)
    network = pipeline[-1]
    assert_allclose(diagnose(pipeline, *unscaled, weights="fitted", max_samples=999).initial_loss,
                    network.loss_)  # fmt: skip


@pytest.mark.parametrize("weights", ["initial", "fitted"])
def test_no_argument_is_changed(weights):
    rng = np.random.RandomState(0)
    pipeline = make_pipeline(StandardScaler(), classifier(random_state=rng, init="lsuv"))
    if weights == "fitted":
        pipeline.fit(X, Y)
    data = X.copy(), Y.copy()
    before = pickle.dumps((pipeline, rng))
    diagnose(pipeline, *data, weights=weights)
    assert pickle.dumps((pipeline, rng)) == before
    assert_array_equal(data[0], X)
    assert_array_equal(data[1], Y)


# --- What kinds of data and estimators ------------------------------------------------------------


def test_each_class_is_among_the_samples_that_are_measured():
    rng = np.random.RandomState(0)
    y = np.r_[np.zeros(3000, int), 1, 2, 3]
    Z = rng.normal(size=(len(y), 4))
    model = classifier()
    prepared, _ = prepare_parameters(model, Z, y, None, fitted=False)
    subset = choose_subset(prepared.data, 50, model)
    assert subset.X.shape == (50, 4)
    assert_array_equal(subset.targets.sum(axis=0), [47, 1, 1, 1])


def test_the_baseline_is_that_of_all_samples():
    y = (np.arange(3000) % 100 == 0).astype(int)
    Z = np.random.RandomState(0).normal(size=(3000, 4))
    measured = diagnose(classifier(), Z, y, max_samples=20, candidates=())
    share = y.mean()
    expected = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert_allclose(measured.baseline_loss, expected, rtol=1e-6)
    assert_allclose(measured.zero_loss, np.log(2))


def test_without_y_everything_is_measured_that_needs_no_loss():
    model = classifier(hidden_layer_sizes=(8, 6))
    known, unknown = diagnose(model, X, Y), diagnose(model, X)
    hidden = slice(0, 2)
    for name in ("pre_activation_variance", "dead", "effective_rank", "correlation"):
        expected = getattr(known.propagation, name)[hidden]
        assert_allclose(getattr(unknown.propagation, name)[hidden], expected)
    assert np.isnan([unknown.initial_loss, unknown.baseline_loss, unknown.curvature]).all()
    assert np.isnan(unknown.propagation.signal_gradient).all()
    assert "loss" not in str(unknown)
    assert "without y, a single output is assumed" in str(unknown)
    assert "a single output" not in str(known)


@pytest.mark.parametrize("init", ["swim", "base_rate"])
@pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])
def test_an_init_that_looks_at_the_targets_needs_them(Estimator, init):
    model = Estimator((20,), init=init, activation="tanh", random_state=0)
    with pytest.raises(ValueError, match=f"init='{init}' looks at the targets; give y"):
        diagnose(model, X)


def test_without_y_class_weights_do_not_matter():
    model = classifier(class_weight={"a": 1, "b": 2})
    assert_same(diagnose(model, X), diagnose(classifier(), X))


def test_a_candidate_that_is_listed_twice_is_measured_once():
    advised = diagnose(classifier(init="zeros"), X, Y, candidates=("he", "he")).recommendation
    assert [each.init for each in advised.candidates] == ["zeros", "he"]
    assert "use 'he'" in str(advised)


@pytest.mark.parametrize("y", [Y, Y % 2, np.eye(3, dtype=int)[Y]], ids=["3", "2", "labels"])
def test_without_y_a_fitted_network_keeps_its_outputs(y):
    model = classifier().fit(X, y)
    unknown = diagnose(model, X, weights="fitted")
    known = diagnose(model, X, y, weights="fitted")
    assert_allclose(unknown.propagation.correlation, known.propagation.correlation)


def test_sparse_data_are_diagnosed_like_dense_ones():
    digits, y = load_digits(return_X_y=True)
    dense, sparse = (diagnose(classifier(), each, y) for each in (digits, csr_array(digits)))
    assert_same(dense, sparse)
    assert_allclose(dense.feature_std, sparse.feature_std, atol=1e-6)
    assert [each.message for each in dense.findings] == [each.message for each in sparse.findings]


@pytest.mark.parametrize("init", ["he", "auto"])
def test_float32_is_diagnosed_like_float64(init):
    measured = diagnose(classifier(init=init), X.astype(np.float32), Y)
    expected = diagnose(classifier(init=init), X, Y)
    for name in ("pre_activation_variance", "signal_gradient", "effective_rank", "correlation"):
        column = getattr(measured.propagation, name)
        assert_allclose(column, getattr(expected.propagation, name), rtol=1e-5, atol=1e-6)
    assert_allclose(measured.initial_loss, expected.initial_loss, rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "poisson"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_regressor_has_a_diagnosis_for_each_loss(loss, n_outputs):
    Z, y = load_diabetes(return_X_y=True)
    targets = np.squeeze(np.outer(y / 100, np.arange(1, n_outputs + 1)))
    model = InitMLPRegressor(loss=loss, max_iter=1, random_state=0)
    measured = diagnose(model, scale(Z), targets)
    assert_allclose(measured.initial_loss, model.fit(scale(Z), targets).loss_curve_[0])


def test_networks_of_scikit_learn_are_diagnosed_with_their_own_initial_weights():
    theirs = MLPClassifier(
        (8, 6), solver="sgd", batch_size=150, max_iter=1, random_state=0, alpha=0
    )
    with pytest.warns(UserWarning, match="Maximum iterations"):
        expected = clone(theirs).fit(X, Y).loss_
    assert_allclose(diagnose(theirs, X, Y).initial_loss, expected)
    assert_allclose(diagnose(make_pipeline(StandardScaler(), theirs), X, Y).initial_loss, expected)


def test_drop_in_networks_are_diagnosed_with_their_init():
    measured = diagnose(DropInClassifier((8,), init="zeros"), X, Y)
    assert measured.findings[0].subject == "symmetry"


@pytest.mark.parametrize("estimator", [LogisticRegression(), "he"])
def test_another_estimator_is_refused(estimator):
    with pytest.raises(TypeError, match="expected an InitMLPClassifier, an InitMLPRegressor or a"):
        diagnose(estimator, X, Y)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"weights": "fited"}, "weights='fited' is not a known name; did you mean 'fitted'"),
        ({"max_samples": 1}, "max_samples == 1, must be >= 2"),
        ({"candidates": ["hee"]}, "candidates='hee' is not a known name; did you mean 'he'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        diagnose(classifier(), X, Y, **settings)


@pytest.mark.parametrize("candidates", ["he", None, 3])
def test_candidates_that_are_no_sequence_are_refused(candidates):
    with pytest.raises(TypeError, match=r"must be a sequence of names, such as \('he', 'auto'\)"):
        diagnose(classifier(), X, Y, candidates=candidates)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_data_near_overflow_and_underflow_give_findings_and_no_error(size):
    measured = diagnose(classifier(), size * X, Y)
    assert "inputs" in [each.subject for each in measured.findings]
    assert str(measured)


# --- What the result has, and how it is printed ---------------------------------------------------


def test_the_stable_rate_is_two_over_the_curvature():
    measured = diagnose(classifier(), X, Y)
    assert measured.stable_rate == 2 / measured.curvature
    assert np.isnan(diagnose(classifier(init="zeros"), X).stable_rate)


def test_an_output_layer_of_zeros_is_no_fault():
    model = classifier(init=PerLayer(hidden="he", output="zeros"), hidden_layer_sizes=(20, 20))
    measured = diagnose(model, X, Y)
    assert measured.severity == "ok"
    assert_allclose(measured.initial_loss, np.log(3))


def test_no_learning_rate_is_too_large_for_solvers_that_rescale_their_steps():
    measured = diagnose(classifier(solver=Adam(), learning_rate=100.0), X, Y)
    assert "learning rate" not in [each.subject for each in measured.findings]


def test_to_frame_has_a_row_for_each_layer():
    measured = diagnose(classifier(hidden_layer_sizes=(8, 6)), X, Y)
    frame = measured.to_frame()
    assert frame.layer.tolist() == [1, 2, 3]
    assert frame.units.tolist() == [8, 6, 3]
    assert_array_equal(frame.signal_gradient, measured.propagation.signal_gradient)


@pytest.mark.parametrize("depth", [0, 1, 2, 50])
@pytest.mark.parametrize("init", ["he", "zeros", "random"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_is_printed_fits_into_79_columns(depth, init, activation):
    model = classifier(hidden_layer_sizes=(100,) * depth, init=init, activation=activation)
    text = str(diagnose(model, X, Y, candidates=(), max_samples=50))
    assert max(map(len, text.splitlines())) <= 79
    assert len(text.splitlines()) < 60


def test_a_diagnosis_can_be_pickled():
    measured = diagnose(classifier(), X, Y)
    assert str(pickle.loads(pickle.dumps(measured))) == str(measured)


# --- During training, and for many settings -------------------------------------------------------


@pytest.mark.skipif("set_callbacks" not in dir(InitMLPClassifier), reason="needs scikit-learn 1.9")
def test_the_recorder_diagnoses_the_model_of_that_iteration():
    recorder = DiagnosisRecorder(every=4)
    model = classifier(max_iter=9, learning_rate=0.3).set_callbacks(recorder).fit(X, Y)
    assert recorder.iterations_ == [0, 4, 8]
    losses = [each.initial_loss for each in recorder.diagnoses_]
    assert_allclose(losses, model.loss_curve_[[0, 4, 8]])
    frame = recorder.to_frame()
    assert len(frame) == 3 * 3
    assert_allclose(frame.loss[::3], losses)


@pytest.mark.skipif("set_callbacks" not in dir(InitMLPClassifier), reason="needs scikit-learn 1.9")
def test_the_recorder_weighs_the_samples_as_the_fit_does():
    recorder, weight = DiagnosisRecorder(every=3), np.where(Y == 0, 5.0, 1.0)
    model = classifier(max_iter=6, learning_rate=0.3).set_callbacks(recorder).fit(X, Y, weight)
    losses = [each.initial_loss for each in recorder.diagnoses_]
    assert_allclose(losses, [*model.loss_curve_[[0, 3]], model.loss_])
    unweighted = diagnose(model, X, Y, weights="fitted", candidates=()).initial_loss
    assert abs(unweighted - losses[-1]) > 0.01


@pytest.mark.skipif("set_callbacks" not in dir(InitMLPClassifier), reason="needs scikit-learn 1.9")
def test_chosen_iterations_are_diagnosed():
    recorder = DiagnosisRecorder(every=(1, 3, 100))
    classifier(max_iter=4).set_callbacks(recorder).fit(X, Y)
    assert recorder.iterations_ == [0, 1, 3]
    with pytest.raises(ValueError, match="every"):
        classifier().set_callbacks(DiagnosisRecorder(every=(0, 3))).fit(X, Y)


@pytest.mark.parametrize("ask", ["by_iteration", "to_dict", "to_frame"])
def test_a_recorder_before_any_fit_says_how_to_use_it(ask):
    with pytest.raises(NotFittedError, match=r"set_callbacks\(recorder\)\.fit"):
        getattr(DiagnosisRecorder(), ask)()


def test_an_init_that_explains_itself_is_called_by_its_name():
    network = {"hidden_layer_sizes": (6, 3, 6), "activation": "gelu", "init": "auto"}
    diagnosis = diagnose(classifier(**network), X, Y)
    assert diagnosis.init == "Auto()"
    names = [each.init for each in diagnosis.recommendation.candidates]
    assert names.count("auto") == 1


@pytest.mark.skipif("set_callbacks" not in dir(InitMLPClassifier), reason="needs scikit-learn 1.9")
def test_a_fit_that_is_recorded_is_the_fit_without():
    settings = {"solver": "sgd", "batch_size": 30, "max_iter": 30, "n_iter_no_change": 2}
    settings |= {"early_stopping": True}
    alone = classifier(**settings).fit(X, Y)
    recorded = classifier(**settings).set_callbacks(DiagnosisRecorder()).fit(X, Y)
    for one, other in zip(alone.coefs_, recorded.coefs_, strict=True):
        assert_array_equal(one, other)


def test_a_grid_has_the_diagnosis_of_each_setting():
    grid = {"hidden_layer_sizes": [(4,), (4, 4)], "init": ["he", "zeros"], "random_state": [0, 1]}
    result = diagnose_grid(classifier(), X, Y, grid)
    assert len(result.diagnoses) == 8
    frame = result.to_frame()
    assert len(frame) == 4 * 2 + 4 * 3
    one = diagnose(classifier(hidden_layer_sizes=(4, 4), random_state=1), X, Y)
    rows = frame[
        (frame.init == "he") & (frame.random_state == 1) & (frame.initial_loss == one.initial_loss)
    ]
    assert_allclose(rows.signal_gradient, one.propagation.signal_gradient)
    assert set(frame[frame.init == "zeros"].severity) == {"severe"}


def test_a_grid_reaches_into_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), classifier())
    result = diagnose_grid(pipeline, X, Y, {"initmlpclassifier__init": ["he", "glorot"]})
    assert [each.init for each in result.diagnoses] == ["He()", "Glorot()"]


@pytest.mark.parametrize("value", [{"a: b": 1}, {"a": [1, {"b": 2}]}, "it: is", 0.5])
def test_an_initializer_is_called_by_its_whole_repr(value):
    spelt = repr(WithBias("he", value))
    assert initializer_expression(spelt) == spelt
    assert initializer_expression(f"{spelt}: as it is: so") == spelt


def test_a_caveat_says_that_a_fitted_model_is_diagnosed_with_its_initial_weights():
    model = classifier().fit(X, Y)
    hint = "these are the initial weights, not the trained ones; see weights='fitted'"
    assert hint in str(diagnose(model, X, Y))
    assert hint in str(diagnose(make_pipeline(StandardScaler(), classifier()).fit(X, Y), X, Y))
    around = TransformedTargetRegressor(InitMLPRegressor(max_iter=1), transformer=StandardScaler())
    assert hint not in str(diagnose(around, X, X[:, 0]))
    assert hint in str(diagnose(around.fit(X, X[:, 0]), X, X[:, 0]))
    assert hint not in str(diagnose(model, X, Y, weights="fitted"))
    assert hint not in str(diagnose(classifier(), X, Y))


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        ("gd", r"learning_rate is 0.05; the largest stable one is {gd:.2g}\n"),
        (SGD(0.5), r"learning_rate is 0.05; the largest stable one is {sgd:.2g} with this mom"),
        (
            "adam",
            r"learning_rate is 0.05, for Adam; gradient descent would be stable up to {gd:.2g}",
        ),
        ("lbfgs", r"LBFGS has no learning rate; gradient descent would be stable up to {gd:.2g}"),
    ],
)
def test_the_learning_rate_is_printed_beside_the_largest_stable_one(solver, words):
    measured = diagnose(classifier(solver=solver, learning_rate=0.05), X, Y)
    stable = measured.stable_rate
    # Nesterov's momentum of 0.5: 2 (1 + 0.5) / (1 + 2 * 0.5), where gradient descent has 2.
    assert re.search(words.format(gd=stable, sgd=0.75 * stable), str(measured))


def test_trained_weights_get_no_recommendation():
    assert diagnose(classifier().fit(X, Y), X, Y, weights="fitted").recommendation is None
