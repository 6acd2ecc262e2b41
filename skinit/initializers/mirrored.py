r"""Units in mirrored pairs, which turn any activation into an odd one.

A pair sees z and -z, and the next layer reads the difference of what it answers,
:math:`\phi(b + z) - \phi(b - z)`. Whatever the activation, this is odd in z, and for many it is
a line: 2z for the identity, z for ReLU, GELU, SiLU and softplus.
"""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skinit.initializers.base import Initializer
from skinit.initializers.structured import semi_orthogonal

__all__ = ["Mirrored", "in_pairs", "n_read", "n_seen", "pair_slope", "read_pairs"]

# Wide enough for rounding, narrow enough for any activation to be a line on both sides of 0.
STEP = 1e-4


class Mirrored(Initializer):
    r"""Pairs of units that see z and -z: the network starts as a chain of rotations.

    .. math:: W = \frac{1}{s} \begin{pmatrix} Q & -Q \\ -Q & Q \end{pmatrix},
        \qquad s = \frac{\phi(b + h) - \phi(b - h)}{h}

    with a random rotation Q, the slope s of a pair at 0 (h is small), and the bias b. The first
    layer is (Q, -Q), the last one reads the pairs. For ReLU the whole network is linear at the
    start, and signal and gradient keep their length through any depth; for other activations it
    is so for signals small enough. A layer of an odd number of units has one that nobody reads at
    first. The signal has half as many directions as there are units.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the weights.
    bias : float, default=0.0
        The bias b of every unit; where an activation is steep and straight.

    See Also
    --------
    Auto : Pairs where they help, with biases and sizes that suit the activation.

    References
    ----------
    D. Balduzzi et al., "The shattered gradients problem: if resnets are the answer, then what is
    the question?", ICML 2017 (looks linear: pairs of ReLU).

    Examples
    --------
    >>> import numpy as np
    >>> from skinit import initialize_parameters
    >>> start = initialize_parameters([2, 4, 2], Mirrored(), random_state=0)
    >>> rotation = start["W2"] @ np.maximum(start["W1"], 0)  # of the two unit vectors
    >>> abs(rotation @ rotation.T).round(12)
    array([[1., 0.],
           [0., 1.]])
    """

    advice = "deep networks of ReLU, GELU, SiLU, softplus"
    cost = "a QR decomposition of each layer, at half its widths"

    def __init__(self, gain=1.0, bias=0.0):
        self.gain = gain
        self.bias = bias

    @property
    def formula(self):
        length = "" if self.gain == 1 else f"{self.gain:g} "
        return f"W = {length}(Q, -Q; -Q, Q) / slope of a pair, Q uniform over rotations"

    def __call__(self, layer, rng):
        check_scalar(self.gain, "gain", Real)
        check_scalar(self.bias, "bias", Real)
        n_in = layer.fan_in if layer.index == 0 else n_read(layer.fan_in)
        n_out = layer.fan_out if layer.is_output else n_seen(layer.fan_out)
        W = self.gain * semi_orthogonal(rng.normal(size=(n_out, n_in)).T)
        if layer.index > 0:
            slope = pair_slope(layer.incoming_activation, self.bias)
            W = read_pairs(W, layer.fan_in) / (slope or 1.0)
        if layer.is_output:
            return W, np.zeros(layer.fan_out)
        return in_pairs(W, np.zeros(n_out), self.bias, layer.fan_out)


def n_seen(n_units):
    """Count the signals that the units of a layer see: one for a pair, one for one left over."""
    return (n_units + 1) // 2


def n_read(n_units):
    """Count the signals that are read from a layer: one for a pair, or for a single unit."""
    return max(n_units // 2, 1)


def pair_slope(activation, bias=0.0):
    """Compute the slope at 0 of what a pair of units answers, kinks and all."""
    up, down = activation.value(np.array([bias + STEP, bias - STEP]))
    return float(up - down) / STEP


def in_pairs(W, offset, bias, n_units):
    """Let units see signals in pairs: all first ones, then all second ones.

    Parameters
    ----------
    W : ndarray of shape (fan_in, n_seen)
        What the first of each pair sees; the second sees its negative. An odd number of units has
        one at the end of the first ones that has no second.
    offset : ndarray of shape (n_seen,)
        Added to it.
    bias : float
        Added for both.
    n_units : int

    Returns
    -------
    W : ndarray of shape (fan_in, n_units)
    b : ndarray of shape (n_units,)
    """
    n_pairs = n_units // 2
    b = bias + np.concatenate([offset, -offset[:n_pairs]])
    return np.hstack([W, -W[:, :n_pairs]]), b


def read_pairs(Q, n_units):
    """Read the difference of each pair, and nothing from a unit that is left over.

    Parameters
    ----------
    Q : ndarray of shape (n_read, fan_out)
        What is made of the differences.
    n_units : int
        Units of the layer that is read.

    Returns
    -------
    ndarray of shape (n_units, fan_out)
    """
    if n_units == 1:
        return Q
    unread = np.zeros((n_units % 2, Q.shape[1]))
    return np.vstack([Q, unread, -Q])
