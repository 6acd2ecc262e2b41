"""Starts without any randomness: one value everywhere, the identity, or weights you have."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skinit._support import look_up
from skinit.initializers.base import Initializer

__all__ = ["Constant", "Given", "Identity", "Ones", "Zeros"]


class Zeros(Initializer):
    """All weights zero.

    The classic mistake: all units of a layer compute the same, get the same gradient and stay the
    same for ever. With ReLU nothing moves at all.

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
    advice = "to show that it cannot learn; for a last layer that starts silent"
    cost = "an array to fill"

    def weights(self, layer, rng):
        return np.zeros((layer.fan_in, layer.fan_out))


class Constant(Initializer):
    """All weights one value: as with zeros, the units of a layer stay identical.

    Parameters
    ----------
    value : float, default=0.1
        The value.

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
    cost = "an array to fill"

    def __init__(self, value=0.1):
        self.value = value

    @property
    def formula(self):
        return f"W = {self.value:g}"

    def weights(self, layer, rng):
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
    advice = 'like "constant", with a signal that grows by the fan-in at every layer'
    cost = "an array to fill"

    def weights(self, layer, rng):
        return np.ones((layer.fan_in, layer.fan_out))


class Identity(Initializer):
    """Ones on the diagonal: every layer hands on what it gets.

    A layer of fewer units than inputs hands on the first of them. In one of more units, `padding`
    says what the additional ones get.

    Parameters
    ----------
    gain : float, default=1.0
        Value of the diagonal.
    padding : {"zeros", "periodic"}, default="zeros"
        In a layer of more units than inputs, the additional ones start silent; or, periodic, they
        repeat the inputs in turn, the unit j the input i = j mod fan_in. The name
        ``"padded_identity"`` stands for ``Identity(padding="periodic")``.

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

    advice = "deep networks of equal widths, or with periodic padding of growing ones"
    cost = "an array to fill"

    def __init__(self, gain=1.0, padding="zeros"):
        self.gain = gain
        self.padding = padding

    @property
    def formula(self):
        diagonal = "W = I" if self.gain == 1 else f"W = {self.gain:g} I"
        return diagonal if self.padding == "zeros" else f"{diagonal}, over and over"

    def weights(self, layer, rng):
        check_scalar(self.gain, "gain", Real)
        pad = look_up(self.padding, PADDINGS, "padding")
        return self.gain * pad(layer.fan_in, layer.fan_out)


def periodic_identity(fan_in, fan_out):
    """Return ones where the unit j hands on the input i = j mod fan_in, zeros elsewhere."""
    return np.eye(fan_in)[:, np.arange(fan_out) % fan_in]


PADDINGS = {"zeros": np.eye, "periodic": periodic_identity}


class Given(Initializer):
    """Weights that you have already: from a fitted model, another library or a file.

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
    advice = "to go on from trained weights"
    cost = "a copy"

    def __init__(self, coefs, intercepts=None):
        self.coefs = coefs
        self.intercepts = intercepts

    def weights(self, layer, rng):
        return self.of_layer(self.coefs, "coefs", layer)

    def bias(self, layer, rng):
        if self.intercepts is None:
            return super().bias(layer, rng)
        return self.of_layer(self.intercepts, "intercepts", layer)

    def of_layer(self, arrays, name, layer):
        """Pick the array of a layer."""
        if len(arrays) != layer.n_layers:
            raise ValueError(
                f"init=Given({name}=...) has {len(arrays)} arrays, but a network of widths "
                f"{layer.widths} needs {layer.n_layers}, one per layer"
            )
        return np.asarray(arrays[layer.index])
