"""Draws whose spread follows from the activation, whichever it is, by averages over a signal.

Where `He` knows ReLU by heart, these ask `skinit.mean_field` what the activation before the layer
does to a signal and to a gradient. An activation of your own is as good as a famous one.
"""

from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_scalar

from skinit._support import check_number, look_up
from skinit.activations import Identity
from skinit.initializers.base import Initializer
from skinit.initializers.variance_scaling import VarianceScaling
from skinit.mean_field import critical_point, gain, slope_square_at_zero, variance_map

__all__ = ["ActivationGain", "EdgeOfChaos", "Kumar", "MuP"]


class ActivationGain(Initializer):
    r"""Keeps the size of the signal, of the gradient, or a little of both, behind any activation.

    .. math::
        \operatorname{Var} W = \frac{\mathrm{gain}^2}{\mathrm{fan\_in} \operatorname{E} \phi^2},
        \qquad \frac{\mathrm{gain}^2}{\mathrm{fan\_out} \operatorname{E} \phi'^2},
        \qquad \frac{2 \, \mathrm{gain}^2}
        {\mathrm{fan\_in} \operatorname{E} \phi^2 + \mathrm{fan\_out} \operatorname{E} \phi'^2}

    forward, backward and both, where phi is the activation that the layer's inputs come from, and
    the averages are over a standard normal number. Behind ReLU, this is He's start in its two
    modes; behind SELU, forward is LeCun's; of a linear network, both is Glorot's. The first layer
    has the data for its inputs.

    Dropout enlarges the mean square of what it lets through, by one over the share of the units
    that it keeps, and the weights are made smaller by that.

    Parameters
    ----------
    direction : {"forward", "backward", "both"}, default="forward"
        What is kept.
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
    input_square : float or "data", default=1.0
        Mean square of the features: 1 if they are standardized; "data" measures it.

    See Also
    --------
    EdgeOfChaos : Keeps the signal and the gradient, at a signal's size that may differ from 1.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2 (the
    two conditions). X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010, equation 12 (the compromise). D. Hendrycks and
    K. Gimpel, "Adjusting for dropout variance in batch normalization and weight initialization",
    arXiv:1607.02488, 2016 (dropout). G. Bingham and R. Miikkulainen, "AutoInit: analytic
    signal-preserving weight initialization for neural networks", AAAI 2023 (any activation; with
    ``input_square="data"``, this is what it comes to in a multilayer perceptron).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> init = ActivationGain("backward")
    >>> start = initialize_parameters([500, 500, 500], init, random_state=0, activation="tanh")
    >>> print(f"{start['W2'].std() * 500**0.5:.2f}")  # larger by 1.47: tanh takes some gradient
    1.47
    """

    advice = "any activation, also one of your own; networks with dropout"
    cost = "a draw for each weight, and averages over the activation"

    def __init__(self, direction="forward", gain=1.0, distribution="normal", input_square=1.0):
        self.direction = direction
        self.gain = gain
        self.distribution = distribution
        self.input_square = input_square

    @property
    def formula(self):
        _, kept = look_up(self.direction, DIRECTIONS, "direction")
        return f"Var W = {self.gain**2:g} / ({kept}), {self.distribution}"

    def weights(self, layer, rng):
        check_scalar(self.gain, "gain", Real, min_val=0)
        kept, _ = look_up(self.direction, DIRECTIONS, "direction")
        scale = self.gain**2 * layer.fan_in / kept(layer, self.input_square)
        return VarianceScaling(scale, "fan_in", self.distribution).weights(layer, rng)


def signal_per_weight(layer, input_square):
    """By how much the mean square of a signal is larger than that of the weights it meets."""
    if layer.incoming_activation is None:
        return layer.fan_in * mean_square_of_data(layer, input_square)
    return layer.fan_in / gain(layer.incoming_activation) ** 2 / layer.incoming_keep_rate


def gradient_per_weight(layer, input_square):
    """By how much the mean square of a gradient is larger, on its way back through the layer."""
    if layer.incoming_activation is None:
        return layer.fan_out
    slope_gain = gain(layer.incoming_activation, "backward")
    return layer.fan_out / slope_gain**2 / layer.incoming_keep_rate


def mean_per_weight(layer, input_square):
    """Return the mean of both."""
    both = signal_per_weight(layer, input_square), gradient_per_weight(layer, input_square)
    return sum(both) / 2


DIRECTIONS = {
    "forward": (signal_per_weight, "fan_in E phi^2"),
    "backward": (gradient_per_weight, "fan_out E phi'^2"),
    "both": (mean_per_weight, "(fan_in E phi^2 + fan_out E phi'^2) / 2"),
}


def mean_square_of_data(layer, input_square):
    """Return the mean square of the features, as it is given or as the data have it."""
    if input_square != "data":
        if isinstance(input_square, str):
            raise ValueError(f"input_square={input_square!r} must be a number or 'data'")
        check_number(input_square, "input_square", above=0)
        return float(input_square)
    X = layer.inputs
    squares = X.power(2) if issparse(X) else np.square(X, dtype=np.float64)
    found = float(np.average(np.asarray(squares.mean(axis=1)).ravel(), weights=layer.sample_weight))
    if found == 0:
        raise ValueError(
            "input_square='data' finds nothing but zeros in X; look at how X is made, or give a "
            "number, such as input_square=1.0"
        )
    return found


class EdgeOfChaos(Initializer):
    r"""Weights and biases between order and chaos, where signal and gradient last the longest.

    .. math::
        W \sim N(0, \sigma_w^2 / \mathrm{fan\_in}), \qquad b \sim N(0, \sigma_b^2)

    with the :math:`\sigma_w` for which a signal keeps its mean square q and a gradient its own:

    .. math::
        q = \sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2, \qquad
        \chi = \sigma_w^2 \operatorname{E} \phi'(\sqrt{q} z)^2 = 1

    On one side of it all samples become alike on their way through a deep network, on the other
    side near samples are driven apart. `skinit.mean_field.critical_point` solves for it. The first
    layer brings the data to q; where q is 0, as it is for tanh without biases, a signal of any size
    fades, but slowly, and the data come in as they are.

    Parameters
    ----------
    sigma_b : float, default=0.0
        Standard deviation of the biases. GELU, SiLU and Mish hold no signal without.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
        Of the weights.
    input_square : float or "data", default=1.0
        Mean square of the features: 1 if they are standardized; "data" measures it.

    See Also
    --------
    skinit.mean_field.depth_scales : How many layers a signal lasts elsewhere.

    References
    ----------
    B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein and S. Ganguli, "Exponential expressivity in
    deep neural networks through transient chaos", NeurIPS 2016. S. S. Schoenholz, J. Gilmer,
    S. Ganguli and J. Sohl-Dickstein, "Deep information propagation", ICLR 2017, section 3.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> init = EdgeOfChaos(sigma_b=0.05**0.5)
    >>> start = initialize_parameters([500, 500, 500], init, random_state=0, activation="tanh")
    >>> print(f"{start['W2'].var() * 500:.2f} {start['b2'].var():.2f}")
    1.76 0.05
    """

    advice = "deep plain networks of tanh and other saturating units"
    cost = "a draw for each weight, and for each layer an equation of averages to solve"

    def __init__(self, sigma_b=0.0, distribution="normal", input_square=1.0):
        self.sigma_b = sigma_b
        self.distribution = distribution
        self.input_square = input_square

    @property
    def formula(self):
        biases = f"; b ~ N(0, {self.sigma_b:g}^2)" if self.sigma_b else ""
        return f"Var W = sigma_w^2 / fan_in where chi = 1, {self.distribution}{biases}"

    def weights(self, layer, rng):
        check_scalar(self.sigma_b, "sigma_b", Real, min_val=0)
        if layer.incoming_activation is not None:
            scale, _ = critical_point_that_holds(layer.incoming_activation, self.sigma_b)
        else:
            scale = self.scale_of_first(layer)
        return VarianceScaling(scale, "fan_in", self.distribution).weights(layer, rng)

    def scale_of_first(self, layer):
        """Weight variance, times the fan-in, that brings the data to where the signal stays."""
        square = mean_square_of_data(layer, self.input_square)
        if layer.activation is None:
            return 1.0
        _, q = critical_point_that_holds(layer.activation, self.sigma_b)
        return (q - self.sigma_b**2) / square if q > 0 else 1.0

    def bias(self, layer, rng):
        if self.sigma_b == 0:  # nothing is drawn, as where biases are zeros by themselves
            return super().bias(layer, rng)
        return rng.normal(0.0, self.sigma_b, layer.fan_out)


def critical_point_that_holds(activation, sigma_b):
    """Return the critical weight variance and q of an activation, or say which biases it needs."""
    found = stable_critical_point(activation, sigma_b)
    if found is not None:
        return found
    others = (0.0, 0.25, 0.5, 1.0)
    helps = [other for other in others if stable_critical_point(activation, other) is not None]
    way_out = f"sigma_b={helps[0]:g}" if helps else "another initializer, such as 'activation_gain'"
    raise ValueError(
        f"activation={activation!r} has no edge of chaos with sigma_b={sigma_b:g}: no weights keep "
        f"both the signal and the gradient from layer to layer; use {way_out}"
    )


def stable_critical_point(activation, sigma_b):
    """Return the critical weight variance and q, or None if larger signals grow, or there is none.

    GELU has one without biases, at q = 0, that a signal of any size leaves for ever.
    """
    try:
        weight_variance, q = critical_point(activation, sigma_b**2)
    except ValueError:
        return None
    larger = 1.1 * q if q > 0 else 1.0
    grows = variance_map(activation, larger, weight_variance, sigma_b**2) > larger * (1 + 1e-9)
    return None if grows else (weight_variance, q)


class Kumar(Initializer):
    r"""Keeps the variance of the activations, taking the activation for its tangent at 0.

    .. math:: \operatorname{Var} W
        = \frac{\mathrm{gain}^2}{\mathrm{fan\_in} \, \phi'(0)^2 (1 + \phi(0)^2)}

    A unit passes on :math:`\phi'(0)^2` of the variance of its pre-activation, and its inputs, which
    come from such units, have the mean :math:`\phi(0)` beside the variance 1. For logistic units
    this makes 12.8 / fan_in. The activation is the one that follows the layer; for the output
    layer, the one before it. Where the slope jumps at 0, the mean of both squares is taken, which
    for ReLU is He's start.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"

    References
    ----------
    S. K. Kumar, "On weight initialization in deep neural networks", arXiv:1704.08863, 2017.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> start = initialize_parameters([500, 500, 1], Kumar(), random_state=0, activation="logistic")
    >>> print(f"{start['W1'].var() * 500:.1f}")
    12.8
    """

    advice = "networks of a few layers of logistic units"

    def __init__(self, gain=1.0, distribution="normal"):
        self.gain = gain
        self.distribution = distribution

    @property
    def formula(self):
        return f"Var W = {self.gain**2:g} / (fan_in phi'(0)^2 (1 + phi(0)^2)), {self.distribution}"

    def weights(self, layer, rng):
        check_scalar(self.gain, "gain", Real, min_val=0)
        activation = layer.activation or layer.incoming_activation or Identity()
        slope_square = slope_square_at_zero(activation)
        if slope_square == 0:
            raise ValueError(
                f"activation={activation!r} has the slope 0 at 0, and Kumar's start divides by it; "
                "use an initializer that looks further, such as 'activation_gain'"
            )
        [at_zero] = activation.value(np.zeros(1))
        scale = self.gain**2 / (slope_square * (1 + at_zero**2))
        return VarianceScaling(scale, "fan_in", self.distribution).weights(layer, rng)


class MuP(Initializer):
    r"""Small scores from wide networks, so that what is tuned on a narrow one holds for a wide one.

    .. math:: \operatorname{std} W = \frac{\mathrm{gain}}{\sqrt{\mathrm{fan\_in}
        \operatorname{E} \phi^2}} \quad \text{hidden}, \qquad
        \frac{\mathrm{gain}}{\mathrm{fan\_in} \sqrt{\operatorname{E} \phi^2}} \quad \text{output}

    This is `ActivationGain`, with an output layer that is smaller by the square root of its
    inputs, so that the scores at the start fade with the width: the start of the maximal update
    parametrization. The other half of it are learning rates for each layer, which follow the
    width as well; skinit has one rate for all layers.

    Parameters
    ----------
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"

    References
    ----------
    G. Yang and E. J. Hu, "Tensor programs IV: feature learning in infinite-width neural networks",
    ICML 2021. G. Yang et al., "Tuning large neural networks via zero-shot hyperparameter
    transfer", NeurIPS 2021, table 3.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> for width in (100, 400):
    ...     start = initialize_parameters([2, width, 500], MuP(), random_state=0)
    ...     print(f"{start['W1'].std():.2f} {start['W2'].std():.4f}")
    0.72 0.0141
    0.70 0.0035
    """

    advice = "wide networks; to start with small scores, yet not symmetric"
    cost = "a draw for each weight, and averages over the activation"

    def __init__(self, gain=1.0, distribution="normal"):
        self.gain = gain
        self.distribution = distribution

    @property
    def formula(self):
        square = f"{self.gain**2:g}"
        return (
            f"Var W = {square} / (fan_in E phi^2), output {square} / (fan_in^2 E phi^2), "
            f"{self.distribution}"
        )

    def weights(self, layer, rng):
        W = ActivationGain("forward", self.gain, self.distribution).weights(layer, rng)
        # Behind no hidden layer, the fan-in is the number of features, and no width.
        return W / np.sqrt(layer.fan_in) if layer.is_output and layer.index > 0 else W
