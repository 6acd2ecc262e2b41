r"""Units in mirrored pairs, which turn any activation into an odd function.

The two units of a pair have the pre-activations b + z and b - z, and the next layer reads the
difference of their outputs, :math:`\phi(b + z) - \phi(b - z)`. For every activation this is an odd
function of z, and for many it is linear or nearly so: 2z for the identity, z for ReLU, GELU, SiLU
and softplus.
"""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skinit._support import Array
from skinit.activations import BaseActivation
from skinit.initializers.base import Initializer
from skinit.initializers.layer import Layer
from skinit.initializers.structured import semi_orthogonal

__all__ = [
    "Mirrored",
    "mirror_pairs",
    "n_inputs_of_pairs",
    "n_outputs_of_pairs",
    "pair_differences",
    "pair_slope",
]

# Large compared with rounding, and small enough that any activation is linear on each side of 0.
STEP = 1e-4


class Mirrored(Initializer):
    r"""Mirrored pairs of units: the network is a chain of orthogonal matrices at initialization.

    .. math:: W = \frac{1}{s} \begin{pmatrix} Q & -Q \\ -Q & Q \end{pmatrix},
        \qquad s = \frac{\phi(b + h) - \phi(b - h)}{h}

    with a random orthogonal matrix Q, the slope s of a pair at 0 (h is small), and the bias b. The
    weights of the first layer are (Q, -Q); the output layer reads the differences of pairs. With
    ReLU the whole network is linear at initialization, and signal and gradient keep their length
    through any depth; with other activations this holds for small signals. A layer with an odd
    number of units has one unit with outgoing weights of zero. The signal has half as many
    dimensions as there are units.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the weights.
    bias : float, default=0.0
        The bias b of every unit; choose it where the activation is steep and nearly linear.

    See Also
    --------
    Auto : Pairs only where they help, with biases and signal sizes that suit the activation.

    References
    ----------
    D. Balduzzi et al., "The shattered gradients problem: if resnets are the answer, then what is
    the question?", ICML 2017 ("looks linear" initialization: pairs of ReLU units).

    Examples
    --------
    >>> import numpy as np
    >>> from skinit import initialize_parameters
    >>> initial = initialize_parameters([2, 4, 2], Mirrored(), random_state=0)
    >>> rotation = initial["W2"] @ np.maximum(initial["W1"], 0)  # applied to both unit vectors
    >>> abs(rotation @ rotation.T).round(12)
    array([[1., 0.],
           [0., 1.]])
    """

    advice = "deep networks of ReLU, GELU, SiLU, softplus"
    cost = "one QR decomposition per layer, at half its widths"

    def __init__(self, gain: float = 1.0, bias: float = 0.0) -> None:
        self.gain = gain
        self.bias = bias

    @property
    def formula(self) -> str:
        length = "" if self.gain == 1 else f"{self.gain:g} "
        return f"W = {length}(Q, -Q; -Q, Q) / slope of a pair, Q random orthogonal"

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        check_scalar(self.gain, "gain", Real)
        check_scalar(self.bias, "bias", Real)
        n_in = layer.fan_in if layer.index == 0 else n_outputs_of_pairs(layer.fan_in)
        n_out = layer.fan_out if layer.is_output else n_inputs_of_pairs(layer.fan_out)
        W = self.gain * semi_orthogonal(rng.normal(size=(n_out, n_in)).T)
        if layer.incoming_activation is not None:
            slope = pair_slope(layer.incoming_activation, self.bias)
            W = pair_differences(W, layer.fan_in) / (slope or 1.0)
        if layer.is_output:
            return W, np.zeros(layer.fan_out)
        return mirror_pairs(W, np.zeros(n_out), self.bias, layer.fan_out)


def n_inputs_of_pairs(n_units: int) -> int:
    """Count the signals that enter a layer of pairs: one per pair, and one for an odd unit."""
    return (n_units + 1) // 2


def n_outputs_of_pairs(n_units: int) -> int:
    """Count the signals that leave a layer of pairs: one per pair, or one for a single unit."""
    return max(n_units // 2, 1)


def pair_slope(activation: BaseActivation, bias: float = 0.0) -> float:
    """Compute the slope at 0 of the output of a pair; a kink at 0 makes no difference."""
    up, down = activation.value(np.array([bias + STEP, bias - STEP]))
    return float(up - down) / STEP


def mirror_pairs(W: Array, offset: Array, bias: float, n_units: int) -> tuple[Array, Array]:
    """Arrange units in mirrored pairs: the first units of all pairs, then the second ones.

    Parameters
    ----------
    W : ndarray of shape (fan_in, n_inputs_of_pairs)
        Weights of the first units; the second unit of a pair has the negative ones. If the number
        of units is odd, the last of the first units has no second.
    offset : ndarray of shape (n_inputs_of_pairs,)
        Added to the pre-activation of the first unit, subtracted from that of the second.
    bias : float
        Added to both.
    n_units : int

    Returns
    -------
    W : ndarray of shape (fan_in, n_units)
    b : ndarray of shape (n_units,)
    """
    n_pairs = n_units // 2
    b = bias + np.concatenate([offset, -offset[:n_pairs]])
    return np.hstack([W, -W[:, :n_pairs]]), b


def pair_differences(Q: Array, n_units: int) -> Array:
    """Return weights that apply Q to the differences of the pairs of the layer before.

    Parameters
    ----------
    Q : ndarray of shape (n_outputs_of_pairs, fan_out)
        Weights of the differences.
    n_units : int
        Units of the layer before; one without a partner gets outgoing weights of zero.

    Returns
    -------
    ndarray of shape (n_units, fan_out)
    """
    if n_units == 1:
        return Q
    unread = np.zeros((n_units % 2, Q.shape[1]))
    return np.vstack([Q, unread, -Q])
