"""A training run on all samples at once: its iterations are one flat list of bound calls."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from skinit._support import Array
from skinit.engine.arrays import DenseLayout, call_all, with_contiguous_targets
from skinit.engine.compile import compile_steps
from skinit.engine.run import CompiledRun, TrainingJob
from skinit.engine.workload import iterations_per_block, iterations_per_record

__all__ = ["FullBatchRun"]


class FullBatchRun(CompiledRun):
    """A training run whose iterations are one step on all samples.

    Parameters
    ----------
    job : TrainingJob
    threads : callable
        ``threads()`` is the context in which iterations run, such as `blas_threads`.
    """

    def __init__(
        self,
        job: TrainingJob,
        threads: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        dtype, network, self.threads = job.parameters.dtype, job.network, threads
        self.data = with_contiguous_targets(job.data, dtype)
        self.total_weight = self.data.total_weight
        n_samples, n_outputs = self.data.targets.shape
        self.block_length = min(
            1 if job.plan.one_by_one else iterations_per_block(network, n_samples),
            iterations_per_record(n_samples, n_outputs, dtype.itemsize),
        )
        layout = DenseLayout(dtype)
        self.steps = compile_steps(
            replace(job, data=self.data),
            layout.input(network, self.data.X),
            layout,
            self.block_length,
            self.total_weight,
        )
        call_all(self.steps.on_new_targets)
        self.calls = [call for calls in self.steps.iterations for call in calls]
        self.calls_per_iteration = len(self.calls) // self.block_length

    def advance(
        self, rates: Sequence[float], draw_order: Callable[[], Any] = lambda: None
    ) -> Array:
        n_iter = len(rates)
        self.steps.rates[:n_iter] = rates
        with self.threads():
            call_all(self.calls[: n_iter * self.calls_per_iteration])
        return self.steps.summed_losses(n_iter, self.data) / self.total_weight
