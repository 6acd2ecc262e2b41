"""Findings about initial weights: each fault is found where it was built in, and nowhere else."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_classification
from sklearn.preprocessing import scale

from skinit import InitMLPClassifier, InitMLPRegressor, diagnose
from skinit.datasets import load_split
from skinit.diagnosis import which_layers
from skinit.diagnosis.learning_rate import find_learning_rate_faults
from skinit.diagnosis.recommendation import CANDIDATES
from skinit.initializers import Given, LeCun, Normal, PerLayer, Scaled, WithBias
from skinit.solvers import SGD, Adam, GradientDescent

DIGITS = load_split("digits")[:2]


def found(init, hidden=(20, 20), X=DIGITS[0], y=DIGITS[1], **settings):
    """Return the findings about a network on the digits, by subject."""
    model = InitMLPClassifier(hidden, init=init, random_state=0, **settings)
    return {each.subject: each for each in diagnose(model, X, y, candidates=()).findings}


@pytest.mark.parametrize(
    ("activation", "init"),
    [("relu", "he"), ("selu", "lecun"), ("tanh", "glorot"), ("tanh", "orthogonal")],
)
@pytest.mark.parametrize("hidden", [(10, 5), (100,), (128, 64)], ids=str)
@pytest.mark.parametrize("data", ["circles", "wine", "breast_cancer", "digits", "diabetes"])
def test_healthy_initial_weights_have_no_fault(data, hidden, activation, init):
    X, y, _, _, task = load_split(data)
    Estimator = InitMLPClassifier if task == "classification" else InitMLPRegressor
    for seed in range(2):
        model = Estimator(hidden, init=init, activation=activation, random_state=seed)
        assert diagnose(model, X, y, candidates=()).severity == "ok"


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("init", ["zeros", "ones", "constant"])
def test_identical_units_are_severe(init, activation):
    finding = found(init, activation=activation)["symmetry"]
    assert finding.severity == "severe"
    assert finding.message == "layers 1 and 2: all units are identical"
    assert "the symmetry never breaks" in finding.why


def test_some_identical_units_are_found_with_their_number():
    rng = np.random.RandomState(0)
    coefs = [rng.normal(size=shape) for shape in ((64, 6), (6, 10))]
    coefs[0][:, 4], coefs[1][4] = coefs[0][:, 2], coefs[1][2]
    finding = found(Given(coefs), hidden=(6,))["symmetry"]
    assert finding.severity == "note"
    assert "in layer 1 only 5 of 6 differ" in finding.message


@pytest.mark.parametrize(
    ("n_dead", "severity"), [(5, None), (6, "note"), (10, "warning"), (20, "severe")]
)
def test_more_dead_units_are_more_severe(n_dead, severity):
    def bias(layer, rng):
        return np.where(np.arange(layer.fan_out) < n_dead, -1e3, 0.0) if layer.index == 0 else 1.0

    def init(layer, rng):
        values = np.broadcast_to(bias(layer, rng), layer.fan_out)
        return WithBias("he", lambda *_: values)(layer, rng)

    finding = found(init, hidden=(20,)).get("dead units")
    assert (finding and finding.severity) == severity
    if finding:
        assert finding.evidence["shares"] == [n_dead / 20]


def test_large_weights_saturate_tanh():
    finding = found(Normal(std=10), activation="tanh")["saturation"]
    assert finding.severity == "severe"
    assert "layers 1 and 2" in finding.message


@pytest.mark.parametrize(
    ("std", "word", "depth", "severity"),
    [
        (1.0, "explodes", 9, "severe"),
        (0.05, "vanishes", 9, "severe"),
        (0.1, "vanishes", 9, "warning"),
    ],
)
def test_a_signal_that_drifts_with_depth_is_found(std, word, depth, severity):
    findings = found(Normal(std=std), hidden=(20,) * depth, activation="identity")
    for subject in ("signal", "gradient"):
        assert findings[subject].severity == severity
        assert f"the {subject} {word}" in findings[subject].message


@pytest.mark.parametrize("subject", ["signal", "gradient"])
def test_a_drift_down_to_zero_is_found(subject):
    # 60 layers of a millionth each: smaller than any number of float64.
    init = Scaled("orthogonal", 1e-6)
    finding = found(init, hidden=(10,) * 60, activation="identity")[subject]
    assert finding.severity == "severe"
    assert f"the {subject} vanishes" in finding.message
    assert " to 0 in layer " in finding.message


def test_an_output_layer_of_zeros_makes_no_gradient_vanish():
    findings = found(PerLayer(hidden="he", output="zeros"), hidden=(20,) * 3)
    assert "gradient" not in findings


@pytest.mark.parametrize(
    ("std", "gd", "adam"), [(0.05, "severe", "warning"), (0.02, "severe", "severe")]
)
def test_a_drift_costs_less_where_steps_are_scale_free(std, gd, adam):
    for solver, severity in (("gd", gd), ("adam", adam), ("rmsprop", adam), ("sgd", gd)):
        findings = found(Normal(std=std), hidden=(20,) * 9, activation="identity", solver=solver)
        assert findings["signal"].severity == severity


def test_gradients_below_epsilon_are_severe_for_a_scale_free_solver():
    def with_epsilon(epsilon):
        settings = {"hidden": (20,) * 3, "activation": "identity"}
        return found(Normal(std=0.02), solver=Adam(epsilon=epsilon), **settings)["gradient"]

    assert with_epsilon(1e-12).severity == "note"
    severe = with_epsilon(1e-3)
    assert severe.severity == "severe"
    assert "the solver's epsilon is 0.001" in severe.message


def test_at_the_minimum_of_the_loss_no_gradient_vanishes():
    X = np.random.RandomState(0).normal(size=(50, 2))
    model = InitMLPRegressor((5,), init="identity", activation="identity", solver="adam")
    model.set_params(max_iter=1, learning_rate=1e-9, random_state=0).fit(X, X[:, 0] + X[:, 1])
    model.coefs_[1][:] = [[1.0], [1.0], [0.0], [0.0], [0.0]]  # all but for a billionth
    diagnosis = diagnose(model, X, X[:, 0] + X[:, 1], weights="fitted")
    assert 0 < diagnosis.propagation.weight_gradient[0] < 1e-8
    assert "gradient" not in [each.subject for each in diagnosis.findings]


@pytest.mark.parametrize(("solver", "severity"), [("gd", "severe"), ("adam", "warning")])
def test_similarity_of_samples_costs_less_where_steps_are_scale_free(solver, severity):
    finding = found("glorot", hidden=(50,) * 6, activation="logistic", solver=solver)["collapse"]
    assert finding.severity == severity


@pytest.mark.parametrize("solver", ["gd", "adam"])
@pytest.mark.parametrize("init", ["zeros", "ones"])
def test_symmetry_is_severe_for_all_solvers(init, solver):
    assert found(init, solver=solver)["symmetry"].severity == "severe"


def test_samples_that_are_equal_up_to_rounding_are_said_to_be():
    finding = found("pytorch", hidden=(10,) * 30, activation="logistic")["collapse"]
    assert finding.severity == "severe"
    assert "the mean cosine of two is 1, to rounding" in finding.message


def test_dead_units_and_similarity_of_few_samples_are_not_judged():
    def found_with(n_samples):
        X, y = DIGITS[0][:n_samples], np.arange(n_samples) % 2
        return found("he", hidden=(5,) * 60, X=X, y=y)

    assert "samples" not in found_with(10)
    assert {"dead units", "collapse"} & set(found_with(10))
    assert "only 9 samples were measured" in found_with(9)["samples"].message
    assert not {"dead units", "collapse"} & set(found_with(9))


@pytest.mark.parametrize("init", ["he", "auto", Scaled("he", 0.3)])
def test_the_advice_is_never_the_present_init(init):
    model = InitMLPClassifier((8,) * 40, init=init, random_state=0)
    for candidates in ((), ("he",), ("he", "auto")):
        diagnosis = diagnose(model, *DIGITS, candidates=candidates, max_samples=100)
        for finding in diagnosis.findings:
            assert f"use init={init!r}" not in finding.advice
            assert finding.advice


def test_a_signal_that_overflows_is_severe():
    finding = found(Scaled("he", 1e60), hidden=(20,) * 8)["signal"]
    assert finding.severity == "severe"
    assert "the signal overflows, its pre-activations are not finite" in finding.message


def test_layers_of_logistic_units_make_all_samples_similar():
    finding = found("glorot", hidden=(50,) * 6, activation="logistic")["collapse"]
    assert finding.severity == "severe"
    assert "all samples look alike" in finding.message


def test_samples_differ_along_one_direction_after_many_linear_layers():
    findings = found("he", hidden=(5,) * 60, activation="identity")
    assert "one direction only" in findings["collapse"].message


def test_confidently_wrong_predictions_are_found_with_the_loss_of_predicting_zero():
    finding = found("random")["initial loss"]
    assert finding.severity == "severe"
    assert finding.evidence["zero_loss"] == pytest.approx(np.log(10))
    assert "times that of raw predictions of 0 (2.3)" in finding.message


@pytest.mark.parametrize(
    ("settings", "y"),
    [({"loss": "poisson", "init": "random"}, np.arange(40.0)), ({}, 1e160 * np.arange(40))],
)
def test_a_loss_that_is_not_finite_is_severe(settings, y):
    X = np.random.RandomState(0).normal(size=(40, 6))
    model = InitMLPRegressor(random_state=0, **settings)
    diagnosis = diagnose(model, X, y, candidates=("he",))
    assert not np.isfinite(diagnosis.initial_loss)
    assert diagnosis.severity == "severe"


def test_a_layer_of_one_unit_does_not_make_samples_similar():
    """Two numbers of the same sign have a cosine of 1, whatever they are."""
    X, y = load_breast_cancer(return_X_y=True)
    for seed in range(5):
        model = InitMLPClassifier((8, 1), init="auto", random_state=seed)
        assert diagnose(model, scale(X), y, candidates=()).severity == "ok"


@pytest.mark.parametrize("activation", ["tanh", "logistic", "softsign"])
def test_auto_has_no_fault_on_unscaled_features(activation):
    """It lets them saturate the first layer, so that its gradients are not too large."""
    X, y = load_wine(return_X_y=True)
    model = InitMLPClassifier(
        (32, 32), init="auto", activation=activation, solver="adam", random_state=0
    )
    diagnosis = diagnose(model, X, y)
    assert [each.subject for each in diagnosis.findings] == ["inputs"]
    assert diagnosis.recommendation.keeps


def test_a_rare_class_does_not_make_the_initial_loss_too_large():
    X, y = make_classification(1000, weights=[0.99], flip_y=0, random_state=0)
    diagnosis = diagnose(InitMLPClassifier(random_state=0), X, y, candidates=())
    assert diagnosis.initial_loss > 10 * diagnosis.baseline_loss
    assert diagnosis.severity == "ok"


@pytest.mark.parametrize(
    ("rate", "severity"), [(0.09, None), (0.15, "note"), (0.3, "warning"), (11, "severe")]
)
def test_a_learning_rate_is_judged_by_the_stable_one(rate, severity):
    findings = find_learning_rate_faults(rate, 0.1)
    assert [each.severity for each in findings] == ([severity] if severity else [])


def test_without_a_stable_rate_no_learning_rate_is_too_large():
    assert find_learning_rate_faults(1e9, np.nan) == ()
    assert "learning rate" not in found("he", solver="adam", learning_rate=1e3)
    assert "learning rate" in found("he", learning_rate=1e3)
    for solver in (SGD(clip_norm=1.0), GradientDescent(clip_norm=1.0)):
        assert "learning rate" not in found("he", solver=solver, learning_rate=1e3)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([3], "layer 3"), ([1, 2], "layers 1 and 2"), ([2, 3, 4], "layers 2 to 4"),
     ([1, 3, 4], "layers 1, 3 and 4"), ([1, *range(3, 10)], "8 layers from 1 to 9")],
)  # fmt: skip
def test_layers_are_named_by_their_numbers(numbers, words):
    chosen = np.zeros(10, bool)
    chosen[np.array(numbers) - 1] = True
    assert which_layers(chosen) == words


# --- The recommendation ---------------------------------------------------------------------------


def recommended(init, hidden=(20, 20), candidates=CANDIDATES, **settings):
    model = InitMLPClassifier(hidden, init=init, random_state=0, **settings)
    return diagnose(model, *DIGITS, candidates=candidates).recommendation


@pytest.mark.parametrize(("activation", "init"), [("relu", "he"), ("tanh", "glorot")])
def test_an_init_without_faults_is_kept(activation, init):
    kept = recommended(init, activation=activation)
    assert kept.keeps
    assert kept.init == init


def test_another_init_is_recommended_instead_of_zeros():
    advised = recommended("zeros")
    assert not advised.keeps
    assert advised.why.startswith("no fault instead of 2 severe faults")


def test_he_is_recommended_instead_of_glorot_for_deep_relu_layers():
    advised = recommended("glorot", hidden=(64,) * 20, candidates=("glorot", "he", "lecun"))
    assert advised.init == "he"


def test_the_recommended_init_has_fewer_faults_when_it_is_used():
    advised = recommended("glorot", hidden=(32,) * 15)
    again = recommended(advised.init, hidden=(32,) * 15)
    assert again.candidates[0].faults < advised.candidates[0].faults


@pytest.mark.parametrize("init", ["swim", "lsuv", "orthogonal"])
def test_an_init_without_faults_is_kept_unless_another_is_ten_times_better(init):
    kept = recommended(init, hidden=(50, 50), activation="tanh")
    present, *others = kept.candidates
    assert present.faults == (0, 0)
    assert present.drift < min(each.drift for each in others) + 1
    assert kept.keeps


def test_a_drift_is_printed_as_a_factor():
    advised = recommended("glorot", hidden=(64,) * 12, solver="adam")
    drift = {each.init: each.drift for each in advised.candidates}
    assert not advised.keeps
    factors = re.search("by a factor of (.*) in all, instead of (.*)", advised.why)
    expected = [10 ** drift[advised.init], 10 ** drift["glorot"]]
    assert_allclose([float(factor) for factor in factors.groups()], expected, rtol=0.05)


def test_an_initializer_object_is_not_compared_with_its_name():
    names = [each.init for each in recommended(LeCun()).candidates]
    assert names[0] == "LeCun()"
    assert "lecun" not in names


def test_an_init_per_layer_is_compared_with_each_of_its_parts_alone():
    names = [each.init for each in recommended(["he", "zeros", "he"]).candidates]
    assert {"he", "glorot"} < set(names[1:])


def test_for_weights_with_faults_the_advice_is_not_a_lower_rate():
    advised = found("random", activation="tanh", learning_rate=0.1)["learning rate"].advice
    assert "change the initialization first" in advised
    assert "begin with" in found("he", learning_rate=10.0)["learning rate"].advice


def test_an_init_that_is_stable_at_the_learning_rate_is_recommended():
    """He's weights make deep tanh layers chaotic: nothing drifts, but steps must be tiny."""
    model = InitMLPClassifier((32,) * 30, init="he", activation="tanh", learning_rate=0.1,
                              random_state=0)  # fmt: skip
    diagnosis = diagnose(model, *DIGITS)
    [finding], advised = diagnosis.findings, diagnosis.recommendation
    assert finding.subject == "learning rate"
    assert advised.candidates[0].faults == (0, 1)
    assert advised.init == "auto"
    rates = {each.init: each.stable_rate for each in advised.candidates}
    assert rates["he"] == pytest.approx(diagnosis.stable_rate)
    assert f"use init='auto', with which about {rates['auto']:.1g} is stable" in finding.advice
    again = diagnose(model.set_params(init="auto"), *DIGITS)
    assert again.stable_rate == pytest.approx(rates["auto"], rel=0.5)
    assert again.severity == "ok"


def test_the_advice_is_to_scale_the_data_before_changing_the_init():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    printed = str(diagnose(InitMLPRegressor(random_state=0), X, y))
    assert "recommended: fix the data first" in printed
    scaled = diagnose(InitMLPRegressor(random_state=0), scale(X), scale(y))
    assert "recommended: keep init='he'" in str(scaled)


def test_what_training_has_done_to_weights_is_no_fault():
    """Here it has made the signal vanish, which is no fault; dead units are one."""
    model = InitMLPClassifier((20,) * 8, activation="tanh", max_iter=1, random_state=0)
    model.fit(*DIGITS)
    model.coefs_ = [0.1 * W for W in model.coefs_]
    trained = diagnose(model, *DIGITS, weights="fitted")
    assert {each.subject for each in trained.findings} <= {"learning rate"}
    initial = InitMLPClassifier(
        model.hidden_layer_sizes, init=Given(model.coefs_), activation="tanh"
    )
    assert diagnose(initial, *DIGITS, candidates=()).severity == "severe"
    assert repr(trained).startswith("<Diagnosis of He() after 1 iteration in a ")
    model.set_params(activation="relu").fit(*DIGITS)
    model.intercepts_[3] -= 1e3
    [finding] = diagnose(model, *DIGITS, weights="fitted").findings
    assert finding.subject == "dead units"
    assert "train again from scratch" in finding.advice


@pytest.mark.parametrize(("activation", "usual"), [("relu", "he"), ("tanh", "glorot")])
def test_of_several_that_are_as_good_the_usual_one_is_recommended(activation, usual):
    assert recommended("zeros", activation=activation).init == usual


def test_of_several_that_are_as_good_the_simplest_is_recommended():
    advised = recommended("zeros", activation="tanh", candidates=("glorot", "orthogonal"))
    assert advised.init == "glorot"
