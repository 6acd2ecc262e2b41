"""What holds for any network on any data: properties, tried on examples that hypothesis draws."""

import pickle
import warnings
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from drawn_problems import SETTLED_LOSSES, plan_of, problem
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning

from skinit import InitMLPClassifier, InitMLPRegressor
from skinit.activations import ACTIVATIONS
from skinit.core import Network, Problem, forward, layer_views, loss_and_gradient
from skinit.solvers import SOLVERS
from skinit.training import CompiledGradient

# The same examples in every run, on every machine.
examples = settings(max_examples=100, derandomize=True, deadline=None, database=None)

STEPPING = tuple(name for name, solver in SOLVERS.items() if solver.takes_steps)
LABELS = np.array(["ant", "bee", "cat", "dog"])


# --- Networks, and their gradients --------------------------------------------------------------


@st.composite
def networks(draw):
    """Draw a network of up to three hidden layers, which need not have the same activation."""
    hidden = draw(st.lists(st.integers(1, 5), max_size=3))
    activations = [ACTIVATIONS[draw(st.sampled_from(list(ACTIVATIONS)))] for _ in hidden]
    loss = SETTLED_LOSSES[draw(st.sampled_from(list(SETTLED_LOSSES)))]
    n_outputs = draw(st.integers(2 if loss.link_name == "softmax" else 1, 4))
    return Network((4, *hidden, n_outputs), tuple(activations), loss)


@st.composite
def learning_problems(draw):
    """Draw a network with a start, data and a penalty."""
    network = draw(networks())
    start, data = problem(network, n_samples=draw(st.integers(1, 12)), weighted=draw(st.booleans()))
    if draw(st.booleans()):
        data = replace(data, X=csr_array(data.X * (data.X > 0)))
    return network, start, data, draw(st.sampled_from([0.0, 0.1, 3.0]))


@examples
@given(learning_problems())
def test_gradients_are_right_on_the_page_and_on_the_tape(numerical_gradient, drawn):
    network, start, data, alpha = drawn

    def pieces(parameters):
        # Activations have their kinks at 0, and losses where an error is -1, 0 or 1.
        _, (*hidden, scores) = forward(network, layer_views(network, parameters), data.X)
        return [*(z > 0 for z in hidden), np.floor(scores - data.targets)]

    def loss(parameters):
        # Across a kink, differences are no derivative.
        assume(all(map(np.array_equal, pieces(parameters), pieces(start))))
        return loss_and_gradient(network, parameters, data, alpha)[0]

    h = 1e-5
    expected = numerical_gradient(loss, start, h)
    # The differences multiply the rounding of a loss, some hundred operations, by 1.5 / h.
    atol = 1.5 / h * 100 * np.finfo(float).eps * max(1.0, loss(start))
    plan = plan_of(1, alpha=alpha)
    with closing(CompiledGradient(Problem(network, data, plan), start)) as compiled:
        for own_loss, gradient in (
            loss_and_gradient(network, start, data, alpha),
            compiled.loss_and_gradient(start),
        ):
            assert_allclose(gradient, expected, rtol=0, atol=atol)
            assert_allclose(own_loss, loss(start), rtol=1e-12)


# --- Estimators, and their fits -----------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """An estimator, and what it is to be fitted to."""

    model: object
    X: object
    y: np.ndarray
    sample_weight: np.ndarray | None

    def fitted(self, order=slice(None)):
        """Return a fitted clone; to the samples in some order."""
        return self.call(clone(self.model).fit, order)

    def call(self, fit, order=slice(None), **more):
        weight = None if self.sample_weight is None else self.sample_weight[order]
        with warnings.catch_warnings():
            # Few steps on few samples of noise need not lead anywhere.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return fit(self.X[order], self.y[order], weight, **more)


CLASSIFICATION = ("classes", "labels")
TASKS = (*CLASSIFICATION, "values")


def targets_of(draw, task, n_samples, rng):
    """Draw classes with names, labels that may come together, or values."""
    if task == "classes":
        n_classes = draw(st.integers(2, 4))
        return LABELS[rng.permutation(np.arange(n_samples) % n_classes)]
    width = draw(st.integers(1, 2)) if task == "values" else draw(st.integers(2, 3))
    values = rng.normal(size=(n_samples, width))
    return values.squeeze() if task == "values" else (values > 0).astype(int)


@st.composite
def estimators(draw, tasks=TASKS, solvers=tuple(SOLVERS), dtypes=("f4", "f8"), minibatches=True):
    """Draw an estimator with its settings, samples and, for some, weights."""
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    n_samples = draw(st.integers(8, 30))
    task, solver = draw(st.sampled_from(tasks)), draw(st.sampled_from(solvers))
    X = rng.normal(size=(n_samples, draw(st.integers(1, 4)))).astype(draw(st.sampled_from(dtypes)))
    X = csr_array(X * (X > 0)) if draw(st.booleans()) else X
    cuts = minibatches and SOLVERS[solver].takes_minibatches
    Estimator = InitMLPRegressor if task == "values" else InitMLPClassifier
    losses = ["auto", "huber", "absolute_error"] if task == "values" else ["auto"]
    model = Estimator(
        tuple(draw(st.lists(st.integers(1, 6), max_size=3))),
        activation=draw(st.sampled_from(list(ACTIVATIONS))),
        init=draw(st.sampled_from(["he", "glorot", "lecun", "scikit_learn"])),
        loss=draw(st.sampled_from(losses)),
        solver=solver,
        learning_rate=draw(st.sampled_from([0.001, 0.01])),
        alpha=draw(st.sampled_from([0.0, 0.1, 1.0])),
        batch_size=draw(st.integers(1, 40)) if cuts else None,
        max_iter=draw(st.integers(1, 5)),
        random_state=draw(st.integers(0, 100)),
    )
    y = targets_of(draw, task, n_samples, rng)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], n_samples) if draw(st.booleans()) else None
    if weights is not None:
        weights[0] = 1.0
    return Drawn(model, X, y, weights)


def arrays_of(model):
    return [*model.coefs_, *model.intercepts_, model.loss_curve_]


def assert_same_bits(model, other):
    for array, expected in zip(arrays_of(model), arrays_of(other), strict=True):
        assert_array_equal(array, expected, strict=True)
    assert (model.loss_, model.best_loss_, model.n_iter_) == (
        other.loss_, other.best_loss_, other.n_iter_,
    )  # fmt: skip


@examples
@given(estimators())
def test_losses_are_finite_and_all_is_of_the_dtype_of_the_data(drawn):
    model = drawn.fitted()
    assert np.isfinite([*model.loss_curve_, model.loss_, model.best_loss_]).all()
    assert len(model.loss_curve_) == model.n_iter_ <= drawn.model.max_iter
    assert {array.dtype for array in [*model.coefs_, *model.intercepts_]} == {drawn.X.dtype}


@examples
@given(estimators(tasks=CLASSIFICATION))
def test_predictions_are_among_the_classes_and_the_most_probable(drawn):
    model = drawn.fitted()
    predicted, probabilities = model.predict(drawn.X), model.predict_proba(drawn.X)
    if drawn.y.ndim == 2:
        assert predicted.shape == drawn.y.shape
        assert_array_equal(predicted, probabilities > 0.5)
    else:
        assert_array_equal(model.classes_, np.unique(drawn.y))
        codes = np.searchsorted(model.classes_, predicted)
        assert_array_equal(model.classes_[codes], predicted)
        chosen = probabilities[np.arange(len(codes)), codes]
        assert_array_equal(chosen, probabilities.max(axis=1))


@examples
@given(estimators(tasks=CLASSIFICATION), st.sampled_from([1.0, 1e3, 1e6]))
def test_probabilities_sum_to_one(drawn, scale):
    """However sure the model is of samples that are far away."""
    model = drawn.fitted()
    far = (drawn.X * scale).astype(drawn.X.dtype)
    probabilities, logarithms = model.predict_proba(far), model.predict_log_proba(far)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    eps = np.finfo(drawn.X.dtype).eps
    if drawn.y.ndim == 1:
        # Each of them is rounded, and so is each sum.
        assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=2 * len(model.classes_) * eps)
    assert_allclose(np.exp(logarithms), probabilities, rtol=0, atol=4 * eps)


@examples
@given(estimators(solvers=STEPPING, minibatches=False, dtypes=["f8"]), st.integers(0, 1000))
def test_the_order_of_the_samples_is_nothing_to_a_full_batch(drawn, seed):
    """But for "lbfgs", which divides by differences of gradients: their digits cancel."""
    n_samples = len(drawn.y)
    order = np.random.RandomState(seed).permutation(n_samples)
    model, other = drawn.fitted(), drawn.fitted(order)
    # In each iteration, sums in another order differ by as many roundings as they have terms, and
    # a network of a few small layers makes ten times that of it at most.
    tolerance = 10 * model.n_iter_ * n_samples * np.finfo(float).eps
    for array, expected in zip(arrays_of(other), arrays_of(model), strict=True):
        assert_allclose(array, expected, rtol=tolerance, atol=tolerance)


@examples
@given(estimators())
def test_a_pickled_model_is_the_same_model(drawn):
    model = drawn.fitted()
    copy = pickle.loads(pickle.dumps(model))
    assert repr(copy) == repr(model)
    assert_same_bits(copy, model)
    assert_array_equal(copy.predict(drawn.X), model.predict(drawn.X), strict=True)
    if model.solver in STEPPING:
        drawn.call(model.partial_fit)
        assert_same_bits(drawn.call(copy.partial_fit), model)


@examples
@given(estimators(solvers=STEPPING))
def test_so_many_partial_fits_are_a_fit_of_so_many_iterations(drawn):
    parts = clone(drawn.model)
    classes = {"classes": np.unique(drawn.y)} if is_classifier(parts) else {}
    for _ in range(drawn.model.max_iter):
        drawn.call(parts.partial_fit, **classes)
        classes = {}
    assert_same_bits(parts, drawn.fitted())
