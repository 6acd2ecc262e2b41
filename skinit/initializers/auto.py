r"""`Auto`, an initializer for plain networks of any depth, shape and activation.

Independent random weights lose the signal or the gradient with depth; a chain of orthogonal
matrices keeps both. So `Auto` finds the operating point at which each activation is closest to
linear, if needed as mirrored pairs of units, and connects the layers by orthogonal matrices that
keep the principal directions of the data through narrow layers.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skinit._support import Array, check_number
from skinit.core import TrainingData
from skinit.initializers.auto_description import describe_auto
from skinit.initializers.base import Initializer
from skinit.initializers.layer import Layer
from skinit.initializers.linear_regime import OperatingPoint, has_flat_ends, operating_points
from skinit.initializers.mirrored import mirror_pairs, n_inputs_of_pairs
from skinit.initializers.signal import (
    arriving_signal,
    is_mirrored,
    n_signals,
    principal_directions,
    subsampled,
)
from skinit.initializers.structured import semi_orthogonal

__all__ = ["Auto"]

# Without data, this many standard normal samples are used in their place.
N_SYNTHETIC = 1000

# Features with a root mean square above UNSCALED give the first layer gradients that would
# overwrite its weights at once. Where the activation saturates, a signal of size SATURATED
# suppresses these gradients.
UNSCALED = 10.0
SATURATED = 10.0

# Key of the memo under which a layer keeps its operating point for the next layer.
DRAWN_AT = "operating point of auto"


class Auto(Initializer):
    r"""Makes a plain network linear at initialization: any activation, any depth, any widths.

    A matrix of weights is a product of three, :math:`W = R \, V \, Q`:

    - R reads the signal from the layer before. In the first layer it divides each feature by its
      standard deviation. After an odd activation it divides by its slope; after any other one
      it takes the differences of mirrored pairs of units (see `Mirrored`).
    - V keeps the principal directions of the signal, as many as the layer can carry.
    - Q is a random orthogonal matrix, to as many units or pairs as there are.

    The signal has the size, and the units have the bias, at which the activation stays nearly
    linear through all layers (see `skinit.initializers.linear_regime`). Biases center the signal
    and spread the thresholds of the units over the data. The outputs are small deviations from the
    best constant prediction.

    Parameters
    ----------
    output_size : float, default=0.3
        Root mean square of the raw predictions around the best constant. If the targets of a
        regression have a standard deviation below 1, it is multiplied by that.
    tolerance : float, default=0.5
        Largest change of the logarithm of the mean square gradient through all hidden layers
        together.
    spread : float, default=0.5
        Standard deviation of the thresholds, in units of that of the signal.

    Notes
    -----
    Without data, as in `initialize_parameters`, features are assumed to be standard normal. If
    features have a root mean square above 10 and the activation saturates on both sides, the units
    of the first layer are saturated: the gradients of its weights, which are as large as the
    features, would otherwise overwrite them.

    References
    ----------
    A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", ICLR 2014 (orthogonal weights).
    D. Balduzzi et al., "The shattered gradients problem", ICML 2017 (pairs of ReLU).
    J. Pennington, S. Schoenholz and S. Ganguli, "Resurrecting the sigmoid in deep learning through
    dynamical isometry", NeurIPS 2017 (small signals and orthogonal weights).

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_moons
    >>> X_train, y_train, X_test, y_test = load_moons()
    >>> model = InitMLPClassifier(
    ...     (16,) * 40, init="auto", activation="gelu", solver="adam", max_iter=50, random_state=0
    ... )
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    >>> print(model.init_resolved_[1])
    Auto(): 16 units as 8 mirrored pairs; orthogonal on 8 mirrored pairs; signal RMS 1
    """

    formula = "W = standardize or take pair differences, keep principal directions, Q orthogonal"
    advice = (
        "any activation (ReLU, tanh, logistic, your own), any depth and widths; above all deep "
        "networks, or when in doubt"
    )
    cost = "a few forward passes, a QR decomposition per layer, eigenvectors where it narrows"

    def __init__(
        self, output_size: float = 0.3, tolerance: float = 0.5, spread: float = 0.5
    ) -> None:
        self.output_size = output_size
        self.tolerance = tolerance
        self.spread = spread

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        check_number(self.output_size, "output_size", low=0)
        check_number(self.tolerance, "tolerance", above=0)
        check_number(self.spread, "spread", low=0)
        point = point_of(layer, self.tolerance)
        sample = data_or_synthetic(layer, rng)
        signal = arriving_signal(sample, point_before(layer))
        n_out = n_signals(layer.fan_out, point)

        kept = principal_directions(signal, min(signal.width, n_out), rng)
        directions = kept @ semi_orthogonal(rng.normal(size=(n_out, kept.shape[1])).T)
        rms = np.sqrt(np.mean(signal.spread_along(directions) ** 2))
        size = self.signal_size(layer, sample)
        if size is not None and rms > 0:  # constant data have no size to change
            directions *= size / rms
        if is_mirrored(point) and n_inputs_of_pairs(layer.fan_out) > n_out:
            directions = np.hstack([directions, one_more(directions, rng)])
        W = signal.weights(directions)
        b = -signal.mean @ directions
        if point is None:
            return W, b + best_constant(layer)
        b += self.spread * signal.spread_along(directions) * rng.normal(size=b.shape)
        layer.memo[DRAWN_AT, layer.index] = point
        if point.mirrored:
            return mirror_pairs(W, b, point.bias, layer.fan_out)
        return W, b + point.bias

    def signal_size(self, layer: Layer, sample: Layer) -> float | None:
        """Return the size that the signal must have in this layer; None to keep the one it has."""
        if layer.is_output:
            return self.output_size * size_of_targets(layer)
        if is_unscaled(sample):
            return SATURATED
        first = point_before(layer) is None
        return operating_points(layer, self.tolerance)[layer.index].size if first else None

    def explain(self, layer: Layer) -> str:
        point, before = point_of(layer, self.tolerance), point_before(layer)
        saturated = layer.data is not None and is_unscaled(subsampled(layer))
        size = self.output_size if point is None else SATURATED if saturated else point.size
        return f"{self!r}: {describe_auto(layer, point, before, size, saturated)}"


def point_of(layer: Layer, tolerance: float) -> OperatingPoint | None:
    """Return the operating point of a hidden layer; None for the output layer."""
    return None if layer.is_output else operating_points(layer, tolerance)[layer.index]


def point_before(layer: Layer) -> OperatingPoint | None:
    """Return the operating point of the layer before, None unless `Auto` has drawn that one."""
    return layer.memo.get((DRAWN_AT, layer.index - 1))


def is_unscaled(layer: Layer) -> bool:
    """Tell whether features are so large that the first layer should saturate, and can."""
    if layer.index > 0 or layer.activation is None or not has_flat_ends(layer.activation):
        return False
    X = layer.inputs
    square = X.multiply(X).mean() if issparse(X) else np.mean(np.square(X, dtype=np.float64))
    return bool(square > UNSCALED**2)


def data_or_synthetic(layer: Layer, rng: np.random.RandomState) -> Layer:
    """Return the layer with a subsample of its data or, without data, with synthetic samples."""
    if layer.data is not None:
        return subsampled(layer)
    if "synthetic" not in layer.memo:
        X = rng.normal(size=(N_SYNTHETIC, layer.widths[0]))
        targets = np.zeros((N_SYNTHETIC, layer.widths[-1]))
        layer.memo["synthetic"] = TrainingData(X, targets), {}
    data, memo = layer.memo["synthetic"]
    return replace(layer, data=data, memo=memo)


def one_more(directions: Array, rng: np.random.RandomState) -> Array:
    """Draw a direction as long as the others, for a unit without a partner."""
    direction = rng.normal(size=(len(directions), 1))
    length = np.sqrt(np.mean(np.sum(directions**2, axis=0)))
    return length * direction / np.linalg.norm(direction)


def best_constant(layer: Layer) -> Any:
    """Compute the constant raw predictions of the smallest loss; zeros without data."""
    if layer.data is None:
        return np.zeros(layer.fan_out)
    return layer.loss.best_constant(layer.targets, layer.sample_weight)


def size_of_targets(layer: Layer) -> float:
    """Compute the standard deviation of regression targets, at most 1; 1 for classification."""
    if layer.data is None or layer.loss.link_name != "identity":
        return 1.0
    targets, weights = layer.targets.astype(np.float64), layer.sample_weight
    mean = np.average(targets, axis=0, weights=weights)
    variance = np.average((targets - mean) ** 2, axis=0, weights=weights).mean()
    return float(np.clip(np.sqrt(variance), np.finfo(float).tiny, 1.0))
