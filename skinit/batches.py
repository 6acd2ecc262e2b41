"""The tape for minibatches: the samples of each are fetched to where the same calls find them.

Large batches are worked on by two threads, each on half of the samples and then on half of the
step. Where the halves end is settled by the batch, so that one thread alone finds the same digits.
"""

from dataclasses import replace
from functools import partial
from itertools import chain, groupby, pairwise

import numpy as np
from sklearn.utils import gen_batches

from skinit.dropout import mask_calls
from skinit.layouts import SamplesFirst, SmallArrays
from skinit.network import TrainingData, weighted_sum
from skinit.tape import (
    COPIED_BYTES,
    as_stack,
    compile_iterations,
    compile_step,
    compile_steps,
    is_our_own,
    operations,
    run,
    side_by_side,
)
from skinit.threads import Companion

__all__ = ["BatchTape"]

# So many batches at most go by before their losses are looked at.
BLOCK_LENGTH = 32

# From so many operations on, a batch is worth two threads; and a part of a step that fits the
# cache, in bytes of parameters.
SHARED_OPERATIONS = 2 * 10**7
PART_BYTES = 2**16


class BatchTape:
    """A training run on minibatches, with the attributes and functions of `skinit.tape.Tape`.

    Parameters
    ----------
    network, parameters, data, plan, memory, rng
        As in `Tape`; X is dense.
    n_threads : int
        How many may work at a time.
    """

    block_length = 1

    def __init__(self, network, parameters, data, plan, memory, rng=None, n_threads=1):
        self.total_weight, self.companion = data.total_weight, None
        settings = network, parameters, plan, memory, rng
        store = side_by_side(data, parameters.dtype)
        if operations(network, plan.batch_size) < SHARED_OPERATIONS:
            make = partial(WholeBatches, *settings, *with_constant(network, store))
        else:
            if n_threads > 1 and is_our_own(network):
                self.companion = Companion()
            make = partial(HalvedBatches, *settings, store, self.companion)
        # The last batch of an epoch takes what is left.
        n_left = len(data.targets) % plan.batch_size
        self.full, self.rest = make(plan.batch_size), make(n_left) if n_left else None

    def play(self, rates, order):
        """Do an epoch, the samples in an order, and return the mean loss, of shape (1,).

        Each batch has its loss before its own step.
        """
        [rate] = rates
        n_full = len(order) // self.full.size * self.full.size
        loss = 0.0
        for indices in blocks(order[:n_full].reshape(-1, self.full.size), BLOCK_LENGTH):
            loss += self.full.play(rate, indices)
        if self.rest is not None:
            loss += self.rest.play(rate, order[np.newaxis, n_full:])
        return np.array([loss / self.total_weight])

    def close(self):
        """Let the other thread go."""
        if self.companion is not None:
            self.companion.close()


def with_constant(network, store):
    """Return samples with a constant column, if they are few, and what X is multiplied by."""
    if store.X.nbytes > COPIED_BYTES:
        return store, 1.0
    signal, scale = SmallArrays(store.X.dtype).input(network, store.X)
    return replace(store, X=np.ascontiguousarray(signal.T)), scale  # a sample's features in a row


class Fetched:
    """Arrays for samples of one batch after the other, where calls find them.

    Parameters
    ----------
    network : Network
    store : TrainingData
        All samples, an output's targets side by side.
    size : int
        Number of samples of a batch.
    n_slots : int
        Number of batches whose scores are kept, for their losses.
    """

    def __init__(self, network, store, size, n_slots):
        self.network, self.store = network, store
        new, n_outputs = SmallArrays(store.X.dtype).new, store.targets.shape[1]
        self.batch = TrainingData(
            new((size, store.X.shape[1])),
            new((n_outputs, size)).T,
            None if store.sample_weight is None else new(size),
        )
        self.scores = new((n_slots, n_outputs, size))

    def fetch(self, index):
        """Bring the samples of a batch here."""
        np.take(self.store.X, index, 0, self.batch.X, "clip")
        np.take(self.store.targets.T, index, 1, self.batch.targets.T, "clip")
        if self.batch.sample_weight is not None:
            np.take(self.store.sample_weight, index, 0, self.batch.sample_weight, "clip")

    def summed_loss(self, indices):
        """Sum up the losses of some batches, of the samples of indices (n_batches, size)."""
        scores = as_stack(self.scores[: len(indices)], self.network)
        losses = self.network.loss.per_sample(scores, self.store.targets[indices])
        weights = self.store.sample_weight
        return weighted_sum(losses.ravel(), None if weights is None else weights[indices].ravel())


class WholeBatches:
    """The calls for batches of one size, all samples of a batch together.

    Parameters
    ----------
    network, parameters, plan, memory, rng
        As in `BatchTape`.
    store : TrainingData
        All samples, X with a constant column or without.
    scale : float
        What X is multiplied by.
    size : int
        Number of samples of a batch.
    """

    def __init__(self, network, parameters, plan, memory, rng, store, scale, size):
        self.size, n_slots = size, slots(store, size)
        self.samples = Fetched(network, store, size, n_slots)
        self.rates, self.penalties = np.zeros((2, n_slots), parameters.dtype)
        batch = self.samples.batch
        weighted = batch.sample_weight is not None
        self.total = np.zeros((), parameters.dtype) if weighted else float(size)
        self.news, self.iterations = compile_steps(
            network,
            parameters,
            (batch.X.T, scale),
            batch,
            SmallArrays(parameters.dtype),
            plan,
            memory,
            rng,
            scores=self.samples.scores,
            rates=self.rates,
            penalties=self.penalties,
            total=self.total,
        )

    def play(self, rate, indices):
        """Do a step on each batch, and return the loss of all, summed up.

        Parameters
        ----------
        rate : float
        indices : ndarray of shape (n_batches, size)
        """
        self.rates[:] = rate
        weights = self.samples.batch.sample_weight
        for index, calls in zip(indices, self.iterations, strict=False):
            self.samples.fetch(index)
            if weights is not None:
                np.add.reduce(weights, 0, None, self.total)
            run(self.news)
            run(calls)
        penalty = 0.5 * self.penalties[: len(indices)].sum(dtype=np.float64)
        return self.samples.summed_loss(indices) + penalty


class HalvedBatches:
    """The calls for batches of one size, in two halves; with the functions of `WholeBatches`.

    Parameters
    ----------
    network, parameters, plan, memory, rng
        As in `BatchTape`.
    store : TrainingData
        All samples.
    companion : Companion or None
        Who does the second halves.
    size : int
        Number of samples of a batch.
    """

    def __init__(self, network, parameters, plan, memory, rng, store, companion, size):
        self.size, self.companion, n_slots = size, companion, slots(store, size)
        self.rates, self.penalties = np.zeros((2, n_slots), parameters.dtype)
        layout = SamplesFirst(parameters.dtype, {})
        masks, self.draws = mask_calls(network, size, rng, layout.new)
        edges = [0, size // 2, size]
        self.halves = [
            Half(network, parameters, store, slice(*rows), n_slots, masks)
            for rows in pairwise(edges)
        ]
        gradient, other = (half.gradient for half in self.halves)
        self.total = float(size) if store.sample_weight is None else np.zeros((), gradient.dtype)
        steps = compile_step(
            network,
            parameters,
            gradient,
            plan,
            memory,
            rates=self.rates,
            penalties=self.penalties,
            total=self.total,
        )
        joining = [
            partial(np.add, gradient, other, gradient),
            partial(np.divide, gradient, self.total, gradient),
        ]
        self.steps = [in_two([*joining, *step], gradient.shape) for step in steps]

    def play(self, rate, indices):
        """Do a step on each batch, and return the loss of all, summed up."""
        self.rates[:] = rate
        mine, its = self.halves
        for k, index in enumerate(indices):
            run(self.draws)
            self.both(partial(mine.play, k, index), partial(its.play, k, index))
            if mine.samples.batch.sample_weight is not None:
                self.total[...] = mine.weight() + its.weight()
            for first, second in self.steps[k]:
                if second:
                    self.both(partial(run, first), partial(run, second))
                else:
                    run(first)
        losses = [half.samples.summed_loss(indices[:, half.rows]) for half in self.halves]
        return sum(losses) + 0.5 * self.penalties[: len(indices)].sum(dtype=np.float64)

    def both(self, mine, its):
        """Do two things side by side, or one after the other."""
        if self.companion is not None:
            self.companion.both(mine, its)
        else:
            mine()
            its()


class Half:
    """The calls for some of the samples of each batch, up to their derivatives.

    Parameters
    ----------
    network, parameters, store, n_slots
        As in `HalvedBatches` and `Fetched`.
    rows : slice
        Which samples of a batch.
    masks : list of ndarray of shape (n_units, n_samples) or None
        Of whole batches.
    """

    def __init__(self, network, parameters, store, rows, n_slots, masks):
        self.rows, self.gradient = rows, np.zeros_like(parameters)
        self.samples = Fetched(network, store, rows.stop - rows.start, n_slots)
        batch = self.samples.batch
        self.news, self.iterations = compile_iterations(
            network,
            parameters,
            (batch.X.T, 1.0),
            batch,
            SamplesFirst(parameters.dtype, {}),
            scores=self.samples.scores,
            masks=[None if mask is None else mask[:, rows] for mask in masks],
            into=self.gradient,
            keep=0.0,
            factor=1.0,
        )

    def play(self, k, index):
        """Fetch this half of a batch, and compute the derivatives of its summed loss."""
        self.samples.fetch(index[self.rows])
        run(self.news)
        run(self.iterations[k])

    def weight(self):
        """Sum up the weights of the samples."""
        return self.samples.batch.sample_weight.sum()


def slots(store, size):
    """Return how many batches of a size go by before their losses are looked at."""
    return min(len(store.targets) // size, BLOCK_LENGTH)


def in_two(calls, shape):
    """Divide calls that work number by number on arrays of a shape between two threads.

    What else there is has to be done by one thread, at its place in the row.

    Parameters
    ----------
    calls : list of callables
    shape : tuple of int
        Of the arrays, which are vectors.

    Returns
    -------
    list of (list of callables, list of callables)
        What one thread and the other one does, in stages; the second list may be empty.
    """
    stages = []
    for is_divisible, group in groupby(calls, partial(works_by_number, shape=shape)):
        group = list(group)
        if not is_divisible:
            stages.append((group, []))
            continue
        # A part goes through all calls while it is in the cache.
        arrays = [array for call in group for array in call.args if np.shape(array) == shape]
        parts = gen_batches(shape[0], PART_BYTES // arrays[0].itemsize)
        in_parts = [[part_of_call(call, shape, part) for call in group] for part in parts]
        middle = (len(in_parts) + 1) // 2
        stages.append((flat(in_parts[:middle]), flat(in_parts[middle:])))
    return stages


def flat(lists):
    """Join lists."""
    return list(chain.from_iterable(lists))


def works_by_number(call, shape):
    """Tell whether a call is a ufunc of vectors of a shape and of numbers."""
    return (
        isinstance(call, partial)
        and isinstance(call.func, np.ufunc)
        and not call.keywords
        and all(np.shape(arg) in ((), shape) for arg in call.args)
    )


def part_of_call(call, shape, part):
    """Bind a ufunc to parts of its arrays."""
    args = (arg[part] if np.shape(arg) == shape else arg for arg in call.args)
    return partial(call.func, *args)


def blocks(batches, length):
    """Cut an array of batches into blocks of so many at most."""
    return [batches[start : start + length] for start in range(0, len(batches), length)]
