"""The objective: the loss of many iterations, computed together, and the penalty on the weights."""

from functools import partial
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, layer_views
from skinit.engine.arrays import Calls
from skinit.engine.ingredients import loss_methods
from skinit.losses import BaseLoss
from skinit.solvers import adding, scaling

__all__ = ["LossRecord", "WeightPenalty"]


class LossRecord:
    """What iterations leave behind so that their losses can be computed together.

    Parameters
    ----------
    loss : BaseLoss
    raw : ndarray of shape (n_iterations, n_outputs, n_samples) or None
        Raw predictions of each iteration, times `input_factor` of the loss.
    loss_inputs : ndarray of shape (n_iterations, n_loss_inputs, n_samples) or None
        What `compiled_losses` needs. None computes the losses from the raw predictions.
    """

    def __init__(self, loss: BaseLoss, raw: Array | None, loss_inputs: Array | None = None) -> None:
        self.loss, self.raw, self.loss_inputs = loss, raw, loss_inputs
        _, self.compiled_losses = loss_methods(loss)

    @classmethod
    def allocate(
        cls, network: Network, n_iterations: int, n_samples: int, dtype: np.dtype
    ) -> "LossRecord":
        """Allocate the arrays for a number of iterations."""
        loss, loss_inputs = network.loss, None
        raw = np.empty((n_iterations, network.widths[-1], n_samples), dtype)
        # If the loss needs one number per sample, that is the loss itself, and computing it for the
        # whole block is cheaper. If it needs several, they are by-products of the gradient and are
        # stored.
        if loss.n_loss_inputs > 1:
            loss_inputs = np.empty((n_iterations, loss.n_loss_inputs, n_samples), dtype)
        return cls(loss, raw, loss_inputs)

    def losses(self, n_iterations: int, targets: Array, samples: Any = ...) -> Array:
        """Compute the loss of each sample in the first iterations of the record.

        Parameters
        ----------
        n_iterations : int
        targets : ndarray of shape (n_all_samples, n_outputs)
        samples : ndarray of shape (n_iterations, n_samples)
            Indices of the samples of each iteration; by default all.

        Returns
        -------
        ndarray of shape (n_iterations, n_samples)
        """
        if self.loss_inputs is not None:
            return self.compiled_losses(self.loss_inputs[:n_iterations])
        raw = self.raw[:n_iterations].swapaxes(-1, -2)
        return self.loss.per_sample(raw * (1 / self.loss.input_factor), targets[samples])


class WeightPenalty:
    """The L2 penalty on the weights: its contribution to the steps and to the loss.

    Parameters
    ----------
    network : Network
    alpha : float
        Strength of the penalty. With 0, all methods return no calls.
    n_iterations : int
    dtype : dtype
    """

    def __init__(self, network: Network, alpha: float, n_iterations: int, dtype: np.dtype) -> None:
        self.network, self.alpha = network, alpha
        # Sum of the squared weights of each layer.
        self.squares = np.zeros((n_iterations, network.n_layers), dtype)

    def record_calls(self, parameters: Array) -> list[Calls]:
        """Bind the calls that record the squared weights, one list for each iteration."""
        weights = self.weights(parameters)
        return [
            [partial(np.dot, W, W, row[k : k + 1].reshape(())) for k, W in enumerate(weights)]
            for row in self.squares
        ]

    def gradient_calls(self, parameters: Array, gradient: Array, factor: float) -> Calls:
        """Bind the calls that add the gradient of the penalty, times a factor, to `gradient`."""
        pairs = zip(self.weights(parameters), self.weights(gradient), strict=True)
        return [adding(self.alpha * factor, W, into) for W, into in pairs]

    def shrink_calls(self, parameters: Array, factor: float) -> Calls:
        """Bind the calls that take the penalty's step on the parameters, one for each layer.

        The gradient is alpha times the weights, so that the step scales them; `factor`, the
        negative step size, is below 0.
        """
        return [scaling(1 + self.alpha * factor, W) for W in self.weights(parameters)]

    def weights(self, parameters: Array) -> list[Array]:
        """Return the weights of each layer as vectors, or none if there is no penalty."""
        views = layer_views(self.network, parameters) if self.alpha else []
        return [W.reshape(-1) for W, _ in views]

    def loss_terms(self, n_iterations: int) -> Array | float:
        """Return what the penalty adds to the summed losses, 0 or of shape (n_iterations,)."""
        if not self.alpha:
            return 0.0
        return 0.5 * self.alpha * self.squares[:n_iterations].sum(axis=-1, dtype=np.float64)
