"""The tape for minibatches: the samples of each are fetched to where the same calls find them."""

from dataclasses import replace

import numpy as np

from skinit.network import TrainingData, weighted_sum
from skinit.tape import COPIED_BYTES, SmallArrays, as_stack, compile_steps, run, side_by_side

__all__ = ["BatchTape"]

# So many batches at most go by before their losses are looked at.
BLOCK_LENGTH = 32


class BatchTape:
    """A training run on minibatches, with the attributes and functions of `skinit.tape.Tape`.

    Parameters
    ----------
    network, parameters, data, plan, memory, rng
        As in `Tape`; X is dense.
    """

    block_length = 1

    def __init__(self, network, parameters, data, plan, memory, rng=None):
        self.parameters, self.total_weight = parameters, data.total_weight
        n_samples = len(data.targets)
        layout, scale, X = SmallArrays(parameters.dtype), 1.0, data.X
        if X.nbytes <= COPIED_BYTES:
            signal, scale = layout.input(network, X)
            X = np.ascontiguousarray(signal.T)  # a sample's features side by side
        store = replace(side_by_side(data, parameters.dtype), X=X)

        # The last batch of an epoch takes what is left.
        size, settings = plan.batch_size, (network, parameters, store, scale, plan, memory, rng)
        self.full = BatchesOf(size, *settings)
        self.rest = BatchesOf(n_samples % size, *settings) if n_samples % size else None

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
        """Do nothing, as `Tape.close`."""


class BatchesOf:
    """The calls for batches of one size.

    Parameters
    ----------
    size : int
        Number of samples of a batch.
    network, parameters, plan, memory, rng
        As in `BatchTape`.
    store : TrainingData
        All samples, X with its constant column or without.
    scale : float
        What X is multiplied by.
    """

    def __init__(self, size, network, parameters, store, scale, plan, memory, rng):
        self.size, self.network, self.store = size, network, store
        layout, dtype = SmallArrays(parameters.dtype), parameters.dtype
        n_batches, n_outputs = -(-len(store.targets) // size), store.targets.shape[1]
        n_slots = min(n_batches, BLOCK_LENGTH)
        self.scores = np.empty((n_slots, n_outputs, size), dtype)
        self.rates, self.penalties = np.zeros((2, n_slots), dtype)
        self.batch = TrainingData(
            layout.new((size, store.X.shape[1])),
            layout.new((n_outputs, size)).T,
            None if store.sample_weight is None else layout.new(size),
        )
        self.total = float(size) if store.sample_weight is None else np.zeros((), dtype)
        self.news, self.iterations = compile_steps(
            network,
            parameters,
            (self.batch.X.T, scale),
            self.batch,
            layout,
            plan,
            memory,
            rng,
            scores=self.scores,
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
        for index, calls in zip(indices, self.iterations, strict=False):
            self.fetch(index)
            run(calls)
        scores = as_stack(self.scores[: len(indices)], self.network)
        losses = self.network.loss.per_sample(scores, self.store.targets[indices])
        weights = self.store.sample_weight
        loss = weighted_sum(losses.ravel(), None if weights is None else weights[indices].ravel())
        return loss + 0.5 * self.penalties[: len(indices)].sum(dtype=np.float64)

    def fetch(self, index):
        """Bring the samples of a batch to where the calls find them."""
        np.take(self.store.X, index, 0, self.batch.X, "clip")
        np.take(self.store.targets.T, index, 1, self.batch.targets.T, "clip")
        if self.batch.sample_weight is not None:
            np.take(self.store.sample_weight, index, 0, self.batch.sample_weight, "clip")
            np.add.reduce(self.batch.sample_weight, 0, None, self.total)
        run(self.news)


def blocks(batches, length):
    """Cut an array of batches into blocks of so many at most."""
    return [batches[start : start + length] for start in range(0, len(batches), length)]
