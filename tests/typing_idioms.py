"""The documented ways to use skinit: `make lint` checks their types, and `test_typing` runs them.

A type checker has to accept every line, as that is what a user's editor shows. Values are checked
elsewhere.
"""

from pathlib import Path

import numpy as np

import skinit
from skinit import (
    Activation,
    Checkpoint,
    InitMLPClassifier,
    InitMLPRegressor,
    Loss,
    WeightSnapshots,
    diagnose,
    diagnose_grid,
    find_learning_rate,
    from_sklearn,
    initialize_parameters,
    load_circles,
    to_sklearn,
    trace,
)
from skinit.activations import GELU
from skinit.comparison import compare_inits
from skinit.displays import (
    ActivationHistogramDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SignalPropagationDisplay,
)
from skinit.drop_in import MLPClassifier
from skinit.initializers import LSUV, Constant, He, Layer, PerLayer, Scaled
from skinit.losses import CrossEntropy, Huber
from skinit.schedules import CosineDecay, ReduceOnPlateau
from skinit.solvers import LBFGS, SGD, Adam

X, y, X_test, y_test = load_circles()
numbers = X.sum(axis=1)


def unit_columns(layer: Layer, rng: np.random.RandomState) -> tuple[np.ndarray, list[float]]:
    """Draw columns of length 1, and biases of 0."""
    W = rng.normal(size=(layer.fan_in, layer.fan_out))
    return W / (W**2).sum(axis=0) ** 0.5, [0.0] * layer.fan_out


def initializers() -> None:
    """Set `init` in every way that is documented."""
    InitMLPClassifier(init="he", max_iter=2).fit(X, y)
    InitMLPClassifier(init=He(gain=0.5), max_iter=2).fit(X, y)
    InitMLPClassifier((10, 5), init=["he", He(), "zeros"], max_iter=2).fit(X, y)
    InitMLPClassifier(init=PerLayer(hidden="he", output="zeros"), max_iter=2).fit(X, y)
    InitMLPClassifier(init=unit_columns, max_iter=2).fit(X, y)
    InitMLPClassifier(
        init=lambda layer, rng: (np.ones((layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)),
        max_iter=2,
    )
    InitMLPClassifier(init=Scaled(base="he", factor=0.5)).set_params(init__factor=2.0)
    InitMLPClassifier(init=Scaled(base=LSUV(), factor=0.5))
    W1: np.ndarray = initialize_parameters([3, 2, 1], init="random", random_state=3)["W1"]
    assert W1.shape == (2, 3)
    initialize_parameters([3, 2, 1], Constant(0.5))


def networks() -> None:
    """Set activations, widths, dropout and losses."""
    InitMLPClassifier(activation="gelu")
    InitMLPClassifier((10, 5), activation=["tanh", GELU()], max_iter=2).fit(X, y)
    squared = Activation(lambda z: z**2, lambda z: 2 * z)
    InitMLPClassifier([10], activation=squared, max_iter=2).fit(X, y)
    InitMLPClassifier((10, 5), dropout=0.2)
    InitMLPClassifier((10, 5), dropout=[0.2, 0.1], random_state=0, max_iter=2).fit(X, y)
    InitMLPClassifier(loss=CrossEntropy(label_smoothing=0.1))
    InitMLPRegressor(loss="huber")
    half = Loss(lambda raw, t: ((raw - t) ** 2).sum(axis=-1) / 2, lambda raw, t: raw - t)
    InitMLPRegressor(loss=half, max_iter=2).fit(X, numbers)
    InitMLPRegressor(loss=Huber(delta=0.5), max_iter=2).fit(X, numbers)


def training() -> None:
    """Set solvers, learning rates, stopping and weights."""
    InitMLPClassifier(solver="adam", learning_rate=0.001, batch_size=50)
    InitMLPClassifier(solver=SGD(momentum=0.9), learning_rate=CosineDecay(0.1, warm_up=5))
    InitMLPClassifier(solver=Adam(weight_decay=0.01), learning_rate=ReduceOnPlateau(0.001))
    InitMLPClassifier(solver=LBFGS(), tol=1e-5, max_iter=5, alpha=1e-4)
    InitMLPClassifier(early_stopping=True, scoring="neg_log_loss", n_iter_no_change=5)
    model = InitMLPClassifier(class_weight="balanced", max_iter=2, random_state=0)
    model.fit(X, y, sample_weight=np.ones(len(y))).partial_fit(X, y)
    stopping = InitMLPClassifier(early_stopping=True, max_iter=3, tol=None)
    stopping.fit(X, y, X_val=X_test, y_val=y_test)


def results() -> None:
    """Read what a fit leaves, and predict."""
    model = InitMLPClassifier(max_iter=5, random_state=3).fit(X, y)
    weights: list[np.ndarray] = model.coefs_
    biases: list[np.ndarray] = model.intercepts_
    before: list[np.ndarray] = model.initial_coefs_
    losses: np.ndarray = model.loss_curve_
    loss: float = model.loss_
    names: list[str] = model.init_resolved_
    n_iter: int = model.n_iter_
    classes: np.ndarray = model.classes_
    probabilities: np.ndarray = model.predict_proba(X)
    labels: np.ndarray = model.predict(X)
    accuracy: float = model.score(X, y)
    print(weights[0].shape, biases[0], before[0], losses[-1], loss, names, n_iter, classes)
    print(probabilities[0], labels[0], accuracy)
    regressor = InitMLPRegressor(max_iter=2).fit(X, numbers)
    predicted: np.ndarray = regressor.predict(X)
    print(predicted[0], regressor.loss_curve_[-1], regressor.coefs_[0])


def studies() -> None:
    """Diagnose, compare, search and trace."""
    model = InitMLPClassifier(max_iter=5, random_state=3)
    diagnosis = diagnose(model, X, y)
    severity: str = diagnosis.severity
    for finding in diagnosis.findings:
        print(severity, finding.severity, finding.message, finding.advice)
    print(diagnosis, diagnose_grid(model, X, y, {"init": ["he", "zeros"]}).diagnoses)
    compared = compare_inits(model, ["zeros", "he"], X, y, X_test, y_test)
    compare_inits(model, {"large": He(gain=2)}, X, y, X_test, y_test, random_states=[0, 1])
    search = find_learning_rate(model, X, y, n_rates=5)
    suggestion: float = search.suggestion
    print(compared, suggestion, trace(model, X[:2], y[:2]))


def pictures() -> None:
    """Draw what was measured."""
    model = InitMLPClassifier(max_iter=5, random_state=3).fit(X, y)
    curve = LossCurveDisplay.from_estimator(model)
    curve.ax_.set_title("loss")
    curve.figure_.clear()
    SignalPropagationDisplay.from_estimator(model, X, y)
    ActivationHistogramDisplay.from_estimator(model, X)
    LearningRateDisplay.from_estimator(model, X, y, n_rates=5)


def other_libraries(folder: Path) -> None:
    """Move models, and watch fits."""
    theirs = MLPClassifier((10,), init="he", max_iter=300, random_state=0)
    MLPClassifier((10,), init=He())
    model = InitMLPClassifier(init="sklearn", solver="adam", max_iter=2).fit(X, y)
    ours = from_sklearn(to_sklearn(model))
    print(theirs, ours, skinit.INITIALIZERS["he"])
    print(WeightSnapshots(every=2), Checkpoint(folder / "fit.joblib", minutes=5))
