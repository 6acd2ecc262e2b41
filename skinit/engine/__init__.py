"""The same mathematics, compiled: an iteration as a flat list of bound BLAS and ufunc calls.

Read `compile` first, then `arrays`, which says where the buffers lie and how a layer is computed
on them. `minibatch` and `tiled` run such lists on batches of samples and on tiles of rows over
threads; `threads` decides who may use how many. Everything here agrees with `skinit.core` to
rounding, and tests compare the two. To make an activation, loss or solver fast, give it
`tape_calls`, beside its formula; nothing here needs to be touched.
"""

from skinit.engine.arrays import blas_matmul
from skinit.engine.compile import is_our_own, shortcut
from skinit.engine.threads import blas_threads, one_blas_thread, spare_threads
from skinit.engine.tiled import cached_rows, make_tape, scores_of, shares_products, tiled_forward

__all__ = [
    "blas_matmul",
    "blas_threads",
    "cached_rows",
    "is_our_own",
    "make_tape",
    "one_blas_thread",
    "scores_of",
    "shares_products",
    "shortcut",
    "spare_threads",
    "tiled_forward",
]
