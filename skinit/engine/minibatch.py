"""The tape for minibatches: the samples of each are fetched to where the same calls find them."""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np

from skinit.core import TrainingData, weighted_sum
from skinit.engine.arrays import SmallArrays, run
from skinit.engine.compile import (
    BLOCK_BYTES,
    BLOCK_LENGTH,
    COPIED_BYTES,
    Penalty,
    Traces,
    affordable,
    compile_steps,
    side_by_side,
)

__all__ = ["BatchTape"]


class BatchTape:
    """A training run on minibatches, with the attributes and functions of `Tape`.

    Parameters
    ----------
    network, parameters, data, plan, memory, rng
        As in `Tape`; X is dense.
    threads : callable
        As in `Tape`.
    """

    def __init__(self, network, parameters, data, plan, memory, rng=None, threads=nullcontext):
        self.total_weight, self.threads = data.total_weight, threads
        self.block_length = 1 if plan.one_by_one else affordable(network, len(data.targets))
        store = side_by_side(data, parameters.dtype)
        make = partial(
            BatchesOf, network, parameters, plan, memory, rng, *with_constant(network, store)
        )
        # The last batch of an epoch takes what is left.
        n_left = len(data.targets) % plan.batch_size
        self.full, self.rest = make(plan.batch_size), make(n_left) if n_left else None

    def play(self, rates, draw_order):
        """Do an epoch for each learning rate, and return the mean losses, of shape (n_epochs,).

        Each batch has its loss before its own step. `draw_order` returns the samples of an epoch,
        in their order.
        """
        losses, size = np.zeros(len(rates)), self.full.size
        with self.threads():
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
        """Do nothing: unlike `TiledTape`, this one has no threads to let go."""


def with_constant(network, store):
    """Return samples with a constant column, if they are few, and what X is multiplied by."""
    if store.X.nbytes > COPIED_BYTES:
        return store, 1.0
    signal, scale = SmallArrays(store.X.dtype).input(network, store.X)
    return replace(store, X=np.ascontiguousarray(signal.T)), scale  # a sample's features in a row


class BatchesOf:
    """Batches of one size. They are taken one after the other, and their losses computed together.

    Parameters
    ----------
    network, parameters, plan, memory, rng
        As in `BatchTape`.
    store : TrainingData
        All samples, X with a constant column or without, an output's targets side by side.
    scale : float
        What X is multiplied by.
    size : int
        Number of samples of a batch.
    """

    def __init__(self, network, parameters, plan, memory, rng, store, scale, size):
        self.store, self.size, self.pending = store, size, []
        n_samples, n_outputs = store.targets.shape
        is_weighted, dtype = store.sample_weight is not None, parameters.dtype
        most = BLOCK_BYTES // (dtype.itemsize * n_outputs * size)
        self.n_slots = max(1, min(BLOCK_LENGTH, n_samples // size * plan.end, most))

        # Where the calls find a batch, and where they leave what its loss is computed from.
        layout = SmallArrays(dtype)
        self.batch = TrainingData(
            layout.new((size, store.X.shape[1])),
            layout.new((n_outputs, size)).T,
            layout.new(size) if is_weighted else None,
        )
        self.total = np.zeros((), dtype) if is_weighted else float(size)
        self.traces = Traces(network, self.n_slots, size, dtype)
        self.penalty = Penalty(network, plan.alpha, self.n_slots, dtype)
        self.rates = np.zeros(self.n_slots, dtype)
        self.news, self.iterations = compile_steps(
            network,
            parameters,
            (self.batch.X.T, scale),
            self.batch,
            layout,
            plan,
            memory,
            rng,
            traces=self.traces,
            penalty=self.penalty,
            rates=self.rates,
            total=self.total,
        )

    def take(self, rate, index, epoch, losses):
        """Do a step on the samples of an index; their losses are added to losses[epoch] later."""
        slot = len(self.pending)
        self.rates[slot] = rate
        self.fetch(index)
        run(self.news)
        run(self.iterations[slot])
        self.pending.append((index, epoch))
        if len(self.pending) == self.n_slots:
            self.settle(losses)

    def fetch(self, index):
        """Bring samples to where the calls find them."""
        store, batch = self.store, self.batch
        store.X.take(index, 0, batch.X, "clip")
        store.targets.T.take(index, 1, batch.targets.T, "clip")
        if batch.sample_weight is not None:
            store.sample_weight.take(index, 0, batch.sample_weight, "clip")
            self.total[...] = batch.sample_weight.sum()

    def settle(self, losses):
        """Add what is still to be added to the summed losses of epochs."""
        if not self.pending:
            return
        indices, epochs = map(np.array, zip(*self.pending, strict=True))
        self.pending = []
        found = self.traces.losses(len(indices), self.store.targets, indices)
        weights = self.store.sample_weight
        summed = weighted_sum(found, None if weights is None else weights[indices])
        np.add.at(losses, epochs, summed + self.penalty.summands(len(epochs)))
