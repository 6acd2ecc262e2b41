"""The tape for many samples: tiles of rows that fit into the cache, shared among threads.

A tile is so many samples that what a network makes of them stays in the cache, and its iteration is
compiled as that of a small data set. Which tiles are summed up together, and in which order, is
settled by the data and never by the number of threads, so that any machine finds the same digits.
"""

import operator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from itertools import pairwise

import numpy as np
from scipy.sparse import issparse

from skinit.activations import Identity
from skinit.core import TrainingData, mask_calls, weighted_sum
from skinit.engine.arrays import LargeArrays, SmallArrays, run
from skinit.engine.compile import (
    COPIED_BYTES,
    Penalty,
    Tape,
    calls_of_loss,
    compile_iterations,
    compile_step,
    is_our_own,
    operations,
    side_by_side,
)
from skinit.engine.minibatch import BatchTape
from skinit.engine.threads import blas_threads, limit_this_thread

__all__ = [
    "TiledTape",
    "cached_rows",
    "make_tape",
    "scores_of",
    "shares_products",
    "tiled_forward",
]

# From so many operations on, an iteration on all samples is worth more than one thread, and so is a
# minibatch, of which there are many.
MANY_OPERATIONS = 10**8
SHARED_OPERATIONS = 2 * 10**7

# What a tile's signals may take of a cache, the fewest rows worth a product, the fewest tiles worth
# the trouble, and how many sums the tiles are shared among: no more threads than these can work at
# a time.
TILE_BYTES = 2**20
FEWEST_ROWS = 256
FEWEST_TILES = 4
LANES = 8

# The sums of all lanes take no more than these bytes, but for the two that two threads need.
LANE_BYTES = 2**25


def make_tape(network, parameters, data, plan, memory, rng=None, n_threads=1):
    """Return a `BatchTape` for minibatches, else a `Tape` or, for many samples, a `TiledTape`."""
    settings = network, parameters, data, plan, memory, rng
    in_blas = shares_products(network, data, plan)
    threads = blas_threads if in_blas else nullcontext
    if plan.batch_size is not None:
        return BatchTape(*settings, threads)
    if in_blas or operations_on(network, data) < MANY_OPERATIONS:
        return Tape(*settings, threads)
    return TiledTape(*settings, n_threads)


def shares_products(network, data, plan):
    """Tell whether the products are left to the threads of BLAS: few samples, and much to do."""
    if plan.batch_size is not None:  # sparse samples of which are not compiled
        return not issparse(data.X) and operations(network, plan.batch_size) >= SHARED_OPERATIONS
    is_much = operations_on(network, data) >= MANY_OPERATIONS
    return is_much and len(data.targets) < FEWEST_TILES * FEWEST_ROWS


def operations_on(network, data):
    """Count the operations of an iteration on all samples."""
    n_samples, n_features = data.X.shape
    filled = data.X.nnz / (n_samples * n_features) if issparse(data.X) else 1.0
    return operations(network, n_samples, filled)


def cached_rows(network, itemsize):
    """Return how many samples there are whose signals fit the cache."""
    return max(FEWEST_ROWS, TILE_BYTES // (itemsize * sum(network.widths[1:])))


def tiled_forward(network, layers, X, finish, n_threads=1, matmul=operator.matmul):
    """Carry samples through a network, a tile at a time.

    Parameters
    ----------
    network : Network
    layers : list of (W, b)
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    finish : callable
        What to make of scores of shape (n_rows, n_outputs).
    n_threads : int
        How many may work at a time.
    matmul : callable
        What multiplies the signals with the weights.

    Returns
    -------
    ndarray of shape (n_samples, ...)
    """
    size = cached_rows(network, layers[0][0].itemsize)
    errors = np.geterr()

    def tile(start):
        with np.errstate(**errors):  # which each thread has its own
            scores = scores_of(network, layers, X[start : start + size], matmul)
            # Sums over few outputs are fast where an output's scores lie side by side.
            return finish(np.asfortranarray(scores))

    def fill(start):
        result[start : start + size] = tile(start)

    first = tile(0)
    if len(first) == X.shape[0]:
        return np.ascontiguousarray(first)
    result = np.empty((X.shape[0], *first.shape[1:]), first.dtype)
    result[:size] = first
    starts = range(size, X.shape[0], size)
    if n_threads == 1 or not is_our_own(network):
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(n_threads, initializer=limit_this_thread) as pool:
            list(pool.map(fill, starts))  # the list raises what went wrong
    return result


def scores_of(network, layers, X, matmul=operator.matmul):
    """Do what `skinit.core.forward` does, and keep nothing but the scores."""
    signal = X
    for (W, b), activation in zip(layers, (*network.activations, Identity()), strict=True):
        z = matmul(signal, W)
        z += b
        signal = activation.value(z)
    return signal


class TiledTape:
    """A training run on tiles of rows, with the attributes and functions of `Tape`.

    Parameters
    ----------
    network, parameters, data, plan, memory, rng
        As in `Tape`.
    n_threads : int
        How many may work at a time.
    """

    block_length = 1

    def __init__(self, network, parameters, data, plan, memory, rng=None, n_threads=1):
        data = side_by_side(data, parameters.dtype)
        self.network, self.parameters = network, parameters
        self.total_weight = data.total_weight
        # So many tiles at least that some threads find work.
        a_share = max(FEWEST_ROWS, -(-len(data.targets) // FEWEST_TILES))
        self.tiles = split_rows(data, min(cached_rows(network, parameters.itemsize), a_share))
        if issparse(data.X) or data.X.nbytes > COPIED_BYTES:
            self.sources = [(tile.X.T, 1.0) for tile in self.tiles]
        else:
            layout = SmallArrays(parameters.dtype)
            self.sources = [layout.input(network, tile.X) for tile in self.tiles]
        # What the tiles leave to compute losses from, once for all. The last one's end is not data.
        n_rows, self.sample_weight = len(self.tiles[0].targets), data.sample_weight
        self.left = np.empty(
            (1, network.loss.tape_left, len(self.tiles) * n_rows), parameters.dtype
        )
        self.left_of_samples = self.left[..., : len(data.targets)]
        _, self.to_losses = calls_of_loss(network.loss)

        def new_mask(shape):
            # Also for the rows that fill up the last tile, which are dropped throughout.
            return np.zeros((shape[0], len(self.tiles) * n_rows), parameters.dtype)[:, : shape[1]]

        masks, self.draws = mask_calls(network, len(data.targets), rng, new_mask)
        self.masks = [None if mask is None else mask.base for mask in masks]

        # A lane sums up its tiles, one after the other; threads take lanes.
        n_lanes = min(LANES, len(self.tiles), max(2, LANE_BYTES // parameters.nbytes))
        self.gradients = [np.empty_like(parameters) for _ in range(n_lanes)]
        n_threads = min(n_threads, n_lanes) if is_our_own(network) else 1
        constants = {}
        self.layouts = [LargeArrays(parameters.dtype, constants) for _ in range(n_threads)]
        self.calls = {}  # of a thread and a lane, bound when the thread first takes the lane

        gradient, *others = self.gradients
        self.penalty = Penalty(network, plan.alpha, 1, parameters.dtype)
        self.rates = np.zeros(1, parameters.dtype)
        [step] = compile_step(
            network,
            parameters,
            gradient,
            plan,
            memory,
            penalty=self.penalty,
            rates=self.rates,
            total=self.total_weight,
        )
        [note_calls] = self.penalty.note_calls(parameters)
        self.step_calls = [
            *note_calls,
            *(partial(np.add, gradient, other, gradient) for other in others),
            # Summed first and divided last, so that what cancels does so exactly.
            partial(np.divide, gradient, self.total_weight, gradient),
            *step,
        ]
        # It starts no thread before there is work for one.
        self.pool = ThreadPoolExecutor(n_threads, initializer=limit_this_thread)

    def lane_calls(self, thread, lane):
        """Bind the calls that sum up the tiles of a lane, on the arrays of a thread."""
        if (thread, lane) not in self.calls:
            calls = [partial(self.gradients[lane].fill, 0)]
            for index in range(lane, len(self.tiles), len(self.gradients)):
                calls += self.tile_calls(index, lane, self.layouts[thread].rewound())
            self.calls[thread, lane] = calls
        return self.calls[thread, lane]

    def tile_calls(self, index, lane, layout):
        """Bind the calls that add a tile's derivatives to those of a lane."""
        tile = self.tiles[index]
        n_samples, n_outputs = tile.targets.shape
        rows = slice(index * n_samples, (index + 1) * n_samples)
        news, [calls] = compile_iterations(
            self.network,
            self.parameters,
            self.sources[index],
            tile,
            layout,
            scores=layout.new((1, n_outputs, n_samples)),
            left=self.left[..., rows],
            masks=[None if mask is None else mask[:, rows] for mask in self.masks],
            into=self.gradients[lane],
            keep=1.0,
            factor=1.0,
        )
        run(news)
        return calls

    def play(self, rates, draw_order=None):
        """Do one iteration, and return the mean loss before it, of shape (1,)."""
        self.rates[:] = rates
        run(self.draws)
        errors, lanes = np.geterr(), set(range(len(self.gradients)))
        under_way = [
            self.pool.submit(self.work, thread, lanes, errors)
            for thread in range(1, len(self.layouts))
        ]
        try:
            self.work(0, lanes, errors)
            for other in under_way:
                other.result()  # raises what went wrong in it
        finally:
            lanes.clear()  # after Ctrl-C, nobody need go on
        run(self.step_calls)
        losses = weighted_sum(self.to_losses(self.left_of_samples), self.sample_weight)
        return (losses + self.penalty.summands(1)) / self.total_weight

    def work(self, thread, lanes, errors):
        """Take one lane after the other: a thread's own, then what the next thread has left.

        As all calls are bound to the arrays of a thread, a lane that any thread might take would
        be bound, and its calls kept, once for each of them.
        """
        own, helped = (
            range(k % len(self.layouts), len(self.gradients), len(self.layouts))
            for k in (thread, thread + 1)
        )
        with np.errstate(**errors):  # which each thread has its own
            for lane in (*own, *reversed(helped)):
                try:
                    lanes.remove(lane)
                except KeyError:  # another thread has taken it
                    continue
                run(self.lane_calls(thread, lane))

    def close(self):
        """Let the threads go."""
        self.pool.shutdown()


def split_rows(data, most):
    """Split data into tiles of equal size, the last one filled up with rows without weight."""
    n_samples = len(data.targets)
    n_tiles = -(-n_samples // most)
    size = -(-n_samples // n_tiles)
    edges = [*range(0, n_samples, size), n_samples]
    tiles = []
    for start, stop in pairwise(edges):
        X, targets, sample_weight = data.X[start:stop], data.targets[start:stop], None
        if data.sample_weight is not None:
            sample_weight = data.sample_weight[start:stop]
        missing = size - (stop - start)
        if missing:
            # Copies of a row that is there anyway: without weight, they add 0 times what is finite.
            rows = np.append(np.arange(stop - start), np.zeros(missing, int))
            if sample_weight is None:
                sample_weight = np.ones(stop - start, targets.dtype)
            X, targets, sample_weight = X[rows], targets[rows], sample_weight[rows]
            sample_weight[-missing:] = 0
        tiles.append(TrainingData(X, targets, sample_weight))
    return tiles
