"""Findings about the data: features and targets that initializers are not made for, no others."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import normalize, scale

from skinit import InitMLPClassifier, InitMLPRegressor, diagnose
from skinit.diagnosis.data import find_input_faults

X, Y = load_iris(return_X_y=True)
X = scale(X)


def found(estimator, X, y):
    """Return what is found about data, by subject."""
    return {each.subject: each for each in diagnose(estimator, X, y, candidates=()).findings}


def test_unscaled_features_are_found_and_a_scaler_is_advised():
    finding = found(InitMLPClassifier(), *load_wine(return_X_y=True))["inputs"]
    assert finding.message.startswith(
        "4 of 13 features are large, with an RMS of up to 810: X[:, 12], "
    )
    assert "StandardScaler" in finding.advice


def test_large_features_are_named():
    pytest.importorskip("pandas")
    frame, y = load_wine(return_X_y=True, as_frame=True)
    finding = found(InitMLPClassifier(), frame, y)["inputs"]
    assert finding.message.endswith("'proline', 'magnesium', 'alcalinity_of_ash' and 1 more")


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0, 50.0], [1.0, 1.0], "1 of 2 features are large, with an RMS of up to 50: X[:, 1]"),
        ([0.0, 0.0], [1e-3, 1e-3], "the features are small, with an RMS of 0.001 instead of 1"),
        ([0.0, 5.0], [1.0, 0.1], "X[:, 1]: far from centered, with a mean of up to 50 "
         "standard deviations"),
        ([3.0, 1.0], [0.0, 1e-17], "all samples are the same"),
        ([0.0, 9.0], [1.0, 0.0], None),  # a constant harms as little as a bias
        ([0.3, 0.5], [0.2, 0.3], None),
    ],
)  # fmt: skip
def test_features_are_judged_by_their_size_and_mean(mean, std, message):
    findings = find_input_faults(np.array(mean), np.array(std))
    assert [each.message for each in findings] == ([message] if message else [])


def rare_words(n_samples=60, n_words=5000):
    """Rows of length 1 in many directions, as a tf-idf makes them of texts."""
    counts = np.random.RandomState(0).uniform(size=(n_samples, n_words)) < 0.01
    return csr_array(normalize(counts))


def test_sparse_rows_of_length_one_are_small_and_the_advice_can_be_followed():
    finding = found(InitMLPClassifier(random_state=0), rare_words(), np.arange(60) % 2)["inputs"]
    assert "with an RMS of 0.0141 instead of 1" in finding.message  # 1 / sqrt(5000)
    assert "MaxAbsScaler or a StandardScaler(with_mean=False)" in finding.advice
    assert "init='lsuv' or 'auto'" in finding.advice


@pytest.mark.parametrize("init", ["lsuv", "auto"])
def test_an_init_that_makes_up_for_small_features_has_no_fault(init):
    model = InitMLPClassifier(init=init, random_state=0)
    assert "inputs" not in found(model, rare_words(), np.arange(60) % 2)


def test_targets_that_are_not_scaled_are_found():
    regressor = InitMLPRegressor(random_state=0)
    finding = found(regressor, X, 150 + 70 * X[:, 0])["targets"]
    assert finding.severity == "warning"
    assert "the targets are large" in finding.message
    assert "TransformedTargetRegressor" in finding.advice
    assert "targets" not in found(regressor, X, X[:, 0])


def test_targets_far_from_centered_are_found_unless_the_initial_predictions_are_close():
    y = 5 + X[:, 0]
    findings = found(InitMLPRegressor(random_state=0), X, y)
    assert "the targets are far from centered" in findings["targets"].message
    assert "initial loss" not in findings  # the raw predictions are not to blame
    assert "targets" not in found(InitMLPRegressor(init="auto", random_state=0), X, y)


def test_class_labels_need_no_scaling():
    assert "targets" not in found(InitMLPClassifier(random_state=0), X, 100 * Y)
