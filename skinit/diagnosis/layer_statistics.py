"""What units of one layer do, and how far samples differ there: dead, saturated, rank, cosine.

Each function takes the values of one layer, or its weights, and returns a number for each unit or
for the whole layer; `propagation` puts them together.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.csgraph import connected_components

from skinit._support import Array, MatrixLike
from skinit.activations import BaseActivation
from skinit.core import transpose

__all__ = [
    "count_distinct_units",
    "dead_units",
    "effective_rank",
    "mean_cosine",
    "saturated_share",
]

# A unit is dead if its slope is below this part of the activation's largest one for all samples,
# and saturated below the second: for tanh these are |z| > 7.6 and |z| > 2.2.
NO_SLOPE = 1e-6
SATURATED_SLOPE = 0.05

# Units are identical if their incoming and outgoing weights differ by less than this, relative to
# their norm: training keeps equal weights equal up to rounding.
SAME_UNIT = 1e-5


def dead_units(activation: BaseActivation, z: Array) -> Array:
    """Find the units whose activation has slope 0, or nearly so, for all samples.

    The weights of such a unit get no gradient from these samples.

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


def saturated_share(activation: BaseActivation, z: Array) -> float:
    """Return the share of the pre-activations in the flat parts of a bounded activation.

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


def largest_slope(activation: BaseActivation) -> float:
    """Return the largest slope of an activation between -10 and 10."""
    return float(np.abs(activation.slope(np.linspace(-10, 10, 2001))).max())


def is_bounded(activation: BaseActivation) -> bool:
    """Return whether an activation is bounded on both sides."""
    near, far = (np.abs(activation.value(size * np.array([-1.0, 1.0]))) for size in (1e2, 1e4))
    return bool(far.max() <= 2 * max(near.max(), 1e-300))


def count_distinct_units(layers: Sequence[tuple[Array, Array | None]], index: int) -> int:
    """Count the different units of a layer, by their incoming and outgoing weights.

    Units that agree in both get the same gradient, and training never makes them different.

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


def effective_rank(signal: MatrixLike) -> float:
    r"""Return the number of directions along which samples differ, as the participation ratio.

    .. math:: \frac{(\sum_i \lambda_i)^2}{\sum_i \lambda_i^2}

    of the eigenvalues :math:`\lambda_i` of the covariance. It is k where k directions have the same
    variance and all others have none.

    Parameters
    ----------
    signal : {ndarray, sparse matrix} of shape (n_samples, n_units)

    Returns
    -------
    float
        0 where all samples are the same up to rounding.

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
    products, total_before = centered_products(signal)
    total = np.trace(products)
    if not total > 1e-12 * total_before:
        return 0.0
    return float(1 / np.square(products / total).sum())


def centered_products(signal):
    """Return a matrix with the nonzero eigenvalues of the covariance, and the sum of all squares.

    Both are multiplied by the same factor. The matrix has a row for each unit or for each sample,
    whichever are fewer.
    """
    if issparse(signal):  # centering the signal itself would make it dense
        products = (signal @ transpose(signal)).toarray()
        means = products.mean(axis=0)
        return products - means - means[:, np.newaxis] + means.mean(), np.trace(products)
    centered, total = signal - signal.mean(axis=0), np.square(signal).sum()
    if centered.shape[0] < centered.shape[1]:
        centered = transpose(centered)
    return transpose(centered) @ centered, total


def mean_cosine(signal: MatrixLike) -> float:
    """Return the similarity of samples: the mean cosine of the angle between two of them.

    Parameters
    ----------
    signal : {ndarray, sparse matrix} of shape (n_samples, n_units)

    Returns
    -------
    float
        1 where all samples have the same direction; nan if fewer than two are nonzero.

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
    # The square of the summed unit vectors has the cosines of all pairs, and 1 for each sample.
    total = np.square(transpose(signal) @ inverse).sum()
    return float((total - n_samples) / (n_samples * (n_samples - 1)))
