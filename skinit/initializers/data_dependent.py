r"""Starts that measure the data: how large weights and biases have to be for it.

A layer is drawn by another strategy, its base. Then the data that arrives there is sent through
it, and weights and biases are changed so that what comes out has the wanted size. One look is
enough, as a layer is linear up to its activation.
"""

from dataclasses import replace

import numpy as np

from skinit.core import layer_views, loss_and_gradient
from skinit.initializers.composite import OfBase

__all__ = ["LSUV", "MOST_SAMPLES", "BaseRate", "Kraehenbuehl", "UnitVariance", "sampled"]

# More samples would not make a standard deviation noticeably more exact: it is so to 0.7% here.
MOST_SAMPLES = 10_000


def sampled(layer):
    """Let a layer look at no more than `MOST_SAMPLES` samples.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    Layer
        Whose `inputs`, `targets` and `sample_weight` are those of these samples.
    """
    n_samples = len(layer.targets)
    if n_samples <= MOST_SAMPLES:
        return layer
    if "sampled" not in layer.memo:
        layer.memo["sampled"] = layer.data.rows(some_of(n_samples)), {}
    data, memo = layer.memo["sampled"]
    return replace(layer, data=data, memo=memo)


def some_of(n_samples, most=MOST_SAMPLES):
    """Choose some of the samples: at random, as data may repeat itself, and always the same ones.

    Nothing is drawn from the generator that is handed in, so that draws stay those of the base.
    """
    if n_samples <= most:
        return np.arange(n_samples)
    always_the_same = np.random.RandomState(0)
    return np.sort(always_the_same.permutation(n_samples)[:most])


class LSUV(OfBase):
    r"""Layer-sequential unit variance: every layer as large as its data needs.

    One factor for all weights and biases of a layer brings the pre-activations, of all units and
    samples taken together, to a standard deviation of 1:

    .. math:: W \leftarrow W / s, \quad b \leftarrow b / s, \qquad s = \operatorname{std}(x W + b)

    The paper repeats this until s is close to 1. Up to its activation a layer is linear, so that
    the first division is exact, and there is no tolerance to set. A layer that puts out the same
    for all samples and units is left as it is.

    Parameters
    ----------
    base : str, Initializer or callable, default="orthogonal"
        What draws the layer.

    Notes
    -----
    Of more than 10,000 samples, as many are looked at, always the same ones. Sample weights count.

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
    advice = "deep networks, and activations whose gain nobody knows"
    cost = "that of base, and two forward passes over the data"

    def __init__(self, base="orthogonal"):
        self.base = base

    def __call__(self, layer, rng):
        W, b = self.draw_base(layer, rng)
        mean, std = mean_and_std(layer, W)
        size = np.sqrt(np.mean(std**2) + np.var(mean + b))
        return (W / size, b / size) if size > 0 else (W, b)


def mean_and_std(layer, W):
    """Measure what each unit sums up, x W.

    Parameters
    ----------
    layer : Layer
    W : ndarray of shape (fan_in, fan_out)

    Returns
    -------
    mean : ndarray of shape (fan_out,)
    std : ndarray of shape (fan_out,)
        0 where it is no more than rounding.
    """
    layer = sampled(layer)
    inputs, weights = layer.inputs, layer.sample_weight
    sums = inputs @ np.asarray(W, dtype=np.float64)
    mean = np.average(sums, axis=0, weights=weights)
    std = np.sqrt(np.average(np.square(sums - mean), axis=0, weights=weights))
    # What the terms of a sum are like: of large terms that cancel, rounding is left.
    size = np.ravel(abs(inputs).mean(axis=0)) @ abs(W)
    return mean, np.where(std > 1e-10 * size, std, 0.0)


class UnitVariance(OfBase):
    r"""Every unit as large as its data needs, and centred on it.

    .. math::
        W_j \leftarrow W_j / s_j, \quad b_j = -\operatorname{mean}(x W_j) / s_j, \qquad
        s_j = \operatorname{std}(x W_j)

    so that the pre-activations of each unit have mean 0 and standard deviation 1 over the data: as
    batch normalization would leave them, but at the start only. It makes up for features that
    nobody has scaled. A unit that sums up the same for all samples keeps its weights.

    Parameters
    ----------
    base : str, Initializer or callable, default="lecun"
        What draws the layer. Only the directions of its weights matter.
    center : bool, default=True
        Whether to place the biases, too; otherwise they are those of `base`.

    Notes
    -----
    Of more than 10,000 samples, as many are looked at, always the same ones. Sample weights count.

    References
    ----------
    T. Salimans and D. P. Kingma, "Weight normalization: a simple reparameterization to accelerate
    training of deep neural networks", NeurIPS 2016, section 3. Without centring: D. Holzmueller,
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
    advice = "features of different sizes that are not scaled"
    cost = "that of base, and two forward passes over the data"

    def __init__(self, base="lecun", center=True):
        self.base = base
        self.center = center

    def __call__(self, layer, rng):
        W, b = self.draw_base(layer, rng)
        mean, std = mean_and_std(layer, W)
        divisor = np.where(std > 0, std, 1.0)
        return W / divisor, -mean / divisor if self.center else b


class Kraehenbuehl(UnitVariance):
    r"""Units of one size, and layers that learn at one speed.

    First every unit is scaled and centred as by `UnitVariance`. Then, with all layers drawn,
    weights are moved from layer to layer until all change at the same rate, the size of the
    gradient beside that of the weights:

    .. math::
        W_l \leftarrow \sqrt{r_l / \bar{r}} \; W_l, \qquad
        r_l = \frac{\operatorname{rms} \, \partial L / \partial W_l}{\operatorname{rms} \, W_l}

    where :math:`\bar{r}` is the geometric mean of all r, so that the factors multiply to 1. With
    activations that only scale when their input does (ReLU, leaky ReLU, identity), and biases that
    follow, the network computes what it did before, and one step makes the rates equal. With
    others the rates change with every step; of ten steps, the one that makes them most similar
    counts.

    Parameters
    ----------
    base : str, Initializer or callable, default="lecun"
        What draws the layers. Only the directions of its weights matter.
    center : bool, default=True
        Whether to place the biases, too; otherwise they are those of `base`.

    Notes
    -----
    The gradient is that of the loss which is about to be trained, where the paper, which has no
    targets, takes a random one. Of more than 10,000 samples, as many are looked at, always the
    same ones. Sample weights count.

    References
    ----------
    P. Kraehenbuehl, C. Doersch, J. Donahue and T. Darrell, "Data-dependent initializations of
    convolutional neural networks", ICLR 2016, algorithms 1 and 2.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(init=Kraehenbuehl(), max_iter=1, random_state=0).fit(X, y)
    >>> scores = model.decision_function(X)
    >>> bool(abs(scores.mean()) < 0.1), round(float(scores.std()), 1)
    (True, 1.0)
    """

    formula = "as UnitVariance, then rms dW / rms W the same for all layers"
    advice = "deep networks whose layers should all learn, by plain gradient descent"
    cost = "as UnitVariance, and up to 11 forward and backward passes"

    def refine(self, parameters, network, data, rng):
        if len(data.targets) > MOST_SAMPLES:
            data = data.rows(some_of(len(data.targets)))
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


def balancing_factors(network, parameters, data):
    """Find what to multiply the weights of each layer by, so that all learn at one rate.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    data : TrainingData

    Returns
    -------
    ndarray of shape (n_layers,)
        Their product is 1; layers that do not learn, or have no weights, are left alone.
    """
    _, gradient = loss_and_gradient(network, parameters, data)
    weight_sizes = np.array([rms(W) for W, _ in layer_views(network, parameters)])
    gradient_sizes = np.array([rms(dW) for dW, _ in layer_views(network, gradient)])
    factors = np.ones(network.n_layers)
    # Where nothing arrives, or nothing comes back, a gradient is 0 or rounding.
    learning = (weight_sizes > 0) & (gradient_sizes > 1e-10 * gradient_sizes.max())
    if learning.any():
        log_rates = np.log(gradient_sizes[learning]) - np.log(weight_sizes[learning])
        factors[learning] = np.exp((log_rates - log_rates.mean()) / 2)
    return factors


def rms(array):
    """Compute the root of the mean square."""
    return np.sqrt(np.mean(np.square(array, dtype=np.float64)))


def rescaled(network, parameters, factors):
    """Multiply the weights of each layer, and its biases by what its signal is multiplied by."""
    parameters = parameters.astype(np.float64)
    layers = layer_views(network, parameters)
    for (W, b), factor, so_far in zip(layers, factors, np.cumprod(factors), strict=True):
        W *= factor
        b *= so_far
    return parameters


class BaseRate(OfBase):
    r"""Output biases that predict what is known without looking at a sample.

    .. math:: b = \arg\min_c \sum_i m_i \, \ell(c, y_i)

    where m_i is the weight of sample i: the logarithm of the odds of two classes, of the share of
    each of several classes, or of a mean count; the mean target, or the median for the absolute
    error. With small output weights, the loss starts at that of a constant prediction, and the
    first steps are not spent on learning how frequent a class is.

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

    formula = "W, b of base; the last b is the best constant score"
    advice = "classes of unequal frequency; targets far from 0"
    cost = "that of base, and a look at the targets"

    def __init__(self, base="he"):
        self.base = base

    def __call__(self, layer, rng):
        W, b = self.draw_base(layer, rng)
        if layer.is_output:
            b = layer.loss.best_constant(layer.targets, layer.sample_weight)
        return W, b
