"""Operating points: the signal size and the bias at which an activation is closest to linear.

A linear layer changes neither the size of a signal nor that of a gradient, at any depth. Averages
over Gaussian signals measure how far from linear an activation, or a mirrored pair of units, is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.activations import BaseActivation
from skinit.initializers.layer import Layer
from skinit.mean_field import NODES, WEIGHTS

__all__ = ["OperatingPoint", "has_flat_ends", "is_odd", "operating_point", "operating_points"]

# Sizes of the signal to try, largest first: activations are closer to linear for small signals,
# but gradients with respect to the weights are larger for large ones.
SIZES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125)
# Biases to try if no size suffices at bias 0, those nearest to 0 first.
BIASES = np.array(sorted(np.linspace(-4, 4, 161), key=abs))
SIZES_WITH_BIASES = (0.5, 0.35, 0.25, 0.18, 0.125, 0.06)
# Biases at which the slope is below this part of the steepest one are left out.
FLAT = 0.1


@dataclass(frozen=True)
class OperatingPoint:
    """Bias of the units of a layer, and size of the signal that enters them.

    Parameters
    ----------
    mirrored : bool
        Whether the units form pairs, see `Mirrored`.
    bias : float
        Bias of the units.
    size : float
        Root mean square of the signal that enters the units.
    slope : float
        Factor by which the units, or the pairs, multiply this size.
    """

    mirrored: bool
    bias: float
    size: float
    slope: float


def operating_point(
    activation: BaseActivation,
    n_hidden: int,
    tolerance: float = 0.5,
    sizes: tuple[float, ...] = SIZES,
    peak: float = 1.0,
) -> OperatingPoint:
    r"""Find the operating point at which an activation stays nearly linear through many layers.

    Let h be the response of the units: :math:`h(z) = \phi(z)` for an odd activation,
    :math:`h(z) = \phi(b + z) - \phi(b - z)` for mirrored pairs, scaled to keep a signal of size r.
    A layer multiplies the mean square of the gradient by :math:`\chi = r^2 \operatorname{E}
    h'^2 / \operatorname{E} h^2`, and a deviation of the signal's mean square from r^2 by
    :math:`e = \operatorname{E} h h' z / \operatorname{E} h^2`. Both are 1 if h is linear. The
    result is the largest size for which :math:`|\log \chi|` and :math:`e - 1`, times the number of
    layers, are within the tolerance at bias 0. If there is none, it is the bias nearest to 0 for
    which they are.

    Parameters
    ----------
    activation : BaseActivation
    n_hidden : int
        Hidden layers of the network.
    tolerance : float, default=0.5
    sizes : tuple of float
        Sizes to try.
    peak : float, default=1.0
        Factor by which the signal is larger in the narrowest layer; e is computed there.

    Returns
    -------
    OperatingPoint
        The one of least deviation if none is within the tolerance.

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> operating_point(ReLU(), n_hidden=100)
    OperatingPoint(mirrored=True, bias=0.0, size=1.0, slope=1.0)
    >>> operating_point(Tanh(), n_hidden=100).size
    0.25
    """
    mirrored = not is_odd(activation)
    for size in sizes:
        slope, deviation = deviations(activation, np.zeros(1), size, peak, mirrored)
        if n_hidden * deviation[0] < tolerance:
            return OperatingPoint(mirrored, 0.0, size, float(slope[0]))
    return point_with_bias(activation, n_hidden, tolerance, max(sizes), peak) or OperatingPoint(
        mirrored, 0.0, 1.0, 1.0
    )


def point_with_bias(
    activation: BaseActivation, n_hidden: int, tolerance: float, largest: float, peak: float
) -> OperatingPoint | None:
    """Find an operating point of mirrored pairs with a bias; None if no response is finite."""
    best, least = None, np.inf
    for size in [size for size in SIZES_WITH_BIASES if size <= largest]:
        slope, deviation = deviations(activation, BIASES, size, peak, mirrored=True)
        deviation[slope < FLAT * slope.max()] = np.inf
        within = n_hidden * deviation < tolerance
        chosen = np.argmax(within) if within.any() else np.argmin(deviation)
        if deviation[chosen] < least:
            best = OperatingPoint(True, float(BIASES[chosen]), size, float(slope[chosen]))
            least = deviation[chosen]
        if within.any():
            break
    return best


def operating_points(layer: Layer, tolerance: float) -> list[OperatingPoint]:
    """Find the operating points of all hidden layers of a network, with one signal size for all."""
    if ("operating points", tolerance) not in layer.memo:
        activations, widths = layer.network.activations, layer.widths[1:-1]
        n_hidden, sizes = len(activations), SIZES
        peak = np.sqrt(max(widths, default=1) / min(widths, default=1))
        distinct = {id(activation): activation for activation in activations}  # often one for all
        found: dict[int, Any] = {}
        # The second round uses the smallest size of the first, which suits all activations.
        for _ in range(2):
            found = {
                key: operating_point(activation, n_hidden, tolerance, sizes, peak)
                for key, activation in distinct.items()
            }
            sizes = (min((point.size for point in found.values()), default=1.0),)
        layer.memo["operating points", tolerance] = [
            found[id(activation)] if width > 1 else point_of_single_unit(activation, sizes[0])
            for activation, width in zip(activations, widths, strict=True)
        ]
    return layer.memo["operating points", tolerance]


def point_of_single_unit(activation: BaseActivation, size: float) -> OperatingPoint:
    """Find the operating point of a layer of one unit, which cannot form a pair."""
    biases = np.array([0.0] if is_odd(activation) else [0.0, 2 * size, -2 * size])
    slope, deviation = deviations(activation, biases, size, 1.0, mirrored=False, centered=True)
    deviation[slope < FLAT * slope.max()] = np.inf
    chosen = np.argmin(deviation)
    return OperatingPoint(False, float(biases[chosen]), size, float(slope[chosen]) or 1.0)


def deviations(
    activation: BaseActivation,
    biases: Array,
    size: float,
    peak: float,
    mirrored: bool,
    centered: bool = False,
) -> tuple[Array, Array]:
    r"""Compute the factor by which units multiply a signal, and their deviation from linearity.

    Parameters
    ----------
    activation : BaseActivation
    biases : ndarray of shape (n_biases,)
    size, peak : float
    mirrored : bool
    centered : bool, default=False
        Whether to subtract the mean, as the biases of the next layer do for units without a pair.

    Returns
    -------
    slope : ndarray of shape (n_biases,)
    deviation : ndarray of shape (n_biases,)
        The larger one of \|log chi\| and e - 1; infinite where the output is constant.
    """
    slope, chi, growth = response(activation, biases, size, mirrored, centered)
    if peak > 1:
        _, _, growth = response(activation, biases, size * peak, mirrored, centered)
    with np.errstate(all="ignore"):  # chi is 0 or nan where the output is constant
        deviation = np.maximum(abs(np.log(chi)), growth - 1)
    return slope, np.where(np.isfinite(deviation), deviation, np.inf)


def response(
    activation: BaseActivation, biases: Array, size: float, mirrored: bool, centered: bool = False
) -> tuple[Array, Array, Array]:
    """Compute the slope, chi and e of `operating_point` for each bias."""
    z, b = size * NODES, biases[:, np.newaxis]
    with np.errstate(all="ignore"):  # results that are not finite are left out by the caller
        h, h_slope = activation.value(b + z), activation.slope(b + z)
        if mirrored:
            h, h_slope = h - activation.value(b - z), h_slope + activation.slope(b - z)
        if centered:
            h = h - (h @ WEIGHTS)[:, np.newaxis]
        h_square = h**2 @ WEIGHTS
        chi = size**2 * (h_slope**2 @ WEIGHTS) / h_square
        growth = (h * h_slope * z) @ WEIGHTS / h_square
    return np.sqrt(h_square) / size, chi, growth


def is_odd(activation: BaseActivation) -> bool:
    """Tell whether phi(-z) is -phi(z)."""
    z = np.linspace(0.01, 5, 50)
    value = activation.value(z)
    return bool(abs(value + activation.value(-z)).max() <= 1e-6 * abs(value).max())


def has_flat_ends(activation: BaseActivation) -> bool:
    """Tell whether an activation saturates on both sides."""
    far = np.array([-1e4, -1e3, 1e3, 1e4])
    with np.errstate(all="ignore"):  # an activation that overflows does not saturate
        left, left_nearer, right_nearer, right = activation.value(far)
        return bool(abs(left - left_nearer) < 0.01 and abs(right - right_nearer) < 0.01)
