"""ONNX graphs, run by onnxruntime: their outputs are the predictions of the models."""

import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor

from skinit import Activation, InitMLPClassifier, InitMLPRegressor, from_sklearn, to_onnx
from skinit.activations import ACTIVATIONS, ELU, BaseActivation, LeakyReLU, Tanh

# Skipped where no version of them can be installed.
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# Models are trained for a few iterations only.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Rounding errors of a few layers, relative to predictions around 1.
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}

X = np.random.RandomState(0).normal(scale=3.0, size=(60, 3))

LABELS = {
    "two strings": np.where(X[:, 0] > 0, "yes", "no"),
    "three strings": np.array(["a", "bc", "déf"])[np.arange(60) % 3],
    "objects": np.array(["a", "b"], dtype=object)[np.arange(60) % 2],
    "integers": np.arange(60, dtype=np.int8) % 4 - 1,
    "booleans": X[:, 0] > 0,
    "floats": np.where(X[:, 0] > 0, 1.0, -1.0),
    "several labels": (X > 0).astype(int),
}


def run(model, X):
    """Run a model in onnxruntime, and return its outputs by name."""
    options = {"providers": ["CPUExecutionProvider"]}
    session = onnxruntime.InferenceSession(model.SerializeToString(), **options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_the_same_value_in_onnx(name, dtype):
    samples = X.astype(dtype)
    model = InitMLPRegressor((8, 5), activation=name, max_iter=3, random_state=0)
    model.fit(samples, X[:, 0] - X[:, 1])
    found = run(to_onnx(model), samples)["variable"]
    assert found.dtype == dtype
    # onnxruntime computes erf in float32 only.
    tolerance = 1e-6 if name == "gelu" and dtype is np.float64 else TOLERANCE[dtype]
    assert_allclose(found[:, 0], model.predict(samples), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "activation", [LeakyReLU(0.3), LeakyReLU(-0.5), LeakyReLU(2.0), ELU(2.5), ["sin", ELU(0.1)]]
)
def test_settings_of_activations_and_sequences_of_them_are_written(activation):
    model = InitMLPRegressor((8, 5), activation=activation, max_iter=3, random_state=0)
    model.fit(X, X[:, 0] - X[:, 1])
    found = run(to_onnx(model), X)["variable"]
    assert_allclose(found[:, 0], model.predict(X), rtol=1e-12, atol=1e-12)


def test_the_activation_and_loss_of_the_fit_are_written():
    model = InitMLPRegressor((8, 5), activation="elu", max_iter=3, random_state=0)
    predicted = model.fit(X, X[:, 0] - X[:, 1]).predict(X)
    found = run(to_onnx(model.set_params(activation="relu", loss="poisson")), X)["variable"]
    assert_allclose(found[:, 0], predicted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("labels", LABELS)
def test_a_classifier_has_labels_and_probabilities(labels, dtype):
    samples, y = X.astype(dtype), LABELS[labels]
    model = InitMLPClassifier(max_iter=20, random_state=0).fit(samples, y)
    outputs = run(to_onnx(model), samples)
    assert list(outputs) == ["label", "probabilities"]
    assert_array_equal(outputs["label"], model.predict(samples))
    assert outputs["probabilities"].dtype == dtype
    tolerance = TOLERANCE[dtype]
    expected = model.predict_proba(samples)
    assert_allclose(outputs["probabilities"], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("sizes", [(), (4,), (6, 5, 4)])
def test_a_regressor_has_one_column_for_each_target(sizes):
    model = InitMLPRegressor(sizes, max_iter=5, random_state=0)
    for y in (X[:, 0], X[:, :1], X[:, :2]):
        found = run(to_onnx(model.fit(X, y)), X)["variable"]
        assert found.shape == (60, model.n_outputs_)
        assert_allclose(found, model.predict(X).reshape(60, -1), rtol=1e-12, atol=1e-12)


def test_a_poisson_regressor_predicts_by_an_exponential():
    settings = {"init": "lecun", "max_iter": 5, "random_state": 0}
    model = InitMLPRegressor((4,), loss="poisson", learning_rate=1e-3, **settings)
    model.fit(X, np.floor(np.abs(X[:, 0])))
    assert 0.1 < np.median(model.predict(X)) < 10  # neither overflow nor underflow
    assert_allclose(run(to_onnx(model), X)["variable"][:, 0], model.predict(X), rtol=1e-12)


def test_a_graph_accepts_any_number_of_samples():
    model = to_onnx(InitMLPRegressor(max_iter=2).fit(X, X[:, 0]))
    assert [len(run(model, X[:n])["variable"]) for n in (1, 7, 60)] == [1, 7, 60]


def test_probabilities_of_huge_raw_predictions_are_finite():
    model = InitMLPClassifier((), max_iter=1, learning_rate=1e-9).fit(X, np.arange(60) % 3)
    model.coefs_[0] *= 1e6
    found = run(to_onnx(model), X)["probabilities"]
    assert_allclose(found, model.predict_proba(X), atol=1e-12)


def test_the_file_holds_the_model(tmp_path):
    model = to_onnx(InitMLPRegressor(max_iter=2).fit(X, X[:, 0]), tmp_path / "model.onnx")
    assert onnx.load(tmp_path / "model.onnx") == model


def test_scikit_learns_mlp_is_written_after_from_sklearn():
    mlp = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(X, X[:, 0])
    found = run(to_onnx(from_sklearn(mlp)), X)["variable"]
    assert_allclose(found[:, 0], mlp.predict(X), rtol=1e-12, atol=1e-12)
    with pytest.raises(TypeError, match="from_sklearn"):
        to_onnx(mlp)


class Cubed(BaseActivation):
    """A custom activation that defines its operators."""

    def value(self, z):
        return z**3

    def slope(self, z):
        return 3 * z**2

    def onnx(self, graph, z):
        return graph("Pow", z, 3.0)


class Doubled(Tanh):
    """Inherits operators that do not compute its value."""

    def value(self, z):
        return 2 * np.tanh(z)


def test_a_custom_activation_can_define_its_operators():
    model = InitMLPRegressor((4,), activation=Cubed(), learning_rate=1e-9, max_iter=2)
    model.fit(X, X[:, 0])
    assert_allclose(run(to_onnx(model), X)["variable"][:, 0], model.predict(X), rtol=1e-10)


@pytest.mark.parametrize("activation", [Activation(np.square, lambda z: 2 * z), Doubled()])
def test_a_custom_activation_without_operators_is_refused_with_what_to_define(activation):
    model = InitMLPRegressor((4,), activation=activation, learning_rate=1e-9, max_iter=2)
    with pytest.raises(ValueError, match=re.escape("that has a function onnx(graph, z)")):
        to_onnx(model.fit(X, X[:, 0]))


def test_labels_of_a_type_that_onnx_lacks_are_refused():
    y = np.array([1, None], dtype=object)[np.arange(60) % 2]
    model = InitMLPClassifier(max_iter=2).fit(X, np.arange(60) % 2)
    model.classes_ = y[:2]
    with pytest.raises(TypeError, match=re.escape("[1, None] are of dtype object")):
        to_onnx(model)


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        to_onnx(InitMLPRegressor())


def test_without_onnx_the_extra_is_named(monkeypatch):
    model = InitMLPRegressor(max_iter=2).fit(X, X[:, 0])
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=re.escape("(the extra skinit[onnx]): pip install onnx")):
        to_onnx(model)
