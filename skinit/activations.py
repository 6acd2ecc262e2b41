"""Activation functions: the value and the slope of each.

An activation is a pair of functions of the pre-activation z, working on arrays of any shape and
keeping their dtype. Both stay finite for every |z| up to 1e4, in float32 as in float64.
"""

from functools import partial

import numpy as np
from scipy.special import expit, ndtr
from sklearn.base import BaseEstimator, clone

from skinit._support import look_up, refuse_class

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
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


class BaseActivation(BaseEstimator):
    """What every activation answers: ``value(z)`` and ``slope(z)``.

    Both take the pre-activations z, an array of shape (..., n_samples, n_units) in any memory
    order, and return an array of the same shape and dtype. An activation holds settings only, so
    that one object can serve many layers.

    Examples
    --------
    >>> import numpy as np
    >>> class Softer(BaseActivation):
    ...     def __init__(self, width=2.0):
    ...         self.width = width
    ...
    ...     def value(self, z):
    ...         return self.width * np.tanh(z / self.width)
    ...
    ...     def slope(self, z):
    ...         return 1 - np.tanh(z / self.width) ** 2
    >>> Softer(width=4.0).value(np.array([-4.0, 0.0])).round(4)
    array([-3.0464,  0.    ])
    """

    def value(self, z):
        """Compute the activations phi(z)."""
        raise NotImplementedError

    def slope(self, z):
        """Compute the derivatives phi'(z)."""
        raise NotImplementedError

    def onnx(self, graph, z):
        """Write the activation with ONNX operators, for `skinit.to_onnx`.

        Parameters
        ----------
        graph : skinit.interop.onnx.Graph
            ``graph("Mul", z, 2.0)`` adds an operator, whose inputs are names or numbers, and
            returns the name of its output. What onnxruntime has for float64 too: Add, Sub, Mul,
            Div, Min, Max, Abs, Neg, Exp, Log, Relu, Tanh, Sigmoid, Sin, and others.
        z : str
            The name of the pre-activations.

        Returns
        -------
        str
            The name of the activations.
        """
        raise ValueError(
            f"activation={self!r} does not say how it is written with ONNX operators; derive a "
            "class from skinit.activations.BaseActivation that has a function onnx(graph, z)"
        )

    # `compiled_calls` takes z times `input_factor` and leaves phi(z) times `output_factor`, 1 or -1.
    input_factor = 1.0
    output_factor = 1.0

    def compiled_calls(self, z, delta, new):
        """Bind the calls that do the same in place, for `skinit.engine.compile`.

        An activation need not bring its own: by default, they call `value` and `slope`.

        Parameters
        ----------
        z : ndarray of shape (n_units, n_samples)
            Holds the pre-activations, and afterwards the activations.
        delta : ndarray of shape (n_units, n_samples)
            Holds derivatives by the activations, and afterwards by the pre-activations.
        new : callable
            ``new(shape)`` returns an array to work in, ``new(shape, value)`` one of constants.

        Returns
        -------
        to_value : list of callables
            Turn `z` into activations.
        to_slope : list of callables
            Multiply `delta` by the slopes. They run after `to_value` and may use up `z`.
        """
        kept = new(z.shape)

        def to_value():
            np.divide(z, self.input_factor, out=kept)
            np.multiply(self.value(kept.T).T, self.output_factor, out=z)

        def to_slope():
            np.multiply(delta, self.slope(kept.T).T, out=delta)

        return [to_value], [to_slope]


class Activation(BaseActivation):
    """An activation of your own, from its value and its slope.

    Parameters
    ----------
    value : callable
        phi(z): takes the pre-activations, an array of shape (..., n_samples, n_units), and
        returns as many activations of the same dtype.
    slope : callable
        phi'(z), the derivative of `value`, with the same shapes. Functions that are defined at
        the top level of a module, rather than as a ``lambda``, keep the estimator picklable.

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

    def __init__(self, value, slope):
        self.value = value
        self.slope = slope


class Identity(BaseActivation):
    """``phi(z) = z``: a linear layer.

    Examples
    --------
    >>> Identity().value(-2.0)
    -2.0
    """

    def value(self, z):
        return z

    def slope(self, z):
        return np.ones_like(z)

    def onnx(self, graph, z):
        return z

    def compiled_calls(self, z, delta, new):
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

    def value(self, z):
        return np.maximum(z, 0)

    def slope(self, z):
        return np.greater(z, 0).astype(z.dtype)

    def onnx(self, graph, z):
        return graph("Relu", z)

    # Negated, a unit that is active is one whose sign bit is set: shifted over all bits, it is the
    # mask for the slope.
    input_factor = -1.0
    output_factor = -1.0

    def compiled_calls(self, z, delta, new):
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

    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def value(self, z):
        return np.where(z > 0, z, z * float(self.negative_slope))

    def slope(self, z):
        return np.where(z > 0, 1.0, self.negative_slope).astype(z.dtype)

    def onnx(self, graph, z):
        below = graph("Mul", graph("Min", z, 0.0), float(self.negative_slope))
        return graph("Add", graph("Relu", z), below)

    # Negated for the same reason as in ReLU.
    input_factor = -1.0
    output_factor = -1.0

    def compiled_calls(self, z, delta, new):
        if not 0 <= self.negative_slope <= 1:
            # The value is not the larger of z and slope * z, or has not the sign of z.
            return super().compiled_calls(z, delta, new)
        low = slope = new(z.shape)
        # Whatever the sign of a zero, the constants are 0.0.
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

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def value(self, z):
        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0)))

    def slope(self, z):
        return np.where(z > 0, 1, float(self.alpha) * np.exp(np.minimum(z, 0)))

    def onnx(self, graph, z):
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

    def value(self, z):
        return SELU_SCALE * ELU(SELU_ALPHA).value(z)

    def slope(self, z):
        return SELU_SCALE * ELU(SELU_ALPHA).slope(z)

    def onnx(self, graph, z):
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

    def value(self, z):
        return z * ndtr(z)

    def slope(self, z):
        density = np.exp(-0.5 * z**2) * float(1 / np.sqrt(2 * np.pi))
        return ndtr(z) + z * density

    def onnx(self, graph, z):
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

    def value(self, z):
        return z * expit(z)

    def slope(self, z):
        return expit(z) * (1 + z * expit(-z))

    def onnx(self, graph, z):
        # Not z * Sigmoid(z): runtimes fuse it, and some have what that gives in float32 only.
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

    def value(self, z):
        return z * np.tanh(np.logaddexp(z, 0))

    def slope(self, z):
        gate = np.tanh(np.logaddexp(z, 0))
        return gate + z * expit(z) * (1 - gate**2)

    def onnx(self, graph, z):
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

    def value(self, z):
        return np.logaddexp(z, 0)

    def slope(self, z):
        return expit(z)

    def onnx(self, graph, z):
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

    def value(self, z):
        return z / (1 + np.abs(z))

    def slope(self, z):
        return (1 + np.abs(z)) ** -2

    def onnx(self, graph, z):
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

    def value(self, z):
        return np.tanh(z)

    def slope(self, z):
        return 1 - np.tanh(z) ** 2

    def onnx(self, graph, z):
        return graph("Tanh", z)

    def compiled_calls(self, z, delta, new):
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

    def value(self, z):
        return expit(z)

    def slope(self, z):
        # The product of both tails, as 1 - expit(z) would round a small tail to 0.
        return expit(z) * expit(-z)

    def onnx(self, graph, z):
        return graph("Sigmoid", z)

    # From q = exp(-z), which leaves both tails their digits: phi(z) is 1 / (1 + q), and the slope
    # q / (1 + q)^2. It takes -z, and where exp would overflow, the tail ends a little earlier.
    input_factor = -1.0

    def compiled_calls(self, z, delta, new):
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

    def value(self, z):
        return np.sin(z)

    def slope(self, z):
        return np.cos(z)

    def onnx(self, graph, z):
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


def resolve_activation(activation):
    """Turn a name or an object into an activation.

    Parameters
    ----------
    activation : str or Activation
        A name of ``ACTIVATIONS``, or any object with the functions ``value`` and ``slope``.

    Returns
    -------
    BaseActivation
        A fresh copy for a name, otherwise the object that was given, or its two functions as an
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


def resolve_activations(activation, n_layers):
    """Turn what is given for all hidden layers, or for each of them, into one for each.

    Parameters
    ----------
    activation : str, Activation or sequence of these
        A sequence has one entry for each hidden layer.
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
