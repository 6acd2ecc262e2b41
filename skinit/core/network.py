"""The mathematics of a multilayer perceptron, written to be read: forward, loss, backward.

A layer is a pair (W, b), with W of shape (..., fan_in, fan_out) and b broadcast against
(..., n_samples, fan_out). All functions are pure and work on the last two axes: W has the shape
(fan_in, fan_out) for one network, and (S, fan_in, fan_out) for a stack of S networks. Raw
predictions are the outputs of the last layer before the link. Faster implementations must agree
with this module.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import issparse

from skinit._support import Array
from skinit.activations import BaseActivation, Identity
from skinit.losses import BaseLoss

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

Layers: TypeAlias = Sequence[tuple[Array, Array]]
Masks: TypeAlias = Sequence[Array | None]


@dataclass(frozen=True)
class Network:
    """The architecture and the loss of a network, without its parameters.

    Parameters
    ----------
    widths : tuple of int
        Number of inputs, of the units of each hidden layer, and of outputs.
    activations : tuple of BaseActivation
        One per hidden layer. The output layer is linear: its outputs are the raw predictions, and
        the link belongs to the loss.
    loss : BaseLoss
        Link and loss.
    keep_rates : tuple of float
        Share of the units of each hidden layer that dropout keeps in training; empty keeps all.
    """

    widths: tuple[int, ...]
    activations: tuple[BaseActivation, ...]
    loss: BaseLoss
    keep_rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.keep_rates:
            object.__setattr__(self, "keep_rates", (1.0,) * len(self.activations))

    @property
    def n_layers(self) -> int:
        """Number of layers with weights, including the output layer."""
        return len(self.widths) - 1

    @property
    def drops_out(self) -> bool:
        """Whether any layer has dropout."""
        return any(rate < 1 for rate in self.keep_rates)

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.widths))


@dataclass(frozen=True)
class TrainingData:
    """The samples that a network is trained on.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The input of the network.
    targets : ndarray of shape (n_samples, n_outputs)
        The desired predictions, as `BaseLoss.prepare_targets` returned them.
    sample_weight : ndarray of shape (n_samples,) or None
        Weight of each sample in the loss; None for equal weights of 1.
    """

    X: Any
    targets: Array
    sample_weight: Array | None = None

    def rows(self, index: Any) -> "TrainingData":
        """Return the samples of an index, in its order."""
        weight = None if self.sample_weight is None else self.sample_weight[index]
        return TrainingData(self.X[index], self.targets[index], weight)

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights."""
        if self.sample_weight is None:
            return float(self.targets.shape[-2])
        return float(self.sample_weight.sum(dtype=np.float64))


def layer_views(network: Network, parameters: Array) -> list[tuple[Array, Array]]:
    """View a flat parameter vector as layers.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (..., n_parameters)
        For each layer, from first to last: the weights in C order, then the biases.

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


def layer_blocks(network: Network, parameters: Array) -> list[Array]:
    """View a flat parameter vector as one matrix per layer, with the biases in the last row.

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


def forward(
    network: Network, layers: Layers, X: Any, masks: Masks | None = None
) -> tuple[list[Any], list[Array]]:
    r"""Compute the forward pass.

    .. math:: z^{(l)} = a^{(l-1)} W^{(l)} + b^{(l)}, \qquad a^{(l)} = \phi(z^{(l)})

    With dropout, :math:`a^{(l)} = \phi(z^{(l)}) \odot M^{(l)}`.

    Parameters
    ----------
    network : Network
    layers : list of (W, b)
    X : ndarray of shape (..., n_samples, n_features) or sparse matrix of one network
    masks : list of (..., n_samples, n_units) or None
        M of each hidden layer, see `skinit.core.draw_masks`; None for no dropout.

    Returns
    -------
    signals : list of (..., n_samples, n_units)
        The input of each layer, starting with X; the last entry is the raw predictions.
    pre_activations : list of (..., n_samples, n_units)
        z of each layer.
    """
    signals, pre_activations = [X], []
    activations, masks = (*network.activations, Identity()), (*(masks or no_masks(network)), None)
    for (W, b), activation, mask in zip(layers, activations, masks, strict=True):
        pre_activations.append(signals[-1] @ W + b)
        signals.append(masked(activation.value(pre_activations[-1]), mask))
    return signals, pre_activations


def no_masks(network: Network) -> Masks:
    """Return masks that drop no units."""
    return [None] * len(network.activations)


def masked(array: Array, mask: Array | None) -> Array:
    """Multiply by a mask, if there is one."""
    return array if mask is None else array * mask


def backward(
    network: Network,
    layers: Layers,
    signals: Sequence[Any],
    pre_activations: Sequence[Array],
    delta: Array,
    masks: Masks | None = None,
) -> list[tuple[Array, Array]]:
    r"""Compute the backward pass: the derivatives with respect to all weights and biases.

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
        Derivatives of a sum over the samples with respect to the raw predictions.
    masks : list of (..., n_samples, n_units) or None
        The masks of the forward pass.

    Returns
    -------
    list of (dW, db)
        Derivatives of that sum, of the same shapes as the layers.
    """
    carried = carry_back(network, layers, pre_activations, delta, masks)
    gradients = [
        (transpose(signals[index]) @ delta, delta.sum(axis=-2, keepdims=True))
        for index, delta in carried
    ]
    return gradients[::-1]


def carry_back(
    network: Network,
    layers: Layers,
    pre_activations: Sequence[Array],
    delta: Array,
    masks: Masks | None = None,
) -> Iterator[tuple[int, Array]]:
    """Compute the derivatives with respect to the pre-activations, layer by layer.

    Parameters
    ----------
    network, layers, pre_activations, delta, masks
        As in `backward`.

    Yields
    ------
    index : int
        Index of the layer, from the last one to the first.
    delta : ndarray of shape (..., n_samples, n_units)
        Derivatives with respect to its pre-activations.
    """
    masks = masks or no_masks(network)
    for index in reversed(range(network.n_layers)):
        yield index, delta
        if index > 0:
            W, _ = layers[index]
            slope = network.activations[index - 1].slope(pre_activations[index - 1])
            delta = masked((delta @ transpose(W)) * slope, masks[index - 1])


def mean_loss(network: Network, raw: Array, data: TrainingData) -> Array:
    """Average the loss over the samples, in float64 whatever the dtype of the raw predictions.

    Parameters
    ----------
    network : Network
    raw : ndarray of shape (..., n_samples, n_outputs)
        Raw predictions.
    data : TrainingData

    Returns
    -------
    ndarray of shape (...,)
    """
    losses = network.loss.per_sample(raw, data.targets)
    return weighted_sum(losses, data.sample_weight) / data.total_weight


def weighted_sum(losses: Array, sample_weight: Array | None) -> Array:
    """Sum the losses of samples, of shape (..., n_samples), in float64."""
    if sample_weight is None:
        return losses.sum(axis=-1, dtype=np.float64)
    # Not a matrix product: its rounding would depend on how many iterations are computed at once.
    return (losses * sample_weight.astype(np.float64)).sum(axis=-1)


def penalty(network: Network, parameters: Array) -> Array | float:
    """Compute half the sum of all squared weights, without biases, of shape (...,), in float64."""
    squares = [(W * W).sum(axis=(-2, -1)) for W, _ in layer_views(network, parameters)]
    return 0.5 * np.sum(squares, axis=0, dtype=np.float64)


def loss_and_gradient(
    network: Network,
    parameters: Array,
    data: TrainingData,
    alpha: float = 0.0,
    masks: Masks | None = None,
) -> tuple[Array, Array]:
    r"""Compute the mean loss, with an L2 penalty on the weights, and its gradient.

    .. math:: L(\theta) = \frac{1}{m} \left( \sum_i m_i \ell_i(\theta)
        + \frac{\alpha}{2} \lVert W \rVert^2 \right), \qquad m = {\textstyle \sum_i m_i}

    where m_i is the weight of sample i.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (..., n_parameters)
    data : TrainingData
    alpha : float, default=0.0
    masks : list of (..., n_samples, n_units) or None
        Dropout masks, see `forward`.

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
    raw = signals[-1]

    delta = network.loss.gradient(raw, data.targets)
    if data.sample_weight is not None:
        delta = delta * data.sample_weight[:, np.newaxis]

    # Summed first and divided last, so that terms that cancel do so exactly: parameters at a saddle
    # point, such as all zeros, stay there instead of leaving it by rounding errors.
    gradient = np.empty_like(parameters)
    summed = backward(network, layers, signals, pre_activations, delta, masks)
    for view, part in zip(flat(layer_views(network, gradient)), flat(summed), strict=True):
        np.divide(part, data.total_weight, out=view)
    loss = mean_loss(network, raw, data)
    if alpha:
        share = alpha / data.total_weight
        loss = loss + share * penalty(network, parameters)
        for (dW, _), (W, _) in zip(layer_views(network, gradient), layers, strict=True):
            dW += share * W
    return loss, gradient


def limit_norms(network: Network, parameters: Array, max_norm: float) -> None:
    """Scale the incoming weights of each hidden unit down to `max_norm`, in place."""
    for W, _ in layer_views(network, parameters)[:-1]:
        norms = np.linalg.norm(W, axis=-2, keepdims=True)
        W *= np.minimum(1, max_norm / np.maximum(norms, np.finfo(W.dtype).tiny))


def transpose(A: Any) -> Any:
    """Swap the last two axes of an array or a sparse matrix."""
    return A.T if issparse(A) else A.swapaxes(-1, -2)


def flat(layers: Layers) -> list[Array]:
    """List the arrays of all layers, weights before biases."""
    return [array for layer in layers for array in layer]
