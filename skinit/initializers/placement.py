r"""Initializers that place the hyperplanes of the units within the data.

The hyperplane of a unit is where its pre-activation is 0. These initializers let the hyperplanes
pass through the data: at random points, spread over its range, or between two samples that have
different targets.
"""

from numbers import Integral
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_matrix, issparse
from sklearn.linear_model import Ridge
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms
from sklearn.utils.sparsefuncs import min_max_axis

from skinit._support import Array, check_number
from skinit.activations import BaseActivation
from skinit.initializers.base import Initializer, LayerInit
from skinit.initializers.composite import Wrapper
from skinit.initializers.layer import Layer
from skinit.initializers.signal import subsampled

__all__ = ["SWIM", "HullBias", "NguyenWidrow"]


class HullBias(Wrapper):
    r"""Biases that place the hyperplane of every unit within the data.

    .. math:: b_j = -\sum_{k=1}^{K} \lambda_{jk} \, x_{i_{jk}} W_j, \qquad
        \lambda_j \sim \operatorname{Dirichlet}(1, \ldots, 1)

    so that the pre-activation of unit j is 0 at a random point between K random samples. With
    zero biases, all hyperplanes pass through the origin, which may be far from unscaled data, and
    units may be active for all samples or for none. The output layer, which has no activation,
    keeps the biases of `base`.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        Draws the weights.
    n_samples : int, default=5
        K. With 1 every hyperplane passes through a sample, with many all pass near the mean.

    Notes
    -----
    Samples are drawn in proportion to their weights; of more than 10,000, from a fixed random
    subset of 10,000.

    References
    ----------
    D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024 ("he+5"). I. Steinwart, "A sober look at neural
    network initializations", arXiv:1903.11482, 2019.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> X = X + 100
    >>> model = InitMLPClassifier(
    ...     init=HullBias(), learning_rate=1e-6, max_iter=1, random_state=0
    ... ).fit(X, y)
    >>> active = X @ model.initial_coefs_[0] + model.initial_intercepts_[0] > 0
    >>> n_active = active.sum(axis=0)
    >>> bool((n_active > 0).all() and (n_active < len(X)).all())
    True
    """

    formula = "W of base, b_j = -(random point within the data) W_j"
    advice = "ReLU units on features that are not centered"
    cost = "that of base, and a forward pass"

    def __init__(self, base: LayerInit = "he", n_samples: int = 5) -> None:
        self.base = base
        self.n_samples = n_samples

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        check_number(self.n_samples, "n_samples", low=1, kind=Integral)
        W, b = self.draw_base(layer, rng)
        if layer.is_output:
            return W, b
        points = points_within(subsampled(layer), layer.fan_out, self.n_samples, rng)
        return W, -at_each(points, W)


def points_within(layer: Layer, n_points: int, n_samples: int, rng: np.random.RandomState) -> Any:
    """Draw points between random samples of the inputs of a layer, (n_points, fan_in)."""
    rows = draw_rows(layer, n_points * n_samples, rng)
    shares = rng.exponential(size=(n_points, n_samples))
    shares /= shares.sum(axis=1, keepdims=True)  # a Dirichlet distribution with all parameters 1
    row_ends = np.arange(0, n_points * n_samples + 1, n_samples)
    mixture = csr_matrix((shares.ravel(), rows, row_ends), shape=(n_points, len(layer.targets)))
    return mixture @ layer.inputs


def draw_rows(layer: Layer, n_rows: int, rng: np.random.RandomState) -> Array:
    """Draw samples with replacement, in proportion to their weights."""
    weight = layer.sample_weight
    share = None if weight is None else weight / weight.sum(dtype=np.float64)
    return rng.choice(len(layer.targets), n_rows, p=share)


def at_each(points: Any, W: Array) -> Array:
    """Multiply point j by the weights of unit j, x_j W_j."""
    products = points.multiply(W.T) if issparse(points) else points * W.T
    return np.ravel(products.sum(axis=1))


class NguyenWidrow(Initializer):
    r"""Units whose active regions are spread over the range of the data.

    For inputs scaled to -1 and 1, weights of random directions have the length

    .. math:: \lVert W_j \rVert = \beta = 0.7 \, n^{1/m}, \qquad b_j \sim U(-\beta, \beta)

    where n is the number of units and m that of inputs: the n units divide the range of the inputs
    into n parts, which overlap a little. Weights and biases are then converted to the actual range
    of the inputs, and to the active range of the activation, in which its slope is above 7% of
    its largest: from -2 to 2 for tanh, and from -4 to 4 for the logistic function. For an
    activation that stays steep on one side, such as ReLU, and for the output layer, it is from -1
    to 1, which spreads the kinks of ReLU units over the data.

    Notes
    -----
    Of more than 10,000 samples, a fixed random subset of 10,000 is used. The range of a constant
    feature counts as 2.

    References
    ----------
    D. Nguyen and B. Widrow, "Improving the learning speed of 2-layer neural networks by choosing
    initial values of the adaptive weights", IJCNN 1990.

    Examples
    --------
    >>> from skinit import InitMLPRegressor
    >>> X = np.linspace(0, 10, 50).reshape(-1, 1)
    >>> model = InitMLPRegressor(
    ...     8, init=NguyenWidrow(), activation="tanh", max_iter=1, random_state=0
    ... )
    >>> W = model.fit(X, np.sin(X[:, 0])).initial_coefs_[0]
    >>> np.unique(abs(W).round(6))  # 0.7 * 8, from 0..10 to -1..1, and from -1..1 to -2..2
    array([2.24])
    """

    formula = "|W_j| = 0.7 n^(1/m), b ~ U(-|W_j|, |W_j|), for the data's range"
    advice = "fitting functions of few inputs with tanh or logistic units"
    cost = "one random number per weight, and a forward pass"

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        beta = 0.7 * layer.fan_out ** (1 / layer.fan_in)
        directions = rng.uniform(-1.0, 1.0, (layer.fan_out, layer.fan_in)).T
        W = beta * directions / np.linalg.norm(directions, axis=0)
        b = rng.uniform(-beta, beta, layer.fan_out)

        low, high = active_range(layer.activation)
        W, b = W * (high - low) / 2, b * (high - low) / 2 + (high + low) / 2
        least, most = (side.astype(np.float64) for side in range_of(subsampled(layer).inputs))
        half = np.where(most > least, most - least, 2.0) / 2
        W = W / half[:, np.newaxis]
        return W, b - (least + most) / 2 @ W


def range_of(inputs: Any) -> tuple[Any, Any]:
    """Return the smallest and the largest value of each column."""
    if issparse(inputs):
        return min_max_axis(inputs, axis=0)
    return inputs.min(axis=0), inputs.max(axis=0)


# Slope of tanh at 2, and of the logistic function at 4, relative to the slope at 0.
ACTIVE = 1 / np.cosh(2) ** 2


def active_range(activation: BaseActivation | None) -> tuple[float, float]:
    """Return the range of pre-activations in which an activation is steep enough."""
    steep = steep_range(activation, ACTIVE)
    return (-1.0, 1.0) if steep is None else steep


# Fine around 0, and so wide that even slowly saturating activations are flat at the ends.
HALF_GRID = np.geomspace(1e-3, 1e4, 2000)
GRID = np.r_[-HALF_GRID[::-1], 0, HALF_GRID]


def steep_range(activation: BaseActivation | None, share: float) -> tuple[float, float] | None:
    """Find the range in which an activation is steeper than a share of its largest slope.

    Parameters
    ----------
    activation : BaseActivation or None
        None is the identity.
    share : float

    Returns
    -------
    tuple of (low, high) or None
        The range around the steepest point; None if it is unbounded on one side.
    """
    if activation is None:
        return None
    with np.errstate(all="ignore"):
        slopes = activation.slope(GRID)
    if not np.isfinite(slopes).all() or not slopes.any():
        return None
    # A periodic activation has many steepest points: take the one nearest to 0.
    steepest = np.flatnonzero(abs(slopes) >= 0.999 * abs(slopes).max())
    peak = steepest[abs(GRID[steepest]).argmin()]
    sign, least = np.sign(slopes[peak]), share * abs(slopes[peak])
    gentle = np.flatnonzero(sign * slopes <= least)
    before, after = gentle[gentle < peak], gentle[gentle > peak]
    if not len(before) or not len(after):
        return None

    def excess(z: float) -> float:
        return sign * float(activation.slope(np.array([z]))[0]) - least

    low = brentq(excess, GRID[before[-1]], GRID[before[-1] + 1])
    return low, brentq(excess, GRID[after[0] - 1], GRID[after[0]])


class SWIM(Initializer):
    r"""Sampling where it matters: units between samples that have different targets.

    For each hidden unit, a pair of samples is drawn with a probability that is proportional to

    .. math:: \frac{\max_k |y^{(2)}_k - y^{(1)}_k|}{\lVert x^{(2)} - x^{(1)} \rVert}

    and the unit is placed between the two:

    .. math:: W_j = (z_2 - z_1) \frac{x^{(2)} - x^{(1)}}{\lVert x^{(2)} - x^{(1)} \rVert^2},
        \qquad b_j = z_1 - x^{(1)} W_j

    so that its pre-activation is :math:`z_1` at the first and :math:`z_2` at the second. For an
    activation that saturates on both sides, its values there are one quarter and three quarters of
    the way between the limits, :math:`z = \mp \tfrac{1}{2} \ln 3` for tanh; for all others
    :math:`z` is 0 and 1, as for ReLU. The output layer is a ridge regression of the targets,
    converted to raw predictions, on the last hidden layer. So the network predicts well before
    any training.

    Parameters
    ----------
    ridge : float, default=1e-3
        Penalty on the output weights, relative to the mean square of their inputs.

    Notes
    -----
    Classes are fitted with 10% label smoothing, so that raw predictions stay small. Pairs are
    chosen from ten times as many random ones as there are units, and at least 1,000. Pairs with a
    distance below a thousandth of the median, such as duplicates, are left out. If all targets are
    equal, only the distance counts; if all samples are equal, the weights are zero. Of more than
    10,000 samples, a fixed random subset of 10,000 is used. Sample weights are used both to draw
    samples and to fit the output layer.

    Units between close samples have large weights and outputs. To continue with gradient descent,
    use ``PerLayer(hidden=LSUV("swim"), output="swim")``, which scales each hidden layer as a whole.

    References
    ----------
    E. L. Bolager, I. Burak, C. Datar, Q. Sun and F. Dietrich, "Sampling weights of deep neural
    networks", NeurIPS 2023, algorithm 1.

    Examples
    --------
    With a learning rate of almost 0, the network already separates most of the circles:

    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, X_test, y_test = load_circles()
    >>> model = InitMLPClassifier(
    ...     (200,), init=SWIM(), learning_rate=1e-9, max_iter=1, random_state=0
    ... )
    >>> model.fit(X, y).score(X_test, y_test) > 0.9
    True
    """

    formula = "W_j ~ (x2 - x1) / |x2 - x1|^2 of random pairs; the output layer is fitted"
    advice = "a usable network without training; wide hidden layers"
    cost = "a forward pass, pairs of samples, and a ridge regression"

    def __init__(self, ridge: float = 1e-3) -> None:
        self.ridge = ridge

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        check_number(self.ridge, "ridge", above=0)
        layer = subsampled(layer)
        return fit_output_layer(layer, self.ridge) if layer.is_output else place_units(layer, rng)


def place_units(layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Place each unit of a hidden layer between two samples."""
    inputs = layer.inputs.astype(np.float64, copy=False)
    first, second, counts = draw_pairs(layer, 10 * max(layer.fan_out, 100), rng)
    chances, distances = chances_of_pairs(inputs, layer.targets, first, second)
    if not chances.any():
        return np.zeros((layer.fan_in, layer.fan_out)), np.zeros(layer.fan_out)
    chances *= counts
    # Units between the same two samples are identical: only if there are too few pairs.
    repeats = np.count_nonzero(chances) < layer.fan_out
    chosen = rng.choice(len(first), layer.fan_out, replace=repeats, p=chances / chances.sum())

    z_first, z_second = quarters(layer.activation)
    steps = inputs[second[chosen]] - inputs[first[chosen]]
    steps = steps.toarray() if issparse(steps) else steps
    W = (z_second - z_first) * (steps / distances[chosen, np.newaxis] ** 2).T
    return W, z_first - at_each(inputs[first[chosen]], W)


def draw_pairs(
    layer: Layer, n_pairs: int, rng: np.random.RandomState
) -> tuple[Array, Array, Array]:
    """Draw pairs of samples; return the first and the second of each, and how often it occurs."""
    n_samples = len(layer.targets)
    first, second = draw_rows(layer, n_pairs, rng), draw_rows(layer, n_pairs, rng)
    pairs, counts = np.unique(first * n_samples + second, return_counts=True)
    return *np.divmod(pairs, n_samples), counts


def chances_of_pairs(
    inputs: Any, targets: Array, first: Array, second: Array
) -> tuple[Array, Array]:
    """Compute the chance of each pair to be drawn, up to a factor, and the distance of the two."""
    distances = np.concatenate(
        [
            row_norms(inputs[second[batch]] - inputs[first[batch]])
            for batch in gen_batches(len(first), 1000)
        ]
    )
    differences = abs(targets[second] - targets[first]).max(axis=1).astype(np.float64)
    if not differences.any():
        differences[:] = 1
    # Pairs that are closer are duplicates, or differ by rounding.
    nearest = max(1e-3 * np.median(distances), 1e-10 * row_norms(inputs).max())
    apart = distances > nearest
    return np.divide(differences, distances, out=np.zeros(len(first)), where=apart), distances


def quarters(activation: BaseActivation | None) -> tuple[float, float]:
    """Find where an activation is one and three quarters of the way between its limits."""
    steep = steep_range(activation, 1e-7)
    if steep is None:
        return 0.0, 1.0
    low, high = (float(activation.value(np.array([z]))[0]) for z in steep)

    def crossing(level: float) -> float:
        return brentq(lambda z: float(activation.value(np.array([z]))[0]) - level, *steep)

    return crossing(low + (high - low) / 4), crossing(high - (high - low) / 4)


def fit_output_layer(layer: Layer, ridge: float) -> tuple[Array, Array]:
    """Fit the output layer to the targets by ridge regression."""
    inputs, weight = layer.inputs.astype(np.float64, copy=False), layer.sample_weight
    mean_square = np.average(row_norms(inputs, squared=True), weights=weight) / layer.fan_in
    alpha = ridge * mean_square * layer.data.total_weight
    model = Ridge(alpha=alpha if alpha > 0 else 1.0, tol=1e-6)
    model.fit(inputs, wanted_predictions(layer), sample_weight=weight)
    return np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)


def wanted_predictions(layer: Layer) -> Array:
    """Convert targets to raw predictions; smooth them, as those of 0 and 1 are infinite."""
    loss, targets = layer.loss, layer.targets.astype(np.float64)
    if loss.link_name == "identity":
        return targets
    smooth = targets.mean(axis=0) if loss.link_name == "exp" else loss.link(0 * targets)
    return loss.inverse_link(0.9 * targets + 0.1 * smooth)
