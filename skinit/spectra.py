"""Two spectra of a start: how the scores follow the inputs, and how steeply the loss is curved.

The first are the singular values of the input-output Jacobian, the second the largest eigenvalue of
the loss's Hessian, from which the largest stable learning rate follows.
"""

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal

from skinit.network import carry_back, forward, layer_views, loss_and_gradient, transpose

__all__ = ["jacobian_singular_values", "largest_curvature"]

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
        The first 8 samples are looked at.

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
    >>> from skinit.network import Network
    >>> network = Network((2, 2), (), LOSSES["squared_error"])
    >>> parameters = np.array([3.0, 0.0, 0.0, 2.0, 0.0, 0.0])
    >>> jacobian_singular_values(network, parameters, np.ones((1, 2)))
    array([[3., 2.]])
    """
    layers = layer_views(network, parameters)
    _, pre_activations = forward(network, layers, X[:JACOBIAN_SAMPLES])
    # One matrix for each sample, with a row for each score.
    pre_activations = [z[:, np.newaxis] for z in pre_activations]
    n_samples, n_inputs, n_scores = len(pre_activations[0]), network.widths[0], network.widths[-1]
    rows = np.eye(n_scores)
    if min(n_inputs, n_scores) > JACOBIAN_SCORES:
        rows = rows[np.linspace(0, n_scores - 1, JACOBIAN_SCORES).astype(int)]
    by_scores = np.broadcast_to(rows, (n_samples, *rows.shape))
    *_, (_, by_first_layer) = carry_back(network, layers, pre_activations, by_scores)
    jacobians = by_first_layer @ transpose(layers[0][0])
    if not np.isfinite(jacobians).all():
        return np.full((n_samples, min(jacobians.shape[1:])), np.nan)
    return np.linalg.svd(jacobians, compute_uv=False)


# So many steps bring the largest eigenvalue to a percent or so where it stands apart from the
# others, as it does in networks; a learning rate is not chosen more closely than that.
LANCZOS_STEPS = 10

# How far a difference reaches, so short that hardly a unit crosses its kink on the way: what is
# wanted is the curvature between kinks. A sample that no unit of a layer has let through sits on
# the kinks of the next one; moving the parameters a little, relative to their size, frees it.
STEP = 1e-8
OFF_THE_KINKS = 1e-4


def largest_curvature(network, parameters, data, alpha=0.0, rng=None):
    r"""Estimate the largest eigenvalue of the Hessian of the loss, by Lanczos's iteration.

    A product of the Hessian and a vector is a difference of two gradients,

    .. math:: H v \approx \frac{\nabla L(\theta + h v) - \nabla L(\theta - h v)}{2 h}

    Gradient descent with a step longer than 2 divided by the eigenvalue climbs along its
    eigenvector instead of descending.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    data : TrainingData
    alpha : float, default=0.0
        Of the penalty, see `skinit.network.loss_and_gradient`.
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
    >>> from skinit.network import Network, TrainingData
    >>> network = Network((1, 1), (), LOSSES["squared_error"])
    >>> data = TrainingData(np.array([[2.0], [-2.0]]), np.zeros((2, 1)))
    >>> round(largest_curvature(network, np.zeros(2), data), 4)
    4.0
    """
    rng = np.random.RandomState(0) if rng is None else rng
    size = np.sqrt(np.mean(parameters**2)) or 1.0
    parameters = parameters + rng.normal(scale=OFF_THE_KINKS * size, size=len(parameters))

    def gradient(vector):
        return loss_and_gradient(network, parameters + vector, data, alpha)[1]

    basis = np.zeros((0, len(parameters)))
    direction = rng.normal(size=len(parameters))
    diagonal, off_diagonal = [], []
    for _ in range(min(LANCZOS_STEPS, len(parameters))):
        length = np.linalg.norm(direction)
        if len(diagonal) and length <= 1e-6 * max(map(abs, [*diagonal, *off_diagonal])):
            break  # all that can be reached from the first vector has been seen
        off_diagonal.append(length)
        v = direction / length
        basis = np.vstack([basis, v])
        direction = (gradient(STEP * v) - gradient(-STEP * v)) / (2 * STEP)
        diagonal.append(v @ direction)
        # Twice, as once leaves what rounding has brought in.
        for _ in range(2):
            direction = direction - (basis @ direction) @ basis
    if not np.isfinite([*diagonal, *off_diagonal]).all():
        return np.nan
    return float(eigvalsh_tridiagonal(diagonal, off_diagonal[1:])[-1])
