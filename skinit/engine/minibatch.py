"""A training run on minibatches: each batch is copied into the buffers that the bound calls read.

`MinibatchRun` runs epochs; `BatchSteps` are the compiled steps for batches of one size.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, TrainingData
from skinit.engine.arrays import DenseLayout, Signal, call_all, with_contiguous_targets
from skinit.engine.compile import compile_steps
from skinit.engine.run import CompiledRun, TrainingJob
from skinit.engine.workload import (
    BLOCK_LENGTH,
    is_copied,
    iterations_per_block,
    iterations_per_record,
)

__all__ = ["MinibatchRun"]


class MinibatchRun(CompiledRun):
    """A training run whose iterations are epochs of steps on minibatches.

    Parameters
    ----------
    job : TrainingJob
        Its X is dense.
    threads : callable
        As in `FullBatchRun`.
    """

    def __init__(
        self,
        job: TrainingJob,
        threads: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.total_weight, self.threads = job.data.total_weight, threads
        n_samples, batch_size = len(job.data.targets), job.plan.batch_size
        if not job.plan.one_by_one:
            self.block_length = iterations_per_block(job.network, n_samples)
        data = with_contiguous_targets(job.data, job.parameters.dtype)
        data, scale = with_constant(job.network, data)
        make = partial(BatchSteps, replace(job, data=data), scale)
        # The last batch of an epoch holds the samples that remain.
        n_last = n_samples % batch_size
        self.full, self.last = make(batch_size), make(n_last) if n_last else None

    def advance(
        self, rates: Sequence[float], draw_order: Callable[[], Any] = lambda: None
    ) -> Array:
        losses, size = np.zeros(len(rates)), self.full.size
        with self.threads():
            for epoch, rate in enumerate(rates):
                order = draw_order()
                n_full = len(order) // size * size
                for index in order[:n_full].reshape(-1, size):
                    self.full.step(rate, index, epoch, losses)
                if self.last is not None:
                    self.last.step(rate, order[n_full:], epoch, losses)
        for steps in filter(None, (self.full, self.last)):
            steps.flush_losses(losses)
        return losses / self.total_weight


def with_constant(network: Network, data: TrainingData) -> tuple[TrainingData, float]:
    """Add a constant column to X if it is small; also return the factor that X is multiplied by."""
    if not is_copied(data.X):
        return data, 1.0
    signal = DenseLayout(data.X.dtype).input(network, data.X)
    # The features of a sample are contiguous, as a batch takes whole rows.
    return replace(data, X=np.ascontiguousarray(signal.values.T)), signal.scale


class BatchSteps:
    """Steps on batches of one size, one after the other; their losses are computed together.

    Parameters
    ----------
    job : TrainingJob
        With all samples; X with or without a constant column, the targets of an output contiguous.
    scale : float
        The factor that X is multiplied by.
    size : int
        Number of samples of a batch.
    """

    def __init__(self, job: TrainingJob, scale: float, size: int) -> None:
        self.data, self.size, self.pending = job.data, size, []
        n_samples, n_outputs = self.data.targets.shape
        is_weighted, dtype = self.data.sample_weight is not None, job.parameters.dtype
        n_batches = n_samples // size * job.plan.end
        n_recorded = iterations_per_record(size, n_outputs, dtype.itemsize)
        self.n_slots = max(1, min(BLOCK_LENGTH, n_batches, n_recorded))

        # The bound calls read the samples of every batch from these arrays.
        layout = DenseLayout(dtype)
        self.batch = TrainingData(
            layout.new((size, self.data.X.shape[1])),
            layout.new((n_outputs, size)).T,
            layout.new(size) if is_weighted else None,
        )
        self.total_weight = np.zeros((), dtype) if is_weighted else float(size)
        self.steps = compile_steps(
            replace(job, data=self.batch),
            Signal(self.batch.X.T, scale),
            layout,
            self.n_slots,
            self.total_weight,
        )

    def step(self, rate: float, index: Array, epoch: int, losses: Array) -> None:
        """Take a step on the samples of an index, and record what their losses need.

        When all slots are full, `flush_losses` adds the losses to the sums of their epochs; after
        the last step of a block, it has to be called once more.
        """
        slot = len(self.pending)
        self.steps.rates[slot] = rate
        self.fetch(index)
        call_all(self.steps.on_new_targets)
        call_all(self.steps.iterations[slot])
        self.pending.append((index, epoch))
        if len(self.pending) == self.n_slots:
            self.flush_losses(losses)

    def fetch(self, index: Array) -> None:
        """Copy samples to where the bound calls read them."""
        data, batch = self.data, self.batch
        data.X.take(index, 0, batch.X, "clip")
        data.targets.T.take(index, 1, batch.targets.T, "clip")
        if batch.sample_weight is not None:
            data.sample_weight.take(index, 0, batch.sample_weight, "clip")
            self.total_weight[...] = batch.sample_weight.sum()

    def flush_losses(self, losses: Array) -> None:
        """Compute the losses of the recorded steps, and add them to the sums of their epochs."""
        if not self.pending:
            return
        indices, epochs = map(np.array, zip(*self.pending, strict=True))
        self.pending = []
        np.add.at(losses, epochs, self.steps.summed_losses(len(epochs), self.data, indices))
