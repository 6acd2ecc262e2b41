"""Independent draws with a given standard deviation, or one that follows the widths of the layer.

`VarianceScaling` is the general rule, ``Var W = scale / fan``; LeCun, Glorot and He are well-known
settings of it, and the defaults of other libraries are relatives. All of them fill an array of
shape (fan_out, fan_in) in C order and transpose it: with one seed they differ only in scale, and
have the digits of the tutorials.
"""

from numbers import Real
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import norm
from sklearn.utils import check_scalar

from skinit._support import Array, check_number, look_up
from skinit.activations import BaseActivation, Identity, Logistic, ReLU, Tanh
from skinit.initializers.base import Initializer
from skinit.initializers.layer import Layer
from skinit.mean_field import gain, gaussian_mean

__all__ = [
    "Distribution",
    "GainScaling",
    "Glorot",
    "He",
    "LeCun",
    "Mode",
    "Normal",
    "PyTorch",
    "RandomWalk",
    "ScikitLearn",
    "Siren",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "draw_scaled",
]

Distribution: TypeAlias = Literal["normal", "uniform", "truncated_normal"]
Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg", "geometric"]


def draw_normal(std: float, layer: Layer, rng: np.random.RandomState) -> Array:
    """Draw Gaussian weights of mean 0, of shape (fan_in, fan_out)."""
    return rng.normal(0.0, std, (layer.fan_out, layer.fan_in)).T


def draw_uniform(std: float, layer: Layer, rng: np.random.RandomState) -> Array:
    """Draw uniform weights of mean 0, of shape (fan_in, fan_out)."""
    return draw_within(np.sqrt(3.0) * std, layer, rng)


def draw_within(limit: float, layer: Layer, rng: np.random.RandomState) -> Array:
    """Draw uniform weights from -limit to limit, of shape (fan_in, fan_out)."""
    return rng.uniform(-limit, limit, (layer.fan_out, layer.fan_in)).T


# Standard deviation of a standard normal truncated at -2 and 2, about 0.88.
TRUNCATED_STD = np.sqrt(1 - 4 * norm.pdf(2) / (2 * ndtr(2) - 1))


def draw_truncated_normal(std: float, layer: Layer, rng: np.random.RandomState) -> Array:
    """Draw Gaussian weights without tails, rescaled to the given standard deviation."""
    # Always in float64: in float32 the inverse distribution function returns outliers.
    probability = rng.uniform(ndtr(-2), ndtr(2), (layer.fan_out, layer.fan_in))
    return std / TRUNCATED_STD * ndtri(probability).T


DISTRIBUTIONS = {
    "normal": draw_normal,
    "uniform": draw_uniform,
    "truncated_normal": draw_truncated_normal,
}

FANS = {
    "fan_in": lambda layer: layer.fan_in,
    "fan_out": lambda layer: layer.fan_out,
    "fan_avg": lambda layer: (layer.fan_in + layer.fan_out) / 2,
    "geometric": lambda layer: np.sqrt(layer.fan_in * layer.fan_out),
}


def draw_scaled(
    scale: float, mode: str, distribution: str, layer: Layer, rng: np.random.RandomState
) -> Array:
    """Draw weights of variance scale / fan, of shape (fan_in, fan_out)."""
    fan = look_up(mode, FANS, "mode")(layer)
    draw = look_up(distribution, DISTRIBUTIONS, "distribution")
    return draw(np.sqrt(scale / fan), layer, rng)


class Normal(Initializer):
    """Gaussian weights with a given standard deviation, whatever the widths.

    Parameters
    ----------
    std : float, default=0.05
        Standard deviation. The name ``"random"`` stands for ``Normal(std=10)``, the large random
        weights of the tutorials.

    See Also
    --------
    VarianceScaling : A standard deviation that follows the widths of the layer.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep
    convolutional neural networks", NeurIPS 2012, section 5 (std=0.01).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], init=Normal(std=10), random_state=3)["W1"].round(2)
    array([[ 17.89,   4.37,   0.96],
           [-18.63,  -2.77,  -3.55]])
    """

    advice = "to see the effect of a fixed std: signals fade if too small, saturate if too large"

    def __init__(self, std: float = 0.05) -> None:
        self.std = std

    @property
    def formula(self) -> str:
        return f"W ~ N(0, {self.std}^2)"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.std, "std", Real, min_val=0)
        return draw_normal(self.std, layer, rng)


class Uniform(Initializer):
    """Uniform weights with a given limit, whatever the widths.

    Parameters
    ----------
    limit : float, default=0.05
        Weights are drawn from -limit to limit; their standard deviation is limit / sqrt(3).

    See Also
    --------
    VarianceScaling : A limit that follows the widths of the layer.

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Mueller, "Efficient backprop", in Neural Networks:
    Tricks of the Trade, Springer, 1998, section 4.6.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], init=Uniform(limit=1), random_state=3)["W2"].round(3)
    array([[-0.749, -0.586]])
    """

    advice = 'like "normal", with no weight beyond the limit'

    def __init__(self, limit: float = 0.05) -> None:
        self.limit = limit

    @property
    def formula(self) -> str:
        return f"W ~ U(-{self.limit}, {self.limit})"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.limit, "limit", Real, min_val=0)
        return draw_within(self.limit, layer, rng)


class TruncatedNormal(Initializer):
    """Gaussian weights with a given standard deviation, without the tails.

    A Gaussian distribution is truncated at two standard deviations, which makes it narrower, and
    then rescaled so that the weights have the standard deviation `std`. (Keras, JAX and Haiku leave
    out the last step if the standard deviation is given; that of their weights is 12% smaller.)

    Parameters
    ----------
    std : float, default=0.05
        Standard deviation of the weights; no weight exceeds 2.28 times it.

    References
    ----------
    N. L. Johnson, S. Kotz and N. Balakrishnan, "Continuous univariate distributions", volume 1,
    Wiley, 1994, chapter 13.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> W1 = initialize_parameters([500, 500], TruncatedNormal(std=1), random_state=0)["W1"]
    >>> print(f"{W1.std():.2f} {abs(W1).max():.2f}")
    1.00 2.27
    """

    advice = 'like "normal", without outliers'
    cost = "one random number and one inverse distribution function per weight"

    def __init__(self, std: float = 0.05) -> None:
        self.std = std

    @property
    def formula(self) -> str:
        return f"W ~ N(0, .) truncated at 2 std, std W = {self.std}"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.std, "std", Real, min_val=0)
        return draw_truncated_normal(self.std, layer, rng)


class VarianceScaling(Initializer):
    r"""Weights whose variance follows the widths of the layer.

    .. math:: \operatorname{Var} W = \frac{\mathrm{scale}}{\mathrm{fan}}

    Parameters
    ----------
    scale : float, default=1.0
        Variance factor.
    mode : {"fan_in", "fan_out", "fan_avg", "geometric"}, default="fan_in"
        The variance is divided by the number of inputs, which keeps the size of the signal; the
        number of units, which keeps the size of the gradient; or their arithmetic or geometric
        mean.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
        Each has exactly the variance of the formula.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2.
    A. Defazio and L. Bottou, "A scaling calculus for the design and initialization of ReLU
    networks", Neural Computing and Applications, 2022 (the geometric mean).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> init = VarianceScaling(scale=2, mode="fan_out", distribution="uniform")
    >>> initialize_parameters([2, 4, 1], init, random_state=3)["W1"].round(3)
    array([[ 0.124,  0.51 ],
           [-0.512,  0.027],
           [ 0.963,  0.971],
           [-0.917, -0.717]])
    """

    advice = "to tune the variance factor: init__scale"

    def __init__(
        self,
        scale: float = 1.0,
        mode: Mode = "fan_in",
        distribution: Distribution = "normal",
    ) -> None:
        self.scale = scale
        self.mode = mode
        self.distribution = distribution

    @property
    def formula(self) -> str:
        return f"Var W = {self.scale:g} / {self.mode}, {self.distribution}"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.scale, "scale", Real, min_val=0)
        return draw_scaled(self.scale, self.mode, self.distribution, layer, rng)


class GainScaling(Initializer):
    """Base class of the rules with a gain: ``Var W = scale(layer) / fan``.

    A rule overrides `scale` and, if it divides by another fan than fan_in, `mode`.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
    """

    mode: Mode = "fan_in"

    def __init__(self, gain: float = 1.0, distribution: Distribution = "normal") -> None:
        self.gain = gain
        self.distribution = distribution

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.gain, "gain", Real, min_val=0)
        return draw_scaled(self.scale(layer), self.mode, self.distribution, layer, rng)

    def scale(self, layer: Layer) -> float:
        """Return the variance of the weights times the fan; it is proportional to ``gain**2``."""
        raise NotImplementedError(f"{type(self).__name__} has to define scale(layer)")


class LeCun(GainScaling):
    r"""Unit variance through linear layers, for tanh-like and SELU units.

    .. math:: \operatorname{Var} W = \frac{\mathrm{gain}^2}{\mathrm{fan\_in}}

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Mueller, "Efficient backprop", in Neural Networks:
    Tricks of the Trade, Springer, 1998, equation 16.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([2, 4, 1], LeCun(), random_state=3)["W2"].round(3)
    array([[-0.022, -0.239, -0.657,  0.442]])
    """

    advice = "SELU; tanh and other units of slope one at 0"

    @property
    def formula(self) -> str:
        return f"Var W = {self.gain**2:g} / fan_in, {self.distribution}"

    def scale(self, layer: Layer) -> float:
        return self.gain**2


class Glorot(GainScaling):
    r"""A compromise between keeping the signal and keeping the gradient, also called Xavier.

    .. math::
        \operatorname{Var} W = \frac{2 \, \mathrm{gain}^2}{\mathrm{fan\_in} + \mathrm{fan\_out}}

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
        The paper draws from the uniform distribution (equation 16).

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 12.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([2, 4, 1], Glorot(), random_state=3)["W2"].round(3)
    array([[-0.028, -0.302, -0.831,  0.559]])
    """

    advice = "tanh, softsign and linear layers"
    mode = "fan_avg"

    @property
    def formula(self) -> str:
        return f"Var W = {2 * self.gain**2:g} / (fan_in + fan_out), {self.distribution}"

    def scale(self, layer: Layer) -> float:
        return self.gain**2


class He(GainScaling):
    r"""Keeps the size of the signal through layers of ReLU units, also called Kaiming.

    .. math:: \operatorname{Var} W = \frac{2 \, \mathrm{gain}^2}{(1 + a^2) \, \mathrm{fan}}

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.
    mode : {"fan_in", "fan_out", "fan_avg", "geometric"}, default="fan_in"
        "fan_in" keeps the signal, "fan_out" the gradient.
    negative_slope : float, default=0.0
        The slope a of a leaky ReLU on the negative side.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers: surpassing human-level
    performance on ImageNet classification", ICCV 2015, equations 10 and 15.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([2, 4, 1], He(), random_state=3)["W1"]
    array([[ 1.78862847,  0.43650985],
           [ 0.09649747, -1.8634927 ],
           [-0.2773882 , -0.35475898],
           [-0.08274148, -0.62700068]])
    """

    advice = "ReLU and its variants"

    def __init__(
        self,
        gain: float = 1.0,
        mode: Mode = "fan_in",
        negative_slope: float = 0.0,
        distribution: Distribution = "normal",
    ) -> None:
        super().__init__(gain, distribution)
        self.mode = mode
        self.negative_slope = negative_slope

    @property
    def formula(self) -> str:
        scale = he_scale(self.gain, self.negative_slope)
        return f"Var W = {scale:g} / {self.mode}, {self.distribution}"

    def scale(self, layer: Layer) -> float:
        check_scalar(self.negative_slope, "negative_slope", Real)
        return he_scale(self.gain, self.negative_slope)


def he_scale(gain: float, negative_slope: float) -> float:
    """Return the variance of the weights times the fan after leaky ReLU."""
    return 2 * gain**2 / (1 + negative_slope**2)


class RandomWalk(Initializer):
    r"""Keeps the gradient of a typical deep network of finite width from growing or decaying.

    From layer to layer, the logarithm of the gradient's length makes a step of a random walk. `He`
    keeps the mean of the squared length, to which a few networks with large gradients contribute
    most, while the gradients of the others vanish. This rule keeps the mean of the logarithm, by a
    factor g that is larger in narrow layers.

    .. math:: \operatorname{Var} W = \frac{\mathrm{gain}^2 \, g^2}{\mathrm{fan\_in}}

    .. math:: \begin{aligned}
        g &= \exp(1 / (2 \, \mathrm{fan\_in})) & \text{after the inputs or linear units} \\
        g &= \sqrt{2} \, \exp(1.2 / (\max(\mathrm{fan\_in}, 6) - 2.4)) & \text{after ReLU} \\
        g &= 1.15 & \text{after tanh}
        \end{aligned}

    The paper solves the first two cases. After tanh, the best value depends on the depth; 1.15 is
    for about a hundred layers. After any other activation, g follows from the same condition to
    first order in 1 / fan_in, for pre-activations of variance one.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.

    References
    ----------
    D. Sussillo and L. F. Abbott, "Random walk initialization for training very deep feedforward
    networks", arXiv:1412.6558, 2014.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> walk = initialize_parameters([2, 20, 1], RandomWalk(), random_state=3)["W2"]
    >>> he = initialize_parameters([2, 20, 1], He(), random_state=3)["W2"]
    >>> (walk / he).round(3)[0, :3]
    array([1.071, 1.071, 1.071])
    """

    advice = "very deep and narrow networks of ReLU or linear units"
    cost = "one random number per weight; Gaussian averages of other activations"

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    @property
    def formula(self) -> str:
        scaled = "" if self.gain == 1 else f"{self.gain**2:g} "
        return f"Var W = {scaled}g^2 / fan_in, normal; g depends on activation and fan_in"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.gain, "gain", Real, min_val=0)
        g = self.gain * walk_gain(layer.incoming_activation, layer.fan_in)
        return draw_normal(g / np.sqrt(layer.fan_in), layer, rng)


def walk_gain(activation: BaseActivation | None, fan_in: int) -> float:
    """Return the g that keeps the mean logarithm of the gradient's length."""
    if activation is None or isinstance(activation, Identity):
        return np.exp(1 / (2 * fan_in))
    if isinstance(activation, ReLU):
        return np.sqrt(2) * np.exp(1.2 / (max(fan_in, 6) - 2.4))
    if isinstance(activation, Tanh):
        return 1.15
    backward = gain(activation, "backward")
    # Kurtosis of slope * W, a term of the gradient; that of a Gaussian W is 3.
    kurtosis = 3 * backward**4 * gaussian_mean(lambda z: activation.slope(z) ** 4)
    return backward * np.exp((kurtosis - 1) / (4 * max(fan_in, 6)))


class Siren(Initializer):
    r"""For sine units, with high frequencies in the first layer.

    .. math:: \begin{aligned}
        W &\sim U(-c, c), \\
        c &= w_0 / \mathrm{fan\_in} & \text{in the first layer,} \\
        c &= \sqrt{6 / \mathrm{fan\_in}} & \text{in the other hidden layers,} \\
        c &= \sqrt{6 / \mathrm{fan\_in}} / w_0 & \text{in the output layer.}
        \end{aligned}

    Inputs should lie between -1 and 1. The pre-activations of the second hidden layer are then
    nearly standard normal, and their variance stays near 0.8 in all further layers. The paper
    writes the units as sin(w0 z) and divides the weights by w0; the activation ``"sin"`` is sin(z)
    here, and the factor is part of the weights.

    Parameters
    ----------
    w0 : float, default=30.0
        Multiplies the frequencies of the first layer, whose sines have at most w0 / (pi fan_in)
        periods over the range of an input.

    References
    ----------
    V. Sitzmann, J. N. P. Martel, A. W. Bergman, D. B. Lindell and G. Wetzstein, "Implicit neural
    representations with periodic activation functions", NeurIPS 2020, section 3.2.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initial = initialize_parameters([2, 24, 24, 1], Siren(), random_state=0, activation="sin")
    >>> [float(abs(initial[name]).max().round(2)) for name in ("W1", "W2", "W3")]
    [14.44, 0.5, 0.02]
    """

    advice = 'activation "sin": signals and images as functions of coordinates'

    def __init__(self, w0: float = 30.0) -> None:
        self.w0 = w0

    @property
    def formula(self) -> str:
        return f"W ~ U(-c, c), c = {self.w0:g} / fan_in, then sqrt(6 / fan_in), last / {self.w0:g}"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_number(self.w0, "w0", above=0)
        limit = self.w0 / layer.fan_in if layer.index == 0 else np.sqrt(6 / layer.fan_in)
        if layer.is_output:
            limit /= self.w0
        return draw_within(limit, layer, rng)


class ScikitLearn(Initializer):
    r"""The initialization of scikit-learn's MLP, bit for bit with the same ``random_state``.

    Weights *and* biases are uniform within

    .. math:: \sqrt{\frac{6}{\mathrm{fan\_in} + \mathrm{fan\_out}}}

    as Glorot and Bengio propose for the weights, with 2 in place of 6 if the hidden units are
    logistic. They are drawn layer by layer, the weights as (fan_in, fan_out) before the biases.

    References
    ----------
    scikit-learn, ``MLPClassifier._init_coef``; X. Glorot and Y. Bengio, AISTATS 2010,
    equation 16.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([2, 2, 1], ScikitLearn(), random_state=0)["b1"].round(3)
    array([[-0.187],
           [ 0.357]])
    """

    formula = "W, b ~ U(-c, c), c^2 = 6 / (fan_in + fan_out), 2 for logistic"
    advice = "to compare with MLPClassifier and MLPRegressor"
    cost = "one random number per weight and bias"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        limit = self.limit(layer)
        return rng.uniform(-limit, limit, (layer.fan_in, layer.fan_out))

    def bias(self, layer: Layer, rng: np.random.RandomState) -> Array:
        limit = self.limit(layer)
        return rng.uniform(-limit, limit, layer.fan_out)

    def limit(self, layer: Layer) -> float:
        """Return the bound; in scikit-learn the hidden activation decides it for the output too."""
        hidden = layer.network.activations
        factor = 2.0 if hidden and isinstance(hidden[0], Logistic) else 6.0
        return np.sqrt(factor / (layer.fan_in + layer.fan_out))


class PyTorch(Initializer):
    r"""The initialization of PyTorch's ``torch.nn.Linear``.

    Weights *and* biases are uniform within

    .. math:: \frac{1}{\sqrt{\mathrm{fan\_in}}}

    which is a sixth of the variance of `He`, and a third of `LeCun`'s. (PyTorch writes it as
    ``kaiming_uniform_`` for leaky ReLU units of slope sqrt(5).) For one seed, the numbers differ
    from PyTorch's, which has another random generator.

    References
    ----------
    PyTorch, ``torch.nn.Linear.reset_parameters``; Y. LeCun, L. Bottou, G. B. Orr and K.-R.
    Mueller, "Efficient backprop", 1998, section 4.6.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([4, 2, 1], PyTorch(), random_state=0)["W1"].round(3)
    array([[ 0.049,  0.215,  0.103,  0.045],
           [-0.076,  0.146, -0.062,  0.392]])
    """

    formula = "W, b ~ U(-c, c), c = 1 / sqrt(fan_in)"
    advice = "to compare with PyTorch's default; rather small for deep networks"
    cost = "one random number per weight and bias"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        return draw_scaled(1 / 3, "fan_in", "uniform", layer, rng)

    def bias(self, layer: Layer, rng: np.random.RandomState) -> Array:
        limit = 1 / np.sqrt(layer.fan_in)
        return rng.uniform(-limit, limit, layer.fan_out)
