"""Weights without randomness: the same value everywhere, the identity, or given arrays."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_scalar

from skinit._support import Array, look_up
from skinit.initializers.base import Initializer
from skinit.initializers.layer import Layer

__all__ = ["Constant", "Given", "Identity", "Ones", "Zeros"]


class Zeros(Initializer):
    """All weights zero.

    The classic mistake: all units of a layer compute the same and get the same gradient, so they
    stay identical. With ReLU the hidden weights get no gradient at all.

    References
    ----------
    I. Goodfellow, Y. Bengio and A. Courville, "Deep learning", MIT Press, 2016, section 8.4.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Zeros())["W1"]
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """

    formula = "W = 0"
    advice = "to show that it cannot learn; an output layer of zeros"
    cost = "filling an array"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        return np.zeros((layer.fan_in, layer.fan_out))


class Constant(Initializer):
    """All weights the same value: as with zeros, the units of a layer stay identical.

    Parameters
    ----------
    value : float, default=0.1
        Value of the weights.

    References
    ----------
    I. Goodfellow, Y. Bengio and A. Courville, "Deep learning", MIT Press, 2016, section 8.4.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Constant(0.5))["W2"]
    array([[0.5, 0.5]])
    """

    advice = "to show that a layer of identical units acts as one unit"
    cost = "filling an array"

    def __init__(self, value: float = 0.1) -> None:
        self.value = value

    @property
    def formula(self) -> str:
        return f"W = {self.value:g}"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.value, "value", Real)
        return np.full((layer.fan_in, layer.fan_out), float(self.value))


class Ones(Initializer):
    """All weights one: as with zeros, the units of a layer stay identical.

    References
    ----------
    I. Goodfellow, Y. Bengio and A. Courville, "Deep learning", MIT Press, 2016, section 8.4.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Ones())["W2"]
    array([[1., 1.]])
    """

    formula = "W = 1"
    advice = 'like "constant"; the signal grows by the factor fan_in in every layer'
    cost = "filling an array"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        return np.ones((layer.fan_in, layer.fan_out))


class Identity(Initializer):
    """Ones on the diagonal: every layer passes on its inputs.

    A layer with fewer units than inputs passes on the first of them. If it has more units,
    `padding` decides about the additional ones.

    Parameters
    ----------
    gain : float, default=1.0
        Value of the diagonal.
    padding : {"zeros", "periodic"}, default="zeros"
        The additional units have weights of zero, or ("periodic") they repeat the inputs in turn:
        unit j has input i = j mod fan_in. The name ``"padded_identity"`` stands for
        ``Identity(padding="periodic")``.

    References
    ----------
    Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to initialize recurrent networks of
    rectified linear units", arXiv:1504.00941, 2015.
    Y. Pan, C. Wang, Z. Wu, Q. Wang, M. Zhang and Z. Xu, "IDInit: a universal and stable
    initialization method for neural network training", ICLR 2025 (the periodic padding).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> initialize_parameters([3, 2, 1], Identity(gain=2))["W1"]
    array([[2., 0., 0.],
           [0., 2., 0.]])
    >>> initialize_parameters([2, 5, 1], Identity(padding="periodic"))["W1"].T
    array([[1., 0., 1., 0., 1.],
           [0., 1., 0., 1., 0.]])
    """

    advice = "deep networks of equal widths; of growing ones with periodic padding"
    cost = "filling an array"

    def __init__(self, gain: float = 1.0, padding: Literal["zeros", "periodic"] = "zeros") -> None:
        self.gain = gain
        self.padding = padding

    @property
    def formula(self) -> str:
        diagonal = "W = I" if self.gain == 1 else f"W = {self.gain:g} I"
        return diagonal if self.padding == "zeros" else f"{diagonal}, repeated"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.gain, "gain", Real)
        pad = look_up(self.padding, PADDINGS, "padding")
        return self.gain * pad(layer.fan_in, layer.fan_out)


def periodic_identity(fan_in: int, fan_out: int) -> Array:
    """Return an array with ones where i = j mod fan_in, and zeros elsewhere."""
    return np.eye(fan_in)[:, np.arange(fan_out) % fan_in]


PADDINGS = {"zeros": np.eye, "periodic": periodic_identity}


class Given(Initializer):
    """Given arrays: the weights of a fitted model, of another library or from a file.

    Parameters
    ----------
    coefs : list of array-like of shape (fan_in, fan_out)
        One per layer, as in the attribute ``coefs_`` of a fitted model.
    intercepts : list of array-like of shape (fan_out,) or None, default=None
        One per layer, as in ``intercepts_``; None is zeros.

    References
    ----------
    J. Yosinski, J. Clune, Y. Bengio and H. Lipson, "How transferable are features in deep neural
    networks?", NeurIPS 2014.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> first = InitMLPClassifier(max_iter=10, random_state=0).fit(X, y)
    >>> second = InitMLPClassifier(init=Given(first.coefs_, first.intercepts_), max_iter=10)
    >>> bool(second.fit(X, y).loss_curve_[0] == first.loss_)
    True
    """

    formula = "W, b as given"
    advice = "to continue from trained weights"
    cost = "copying arrays"

    def __init__(self, coefs: Sequence[Any], intercepts: Sequence[Any] | None = None) -> None:
        self.coefs = coefs
        self.intercepts = intercepts

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        return self.of_layer(self.coefs, "coefs", layer)

    def bias(self, layer: Layer, rng: np.random.RandomState) -> Array:
        if self.intercepts is None:
            return super().bias(layer, rng)
        return self.of_layer(self.intercepts, "intercepts", layer)

    def of_layer(self, arrays: Sequence[Any], name: str, layer: Layer) -> Array:
        """Return the array of a layer."""
        if len(arrays) != layer.n_layers:
            raise ValueError(
                f"init=Given({name}=...) has {len(arrays)} arrays, but a network of widths "
                f"{layer.widths} needs {layer.n_layers}, one per layer"
            )
        return np.asarray(arrays[layer.index])
