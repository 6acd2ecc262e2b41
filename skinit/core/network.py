"""The mathematics of a multilayer perceptron, written to be read: forward, loss, backward.

A layer is a pair (W, b), with W of shape (..., fan_in, fan_out) and b broadcast against
(..., n_samples, fan_out). All functions are pure and work on the last two axes, so that one
network needs W of shape (fan_in, fan_out) and a stack of S networks (S, fan_in, fan_out).
Whatever is faster than this page has to agree with it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import issparse

from skinit.activations import Identity

__all__ = [
    "Network",
    "TrainingData",
    "backward",
    "carry_back",
    "forward",
    "layer_blocks",
    "layer_views",
    "limit_norms",
    "loss_and_gradient",
    "mean_loss",
    "penalty",
    "weighted_sum",
]


@dataclass(frozen=True)
class Network:
    """A network before it has weights.

    Parameters
    ----------
    widths : tuple of int
        Units of each layer, the network's inputs first and its outputs last.
    activations : tuple of BaseActivation
        One per hidden layer. The output layer is linear: its values are the scores, and what
        follows them belongs to the loss.
    loss : BaseLoss
        Output link and loss.
    keep_rates : tuple of float
        Share of the units of each hidden layer that dropout keeps in training; empty keeps all.
    """

    widths: tuple
    activations: tuple
    loss: object
    keep_rates: tuple = ()

    def __post_init__(self):
        if not self.keep_rates:
            object.__setattr__(self, "keep_rates", (1.0,) * len(self.activations))

    @property
    def n_layers(self):
        """Number of weight layers, the output layer included."""
        return len(self.widths) - 1

    @property
    def drops_out(self):
        """Whether training drops units."""
        return any(rate < 1 for rate in self.keep_rates)

    @property
    def n_parameters(self):
        """Number of weights and biases."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.widths))


@dataclass(frozen=True)
class TrainingData:
    """What a network learns from.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The network's input.
    targets : ndarray of shape (n_samples, n_outputs)
        What the link of the scores should be, as the loss has prepared it.
    sample_weight : ndarray of shape (n_samples,) or None
        How much each sample counts; None is one for each.
    """

    X: object
    targets: np.ndarray
    sample_weight: np.ndarray | None = None

    def rows(self, index):
        """Take some of the samples, in the order of an index."""
        weight = None if self.sample_weight is None else self.sample_weight[index]
        return TrainingData(self.X[index], self.targets[index], weight)

    @property
    def total_weight(self):
        """How many samples there are, each counted with its weight."""
        if self.sample_weight is None:
            return float(self.targets.shape[-2])
        return float(self.sample_weight.sum(dtype=np.float64))


def layer_views(network, parameters):
    """Look at a flat parameter vector as layers.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (..., n_parameters)
        Per layer, from first to last: the weights in C order, then the biases.

    Returns
    -------
    list of (W, b)
        Views of `parameters`, of shapes (..., fan_in, fan_out) and (..., 1, fan_out).

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> from skinit.activations import ReLU
    >>> network = Network((2, 3, 1), (ReLU(),), LOSSES["squared_error"])
    >>> layers = layer_views(network, np.arange(network.n_parameters))
    >>> layers[1]
    (array([[ 9],
           [10],
           [11]]), array([[12]]))
    """
    blocks = layer_blocks(network, parameters)
    return [(block[..., :-1, :], block[..., -1:, :]) for block in blocks]


def layer_blocks(network, parameters):
    """Look at a flat parameter vector as one matrix per layer, biases in the last row.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (..., n_parameters)

    Returns
    -------
    list of ndarray of shape (..., fan_in + 1, fan_out)
        Views of `parameters`.
    """
    blocks, start = [], 0
    for fan_in, fan_out in pairwise(network.widths):
        end = start + (fan_in + 1) * fan_out
        shape = (*parameters.shape[:-1], fan_in + 1, fan_out)
        blocks.append(parameters[..., start:end].reshape(shape))
        start = end
    return blocks


def forward(network, layers, X, masks=None):
    r"""Carry the input through the network.

    .. math:: z^{(l)} = a^{(l-1)} W^{(l)} + b^{(l)}, \qquad a^{(l)} = \phi(z^{(l)})

    With dropout, :math:`a^{(l)} = \phi(z^{(l)}) \odot M^{(l)}`.

    Parameters
    ----------
    network : Network
    layers : list of (W, b)
    X : ndarray of shape (..., n_samples, n_features) or sparse matrix of one network
    masks : list of (..., n_samples, n_units) or None
        M of each hidden layer, see `skinit.core.draw_masks`; an entry or all of it may be None.

    Returns
    -------
    signals : list of (..., n_samples, n_units)
        What arrives at each layer, the network's input first; the last entry are the scores.
    pre_activations : list of (..., n_samples, n_units)
        z of each layer.
    """
    signals, pre_activations = [X], []
    activations, masks = (*network.activations, Identity()), (*(masks or no_masks(network)), None)
    for (W, b), activation, mask in zip(layers, activations, masks, strict=True):
        pre_activations.append(signals[-1] @ W + b)
        signals.append(masked(activation.value(pre_activations[-1]), mask))
    return signals, pre_activations


def no_masks(network):
    """Mask no unit of any hidden layer."""
    return [None] * len(network.activations)


def masked(array, mask):
    """Multiply by a mask, if there is one."""
    return array if mask is None else array * mask


def backward(network, layers, signals, pre_activations, delta, masks=None):
    r"""Carry the derivatives by the scores back to every weight and bias.

    .. math::
        \partial W^{(l)} = a^{(l-1)\top} \delta^{(l)}, \quad
        \partial b^{(l)} = {\textstyle \sum_i \delta^{(l)}_i}, \quad
        \delta^{(l-1)} = \delta^{(l)} W^{(l)\top} \odot \phi'(z^{(l-1)})

    With dropout, :math:`\delta^{(l-1)}` is multiplied by :math:`M^{(l-1)}` too.

    Parameters
    ----------
    network : Network
    layers : list of (W, b)
    signals, pre_activations : lists of ndarray
        As `forward` returns them.
    delta : ndarray of shape (..., n_samples, n_outputs)
        Derivatives of a sum over the samples by each sample's scores.
    masks : list of (..., n_samples, n_units) or None
        As `forward` was given them.

    Returns
    -------
    list of (dW, db)
        Derivatives of that sum, of the shapes of the layers.
    """
    carried = carry_back(network, layers, pre_activations, delta, masks)
    gradients = [
        (transpose(signals[index]) @ delta, delta.sum(axis=-2, keepdims=True))
        for index, delta in carried
    ]
    return gradients[::-1]


def carry_back(network, layers, pre_activations, delta, masks=None):
    """Carry the derivatives by the scores back to the pre-activations of every layer.

    Parameters
    ----------
    network, layers, pre_activations, delta, masks
        As in `backward`.

    Yields
    ------
    index : int
        Of a layer, from the last one to the first.
    delta : ndarray of shape (..., n_samples, n_units)
        Derivatives by its pre-activations.
    """
    masks = masks or no_masks(network)
    for index in reversed(range(network.n_layers)):
        yield index, delta
        if index > 0:
            W, _ = layers[index]
            slope = network.activations[index - 1].slope(pre_activations[index - 1])
            delta = masked((delta @ transpose(W)) * slope, masks[index - 1])


def mean_loss(network, scores, data):
    """Average the loss over the samples, in float64 whatever the dtype of the scores.

    Parameters
    ----------
    network : Network
    scores : ndarray of shape (..., n_samples, n_outputs)
    data : TrainingData

    Returns
    -------
    ndarray of shape (...,)
    """
    losses = network.loss.per_sample(scores, data.targets)
    return weighted_sum(losses, data.sample_weight) / data.total_weight


def weighted_sum(losses, sample_weight):
    """Sum up losses of samples, of shape (..., n_samples), in float64."""
    if sample_weight is None:
        return losses.sum(axis=-1, dtype=np.float64)
    # A product would be rounded in one way for one iteration and in another for a block of them.
    return (losses * sample_weight.astype(np.float64)).sum(axis=-1)


def penalty(network, parameters):
    """Compute half the sum of all squared weights, without biases, of shape (...,), in float64."""
    squares = [(W * W).sum(axis=(-2, -1)) for W, _ in layer_views(network, parameters)]
    return 0.5 * np.sum(squares, axis=0, dtype=np.float64)


def loss_and_gradient(network, parameters, data, alpha=0.0, masks=None):
    r"""Compute the mean loss, with a penalty on large weights, and its gradient.

    .. math:: L(\theta) = \frac{1}{m} \left( \sum_i m_i \ell_i(\theta)
        + \frac{\alpha}{2} \lVert W \rVert^2 \right), \qquad m = {\textstyle \sum_i m_i}

    where m_i is how much sample i counts.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (..., n_parameters)
    data : TrainingData
    alpha : float, default=0.0
    masks : list of (..., n_samples, n_units) or None
        Which units are dropped, see `forward`.

    Returns
    -------
    loss : ndarray of shape (...,)
    gradient : ndarray of shape (..., n_parameters)

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> network = Network((1, 1), (), LOSSES["squared_error"])
    >>> data = TrainingData(np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]]))
    >>> loss, gradient = loss_and_gradient(network, np.array([1.0, 0.0]), data)
    >>> float(loss), gradient
    (1.25, array([-2.5, -1.5]))
    """
    layers = layer_views(network, parameters)
    signals, pre_activations = forward(network, layers, data.X, masks)
    scores = signals[-1]

    delta = network.loss.gradient(scores, data.targets)
    if data.sample_weight is not None:
        delta = delta * data.sample_weight[:, np.newaxis]

    # Summed first and divided last: contributions that cancel do so exactly, and a start that
    # sits on a saddle, such as all zeros, stays there instead of being rounded off it.
    gradient = np.empty_like(parameters)
    summed = backward(network, layers, signals, pre_activations, delta, masks)
    for view, part in zip(flat(layer_views(network, gradient)), flat(summed), strict=True):
        np.divide(part, data.total_weight, out=view)
    loss = mean_loss(network, scores, data)
    if alpha:
        share = alpha / data.total_weight
        loss = loss + share * penalty(network, parameters)
        for (dW, _), (W, _) in zip(layer_views(network, gradient), layers, strict=True):
            dW += share * W
    return loss, gradient


def limit_norms(network, parameters, max_norm):
    """Scale down the incoming weights of each hidden unit whose norm is larger, in place."""
    for W, _ in layer_views(network, parameters)[:-1]:
        norms = np.linalg.norm(W, axis=-2, keepdims=True)
        W *= np.minimum(1, max_norm / np.maximum(norms, np.finfo(W.dtype).tiny))


def transpose(A):
    """Swap the last two axes, of a sparse matrix too."""
    return A.T if issparse(A) else A.swapaxes(-1, -2)


def flat(layers):
    """List the arrays of all layers, weights before biases."""
    return [array for layer in layers for array in layer]
