"""Standard deviations of weights from Gaussian averages of the activation, whatever it is.

`He` has a factor of two that is right for ReLU. These initializers compute such factors for any
activation with `skinit.mean_field`, which knows how a layer changes a signal and a gradient.
"""

from numbers import Real
from typing import Literal

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_scalar

from skinit._support import Array, check_number, look_up
from skinit.activations import BaseActivation, Identity
from skinit.initializers.base import Initializer
from skinit.initializers.layer import Layer
from skinit.initializers.variance_scaling import Distribution, GainScaling, draw_scaled
from skinit.mean_field import critical_point, gain, slope_square_at_zero, variance_map

__all__ = ["ActivationGain", "EdgeOfChaos", "Kumar", "MuP"]


class ActivationGain(GainScaling):
    r"""Keeps the size of the signal, of the gradient, or a compromise, after any activation.

    .. math::
        \operatorname{Var} W = \frac{\mathrm{gain}^2}{\mathrm{fan\_in} \operatorname{E} \phi^2},
        \qquad \frac{\mathrm{gain}^2}{\mathrm{fan\_out} \operatorname{E} \phi'^2},
        \qquad \frac{2 \, \mathrm{gain}^2}
        {\mathrm{fan\_in} \operatorname{E} \phi^2 + \mathrm{fan\_out} \operatorname{E} \phi'^2}

    for "forward", "backward" and "both", where phi is the activation of the layer before, and the
    averages are over a standard normal number. After ReLU, the first two are the two modes of `He`;
    after SELU, "forward" is `LeCun`; in a linear network, "both" is `Glorot`. In the first layer
    :math:`\operatorname{E} \phi^2` is the mean square of the features.

    Dropout divides the mean square of a signal by the share of the units that it keeps, and the
    variance of the weights is multiplied by that share.

    Parameters
    ----------
    direction : {"forward", "backward", "both"}, default="forward"
        Whether to keep the mean square of the signal, of the gradient, or a compromise.
    gain : float, default=1.0
        Multiplies the standard deviation.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
    input_square : float or "data", default=1.0
        Mean square of the features: 1 if they are standardized; "data" measures it.

    See Also
    --------
    EdgeOfChaos : Keeps signal and gradient, at a size of the signal that may differ from 1.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2 (the
    two conditions). X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010, equation 12 (the compromise). D. Hendrycks and
    K. Gimpel, "Adjusting for dropout variance in batch normalization and weight initialization",
    arXiv:1607.02488, 2016 (dropout). G. Bingham and R. Miikkulainen, "AutoInit: analytic
    signal-preserving weight initialization for neural networks", AAAI 2023 (any activation; with
    ``input_square="data"``, this is the method for a multilayer perceptron).

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> init = ActivationGain("backward")
    >>> initial = initialize_parameters([500, 500, 500], init, random_state=0, activation="tanh")
    >>> print(f"{initial['W2'].std() * 500**0.5:.2f}")  # tanh shrinks the gradient by this factor
    1.47
    """

    advice = "any activation, also one of your own; networks with dropout"
    cost = "one random number per weight, and Gaussian averages of the activation"

    def __init__(
        self,
        direction: Literal["forward", "backward", "both"] = "forward",
        gain: float = 1.0,
        distribution: Distribution = "normal",
        input_square: float | Literal["data"] = 1.0,
    ) -> None:
        super().__init__(gain, distribution)
        self.direction = direction
        self.input_square = input_square

    @property
    def formula(self) -> str:
        _, kept = look_up(self.direction, DIRECTIONS, "direction")
        return f"Var W = {self.gain**2:g} / ({kept}), {self.distribution}"

    def scale(self, layer: Layer) -> float:
        kept, _ = look_up(self.direction, DIRECTIONS, "direction")
        return self.gain**2 * layer.fan_in / kept(layer, self.input_square)


def signal_per_weight(layer: Layer, input_square: float | str) -> float:
    """Return the mean square of the pre-activations for weights of variance 1."""
    if layer.incoming_activation is None:
        return layer.fan_in * mean_square_of_data(layer, input_square)
    return layer.fan_in / gain(layer.incoming_activation) ** 2 / layer.incoming_keep_rate


def gradient_per_weight(layer: Layer, input_square: float | str) -> float:
    """Return the factor on the mean square of the gradient for weights of variance 1."""
    if layer.incoming_activation is None:
        return layer.fan_out
    slope_gain = gain(layer.incoming_activation, "backward")
    return layer.fan_out / slope_gain**2 / layer.incoming_keep_rate


def mean_per_weight(layer: Layer, input_square: float | str) -> float:
    """Return the mean of both factors."""
    both = signal_per_weight(layer, input_square), gradient_per_weight(layer, input_square)
    return sum(both) / 2


DIRECTIONS = {
    "forward": (signal_per_weight, "fan_in E phi^2"),
    "backward": (gradient_per_weight, "fan_out E phi'^2"),
    "both": (mean_per_weight, "(fan_in E phi^2 + fan_out E phi'^2) / 2"),
}


def mean_square_of_data(layer: Layer, input_square: float | str) -> float:
    """Return the mean square of the features, given or measured."""
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
            "input_square='data' cannot scale an X that is all zeros; check how X is made, or give "
            "a number, such as input_square=1.0"
        )
    return found


class EdgeOfChaos(Initializer):
    r"""Weights and biases on the edge of chaos, where signal and gradient reach deepest.

    .. math::
        W \sim N(0, \sigma_w^2 / \mathrm{fan\_in}), \qquad b \sim N(0, \sigma_b^2)

    with the :math:`\sigma_w` that keeps the mean square q of the signal and that of the gradient:

    .. math::
        q = \sigma_w^2 \operatorname{E} \phi(\sqrt{q} z)^2 + \sigma_b^2, \qquad
        \chi = \sigma_w^2 \operatorname{E} \phi'(\sqrt{q} z)^2 = 1

    With smaller weights (order) all samples become similar on their way through a deep network,
    with larger ones (chaos) similar samples become uncorrelated. `skinit.mean_field.critical_point`
    solves these equations. The first layer rescales the data to q. If q is 0, as for tanh without
    biases, a signal of any size fades slowly, and the data are not rescaled.

    Parameters
    ----------
    sigma_b : float, default=0.0
        Standard deviation of the biases. GELU, SiLU and Mish need one above 0.
    distribution : {"normal", "uniform", "truncated_normal"}, default="normal"
        Of the weights.
    input_square : float or "data", default=1.0
        Mean square of the features: 1 if they are standardized; "data" measures it.

    See Also
    --------
    skinit.mean_field.depth_scales : How many layers a signal lasts off the edge.

    References
    ----------
    B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein and S. Ganguli, "Exponential expressivity in
    deep neural networks through transient chaos", NeurIPS 2016. S. S. Schoenholz, J. Gilmer,
    S. Ganguli and J. Sohl-Dickstein, "Deep information propagation", ICLR 2017, section 3.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> init = EdgeOfChaos(sigma_b=0.05**0.5)
    >>> initial = initialize_parameters([500, 500, 500], init, random_state=0, activation="tanh")
    >>> print(f"{initial['W2'].var() * 500:.2f} {initial['b2'].var():.2f}")
    1.76 0.05
    """

    advice = "deep plain networks of tanh and other saturating units"
    cost = "one random number per weight, and solving for the critical point of each layer"

    def __init__(
        self,
        sigma_b: float = 0.0,
        distribution: Distribution = "normal",
        input_square: float | Literal["data"] = 1.0,
    ) -> None:
        self.sigma_b = sigma_b
        self.distribution = distribution
        self.input_square = input_square

    @property
    def formula(self) -> str:
        biases = f"; b ~ N(0, {self.sigma_b:g}^2)" if self.sigma_b else ""
        return f"Var W = sigma_w^2 / fan_in where chi = 1, {self.distribution}{biases}"

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        check_scalar(self.sigma_b, "sigma_b", Real, min_val=0)
        if layer.incoming_activation is not None:
            scale, _ = critical_point_or_error(layer.incoming_activation, self.sigma_b)
        else:
            scale = self.scale_of_first(layer)
        return draw_scaled(scale, "fan_in", self.distribution, layer, rng)

    def scale_of_first(self, layer: Layer) -> float:
        """Return the weight variance, times the fan-in, that rescales the data to q."""
        square = mean_square_of_data(layer, self.input_square)
        if layer.activation is None:
            return 1.0
        _, q = critical_point_or_error(layer.activation, self.sigma_b)
        return (q - self.sigma_b**2) / square if q > 0 else 1.0

    def bias(self, layer: Layer, rng: np.random.RandomState) -> Array:
        if self.sigma_b == 0:  # no random numbers are used, so that later layers draw the same
            return super().bias(layer, rng)
        return rng.normal(0.0, self.sigma_b, layer.fan_out)


def critical_point_or_error(activation: BaseActivation, sigma_b: float) -> tuple[float, float]:
    """Return the critical weight variance and q, or raise an error that suggests a `sigma_b`."""
    found = stable_critical_point(activation, sigma_b)
    if found is not None:
        return found
    candidates = (0.0, 0.25, 0.5, 1.0)
    valid = [each for each in candidates if stable_critical_point(activation, each) is not None]
    way_out = f"sigma_b={valid[0]:g}" if valid else "another initializer, such as 'activation_gain'"
    raise ValueError(
        f"activation={activation!r} has no edge of chaos with sigma_b={sigma_b:g}: no weights keep "
        f"both the signal and the gradient from layer to layer; use {way_out}"
    )


def stable_critical_point(activation: BaseActivation, sigma_b: float) -> tuple[float, float] | None:
    """Return the critical weight variance and q; None if there is none, or larger signals grow.

    GELU without biases has an unstable one at q = 0: a signal of any size grows without bounds.
    """
    try:
        weight_variance, q = critical_point(activation, sigma_b**2)
    except ValueError:
        return None
    larger = 1.1 * q if q > 0 else 1.0
    grows = variance_map(activation, larger, weight_variance, sigma_b**2) > larger * (1 + 1e-9)
    return None if grows else (weight_variance, q)


class Kumar(GainScaling):
    r"""Keeps the variance of the signal, with the activation replaced by its tangent at 0.

    .. math:: \operatorname{Var} W
        = \frac{\mathrm{gain}^2}{\mathrm{fan\_in} \, \phi'(0)^2 (1 + \phi(0)^2)}

    A unit multiplies the variance of its pre-activation by :math:`\phi'(0)^2`. Its inputs,
    which are outputs of such units, have the variance 1 and the mean :math:`\phi(0)`. For logistic
    units this gives 12.8 / fan_in. The activation is the one that follows the layer; for the output
    layer, the one before it. If the slope jumps at 0, its square is the mean of the squares on both
    sides, which for ReLU gives `He`.

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
    >>> initial = initialize_parameters(
    ...     [500, 500, 1], Kumar(), random_state=0, activation="logistic"
    ... )
    >>> print(f"{initial['W1'].var() * 500:.1f}")
    12.8
    """

    advice = "networks of a few layers of logistic units"

    @property
    def formula(self) -> str:
        return f"Var W = {self.gain**2:g} / (fan_in phi'(0)^2 (1 + phi(0)^2)), {self.distribution}"

    def scale(self, layer: Layer) -> float:
        activation = layer.activation or layer.incoming_activation or Identity()
        slope_square = slope_square_at_zero(activation)
        if slope_square == 0:
            raise ValueError(
                f"activation={activation!r} has the slope 0 at 0, and Kumar's formula divides by "
                "it; use another initializer, such as 'activation_gain'"
            )
        [at_zero] = activation.value(np.zeros(1))
        return self.gain**2 / (slope_square * (1 + at_zero**2))


class MuP(GainScaling):
    r"""Raw predictions that shrink with the width, to tune a narrow network in place of a wide one.

    .. math:: \operatorname{std} W = \frac{\mathrm{gain}}{\sqrt{\mathrm{fan\_in}
        \operatorname{E} \phi^2}} \quad \text{hidden}, \qquad
        \frac{\mathrm{gain}}{\mathrm{fan\_in} \sqrt{\operatorname{E} \phi^2}} \quad \text{output}

    This is `ActivationGain` with output weights divided by the square root of their number of
    inputs, so that the initial raw predictions shrink with the width: the initialization of the
    maximal update parametrization. Its other half, learning rates for each layer that depend on
    the width, is not part of skinit, which has one learning rate for all layers.

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
    ...     initial = initialize_parameters([2, width, 500], MuP(), random_state=0)
    ...     print(f"{initial['W1'].std():.2f} {initial['W2'].std():.4f}")
    0.72 0.0141
    0.70 0.0035
    """

    advice = "wide networks; small initial predictions from units that differ"
    cost = "one random number per weight, and Gaussian averages of the activation"

    @property
    def formula(self) -> str:
        square = f"{self.gain**2:g}"
        return (
            f"Var W = {square} / (fan_in E phi^2), output {square} / (fan_in^2 E phi^2), "
            f"{self.distribution}"
        )

    def scale(self, layer: Layer) -> float:
        return self.gain**2 * layer.fan_in / signal_per_weight(layer, input_square=1.0)

    def weights(self, layer: Layer, rng: np.random.RandomState) -> Array:
        W = super().weights(layer, rng)
        # Without hidden layers, fan_in is the number of features, which is no width.
        return W / np.sqrt(layer.fan_in) if layer.is_output and layer.index > 0 else W
