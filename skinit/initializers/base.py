"""`Initializer`, the base class of all initializers, and `resolve_init`, which finds one by name.

An initializer is called for each layer, ``init(layer, rng) -> (W, b)``; a plain function with this
signature serves as well.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, clone

from skinit._support import Array, look_up, refuse_class
from skinit.initializers.layer import Layer

__all__ = [
    "INITIALIZERS",
    "InitLike",
    "Initializer",
    "LayerFunction",
    "LayerInit",
    "name_of",
    "resolve_init",
]

# Draws the weights and biases of one layer. An Initializer is one, and so is a plain function.
LayerFunction: TypeAlias = Callable[[Layer, np.random.RandomState], tuple[Any, Any]]
# The entries are listed in `skinit/initializers/__init__.py`.
INITIALIZERS: "dict[str, Initializer]" = {}


class Initializer(BaseEstimator):
    """Base class of the initializers, which draw the weights and biases of a layer.

    An initializer of your own overrides `weights`, and `bias` if its biases are not zero; one that
    draws both together overrides ``__call__`` instead. Its ``__init__`` only stores its settings,
    so that scikit-learn can clone and tune it. An initializer that needs the whole network also
    has a method ``refine(parameters, network, data, rng)``, which is called once after all layers
    are drawn, and returns the initial parameters of the network.

    Attributes
    ----------
    formula : str
        How the weights are drawn, in one line.
    advice : str
        When to use it, in one line.
    cost : str
        Cost of computing it, in one line.

    Examples
    --------
    >>> from skinit import InitMLPClassifier
    >>> class Alternating(Initializer):
    ...     def __init__(self, size=0.5):
    ...         self.size = size
    ...
    ...     def weights(self, layer, rng):
    ...         signs = (-1.0) ** np.add.outer(np.arange(layer.fan_in), np.arange(layer.fan_out))
    ...         return self.size * signs
    >>> InitMLPClassifier(init=Alternating(size=0.1)).get_params()["init__size"]
    0.1
    """

    # Any, as a formula that shows the settings is a property.
    formula: Any = ""
    advice: ClassVar[str] = ""
    cost: ClassVar[str] = "one random number per weight"

    def __call__(self, layer: Layer, rng: np.random.RandomState) -> tuple[Array, Array]:
        """Return the weights and the biases of a layer."""
        return self.weights(layer, rng), self.bias(layer, rng)

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        """Draw the weights of a layer.

        Parameters
        ----------
        layer : Layer
            What is known about the layer.
        rng : RandomState
            The only source of randomness.

        Returns
        -------
        ndarray of shape (fan_in, fan_out)
        """
        raise NotImplementedError(f"{type(self).__name__} has to define weights(layer, rng)")

    def bias(self, layer: Layer, rng: np.random.RandomState) -> Array:
        """Draw the biases of a layer, after its weights; zeros unless overridden.

        Parameters
        ----------
        layer : Layer
        rng : RandomState

        Returns
        -------
        ndarray of shape (fan_out,)
        """
        return np.zeros(layer.fan_out)

    def set_params(self, **params: Any) -> "Initializer":
        """Set parameters, also those of nested initializers."""
        for key in params:
            setting, nested, parameter = key.partition("__")
            current = params.get(setting, getattr(self, setting, None))
            if nested and hasattr(self, setting) and not hasattr(current, "set_params"):
                raise ValueError(
                    f"{setting}={current!r} has no parameter {parameter!r} to set; pass an object "
                    "that has it, such as He()"
                )
        return super().set_params(**params)

    def for_layer(self, layer: Layer) -> LayerFunction:
        """Return what draws this layer: this object, or a nested one that it delegates to."""
        return self

    def explain(self, layer: Layer) -> str:
        """Describe how a layer was initialized: the repr and, after a colon, reasons if any."""
        return repr(self)


# What stands for the initializer of one layer, and what an estimator takes as `init`.
LayerInit: TypeAlias = str | Initializer | LayerFunction
InitLike: TypeAlias = LayerInit | Sequence[LayerInit]


def resolve_init(init: LayerInit) -> LayerFunction:
    """Turn a name, an object or a function into a callable that draws a layer.

    Parameters
    ----------
    init : str, Initializer or callable
        A name of ``INITIALIZERS``, an initializer, or a function ``(layer, rng) -> (W, b)``.

    Returns
    -------
    callable
        A copy of the initializer; a function is returned as it is.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If `init` is none of the three.

    Examples
    --------
    >>> from skinit.initializers import resolve_init
    >>> resolve_init("kaiming_uniform")
    He(distribution='uniform')
    >>> resolve_init("he_norml")
    Traceback (most recent call last):
    ...
    ValueError: init='he_norml' is not a known name; did you mean 'he_normal'?
    """
    if isinstance(init, str):
        init = look_up(init, INITIALIZERS, "init")
    refuse_class(init, "init")
    if isinstance(init, Initializer):
        copy: Any = clone(init)
        return copy
    if callable(init):
        return init
    raise TypeError(
        f"init={init!r} is not an initializer; give a name such as 'he', an object such as "
        "He(gain=0.5), or a function (layer, rng) -> (W, b)"
    )


def name_of(strategy: LayerFunction) -> str:
    """Return the repr of an initializer, or the name of a function."""
    if isinstance(strategy, Initializer):
        return repr(strategy)
    return getattr(strategy, "__name__", repr(strategy))
