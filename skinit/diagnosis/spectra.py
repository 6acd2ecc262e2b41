"""Singular values of the input-output Jacobian, and the largest curvature of the loss.

The Jacobian says how much the raw predictions change with the inputs. The curvature is the largest
eigenvalue of the Hessian of the loss; the largest stable learning rate follows from it.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal

from skinit._support import Array, MatrixLike
from skinit.core import Network, TrainingData, carry_back, forward, layer_views, transpose

__all__ = ["evenly", "hessian_product", "jacobian_singular_values", "largest_curvature"]

# Limits of the work: so many samples, and so many outputs where there are more of them and more
# inputs, too.
JACOBIAN_SAMPLES = 8
JACOBIAN_OUTPUTS = 200


def jacobian_singular_values(network: Network, parameters: Array, X: MatrixLike) -> Array:
    r"""Compute the singular values of the derivatives of the raw predictions w.r.t. the inputs.

    .. math:: J = \left( W^{(1)} D^{(1)} W^{(2)} \cdots D^{(L-1)} W^{(L)} \right)^\top,
        \qquad D^{(l)} = \operatorname{diag} \phi'(z^{(l)})

    Where all are 1, the network neither stretches nor squeezes distances between inputs.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Of more than 8 samples, 8 at equal distances in X are used.

    Returns
    -------
    ndarray of shape (min(n_samples, 8), n_values)
        Of each sample in decreasing order, as many as there are inputs or outputs, whichever are
        fewer. Where there are more than 200 of both, 200 of the outputs are used.

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
    # One matrix for each sample, with a row for each output.
    pre_activations = [z[:, np.newaxis] for z in pre_activations]
    n_samples, n_inputs, n_outputs = len(pre_activations[0]), network.widths[0], network.widths[-1]
    rows = np.eye(n_outputs)
    if min(n_inputs, n_outputs) > JACOBIAN_OUTPUTS:
        rows = rows[evenly(n_outputs, JACOBIAN_OUTPUTS)]
    by_raw_predictions = np.broadcast_to(rows, (n_samples, *rows.shape))
    *_, (_, by_first_layer) = carry_back(network, layers, pre_activations, by_raw_predictions)
    jacobians = by_first_layer @ transpose(layers[0][0])
    if not np.isfinite(jacobians).all():
        return np.full((n_samples, min(jacobians.shape[1:])), np.nan)
    return np.linalg.svd(jacobians, compute_uv=False)


def evenly(n_samples: int, n_wanted: int) -> Array:
    """Choose at most `n_wanted` rows at equal distances, as data may be sorted by their class."""
    return np.linspace(0, n_samples - 1, min(n_samples, n_wanted)).astype(int)


# So many steps give the largest eigenvalue to about one percent where it is well above the others,
# as it is in networks; a learning rate need not be known more precisely.
LANCZOS_STEPS = 10


def largest_curvature(
    network: Network,
    parameters: Array,
    data: TrainingData,
    alpha: float = 0.0,
    rng: np.random.RandomState | None = None,
) -> float:
    """Estimate the largest eigenvalue of the Hessian of the loss, by Lanczos's iteration.

    Gradient descent with a learning rate above 2 divided by the eigenvalue climbs along its
    eigenvector instead of descending.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    data : TrainingData
    alpha : float, default=0.0
        Strength of the penalty, see `skinit.core.loss_and_gradient`.
    rng : RandomState, default=None
        Draws the vector that the iteration begins with; None is a generator with seed 0.

    Returns
    -------
    float
        Up to rounding at most the eigenvalue itself; nan where a gradient is not finite.

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
        # Twice, as rounding errors of the first time leave a part of the basis in the vector.
        for _ in range(2):
            direction = direction - (basis[: step + 1] @ direction) @ basis[: step + 1]
        length = np.linalg.norm(direction)
        if length <= 1e-6 * max(map(abs, [*diagonal, *off_diagonal])):
            break  # all that can be reached from the first vector has been seen
        off_diagonal.append(length)
    if not np.isfinite([*diagonal, *off_diagonal]).all():
        return np.nan
    return float(eigvalsh_tridiagonal(diagonal, off_diagonal[: len(diagonal) - 1])[-1])


def hessian_product(
    network: Network, parameters: Array, data: TrainingData, alpha: float = 0.0
) -> Callable[[Array], Array]:
    r"""Return the function that multiplies a vector by the Hessian of the loss.

    The directional derivatives along the vector are carried through the network and back, beside
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
    features are, up to the second derivatives of the activations and of the loss w.r.t. the raw
    predictions, which are differences of first derivatives. A kink adds no curvature.

    Parameters
    ----------
    network, parameters, data, alpha
        As in `largest_curvature`.

    Returns
    -------
    callable
        Maps an ndarray of shape (n_parameters,) to another one.

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
    by_raw_predictions = share * network.loss.gradient(signals[-1], data.targets)
    deltas = dict(carry_back(network, layers, pre_activations, by_raw_predictions))
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
    """Return the weight of each sample in the mean loss, as a column or one number for all."""
    if data.sample_weight is None:
        return 1 / data.total_weight
    return data.sample_weight[:, np.newaxis] / data.total_weight


def move_signals(layers, directions, signals, slopes):
    """Differentiate pre-activations, and the signals before them, along a direction of weights."""
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


def moved_gradient(loss, raw_predictions, targets, direction):
    """Differentiate the gradient w.r.t. the raw predictions, along a direction for each sample."""
    size = np.maximum(1, np.abs(raw_predictions).max(axis=1, keepdims=True))
    length = np.abs(direction).max(axis=1, keepdims=True)
    unit = direction / np.where(length > 0, length, 1)
    change = change_along(lambda moved: loss.gradient(moved, targets), raw_predictions, size * unit)
    return change * length / size


# Step of the difference quotients. Where twice the change over half a step differs from the change
# over the whole step by more than this part of it, there is a kink or a jump within the step.
STEP = 1e-5
SMOOTH = 0.1


def change_along(function, at, direction):
    """Differentiate a function along a direction; at jumps, the result is 0.

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
