"""A training run for many samples: tiles of rows that fit into the cache, distributed over threads.

A tile is small enough that its signals stay in the cache, and is compiled like a small data set.
Each tile belongs to a lane, whose gradient it is added to, and threads work on lanes. Which tiles
form a lane, and in which order they are added, depends on the data and never on the number of
threads, so that the result is the same, to the last digit, with any number.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, TrainingData, mask_calls, weighted_sum
from skinit.engine.arrays import (
    Calls,
    DenseLayout,
    Signal,
    TiledLayout,
    call_all,
    with_contiguous_targets,
)
from skinit.engine.compile import Batch, Destination, compile_iterations, compile_step
from skinit.engine.ingredients import is_builtin
from skinit.engine.objective import LossRecord, WeightPenalty
from skinit.engine.run import CompiledRun, TrainingJob
from skinit.engine.threads import limit_this_thread
from skinit.engine.workload import is_copied, n_lanes, rows_per_tile

__all__ = ["TiledRun"]


class TiledRun(CompiledRun):
    """A training run whose iterations are one step on all samples, computed tile by tile.

    Parameters
    ----------
    job : TrainingJob
    n_threads : int, default=1
        How many threads may work at the same time.
    """

    def __init__(self, job: TrainingJob, n_threads: int = 1) -> None:
        self.network, self.parameters = job.network, job.parameters
        self.data = with_contiguous_targets(job.data, job.parameters.dtype)
        self.total_weight = self.data.total_weight
        self.lay_out_tiles(job)
        lanes = n_lanes(len(self.batches), job.parameters.nbytes)
        self.gradients = [np.empty_like(job.parameters) for _ in range(lanes)]
        self.penalty = WeightPenalty(job.network, job.plan.alpha, 1, job.parameters.dtype)
        self.rates = np.zeros(1, job.parameters.dtype)
        self.step_calls = self.compile_step_calls(job)
        n_threads = min(n_threads, lanes) if is_builtin(job.network) else 1
        constants: dict[float, Array] = {}
        self.layouts = [TiledLayout(job.parameters.dtype, constants) for _ in range(n_threads)]
        # Of a thread and a lane, compiled when the thread first works on the lane.
        self.calls: dict[tuple[int, int], Calls] = {}
        # It creates threads only when there is work.
        self.pool = ThreadPoolExecutor(n_threads, initializer=limit_this_thread)

    def lay_out_tiles(self, job: TrainingJob) -> None:
        """Split the samples into tiles, and allocate what the tiles share."""
        network, dtype, n_samples = job.network, job.parameters.dtype, len(self.data.targets)
        tiles = split_rows(self.data, rows_per_tile(network, n_samples, dtype.itemsize))
        size = len(tiles[0].targets)
        n_rows = len(tiles) * size  # including the padding of the last tile
        self.loss_inputs = np.empty((1, network.loss.n_loss_inputs, n_rows), dtype)
        self.record = LossRecord(network.loss, None, self.loss_inputs[..., :n_samples])

        def new_mask(shape):
            # The base has columns for all rows; those that fill up the last tile stay 0.
            return np.zeros((shape[0], n_rows), dtype)[:, : shape[1]]

        masks, self.draws = mask_calls(network, n_samples, job.rng, new_mask)
        masks = [None if mask is None else mask.base for mask in masks]
        self.rows = [slice(start, start + size) for start in range(0, n_rows, size)]
        self.batches = [
            Batch(source, tile, [None if mask is None else mask[:, rows] for mask in masks])
            for source, tile, rows in zip(
                sources_of(network, self.data, tiles), tiles, self.rows, strict=True
            )
        ]

    def compile_step_calls(self, job: TrainingJob) -> Calls:
        """Bind the calls from the gradients of all lanes to new parameters."""
        (gradient, *others), total_weight = self.gradients, self.total_weight
        [step] = compile_step(job, gradient, self.penalty, self.rates, total_weight)
        [record_calls] = self.penalty.record_calls(job.parameters)
        return [
            *record_calls,
            *(partial(np.add, gradient, other, gradient) for other in others),
            # Summed first and divided last, so that terms that cancel do so exactly.
            partial(np.divide, gradient, total_weight, gradient),
            *step,
        ]

    def calls_of_lane(self, thread: int, lane: int) -> Calls:
        """Return the calls that sum up the tiles of a lane, on the arrays of a thread."""
        if (thread, lane) not in self.calls:
            calls: Calls = [partial(self.gradients[lane].fill, 0)]
            for index in range(lane, len(self.batches), len(self.gradients)):
                calls += self.calls_of_tile(index, lane, self.layouts[thread].reset())
            self.calls[thread, lane] = calls
        return self.calls[thread, lane]

    def calls_of_tile(self, index: int, lane: int, layout: TiledLayout) -> Calls:
        """Bind the calls that add the derivatives of a tile to those of a lane."""
        n_samples, n_outputs = self.batches[index].data.targets.shape
        on_new_targets, [calls] = compile_iterations(
            self.network,
            self.parameters,
            self.batches[index],
            layout,
            LossRecord(
                self.network.loss,
                layout.new((1, n_outputs, n_samples)),
                self.loss_inputs[..., self.rows[index]],
            ),
            Destination(self.gradients[lane], keep=1.0, factor=1.0),
        )
        call_all(on_new_targets)
        return calls

    def advance(
        self, rates: Sequence[float], draw_order: Callable[[], Any] = lambda: None
    ) -> Array:
        self.rates[:] = rates
        call_all(self.draws)
        errors, lanes = np.geterr(), set(range(len(self.gradients)))
        others = [
            self.pool.submit(self.work, thread, lanes, errors)
            for thread in range(1, len(self.layouts))
        ]
        try:
            self.work(0, lanes, errors)
            for other in others:
                other.result()  # raises the error of its thread
        finally:
            lanes.clear()  # after Ctrl-C, the other threads stop too
        call_all(self.step_calls)
        losses = weighted_sum(self.record.losses(1, self.data.targets), self.data.sample_weight)
        return (losses + self.penalty.loss_terms(1)) / self.total_weight

    def work(self, thread: int, lanes: set[int], errors: Any) -> None:
        """Compute lanes: first those of the thread itself, then what the next one has left.

        Calls are bound to the arrays of a thread. If any thread might take any lane, the calls of
        each lane would be compiled and kept once per thread.
        """
        own, helped = (
            range(k % len(self.layouts), len(self.gradients), len(self.layouts))
            for k in (thread, thread + 1)
        )
        with np.errstate(**errors):  # each thread has its own
            for lane in (*own, *reversed(helped)):
                try:
                    lanes.remove(lane)
                except KeyError:  # another thread has taken it
                    continue
                call_all(self.calls_of_lane(thread, lane))

    def close(self) -> None:
        self.pool.shutdown()


def sources_of(network: Network, data: TrainingData, tiles: list[TrainingData]) -> list[Signal]:
    """Return the input of each tile, copied with a constant row if X is small."""
    if not is_copied(data.X):
        return [Signal(tile.X.T, 1.0) for tile in tiles]
    layout = DenseLayout(data.targets.dtype)
    return [layout.input(network, tile.X) for tile in tiles]


def split_rows(data: TrainingData, max_rows: int) -> list[TrainingData]:
    """Split samples into tiles of equal size, the last one filled up with rows of weight 0."""
    n_samples = len(data.targets)
    n_tiles = -(-n_samples // max_rows)
    size = -(-n_samples // n_tiles)
    edges = [*range(0, n_samples, size), n_samples]
    tiles = []
    for start, stop in pairwise(edges):
        X, targets, sample_weight = data.X[start:stop], data.targets[start:stop], None
        if data.sample_weight is not None:
            sample_weight = data.sample_weight[start:stop]
        n_missing = size - (stop - start)
        if n_missing:
            # Copies of an actual row: everything computed from it is finite, and weight 0 makes it
            # 0. A row of zeros might not be: some slopes are infinite at 0.
            rows = np.append(np.arange(stop - start), np.zeros(n_missing, int))
            if sample_weight is None:
                sample_weight = np.ones(stop - start, targets.dtype)
            X, targets, sample_weight = X[rows], targets[rows], sample_weight[rows]
            sample_weight[-n_missing:] = 0
        tiles.append(TrainingData(X, targets, sample_weight))
    return tiles
