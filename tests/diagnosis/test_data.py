"""What is said of the data: features and targets that no start is made for, and silence else."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import normalize, scale

from skinit import InitMLPClassifier, InitMLPRegressor, diagnose
from skinit.diagnosis.data import find_input_faults

X, Y = load_iris(return_X_y=True)
X = scale(X)


def told(estimator, X, y):
    """Return what is found about data, by subject."""
    return {each.subject: each for each in diagnose(estimator, X, y, candidates=()).findings}


def test_unscaled_features_are_told_and_a_scaler_advised():
    finding = told(InitMLPClassifier(), *load_wine(return_X_y=True))["inputs"]
    assert finding.message.startswith("4 of 13 features are large, up to a size of 810: X[:, 12], ")
    assert "StandardScaler" in finding.advice


def test_large_features_are_called_by_their_names():
    pytest.importorskip("pandas")
    frame, y = load_wine(return_X_y=True, as_frame=True)
    finding = told(InitMLPClassifier(), frame, y)["inputs"]
    assert finding.message.endswith("'proline', 'magnesium', 'alcalinity_of_ash' and 1 more")


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0, 50.0], [1.0, 1.0], "1 of 2 features are large, up to a size of 50: X[:, 1]"),
        ([0.0, 0.0], [1e-3, 1e-3], "the features are small: a unit sees a signal of size 0.001, "
         "not 1"),
        ([0.0, 5.0], [1.0, 0.1], "X[:, 1]: far off centre, the mean up to 50 times the spread"),
        ([3.0, 1.0], [0.0, 1e-17], "all samples are the same"),
        ([0.0, 9.0], [1.0, 0.0], None),  # a constant harms as little as a bias
        ([0.3, 0.5], [0.2, 0.3], None),
    ],
)  # fmt: skip
def test_features_are_judged_by_their_size_and_centre(mean, std, message):
    findings = find_input_faults(np.array(mean), np.array(std))
    assert [each.message for each in findings] == ([message] if message else [])


def rare_words(n_samples=60, n_words=5000):
    """Rows of length 1 in many directions, as a tf-idf makes them of texts."""
    counts = np.random.RandomState(0).uniform(size=(n_samples, n_words)) < 0.01
    return csr_array(normalize(counts))


def test_sparse_rows_of_length_one_are_small_and_the_advice_can_be_followed():
    finding = told(InitMLPClassifier(random_state=0), rare_words(), np.arange(60) % 2)["inputs"]
    assert "a unit sees a signal of size 0.0141, not 1" in finding.message  # 1 / sqrt(5000)
    assert "MaxAbsScaler or a StandardScaler(with_mean=False)" in finding.advice
    assert "init='lsuv' or 'auto'" in finding.advice


@pytest.mark.parametrize("init", ["lsuv", "auto"])
def test_an_init_that_makes_up_for_small_features_is_not_accused(init):
    model = InitMLPClassifier(init=init, random_state=0)
    assert "inputs" not in told(model, rare_words(), np.arange(60) % 2)


def test_targets_that_are_not_scaled_are_told():
    regressor = InitMLPRegressor(random_state=0)
    finding = told(regressor, X, 150 + 70 * X[:, 0])["targets"]
    assert finding.severity == "warning"
    assert "the targets are large" in finding.message
    assert "TransformedTargetRegressor" in finding.advice
    assert "targets" not in told(regressor, X, X[:, 0])


def test_targets_off_centre_are_told_unless_the_start_has_met_them():
    y = 5 + X[:, 0]
    findings = told(InitMLPRegressor(random_state=0), X, y)
    assert "the targets are off centre" in findings["targets"].message
    assert "start loss" not in findings  # the scores are not to blame
    assert "targets" not in told(InitMLPRegressor(init="auto", random_state=0), X, y)


def test_classes_are_no_targets_to_be_scaled():
    assert "targets" not in told(InitMLPClassifier(random_state=0), X, 100 * Y)
