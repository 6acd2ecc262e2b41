"""Training and prediction compiled to flat lists of bound BLAS and ufunc calls.

Read `run` first, the interface of all compiled runs, then `compile`: how an iteration becomes a
list of calls. `arrays` has the memory layouts and the products, `objective` the losses and the
penalty, `ingredients` what activations, losses and solvers contribute. `full_batch`, `minibatch`
and `tiled` are the runs, among which `select` chooses by the cost model in `workload`. `predict`
computes predictions tile by tile, and `threads` decides who may use how many threads. All results
agree with `skinit.core` to rounding, and tests compare the two. To make an activation, a loss or a
solver fast, give it `compiled_calls` next to its formula; this package does not have to change.
"""

from skinit.engine.arrays import blas_matmul
from skinit.engine.ingredients import fast_path, is_builtin
from skinit.engine.predict import raw_predictions, tiled_forward
from skinit.engine.run import CompiledRun, TrainingJob
from skinit.engine.select import compile_run
from skinit.engine.threads import blas_threads, one_blas_thread, spare_threads
from skinit.engine.workload import cached_rows, shares_products

__all__ = [
    "CompiledRun",
    "TrainingJob",
    "blas_matmul",
    "blas_threads",
    "cached_rows",
    "compile_run",
    "fast_path",
    "is_builtin",
    "one_blas_thread",
    "raw_predictions",
    "shares_products",
    "spare_threads",
    "tiled_forward",
]
