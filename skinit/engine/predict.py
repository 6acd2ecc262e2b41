"""Predictions for many samples: tiles of rows that fit into the cache, distributed over threads."""

import operator
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.activations import Identity
from skinit.core import Network
from skinit.engine.ingredients import is_builtin
from skinit.engine.threads import limit_this_thread
from skinit.engine.workload import cached_rows

__all__ = ["raw_predictions", "tiled_forward"]


def tiled_forward(
    network: Network,
    layers: Sequence[tuple[Array, Array]],
    X: Any,
    finish: Callable[[Array], Array],
    n_threads: int = 1,
    matmul: Callable[[Any, Array], Array] = operator.matmul,
) -> Array:
    """Run samples through a network, tile by tile.

    Parameters
    ----------
    network : Network
    layers : list of (W, b)
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    finish : callable
        Applied to the raw predictions of each tile, of shape (n_rows, n_outputs).
    n_threads : int, default=1
        How many threads may work at the same time.
    matmul : callable
        Multiplies signals by weights.

    Returns
    -------
    ndarray of shape (n_samples, ...)
    """
    size = cached_rows(network, layers[0][0].itemsize)
    errors = np.geterr()

    def tile(start):
        with np.errstate(**errors):  # each thread has its own
            raw = raw_predictions(network, layers, X[start : start + size], matmul)
            # Sums over few outputs are fast if the values of each output are contiguous.
            return finish(np.asfortranarray(raw))

    def fill(start):
        result[start : start + size] = tile(start)

    first = tile(0)
    if len(first) == X.shape[0]:
        return np.ascontiguousarray(first)
    result = np.empty((X.shape[0], *first.shape[1:]), first.dtype)
    result[:size] = first
    starts = range(size, X.shape[0], size)
    if n_threads == 1 or not is_builtin(network):
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(n_threads, initializer=limit_this_thread) as pool:
            list(pool.map(fill, starts))  # reading the results raises the errors of the threads
    return result


def raw_predictions(
    network: Network,
    layers: Sequence[tuple[Array, Array]],
    X: Any,
    matmul: Callable[[Any, Array], Array] = operator.matmul,
) -> Array:
    """Compute what `skinit.core.forward` does, but keep the raw predictions only."""
    signal = X
    for (W, b), activation in zip(layers, (*network.activations, Identity()), strict=True):
        z = matmul(signal, W)
        z += b
        signal = activation.value(z)
    return signal
