"""Two spectra of a start: how the scores follow the inputs, and how steeply the loss is curved.

The first are the singular values of the input-output Jacobian, the second the largest eigenvalue of
the loss's Hessian, from which the largest stable learning rate follows.
"""

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal

from skinit.core import carry_back, forward, layer_views, transpose

__all__ = ["evenly", "hessian_product", "jacobian_singular_values", "largest_curvature"]

# Bounds of the work: samples that are looked at, and scores of which derivatives are computed where
# there are more of them, and of inputs too.
JACOBIAN_SAMPLES = 8
JACOBIAN_SCORES = 200


def jacobian_singular_values(network, parameters, X):
    r"""Compute the singular values of the derivatives of the scores by the inputs.

    .. math:: J = \left( W^{(1)} D^{(1)} W^{(2)} \cdots D^{(L-1)} W^{(L)} \right)^\top,
        \qquad D^{(l)} = \operatorname{diag} \phi'(z^{(l)})

    All equal to 1, the network neither stretches nor squeezes what it is given.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Of more than 8 samples, 8 that lie evenly are looked at.

    Returns
    -------
    ndarray of shape (min(n_samples, 8), n_values)
        Of each sample in decreasing order, as many as there are inputs or scores. Where there are
        more than 200 of both, 200 of the scores stand for all.

    References
    ----------
    J. Pennington, S. S. Schoenholz and S. Ganguli, "Resurrecting the sigmoid in deep learning
    through dynamical isometry", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> from skinit.core import Network
    >>> network = Network((2, 2), (), LOSSES["squared_error"])
    >>> parameters = np.array([3.0, 0.0, 0.0, 2.0, 0.0, 0.0])
    >>> jacobian_singular_values(network, parameters, np.ones((1, 2)))
    array([[3., 2.]])
    """
    layers = layer_views(network, parameters)
    _, pre_activations = forward(network, layers, X[evenly(X.shape[0], JACOBIAN_SAMPLES)])
    # One matrix for each sample, with a row for each score.
    pre_activations = [z[:, np.newaxis] for z in pre_activations]
    n_samples, n_inputs, n_scores = len(pre_activations[0]), network.widths[0], network.widths[-1]
    rows = np.eye(n_scores)
    if min(n_inputs, n_scores) > JACOBIAN_SCORES:
        rows = rows[evenly(n_scores, JACOBIAN_SCORES)]
    by_scores = np.broadcast_to(rows, (n_samples, *rows.shape))
    *_, (_, by_first_layer) = carry_back(network, layers, pre_activations, by_scores)
    jacobians = by_first_layer @ transpose(layers[0][0])
    if not np.isfinite(jacobians).all():
        return np.full((n_samples, min(jacobians.shape[1:])), np.nan)
    return np.linalg.svd(jacobians, compute_uv=False)


def evenly(n_samples, n_wanted):
    """Return the rows of at most so many samples, evenly: data may be sorted by their class."""
    return np.linspace(0, n_samples - 1, min(n_samples, n_wanted)).astype(int)


# So many steps bring the largest eigenvalue to a percent or so where it stands apart from the
# others, as it does in networks; a learning rate is not chosen more closely than that.
LANCZOS_STEPS = 10


def largest_curvature(network, parameters, data, alpha=0.0, rng=None):
    """Estimate the largest eigenvalue of the Hessian of the loss, by Lanczos's iteration.

    Gradient descent with a step longer than 2 divided by the eigenvalue climbs along its
    eigenvector instead of descending.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    data : TrainingData
    alpha : float, default=0.0
        Of the penalty, see `skinit.core.loss_and_gradient`.
    rng : RandomState, default=None
        For the vector to begin with; None is one with seed 0.

    Returns
    -------
    float
        Never more than the eigenvalue itself, but for rounding; nan where a gradient is not finite.

    References
    ----------
    Y. LeCun, P. Y. Simard and B. Pearlmutter, "Automatic learning rate maximization by on-line
    estimation of the Hessian's eigenvectors", NIPS 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> from skinit.core import Network, TrainingData
    >>> network = Network((1, 1), (), LOSSES["squared_error"])
    >>> data = TrainingData(np.array([[2.0], [-2.0]]), np.zeros((2, 1)))
    >>> round(largest_curvature(network, np.zeros(2), data), 4)
    4.0
    """
    rng = np.random.RandomState(0) if rng is None else rng
    multiply = hessian_product(network, parameters, data, alpha)
    n_steps = min(LANCZOS_STEPS, len(parameters))
    basis, diagonal, off_diagonal = np.empty((n_steps, len(parameters))), [], []
    direction = rng.normal(size=len(parameters))
    length = np.linalg.norm(direction)
    for step in range(n_steps):
        v = basis[step] = direction / length
        direction = multiply(v)
        diagonal.append(v @ direction)
        # Twice, as once leaves what rounding has brought in.
        for _ in range(2):
            direction = direction - (basis[: step + 1] @ direction) @ basis[: step + 1]
        length = np.linalg.norm(direction)
        if length <= 1e-6 * max(map(abs, [*diagonal, *off_diagonal])):
            break  # all that can be reached from the first vector has been seen
        off_diagonal.append(length)
    if not np.isfinite([*diagonal, *off_diagonal]).all():
        return np.nan
    return float(eigvalsh_tridiagonal(diagonal, off_diagonal[: len(diagonal) - 1])[-1])


def hessian_product(network, parameters, data, alpha=0.0):
    r"""Return the function that multiplies a vector by the Hessian of the loss.

    What a small step along the vector changes is carried through the network and back, beside
    signal and gradient. With the vector's weights V and biases c,

    .. math::
        \dot z^{(l)} = a^{(l-1)} V^{(l)} + c^{(l)} + \dot a^{(l-1)} W^{(l)}, \qquad
        \dot a^{(l)} = \phi'(z^{(l)}) \odot \dot z^{(l)}

    .. math::
        \dot \delta^{(l-1)} = \left( \dot \delta^{(l)} W^{(l)\top}
        + \delta^{(l)} V^{(l)\top} \right) \odot \phi'(z^{(l-1)})
        + \delta^{(l)} W^{(l)\top} \odot \phi''(z^{(l-1)}) \odot \dot z^{(l-1)}

    and the product is :math:`\dot a^{(l-1)\top} \delta^{(l)} + a^{(l-1)\top} \dot \delta^{(l)}` for
    the weights, :math:`\sum_i \dot \delta^{(l)}_i` for the biases. It is exact, however large the
    features are, but for the second derivatives of the activations and of the loss by the scores,
    which are differences of first ones. Kinks have none: the curvature is that between them.

    Parameters
    ----------
    network, parameters, data, alpha
        As in `largest_curvature`.

    Returns
    -------
    callable
        From an ndarray of shape (n_parameters,) to another one.

    References
    ----------
    B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.losses import LOSSES
    >>> from skinit.core import Network, TrainingData
    >>> network = Network((1, 1), (), LOSSES["squared_error"])
    >>> data = TrainingData(np.array([[1.0], [3.0]]), np.zeros((2, 1)))
    >>> hessian_product(network, np.zeros(2), data)(np.array([1.0, 0.0])).round(6)
    array([5., 2.])
    """
    layers = layer_views(network, parameters)
    signals, pre_activations = forward(network, layers, data.X)
    share = weight_shares(data)
    by_scores = share * network.loss.gradient(signals[-1], data.targets)
    deltas = dict(carry_back(network, layers, pre_activations, by_scores))
    hidden = list(zip(network.activations, pre_activations[:-1], strict=True))
    slopes = [activation.slope(z) for activation, z in hidden]
    bends = [bend(activation, z) for activation, z in hidden]

    def multiply(vector):
        product = np.empty_like(vector)
        directions, parts = layer_views(network, vector), layer_views(network, product)
        moved_z, moved_signals = move_signals(layers, directions, signals, slopes)
        moved = share * moved_gradient(network.loss, signals[-1], data.targets, moved_z[-1])
        for index in reversed(range(network.n_layers)):
            (W, _), (V, _), (by_W, by_b) = layers[index], directions[index], parts[index]
            by_W[...] = transpose(signals[index]) @ moved + alpha / data.total_weight * V
            by_b[...] = moved.sum(axis=0)
            if index > 0:
                by_W += transpose(moved_signals[index]) @ deltas[index]
                bent = deltas[index] @ transpose(W) * bends[index - 1] * moved_z[index - 1]
                moved = moved @ transpose(W) + deltas[index] @ transpose(V)
                moved = moved * slopes[index - 1] + bent
        return product

    return multiply


def weight_shares(data):
    """Return what part each sample has in the mean loss, as a column or one number for all."""
    if data.sample_weight is None:
        return 1 / data.total_weight
    return data.sample_weight[:, np.newaxis] / data.total_weight


def move_signals(layers, directions, signals, slopes):
    """Carry forward what a step changes: in each pre-activation, and in the signal before it."""
    moved_z, moved_signals = [], [None]  # the inputs stay
    for index, ((W, _), (V, c)) in enumerate(zip(layers, directions, strict=True)):
        change = signals[index] @ V + c
        if index > 0:
            change += moved_signals[index] @ W
        moved_z.append(change)
        if index < len(slopes):
            moved_signals.append(slopes[index] * change)
    return moved_z, moved_signals


def bend(activation, z):
    """Differentiate the slope of an activation."""
    size = np.maximum(1, np.abs(z))
    return change_along(activation.slope, z, size) / size


def moved_gradient(loss, scores, targets, direction):
    """Differentiate the gradient of a loss by the scores, along a direction of each sample."""
    size = np.maximum(1, np.abs(scores).max(axis=1, keepdims=True))
    length = np.abs(direction).max(axis=1, keepdims=True)
    unit = direction / np.where(length > 0, length, 1)
    change = change_along(lambda moved: loss.gradient(moved, targets), scores, size * unit)
    return change * length / size


# How far differences reach, and by what part the change over half of the way may differ from half
# of the change; where it differs by more, there is a kink on the way.
STEP = 1e-5
SMOOTH = 0.1


def change_along(function, at, direction):
    """Differentiate a function along a direction, but for its jumps.

    Examples
    --------
    >>> from skinit.activations import ReLU, Tanh
    >>> z, ones = np.array([0.0, 1.0]), np.ones(2)
    >>> change_along(Tanh().slope, z, ones).round(4)
    array([ 0.    , -0.6397])
    >>> change_along(ReLU().slope, z, ones)
    array([0., 0.])
    """
    whole, half = (
        function(at + step * direction) - function(at - step * direction)
        for step in (STEP, STEP / 2)
    )
    is_smooth = np.abs(2 * half - whole) <= SMOOTH * np.abs(whole)
    return np.where(is_smooth, whole, 0) / (2 * STEP)
