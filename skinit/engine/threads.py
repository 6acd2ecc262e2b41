"""Who may use how many threads: a fit itself, and then BLAS has one, or BLAS instead."""

import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

import scipy
from joblib import cpu_count
from threadpoolctl import ThreadpoolController  # comes with scikit-learn

__all__ = ["blas_threads", "limit_this_thread", "one_blas_thread", "spare_threads"]


@cache
def thread_pools():
    """Find the thread pools of NumPy and SciPy, which takes milliseconds, once."""
    return ThreadpoolController()


# Fits that run in threads side by side share the limit: the first one in sets it, the last one out
# lifts it. Each for itself would restore what another one had set.
fits = {"under way": 0, "in BLAS": 0, "limit": None, "spare threads": 1}
fits_lock = Lock()


@contextmanager
def one_blas_thread():
    """Keep BLAS from sharing products among threads."""
    with fits_lock:
        if fits["under way"] == 0:
            blas = thread_pools().select(user_api="blas").lib_controllers
            wanted = max((library.num_threads or 1 for library in blas), default=1)
            fits["spare threads"] = min(wanted, available_cpus())
            fits["limit"] = thread_pools().limit(limits=1, user_api="blas")
        fits["under way"] += 1
    try:
        yield
    finally:
        with fits_lock:
            fits["under way"] -= 1
            if fits["under way"] == 0:
                anyone_may_set_limits()
                fits["limit"].restore_original_limits()
                anyone_may_set_limits()


@contextmanager
def blas_threads():
    """Do as `one_blas_thread`, but let SciPy's BLAS keep its threads: for large products of a fit.

    How a product is shared decides how it is rounded: what comes of it depends, to rounding, on the
    number of threads, and so does what comes of small fits in other threads meanwhile.
    """
    with one_blas_thread():
        own = [library for library in libraries_of_scipy() if is_limited_by_thread(library)]
        limits = [library.num_threads for library in own]
        with fits_lock:
            fits["in BLAS"] += 1
            give_scipy(fits["spare threads"])
        try:
            yield
        finally:
            with fits_lock:
                fits["in BLAS"] -= 1
                if fits["in BLAS"] == 0:
                    give_scipy(1)
                for library, limit in zip(own, limits, strict=True):
                    library.set_num_threads(limit)


def give_scipy(n_threads):
    """Set the number of threads of the BLAS that SciPy calls."""
    anyone_may_set_limits()
    for library in libraries_of_scipy():
        library.set_num_threads(n_threads)
    anyone_may_set_limits()


@cache
def libraries_of_scipy():
    """Find the BLAS that SciPy calls: its own, if NumPy has another one, as in their wheels."""
    blas = thread_pools().select(user_api="blas").lib_controllers
    folder = Path(scipy.__file__).parent
    folders = {folder, folder.with_name("scipy.libs")}
    own = [library for library in blas if folders & set(Path(library.filepath).parents)]
    return own or blas


def available_cpus():
    """Return how many processors this process may use, be it by affinity or by a quota."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), cpus_at_first())
    return cpus_at_first()


@cache
def cpus_at_first():
    """Ask joblib, which reads files for it, once."""
    return cpu_count()


def spare_threads():
    """Return how many threads a fit may use: those that BLAS would have had."""
    with fits_lock:
        return fits["spare threads"] if fits["under way"] == 1 else 1


def anyone_may_set_limits():
    """Undo that newer versions of threadpoolctl let only the thread that set a limit lift it."""
    for library in thread_pools().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


def limit_this_thread():
    """Limit BLAS in a thread that a fit has started, where each thread has a limit of its own."""
    blas = thread_pools().select(user_api="blas").lib_controllers
    if any(map(is_limited_by_thread, blas)):
        thread_pools().limit(limits=1, user_api="blas")


def is_limited_by_thread(library):
    """Tell whether each thread has a limit of its own, so that each sets and restores it."""
    is_openmp = getattr(library, "threading_layer", None) == "openmp"
    return is_openmp or library.internal_api == "mkl"


def begin_anew():
    """Forget the fits of the process that this one was forked from: their threads are not here."""
    global fits_lock
    fits_lock = Lock()  # one of them may have held it
    fits["under way"] = fits["in BLAS"] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=begin_anew)
