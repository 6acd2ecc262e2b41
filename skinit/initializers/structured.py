"""Weights constructed as a matrix rather than drawn independently.

The matrix of a layer has a property that independent weights have only on average, or not at all:
it is orthogonal, near the identity, sinusoidal, or sparse.
"""

from numbers import Integral, Real

import numpy as np
from scipy.linalg import hadamard
from scipy.special import cosdg, sindg
from sklearn.utils import check_scalar

from skinit._support import Array
from skinit.initializers.base import Initializer
from skinit.initializers.constant import periodic_identity
from skinit.initializers.layer import Layer
from skinit.initializers.variance_scaling import draw_normal

__all__ = ["NoisyIdentity", "Orthogonal", "Sinusoidal", "Sparse", "ZerO"]


class Orthogonal(Initializer):
    r"""A random orthogonal matrix: it preserves lengths and angles.

    .. math:: W^\top W = \mathrm{gain}^2 \, I \quad \text{or} \quad
        W W^\top = \mathrm{gain}^2 \, I,

    the one of smaller order. The distribution is uniform over orthogonal matrices. In a layer with
    fewer units than inputs, it is the gradients that keep their length.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the weights. With sqrt(2), layers of equal widths keep the mean square of the
        signal after ReLU units.
    scale_rectangular : bool, default=False
        A layer with more units than inputs keeps the length of the signal, so that its mean square
        over the units is smaller. True multiplies the weights of such layers by
        sqrt(fan_out / fan_in), which keeps the mean square in place of the length; the variance of
        a weight is then that of `LeCun`, gain^2 / fan_in.

    References
    ----------
    A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", ICLR 2014.
    F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices of
    the AMS 54, 2007 (the signs).
    J. Martens et al., "Rapid training of deep neural networks without skip connections or
    normalization layers using deep kernel shaping", arXiv:2110.01765, 2021 (rectangular layers).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> W1 = initialize_parameters([3, 3, 1], Orthogonal(gain=2), random_state=0)["W1"]
    >>> abs((W1 @ W1.T).round(12))
    array([[4., 0., 0.],
           [0., 4., 0.],
           [0., 0., 4.]])
    """

    advice = "deep networks: linear ones, tanh, and with gain sqrt(2) ReLU"
    cost = "one random number per weight, and a QR decomposition per layer"

    def __init__(self, gain: float = 1.0, scale_rectangular: bool = False) -> None:
        self.gain = gain
        self.scale_rectangular = scale_rectangular

    @property
    def formula(self) -> str:
        length = "" if self.gain == 1 else f"{self.gain:g}^2 "
        scaled = "max(fan_out / fan_in, 1) " if self.scale_rectangular else ""
        return f"W'W or WW' = {length}{scaled}I, uniformly distributed"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.gain, "gain", Real, min_val=0)
        W = self.gain * semi_orthogonal(draw_normal(1.0, layer, rng))
        if self.scale_rectangular:
            W *= np.sqrt(max(layer.fan_out / layer.fan_in, 1.0))
        return W


def semi_orthogonal(gaussian: Array) -> Array:
    """Turn a Gaussian matrix into one with orthonormal columns, or rows if there are fewer."""
    rows, columns = gaussian.shape
    if rows < columns:
        return semi_orthogonal(gaussian.T).T
    Q, R = np.linalg.qr(gaussian)
    # QR alone is not uniform over orthogonal matrices: fix the sign of R's diagonal.
    return Q * np.copysign(1.0, np.diag(R))


class Sparse(Initializer):
    r"""Sparse weights: every unit has a few inputs, chosen at random.

    However many inputs there are, the pre-activation of a unit is a sum of `nonzero` terms, and
    units differ in their inputs.

    .. math:: W_{ij} \sim N(0, \mathrm{std}^2)
        \text{ for } \mathrm{nonzero} \text{ of the inputs } i \text{ of each unit } j,
        \qquad W_{ij} = 0 \text{ for the other weights}

    Parameters
    ----------
    nonzero : int or float, default=15
        Incoming weights of a unit that are not zero. An int is their number, at most the number of
        inputs. A float is their share, at most 1.0; every unit has at least one.
    std : float, default=1.0
        Standard deviation of the weights that are not zero.

    References
    ----------
    J. Martens, "Deep learning via Hessian-free optimization", ICML 2010, section 5.
    I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013 (the standard deviation).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([6, 3, 1], Sparse(nonzero=2), random_state=0)["W1"].round(1)
    array([[ 1.8,  0. ,  1. ,  0. ,  0. ,  0. ],
           [ 1. ,  0. ,  0. ,  0. ,  0.1,  0. ],
           [ 0. ,  0. ,  0. ,  0. ,  1.5, -0.2]])
    """

    advice = "many inputs, and units that should differ from the first iteration on"
    cost = "two random numbers per weight, and a sort per unit"

    def __init__(self, nonzero: float = 15, std: float = 1.0) -> None:
        self.nonzero = nonzero
        self.std = std

    @property
    def formula(self) -> str:
        return f"{self.nonzero!r} of a unit's W ~ N(0, {self.std:g}^2), the rest 0"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.std, "std", Real, min_val=0)
        n_nonzero = self.n_nonzero(layer.fan_in)
        W = draw_normal(self.std, layer, rng)
        shuffled = rng.uniform(size=(layer.fan_out, layer.fan_in)).argsort(axis=1).T
        np.put_along_axis(W, shuffled[n_nonzero:], 0.0, axis=0)
        return W

    def n_nonzero(self, fan_in: int) -> int:
        """Return how many incoming weights of each unit are not zero."""
        if not isinstance(self.nonzero, bool):
            if isinstance(self.nonzero, Integral) and self.nonzero >= 1:
                return min(int(self.nonzero), fan_in)
            if isinstance(self.nonzero, Real) and 0 < self.nonzero <= 1:
                return max(round(self.nonzero * fan_in), 1)
        raise ValueError(
            f"nonzero={self.nonzero!r} must be an int from 1 on, the number of weights of a unit "
            "that are not zero, or a float above 0.0 and at most 1.0, their share"
        )


class ZerO(Initializer):
    r"""No randomness: the identity, and a Hadamard matrix in layers with more units than inputs.

    .. math:: \begin{aligned}
        W &= I & \text{for } \mathrm{fan\_out} \le \mathrm{fan\_in} \\
        W &= H_p / \sqrt{p} & \text{otherwise, with } p = 2^k \ge \mathrm{fan\_out}
        \end{aligned}

    of which the first fan_in rows and fan_out columns are used. A Hadamard matrix has entries 1
    and -1 and orthogonal rows. No unit has only weights of zero, as some have with `Identity`, and
    training is not confined to as many directions as there are inputs. Signals keep their length
    if fan_out is a power of two; otherwise single inputs keep 1 / sqrt(2) of it or more.

    In a layer that is much wider than its inputs, some units are identical; the weights of the next
    layer break this symmetry.

    References
    ----------
    J. Zhao, F. Schaefer and A. Anandkumar, "ZerO initialization: initializing neural networks with
    only zeros and ones", Transactions on Machine Learning Research, 2022, algorithm 1; with the
    factor of the authors' code, where the algorithm has sqrt(2 / p).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 4, 2], ZerO())["W1"]
    array([[ 0.5,  0.5,  0.5],
           [ 0.5, -0.5,  0.5],
           [ 0.5,  0.5, -0.5],
           [ 0.5, -0.5, -0.5]])
    """

    formula = "W = I; if fan_out > fan_in, H / sqrt(p), Hadamard of order p = 2^k >= fan_out"
    advice = "very deep networks of equal widths; reproducible without a seed"
    cost = "filling an array"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        if layer.fan_out <= layer.fan_in:
            return np.eye(layer.fan_in, layer.fan_out)
        # The first rows of a Hadamard matrix repeat those of a smaller one.
        small = hadamard(next_power_of_two(layer.fan_in))[: layer.fan_in]
        repeated = small[:, np.arange(layer.fan_out) % small.shape[1]]
        return repeated / np.sqrt(next_power_of_two(layer.fan_out))


def next_power_of_two(number: int) -> int:
    """Return the smallest power of two that is not below a positive integer."""
    return 1 << (number - 1).bit_length()


class NoisyIdentity(Initializer):
    r"""The identity, repeated in layers with more units than inputs, and a little noise.

    .. math:: W = D + Z, \qquad Z_{ij} \sim N(0, \mathrm{noise}^2 / \mathrm{fan\_in})

    with 1 for D_ij where i = j mod fan_in, and 0 elsewhere.

    tanh(a x) has fixed points away from 0 only for a above 1. Each unit has one main input with a
    weight a around 1, so that the signal neither fades nor saturates in very deep networks,
    also in narrow ones.

    Parameters
    ----------
    noise : float, default=0.085
        Standard deviation of the noise in a pre-activation if the inputs have mean square 1.

    References
    ----------
    H. Lee, H. Choi and H. Kim, "Robust weight initialization for tanh neural networks with fixed
    point analysis", ICLR 2025.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([2, 4, 1], NoisyIdentity(), random_state=0)["W1"].round(2)
    array([[ 1.11,  0.02],
           [ 0.06,  1.13],
           [ 1.11, -0.06],
           [ 0.06,  0.99]])
    """

    advice = "tanh, in very deep or narrow networks"

    def __init__(self, noise: float = 0.085) -> None:
        self.noise = noise

    @property
    def formula(self) -> str:
        return f"W = I, repeated, + N(0, {self.noise}^2 / fan_in)"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.noise, "noise", Real, min_val=0)
        Z = draw_normal(self.noise / np.sqrt(layer.fan_in), layer, rng)
        return periodic_identity(layer.fan_in, layer.fan_out) + Z


class Sinusoidal(Initializer):
    r"""No randomness: the weights of each unit are a sine wave with a frequency of its own.

    .. math:: W_{ij} = a \sin(2 \pi \, (j + 1) \, (i / \mathrm{fan\_in} + 1 / \mathrm{fan\_out})),
        \qquad i, j = 0, 1, \ldots

    with a such that the mean of the squared weights is Glorot's variance,
    :math:`2 \, \mathrm{gain}^2 / (\mathrm{fan\_in} + \mathrm{fan\_out})`. A wave is above 0
    as often as below it, so that adding one number to all inputs hardly changes pre-activations.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the weights.

    Notes
    -----
    Some units have only weights of zero, as all their sines are 0: the last one if 2 fan_out is a
    multiple of fan_in, and the one in the middle if fan_out is even and a multiple of fan_in, as in
    layers of equal widths. If all weights of a layer would be zero, which happens with two inputs
    and two units or fewer, cosines are used.

    References
    ----------
    A. Fernandez-Hernandez, J. I. Mestre, M. F. Dolz, J. Duato and E. S. Quintana-Orti, "Sinusoidal
    initialization, time for a new start", NeurIPS 2025.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([4, 3, 1], Sinusoidal(), random_state=0)["W1"].round(2)
    array([[ 0.61, -0.35, -0.61,  0.35],
           [-0.61,  0.61, -0.61,  0.61],
           [ 0.  , -0.7 ,  0.  ,  0.7 ]])
    """

    advice = "units that differ; reproducible without a seed"
    cost = "one sine per weight"

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    @property
    def formula(self) -> str:
        return f"W = waves, mean W^2 = {2 * self.gain**2:g} / (fan_in + fan_out)"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.gain, "gain", Real, min_val=0)
        waves = sine_waves(layer.fan_in, layer.fan_out)
        std = self.gain * np.sqrt(2 / (layer.fan_in + layer.fan_out))
        return std * waves / np.sqrt(np.mean(waves**2))


def sine_waves(fan_in: int, fan_out: int) -> Array:
    """Return one sine wave per unit, of shape (fan_in, fan_out)."""
    inputs, units = np.arange(fan_in)[:, np.newaxis], np.arange(1, fan_out + 1)
    # Integers and degrees: in radians, zeros of the sine would be rounding errors.
    turn = fan_in * fan_out
    degrees = 360.0 * (units * (inputs * fan_out + fan_in) % turn) / turn
    sines = sindg(degrees) + 0.0  # turns -0.0 into 0.0
    return sines if sines.any() else cosdg(degrees)
