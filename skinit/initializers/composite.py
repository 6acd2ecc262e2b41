"""Initializers made of initializers: by layer, rescaled, with biases."""

from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_scalar

from skinit.core import layer_views
from skinit.initializers.base import (
    Initializer,
    draw_layer,
    draw_layers,
    name_of,
    refine_network,
    resolve_init,
)

__all__ = ["OfBase", "PerLayer", "Scaled", "WithBias", "draw_part", "serving"]


class PerLayer(Initializer):
    """One strategy for the first layer, one for the other hidden layers, one for the output.

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
    study", ICLR 2021 (an output layer that starts a hundred times smaller).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> start = initialize_parameters([1, 2, 2, 1], PerLayer("ones", "identity", "zeros"))
    >>> start["W1"].T, start["W2"], start["W3"]
    (array([[1., 1.]]), array([[1., 0.],
           [0., 1.]]), array([[0., 0.]]))
    """

    formula = "each layer its own"
    advice = "when the output layer should start small, or the first one larger"
    cost = "that of its parts"

    def __init__(self, first=None, hidden="he", output="he"):
        self.first = first
        self.hidden = hidden
        self.output = output

    def for_layer(self, layer):
        if layer.is_output:
            chosen = self.output
        elif layer.index == 0 and self.first is not None:
            chosen = self.first
        else:
            chosen = self.hidden
        return serving(chosen, layer)

    def __call__(self, layer, rng):
        return draw_part(self.for_layer(layer), layer, rng)


class OfBase(Initializer):
    """What the initializers share that change the answer of one other, their `base`.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> class Rounded(OfBase):
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

    def for_layer(self, layer):
        return clone(self).set_params(base=serving(self.base, layer))

    def draw_base(self, layer, rng):
        """Answer with the weights and biases of the base."""
        return draw_part(self.base, layer, rng)


class Scaled(OfBase):
    """The weights of another strategy, multiplied; its biases are left as they are.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        The other strategy.
    factor : float, default=1.0
        What its weights are multiplied by.

    References
    ----------
    B. Woodworth et al., "Kernel and rich regimes in overparametrized models", COLT 2020 (large
    starts hardly move while they learn, small ones find new features).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Scaled("ones", 0.01))["W2"]
    array([[0.01, 0.01]])
    """

    formula = "W = factor * base"
    advice = "to start any strategy smaller or larger"
    cost = "that of base"

    def __init__(self, base="he", factor=1.0):
        self.base = base
        self.factor = factor

    def __call__(self, layer, rng):
        check_scalar(self.factor, "factor", Real)
        W, b = self.draw_base(layer, rng)
        return self.factor * W, b


class WithBias(OfBase):
    """The weights of another strategy, with biases of your own.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        The other strategy; the biases that it draws are dropped.
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
    advice = "ReLU units that should all start active; a last layer at the base rate"
    cost = "that of base"

    def __init__(self, base="he", value=0.01):
        self.base = base
        self.value = value

    def __call__(self, layer, rng):
        W, _ = self.draw_base(layer, rng)
        if callable(self.value):
            return W, self.value(layer, rng)
        check_scalar(self.value, "value", Real)
        return W, np.full(layer.fan_out, float(self.value))


def serving(init, layer):
    """Return the strategy that draws a layer in the end."""
    strategy = resolve_init(init)
    return strategy.for_layer(layer) if isinstance(strategy, Initializer) else strategy


def draw_part(init, layer, rng):
    """Ask a strategy that is a part of another one for a layer.

    One that looks at the whole network is asked for all of it: it draws this layer and those that
    follow, refines them as if it were alone, and hands them out one by one. So what the other
    strategy changes is what the part would have started with.

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
    # Parts are copies, new for each layer: what they are called is what stays.
    key = "ahead", name_of(strategy)
    if key not in layer.memo:
        layer.memo[key] = draw_ahead(strategy, layer, rng)
    W, b = layer.memo[key][layer.index]
    return W, b[0]


def draw_ahead(strategy, layer, rng):
    """Let a strategy start a layer and all that follow it; return all layers of the network."""
    first = replace(layer, parameters=layer.parameters.copy(), memo={})
    draw_layers([strategy] * layer.n_layers, first, rng)
    refined = refine_network(strategy, first.parameters, layer.network, layer.data, rng)
    return layer_views(layer.network, refined)
