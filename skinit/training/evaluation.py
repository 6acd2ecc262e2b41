"""Loss and raw predictions of given parameters, on all samples."""

import numpy as np

from skinit._support import Array
from skinit.core import Problem, layer_views, mean_loss, penalty
from skinit.engine import (
    blas_matmul,
    blas_threads,
    shares_products,
    spare_threads,
    tiled_forward,
)

__all__ = ["are_constant", "evaluate"]


def evaluate(problem: Problem, parameters: Array) -> tuple[float, Array]:
    """Compute the mean loss, with the penalty, and the raw predictions of all samples.

    Parameters
    ----------
    problem : Problem
    parameters : ndarray of shape (n_parameters,)

    Returns
    -------
    loss : float
    raw : ndarray of shape (n_samples, n_outputs)
    """
    network, data, plan = problem.network, problem.data, problem.plan
    layers, finish = layer_views(network, parameters), np.ascontiguousarray
    if shares_products(network, data, plan):
        # The threads of BLAS are still spinning, and would slow down threads of this process.
        with blas_threads():
            raw = tiled_forward(network, layers, data.X, finish, matmul=blas_matmul)
    else:
        raw = tiled_forward(network, layers, data.X, finish, spare_threads())
    penalized = plan.alpha * penalty(network, parameters) / data.total_weight
    return float(mean_loss(network, raw, data) + penalized), raw


def are_constant(raw: Array) -> bool:
    """Tell whether all samples have the same raw predictions, to the rounding of a few layers."""
    spread, size = np.ptp(raw, axis=-2), np.abs(raw).max(axis=-2)
    return bool(np.all(spread <= 100 * np.finfo(raw.dtype).eps * size))
