"""The signal that arrives at a layer: its mean, its spread and its principal directions.

`subsampled` limits how many samples data-dependent initializers measure; `Signal` is what `Auto`
measures of them, from features or from the units of the layer before.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import issparse
from sklearn.utils.extmath import svd_flip
from sklearn.utils.sparsefuncs import mean_variance_axis

from skinit._support import Array
from skinit.initializers.layer import Layer
from skinit.initializers.linear_regime import OperatingPoint
from skinit.initializers.mirrored import n_outputs_of_pairs, pair_differences
from skinit.initializers.structured import semi_orthogonal

__all__ = [
    "MOST_SAMPLES",
    "Signal",
    "arriving_signal",
    "is_mirrored",
    "n_signals",
    "principal_directions",
    "subsampled",
    "subset_of_samples",
]

# The standard error of a standard deviation is 0.7% with this many samples: more would not help.
MOST_SAMPLES = 10_000
# Principal directions need fewer.
MOST_SAMPLES_OF_COVARIANCE = 2000
# With more directions than this, an eigendecomposition would take too long.
MOST_DIRECTIONS = 1000


def subsampled(layer: Layer) -> Layer:
    """Limit the data of a layer to `MOST_SAMPLES` samples.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    Layer
        Its `inputs`, `targets` and `sample_weight` are those of the chosen samples.
    """
    n_samples = len(layer.targets)
    if n_samples <= MOST_SAMPLES:
        return layer
    if "subsample" not in layer.memo:
        layer.memo["subsample"] = layer.data.rows(subset_of_samples(n_samples)), {}
    data, memo = layer.memo["subsample"]
    return replace(layer, data=data, memo=memo)


def subset_of_samples(n_samples: int, most: int = MOST_SAMPLES) -> Array:
    """Choose at most so many samples: at random, as data may be periodic, but always the same ones.

    The initializer's own generator is not used, so that it draws the same numbers for data of any
    size.
    """
    if n_samples <= most:
        return np.arange(n_samples)
    fixed_rng = np.random.RandomState(0)
    return np.sort(fixed_rng.permutation(n_samples)[:most])


@dataclass(frozen=True)
class Signal:
    """Samples of the signal that arrives at a layer, in coordinates that suit orthogonal weights.

    Parameters
    ----------
    values : {ndarray, sparse matrix} of shape (n_samples, n_directions)
        Not centered.
    mean : ndarray of shape (n_directions,)
    sample_weight : ndarray of shape (n_samples,) or None
    weights : callable
        Turns directions of the signal, of shape (n_directions, n), into weights of the layer, of
        shape (fan_in, n).
    """

    values: Any
    mean: Array
    sample_weight: Array | None
    weights: Callable[[Array], Array]

    @property
    def width(self) -> int:
        """Number of directions."""
        return self.values.shape[1]

    def spread_along(self, directions: Array) -> Array:
        """Compute the standard deviation of the signal along each of the directions."""
        along = self.values @ directions - self.mean @ directions
        spread = np.sqrt(np.average(along**2, axis=0, weights=self.sample_weight))
        # A constant signal has a spread of rounding errors; it counts as 0.
        rounding = 1e-10 * (abs(self.mean) @ abs(directions))
        return np.where(spread > rounding, spread, 0.0)

    def covariance(self) -> Array:
        """Compute the covariance of the signal, of shape (n_directions, n_directions)."""
        subset = subset_of_samples(self.values.shape[0], MOST_SAMPLES_OF_COVARIANCE)
        values = self.values[subset].toarray() if issparse(self.values) else self.values[subset]
        centered = values - self.mean
        if self.sample_weight is None:
            return centered.T @ centered / len(centered)
        weight = self.sample_weight[subset].astype(np.float64)
        return (centered.T * weight) @ centered / weight.sum()


def arriving_signal(layer: Layer, before: OperatingPoint | None) -> Signal:
    """Measure the signal that arrives at a layer.

    Parameters
    ----------
    layer : Layer
    before : OperatingPoint or None
        That of the layer before; None if the inputs are to be standardized one by one, as features
        are, and units that another initializer has drawn.

    Returns
    -------
    Signal
    """
    if before is None:
        return standardized(layer.inputs, layer.sample_weight)
    slope, mirrored, fan_in = before.slope, before.mirrored, layer.fan_in

    def weights(directions: Array) -> Array:
        return (pair_differences(directions, fan_in) if mirrored else directions) / slope

    values = layer.inputs.astype(np.float64) @ weights(np.eye(n_signals(fan_in, before)))
    mean = np.average(values, axis=0, weights=layer.sample_weight)
    return Signal(values, mean, layer.sample_weight, weights)


def standardized(X: Any, sample_weight: Array | None) -> Signal:
    """Divide features by their standard deviations, but for constant ones."""
    if issparse(X):
        mean, variance = mean_variance_axis(X.astype(np.float64), axis=0, weights=sample_weight)
    else:
        X = X.astype(np.float64)
        mean = np.average(X, axis=0, weights=sample_weight)
        variance = np.average((X - mean) ** 2, axis=0, weights=sample_weight)
    # A constant feature has a variance of rounding errors; it counts as 0.
    std = np.sqrt(np.where(variance > 1e-20 * mean**2, variance, 0.0))
    std[std == 0] = 1.0
    values = X.multiply(1 / std).tocsr() if issparse(X) else X / std
    return Signal(values, mean / std, sample_weight, lambda directions: directions / std[:, None])


def is_mirrored(point: OperatingPoint | None) -> bool:
    """Tell whether units form mirrored pairs."""
    return point is not None and point.mirrored


def n_signals(n_units: int, point: OperatingPoint | None) -> int:
    """Count the signals that leave a layer: one for each unit, or for each pair."""
    return n_outputs_of_pairs(n_units) if is_mirrored(point) else n_units


def principal_directions(signal: Signal, n_directions: int, rng: np.random.RandomState) -> Array:
    """Return the directions in which a signal varies most, of shape (signal.width, n_directions).

    If there are as many as the signal has, they are those of the coordinates. Directions without
    any variance are replaced by random ones.
    """
    width = signal.width
    if n_directions == width:
        return np.eye(width)
    random = semi_orthogonal(rng.normal(size=(n_directions, width)).T)
    if width > MOST_DIRECTIONS:
        return random
    largest = [width - n_directions, width - 1]
    variances, vectors = eigh(signal.covariance(), subset_by_index=largest)
    principal = vectors[:, variances > 1e-10 * variances[-1]][:, ::-1]
    # The sign of an eigenvector is arbitrary: fix it, so that rounding does not decide.
    principal = svd_flip(principal, np.empty((principal.shape[1], 0)))[0]
    random = random[:, principal.shape[1] :]
    random = random - principal @ (principal.T @ random)
    return semi_orthogonal(np.hstack([principal, random]))
