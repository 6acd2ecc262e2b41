"""Initializers made of initializers: by layer, rescaled, with biases."""

from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_scalar

from skinit.initializers.base import Initializer, draw_layer, resolve_init

__all__ = ["PerLayer", "Scaled", "WithBias"]


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
        strategy = resolve_part(chosen)
        return strategy.for_layer(layer) if isinstance(strategy, Initializer) else strategy

    def __call__(self, layer, rng):
        return draw_layer(self.for_layer(layer), layer, rng)


class Scaled(Initializer):
    """The weights of another strategy, multiplied; its biases are left as they are.

    Parameters
    ----------
    base : str, Initializer or callable, default="he"
        The other strategy.
    factor : float, default=1.0
        What its weights are multiplied by.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Scaled("ones", 0.01))["W2"]
    array([[0.01, 0.01]])
    """

    formula = "W = factor * base"
    advice = "to start any strategy smaller or larger"

    def __init__(self, base="he", factor=1.0):
        self.base = base
        self.factor = factor

    def for_layer(self, layer):
        return with_base_of(self, layer)

    def __call__(self, layer, rng):
        check_scalar(self.factor, "factor", Real)
        W, b = draw_layer(resolve_part(self.base), layer, rng)
        return self.factor * W, b


class WithBias(Initializer):
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

    def __init__(self, base="he", value=0.01):
        self.base = base
        self.value = value

    def for_layer(self, layer):
        return with_base_of(self, layer)

    def __call__(self, layer, rng):
        W, _ = draw_layer(resolve_part(self.base), layer, rng)
        if callable(self.value):
            return W, self.value(layer, rng)
        check_scalar(self.value, "value", Real)
        return W, np.full(layer.fan_out, float(self.value))


def with_base_of(composite, layer):
    """Copy a composite, its base spelt out as what serves this layer."""
    base = resolve_part(composite.base)
    if isinstance(base, Initializer):
        base = base.for_layer(layer)
    return clone(composite).set_params(base=base)


def resolve_part(init):
    """Resolve a strategy that is to be a part of another one."""
    strategy = resolve_init(init)
    if hasattr(strategy, "refine"):
        raise TypeError(
            f"init={strategy!r} looks at the whole network once all layers are drawn, and cannot "
            "be a part of another initializer; use it by itself"
        )
    return strategy
