r"""A start for any plain network: `Auto`.

Random layers lose the signal or the gradient with depth; what keeps both is a chain of rotations.
So `Auto` finds where each activation is most like a line, lets its units work there, alone or in
mirrored pairs, and links them by rotations that follow the data through narrow layers.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import issparse
from sklearn.utils.extmath import svd_flip
from sklearn.utils.sparsefuncs import mean_variance_axis

from skinit._support import check_number
from skinit.core import TrainingData
from skinit.initializers.base import Initializer
from skinit.initializers.data_dependent import sampled, some_of
from skinit.initializers.linear_regime import has_flat_ends, is_odd, working_points
from skinit.initializers.mirrored import in_pairs, n_read, n_seen, read_pairs
from skinit.initializers.structured import semi_orthogonal

__all__ = ["Auto"]

# Where more directions arrive than this, finding the principal ones would take too long.
MOST_DIRECTIONS = 1000
# Its samples; principal directions need no more to be good ones.
MOST_SAMPLES_OF_COVARIANCE = 2000
# Without data, this many standard normal samples stand in for it.
N_IMAGINED = 1000

# Features of this root mean square make the first layer's gradient so large that it is better
# without one, where the activation has flat ends, by a signal of this size.
RAW = 10.0
SATURATED = 10.0


class Auto(Initializer):
    r"""Makes a plain network linear at its start: any activation, any depth, any widths.

    A layer of weights is a rotation, :math:`W = R \, V \, Q`:

    - R reads the signal from the units before. At the first layer it divides each feature by its
      standard deviation. Behind an odd activation it divides by its slope; behind any other one
      it reads mirrored pairs of units (see `Mirrored`).
    - V keeps the principal directions of the signal, as many as the layer can carry.
    - Q is a random rotation, to as many units or pairs as there are.

    The signal starts with the size, and the units with the bias, at which the activation stays
    most like a line through all layers (see `skinit.initializers.linear_regime`). Biases centre
    the signal and spread the units' thresholds over the data. The output starts small, around the
    best constant answer.

    Parameters
    ----------
    output_size : float, default=0.3
        Root mean square of the scores around the best constant. Targets of a regression whose
        standard deviation is below 1 make it smaller by as much.
    tolerance : float, default=0.5
        By how much, as a logarithm, the mean square of the gradient may change through all hidden
        layers together.
    spread : float, default=0.5
        Standard deviation of the thresholds, in units of that of the signal.

    Notes
    -----
    Without data, as in `initialize_parameters`, it takes the features for standard normal. Where
    features have a root mean square above 10 and the activation has flat ends, the first layer
    starts saturated: its gradients, which are as large as the features, would throw it away.

    References
    ----------
    A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", ICLR 2014 (rotations).
    D. Balduzzi et al., "The shattered gradients problem", ICML 2017 (pairs of ReLU).
    J. Pennington, S. Schoenholz and S. Ganguli, "Resurrecting the sigmoid in deep learning through
    dynamical isometry", NeurIPS 2017 (small signals and rotations).

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_moons
    >>> X_train, y_train, X_test, y_test = load_moons()
    >>> model = InitMLPClassifier(
    ...     (16,) * 40, init="auto", activation="gelu", solver="adam", max_iter=50, random_state=0
    ... )
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    >>> print(model.init_resolved_[1].partition("see, ")[2])
    as GELU is not odd, a rotation of 8 mirrored pairs, of size 1
    """

    formula = "W = read signal, keep principal directions, rotate"
    advice = (
        "any activation (ReLU, tanh, logistic, your own), any depth and widths; above all deep "
        "networks, or when in doubt"
    )
    cost = "a few forward passes, a QR decomposition a layer, eigenvectors where it narrows"

    def __init__(self, output_size=0.3, tolerance=0.5, spread=0.5):
        self.output_size = output_size
        self.tolerance = tolerance
        self.spread = spread

    def __call__(self, layer, rng):
        check_number(self.output_size, "output_size", low=0)
        check_number(self.tolerance, "tolerance", above=0)
        check_number(self.spread, "spread", low=0)
        point = point_of(layer, self.tolerance)
        seen = look(layer, rng)
        signal = arriving_signal(seen, point_before(layer))
        n_out = n_signals(layer.fan_out, point)

        kept = principal_directions(signal, min(signal.width, n_out), rng)
        directions = kept @ semi_orthogonal(rng.normal(size=(n_out, kept.shape[1])).T)
        rms = np.sqrt(np.mean(signal.spread_along(directions) ** 2))
        wanted = self.wanted_size(layer, seen)
        if wanted is not None and rms > 0:  # the data varies
            directions *= wanted / rms
        if is_mirrored(point) and n_seen(layer.fan_out) > n_out:
            directions = np.hstack([directions, one_more(directions, rng)])
        W = signal.weights(directions)
        b = -signal.mean @ directions
        if layer.is_output:
            return W, b + best_constant(layer)
        b += self.spread * signal.spread_along(directions) * rng.normal(size=b.shape)
        layer.memo[DRAWN_AT, layer.index] = point
        if point.mirrored:
            return in_pairs(W, b, point.bias, layer.fan_out)
        return W, b + point.bias

    def wanted_size(self, layer, seen):
        """Tell how large the signal is to be where it enters and leaves; None: as it comes."""
        if layer.is_output:
            return self.output_size * size_of_targets(layer)
        if is_raw(seen):
            return SATURATED
        return point_of(layer, self.tolerance).size if point_before(layer) is None else None

    def explain(self, layer):
        point, before = point_of(layer, self.tolerance), point_before(layer)
        told = (
            told_of_units(layer, point),
            told_of_signal(layer, point, before),
            told_of_size(layer, point, self.output_size),
        )
        return f"{self!r}: {' '.join(told)}"


# Under this key a layer says where its units work, for the next one to read them.
DRAWN_AT = "auto draws at"


def point_of(layer, tolerance):
    """Find where the units of a layer work; None for scores."""
    return None if layer.is_output else working_points(layer, tolerance)[layer.index]


def point_before(layer):
    """Find where the units that a layer reads work; None for features, and others' units."""
    return layer.memo.get((DRAWN_AT, layer.index - 1))


def is_mirrored(point):
    """Tell whether units are mirrored pairs."""
    return point is not None and point.mirrored


def n_signals(n_units, point):
    """Count the signals that units hand on: one for each, or for each pair."""
    return n_read(n_units) if is_mirrored(point) else n_units


def is_raw(layer):
    """Tell whether features are so large, and the first units such, that they should saturate."""
    if layer.index > 0 or layer.is_output or not has_flat_ends(layer.activation):
        return False
    X = layer.inputs
    square = X.multiply(X).mean() if issparse(X) else np.mean(np.square(X, dtype=np.float64))
    return square > RAW**2


def look(layer, rng):
    """Let a layer look at some of the data or, where there is none, at imagined samples."""
    if layer.data is not None:
        return sampled(layer)
    if "imagined" not in layer.memo:
        X = rng.normal(size=(N_IMAGINED, layer.widths[0]))
        targets = np.zeros((N_IMAGINED, layer.widths[-1]))
        layer.memo["imagined"] = TrainingData(X, targets), {}
    data, memo = layer.memo["imagined"]
    return replace(layer, data=data, memo=memo)


@dataclass(frozen=True)
class Signal:
    """What arrives at a layer, as rotations see it.

    Parameters
    ----------
    values : {ndarray, sparse matrix} of shape (n_samples, n_directions)
        Not centred.
    mean : ndarray of shape (n_directions,)
    sample_weight : ndarray of shape (n_samples,) or None
    weights : callable
        Turns directions of the signal, of shape (n_directions, n), into weights of the layer, of
        shape (fan_in, n).
    """

    values: object
    mean: np.ndarray
    sample_weight: np.ndarray | None
    weights: object

    @property
    def width(self):
        """Number of directions that arrive."""
        return self.values.shape[1]

    def spread_along(self, directions):
        """Compute the standard deviation of the signal along each of some directions."""
        along = self.values @ directions - self.mean @ directions
        spread = np.sqrt(np.average(along**2, axis=0, weights=self.sample_weight))
        # What is left of a constant by rounding is no spread.
        rounding = 1e-10 * (abs(self.mean) @ abs(directions))
        return np.where(spread > rounding, spread, 0.0)

    def covariance(self):
        """Compute the covariance of the signal, of shape (n_directions, n_directions)."""
        some = some_of(self.values.shape[0], MOST_SAMPLES_OF_COVARIANCE)
        values = self.values[some].toarray() if issparse(self.values) else self.values[some]
        centred = values - self.mean
        if self.sample_weight is None:
            return centred.T @ centred / len(centred)
        weight = self.sample_weight[some].astype(np.float64)
        return (centred.T * weight) @ centred / weight.sum()


def arriving_signal(layer, before):
    """Read the signal that arrives at a layer, from features or from the units before it."""
    if before is None:
        return standardized(layer.inputs, layer.sample_weight)
    width, fan_in = n_signals(layer.fan_in, before), layer.fan_in

    def weights(directions):
        read = read_pairs(directions, fan_in) if before.mirrored else directions
        return read / before.slope

    values = layer.inputs.astype(np.float64) @ weights(np.eye(width))
    mean = np.average(values, axis=0, weights=layer.sample_weight)
    return Signal(values, mean, layer.sample_weight, weights)


def standardized(X, sample_weight):
    """Read features divided by their standard deviations; one that is constant as it is."""
    if issparse(X):
        mean, variance = mean_variance_axis(X.astype(np.float64), axis=0, weights=sample_weight)
    else:
        X = X.astype(np.float64)
        mean = np.average(X, axis=0, weights=sample_weight)
        variance = np.average((X - mean) ** 2, axis=0, weights=sample_weight)
    # As above: what is left by rounding.
    std = np.sqrt(np.where(variance > 1e-20 * mean**2, variance, 0.0))
    std[std == 0] = 1.0
    values = X.multiply(1 / std).tocsr() if issparse(X) else X / std
    return Signal(values, mean / std, sample_weight, lambda directions: directions / std[:, None])


def principal_directions(signal, n_directions, rng):
    """Choose the directions in which a signal varies most, of shape (signal.width, n_directions).

    All of them need no choice. Directions in which nothing varies are random ones.
    """
    width = signal.width
    if n_directions == width:
        return np.eye(width)
    others = semi_orthogonal(rng.normal(size=(n_directions, width)).T)
    if width > MOST_DIRECTIONS:
        return others
    largest = [width - n_directions, width - 1]
    variances, vectors = eigh(signal.covariance(), subset_by_index=largest)
    principal = vectors[:, variances > 1e-10 * variances[-1]][:, ::-1]
    # A vector is as good as its negative; one rule, so that rounding does not choose.
    principal = svd_flip(principal, np.empty((principal.shape[1], 0)))[0]
    others = others[:, principal.shape[1] :]
    others = others - principal @ (principal.T @ others)
    return semi_orthogonal(np.hstack([principal, others]))


def one_more(directions, rng):
    """Draw another direction, as long as the others are: for a unit that nobody reads at first."""
    direction = rng.normal(size=(len(directions), 1))
    length = np.sqrt(np.mean(np.sum(directions**2, axis=0)))
    return length * direction / np.linalg.norm(direction)


def best_constant(layer):
    """Compute the scores that serve best where nothing is known of a sample."""
    if layer.data is None:
        return np.zeros(layer.fan_out)
    return layer.loss.best_constant(layer.targets, layer.sample_weight)


def size_of_targets(layer):
    """Compute the size of the scores in units of which 1 is usual for a loss."""
    if layer.data is None or layer.loss.link_name != "identity":
        return 1.0
    targets, weights = layer.targets.astype(np.float64), layer.sample_weight
    mean = np.average(targets, axis=0, weights=weights)
    variance = np.average((targets - mean) ** 2, axis=0, weights=weights).mean()
    return float(np.clip(np.sqrt(variance), np.finfo(float).tiny, 1.0))


def told_of_units(layer, point):
    """Tell who sees the signal of a layer, and why they."""
    if layer.is_output:
        return "the scores are"
    name = type(layer.activation).__name__
    if point.mirrored:
        why = f"as {name} is not odd" if not is_odd(layer.activation) else f"as {name} bends"
        return f"{counted(n_read(layer.fan_out), 'mirrored pair')} see, {why},"
    return f"{counted(layer.fan_out, 'unit')} of {name} see"


def told_of_signal(layer, point, before):
    """Tell what signal it is."""
    what = "mirrored pair" if is_mirrored(before) else "unit"
    if before is None:
        what = f"standardized {'unit' if layer.index else 'feature'}"
    n_in, n_out = n_signals(layer.fan_in, before), n_signals(layer.fan_out, point)
    kept = f"{counted(n_out, 'principal direction')} of " if n_out < n_in else ""
    return f"a rotation of {kept}{counted(n_in, what)},"


def counted(number, what):
    """Write a number of things."""
    return f"{number} {what}{'s' * (number != 1)}"


def told_of_size(layer, point, output_size):
    """Tell how large the signal is, and why."""
    if layer.is_output:
        return f"of size {output_size:g} around the best constant"
    if layer.data is not None and is_raw(sampled(layer)):
        return f"of size {SATURATED:g}, as raw features teach only units at rest"
    depth = f"to stay straight through {layer.n_layers - 1} layers"
    bias = f" at bias {point.bias:.2g}" if point.bias else ""
    return f"of size {point.size:g}{bias}{', ' + depth if bias or point.size < 1 else ''}"
