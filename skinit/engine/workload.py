"""The cost model: how much work an iteration is, and how the engine divides it.

It decides how many iterations run in one block, how many rows a tile has, and whether the threads
of BLAS, the threads of the engine or a single thread compute the products.
"""

from typing import Any

from scipy.sparse import issparse

from skinit.core import Network, Plan, TrainingData

__all__ = [
    "BLOCK_LENGTH",
    "cached_rows",
    "flops",
    "is_copied",
    "iterations_per_block",
    "iterations_per_record",
    "n_lanes",
    "rows_per_tile",
    "shares_products",
    "uses_tiles",
]

# A block has at most this many iterations, whose losses are computed together. It has fewer if
# their raw predictions take more bytes, or if it takes more operations: between two blocks, Ctrl-C
# is noticed.
BLOCK_LENGTH = 32
BLOCK_BYTES = 2**18
BLOCK_FLOPS = 10**9

# An X of at most this size is copied and gets a constant row: then a layer needs fewer calls.
COPIED_BYTES = 2**23

# From this many operations on, threads make an iteration faster: one on all samples, and one on a
# minibatch, where the threads of BLAS do not have to wake up, as the next batch follows at once.
THREADED_FLOPS = 10**8
MINIBATCH_THREADED_FLOPS = 2 * 10**7

# The signals of a tile take at most TILE_BYTES of the cache, but a product of fewer than
# MIN_TILE_ROWS rows is inefficient, and with fewer than MIN_TILES tiles, threads would idle.
TILE_BYTES = 2**20
MIN_TILE_ROWS = 256
MIN_TILES = 4

# Number of gradients into which the tiles are summed, an upper bound for the number of threads. All
# of them take at most LANE_BYTES, but there are at least two, for two threads.
LANES = 8
LANE_BYTES = 2**25


def flops(network: Network, n_samples: int, filled: float = 1.0) -> int:
    """Count the multiplications and additions in the matrix products of an iteration.

    Parameters
    ----------
    network : Network
    n_samples : int
    filled : float, default=1.0
        Share of nonzero entries in a sparse input.

    Returns
    -------
    int
    """
    missing = (1 - filled) * network.widths[0] * network.widths[1]
    return int(6 * n_samples * (network.n_parameters - missing))


def full_batch_flops(network: Network, data: TrainingData) -> int:
    """Count the operations of an iteration on all samples."""
    n_samples, n_features = data.X.shape
    filled = data.X.nnz / (n_samples * n_features) if issparse(data.X) else 1.0
    return flops(network, n_samples, filled)


def iterations_per_block(network: Network, n_samples: int) -> int:
    """Return how many iterations may run before control returns to the training loop."""
    return max(1, min(BLOCK_LENGTH, BLOCK_FLOPS // flops(network, n_samples)))


def iterations_per_record(n_samples: int, n_outputs: int, itemsize: int) -> int:
    """Return how many iterations' raw predictions are kept to compute their losses together."""
    return max(1, BLOCK_BYTES // (itemsize * n_outputs * n_samples))


def is_copied(X: Any) -> bool:
    """Check that X is dense and small enough to be copied with a constant column."""
    return not issparse(X) and X.nbytes <= COPIED_BYTES


def shares_products(network: Network, data: TrainingData, plan: Plan) -> bool:
    """Check whether the threads of BLAS compute the products: few samples, but much work."""
    if plan.batch_size is not None:  # minibatches of sparse samples are not compiled
        is_much = flops(network, plan.batch_size) >= MINIBATCH_THREADED_FLOPS
        return is_much and not issparse(data.X)
    is_much = full_batch_flops(network, data) >= THREADED_FLOPS
    return is_much and len(data.targets) < MIN_TILES * MIN_TILE_ROWS


def uses_tiles(network: Network, data: TrainingData, plan: Plan) -> bool:
    """Check whether an iteration is divided into tiles of rows: many samples, and much work."""
    is_much = full_batch_flops(network, data) >= THREADED_FLOPS
    return plan.batch_size is None and is_much and not shares_products(network, data, plan)


def cached_rows(network: Network, itemsize: int) -> int:
    """Return the number of samples whose signals fit into the cache."""
    return max(MIN_TILE_ROWS, TILE_BYTES // (itemsize * sum(network.widths[1:])))


def rows_per_tile(network: Network, n_samples: int, itemsize: int) -> int:
    """Return the largest number of rows of a tile, few enough that there are `MIN_TILES` tiles."""
    share = max(MIN_TILE_ROWS, -(-n_samples // MIN_TILES))
    return min(cached_rows(network, itemsize), share)


def n_lanes(n_tiles: int, gradient_bytes: int) -> int:
    """Return the number of gradients into which the tiles are summed."""
    return min(LANES, n_tiles, max(2, LANE_BYTES // gradient_bytes))
