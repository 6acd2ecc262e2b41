r"""How signal and gradient travel through a network of given weights, layer by layer.

`measure_propagation` sends data through and the derivatives of the loss back, and puts beside what
it finds what mean-field theory expects of random weights that are as large.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.csgraph import connected_components

from skinit.activations import Identity
from skinit.core import Network, carry_back, forward, layer_views, loss_and_gradient, transpose
from skinit.mean_field import chi, correlation_map, variance_map

__all__ = [
    "SignalPropagation",
    "count_distinct_units",
    "dead_units",
    "effective_rank",
    "mean_cosine",
    "measure_propagation",
    "saturated_share",
]

# A slope below this part of the activation's largest one brings no gradient worth mentioning, and
# below the second one little: for tanh these are |z| > 7.6 and |z| > 2.2.
NO_SLOPE = 1e-6
SATURATED_SLOPE = 0.05

# Units whose incoming and outgoing weights differ by less, relative to their norm, are the same;
# training from equal weights keeps them equal up to rounding.
SAME_UNIT = 1e-5

N_BINS = 60


@dataclass(frozen=True, repr=False)
class SignalPropagation:
    """What `measure_propagation` has found: one entry for each layer, the output layer last.

    Parameters
    ----------
    network : Network
    pre_activation_mean, pre_activation_variance : ndarray of shape (n_layers,)
        Over the samples and the units of a layer.
    activation_mean, activation_variance : ndarray of shape (n_layers,)
        The same behind the activation; of the output layer, which has none, those of the scores.
    weight_gradient : ndarray of shape (n_layers,)
        Root mean square of the derivatives of the mean loss by the weights; nan without targets.
    signal_gradient : ndarray of shape (n_layers,)
        Root mean square of the derivatives of a sample's loss by its pre-activations.
    dead : ndarray of shape (n_layers,)
        Share of the units whose slope is as good as 0 for all samples; nan for the output layer.
    saturated : ndarray of shape (n_layers,)
        Share of the units, averaged over the samples, where a bounded activation has less than
        5% of its largest slope; nan where the activation is not bounded.
    distinct : ndarray of shape (n_layers,)
        How many units differ from each other in their incoming or outgoing weights.
    effective_rank : ndarray of shape (n_layers,)
        Of the activations, see `effective_rank`.
    correlation : ndarray of shape (n_layers,)
        Mean cosine of the pre-activations of two samples.
    expected_square, expected_gradient, expected_correlation : ndarray of shape (n_layers,)
        What mean-field theory says: the mean square of the pre-activations and the correlation from
        those of the inputs on, the `signal_gradient` from that of the output layer back.
    input_square, input_rank, input_correlation : float
        Mean square, effective rank and mean cosine of the network's inputs.
    n_samples : int
        How many samples went through.
    counts : ndarray of shape (n_layers, n_bins)
        How many activations are in each bin.
    edges : ndarray of shape (n_layers, n_bins + 1)
        Where the bins of each layer begin and end.
    """

    network: Network
    pre_activation_mean: np.ndarray
    pre_activation_variance: np.ndarray
    activation_mean: np.ndarray
    activation_variance: np.ndarray
    weight_gradient: np.ndarray
    signal_gradient: np.ndarray
    dead: np.ndarray
    saturated: np.ndarray
    distinct: np.ndarray
    effective_rank: np.ndarray
    correlation: np.ndarray
    expected_square: np.ndarray
    expected_gradient: np.ndarray
    expected_correlation: np.ndarray
    input_square: float
    input_rank: float
    input_correlation: float
    n_samples: int
    counts: np.ndarray
    edges: np.ndarray

    @property
    def pre_activation_square(self):
        """Mean square of the pre-activations, of shape (n_layers,)."""
        with np.errstate(over="ignore"):  # infinite says as much
            return self.pre_activation_mean**2 + self.pre_activation_variance

    @property
    def units(self):
        """Number of units of each layer, of shape (n_layers,)."""
        return np.array(self.network.widths[1:])

    def __repr__(self):
        return f"<SignalPropagation through {self.network.n_layers} layers>"

    def to_dict(self):
        """Return the figures as columns, one entry for each layer."""
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


def measure_propagation(network, parameters, data):
    """Send data through a network and the derivatives of the loss back, and take down what is seen.

    Parameters
    ----------
    network : Network
        No unit is dropped.
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
        **mean_field(layers, activations, input_square, input_correlation, signal_gradient[-1]),
        input_square=input_square,
        input_rank=effective_rank(data.X),
        input_correlation=input_correlation,
        n_samples=data.X.shape[0],
        counts=np.array([counts for counts, _ in histograms]),
        edges=np.array([edges for _, edges in histograms]),
    )


def gradient_sizes(network, parameters, data, scores, pre_activations):
    """Return the root mean square of the derivatives by the weights, and by the pre-activations."""
    if data.targets is None:
        return np.full((2, network.n_layers), np.nan)
    _, gradient = loss_and_gradient(network, parameters, data)
    by_weights = [root_mean_square(dW) for dW, _ in layer_views(network, gradient)]
    by_scores = network.loss.gradient(scores, data.targets)
    layers = layer_views(network, parameters)
    carried = carry_back(network, layers, pre_activations, by_scores)
    by_signal = [root_mean_square(delta) for _, delta in carried]
    return np.array(by_weights), np.array(by_signal[::-1])


def root_mean_square(array):
    """Return the root of the mean of the squares, without an overflow on the way."""
    largest = np.abs(array).max(initial=0)
    return float(largest * np.sqrt(np.mean((array / largest) ** 2))) if largest else 0.0


def mean_square(X):
    """Return the mean of the squares, of a sparse matrix too."""
    return float((X.multiply(X) if issparse(X) else X * X).mean())


def dead_units(activation, z):
    """Tell which units have a slope that is as good as 0 for all samples.

    Nothing that these samples can teach reaches the weights of such a unit.

    Parameters
    ----------
    activation : BaseActivation
    z : ndarray of shape (n_samples, n_units)
        Pre-activations.

    Returns
    -------
    ndarray of bool, of shape (n_units,)

    References
    ----------
    L. Lu, Y. Shin, Y. Su and G. E. Karniadakis, "Dying ReLU and initialization: theory and
    numerical examples", Communications in Computational Physics 28, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.activations import ReLU
    >>> dead_units(ReLU(), np.array([[-1.0, 2.0], [-3.0, -4.0]]))
    array([ True, False])
    """
    steepest = np.abs(activation.slope(z)).max(axis=0)
    return steepest <= NO_SLOPE * largest_slope(activation)


def saturated_share(activation, z):
    """Return how many of the pre-activations are where a bounded activation is flat.

    Parameters
    ----------
    activation : BaseActivation
    z : ndarray of shape (n_samples, n_units)

    Returns
    -------
    float
        From 0 to 1; nan where the activation is not bounded on both sides.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.activations import Tanh
    >>> saturated_share(Tanh(), np.array([[-10.0, 0.0, 1.0, 10.0]]))
    0.5
    """
    if not is_bounded(activation):
        return np.nan
    slopes = np.abs(activation.slope(z))
    return float((slopes < SATURATED_SLOPE * largest_slope(activation)).mean())


def largest_slope(activation):
    """Return the largest slope of an activation around 0, where its pre-activations should be."""
    return float(np.abs(activation.slope(np.linspace(-10, 10, 2001))).max())


def is_bounded(activation):
    """Tell whether an activation stays within bounds on both sides."""
    near, far = (np.abs(activation.value(size * np.array([-1.0, 1.0]))) for size in (1e2, 1e4))
    return bool(far.max() <= 2 * max(near.max(), 1e-300))


def count_distinct_units(layers, index):
    """Count the units of a layer that differ from all others in incoming or outgoing weights.

    Units that agree in both get the same gradient and can never become different: so long as
    training lasts, they are one.

    Parameters
    ----------
    layers : list of (W, b)
    index : int
        Of the layer in the list.

    Returns
    -------
    int

    Examples
    --------
    >>> import numpy as np
    >>> layers = [(np.ones((2, 3)), np.zeros((1, 3))), (np.array([[1.0], [1.0], [2.0]]), None)]
    >>> count_distinct_units(layers, 0)
    2
    """
    W, b = layers[index]
    weights = [W, b]
    if index + 1 < len(layers):
        weights.append(transpose(layers[index + 1][0]))
    units = transpose(np.vstack(weights))
    squares = (units * units).sum(axis=1)
    distances = squares[:, np.newaxis] + squares - 2 * (units @ transpose(units))
    is_same = distances <= SAME_UNIT**2 * (squares[:, np.newaxis] + squares)
    return int(connected_components(is_same, directed=False, return_labels=False))


def effective_rank(signal):
    r"""Return along how many directions the samples differ: the participation ratio.

    .. math:: \frac{(\sum_i \lambda_i)^2}{\sum_i \lambda_i^2}

    of the eigenvalues :math:`\lambda_i` of the covariance. It is k where k directions have the same
    variance and the others none.

    Parameters
    ----------
    signal : {ndarray, sparse matrix} of shape (n_samples, n_units)

    Returns
    -------
    float
        0 where all samples are the same, to rounding.

    References
    ----------
    P. Gao and S. Ganguli, "On simplicity and complexity in the brave new world of large-scale
    neuroscience", Current Opinion in Neurobiology 32, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> effective_rank(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    2.0
    """
    products, total_before = centred_products(signal)
    total = np.trace(products)
    if not total > 1e-12 * total_before:
        return 0.0
    return float(1 / np.square(products / total).sum())


def centred_products(signal):
    """Return a matrix that has the eigenvalues of the covariance, and the sum of all squares.

    Both but for a common factor; of the products of all units and of all samples, the smaller one.
    """
    if issparse(signal):  # which would be dense if it were centred itself
        products = (signal @ transpose(signal)).toarray()
        means = products.mean(axis=0)
        return products - means - means[:, np.newaxis] + means.mean(), np.trace(products)
    centred, total = signal - signal.mean(axis=0), np.square(signal).sum()
    if centred.shape[0] < centred.shape[1]:
        centred = transpose(centred)
    return transpose(centred) @ centred, total


def mean_cosine(signal):
    """Return the mean cosine of the angle between two samples.

    Parameters
    ----------
    signal : {ndarray, sparse matrix} of shape (n_samples, n_units)

    Returns
    -------
    float
        1 where all samples point into one direction; nan if fewer than two are not 0.

    Examples
    --------
    >>> import numpy as np
    >>> mean_cosine(np.array([[1.0, 0.0], [0.0, 2.0]]))
    0.0
    """
    squares = signal.multiply(signal) if issparse(signal) else signal * signal
    norms = np.sqrt(squares @ np.ones(squares.shape[1]))
    n_samples = np.count_nonzero(norms)
    if n_samples < 2:
        return np.nan
    inverse = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    # All pairs at once: the square of the sum of the directions, less each with itself.
    total = np.square(transpose(signal) @ inverse).sum()
    return float((total - n_samples) / (n_samples * (n_samples - 1)))


def histogram(signal):
    """Count the values of an array in bins of equal width, from the smallest to the largest."""
    if not np.isfinite(signal).all():
        return np.zeros(N_BINS, int), np.full(N_BINS + 1, np.nan)
    low, high = signal.min(), signal.max()
    # A bin narrower than what rounding tells apart would be none, and so are bins near underflow.
    largest, least = max(abs(low), abs(high)), 1e6 * np.finfo(float).tiny
    if high - low <= max(1e-9 * largest, least):
        margin = 0.5 * (abs(low) if largest > least else 1.0)
        low, high = low - margin, high + margin
    return np.histogram(signal, N_BINS, (low, high))


def mean_field(layers, activations, input_square, input_correlation, last_gradient):
    """Follow mean squares and correlations forward, and gradients back, by `skinit.mean_field`."""
    weight_squares = [mean_square(W) for W, _ in layers]
    q, c = np.float64(input_square), input_correlation
    squares, correlations = [], []
    with np.errstate(all="ignore"):  # where a signal fades or grows beyond all numbers
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
    """Return the mean square and the correlation of the next layer; nan where one is lost."""
    if not np.isfinite(q):
        return np.nan, np.nan
    expected = variance_map(activation, q, weight_variance, bias_variance)
    if not expected > 0 or not np.isfinite([expected, c]).all():
        return expected, np.nan
    c = float(np.clip(c, -1, 1))
    return expected, correlation_map(activation, c, q, weight_variance, bias_variance)
