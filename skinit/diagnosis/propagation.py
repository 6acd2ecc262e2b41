r"""How signal and gradient travel through a network with given weights, layer by layer.

`measure_propagation` sends samples through the network and the gradient of the loss back, and puts
beside the results what mean-field theory expects of independent random weights of the same size.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skinit._support import Array
from skinit.activations import Identity
from skinit.core import Network, TrainingData, carry_back, forward, layer_views, loss_and_gradient
from skinit.diagnosis.layer_statistics import (
    count_distinct_units,
    dead_units,
    effective_rank,
    mean_cosine,
    saturated_share,
)
from skinit.mean_field import chi, correlation_map, variance_map

__all__ = ["SignalPropagation", "measure_propagation"]

N_BINS = 60


@dataclass(frozen=True, repr=False)
class SignalPropagation:
    """Outcome of `measure_propagation`: one entry for each layer, the output layer last.

    Parameters
    ----------
    network : Network
    pre_activation_mean, pre_activation_variance : ndarray of shape (n_layers,)
        Over the samples and the units of a layer.
    activation_mean, activation_variance : ndarray of shape (n_layers,)
        The same after the activation; in the output layer, which has none, those of the raw
        predictions.
    weight_gradient : ndarray of shape (n_layers,)
        RMS gradient of the mean loss w.r.t. the weights; nan without targets.
    signal_gradient : ndarray of shape (n_layers,)
        RMS gradient of a sample's loss w.r.t. its pre-activations; nan without targets.
    dead : ndarray of shape (n_layers,)
        Share of the units whose activation has slope 0 for all samples, or nearly so; nan for the
        output layer.
    saturated : ndarray of shape (n_layers,)
        Share of the units, averaged over the samples, where a bounded activation has less than
        5% of its largest slope; nan where the activation is not bounded.
    distinct : ndarray of shape (n_layers,)
        How many different units there are, by their incoming and outgoing weights.
    effective_rank : ndarray of shape (n_layers,)
        Of the activations, see `effective_rank`.
    correlation : ndarray of shape (n_layers,)
        Mean cosine of the pre-activations of two samples.
    expected_square, expected_gradient, expected_correlation : ndarray of shape (n_layers,)
        Predictions of mean-field theory: of the mean square of the pre-activations and of the
        correlation, from those of the inputs forward, and of `signal_gradient`, from that of the
        output layer back.
    input_square, input_rank, input_correlation : float
        Mean square, effective rank and mean cosine of the network's inputs.
    n_samples : int
        How many samples were measured.
    counts : ndarray of shape (n_layers, n_bins)
        Histogram of the activations of each layer.
    edges : ndarray of shape (n_layers, n_bins + 1)
        Limits of its bins.
    """

    network: Network
    pre_activation_mean: Array
    pre_activation_variance: Array
    activation_mean: Array
    activation_variance: Array
    weight_gradient: Array
    signal_gradient: Array
    dead: Array
    saturated: Array
    distinct: Array
    effective_rank: Array
    correlation: Array
    expected_square: Array
    expected_gradient: Array
    expected_correlation: Array
    input_square: float
    input_rank: float
    input_correlation: float
    n_samples: int
    counts: Array
    edges: Array

    @property
    def pre_activation_square(self) -> Array:
        """Mean square of the pre-activations, of shape (n_layers,)."""
        with np.errstate(over="ignore"):  # a square that overflows is infinite
            return self.pre_activation_mean**2 + self.pre_activation_variance

    @property
    def units(self) -> Array:
        """Number of units of each layer, of shape (n_layers,)."""
        return np.array(self.network.widths[1:])

    def __repr__(self) -> str:
        return f"<SignalPropagation through {self.network.n_layers} layers>"

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the numbers as columns, one entry for each layer."""
        columns = {"layer": np.arange(1, self.network.n_layers + 1), "units": self.units}
        columns |= {name: getattr(self, name) for name in PER_LAYER}
        return {name: column.tolist() for name, column in columns.items()}


PER_LAYER = (
    "pre_activation_mean",
    "pre_activation_variance",
    "activation_mean",
    "activation_variance",
    "weight_gradient",
    "signal_gradient",
    "dead",
    "saturated",
    "distinct",
    "effective_rank",
    "correlation",
    "expected_square",
    "expected_gradient",
    "expected_correlation",
)


def measure_propagation(
    network: Network, parameters: Array, data: TrainingData
) -> SignalPropagation:
    """Send samples through a network and the gradient of the loss back, and measure both.

    Parameters
    ----------
    network : Network
        Its dropout is not applied.
    parameters : ndarray of shape (n_parameters,)
    data : TrainingData
        Its `targets` may be None; then there are no gradients.

    Returns
    -------
    SignalPropagation

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.activations import Identity
    >>> from skinit.losses import LOSSES
    >>> from skinit.core import Network, TrainingData
    >>> network = Network((2, 2, 1), (Identity(),), LOSSES["squared_error"])
    >>> parameters = np.array([2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.0, 1.0, 0.0])
    >>> data = TrainingData(np.array([[1.0, -1.0], [1.0, 1.0]]), targets=None)
    >>> measure_propagation(network, parameters, data).pre_activation_square
    array([4., 8.])
    """
    layers = layer_views(network, parameters)
    signals, pre_activations = forward(network, layers, data.X)
    activations = (*network.activations, None)
    weight_gradient, signal_gradient = gradient_sizes(
        network, parameters, data, signals[-1], pre_activations
    )
    input_square, input_correlation = mean_square(data.X), mean_cosine(data.X)
    histograms = [histogram(signal) for signal in signals[1:]]
    hidden = list(zip(network.activations, pre_activations[:-1], strict=True))
    return SignalPropagation(
        network,
        pre_activation_mean=np.array([z.mean() for z in pre_activations]),
        pre_activation_variance=np.array([z.var() for z in pre_activations]),
        activation_mean=np.array([signal.mean() for signal in signals[1:]]),
        activation_variance=np.array([signal.var() for signal in signals[1:]]),
        weight_gradient=weight_gradient,
        signal_gradient=signal_gradient,
        dead=np.array([dead_units(each, z).mean() for each, z in hidden] + [np.nan]),
        saturated=np.array([saturated_share(each, z) for each, z in hidden] + [np.nan]),
        distinct=np.array([count_distinct_units(layers, k) for k in range(len(layers))]),
        effective_rank=np.array([effective_rank(signal) for signal in signals[1:]]),
        correlation=np.array([mean_cosine(z) for z in pre_activations]),
        **expect(layers, activations, input_square, input_correlation, signal_gradient[-1]),
        input_square=input_square,
        input_rank=effective_rank(data.X),
        input_correlation=input_correlation,
        n_samples=data.X.shape[0],
        counts=np.array([counts for counts, _ in histograms]),
        edges=np.array([edges for _, edges in histograms]),
    )


def gradient_sizes(network, parameters, data, raw_predictions, pre_activations):
    """Return the RMS gradient w.r.t. the weights and w.r.t. the pre-activations of each layer."""
    if data.targets is None:
        return np.full((2, network.n_layers), np.nan)
    _, gradient = loss_and_gradient(network, parameters, data)
    by_weights = [root_mean_square(dW) for dW, _ in layer_views(network, gradient)]
    by_raw_predictions = network.loss.gradient(raw_predictions, data.targets)
    layers = layer_views(network, parameters)
    carried = carry_back(network, layers, pre_activations, by_raw_predictions)
    by_signal = [root_mean_square(delta) for _, delta in carried]
    return np.array(by_weights), np.array(by_signal[::-1])


def root_mean_square(array):
    """Return the root mean square, also where the squares themselves would overflow."""
    largest = np.abs(array).max(initial=0)
    return float(largest * np.sqrt(np.mean((array / largest) ** 2))) if largest else 0.0


def mean_square(X):
    """Return the mean square of an array or a sparse matrix."""
    return float((X.multiply(X) if issparse(X) else X * X).mean())


def histogram(signal):
    """Count the values of an array in bins of equal width, from the smallest to the largest."""
    if not np.isfinite(signal).all():
        return np.zeros(N_BINS, int), np.full(N_BINS + 1, np.nan)
    low, high = signal.min(), signal.max()
    # Values that are equal up to rounding, or nearly underflow, need bins wider than their range.
    largest, least = max(abs(low), abs(high)), 1e6 * np.finfo(float).tiny
    if high - low <= max(1e-9 * largest, least):
        margin = 0.5 * (abs(low) if largest > least else 1.0)
        low, high = low - margin, high + margin
    return np.histogram(signal, N_BINS, (low, high))


def expect(layers, activations, input_square, input_correlation, last_gradient):
    """Predict mean squares and correlations forward, and gradients back, by mean-field theory."""
    weight_squares = [mean_square(W) for W, _ in layers]
    q, c = np.float64(input_square), input_correlation
    squares, correlations = [], []
    with np.errstate(all="ignore"):  # where a signal underflows or overflows
        for activation, (W, b), weight_square in zip(
            (Identity(), *activations[:-1]), layers, weight_squares, strict=True
        ):
            q, c = next_layer(activation, q, c, len(W) * weight_square, mean_square(b))
            squares.append(q)
            correlations.append(c)
        gradients = [last_gradient**2]
        for index in reversed(range(len(layers) - 1)):
            factor, fan_out = np.nan, layers[index + 1][0].shape[1]
            if np.isfinite(squares[index]):
                weight_variance = fan_out * weight_squares[index + 1]
                factor = chi(activations[index], squares[index], weight_variance)
            gradients.append(factor * gradients[-1])
    return {
        "expected_square": np.array(squares),
        "expected_gradient": np.sqrt(gradients[::-1]),
        "expected_correlation": np.array(correlations),
    }


def next_layer(activation, q, c, weight_variance, bias_variance):
    """Return the mean square and the correlation of the next layer; nan where one is undefined."""
    if not np.isfinite(q):
        return np.nan, np.nan
    expected = variance_map(activation, q, weight_variance, bias_variance)
    if not expected > 0 or not np.isfinite([expected, c]).all():
        return expected, np.nan
    c = float(np.clip(c, -1, 1))
    return expected, correlation_map(activation, c, q, weight_variance, bias_variance)
