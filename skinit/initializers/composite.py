"""Initializers made of initializers: another one for each kind of layer, rescaled, with biases."""

from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_scalar

from skinit._support import Array
from skinit.core import layer_views
from skinit.initializers.base import (
    Initializer,
    LayerFunction,
    LayerInit,
    name_of,
    resolve_init,
)
from skinit.initializers.drawing import draw_layer, draw_layers, refine_network
from skinit.initializers.layer import Layer

__all__ = ["PerLayer", "Scaled", "WithBias", "Wrapper", "draw_part", "resolve_for_layer"]


class PerLayer(Initializer):
    """One initializer for the first layer, one for the other hidden layers, one for the output.

    Parameters
    ----------
    first : str, Initializer, callable or None, default=None
        For the first hidden layer; None is the same as `hidden`.
    hidden : str, Initializer or callable, default="he"
        For the hidden layers.
    output : str, Initializer or callable, default="he"
        For the output layer.

    References
    ----------
    M. Andrychowicz et al., "What matters for on-policy deep actor-critic methods? A large-scale
    study", ICLR 2021 (initial weights of the output layer that are a hundred times smaller).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initial = initialize_parameters([1, 2, 2, 1], PerLayer("ones", "identity", "zeros"))
    >>> initial["W1"].T, initial["W2"], initial["W3"]
    (array([[1., 1.]]), array([[1., 0.],
           [0., 1.]]), array([[0., 0.]]))
    """

    formula = "an initializer for each kind of layer"
    advice = "a smaller output layer, or a larger first layer"
    cost = "that of its parts"

    def __init__(
        self, first: LayerInit | None = None, hidden: LayerInit = "he", output: LayerInit = "he"
    ) -> None:
        self.first = first
        self.hidden = hidden
        self.output = output

    def for_layer(self, layer: Layer) -> LayerFunction:
        if layer.is_output:
            chosen = self.output
        elif layer.index == 0 and self.first is not None:
            chosen = self.first
        else:
            chosen = self.hidden
        return resolve_for_layer(chosen, layer)

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        return draw_part(self.for_layer(layer), layer, rng)


class Wrapper(Initializer):
    """Base class of the initializers that modify what another initializer, their `base`, draws.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> class Rounded(Wrapper):
    ...     def __init__(self, base="he"):
    ...         self.base = base
    ...
    ...     def __call__(self, layer, rng):
    ...         W, b = self.draw_base(layer, rng)
    ...         return W.round(1), b
    >>> initialize_parameters([3, 2], Rounded("lecun"), random_state=3)["W1"]
    array([[ 1. ,  0.3,  0.1],
           [-1.1, -0.2, -0.2]])
    """

    base: LayerInit

    def for_layer(self, layer: Layer) -> LayerFunction:
        copy: Any = clone(self)
        return copy.set_params(base=resolve_for_layer(self.base, layer))

    def draw_base(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        """Return the weights and biases that `base` draws."""
        return draw_part(self.base, layer, rng)


class Scaled(Wrapper):
    """The weights of another initializer, multiplied by a factor; its biases are unchanged.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        The other initializer.
    factor : float, default=1.0
        Multiplies the weights.

    References
    ----------
    B. Woodworth et al., "Kernel and rich regimes in overparametrized models", COLT 2020 (large
    initial weights hardly move in training, small ones learn new features).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Scaled("ones", 0.01))["W2"]
    array([[0.01, 0.01]])
    """

    formula = "W = factor * base"
    advice = "smaller or larger weights from any initializer"
    cost = "that of base"

    def __init__(self, base: LayerInit = "he", factor: float = 1.0) -> None:
        self.base = base
        self.factor = factor

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        check_scalar(self.factor, "factor", Real)
        W, b = self.draw_base(layer, rng)
        return self.factor * W, b


class WithBias(Wrapper):
    """The weights of another initializer, with biases that you choose.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        The other initializer; the biases that it draws are dropped.
    value : float or callable, default=0.01
        One value for all, or a function ``(layer, rng) -> b`` of shape (fan_out,).

    References
    ----------
    I. Goodfellow, Y. Bengio and A. Courville, "Deep learning", MIT Press, 2016, section 8.4
    (a small positive bias keeps ReLU units active at the start).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], WithBias("he", 0.1), random_state=0)["b1"]
    array([[0.1],
           [0.1]])
    """

    formula = "W of base, b = value"
    advice = "ReLU units that should all be active at first; an output layer at the base rate"
    cost = "that of base"

    def __init__(
        self,
        base: LayerInit = "he",
        value: float | Callable[[Layer, np.random.RandomState], Any] = 0.01,
    ) -> None:
        self.base = base
        self.value = value

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        W, _ = self.draw_base(layer, rng)
        if callable(self.value):
            return W, self.value(layer, rng)
        check_scalar(self.value, "value", Real)
        return W, np.full(layer.fan_out, float(self.value))


def resolve_for_layer(init: LayerInit, layer: Layer) -> LayerFunction:
    """Return the initializer that draws a layer, after `PerLayer` and the like have chosen."""
    strategy = resolve_init(init)
    return strategy.for_layer(layer) if isinstance(strategy, Initializer) else strategy


def draw_part(init: LayerInit, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Draw a layer with an initializer that is nested in another one.

    An initializer with a ``refine`` method needs the whole network. It draws this layer and all
    after it and refines them, as if it were the initializer of the whole network, and the results
    wait in ``layer.memo``. So the outer initializer modifies refined weights.

    Parameters
    ----------
    init : str, Initializer or callable
    layer : Layer
    rng : RandomState

    Returns
    -------
    W : ndarray of shape (fan_in, fan_out)
    b : ndarray of shape (fan_out,)
    """
    strategy = resolve_init(init)
    if not hasattr(strategy, "refine"):
        return draw_layer(strategy, layer, rng)
    # Nested initializers are cloned for each layer: their repr identifies them, their id does not.
    key = "refined network", name_of(strategy)
    if key not in layer.memo:
        layer.memo[key] = draw_refined_network(strategy, layer, rng)
    W, b = layer.memo[key][layer.index]
    return W, b[0]


def draw_refined_network(
    strategy: LayerFunction, layer: Layer, rng: np.random.RandomState
) -> list[tuple[Array, Array]]:
    """Draw and refine a layer and all after it; return all layers of the network."""
    first = replace(layer, parameters=layer.parameters.copy(), memo={})
    draw_layers([strategy] * layer.n_layers, first, rng)
    refined = refine_network(strategy, first.parameters, layer.network, layer.data, rng)
    return layer_views(layer.network, refined)
