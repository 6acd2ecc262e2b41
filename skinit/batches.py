"""The tape for minibatches: the samples of each are fetched to where the same calls find them.

Large batches are worked on by two threads, each on half of the samples and then on half of the
step. Where the halves end is settled by the batch, so that one thread alone finds the same digits.
"""

from dataclasses import replace
from functools import partial
from itertools import chain, groupby

import numpy as np
from sklearn.utils import gen_batches

from skinit.dropout import mask_calls
from skinit.layouts import SamplesFirst, SmallArrays
from skinit.network import TrainingData
from skinit.tape import (
    BLOCK_LENGTH,
    COPIED_BYTES,
    affordable,
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

    def __init__(self, network, parameters, data, plan, memory, rng=None, n_threads=1):
        self.total_weight, self.companion = data.total_weight, None
        self.block_length = 1 if plan.one_by_one else affordable(network, len(data.targets))
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

    def play(self, rates, draw_order):
        """Do an epoch for each learning rate, and return the mean losses, of shape (n_epochs,).

        Each batch has its loss before its own step. `draw_order` returns the samples of an epoch,
        in their order.
        """
        losses, size = np.zeros(len(rates)), self.full.size
        for epoch, rate in enumerate(rates):
            order = draw_order()
            n_full = len(order) // size * size
            for index in order[:n_full].reshape(-1, size):
                self.full.take(rate, index, epoch, losses)
            if self.rest is not None:
                self.rest.take(rate, order[n_full:], epoch, losses)
        for batches in filter(None, (self.full, self.rest)):
            batches.settle(losses)
        return losses / self.total_weight

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
        self.store.X.take(index, 0, self.batch.X, "clip")
        self.store.targets.T.take(index, 1, self.batch.targets.T, "clip")
        if self.batch.sample_weight is not None:
            self.store.sample_weight.take(index, 0, self.batch.sample_weight, "clip")

    def summed_losses(self, indices):
        """Sum up the losses of some batches, of the samples of indices (n_batches, size)."""
        scores = as_stack(self.scores[: len(indices)], self.network)
        losses = self.network.loss.per_sample(scores, self.store.targets[indices])
        if self.store.sample_weight is not None:
            losses = losses * self.store.sample_weight[indices]
        return losses.sum(axis=-1, dtype=np.float64)


class BatchesOf:
    """Batches of one size. They are taken one after the other, and their losses computed together.

    Parameters
    ----------
    plan : Plan
    store : TrainingData
        All samples.
    size : int
        Number of samples of a batch.

    Attributes
    ----------
    samples : list of (slice, Fetched)
        Which samples of a batch lie where.
    """

    def __init__(self, plan, store, size):
        self.size, self.pending, self.samples = size, [], []
        self.n_slots = min(BLOCK_LENGTH, len(store.targets) // size * plan.end)
        self.rates, self.penalties = np.zeros((2, self.n_slots), store.targets.dtype)

    def take(self, rate, index, epoch, losses):
        """Do a step on the samples of an index; their losses are added to losses[epoch] later."""
        slot = len(self.pending)
        self.rates[slot] = rate
        self.step(slot, index)
        self.pending.append((index, epoch))
        if len(self.pending) == self.n_slots:
            self.settle(losses)

    def settle(self, losses):
        """Add what is still to be added to the summed losses of epochs."""
        if not self.pending:
            return
        indices, epochs = map(np.array, zip(*self.pending, strict=True))
        self.pending = []
        found = 0.5 * self.penalties[: len(epochs)].astype(np.float64)
        for rows, samples in self.samples:
            found += samples.summed_losses(indices[:, rows])
        np.add.at(losses, epochs, found)


class WholeBatches(BatchesOf):
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
        super().__init__(plan, store, size)
        self.fetched = Fetched(network, store, size, self.n_slots)
        self.samples = [(slice(None), self.fetched)]
        batch = self.fetched.batch
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
            scores=self.fetched.scores,
            rates=self.rates,
            penalties=self.penalties,
            total=self.total,
        )

    def step(self, slot, index):
        """Do a step on a batch, and leave its scores in a slot."""
        self.fetched.fetch(index)
        if self.fetched.batch.sample_weight is not None:
            np.add.reduce(self.fetched.batch.sample_weight, 0, None, self.total)
        run(self.news)
        run(self.iterations[slot])


class HalvedBatches(BatchesOf):
    """The calls for batches of one size, in two halves.

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
        super().__init__(plan, store, size)
        self.companion = companion
        masks, self.draws = mask_calls(network, size, rng, SamplesFirst(parameters.dtype, {}).new)
        self.halves = [
            Half(network, parameters, store, rows, self.n_slots, masks)
            for rows in (slice(0, size // 2), slice(size // 2, size))
        ]
        self.samples = [(half.rows, half.fetched) for half in self.halves]
        gradient, other = (half.gradient for half in self.halves)
        weighted = store.sample_weight is not None
        self.total = np.zeros((), parameters.dtype) if weighted else float(size)
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

    def step(self, slot, index):
        """Do a step on a batch, and leave its scores in a slot."""
        run(self.draws)
        self.both(*(partial(half.play, slot, index) for half in self.halves))
        weights = [half.fetched.batch.sample_weight for half in self.halves]
        if weights[0] is not None:
            self.total[...] = sum(weight.sum() for weight in weights)
        for mine, its in self.steps[slot]:
            if its:
                self.both(partial(run, mine), partial(run, its))
            else:
                run(mine)

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
        self.fetched = Fetched(network, store, rows.stop - rows.start, n_slots)
        batch = self.fetched.batch
        self.news, self.iterations = compile_iterations(
            network,
            parameters,
            (batch.X.T, 1.0),
            batch,
            SamplesFirst(parameters.dtype, {}),
            scores=self.fetched.scores,
            masks=[None if mask is None else mask[:, rows] for mask in masks],
            into=self.gradient,
            keep=0.0,
            factor=1.0,
        )

    def play(self, slot, index):
        """Fetch this half of a batch, and compute the derivatives of its summed loss."""
        self.fetched.fetch(index[self.rows])
        run(self.news)
        run(self.iterations[slot])


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
