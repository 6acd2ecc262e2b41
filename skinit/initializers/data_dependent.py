r"""Initializers that measure the data: they rescale weights and biases to it.

A layer is drawn by another initializer, its base. Then the data that arrive there are sent through
it, and weights and biases are rescaled so that the pre-activations have the wanted size. One pass
suffices, as pre-activations are linear in the weights.
"""

from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, TrainingData, layer_views, loss_and_gradient
from skinit.initializers.base import LayerInit
from skinit.initializers.composite import Wrapper
from skinit.initializers.layer import Layer
from skinit.initializers.signal import MOST_SAMPLES, subsampled, subset_of_samples

__all__ = ["LSUV", "BaseRate", "Kraehenbuehl", "UnitVariance"]


class LSUV(Wrapper):
    r"""Layer-sequential unit variance: scales each layer to the data.

    One factor for all weights and biases of a layer gives the pre-activations, of all units and
    samples taken together, a standard deviation of 1:

    .. math:: W \leftarrow W / s, \quad b \leftarrow b / s, \qquad s = \operatorname{std}(x W + b)

    The paper repeats this until s is close to 1. As pre-activations are linear in W and b, the
    first division is exact, and no tolerance is needed. A layer whose pre-activations are the same
    for all samples and units is left unchanged.

    Parameters
    ----------
    base : str, Initializer or callable, default="orthogonal"
        Draws the layer.

    Notes
    -----
    Of more than 10,000 samples, a fixed random subset of 10,000 is used. Sample weights are used.

    References
    ----------
    D. Mishkin and J. Matas, "All you need is a good init", ICLR 2016, algorithm 1.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(init=LSUV(), max_iter=1, random_state=0).fit(X, y)
    >>> round(float((X @ model.initial_coefs_[0]).std()), 6)
    1.0
    """

    formula = "W, b of base / std(x W + b) of the layer"
    advice = "deep networks, and activations of unknown gain"
    cost = "that of base, and two forward passes"

    def __init__(self, base: LayerInit = "orthogonal") -> None:
        self.base = base

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        W, b = self.draw_base(layer, rng)
        mean, std = mean_and_std(layer, W)
        size = np.sqrt(np.mean(std**2) + np.var(mean + b))
        return (W / size, b / size) if size > 0 else (W, b)


def mean_and_std(layer: Layer, W: Array) -> tuple[Array, Array]:
    """Measure the mean and the standard deviation of x W for each unit.

    Parameters
    ----------
    layer : Layer
    W : ndarray of shape (fan_in, fan_out)

    Returns
    -------
    mean : ndarray of shape (fan_out,)
    std : ndarray of shape (fan_out,)
        0 where it is no larger than rounding errors.
    """
    layer = subsampled(layer)
    inputs, weights = layer.inputs, layer.sample_weight
    sums = inputs @ np.asarray(W, dtype=np.float64)
    mean = np.average(sums, axis=0, weights=weights)
    std = np.sqrt(np.average(np.square(sums - mean), axis=0, weights=weights))
    # Large terms that cancel leave a rounding error relative to their size.
    size = np.ravel(abs(inputs).mean(axis=0)) @ abs(W)
    return mean, np.where(std > 1e-10 * size, std, 0.0)


class UnitVariance(Wrapper):
    r"""Scales and centers each unit to the data.

    .. math::
        W_j \leftarrow W_j / s_j, \quad b_j = -\operatorname{mean}(x W_j) / s_j, \qquad
        s_j = \operatorname{std}(x W_j)

    so that the pre-activations of each unit have mean 0 and standard deviation 1 over the data: as
    batch normalization would leave them, but at initialization only. It makes up for features that
    are not scaled. A unit whose pre-activation is constant keeps its weights.

    Parameters
    ----------
    base : str, Initializer or callable, default="lecun"
        Draws the layer. Only the directions of its weights matter.
    center : bool, default=True
        Whether to set the biases; otherwise they are those of `base`.

    Notes
    -----
    Of more than 10,000 samples, a fixed random subset of 10,000 is used. Sample weights are used.

    References
    ----------
    T. Salimans and D. P. Kingma, "Weight normalization: a simple reparameterization to accelerate
    training of deep neural networks", NeurIPS 2016, section 3. Without centering: D. Holzmueller,
    L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", NeurIPS 2024.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(init=UnitVariance(), max_iter=1, random_state=0).fit(X, y)
    >>> z = X @ model.initial_coefs_[0] + model.initial_intercepts_[0]
    >>> bool(np.allclose(z.mean(axis=0), 0)), bool(np.allclose(z.std(axis=0), 1))
    (True, True)
    """

    formula = "W_j of base / std(x W_j), b_j = -mean(x W_j) / std(x W_j)"
    advice = "features that are not scaled"
    cost = "that of base, and two forward passes"

    def __init__(self, base: LayerInit = "lecun", center: bool = True) -> None:
        self.base = base
        self.center = center

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        W, b = self.draw_base(layer, rng)
        mean, std = mean_and_std(layer, W)
        divisor = np.where(std > 0, std, 1.0)
        return W / divisor, -mean / divisor if self.center else b


class Kraehenbuehl(UnitVariance):
    r"""Units of the same size, and layers that learn at the same rate.

    First every unit is scaled and centered as by `UnitVariance`. Once all layers are drawn, they
    are rescaled relative to each other until all learn at the same rate r, the size of the gradient
    relative to that of the weights:

    .. math::
        W_l \leftarrow \sqrt{r_l / \bar{r}} \; W_l, \qquad
        r_l = \frac{\operatorname{rms} \, \partial L / \partial W_l}{\operatorname{rms} \, W_l}

    where :math:`\bar{r}` is the geometric mean of all r, so that the factors multiply to 1. With
    positively homogeneous activations (ReLU, leaky ReLU, identity), and biases that are rescaled
    with the signal, the network computes the same function as before, and one step makes the rates
    equal. With other activations the rates change with every step; of ten steps, the one with the
    most similar rates is taken.

    Parameters
    ----------
    base : str, Initializer or callable, default="lecun"
        Draws the layers. Only the directions of its weights matter.
    center : bool, default=True
        Whether to set the biases; otherwise they are those of `base`.

    Notes
    -----
    The gradient is that of the training loss; the paper, which has no targets, takes a random one.
    Of more than 10,000 samples, a fixed random subset of 10,000 is used. Sample weights are used.

    References
    ----------
    P. Kraehenbuehl, C. Doersch, J. Donahue and T. Darrell, "Data-dependent initializations of
    convolutional neural networks", ICLR 2016, algorithms 1 and 2.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(init=Kraehenbuehl(), max_iter=1, random_state=0).fit(X, y)
    >>> raw_predictions = model.decision_function(X)
    >>> bool(abs(raw_predictions.mean()) < 0.1), round(float(raw_predictions.std()), 1)
    (True, 1.0)
    """

    formula = "as UnitVariance, then rms dW / rms W equal for all layers"
    advice = "deep networks trained by plain gradient descent; all layers learn at one rate"
    cost = "as UnitVariance, and up to 11 forward and backward passes"

    def refine(
        self,
        parameters: Array,
        network: Network,
        data: TrainingData,
        rng: np.random.RandomState,
    ) -> Array:
        """Rescale the layers until they learn at the same rate."""
        if len(data.targets) > MOST_SAMPLES:
            data = data.rows(subset_of_samples(len(data.targets)))
        best, least = parameters, np.inf
        for _ in range(11):  # as they are, and after each of ten steps
            factors = balancing_factors(network, parameters, data)
            unevenness = abs(np.log(factors)).max()
            if unevenness < least:
                best, least = parameters, unevenness
            if unevenness < 1e-3:
                break
            parameters = rescaled(network, parameters, factors)
        return best


def balancing_factors(network: Network, parameters: Array, data: TrainingData) -> Array:
    """Compute factors for the weights of each layer with which all layers learn at one rate.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    data : TrainingData

    Returns
    -------
    ndarray of shape (n_layers,)
        Their product is 1; layers whose gradient or weights are 0 have the factor 1.
    """
    _, gradient = loss_and_gradient(network, parameters, data)
    weight_sizes = np.array([rms(W) for W, _ in layer_views(network, parameters)])
    gradient_sizes = np.array([rms(dW) for dW, _ in layer_views(network, gradient)])
    factors = np.ones(network.n_layers)
    # If no signal or no gradient reaches a layer, its gradient is 0 or a rounding error.
    learning = (weight_sizes > 0) & (gradient_sizes > 1e-10 * gradient_sizes.max())
    if learning.any():
        log_rates = np.log(gradient_sizes[learning]) - np.log(weight_sizes[learning])
        factors[learning] = np.exp((log_rates - log_rates.mean()) / 2)
    return factors


def rms(array: Any) -> float:
    """Compute the root of the mean square."""
    return np.sqrt(np.mean(np.square(array, dtype=np.float64)))


def rescaled(network: Network, parameters: Array, factors: Array) -> Array:
    """Multiply the weights of each layer by its factor, and its biases as the signal there is."""
    parameters = parameters.astype(np.float64)
    layers = layer_views(network, parameters)
    for (W, b), factor, on_signal in zip(layers, factors, np.cumprod(factors), strict=True):
        W *= factor
        b *= on_signal
    return parameters


class BaseRate(Wrapper):
    r"""Output biases that make the best constant prediction.

    .. math:: b = \arg\min_c \sum_i m_i \, \ell(c, y_i)

    where m_i is the weight of sample i: the log odds of two classes, the logarithm of the frequency
    of each of several classes or of a mean count; the mean target, or the median for the absolute
    error. With small output weights, the initial loss is that of a constant prediction, and the
    first iterations are not spent on learning the class frequencies.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        Draws all weights, and the biases of the hidden layers.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar, "Focal loss for dense object detection",
    ICCV 2017, section 3.3.

    Examples
    --------
    >>> from skinit import InitMLPClassifier
    >>> from skinit.initializers import PerLayer
    >>> X, y = np.linspace(-1, 1, 8).reshape(-1, 1), [0, 1, 0, 0, 0, 0, 1, 0]
    >>> init = BaseRate(PerLayer(hidden="he", output="zeros"))
    >>> model = InitMLPClassifier(init=init, max_iter=1, random_state=0).fit(X, y)
    >>> model.initial_intercepts_[-1].round(6), np.log([2 / 6]).round(6)
    (array([-1.098612]), array([-1.098612]))
    >>> entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    >>> bool(np.isclose(model.loss_curve_[0], entropy))
    True
    """

    formula = "W, b of base; output b is the best constant prediction"
    advice = "imbalanced classes; targets far from 0"
    cost = "that of base, and a pass over the targets"

    def __init__(self, base: LayerInit = "he") -> None:
        self.base = base

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        W, b = self.draw_base(layer, rng)
        if layer.is_output:
            b = layer.loss.best_constant(layer.targets, layer.sample_weight)
        return W, b
