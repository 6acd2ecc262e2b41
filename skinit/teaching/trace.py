"""Print one forward and one backward pass through a small network, step by step, with the numbers.

`trace` computes the pass by `skinit.core`, gives each array a name and a formula, and prints it.
"""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from skinit._support import Array, MatrixLike, check_number, data_frame, look_up
from skinit.activations import ACTIVATIONS
from skinit.core import (
    Network,
    TrainingData,
    backward,
    forward,
    layer_views,
    loss_and_gradient,
)
from skinit.estimators import FitOptions, innermost, last_step, prepare
from skinit.losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    MultinomialCrossEntropy,
    Poisson,
    SquaredError,
)

__all__ = ["Trace", "TraceStep", "trace"]


@dataclass(frozen=True)
class TraceStep:
    """One step of a pass.

    Parameters
    ----------
    part : {"forward", "backward", "update"}
    name : str
        Of the array, as in the formulas of later steps.
    formula : str
        How it is computed from earlier steps; empty for what is given.
    values : ndarray
        Of shape (n_samples, n_units) or the shape of the weights, (n_samples,) for the losses of
        the samples and () for their mean.
    """

    part: str
    name: str
    formula: str
    values: Array

    def __str__(self) -> str:
        title = f"{self.name} = {self.formula}" if self.formula else self.name
        shape = self.values.shape or ""
        numbers = format_array(self.values).replace("\n", "\n      ")
        return f"{f'  {title:<64}{shape}'.rstrip()}\n      {numbers}"


@dataclass(frozen=True, repr=False)
class Trace:
    """Outcome of `trace`: the steps of one pass, in the order of computation.

    ``passed["dW1"]`` is the array of one step, and ``print(passed.text)`` prints all steps again.

    Parameters
    ----------
    network : Network
    learning_rate : float
        Of the update.
    steps : tuple of TraceStep
    """

    network: Network
    learning_rate: float
    steps: tuple[TraceStep, ...]

    def __getitem__(self, name: str) -> Array:
        return look_up(name, self.to_dict(), "name")

    def to_dict(self) -> dict[str, Array]:
        """Return the array of each step by its name."""
        return {step.name: step.values for step in self.steps}

    def to_frame(self) -> Any:
        """Return all numbers as a pandas DataFrame, one row for each (extra ``pandas``)."""
        rows = [
            (step.part, step.name, *(*place, 0, 0)[:2], number)
            for step in self.steps
            for place, number in np.ndenumerate(step.values)
        ]
        names = ("part", "name", "row", "column", "value")
        return data_frame(dict(zip(names, zip(*rows, strict=True), strict=True)))

    def __repr__(self) -> str:
        return (
            f"<Trace of {self.title()}: loss {self['loss']:.4f}, "
            f"{self['new loss']:.4f} after the update>"
        )

    @property
    def text(self) -> str:
        """All steps, with formulas and numbers; large arrays are shortened."""
        headings = {
            "forward": "Forward: from the input to the loss",
            "backward": "Backward: the derivatives of the loss, from the last layer to the first",
            "update": f"Update: one step of gradient descent, learning rate {self.learning_rate:g}",
        }
        lines = [self.title()]
        for part, heading in headings.items():
            lines += ["", heading, ""]
            lines += [str(step) for step in self.steps if step.part == part]
        return "\n".join(lines)

    def title(self) -> str:
        """Describe the network and the number of samples."""
        n_samples = len(self["y"])
        widths = "-".join(map(str, self.network.widths))
        hidden = dict.fromkeys(map(str, self.network.activations))
        loss = type(self.network.loss).__name__
        samples = f"{n_samples} sample" + "s" * (n_samples > 1)
        return ", ".join([f"a {widths} network", *hidden, loss, samples])


def trace(
    estimator: Any,
    X: MatrixLike,
    y: MatrixLike,
    *,
    classes: Any = None,
    learning_rate: float | None = None,
    verbose: bool = True,
) -> Trace:
    r"""Print one forward and one backward pass, step by step, with the numbers.

    For a layer l with input a(l-1), weights W and biases b, of n samples:

    .. math::
        z^{(l)} = a^{(l-1)} W^{(l)} + b^{(l)}, \qquad a^{(l)} = \phi(z^{(l)}), \qquad
        \delta^{(l)} = (\delta^{(l+1)} W^{(l+1)\top}) \odot \phi'(z^{(l)}), \qquad
        \partial W^{(l)} = \tfrac{1}{n} a^{(l-1)\top} \delta^{(l)}

    The last part shows the weights after one step of plain gradient descent, and the loss with
    them. The estimator is not changed.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, Pipeline or TransformedTargetRegressor
        A fitted estimator is traced with its weights. Otherwise initial weights are drawn as `fit`
        would draw them; an init that looks at data, and the other steps of a pipeline, are fitted
        to the samples given here.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        One sample or a few; class weights and dropout are left out.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    classes : array-like of shape (n_classes,), default=None
        For a classifier that is not fitted: all classes, where y does not have each of them.
    learning_rate : float, default=None
        Of the step; None is the next learning rate of the estimator.
    verbose : bool, default=True
        Whether to print.

    Returns
    -------
    Trace
        All arrays, by name.

    Raises
    ------
    TypeError
        If `estimator` is something else.
    ValueError
        If the data or a setting cannot be used.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by back-propagating
    errors", Nature 323, 1986.

    Examples
    --------
    >>> from skinit import InitMLPRegressor, trace
    >>> model = InitMLPRegressor(1, activation="tanh", init="ones", learning_rate=0.5)
    >>> passed = trace(model, [[0.0]], [1.0])
    a 1-1-1 network, Tanh(), SquaredError, 1 sample
    ...
    Backward: the derivatives of the loss, from the last layer to the first
    ...
      dW2 = a1^T delta2                                               (1, 1)
          [[0.0000]]
      db2 = delta2                                                    (1, 1)
          [[-1.0000]]
      tanh'(z1)                                                       (1, 1)
          [[1.0000]]
      delta1 = (delta2 W2^T) * tanh'(z1)                              (1, 1)
          [[-1.0000]]
    ...
    >>> passed["delta1"]
    array([[-1.]])
    """
    network, initial, data, alpha, rate = prepare_trace(estimator, X, y, classes)
    if learning_rate is not None:
        check_number(learning_rate, "learning_rate", above=0)
        rate = float(learning_rate)
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is visible in the numbers
        loss, gradient = loss_and_gradient(network, initial, data, alpha)
        updated = initial - rate * gradient
        new_loss, _ = loss_and_gradient(network, updated, data, alpha)
        steps = [
            *forward_steps(network, initial, data, alpha, loss),
            *backward_steps(network, initial, data, alpha, gradient),
            *update_steps(network, updated, rate, new_loss),
        ]
    passed = Trace(network, rate, tuple(steps))
    if verbose:
        print(passed.text)
    return passed


def prepare_trace(
    estimator: Any, X: MatrixLike, y: MatrixLike, classes: Any
) -> tuple[Network, Array, TrainingData, float, float]:
    """Return network, parameters, data, penalty and next learning rate of an estimator."""
    fitted = is_fitted(estimator)
    model, X, y = last_step(estimator, X, y, fitted=fitted)
    if is_classifier(model) and not fitted and classes is None:
        check_classes(y)
    model = copy(model)
    # All samples count, and all the same.
    everything = {"early_stopping": False, "class_weight": None}
    if fitted:
        everything |= model._fitted_with
    model.set_params(**{name: everything[name] for name in everything if hasattr(model, name)})
    rng = model._rng if fitted else check_random_state(model.random_state)
    n_iter = model.n_iter_ if fitted else 0
    options = FitOptions(rng, fitted, n_iter, partial=True, classes=classes)
    prepared = prepare(model, X, y, None, options)
    data, plan = prepared.data, prepared.plan
    if issparse(data.X):
        data = replace(data, X=data.X.toarray())
    [rate] = plan.rates([n_iter])
    return prepared.network, prepared.parameters, data, plan.alpha, rate


def is_fitted(estimator: Any) -> bool:
    """Return whether the network of an estimator or a pipeline is fitted."""
    try:
        return hasattr(innermost(estimator, fitted=True), "coefs_")
    except NotFittedError:
        return False


def check_classes(y: Any) -> None:
    """Raise an error if y has a single class, so that the number of outputs is unknown."""
    labels = np.unique(y).tolist()
    if np.ndim(y) == 1 and len(labels) == 1:
        raise ValueError(
            f"y has one class only ({labels[0]!r}), and the number of outputs of a network depends "
            "on all classes; give them, for example classes=[0, 1], or a fitted model"
        )


def forward_steps(
    network: Network, parameters: Array, data: TrainingData, alpha: float, loss: float
) -> list[TraceStep]:
    """List the steps from the input to the loss."""
    layers = layer_views(network, parameters)
    signals, pre_activations = forward(network, layers, data.X)
    raw_predictions, n_samples = signals[-1], len(data.targets)
    steps = [("a0", "X", signals[0].copy())]  # X may be the user's own array
    for number, (W, b) in enumerate(layers, 1):
        z = f"z{number}"
        steps += [(f"W{number}", "", W), (f"b{number}", "", b)]
        steps += [(z, f"a{number - 1} W{number} + b{number}", pre_activations[number - 1])]
        if number < len(layers):
            steps += [(f"a{number}", f"{symbol(network, number)}({z})", signals[number])]
    link = network.loss.link_name
    steps += [
        ("p", z if link == "identity" else f"{link}({z})", network.loss.link(raw_predictions)),
        ("y", "", data.targets.copy()),
        ("losses", loss_formula(network), network.loss.per_sample(raw_predictions, data.targets)),
    ]
    penalty = f" + {alpha:g} / {2 * n_samples} * the sum of all W^2" if alpha else ""
    steps += [("loss", f"the mean of losses{penalty}", np.asarray(loss))]
    return [TraceStep("forward", *step) for step in steps]


def backward_steps(
    network: Network, parameters: Array, data: TrainingData, alpha: float, gradient: Array
) -> list[TraceStep]:
    """List the steps from the loss back to the first layer."""
    layers, n_samples = layer_views(network, parameters), len(data.targets)
    # As a stack of one network per sample: the gradient of its biases is the delta of the sample.
    X, targets = data.X[:, np.newaxis], data.targets[:, np.newaxis]
    signals, pre_activations = forward(network, layers, X)
    by_raw_predictions = network.loss.gradient(signals[-1], targets)
    of_each = backward(network, layers, signals, pre_activations, by_raw_predictions)
    # Many pairs of link and loss have the derivative p - y. Others may have it for some samples.
    is_residual = np.allclose(
        by_raw_predictions, network.loss.link(signals[-1]) - targets, rtol=1e-5
    )

    steps = []
    formula = f"d losses / d z{len(layers)}" + " = p - y" * is_residual
    for number, (dW, db) in reversed(list(enumerate(layer_views(network, gradient), 1))):
        delta, (_, deltas) = f"delta{number}", of_each[number - 1]
        product, total = f"a{number - 1}^T {delta}", delta
        if alpha:
            product += f" + {alpha:g} W{number}"
        if n_samples > 1:
            product = f"({product}) / {n_samples}" if alpha else f"{product} / {n_samples}"
            total = f"the sum of the rows of {delta} / {n_samples}"
        steps += [(delta, formula, deltas[:, 0])]
        steps += [(f"dW{number}", product, dW), (f"db{number}", total, db)]
        if number > 1:
            activation, z = network.activations[number - 2], pre_activations[number - 2][:, 0]
            slope = f"{symbol(network, number - 1)}'(z{number - 1})"
            steps += [(slope, "", activation.slope(z))]
            formula = f"({delta} W{number}^T) * {slope}"
    return [TraceStep("backward", *step) for step in steps]


def update_steps(network: Network, parameters: Array, rate: float, loss: float) -> list[TraceStep]:
    """List the weights and biases after a step of gradient descent, and the loss with them."""
    steps = []
    for number, (W, b) in enumerate(layer_views(network, parameters), 1):
        for name, values in ((f"W{number}", W), (f"b{number}", b)):
            steps += [(f"new {name}", f"{name} - {rate:g} d{name}", values)]
    steps += [("new loss", "the loss with the new weights and biases", np.asarray(loss))]
    return [TraceStep("update", *step) for step in steps]


def symbol(network: Network, number: int) -> str:
    """Return the name of the activation of a layer in formulas; layers are numbered from 1."""
    for name, activation in ACTIVATIONS.items():
        if type(activation) is type(network.activations[number - 1]):
            return name
    return f"phi{number}"


LOSS_FORMULAS = {
    BinaryCrossEntropy: "-y log(p) - (1 - y) log(1 - p)",
    MultinomialCrossEntropy: "-y log(p)",
    SquaredError: "(p - y)^2 / 2",
    AbsoluteError: "|p - y|",
    Poisson: "p - y + y log(y / p)",
}


def loss_formula(network: Network) -> str:
    """Return the formula of the loss of a sample."""
    loss = type(network.loss)
    formula = LOSS_FORMULAS.get(loss, f"{loss.__name__}(z{network.n_layers}, y)")
    sums = loss in LOSS_FORMULAS and network.widths[-1] > 1
    return f"the sum over the outputs of {formula}" if sums else formula


def format_array(values: Array) -> str:
    """Format an array with four decimals, or in scientific notation; large ones are shortened."""
    largest = np.abs(values[np.isfinite(values)]).max(initial=0)
    style: dict[str, Any] = {"floatmode": "fixed", "precision": 4, "suppress_small": True}
    if largest and not 1e-3 <= largest < 1e6:
        style = {"formatter": {"float_kind": "{: .3e}".format}}
    else:
        values = values.round(4) + 0.0  # turns -0.0 into 0.0
    return np.array2string(values, max_line_width=84, threshold=80, **style)
