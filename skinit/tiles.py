"""The tape for many samples: tiles of rows that fit into the cache, shared among threads.

A tile is so many samples that what a network makes of them stays in the cache, and its iteration is
compiled as that of a small data set. Which tiles are summed up together, and in which order, is
settled by the data and never by the number of threads, so that any machine finds the same digits.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from scipy.sparse import issparse

from skinit.activations import Activation, Identity
from skinit.network import TrainingData, summed_loss
from skinit.solvers import BaseSolver
from skinit.tape import (
    SmallArrays,
    Tape,
    compile_iterations,
    operations,
    shortcut,
    sparse_product,
)
from skinit.threads import limit_this_thread

__all__ = ["LargeArrays", "TiledTape", "cached_rows", "make_tape", "scores_of", "tiled_forward"]

# Below so many operations an iteration, tiles cost more than they save.
MANY_OPERATIONS = 10**8

# What a tile's signals may take of a cache, the fewest rows worth a product, and how many sums the
# tiles are shared among: no more threads than these can work at a time.
TILE_BYTES = 2**20
FEWEST_ROWS = 256
LANES = 8

# A sum of more bytes than the first is not transposed, which takes longer than it saves; and the
# sums of all lanes take no more than the second, but for the two that two threads need.
TRANSPOSED_BYTES = 2**17
LANE_BYTES = 2**25


def make_tape(network, parameters, data, solver, learning_rate, state, n_threads=1):
    """Return a `Tape` or, where there is much to do, a `TiledTape`."""
    settings = network, parameters, data, solver, learning_rate, state
    n_samples, n_features = data.X.shape
    filled = data.X.nnz / (n_samples * n_features) if issparse(data.X) else 1.0
    n_operations = operations(network, n_samples, filled)
    if n_operations < MANY_OPERATIONS or n_samples < 2 * FEWEST_ROWS:
        return Tape(*settings)
    return TiledTape(*settings, n_threads)


def cached_rows(network, itemsize):
    """Return how many samples there are whose signals fit the cache."""
    return max(FEWEST_ROWS, TILE_BYTES // (itemsize * sum(network.widths[1:])))


def tiled_forward(network, layers, X, finish, n_threads=1):
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

    Returns
    -------
    ndarray of shape (n_samples, ...)
    """
    size = cached_rows(network, layers[0][0].itemsize)
    errors = np.geterr()

    def tile(start):
        with np.errstate(**errors):  # which each thread has its own
            scores = scores_of(network, layers, X[start : start + size])
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


def is_our_own(network):
    """Tell whether all functions are skinit's: others may not stand being called by two threads."""
    return all(
        type(part).__module__ in ("skinit.activations", "skinit.losses")
        and not isinstance(part, Activation)
        for part in (*network.activations, network.loss)
    )


def scores_of(network, layers, X):
    """Do what `skinit.network.forward` does, and keep nothing but the scores."""
    signal = X
    for (W, b), activation in zip(layers, (*network.activations, Identity()), strict=True):
        z = signal @ W
        z += b
        signal = activation.value(z)
    return signal


class TiledTape:
    """A training run on tiles of rows, with the attributes and functions of `Tape`.

    Parameters
    ----------
    network, parameters, data, solver, learning_rate, state
        As in `Tape`.
    n_threads : int
        How many may work at a time.
    """

    block_length = 1

    def __init__(self, network, parameters, data, solver, learning_rate, state, n_threads=1):
        self.parameters, self.memory = parameters.copy(), [state]
        self.total_weight = data.total_weight
        # At least four tiles, so that some threads find work.
        a_quarter = max(FEWEST_ROWS, -(-len(data.targets) // 4))
        tiles = split_rows(data, min(cached_rows(network, parameters.itemsize), a_quarter))
        self.losses = np.empty(len(tiles))

        # A lane sums up its tiles, one after the other; threads take lanes.
        n_lanes = min(LANES, len(tiles), max(2, LANE_BYTES // parameters.nbytes))
        gradients = [np.empty_like(parameters) for _ in range(n_lanes)]
        n_threads = min(n_threads, n_lanes) if is_our_own(network) else 1
        self.workloads = [[] for _ in range(n_threads)]
        layouts = [LargeArrays(parameters.dtype) for _ in range(n_threads)]
        for lane, gradient in enumerate(gradients):
            calls, layout = self.workloads[lane % n_threads], layouts[lane % n_threads]
            for k in range(lane, len(tiles), n_lanes):
                keep = 0.0 if k == lane else 1.0
                calls += self.tile_calls(network, tiles[k], gradient, keep, layout.rewound(), k)

        gradient, *others = gradients
        calls_of = shortcut(solver, BaseSolver, "tape_calls", "step")
        self.step_calls = [
            *(partial(np.add, gradient, other, gradient) for other in others),
            # Summed first and divided last, so that what cancels does so exactly.
            partial(np.divide, gradient, self.total_weight, gradient),
            *calls_of(self.parameters, gradient, learning_rate, self.memory),
        ]
        # It starts no thread before there is work for one.
        self.pool = ThreadPoolExecutor(n_threads, initializer=limit_this_thread)

    def tile_calls(self, network, tile, gradient, keep, layout, index):
        """Bind the calls that add a tile's derivatives to a gradient and note its loss."""
        n_samples, n_outputs = tile.targets.shape
        # An output's targets side by side, as its scores are.
        tile = replace(tile, targets=np.asfortranarray(tile.targets))
        scores = layout.new((1, n_outputs, n_samples))
        [calls] = compile_iterations(
            network, self.parameters, tile, scores, gradient, keep, 1.0, layout
        )

        losses = self.losses  # not self, or this tape would hold on to itself

        def note_loss():
            losses[index] = summed_loss(network, scores[0].T / network.loss.tape_input, tile)

        return [*calls, note_loss]

    def play(self, n_iter):
        """Do one iteration, and return the mean loss before it, of shape (1,)."""
        errors, (mine, *others) = np.geterr(), self.workloads
        under_way = [self.pool.submit(run, calls, errors) for calls in others]
        run(mine, errors)
        for other in under_way:
            other.result()  # raises what went wrong in it
        run(self.step_calls, errors)
        return np.array([self.losses.sum() / self.total_weight])

    def close(self):
        """Let the threads go."""
        self.pool.shutdown()


def run(calls, errors):
    """Do one call after the other, with the caller's `np.errstate`, as each thread has its own."""
    with np.errstate(**errors):
        for call in calls:
            call()


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


class LargeArrays(SmallArrays):
    """Arrays for many samples, of which the tiles of a thread use the same, one after the other.

    X is used where it lies, without the constant row that other signals have, and products let
    other threads work.
    """

    def __init__(self, dtype):
        super().__init__(dtype)
        self.constants, self.scratch, self.taken = {}, [], 0
        self.summand = super().new(0)

    def rewound(self):
        """Start again with the first array."""
        self.taken = 0
        return self

    def new(self, shape, value=None):
        """Return an array, filled with a value or with anything."""
        if value is not None:
            size = int(np.prod(shape))
            if value not in self.constants or self.constants[value].size < size:
                self.constants[value] = super().new(size, value)
            return self.constants[value][:size].reshape(shape)
        if self.taken == len(self.scratch):
            self.scratch.append(super().new(shape))
        array = self.scratch[self.taken]
        assert array.shape == shape  # all tiles are alike
        self.taken += 1
        return array

    def input(self, X, factor):
        """Return X as a signal, and what it is multiplied by."""
        return X.T, 1.0

    def signal(self, n_units, n_samples, scale):
        """Return a signal and the part of it that holds the units."""
        signal = self.new((n_units + 1, n_samples))
        signal[-1] = scale
        return signal, signal[:-1]

    def layer(self, factor, W, signal, scale, z, positive_zeros=False):
        """Bind the calls that compute a layer's pre-activations, times a factor."""
        if signal.shape[0] == W.shape[0]:
            return super().layer(factor, W, signal, scale, z, positive_zeros)
        # The input. Added to a bias or subtracted from it: what is multiplied by -1 may be -0.0.
        bias = self.new((len(z), 1))
        return [
            *self.product(abs(factor), W[:-1].T, signal, 0.0, z),
            partial(np.multiply, W[-1:].T, factor, bias),
            partial(np.add, bias, 0, bias),
            partial(np.add if factor > 0 else np.subtract, bias, z, z),
        ]

    def derivatives(self, factor, signal, scale, delta, keep, goal):
        """Bind the calls that compute a layer's derivatives by weights and biases."""
        # The constant row apart: an odd number of rows suits BLAS badly.
        features, ones = signal[: goal.shape[0] - 1], self.new((delta.shape[1], 1), 1)
        calls = self.product(factor, delta, ones, keep, goal[-1:].T)
        if signal.shape[0] < goal.shape[0] and goal.nbytes <= TRANSPOSED_BYTES:
            # The input, which the transposed product need not transpose.
            return calls + self.product(factor / scale, delta, features.T, keep, goal[:-1].T)
        return calls + self.product(factor / scale, features, delta.T, keep, goal[:-1])

    def product(self, factor, left, right, keep, out):
        """Bind the calls for ``out = factor * left @ right + keep * out``, in place."""
        if issparse(left) or issparse(right):
            return [partial(sparse_product, factor, left, right, keep, out)]
        # Unlike the functions of scipy.linalg.blas, np.dot lets other threads work meanwhile.
        direct = keep == 0 and out.flags.c_contiguous
        result = out if direct else self.shared(out.shape)
        calls = [partial(np.dot, left, right, result)]
        if factor != 1:
            calls.append(partial(np.multiply, result, factor, result))
        if keep == 1:
            calls.append(partial(np.add, out, result, out))
        elif not direct:
            calls.append(partial(np.copyto, out, result))
        return calls

    def shared(self, shape):
        """Return an array for what is used at once and never again."""
        size = int(np.prod(shape))
        if self.summand.size < size:
            self.summand = super().new(size)
        return self.summand[:size].reshape(shape)
