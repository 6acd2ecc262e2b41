"""Limits of threads: either a fit uses several and BLAS a single one, or BLAS uses several."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import scipy
from joblib import cpu_count
from threadpoolctl import ThreadpoolController  # comes with scikit-learn

__all__ = ["blas_threads", "limit_this_thread", "one_blas_thread", "spare_threads"]


@cache
def thread_pools() -> ThreadpoolController:
    """Find the thread pools of NumPy and SciPy; cached, as this takes milliseconds."""
    return ThreadpoolController()


# Fits that run in parallel threads share the limit: the first one to enter sets it, and the last
# one to leave lifts it. If each had its own, it would restore the limit that another one has set.
fits: dict[str, Any] = {"running": 0, "in BLAS": 0, "limit": None, "spare threads": 1}
fits_lock = Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread."""
    with fits_lock:
        if fits["running"] == 0:
            blas = thread_pools().select(user_api="blas").lib_controllers
            blas_threads_before = max((library.num_threads or 1 for library in blas), default=1)
            fits["spare threads"] = min(blas_threads_before, available_cpus())
            fits["limit"] = thread_pools().limit(limits=1, user_api="blas")
        fits["running"] += 1
    try:
        yield
    finally:
        with fits_lock:
            fits["running"] -= 1
            if fits["running"] == 0:
                release_control_of_limits()
                fits["limit"].restore_original_limits()
                release_control_of_limits()


@contextmanager
def blas_threads() -> Iterator[None]:
    """Limit BLAS to one thread, but not that of SciPy, which computes the products of a fit.

    Rounding depends on how a product is divided among threads: the result of the fit, and of small
    fits in other threads at the same time, depends on the number of threads to rounding.
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


def give_scipy(n_threads: int) -> None:
    """Set the number of threads of the BLAS that SciPy uses."""
    release_control_of_limits()
    for library in libraries_of_scipy():
        library.set_num_threads(n_threads)
    release_control_of_limits()


@cache
def libraries_of_scipy() -> list[Any]:
    """Find the BLAS that SciPy uses: in wheels, NumPy and SciPy each have their own."""
    blas = thread_pools().select(user_api="blas").lib_controllers
    folder = Path(scipy.__file__).parent
    folders = {folder, folder.with_name("scipy.libs")}
    own = [library for library in blas if folders & set(Path(library.filepath).parents)]
    return own or blas


def available_cpus() -> int:
    """Return how many processors this process may use, according to its affinity and quota."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), cached_cpu_count())
    return cached_cpu_count()


@cache
def cached_cpu_count() -> int:
    """Return joblib's number of processors; cached, as joblib reads files for it."""
    return cpu_count()


def spare_threads() -> int:
    """Return how many threads a fit may use: those that BLAS does not use."""
    with fits_lock:
        return fits["spare threads"] if fits["running"] == 1 else 1


def release_control_of_limits() -> None:
    """Let any thread lift a limit; newer versions of threadpoolctl let only the one that set it."""
    for library in thread_pools().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


def limit_this_thread() -> None:
    """Limit BLAS to one thread in a thread of a fit, if BLAS keeps a limit for each thread."""
    blas = thread_pools().select(user_api="blas").lib_controllers
    if any(map(is_limited_by_thread, blas)):
        thread_pools().limit(limits=1, user_api="blas")


def is_limited_by_thread(library: Any) -> bool:
    """Check whether limits of a BLAS belong to threads, so that each thread has to set its own."""
    is_openmp = getattr(library, "threading_layer", None) == "openmp"
    return is_openmp or library.internal_api == "mkl"


def reset_after_fork() -> None:
    """Forget the fits of the parent process, whose threads do not exist in a forked process."""
    global fits_lock
    fits_lock = Lock()  # a thread of the parent may have held it
    fits["running"] = fits["in BLAS"] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset_after_fork)
