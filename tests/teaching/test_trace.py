"""A trace: every number against a computation by hand, differences or scikit-learn; its text."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from own_losses import SummedHuber
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinit import Activation, InitMLPClassifier, InitMLPRegressor, trace
from skinit.initializers import Given, Normal
from skinit.schedules import ConstantRate
from skinit.solvers import SOLVERS
from skinit.teaching.trace import format_array

X = np.array([[0.5, -1.2], [1.0, 2.0], [-0.3, 0.8], [2.0, 0.1]])
Y = {
    "binary": np.array([1, 0, 0, 1]),
    "three classes": np.array(["a", "b", "c", "a"]),
    "two labels": np.array([[1, 0], [1, 1], [0, 1], [0, 0]]),
    "numbers": np.array([0.5, -1.0, 2.0, 0.0]),
    "two outputs": np.array([[0.5, 1.0], [-1.0, 0.0], [2.0, 1.0], [0.0, 3.0]]),
}


def network_for(task, sizes=(3, 2), **settings):
    cls = InitMLPRegressor if task in ("numbers", "two outputs") else InitMLPClassifier
    settings = {"activation": "tanh", "random_state": 0, "learning_rate": 0.1, **settings}
    return cls(sizes, **settings)


def chain(model, weight, bias, output_weight, output_bias):
    """Initialize a 1-1-1 network with four numbers."""
    init = Given([[[weight]], [[output_weight]]], [[bias], [output_bias]])
    return model.set_params(hidden_layer_sizes=1, init=init)


# The numbers


def test_a_regressor_of_one_unit_has_the_numbers_of_a_computation_by_hand():
    model = chain(InitMLPRegressor(activation="tanh", learning_rate=0.5), 0.8, 0.1, -1.5, 0.3)
    found = trace(model, [[2.0]], [1.0]).to_dict()

    z1 = 2.0 * 0.8 + 0.1
    a1 = math.tanh(z1)
    z2 = a1 * -1.5 + 0.3
    delta2 = z2 - 1.0
    slope = 1 - a1**2
    delta1 = delta2 * -1.5 * slope
    new_a1 = math.tanh(2.0 * (0.8 - 0.5 * 2.0 * delta1) + 0.1 - 0.5 * delta1)
    new_z2 = new_a1 * (-1.5 - 0.5 * a1 * delta2) + 0.3 - 0.5 * delta2
    by_hand = {
        "a0": 2.0, "W1": 0.8, "b1": 0.1, "z1": z1, "a1": a1,
        "W2": -1.5, "b2": 0.3, "z2": z2, "p": z2, "y": 1.0,
        "losses": 0.5 * (z2 - 1) ** 2, "loss": 0.5 * (z2 - 1) ** 2,
        "delta2": delta2, "dW2": a1 * delta2, "db2": delta2,
        "tanh'(z1)": slope, "delta1": delta1, "dW1": 2.0 * delta1, "db1": delta1,
        "new W1": 0.8 - 0.5 * 2.0 * delta1, "new b1": 0.1 - 0.5 * delta1,
        "new W2": -1.5 - 0.5 * a1 * delta2, "new b2": 0.3 - 0.5 * delta2,
        "new loss": 0.5 * (new_z2 - 1) ** 2,
    }  # fmt: skip
    assert list(found) == list(by_hand)  # in the order of computation
    assert_allclose([found[name].item() for name in by_hand], list(by_hand.values()), rtol=1e-12)


def test_a_classifier_of_one_unit_has_the_numbers_of_a_computation_by_hand():
    model = chain(InitMLPClassifier(activation="logistic"), 0.8, 0.1, -1.5, 0.3)
    found = trace(model, [[2.0]], ["no"], classes=["no", "yes"])

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    a1 = sigmoid(1.7)
    p = sigmoid(a1 * -1.5 + 0.3)
    by_hand = {
        "p": p,
        "loss": -math.log(1 - p),
        "delta2": p,
        "dW2": a1 * p,
        "logistic'(z1)": a1 * (1 - a1),
        "delta1": p * -1.5 * a1 * (1 - a1),
        "dW1": 2.0 * p * -1.5 * a1 * (1 - a1),
    }
    assert_allclose([found[name].item() for name in by_hand], list(by_hand.values()), rtol=1e-14)


@pytest.mark.parametrize("task", ["binary", "three classes", "numbers", "two outputs"])
@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_the_update_is_the_step_of_scikit_learns_network(task, alpha):
    model = network_for(task, init="scikit_learn", alpha=alpha)
    found = trace(model, X, Y[task])
    cls = MLPClassifier if isinstance(model, InitMLPClassifier) else MLPRegressor
    theirs = cls(
        hidden_layer_sizes=(3, 2), activation="tanh", solver="sgd", momentum=0, alpha=alpha,
        learning_rate_init=0.1, batch_size=4, shuffle=False, max_iter=1, random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        theirs.fit(X, Y[task])
    if task != "two outputs":  # where it reports the mean over them, and follows the sum
        assert_allclose(found["loss"], theirs.loss_, rtol=1e-12)
    for number in (1, 2, 3):
        assert_allclose(found[f"new W{number}"], theirs.coefs_[number - 1], rtol=1e-12)
        assert_allclose(found[f"new b{number}"][0], theirs.intercepts_[number - 1], rtol=1e-12)


@pytest.mark.parametrize("activation", ["gelu", ["tanh", "softplus"], ["sin", "logistic"]])
def test_derivatives_are_those_of_finite_differences(activation, numerical_gradient):
    model = network_for("three classes", activation=activation, max_iter=3)
    model.fit(X, Y["three classes"])
    found = trace(model, X, Y["three classes"])
    for number in (1, 2, 3):
        for name, arrays in (("W", model.coefs_), ("b", model.intercepts_)):
            kept = arrays[number - 1]

            def loss_with(values, arrays=arrays, at=number - 1):
                arrays[at] = values
                return log_loss(Y["three classes"], model.predict_proba(X))

            differences = numerical_gradient(loss_with, kept)
            arrays[number - 1] = kept
            derivative = found[f"d{name}{number}"].reshape(kept.shape)
            assert_allclose(derivative, differences, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("task", Y)
def test_formulas_agree_with_the_numbers(task):
    step = trace(network_for(task), X, Y[task]).to_dict()
    n_samples = len(X)
    for number in (1, 2, 3):
        a = step[f"a{number - 1}"]
        assert_allclose(step[f"z{number}"], a @ step[f"W{number}"] + step[f"b{number}"])
        delta = step[f"delta{number}"]
        assert_allclose(step[f"dW{number}"], a.T @ delta / n_samples, atol=1e-15)
        assert_allclose(step[f"db{number}"][0], delta.sum(axis=0) / n_samples, atol=1e-15)
        if number < 3:
            back = step[f"delta{number + 1}"] @ step[f"W{number + 1}"].T
            assert_allclose(delta, back * step[f"tanh'(z{number})"])
    assert_allclose(step["delta3"], step["p"] - step["y"])
    assert_allclose(step["loss"], step["losses"].mean())


def test_a_sample_has_the_same_deltas_alone_as_among_others():
    model = network_for("numbers", max_iter=2).fit(X, Y["numbers"])
    alone = trace(model, X[1:2], Y["numbers"][1:2])
    among = trace(model, X, Y["numbers"])
    for name in ("delta1", "delta2", "delta3"):
        assert_allclose(among[name][1:2], alone[name], rtol=1e-12)


def test_a_sparse_sample_is_traced_as_a_dense_one():
    model = network_for("numbers")
    sparse = trace(model, csr_matrix(X), Y["numbers"])
    for name, values in trace(model, X, Y["numbers"]).to_dict().items():
        assert_array_equal(sparse[name], values)


def test_float32_stays_float32():
    found = trace(network_for("numbers"), X.astype(np.float32), Y["numbers"])
    assert {step.values.dtype.name for step in found.steps if step.values.ndim == 2} == {"float32"}


# What is traced


def test_an_estimator_that_is_not_fitted_is_traced_with_its_initial_weights():
    model = network_for("binary")
    found = trace(model, X, Y["binary"])
    model.set_params(max_iter=1).fit(X, Y["binary"])
    for number, W in enumerate(model.initial_coefs_, 1):
        assert_array_equal(found[f"W{number}"], W)
    for number, W in enumerate(model.coefs_, 1):
        assert_allclose(found[f"new W{number}"], W, rtol=1e-13)
    assert_allclose(found["new loss"], model.loss_, rtol=1e-13)


def test_a_fitted_estimator_is_traced_with_its_weights():
    model = network_for("three classes", max_iter=5).fit(X, Y["three classes"])
    found = trace(model, X, Y["three classes"])
    for number, W in enumerate(model.coefs_, 1):
        assert_array_equal(found[f"W{number}"], W)
    assert_allclose(found["p"], model.predict_proba(X), rtol=1e-12)
    assert_allclose(found["loss"], model.loss_, rtol=1e-12)
    model.partial_fit(X, Y["three classes"])
    assert_allclose(found["new W1"], model.coefs_[0], rtol=1e-12)


def test_one_sample_is_enough():
    fitted = network_for("three classes", max_iter=5).fit(X, Y["three classes"])
    assert_array_equal(trace(fitted, X[:1], ["b"])["y"], [[0, 1, 0]])
    found = trace(network_for("three classes"), X[:1], ["b"], classes=["a", "b", "c"])
    assert_array_equal(found["y"], [[0, 1, 0]])


@pytest.mark.parametrize("y", [[1], np.array([1]), pd.Series([1], index=["first"])])
def test_one_class_without_the_others_is_refused_with_a_way_out(y):
    with pytest.raises(ValueError, match=re.escape("y has one class only (1)")) as caught:
        trace(network_for("binary"), X[:1], y)
    assert "classes=[0, 1]" in str(caught.value)


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(0)])
def test_an_estimator_that_is_not_fitted_is_not_changed_and_keeps_its_random_state(random_state):
    model = network_for("binary", random_state=random_state, init=Normal(std=1))
    first = trace(model, X, Y["binary"])
    assert_array_equal(trace(model, X, Y["binary"])["W1"], first["W1"])
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not [name for name in vars(model) if name.endswith("_")]


def test_a_trace_does_not_change_with_the_data():
    features, targets = X.copy(), Y["two outputs"].copy()
    found = trace(network_for("two outputs"), features, targets)
    features[:], targets[:] = 7, 7
    assert_array_equal(found["a0"], X)
    assert_array_equal(found["y"], Y["two outputs"])


def test_a_fitted_estimator_is_not_changed():
    model = network_for("binary", solver="adam", batch_size=2, max_iter=3).fit(X, Y["binary"])
    again = network_for("binary", solver="adam", batch_size=2, max_iter=3).fit(X, Y["binary"])
    names = list(vars(model))
    trace(model, X[:2], Y["binary"][:2], learning_rate=5)
    assert list(vars(model)) == names
    model.partial_fit(X, Y["binary"])
    again.partial_fit(X, Y["binary"])
    assert_array_equal(model.coefs_[0], again.coefs_[0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_update_is_gradient_descent_whatever_the_solver(solver):
    found = trace(network_for("numbers", solver=solver), X, Y["numbers"])
    assert_allclose(found["new W1"], found["W1"] - 0.1 * found["dW1"])


def test_validation_dropout_and_class_weights_are_left_out():
    settings = {"early_stopping": True, "validation_fraction": 0.5, "class_weight": "balanced"}
    settings["dropout"] = 0.5
    plain = trace(network_for("binary"), X[:3], Y["binary"][:3])
    other = trace(network_for("binary", **settings), X[:3], Y["binary"][:3])
    for name, values in plain.to_dict().items():
        assert_array_equal(other[name], values)


def test_the_learning_rate_is_that_of_the_next_iteration_unless_given():
    schedule = ConstantRate(0.4, warm_up=3)
    model = network_for("numbers", learning_rate=schedule, max_iter=1)
    assert trace(model, X, Y["numbers"]).learning_rate == pytest.approx(0.1)
    model.fit(X, Y["numbers"])
    assert trace(model, X, Y["numbers"]).learning_rate == pytest.approx(0.2)
    assert trace(model, X, Y["numbers"], learning_rate=7).learning_rate == 7


def test_a_step_that_is_far_too_large_makes_the_loss_overflow():
    model = InitMLPRegressor(3, activation="identity", random_state=0)
    assert not np.isfinite(trace(model, X, Y["numbers"], learning_rate=1e200)["new loss"])


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_learning_rate_that_is_not_positive_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate"):
        trace(network_for("numbers"), X, Y["numbers"], learning_rate=rate)


@pytest.mark.parametrize(
    "estimator", [make_pipeline(StandardScaler(), MLPRegressor()), MLPRegressor(), "he"]
)
def test_another_estimator_is_refused_with_a_way_out(estimator):
    with pytest.raises(TypeError, match="expected an InitMLPClassifier, an InitMLPRegressor or a"):
        trace(estimator, X, Y["numbers"])


# The text


def text_of(model, X, y, **settings):
    return trace(model, X, y, **settings, verbose=False).text


def test_all_steps_are_printed_once_even_if_the_trace_is_printed(capsys):
    model = network_for("numbers")
    text = text_of(model, X, Y["numbers"])
    assert text.startswith("a 2-3-2-1 network")
    assert capsys.readouterr().out == ""
    print(trace(model, X, Y["numbers"]))
    printed, _, last_line = capsys.readouterr().out.strip().rpartition("\n")
    assert printed == text
    assert last_line.startswith("<Trace of a 2-3-2-1 network")


def test_a_small_network_fits_a_terminal():
    text = text_of(network_for("binary", sizes=3), X[:1], [1], classes=[0, 1])
    assert max(map(len, text.splitlines())) <= 80


def test_formulas_stand_above_their_numbers():
    model = chain(InitMLPRegressor(activation="tanh"), 0.8, 0.1, -1.5, 0.3)
    lines = text_of(model, [[2.0]], [1.0]).splitlines()
    at = next(k for k, line in enumerate(lines) if "delta1 =" in line)
    assert lines[at].split("  ")[1] == "delta1 = (delta2 W2^T) * tanh'(z1)"
    delta1 = (math.tanh(1.7) * -1.5 + 0.3 - 1) * -1.5 * (1 - math.tanh(1.7) ** 2)
    assert lines[at + 1].strip() == f"[[{delta1:.4f}]]"


def test_formulas_have_the_penalty_and_the_mean():
    model = network_for("numbers", alpha=0.7)
    several, one = text_of(model, X, Y["numbers"]), text_of(model, X[:1], [1.0])
    assert "dW2 = (a1^T delta2 + 0.7 W2) / 4" in several
    assert "loss = the mean of losses + 0.7 / 8 * the sum of all W^2" in several
    assert "dW2 = a1^T delta2 + 0.7 W2 " in one
    assert "dW2 = a1^T delta2 / 4" in text_of(network_for("numbers"), X, Y["numbers"])


def test_formulas_name_the_activation_of_each_layer():
    square = Activation(np.square, lambda z: 2 * z)
    text = text_of(network_for("numbers", activation=["leaky_relu", square]), X, Y["numbers"])
    assert "a1 = leaky_relu(z1)" in text
    assert "a2 = phi2(z2)" in text
    assert "delta1 = (delta2 W2^T) * leaky_relu'(z1)" in text


class Huber(SummedHuber):
    def link(self, raw_predictions):
        return raw_predictions


def test_another_loss_is_not_said_to_have_the_derivative_p_minus_y():
    model = InitMLPRegressor(1, init="zeros", loss=Huber())
    near = trace(model, [[1.0]], [0.5])
    far = trace(model, [[1.0]], [5.0])
    assert [near["loss"], near["delta2"].item()] == [0.125, -0.5]
    assert [far["loss"], far["delta2"].item()] == [4.5, -1.0]
    assert "delta2 = d losses / d z2 = p - y" in near.text
    assert "p - y" not in far.text
    assert "losses = Huber(z2, y)" in far.text


def test_large_arrays_are_shortened_in_print_only():
    found = trace(network_for("numbers", sizes=100), X, Y["numbers"])
    assert "..." in found.text
    assert len(found.text.splitlines()) < 200
    assert found["W1"].shape == (2, 100)


def test_the_network_of_the_tutorials_is_printed_without_gaps():
    model = InitMLPClassifier(random_state=3)
    assert "..." not in text_of(model, X[:1], [1], classes=[0, 1])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([[0.5, -1.25]], "[[ 0.5000 -1.2500]]"),
        ([[10.0, -1e-9]], "[[10.0000  0.0000]]"),
        ([[0.0, 0.0]], "[[0.0000 0.0000]]"),
        ([[2e-5, -0.00012]], "[[ 2.000e-05 -1.200e-04]]"),
        ([[3e7, 1.0]], "[[ 3.000e+07  1.000e+00]]"),
        ([[np.inf, 1.0]], "[[   inf 1.0000]]"),
        ([[np.nan]], "[[nan]]"),
        (0.25, "0.2500"),
    ],
)
def test_numbers_have_four_decimals_unless_these_would_be_zeros_or_too_long(values, text):
    assert format_array(np.array(values)) == text


def test_repr_is_one_line_with_both_losses():
    model = chain(InitMLPRegressor(activation="tanh", learning_rate=0.5), 0.0, 0.0, 0.0, 0.0)
    assert repr(trace(model, [[2.0]], [1.0])) == (
        "<Trace of a 1-1-1 network, Tanh(), SquaredError, 1 sample: loss 0.5000, "
        "0.1250 after the update>"
    )


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'delta1'"):
        trace(network_for("numbers"), X, Y["numbers"])["delt1"]


def test_to_frame_has_a_row_for_each_number():
    found = trace(network_for("numbers"), X, Y["numbers"])
    frame = found.to_frame()
    assert list(frame.columns) == ["part", "name", "row", "column", "value"]
    assert len(frame) == sum(step.values.size for step in found.steps)
    W1 = frame[frame.name == "W1"].pivot(index="row", columns="column", values="value")
    assert_array_equal(W1, found["W1"])
    assert list(dict.fromkeys(frame.part)) == ["forward", "backward", "update"]
