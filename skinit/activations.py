"""Activation functions, each with its value and its slope.

An activation is a pair of functions of the pre-activation z, which work on arrays of any shape and
keep their dtype. Both are finite for every |z| up to 1e4, in float32 as in float64.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy.special import expit, ndtr
from sklearn.base import BaseEstimator, clone

from skinit._support import Array, look_up, refuse_class

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "ActivationLike",
    "BaseActivation",
    "Identity",
    "LeakyReLU",
    "Logistic",
    "Mish",
    "ReLU",
    "SiLU",
    "Sin",
    "Softplus",
    "Softsign",
    "Tanh",
    "resolve_activation",
    "resolve_activations",
]


# Callables without arguments, see `skinit.engine`.
Calls: TypeAlias = list[Any]


class BaseActivation(BaseEstimator):
    """Base class of all activations: ``value(z)`` and ``slope(z)``.

    Both take the pre-activations z, an array of shape (..., n_samples, n_units) in any memory
    order, and return an array of the same shape and dtype. An activation holds settings only, so
    that several layers can share one object.

    Examples
    --------
    >>> import numpy as np
    >>> class Softer(BaseActivation):
    ...     def __init__(self, width=2.0):
    ...         self.width = width
    ...
    ...     def value(self, z: Array) -> Array:
    ...         return self.width * np.tanh(z / self.width)
    ...
    ...     def slope(self, z: Array) -> Array:
    ...         return 1 - np.tanh(z / self.width) ** 2
    >>> Softer(width=4.0).value(np.array([-4.0, 0.0])).round(4)
    array([-3.0464,  0.    ])
    """

    def value(self, z: Array) -> Array:
        """Compute the activations phi(z)."""
        raise NotImplementedError

    def slope(self, z: Array) -> Array:
        """Compute the derivatives phi'(z)."""
        raise NotImplementedError

    def onnx(self, graph: Any, z: str) -> str:
        """Express the activation in ONNX operators, for `skinit.to_onnx`.

        Parameters
        ----------
        graph : skinit.interop.onnx.Graph
            ``graph("Mul", z, 2.0)`` adds an operator, whose inputs are names or numbers, and
            returns the name of its output. onnxruntime supports these for float64 too: Add, Sub,
            Mul, Div, Min, Max, Abs, Neg, Exp, Log, Relu, Tanh, Sigmoid, Sin, and others.
        z : str
            The name of the pre-activations.

        Returns
        -------
        str
            The name of the activations.
        """
        raise ValueError(
            f"activation={self!r} cannot be expressed in ONNX operators; write a subclass of "
            "skinit.activations.BaseActivation that has a function onnx(graph, z)"
        )

    # `compiled_calls` takes z times `input_factor` and leaves phi(z) times `output_factor`, which
    # is 1 or -1.
    input_factor = 1.0
    output_factor = 1.0

    def compiled_calls(
        self, z: Array, delta: Array, new: Callable[..., Array]
    ) -> tuple[Calls, Calls]:
        """Bind the calls that compute value and slope in place, for `skinit.engine.compile`.

        Overriding this is optional: by default, the calls use `value` and `slope`.

        Parameters
        ----------
        z : ndarray of shape (n_units, n_samples)
            Pre-activations, times `input_factor`, which the activations, times `output_factor`,
            replace.
        delta : ndarray of shape (n_units, n_samples)
            Derivatives with respect to the activations, which those with respect to the
            pre-activations replace.
        new : callable
            ``new(shape)`` allocates an array, ``new(shape, value)`` one that is constant.

        Returns
        -------
        to_value : list of callables
            Turn `z` into activations.
        to_slope : list of callables
            Multiply `delta` by the slopes. They run after `to_value` and may overwrite `z`.
        """
        kept = new(z.shape)

        def to_value():
            np.divide(z, self.input_factor, out=kept)
            np.multiply(self.value(kept.T).T, self.output_factor, out=z)

        def to_slope():
            np.multiply(delta, self.slope(kept.T).T, out=delta)

        return [to_value], [to_slope]


class Activation(BaseActivation):
    """A custom activation, given by its value and its slope.

    Parameters
    ----------
    value : callable
        phi(z): takes the pre-activations, an array of shape (..., n_samples, n_units), and
        returns the activations, an array of the same shape and dtype.
    slope : callable
        phi'(z), the derivative of `value`, with the same shapes. The estimator can be pickled if
        both functions are defined at the top level of a module, rather than as a ``lambda``.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit import Activation, InitMLPClassifier
    >>> square = Activation(value=np.square, slope=lambda z: 2 * z)
    >>> square.value(np.array([-3.0, 2.0]))
    array([9., 4.])
    >>> InitMLPClassifier(activation=square).activation is square
    True
    """

    def __init__(self, value: Callable[[Array], Array], slope: Callable[[Array], Array]) -> None:
        self.value = value
        self.slope = slope


class Identity(BaseActivation):
    """``phi(z) = z``: a linear layer.

    Examples
    --------
    >>> Identity().value(-2.0)
    -2.0
    """

    def value(self, z: Array) -> Array:
        return z

    def slope(self, z: Array) -> Array:
        return np.ones_like(z)

    def onnx(self, graph: Any, z: str) -> str:
        return z

    def compiled_calls(
        self, z: Array, delta: Array, new: Callable[..., Array]
    ) -> tuple[Calls, Calls]:
        return [], []


class ReLU(BaseActivation):
    """``phi(z) = max(z, 0)``; the slope at 0 is 0.

    References
    ----------
    V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines",
    ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> ReLU().value(np.array([-1.0, 0.0, 2.0])), ReLU().slope(np.array([-1.0, 0.0, 2.0]))
    (array([0., 0., 2.]), array([0., 0., 1.]))
    """

    def value(self, z: Array) -> Array:
        return np.maximum(z, 0)

    def slope(self, z: Array) -> Array:
        return np.greater(z, 0).astype(z.dtype)

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Relu", z)

    # With -z, the sign bit of an active unit is set. Shifted over all bits, it is the mask that
    # keeps or clears a derivative.
    input_factor = -1.0
    output_factor = -1.0

    def compiled_calls(
        self, z: Array, delta: Array, new: Callable[..., Array]
    ) -> tuple[Calls, Calls]:
        zeros, bits = new(z.shape, 0), np.dtype(f"i{z.itemsize}")
        mask, masked, shift = z.view(bits), delta.view(bits), np.array(8 * z.itemsize - 1, bits)
        return [partial(np.minimum, z, zeros, out=z)], [
            partial(np.right_shift, mask, shift, mask),
            partial(np.bitwise_and, masked, mask, masked),
        ]


class LeakyReLU(BaseActivation):
    """``phi(z) = z`` for z > 0, else ``negative_slope * z``; the slope at 0 is `negative_slope`.

    Parameters
    ----------
    negative_slope : float, default=0.01
        Slope for negative z.

    References
    ----------
    A. L. Maas, A. Y. Hannun and A. Y. Ng, "Rectifier nonlinearities improve neural network
    acoustic models", ICML workshop on deep learning for audio, speech and language processing,
    2013.

    Examples
    --------
    >>> import numpy as np
    >>> LeakyReLU(negative_slope=0.1).value(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def value(self, z: Array) -> Array:
        return np.where(z > 0, z, z * float(self.negative_slope))

    def slope(self, z: Array) -> Array:
        return np.where(z > 0, 1.0, self.negative_slope).astype(z.dtype)

    def onnx(self, graph: Any, z: str) -> str:
        below = graph("Mul", graph("Min", z, 0.0), float(self.negative_slope))
        return graph("Add", graph("Relu", z), below)

    # On -z, as ReLU.
    input_factor = -1.0
    output_factor = -1.0

    def compiled_calls(
        self, z: Array, delta: Array, new: Callable[..., Array]
    ) -> tuple[Calls, Calls]:
        if not 0 <= self.negative_slope <= 1:
            # The value is not the larger of z and slope * z, or its sign is not that of z.
            return super().compiled_calls(z, delta, new)
        low = slope = new(z.shape)
        # Adding 0.0 turns a slope of -0.0 into 0.0.
        ones, slopes = new(z.shape, 1), new(z.shape, self.negative_slope + 0.0)
        negated = new(z.shape, 0.0 - self.negative_slope)
        return [
            partial(np.multiply, z, slopes, low),
            partial(np.minimum, z, low, out=z),
        ], [
            partial(np.copysign, ones, z, slope),  # -1 for z > 0
            partial(np.minimum, slope, negated, out=slope),  # the slope, negated
            partial(np.multiply, delta, slope, delta),
            partial(np.negative, delta, delta),
        ]


class ELU(BaseActivation):
    """``phi(z) = z`` for z > 0, else ``alpha * (exp(z) - 1)``: the exponential linear unit.

    Parameters
    ----------
    alpha : float, default=1.0
        The value far on the negative side is ``-alpha``.

    References
    ----------
    D.-A. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning by
    exponential linear units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> ELU().value(np.array([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def value(self, z: Array) -> Array:
        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0)))

    def slope(self, z: Array) -> Array:
        return np.where(z > 0, 1, float(self.alpha) * np.exp(np.minimum(z, 0)))

    def onnx(self, graph: Any, z: str) -> str:
        below = graph("Sub", graph("Exp", graph("Min", z, 0.0)), 1.0)
        return graph("Add", graph("Relu", z), graph("Mul", below, float(self.alpha)))


# The fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14).
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


class SELU(BaseActivation):
    """``phi(z) = 1.0507 * ELU(z, alpha=1.6733)``: keeps mean 0 and variance 1 from layer to layer.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural networks",
    NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> SELU().value(np.array([-1.0, 2.0])).round(4)
    array([-1.1113,  2.1014])
    """

    def value(self, z: Array) -> Array:
        return SELU_SCALE * ELU(SELU_ALPHA).value(z)

    def slope(self, z: Array) -> Array:
        return SELU_SCALE * ELU(SELU_ALPHA).slope(z)

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Mul", ELU(SELU_ALPHA).onnx(graph, z), SELU_SCALE)


class GELU(BaseActivation):
    """``phi(z) = z * Phi(z)``, with Phi, the normal distribution function, exact by erf.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> GELU().value(np.array([-1.0, 2.0])).round(4)
    array([-0.1587,  1.9545])
    """

    def value(self, z: Array) -> Array:
        return z * ndtr(z)

    def slope(self, z: Array) -> Array:
        density = np.exp(-0.5 * z**2) * float(1 / np.sqrt(2 * np.pi))
        return ndtr(z) + z * density

    def onnx(self, graph: Any, z: str) -> str:
        # onnxruntime has no erf in float64.
        erf = graph("Erf", graph.cast(graph("Mul", z, np.sqrt(0.5)), np.float32))
        twice = graph("Mul", z, graph("Add", graph.cast(erf, graph.dtype), 1.0))
        return graph("Mul", twice, 0.5)


class SiLU(BaseActivation):
    """``phi(z) = z * logistic(z)``, also called swish.

    References
    ----------
    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", Neural Networks 107, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> SiLU().value(np.array([-1.0, 2.0])).round(4)
    array([-0.2689,  1.7616])
    """

    def value(self, z: Array) -> Array:
        return z * expit(z)

    def slope(self, z: Array) -> Array:
        return expit(z) * (1 + z * expit(-z))

    def onnx(self, graph: Any, z: str) -> str:
        # Not z * Sigmoid(z): runtimes fuse it into an operator that some have in float32 only.
        return graph("Div", z, graph("Add", graph("Exp", graph("Neg", z)), 1.0))


class Mish(BaseActivation):
    """``phi(z) = z * tanh(softplus(z))``.

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> import numpy as np
    >>> Mish().value(np.array([-1.0, 2.0])).round(4)
    array([-0.3034,  1.944 ])
    """

    def value(self, z: Array) -> Array:
        return z * np.tanh(np.logaddexp(z, 0))

    def slope(self, z: Array) -> Array:
        gate = np.tanh(np.logaddexp(z, 0))
        return gate + z * expit(z) * (1 - gate**2)

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Mul", z, graph("Tanh", Softplus().onnx(graph, z)))


class Softplus(BaseActivation):
    """``phi(z) = log(1 + exp(z))``: a smooth ReLU.

    References
    ----------
    C. Dugas, Y. Bengio, F. Belisle, C. Nadeau and R. Garcia, "Incorporating second-order
    functional knowledge for better option pricing", NeurIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> Softplus().value(np.array([-1.0, 2.0])).round(4)
    array([0.3133, 2.1269])
    """

    def value(self, z: Array) -> Array:
        return np.logaddexp(z, 0)

    def slope(self, z: Array) -> Array:
        return expit(z)

    def onnx(self, graph: Any, z: str) -> str:
        tail = graph("Exp", graph("Neg", graph("Abs", z)))
        return graph("Add", graph("Relu", z), graph("Log", graph("Add", tail, 1.0)))


class Softsign(BaseActivation):
    """``phi(z) = z / (1 + |z|)``: saturates more slowly than tanh.

    References
    ----------
    J. Bergstra, G. Desjardins, P. Lamblin and Y. Bengio, "Quadratic polynomials learn better
    image features", Technical Report 1337, Universite de Montreal, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> Softsign().value(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """

    def value(self, z: Array) -> Array:
        return z / (1 + np.abs(z))

    def slope(self, z: Array) -> Array:
        return (1 + np.abs(z)) ** -2

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Div", z, graph("Add", graph("Abs", z), 1.0))


class Tanh(BaseActivation):
    """``phi(z) = tanh(z)``.

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Mueller, "Efficient backprop", in Neural Networks:
    Tricks of the Trade, Springer, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> Tanh().value(np.array([-1.0, 2.0])).round(4)
    array([-0.7616,  0.964 ])
    """

    def value(self, z: Array) -> Array:
        return np.tanh(z)

    def slope(self, z: Array) -> Array:
        return 1 - np.tanh(z) ** 2

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Tanh", z)

    def compiled_calls(
        self, z: Array, delta: Array, new: Callable[..., Array]
    ) -> tuple[Calls, Calls]:
        ones, slope = new(z.shape, 1), new(z.shape)
        return [partial(np.tanh, z, z)], [
            partial(np.multiply, z, z, slope),
            partial(np.subtract, ones, slope, slope),
            partial(np.multiply, delta, slope, delta),
        ]


class Logistic(BaseActivation):
    """``phi(z) = 1 / (1 + exp(-z))``, also called sigmoid.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by
    back-propagating errors", Nature 323, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> Logistic().value(np.array([0.0, 2.0])).round(4)
    array([0.5   , 0.8808])
    """

    def value(self, z: Array) -> Array:
        return expit(z)

    def slope(self, z: Array) -> Array:
        # expit(-z) instead of 1 - expit(z), which would round a small tail to 0.
        return expit(z) * expit(-z)

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Sigmoid", z)

    # With q = exp(-z), the value is 1 / (1 + q) and the slope q / (1 + q)^2, which keeps the digits
    # of both tails. q is limited to a large number, as (1 + q) must not overflow.
    input_factor = -1.0

    def compiled_calls(
        self, z: Array, delta: Array, new: Callable[..., Array]
    ) -> tuple[Calls, Calls]:
        ones, q, slope = new(z.shape, 1), new(z.shape), new(z.shape)
        most = new(z.shape, float(np.finfo(z.dtype).max) / 4)
        return [
            partial(np.exp, z, q),
            partial(np.minimum, q, most, out=q),
            partial(np.add, q, ones, z),
            partial(np.divide, ones, z, z),
        ], [
            partial(np.multiply, q, z, slope),
            partial(np.multiply, slope, z, slope),
            partial(np.multiply, delta, slope, delta),
        ]


class Sin(BaseActivation):
    """``phi(z) = sin(z)``.

    References
    ----------
    V. Sitzmann, J. N. P. Martel, A. W. Bergman, D. B. Lindell and G. Wetzstein, "Implicit neural
    representations with periodic activation functions", NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> Sin().value(np.array([0.0, 2.0])).round(4)
    array([0.    , 0.9093])
    """

    def value(self, z: Array) -> Array:
        return np.sin(z)

    def slope(self, z: Array) -> Array:
        return np.cos(z)

    def onnx(self, graph: Any, z: str) -> str:
        return graph("Sin", z)


ACTIVATIONS = {
    "identity": Identity(),
    "linear": Identity(),
    "relu": ReLU(),
    "leaky_relu": LeakyReLU(),
    "elu": ELU(),
    "selu": SELU(),
    "gelu": GELU(),
    "silu": SiLU(),
    "swish": SiLU(),
    "mish": Mish(),
    "softplus": Softplus(),
    "softsign": Softsign(),
    "tanh": Tanh(),
    "logistic": Logistic(),
    "sigmoid": Logistic(),
    "sin": Sin(),
}


class ValueAndSlope(Protocol):
    """Any object with the two functions of an activation."""

    value: Any
    slope: Any


ActivationLike: TypeAlias = str | BaseActivation | ValueAndSlope


def resolve_activation(activation: ActivationLike) -> BaseActivation:
    """Turn a name or an object into an activation.

    Parameters
    ----------
    activation : str or Activation
        A name of ``ACTIVATIONS``, or any object with the functions ``value`` and ``slope``.

    Returns
    -------
    BaseActivation
        A new object for a name, otherwise the given object, or its two functions as an
        `Activation`.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If the object is neither a name nor an activation.

    Examples
    --------
    >>> resolve_activation("leaky_relu")
    LeakyReLU()
    """
    if isinstance(activation, str):
        return clone(look_up(activation, ACTIVATIONS, "activation"))
    refuse_class(activation, "activation")
    is_activation = callable(getattr(activation, "value", None)) and callable(
        getattr(activation, "slope", None)
    )
    if not is_activation:
        raise TypeError(
            f"activation={activation!r} is not an activation; give a name such as 'relu', an "
            "object such as LeakyReLU(negative_slope=0.1), or your own Activation(value, slope)"
        )
    if not isinstance(activation, BaseActivation):
        return Activation(activation.value, activation.slope)
    return activation


def resolve_activations(
    activation: ActivationLike | Sequence[ActivationLike], n_layers: int
) -> tuple[BaseActivation, ...]:
    """Resolve one activation for all hidden layers, or one for each of them.

    Parameters
    ----------
    activation : str, Activation or sequence of these
        A sequence has one entry per hidden layer.
    n_layers : int
        Number of hidden layers.

    Returns
    -------
    tuple of BaseActivation, of length `n_layers`

    Raises
    ------
    ValueError
        If a name is not known, or there are not as many entries as hidden layers.
    TypeError
        If an object is neither a name nor an activation.

    Examples
    --------
    >>> resolve_activations(["relu", "tanh"], 2)
    (ReLU(), Tanh())
    >>> resolve_activations("relu", 2)
    (ReLU(), ReLU())
    """
    if not isinstance(activation, (list, tuple)):
        return (resolve_activation(activation),) * n_layers
    if len(activation) != n_layers:
        raise ValueError(
            f"activation has {len(activation)} entries, but there are {n_layers} hidden layers; "
            "give one entry for each, or one activation for all"
        )
    return tuple(resolve_activation(entry) for entry in activation)
