r"""Mean-field theory: what layers of random weights do to a signal, in averages over Gaussians.

In a wide layer of random weights the pre-activations are Gaussian, so that the size of a signal,
the size of a gradient and the correlation of two samples follow from a few averages over Gaussian
numbers. `gaussian_mean` computes such averages for any function, and `gain` turns them into
standard deviations of weights. The maps (`variance_map`, `correlation_map`) describe the change
from one layer to the next; `fixed_variance`, `fixed_correlation`, `critical_point` and
`depth_scales` describe deep networks.

Throughout, a weight has the variance ``weight_variance / fan_in`` and a bias ``bias_variance``;
q is the mean square of the pre-activations, c the correlation of those of two samples.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy.optimize import brentq

from skinit._support import Array, check_number, look_up
from skinit.activations import BaseActivation

__all__ = [
    "chi",
    "correlation_map",
    "correlation_slope",
    "critical_point",
    "depth_scales",
    "fixed_correlation",
    "fixed_variance",
    "gain",
    "gaussian_mean",
    "moments",
    "variance_map",
    "variance_slope",
]


def panel_nodes(edges: Array, degree: int) -> tuple[Array, Array]:
    """Return nodes and weights of a composite Gauss-Legendre rule, one panel between two edges."""
    nodes, weights = np.polynomial.legendre.leggauss(degree)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    nodes = middle[:, np.newaxis] + np.outer(half, nodes)
    return nodes.ravel(), np.outer(half, weights).ravel()


# Towards 0 panels halve in length: most kinks are at 0, and steep activations change near it.
# (Gauss-Hermite quadrature, which has no panels, loses three digits at the kink of ReLU.) The other
# panels are short for activations with kinks elsewhere, such as a clipped one.
UPPER_EDGES = np.r_[0, 2.0 ** np.arange(-12, -3), np.arange(0.125, 4, 0.125), 4, 5, 6, 8, 10, 12]
NODES, LENGTHS = panel_nodes(np.r_[-UPPER_EDGES[:0:-1], UPPER_EDGES], degree=12)
WEIGHTS = LENGTHS * np.exp(-(NODES**2) / 2) / np.sqrt(2 * np.pi)


def gaussian_mean(function: Callable[[Array], Any], variance: float = 1.0) -> float:
    r"""Compute the mean of a function of a Gaussian number with mean 0.

    .. math:: \operatorname{E} f(\sqrt{q} \, z), \qquad z \sim N(0, 1)

    Parameters
    ----------
    function : callable
        f, which maps an array to an array of the same shape.
    variance : float, default=1.0
        q.

    Returns
    -------
    float
        Exact to about 12 digits for a function that is smooth but for kinks and jumps at 0. With a
        kink elsewhere it is exact to 4 digits, with a jump elsewhere to three percent.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.mean_field import gaussian_mean
    >>> round(gaussian_mean(np.square, variance=3.0), 12)
    3.0
    """
    check_number(variance, "variance", low=0)
    return float(np.asarray(function(np.sqrt(variance) * NODES)) @ WEIGHTS)


def moments(activation: BaseActivation, variance: float = 1.0) -> tuple[float, float, float]:
    r"""Compute the means of an activation, of its square, and of the square of its slope.

    Parameters
    ----------
    activation : BaseActivation
    variance : float, default=1.0
        q, the variance of the pre-activations.

    Returns
    -------
    mean : float
        :math:`\operatorname{E} \phi`.
    square : float
        :math:`\operatorname{E} \phi^2`.
    slope_square : float
        :math:`\operatorname{E} \phi'^2`.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.mean_field import moments
    >>> print(*(round(value, 4) for value in moments(ReLU())))
    0.3989 0.5 0.5
    """
    check_number(variance, "variance", low=0)
    z = np.sqrt(variance) * NODES
    values, slopes = activation.value(z), activation.slope(z)
    return float(values @ WEIGHTS), float(values**2 @ WEIGHTS), float(slopes**2 @ WEIGHTS)


# The average that each direction of `gain` keeps, from E phi, E phi^2 and E phi'^2.
KEPT = {
    "forward": lambda mean, square, slope_square: square,
    "backward": lambda mean, square, slope_square: slope_square,
    "centered": lambda mean, square, slope_square: square - mean**2,
}


def gain(
    activation: BaseActivation, direction: Literal["forward", "backward", "centered"] = "forward"
) -> float:
    r"""Compute the standard deviation of weights after an activation, in units of 1 / sqrt(fan_in).

    Parameters
    ----------
    activation : BaseActivation
        Any, including your own.
    direction : {"forward", "backward", "centered"}, default="forward"
        The gain keeps the mean square of the signal, :math:`1 / \sqrt{\operatorname{E} \phi^2}`;
        the mean square of the gradient, :math:`1 / \sqrt{\operatorname{E} \phi'^2}`; or the
        variance of the signal, :math:`1 / \operatorname{std} \phi`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `direction` is not known, or the activation is constant, or not finite, for Gaussian
        numbers of variance 1.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2
    (its two conditions, here for any activation).

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> from skinit.mean_field import gain
    >>> round(gain(ReLU()) ** 2, 6), round(gain(Tanh()), 6), round(gain(Tanh(), "backward"), 6)
    (2.0, 1.592537, 1.467414)
    """
    kept = look_up(direction, KEPT, "direction")(*moments(activation))
    if not kept > 0 or not np.isfinite(kept):
        raise ValueError(
            f"activation={activation!r} has no {direction} gain: the quantity to keep averages to "
            f"{kept:g} over Gaussian numbers, and must be above 0 and finite; give a gain by hand"
        )
    return float(1 / np.sqrt(kept))


def variance_map(
    activation: BaseActivation, q: float, weight_variance: float, bias_variance: float = 0.0
) -> float:
    r"""Compute the mean square of the pre-activations in the next layer.

    .. math:: q' = \sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2

    Parameters
    ----------
    activation : BaseActivation
    q : float
    weight_variance : float
        Variance of a weight, times the fan-in.
    bias_variance : float, default=0.0

    Returns
    -------
    float

    References
    ----------
    B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein and S. Ganguli, "Exponential expressivity in
    deep neural networks through transient chaos", NeurIPS 2016.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.mean_field import variance_map
    >>> round(variance_map(ReLU(), 3.0, weight_variance=2.0), 6)
    3.0
    """
    return weight_variance * gaussian_mean(lambda z: activation.value(z) ** 2, q) + bias_variance


def chi(activation: BaseActivation, q: float, weight_variance: float) -> float:
    r"""Compute the factor by which a layer multiplies the mean square of a gradient.

    .. math:: \chi = \sigma_w^2 \operatorname{E} \phi'(\sqrt{q} z)^2

    Above 1 gradients explode and similar samples diverge; below 1 gradients vanish.

    Parameters
    ----------
    activation : BaseActivation
    q : float
    weight_variance : float
        Variance of a weight, times the fan-in.

    Returns
    -------
    float

    References
    ----------
    S. S. Schoenholz, J. Gilmer, S. Ganguli and J. Sohl-Dickstein, "Deep information propagation",
    ICLR 2017.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.mean_field import chi
    >>> round(chi(ReLU(), 1.0, weight_variance=1.0), 6)
    0.5
    """
    return weight_variance * gaussian_mean(lambda z: activation.slope(z) ** 2, q)


def correlation_map(
    activation: BaseActivation,
    c: float,
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
) -> float:
    r"""Compute the correlation of two samples in the next layer.

    .. math:: c' = \frac{\sigma_w^2 \operatorname{E} \phi(\sqrt{q} z_1) \phi(\sqrt{q} z_2)
        + \sigma_b^2}{\sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2}

    where z_1 and z_2 are standard normal with correlation c.

    Parameters
    ----------
    activation : BaseActivation
    c : float
        From -1 to 1.
    q : float
        Mean square of the pre-activations, the same for both samples.
    weight_variance : float
        Variance of a weight, times the fan-in.
    bias_variance : float, default=0.0

    Returns
    -------
    float

    References
    ----------
    B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
    NeurIPS 2016.

    Examples
    --------
    >>> from skinit.activations import Identity
    >>> from skinit.mean_field import correlation_map
    >>> round(correlation_map(Identity(), 0.3, q=2.0, weight_variance=1.0), 6)
    0.3
    """
    check_number(c, "c", low=-1, high=1)
    product = mean_of_products(activation.value, c, q)
    next_q = variance_map(activation, q, weight_variance, bias_variance)
    # Rounding must not return a correlation beyond 1, which the next call would refuse.
    return float(np.clip((weight_variance * product + bias_variance) / next_q, -1, 1))


# The product f(z_1) f(z_2) has kinks on the lines z_1 = 0 and z_2 = 0. In polar coordinates these
# are constant angles, and the product is smooth between them; panels are short next to them.
HALF = np.r_[0, 2.0 ** np.arange(-6, 0)]
SHARES, SHARE_LENGTHS = panel_nodes(np.r_[HALF, 1 - HALF[-2::-1]], degree=8)
RADIUS_EDGES = np.r_[0, 2.0 ** np.arange(-6, 1), 1.5, 2, 3, 4, 5, 6, 8, 10, 12]
RADII, RADIUS_LENGTHS = panel_nodes(RADIUS_EDGES, degree=8)
RADIUS_WEIGHTS = RADIUS_LENGTHS * RADII * np.exp(-(RADII**2) / 2) / np.pi


def mean_of_products(function: Callable[[Array], Array], c: float, q: float) -> float:
    r"""Compute the mean of f(z_1) f(z_2) for Gaussian numbers of variance q and correlation c.

    Exact to about 12 digits if the function is smooth but for kinks and jumps at 0.
    """
    angle = np.arccos(c)
    # Half a circle suffices: the other half exchanges the two numbers.
    bounds = np.array([0, (np.pi - angle) / 2, (np.pi + angle) / 2, np.pi])
    sectors = np.diff(bounds)[:, np.newaxis]
    turns = (bounds[:-1, np.newaxis] + sectors * SHARES).ravel()
    radii = np.sqrt(q) * RADII[:, np.newaxis]
    first, second = (function(radii * np.cos(turns + turn)) for turn in (angle / 2, -angle / 2))
    return float(RADIUS_WEIGHTS @ (first * second) @ (sectors * SHARE_LENGTHS).ravel())


def variance_slope(activation: BaseActivation, q: float, weight_variance: float) -> float:
    r"""Compute the derivative of the variance map: the factor on a small change of q.

    .. math:: \frac{d q'}{d q}
        = \frac{\sigma_w^2}{\sqrt{q}} \operatorname{E} z \, \phi(\sqrt{q} z) \, \phi'(\sqrt{q} z)

    A fixed point is stable if this is below 1, and unstable if it is above 1.

    Parameters
    ----------
    activation : BaseActivation
    q : float
        Above 0.
    weight_variance : float
        Variance of a weight, times the fan-in.

    Returns
    -------
    float

    References
    ----------
    S. S. Schoenholz, J. Gilmer, S. Ganguli and J. Sohl-Dickstein, "Deep information propagation",
    ICLR 2017, section 3.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.mean_field import variance_slope
    >>> round(variance_slope(ReLU(), 1.0, weight_variance=1.5), 6)
    0.75
    """
    check_number(q, "q", above=0)
    z = np.sqrt(q) * NODES
    return weight_variance * float(
        (activation.value(z) * activation.slope(z) * NODES) @ WEIGHTS / np.sqrt(q)
    )


def correlation_slope(
    activation: BaseActivation,
    c: float,
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
) -> float:
    r"""Compute the derivative of the correlation map: the factor on a small change of c.

    .. math:: \frac{d c'}{d c} = \frac{\sigma_w^2 \, q
        \operatorname{E} \phi'(\sqrt{q} z_1) \phi'(\sqrt{q} z_2)}
        {\sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2}

    At c = 1 and a fixed point of q, this is :math:`\chi`.

    Parameters
    ----------
    activation, c, q, weight_variance, bias_variance
        As in `correlation_map`.

    Returns
    -------
    float

    References
    ----------
    S. S. Schoenholz et al., "Deep information propagation", ICLR 2017, section 3.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.mean_field import correlation_slope
    >>> round(correlation_slope(ReLU(), 0.0, q=1.0, weight_variance=2.0), 6)
    0.5
    """
    check_number(c, "c", low=-1, high=1)
    product = mean_of_products(activation.slope, c, q)
    next_q = variance_map(activation, q, weight_variance, bias_variance)
    return float(weight_variance * q * product / next_q)


def critical_point(activation: BaseActivation, bias_variance: float = 0.0) -> tuple[float, float]:
    r"""Find the edge of chaos: the weight variance that keeps both the signal and the gradient.

    Solves :math:`q = \sigma_w^2 \operatorname{E} \phi^2 + \sigma_b^2` together with
    :math:`\chi = 1`, for the smallest such q.

    Parameters
    ----------
    activation : BaseActivation
    bias_variance : float, default=0.0

    Returns
    -------
    weight_variance : float
        Variance of a weight, times the fan-in.
    q : float
        Fixed point of the mean square of the pre-activations; 0 if the signal fades slowly while
        the gradient is kept. If every q is a fixed point, as with ReLU, it is 1.

    Raises
    ------
    ValueError
        If there is no such point.

    References
    ----------
    S. S. Schoenholz, J. Gilmer, S. Ganguli and J. Sohl-Dickstein, "Deep information propagation",
    ICLR 2017, section 3.

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> from skinit.mean_field import critical_point
    >>> print(*critical_point(ReLU()))
    2.0 1.0
    >>> weight_variance, q = critical_point(Tanh(), bias_variance=0.05)
    >>> print(f"{weight_variance:.6f} {q:.6f}")
    1.760955 0.570048
    """
    if bias_variance == 0 and abs(activation.value(np.zeros(1))[0]) < 1e-12:
        # Without biases and with phi(0) = 0, q = 0 is a fixed point, and the slopes at 0 decide. If
        # the activation is linear on each side of 0, as ReLU is, every q is a fixed point.
        weight_variance = at_chi_one(activation, slope_square_at_zero(activation))
        surpluses = [surplus(activation, q, weight_variance, 0.0) for q in (0.01, 1, 100)]
        return weight_variance, float(np.allclose(surpluses, 0, atol=1e-9))

    def surplus_at_chi_one(log_q: float) -> float:
        _, square, slope_square = moments(activation, np.exp(log_q))
        return (square / slope_square + bias_variance) / np.exp(log_q) - 1

    # Activations that grow fast may overflow for large q, where there is no critical point.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        surpluses = np.array([surplus_at_chi_one(log_q) for log_q in LOG_Q])
    crossings = np.flatnonzero(surpluses[:-1] * surpluses[1:] <= 0)
    if not len(crossings):
        raise ValueError(
            f"activation={activation!r} has no edge of chaos for bias_variance={bias_variance:g}: "
            "weights that keep the gradient do not keep the signal; give another bias_variance"
        )
    q = np.exp(brentq(surplus_at_chi_one, *LOG_Q[crossings[0] :][:2], xtol=1e-13))
    _, _, slope_square = moments(activation, q)
    return at_chi_one(activation, slope_square), float(q)


# Grid on which critical and fixed points are searched, and the mean squares that stand for a signal
# that has faded to 0 or diverged.
LOG_Q = np.linspace(np.log(1e-8), np.log(1e6), 80)
FADED, GROWN = 1e-20, 1e20


def surplus(
    activation: BaseActivation, q: float, weight_variance: float, bias_variance: float
) -> float:
    """Return the relative change of q in a layer."""
    return variance_map(activation, q, weight_variance, bias_variance) / q - 1


def slope_square_at_zero(activation: BaseActivation) -> float:
    """Return the mean of the squares of the slopes just above and just below 0."""
    _, _, slope_square = moments(activation, FADED)
    return slope_square if slope_square > 1e-12 else 0.0


def at_chi_one(activation: BaseActivation, slope_square: float) -> float:
    """Return the weight variance that keeps the gradient, or raise an error if there is none."""
    if not slope_square > 0:
        raise ValueError(
            f"activation={activation!r} has no edge of chaos: its slope is 0 around 0, so that "
            "the gradient vanishes for any weights"
        )
    return 1 / slope_square


def fixed_variance(
    activation: BaseActivation,
    weight_variance: float,
    bias_variance: float = 0.0,
    start: float = 1.0,
) -> float:
    r"""Compute the limit of the mean square of the pre-activations in a deep network.

    Parameters
    ----------
    activation : BaseActivation
    weight_variance : float
        Variance of a weight, times the fan-in.
    bias_variance : float, default=0.0
    start : float, default=1.0
        Mean square in the first layer. Most networks have the same limit for all.

    Returns
    -------
    float
        q, the first fixed point of the variance map that the signal reaches; 0 if it fades,
        infinity if it diverges, and `start` if it does not change, as with ReLU and
        ``weight_variance=2``.

    References
    ----------
    B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
    NeurIPS 2016.

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> from skinit.mean_field import fixed_variance
    >>> round(fixed_variance(Tanh(), weight_variance=2.0, bias_variance=0.05), 6)
    0.721762
    >>> [fixed_variance(ReLU(), weight_variance) for weight_variance in (1.9, 2.0, 2.1)]
    [0.0, 1.0, inf]
    """
    check_number(start, "start", above=0)

    def surplus_at(log_q: float) -> float:
        return surplus(activation, np.exp(log_q), weight_variance, bias_variance)

    log_start = np.log(start)
    first = surplus_at(log_start)
    if abs(first) < 1e-12:
        return float(start)
    ahead = log_start < LOG_Q
    path = LOG_Q[ahead] if first > 0 else LOG_Q[~ahead][::-1]
    for nearer, farther in pairwise([log_start, *path]):
        if first * surplus_at(farther) < 0:
            return float(np.exp(brentq(surplus_at, nearer, farther, xtol=1e-13)))
    return np.inf if first > 0 else 0.0


def fixed_correlation(
    activation: BaseActivation, q: float, weight_variance: float, bias_variance: float = 0.0
) -> float:
    r"""Compute the limit of the correlation of two different samples in a deep network.

    Parameters
    ----------
    activation, q, weight_variance, bias_variance
        As in `correlation_map`; q should be a fixed point of the variance map.

    Returns
    -------
    float
        c: 1 in the ordered phase, where all samples become similar, below 1 in the chaotic one.
        It is also 1 if every correlation is a fixed point, as in a linear network.

    References
    ----------
    B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
    NeurIPS 2016.

    Examples
    --------
    >>> from skinit.activations import Tanh
    >>> from skinit.mean_field import fixed_correlation, fixed_variance
    >>> for weight_variance in (1.0, 4.0):
    ...     q = fixed_variance(Tanh(), weight_variance, 0.05)
    ...     print(round(fixed_correlation(Tanh(), q, weight_variance, 0.05), 4))
    1.0
    0.1651
    """
    settings = q, weight_variance, bias_variance

    def rise(c: float) -> float:
        return correlation_map(activation, c, *settings) - c

    # The map is convex on [0, 1] with a fixed point at 1, so there is at most one below 1.
    almost_one = 1 - 1e-6
    if rise(almost_one) > -1e-12:
        return 1.0
    if rise(0.0) < 1e-12:
        return 0.0
    return float(brentq(rise, 0, almost_one, xtol=1e-13))


def depth_scales(
    activation: BaseActivation, weight_variance: float, bias_variance: float = 0.0
) -> tuple[float, float]:
    r"""Compute how many layers the size of a signal, and the correlation of two, take to converge.

    .. math:: \xi_q = -1 / \ln \frac{d q'}{d q}, \qquad \xi_c = -1 / \ln \frac{d c'}{d c}

    at the fixed points. In so many layers the difference from the fixed point shrinks to 1 / e of
    itself. Networks of more than about six times :math:`\xi_c` layers do not train.

    Parameters
    ----------
    activation : BaseActivation
    weight_variance : float
        Variance of a weight, times the fan-in.
    bias_variance : float, default=0.0

    Returns
    -------
    xi_q : float
        Of the mean square of the pre-activations.
    xi_c : float
        Of the correlation of two samples. A depth scale is infinite if the slope is 1 or more, as
        :math:`\xi_c` is on the edge of chaos.

    References
    ----------
    S. S. Schoenholz, J. Gilmer, S. Ganguli and J. Sohl-Dickstein, "Deep information propagation",
    ICLR 2017, section 3.

    Examples
    --------
    >>> from skinit.activations import Tanh
    >>> from skinit.mean_field import depth_scales
    >>> for weight_variance in (1.0, 1.7, 3.0):  # ordered, near the edge of chaos, chaotic
    ...     print(*(f"{scale:.2f}" for scale in depth_scales(Tanh(), weight_variance, 0.05)))
    1.75 3.63
    1.56 74.92
    1.04 9.05
    """
    q = float(np.clip(fixed_variance(activation, weight_variance, bias_variance), FADED, GROWN))
    c = fixed_correlation(activation, q, weight_variance, bias_variance)
    return (
        depth_scale(variance_slope(activation, q, weight_variance)),
        depth_scale(correlation_slope(activation, c, q, weight_variance, bias_variance)),
    )


def depth_scale(slope: float) -> float:
    """Return the number of layers in which a change shrinks to 1 / e of itself."""
    if slope > 1 - 1e-9:
        return np.inf
    return 0.0 if slope == 0 else float(-1 / np.log(abs(slope)))
