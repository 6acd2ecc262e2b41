"""Who may use how many threads: a fit shares its work itself, and BLAS meanwhile has one."""

import os
from contextlib import contextmanager
from functools import cache
from threading import Lock, Thread

import numpy as np
from threadpoolctl import ThreadpoolController  # comes with scikit-learn

__all__ = ["Companion", "limit_this_thread", "one_blas_thread", "spare_threads"]


@cache
def thread_pools():
    """Find the thread pools of NumPy and SciPy, which takes milliseconds, once."""
    return ThreadpoolController()


# Fits that run in threads side by side share the limit: the first one in sets it, the last one out
# lifts it. Each for itself would restore what another one had set.
fits = {"under way": 0, "limit": None, "spare threads": 1}
fits_lock = Lock()


@contextmanager
def one_blas_thread():
    """Keep BLAS from sharing products among threads."""
    with fits_lock:
        if fits["under way"] == 0:
            blas = thread_pools().select(user_api="blas").lib_controllers
            fits["spare threads"] = max((library.num_threads or 1 for library in blas), default=1)
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
    if any(getattr(library, "threading_layer", None) == "openmp" for library in blas):
        thread_pools().limit(limits=1, user_api="blas")


class Companion:
    """A thread that works beside this one, on one thing at a time.

    To hand something over takes a third of the time of a `ThreadPoolExecutor`, and many times for
    each minibatch that counts. It ends with `close`.
    """

    def __init__(self):
        self.work, self.error = None, None
        self.begin, self.end = Lock(), Lock()
        self.begin.acquire()
        self.end.acquire()
        Thread(target=self.loop, args=[np.geterr()], daemon=True).start()

    def loop(self, errors):
        """Do what is handed over until there is nothing more."""
        limit_this_thread()
        with np.errstate(**errors):  # which each thread has its own
            while True:
                self.begin.acquire()
                if self.work is None:
                    return
                try:
                    self.work()
                except BaseException as error:  # raised where the work came from
                    self.error = error
                self.end.release()

    def both(self, mine, its):
        """Do two things side by side, and return when both are done."""
        self.work = its
        self.begin.release()
        try:
            mine()
        finally:
            self.end.acquire()
        error, self.error = self.error, None
        if error is not None:
            raise error

    def close(self):
        """Let the thread go."""
        self.work = None
        self.begin.release()


def begin_anew():
    """Forget the fits of the process that this one was forked from: their threads are not here."""
    fits["under way"] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=begin_anew)
