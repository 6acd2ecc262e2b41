"""`Layer`: what an initializer may know about the layer whose weights it draws.

A layer knows its widths, activations and dropout rates, the parameters drawn for the layers before
it and, where there is any, the data as they arrive through those layers.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.activations import BaseActivation
from skinit.core import Network, TrainingData, layer_views
from skinit.losses import BaseLoss

__all__ = ["Layer"]

# Data-dependent initializers square the signal; squares of larger numbers would overflow.
LARGEST_SIGNAL = 1e150


@dataclass(frozen=True)
class Layer:
    """What an initializer may know about the layer whose weights it draws.

    Parameters
    ----------
    network : Network
        The whole network: its widths, activations and loss.
    index : int
        Position of the layer; the first hidden layer has 0.
    dtype : type
        Type in which the weights will be stored, such as ``np.float32``.
    parameters : ndarray of shape (n_parameters,) or None
        Parameters of the network; those of the layers before this one are drawn already.
    data : TrainingData or None
        The training data; None where there are none, as in `initialize_parameters`.
    memo : dict
        Cache of `inputs`, and of results that initializers share between layers; all layers of a
        network have the same one.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> def fading(layer, rng):
    ...     W = rng.normal(0, 0.5**layer.index, (layer.fan_in, layer.fan_out))
    ...     return W, np.zeros(layer.fan_out)
    >>> sorted(initialize_parameters([2, 3, 1], init=fading, random_state=0))
    ['W1', 'W2', 'b1', 'b2']
    """

    network: Network
    index: int
    dtype: type = np.float64
    parameters: Array | None = None
    data: TrainingData | None = None
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of units of every layer of the network, with the number of inputs first."""
        return self.network.widths

    @property
    def n_layers(self) -> int:
        """Number of weight layers of the network."""
        return self.network.n_layers

    @property
    def fan_in(self) -> int:
        """Number of inputs of this layer."""
        return self.widths[self.index]

    @property
    def fan_out(self) -> int:
        """Number of units of this layer."""
        return self.widths[self.index + 1]

    @property
    def is_output(self) -> bool:
        """Whether this is the output layer, which has no activation."""
        return self.index == self.n_layers - 1

    @property
    def activation(self) -> BaseActivation | None:
        """Activation that follows this layer; None for the output layer."""
        return None if self.is_output else self.network.activations[self.index]

    @property
    def keep_rate(self) -> float:
        """Share of this layer's units that dropout keeps in training."""
        return 1.0 if self.is_output else self.network.keep_rates[self.index]

    @property
    def incoming_activation(self) -> BaseActivation | None:
        """Activation of the layer before; None for the first layer."""
        return None if self.index == 0 else self.network.activations[self.index - 1]

    @property
    def incoming_keep_rate(self) -> float:
        """Share of this layer's inputs that dropout keeps in training."""
        return 1.0 if self.index == 0 else self.network.keep_rates[self.index - 1]

    @property
    def loss(self) -> BaseLoss:
        """Loss that the network is trained with."""
        return self.network.loss

    @property
    def inputs(self) -> Any:
        """Data that arrive at this layer, of shape (n_samples, fan_in); computed on first access.

        At the first layer this is X itself, sparse if X is sparse.
        """
        layers = layer_views(self.network, self.parameters_or_error("inputs"))
        reached, signal = self.memo.get("last", (0, self.data.X))
        if reached > self.index:
            reached, signal = 0, self.data.X
        for index in range(reached, self.index):
            W, b = layers[index]
            signal = self.network.activations[index].value(signal @ W + b)
        self.memo["last"] = self.index, signal
        return self.measurable(signal)

    def measurable(self, signal: Any) -> Any:
        """Return the signal, or raise an error if its squares would overflow."""
        largest = float(max(signal.max(), -signal.min()))  # float32 would not reach the limit
        if not largest < LARGEST_SIGNAL:  # also true for nan
            what = f"the signal from layer {self.index}" if self.index else "X"
            raise ValueError(
                f"the initializer measures the data that arrive at layer {self.index + 1}, but "
                f"{what} reaches {largest:.3g}; scale X, or choose an initializer that does not "
                "use the data, such as 'he'"
            )
        return signal

    @property
    def targets(self) -> Array:
        """Targets of the network, of shape (n_samples, n_outputs)."""
        self.parameters_or_error("targets")
        return self.data.targets

    @property
    def sample_weight(self) -> Array | None:
        """Sample weights, of shape (n_samples,), or None."""
        self.parameters_or_error("sample_weight")
        return self.data.sample_weight

    def parameters_or_error(self, attribute: str) -> Array:
        """Return the parameters drawn so far, or raise an error if there are no data."""
        if self.data is None:
            raise ValueError(
                f"the initializer uses the data (layer.{attribute}), and there are none here; pass "
                "it as init to an InitMLPClassifier or InitMLPRegressor, whose fit(X, y) has data "
                "and stores the initial weights in initial_coefs_"
            )
        return self.parameters
