"""What is said of a start: each fault where it was built in, and silence where all is well."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from skinit import InitMLPClassifier, InitMLPRegressor, diagnose
from skinit.datasets import load_split
from skinit.initializers import Given, LeCun, Normal, Scaled, WithBias
from skinit.recommendation import CANDIDATES
from skinit.verdicts import faults_of_data, faults_of_rate, which_layers

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
def test_a_healthy_start_is_not_accused(data, hidden, activation, init):
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


def test_some_twins_are_told_with_their_number():
    rng = np.random.RandomState(0)
    coefs = [rng.normal(size=shape) for shape in ((64, 6), (6, 10))]
    coefs[0][:, 4], coefs[1][4] = coefs[0][:, 2], coefs[1][2]
    finding = found(Given(coefs), hidden=(6,))["symmetry"]
    assert finding.severity == "note"
    assert "in layer 1 only 5 of 6 differ" in finding.message


@pytest.mark.parametrize(
    ("n_dead", "severity"), [(5, None), (6, "note"), (10, "warning"), (20, "severe")]
)
def test_dead_units_are_as_bad_as_they_are_many(n_dead, severity):
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


def test_a_signal_beyond_all_numbers_is_severe():
    finding = found(Scaled("he", 1e60), hidden=(20,) * 8)["signal"]
    assert finding.severity == "severe"
    assert "no longer a finite number" in finding.message


def test_logistic_units_behind_each_other_bring_all_samples_together():
    finding = found("glorot", hidden=(50,) * 6, activation="logistic")["collapse"]
    assert finding.severity == "severe"
    assert "all samples look alike" in finding.message


def test_a_deep_linear_network_leaves_one_direction():
    findings = found("he", hidden=(5,) * 60, activation="identity")
    assert "one direction only" in findings["collapse"].message


def test_an_overconfident_start_is_told_with_the_loss_of_guessing():
    finding = found("random")["start loss"]
    assert finding.severity == "severe"
    assert finding.evidence["guessing_loss"] == pytest.approx(np.log(10), rel=0.01)
    assert "times that of guessing (2.3)" in finding.message


def test_unscaled_data_are_told_and_a_scaler_advised():
    finding = found("he", X=load_wine().data, y=load_wine().target)["inputs"]
    assert finding.message.endswith("of 13 features are large, up to a size of 810")
    assert "StandardScaler" in finding.advice


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0, 50.0], [1.0, 1.0], "1 of 2 features are large, up to a size of 50"),
        ([0.0, 0.0], [1e-3, 1e-3], "the features are small, of size 0.001"),
        ([0.0, 5.0], [1.0, 0.1], "a feature is far off centre, its mean 50 times its spread"),
        ([3.0, 1.0], [0.0, 1e-17], "all samples are the same"),
        ([0.0, 9.0], [1.0, 0.0], None),  # a constant harms as little as a bias
        ([0.3, 0.5], [0.2, 0.3], None),
    ],
)
def test_inputs_are_judged_by_their_size_and_centre(mean, std, message):
    findings = faults_of_data(np.array(mean), np.array(std))
    assert [each.message for each in findings] == ([message] if message else [])


@pytest.mark.parametrize(("rate", "severity"), [(0.09, None), (0.15, "note"), (0.3, "warning")])
def test_a_rate_is_judged_by_the_stable_one(rate, severity):
    findings = faults_of_rate(rate, 0.1)
    assert [each.severity for each in findings] == ([severity] if severity else [])


def test_without_a_stable_rate_none_is_too_large():
    assert faults_of_rate(1e9, np.nan) == ()
    assert "learning rate" not in found("he", solver="adam", learning_rate=1e3)
    assert "learning rate" in found("he", learning_rate=1e3)


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
def test_a_start_that_is_fine_is_kept(activation, init):
    kept = recommended(init, activation=activation)
    assert kept.keeps
    assert kept.init == init


def test_another_one_is_recommended_to_those_who_start_from_zeros():
    advised = recommended("zeros")
    assert not advised.keeps
    assert advised.why.startswith("no fault of its own instead of 2 severe faults")


def test_deep_relu_layers_are_advised_against_glorot():
    advised = recommended("glorot", hidden=(64,) * 20, candidates=("glorot", "he", "lecun"))
    assert advised.init == "he"


def test_what_is_recommended_has_no_more_faults_when_it_is_used():
    advised = recommended("glorot", hidden=(32,) * 15)
    again = recommended(advised.init, hidden=(32,) * 15)
    assert again.candidates[0].faults < advised.candidates[0].faults


def test_a_start_written_as_an_object_is_not_compared_with_itself():
    names = [each.init for each in recommended(LeCun()).candidates]
    assert names[0] == "LeCun()"
    assert "lecun" not in names


def test_a_rate_is_not_to_be_lowered_for_a_bad_start():
    assert "mend the start first" in found("random", activation="tanh")["learning rate"].advice
    assert "begin with" in found("he", learning_rate=10.0)["learning rate"].advice


@pytest.mark.parametrize(("activation", "usual"), [("relu", "he"), ("tanh", "glorot")])
def test_of_several_that_are_as_good_the_usual_one_is_recommended(activation, usual):
    assert recommended("zeros", activation=activation).init == usual


def test_of_several_that_are_as_good_the_simplest_is_recommended():
    advised = recommended("zeros", activation="tanh", candidates=("glorot", "orthogonal"))
    assert advised.init == "glorot"
