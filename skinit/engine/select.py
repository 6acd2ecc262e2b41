"""The choice of the compiled run that suits the data: full batch, minibatches or tiles."""

from contextlib import nullcontext

from skinit.engine.full_batch import FullBatchRun
from skinit.engine.minibatch import MinibatchRun
from skinit.engine.run import CompiledRun, TrainingJob
from skinit.engine.threads import blas_threads
from skinit.engine.tiled import TiledRun
from skinit.engine.workload import shares_products, uses_tiles

__all__ = ["compile_run"]


def compile_run(job: TrainingJob, n_threads: int = 1) -> CompiledRun:
    """Compile a training job.

    Parameters
    ----------
    job : TrainingJob
    n_threads : int, default=1
        How many threads may work at the same time.

    Returns
    -------
    CompiledRun
        A `MinibatchRun` if the plan has a batch size, else a `FullBatchRun` or, for many samples,
        a `TiledRun`.
    """
    network, data, plan = job.network, job.data, job.plan
    if uses_tiles(network, data, plan):
        return TiledRun(job, n_threads)
    Run = FullBatchRun if plan.batch_size is None else MinibatchRun
    return Run(job, blas_threads if shares_products(network, data, plan) else nullcontext)
