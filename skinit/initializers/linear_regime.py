"""Where units work best: the size of the signal and the bias at which they are most like a line.

A line changes neither the size of a signal nor that of a gradient, through any number of layers.
Averages over Gaussian signals tell how far from one an activation, or a mirrored pair of units, is.
"""

from dataclasses import dataclass

import numpy as np

from skinit.mean_field import NODES, WEIGHTS

__all__ = ["WorkingPoint", "has_flat_ends", "is_odd", "working_point", "working_points"]

# Sizes of a signal, largest first: a small one bends less, and teaches the weights less.
SIZES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125)
# Biases to try where no size is small enough at bias 0, those nearest to 0 first.
BIASES = np.array(sorted(np.linspace(-4, 4, 161), key=abs))
SIZES_BESIDE_BIASES = (0.5, 0.35, 0.25, 0.18, 0.125, 0.06)
# A place where an activation is flatter than this part of its steepest is not worth working at.
FLAT = 0.1


@dataclass(frozen=True)
class WorkingPoint:
    """Where the units of a layer work.

    Parameters
    ----------
    mirrored : bool
        Whether in pairs, see `Mirrored`.
    bias : float
        Bias of the units.
    size : float
        Root mean square of the signal that they see.
    slope : float
        By how much they, or the pairs, enlarge it.
    """

    mirrored: bool
    bias: float
    size: float
    slope: float


def working_point(activation, n_hidden, tolerance=0.5, sizes=SIZES, peak=1.0):
    r"""Find where an activation stays most like a line through many layers.

    With the response :math:`h(z) = \phi(z)` of an odd activation, or
    :math:`h(z) = \phi(b + z) - \phi(b - z)` of mirrored pairs, scaled to keep a signal of the size
    r, a layer multiplies the mean square of the gradient by :math:`\chi = r^2 \operatorname{E}
    h'^2 / \operatorname{E} h^2`, and a deviation of the signal's mean square from r^2 by
    :math:`e = \operatorname{E} h h' z / \operatorname{E} h^2`. Both are 1 for a line. Taken is the
    largest size at which, for all layers together, :math:`|\log \chi|` and :math:`e - 1` are
    within the tolerance; and where there is none, the bias nearest to 0 at which they are.

    Parameters
    ----------
    activation : BaseActivation
    n_hidden : int
        Hidden layers of the network.
    tolerance : float, default=0.5
    sizes : tuple of float
        Sizes to try.
    peak : float, default=1.0
        By how much larger the signal is in the narrowest layer, where e is taken.

    Returns
    -------
    WorkingPoint
        That of the least deviation, where none is within the tolerance.

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> working_point(ReLU(), n_hidden=100)
    WorkingPoint(mirrored=True, bias=0.0, size=1.0, slope=1.0)
    >>> working_point(Tanh(), n_hidden=100).size
    0.25
    """
    mirrored = not is_odd(activation)
    for size in sizes:
        slope, deviation = deviations(activation, np.zeros(1), size, peak, mirrored)
        if n_hidden * deviation[0] < tolerance:
            return WorkingPoint(mirrored, 0.0, size, float(slope[0]))
    best = None, np.inf
    for size in [size for size in SIZES_BESIDE_BIASES if size <= max(sizes)]:
        slope, deviation = deviations(activation, BIASES, size, peak, mirrored=True)
        deviation[slope < FLAT * slope.max()] = np.inf
        within = n_hidden * deviation < tolerance
        chosen = np.argmax(within) if within.any() else np.argmin(deviation)
        if deviation[chosen] < best[1]:
            point = WorkingPoint(True, float(BIASES[chosen]), size, float(slope[chosen]))
            best = point, deviation[chosen]
        if within.any():
            break
    return best[0] or WorkingPoint(mirrored, 0.0, 1.0, 1.0)


def working_points(layer, tolerance):
    """Find where the units of every hidden layer work, with a size of the signal for all."""
    if ("working points", tolerance) not in layer.memo:
        activations, widths = layer.network.activations, layer.widths[1:-1]
        n_hidden, sizes = len(activations), SIZES
        peak = np.sqrt(max(widths, default=1) / min(widths, default=1))
        kinds = {id(activation): activation for activation in activations}  # often one for all
        # The second round has the size that suits all kinds.
        for _ in range(2):
            found = {
                key: working_point(kind, n_hidden, tolerance, sizes, peak)
                for key, kind in kinds.items()
            }
            sizes = (min((point.size for point in found.values()), default=1.0),)
        layer.memo["working points", tolerance] = [
            found[id(activation)] if width > 1 else unpaired(activation, sizes[0])
            for activation, width in zip(activations, widths, strict=True)
        ]
    return layer.memo["working points", tolerance]


def unpaired(activation, size):
    """Find where a single unit works: where it is steep for most of a signal of some size."""
    biases = np.array([0.0] if is_odd(activation) else [0.0, 2 * size, -2 * size])
    slope, deviation = deviations(activation, biases, size, 1.0, mirrored=False, centred=True)
    deviation[slope < FLAT * slope.max()] = np.inf
    chosen = np.argmin(deviation)
    return WorkingPoint(False, float(biases[chosen]), size, float(slope[chosen]) or 1.0)


def deviations(activation, biases, size, peak, mirrored, centred=False):
    r"""Compute by how much units enlarge a signal, and how far from a line they are.

    Parameters
    ----------
    activation : BaseActivation
    biases : ndarray of shape (n_biases,)
    size, peak : float
    mirrored : bool
    centred : bool, default=False
        Whether the mean is subtracted, as the next layer's biases do for units without a mirror.

    Returns
    -------
    slope : ndarray of shape (n_biases,)
    deviation : ndarray of shape (n_biases,)
        The larger one of \|log chi\| and e - 1; infinite where units do not answer at all.
    """
    slope, chi, growth = response(activation, biases, size, mirrored, centred)
    if peak > 1:
        _, _, growth = response(activation, biases, size * peak, mirrored, centred)
    with np.errstate(all="ignore"):  # where units do not answer
        deviation = np.maximum(abs(np.log(chi)), growth - 1)
    return slope, np.where(np.isfinite(deviation), deviation, np.inf)


def response(activation, biases, size, mirrored, centred=False):
    """Compute the slope, chi and e of `working_point` for each bias."""
    z, b = size * NODES, biases[:, np.newaxis]
    with np.errstate(all="ignore"):  # what overflows, or does not answer, is left out
        h, h_slope = activation.value(b + z), activation.slope(b + z)
        if mirrored:
            h, h_slope = h - activation.value(b - z), h_slope + activation.slope(b - z)
        if centred:
            h = h - (h @ WEIGHTS)[:, np.newaxis]
        h_square = h**2 @ WEIGHTS
        chi = size**2 * (h_slope**2 @ WEIGHTS) / h_square
        growth = (h * h_slope * z) @ WEIGHTS / h_square
    return np.sqrt(h_square) / size, chi, growth


def is_odd(activation):
    """Tell whether phi(-z) is -phi(z)."""
    z = np.linspace(0.01, 5, 50)
    value = activation.value(z)
    return abs(value + activation.value(-z)).max() <= 1e-6 * abs(value).max()


def has_flat_ends(activation):
    """Tell whether an activation comes to rest on both sides."""
    far = np.array([-1e4, -1e3, 1e3, 1e4])
    with np.errstate(all="ignore"):  # one that overflows is not flat
        left, left_nearer, right_nearer, right = activation.value(far)
        return abs(left - left_nearer) < 0.01 and abs(right - right_nearer) < 0.01
