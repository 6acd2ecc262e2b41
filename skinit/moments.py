r"""What random weights do to a signal: the averages that mean-field theory is made of.

In a wide layer of random weights a pre-activation is Gaussian, so that all that happens to its
size, to the size of a gradient and to the likeness of two samples follows from a few averages
over Gaussian numbers. `gaussian_mean` computes them for any activation, `gain` turns them into
standard deviations of weights, and the maps follow a signal from one layer to the next.

Throughout, a weight has the variance ``weight_variance / fan_in`` and a bias ``bias_variance``;
q is the mean square of the pre-activations, c the correlation of those of two samples.
"""

import numpy as np
from scipy.optimize import brentq

from skinit.registry import look_up

__all__ = [
    "chi",
    "correlation_map",
    "critical_point",
    "gain",
    "gaussian_mean",
    "moments",
    "variance_map",
]


def gaussian_nodes(edges, degree):
    """Lay out nodes and weights for averages over a standard normal number, panel by panel."""
    nodes, weights = np.polynomial.legendre.leggauss(degree)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    z = (middle[:, np.newaxis] + half[:, np.newaxis] * nodes).ravel()
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return z, (half[:, np.newaxis] * weights).ravel() * density


# Panels halve their length towards 0, where activations have their kinks and steep ones change;
# Gauss-Hermite nodes, which have no panels, lose three digits at the kink of ReLU.
UPPER_EDGES = np.r_[0, 2.0 ** np.arange(-12, 1), 1.5, 2, 3, 4, 5, 6, 8, 10, 12]
NODES, WEIGHTS = gaussian_nodes(np.r_[-UPPER_EDGES[:0:-1], UPPER_EDGES], degree=12)
# In two dimensions kinks lie across all panels, and finer ones gain little.
COARSE_NODES, COARSE_WEIGHTS = gaussian_nodes(np.arange(-8.0, 9.0), degree=8)


def gaussian_mean(function, variance=1.0):
    r"""Average a function over a Gaussian number of mean 0.

    .. math:: \operatorname{E} f(\sqrt{q} \, z), \qquad z \sim N(0, 1)

    Parameters
    ----------
    function : callable
        f, which takes an array of numbers and returns as many.
    variance : float, default=1.0
        q.

    Returns
    -------
    float
        To about 12 digits for a function that is smooth but for kinks at 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.moments import gaussian_mean
    >>> round(gaussian_mean(np.square, variance=3.0), 12)
    3.0
    """
    return float(np.asarray(function(np.sqrt(variance) * NODES)) @ WEIGHTS)


def moments(activation, variance=1.0):
    r"""Average an activation, its square, and the square of its slope.

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
    >>> from skinit.moments import moments
    >>> print(*(round(value, 4) for value in moments(ReLU())))
    0.3989 0.5 0.5
    """
    z = np.sqrt(variance) * NODES
    values, slopes = activation.value(z), activation.slope(z)
    return float(values @ WEIGHTS), float(values**2 @ WEIGHTS), float(slopes**2 @ WEIGHTS)


# What each kind of gain keeps at its size, from E phi, E phi^2 and E phi'^2.
KEPT = {
    "forward": lambda mean, square, slope_square: square,
    "backward": lambda mean, square, slope_square: slope_square,
    "centred": lambda mean, square, slope_square: square - mean**2,
}


def gain(activation, direction="forward"):
    r"""Compute by how much weights must be larger than 1 / sqrt(fan_in) behind an activation.

    Parameters
    ----------
    activation : BaseActivation
        Any, also one of your own.
    direction : {"forward", "backward", "centred"}, default="forward"
        What is kept: the mean square of the signal, :math:`1 / \sqrt{\operatorname{E} \phi^2}`;
        the mean square of the gradient, :math:`1 / \sqrt{\operatorname{E} \phi'^2}`; or the
        variance of the signal, :math:`1 / \operatorname{std} \phi`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `direction` is not known, or the activation does not move for Gaussian numbers of
        variance 1.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015, sections 2.2
    (its two conditions, here for any activation).

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> from skinit.moments import gain
    >>> round(gain(ReLU()) ** 2, 6), round(gain(Tanh()), 6), round(gain(Tanh(), "backward"), 6)
    (2.0, 1.592537, 1.467414)
    """
    kept = look_up(direction, KEPT, "direction")(*moments(activation))
    if not kept > 0 or not np.isfinite(kept):
        raise ValueError(
            f"activation={activation!r} has no {direction} gain: what it should keep averages to "
            f"{kept:g} over Gaussian numbers, and must be above 0 and finite; give a gain by hand"
        )
    return float(1 / np.sqrt(kept))


def variance_map(activation, q, weight_variance, bias_variance=0.0):
    r"""Follow the mean square of the pre-activations to the next layer.

    .. math:: q' = \sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2

    Parameters
    ----------
    activation : BaseActivation
    q : float
    weight_variance : float
        The variance of a weight, times the fan-in.
    bias_variance : float, default=0.0

    Returns
    -------
    float

    References
    ----------
    B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein and S. Ganguli, "Exponential expressivity in
    deep neural networks through transient chaos", NeurIPS 2016, equation 3.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.moments import variance_map
    >>> round(variance_map(ReLU(), 3.0, weight_variance=2.0), 6)
    3.0
    """
    return weight_variance * gaussian_mean(lambda z: activation.value(z) ** 2, q) + bias_variance


def chi(activation, q, weight_variance):
    r"""Compute the factor by which a layer multiplies the mean square of a gradient.

    .. math:: \chi = \sigma_w^2 \operatorname{E} \phi'(\sqrt{q} z)^2

    Above 1 gradients explode and near samples are driven apart, below 1 they vanish.

    Parameters
    ----------
    activation : BaseActivation
    q : float
    weight_variance : float
        The variance of a weight, times the fan-in.

    Returns
    -------
    float

    References
    ----------
    S. S. Schoenholz, J. Gilmer, S. Ganguli and J. Sohl-Dickstein, "Deep information propagation",
    ICLR 2017, equation 5.

    Examples
    --------
    >>> from skinit.activations import ReLU
    >>> from skinit.moments import chi
    >>> round(chi(ReLU(), 1.0, weight_variance=1.0), 6)
    0.5
    """
    return weight_variance * gaussian_mean(lambda z: activation.slope(z) ** 2, q)


def correlation_map(activation, c, q, weight_variance, bias_variance=0.0):
    r"""Follow the correlation of two samples to the next layer.

    .. math:: c' = \frac{\sigma_w^2 \operatorname{E} \phi(\sqrt{q} z_1) \phi(\sqrt{q} z_2)
        + \sigma_b^2}{\sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2}

    where z_1 and z_2 are standard normal with correlation c.

    Parameters
    ----------
    activation : BaseActivation
    c : float
        From -1 to 1.
    q : float
        The mean square of the pre-activations, the same for both samples.
    weight_variance : float
        The variance of a weight, times the fan-in.
    bias_variance : float, default=0.0

    Returns
    -------
    float

    References
    ----------
    B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos",
    NeurIPS 2016, equation 5.

    Examples
    --------
    >>> from skinit.activations import Identity
    >>> from skinit.moments import correlation_map
    >>> round(correlation_map(Identity(), 0.3, q=2.0, weight_variance=1.0), 6)
    0.3
    """
    z = np.sqrt(q) * COARSE_NODES
    second = c * z[:, np.newaxis] + np.sqrt(1 - c * c) * z
    averaged = activation.value(second) @ COARSE_WEIGHTS
    together = (COARSE_WEIGHTS * activation.value(z)) @ averaged
    spread = variance_map(activation, q, weight_variance, bias_variance)
    return float((weight_variance * together + bias_variance) / spread)


def critical_point(activation, bias_variance=0.0):
    r"""Find the edge of chaos: weights that keep both the signal and the gradient for ever.

    Solves :math:`q = \sigma_w^2 \operatorname{E} \phi^2 + \sigma_b^2` together with
    :math:`\chi = 1`, for the smallest such q.

    Parameters
    ----------
    activation : BaseActivation
    bias_variance : float, default=0.0

    Returns
    -------
    weight_variance : float
        The variance of a weight, times the fan-in.
    q : float
        Where the mean square of the pre-activations stays; 0 where it fades so slowly that the
        gradient does not. Where every q stays, as with ReLU, it is 1.

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
    >>> from skinit.moments import critical_point
    >>> print(*critical_point(ReLU()))
    2.0 1.0
    >>> weight_variance, q = critical_point(Tanh(), bias_variance=0.05)
    >>> print(f"{weight_variance:.6f} {q:.6f}")
    1.760955 0.570048
    """

    def surplus(log_q):
        """By how much a layer enlarges q, as a part of it, with weights that make chi one."""
        _, square, slope_square = moments(activation, np.exp(log_q))
        return (square / slope_square + bias_variance) / np.exp(log_q) - 1

    if bias_variance == 0 and activation.value(np.zeros(1))[0] == 0:
        # Nothing keeps a signal from fading to 0, and around 0 the activation is as good as linear,
        # or as two lines; a rectifier is so everywhere.
        _, _, slope_square = moments(activation, 1e-20)
        scale_free = np.allclose([surplus(log_q) for log_q in (-5, 0, 5)], 0, atol=1e-9)
        return at_chi_one(activation, slope_square), float(scale_free)
    log_q = np.linspace(np.log(1e-8), np.log(1e6), 200)
    surpluses = np.array([surplus(each) for each in log_q])
    crossings = np.flatnonzero(surpluses[:-1] * surpluses[1:] <= 0)
    if not len(crossings):
        raise ValueError(
            f"activation={activation!r} has no edge of chaos for bias_variance={bias_variance:g}: "
            "where the gradient stays, the signal does not; give another bias_variance, or use "
            "an initializer that centres the signal, such as 'auto'"
        )
    first = crossings[0]
    q = np.exp(brentq(surplus, log_q[first], log_q[first + 1], xtol=1e-13))
    _, _, slope_square = moments(activation, q)
    return at_chi_one(activation, slope_square), float(q)


def at_chi_one(activation, slope_square):
    """Return the variance of weights that keeps the gradient, or say that none does."""
    if not slope_square > 0:
        raise ValueError(
            f"activation={activation!r} has no edge of chaos: its slope is 0 around 0, and no "
            "weights bring a gradient through"
        )
    return 1 / slope_square
