"""The tape for minibatches: the samples of each are fetched to where the same calls find them."""

from dataclasses import replace
from functools import partial

import numpy as np

from skinit.dropout import mask_calls
from skinit.layouts import HalfArrays, SmallArrays, run, shared_derivatives
from skinit.network import TrainingData, weighted_sum
from skinit.tape import (
    BLOCK_BYTES,
    BLOCK_LENGTH,
    COPIED_BYTES,
    affordable,
    as_stack,
    compile_goal,
    compile_iterations,
    compile_steps,
    is_our_own,
    operations,
    side_by_side,
    stages,
)
from skinit.threads import Companion

__all__ = ["BatchTape"]

# From so many operations on, a batch is worth two threads.
SHARED_OPERATIONS = 2 * 10**7

# A part of the parameters that two threads work on: each change of hands costs something.
SHARED_BYTES = 2**18


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
        store = side_by_side(data, parameters.dtype)
        settings = network, parameters, plan, memory, rng
        if operations(network, plan.batch_size) < SHARED_OPERATIONS:
            make = partial(WholeBatches, *settings, *with_constant(network, store))
        else:
            if n_threads > 1 and is_our_own(network):
                self.companion = Companion()
            both = self.companion.both if self.companion else one_after_the_other
            make = partial(HalvedBatches, *settings, store, both)
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


def one_after_the_other(mine, its):
    """Make two calls, as `Companion.both` does side by side."""
    mine()
    its()


class Fetched:
    """Arrays for samples of one batch after the other, where calls find them.

    Parameters
    ----------
    network : Network
    store : TrainingData
        All samples, an output's targets side by side.
    size : int
        Number of samples.
    n_slots : int
        Number of batches whose scores are kept, for their losses.
    X : ndarray of shape (size, n_features) or None
        Where the features go.
    """

    def __init__(self, network, store, size, n_slots, X=None):
        self.network, self.store = network, store
        new, n_outputs = SmallArrays(store.X.dtype).new, store.targets.shape[1]
        self.batch = TrainingData(
            new((size, store.X.shape[1])) if X is None else X,
            new((n_outputs, size)).T,
            None if store.sample_weight is None else new(size),
        )
        self.scores = new((n_slots, n_outputs, size))

    def fetch(self, index):
        """Bring samples here."""
        self.store.X.take(index, 0, self.batch.X, "clip")
        self.store.targets.T.take(index, 1, self.batch.targets.T, "clip")
        if self.batch.sample_weight is not None:
            self.store.sample_weight.take(index, 0, self.batch.sample_weight, "clip")

    def summed_losses(self, indices):
        """Sum up the losses of some batches, of the samples of indices (n_batches, size)."""
        scores = as_stack(self.scores[: len(indices)], self.network)
        losses = self.network.loss.per_sample(scores, self.store.targets[indices])
        weights = self.store.sample_weight
        return weighted_sum(losses, None if weights is None else weights[indices])


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
        n_batches = len(store.targets) // size * plan.end
        most = BLOCK_BYTES // (store.targets.itemsize * store.targets.shape[1] * size)
        self.n_slots = max(1, min(BLOCK_LENGTH, n_batches, most))
        self.rates, self.penalties = np.zeros((2, self.n_slots), store.targets.dtype)
        is_weighted = store.sample_weight is not None
        self.total = np.zeros((), store.targets.dtype) if is_weighted else float(size)

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

    def weigh(self):
        """Sum up the weights of the samples, where they have some."""
        weights = [samples.batch.sample_weight for _, samples in self.samples]
        if weights[0] is not None:
            self.total[...] = sum(some.sum() for some in weights)


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
        self.news, self.iterations = compile_steps(
            network,
            parameters,
            (self.fetched.batch.X.T, scale),
            self.fetched.batch,
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
        self.weigh()
        run(self.news)
        run(self.iterations[slot])


class HalvedBatches(BatchesOf):
    """The calls for large batches of one size, for two threads.

    First each carries half of the samples forward and back, then each computes half of the
    derivatives, of all samples. Where the halves end is settled by the shapes, so that one thread
    alone finds the same digits.

    Parameters
    ----------
    network, parameters, plan, memory, rng
        As in `BatchTape`.
    store : TrainingData
        All samples.
    both : callable
        ``both(mine, its)`` makes two calls, side by side or one after the other.
    size : int
        Number of samples of a batch.
    """

    def __init__(self, network, parameters, plan, memory, rng, store, both, size):
        super().__init__(plan, store, size)
        self.both, dtype = both, parameters.dtype
        goal, self.steps = compile_goal(
            network,
            parameters,
            size,
            plan,
            memory,
            rates=self.rates,
            penalties=self.penalties,
            total=self.total,
            divide=self.share,
        )

        def new_mask(shape):
            return np.empty(shape[::-1], dtype).T  # a sample's units side by side

        masks, self.draws = mask_calls(network, size, rng, new_mask)
        X, wholes, self.halves = SmallArrays(dtype).new((size, store.X.shape[1])), [], []
        for rows in (slice(0, size // 2), slice(size // 2, size)):
            layout = HalfArrays(dtype, rows, wholes, size)
            fetched = Fetched(network, store, rows.stop - rows.start, self.n_slots, X[rows])
            news, iterations = compile_iterations(
                network,
                parameters,
                (layout.part(X.T), 1.0),
                fetched.batch,
                layout,
                scores=fetched.scores,
                masks=[None if mask is None else mask[:, rows] for mask in masks],
                **goal,
            )
            self.samples.append((rows, fetched))
            self.halves.append([[*news, *calls] for calls in iterations])
        self.derivatives = [partial(run, calls) for calls in shared_derivatives(layout.left, dtype)]

    def step(self, slot, index):
        """Do a step on a batch, and leave its scores in a slot."""
        run(self.draws)
        self.both(*(partial(self.pass_through, half, slot, index) for half in (0, 1)))
        self.weigh()
        self.both(*self.derivatives)
        run(self.steps[slot])

    def share(self, calls, parameters):
        """Give each thread half of what can be divided."""
        shared = []
        for parts in stages(calls, parameters, SHARED_BYTES):
            middle = (len(parts) + 1) // 2
            mine, its = (
                partial(run, [call for part in half for call in part])
                for half in (parts[:middle], parts[middle:])
            )
            shared += [partial(self.both, mine, its)] if len(parts) > 1 else parts[0]
        return shared

    def pass_through(self, half, slot, index):
        """Fetch half of a batch, and carry it forward and back."""
        rows, fetched = self.samples[half]
        fetched.fetch(index[rows])
        run(self.halves[half][slot])
