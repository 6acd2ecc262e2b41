"""Who may use how many threads: a fit shares its work itself, and BLAS meanwhile has one."""

import os
import time
from contextlib import contextmanager
from functools import cache, partial
from threading import Event, Lock, Thread

import numpy as np
from joblib import cpu_count
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
    if any(getattr(library, "threading_layer", None) == "openmp" for library in blas):
        thread_pools().limit(limits=1, user_api="blas")


class Companion:
    """A thread that works beside this one, on one thing at a time.

    Where things take less than a millisecond each, neither of the two can afford to sleep while it
    waits: to wake can take longer than the work, in virtual machines above all. So they do what
    nobody needs and what leaves Python to the other one, and look up again and again. They do not
    do so for long: where other programs want the processor, the other one may be waiting for it.
    """

    def __init__(self):
        self.work, self.error, self.is_asleep, self.has_ended = None, None, False, False
        self.alarm, self.pass_time = Event(), idle_call()
        self.thread = Thread(target=self.loop, args=[np.geterr()], daemon=True)

    def loop(self, errors):
        """Do what is handed over until there is nothing more."""
        limit_this_thread()
        pass_time, n_idle = idle_call(), 0
        with np.errstate(**errors):  # which each thread has its own
            while not self.has_ended:
                if self.work is not None:
                    try:
                        self.work()
                    except BaseException as error:  # raised where the work came from
                        self.error = error
                    self.work, n_idle = None, 0
                elif n_idle < PATIENCE:
                    pass_time()
                    n_idle += 1
                else:
                    self.sleep()
                    n_idle = 0

    def sleep(self):
        """Wait for the alarm."""
        self.alarm.clear()
        self.is_asleep = True
        # Work that came before is seen here; for what comes from now on, there is the alarm.
        if self.work is None and not self.has_ended:
            self.alarm.wait()
        self.is_asleep = False

    def both(self, mine, its):
        """Do two things side by side, and return when both are done."""
        self.work = its
        if self.thread.ident is None:  # not before there is something to do
            self.thread.start()
        if self.is_asleep:
            self.alarm.set()
        try:
            mine()
        finally:
            n_idle = 0
            while self.work is not None:
                if n_idle < PATIENCE:
                    self.pass_time()
                    n_idle += 1
                else:
                    time.sleep(NAP)
        error, self.error = self.error, None
        if error is not None:
            raise error

    def close(self):
        """Let the thread go."""
        self.has_ended = True
        self.alarm.set()


# So many idle calls, of some 20 microseconds each, before one of the two sleeps; and the seconds of
# a nap.
PATIENCE = 6
NAP = 5e-5


def idle_call():
    """Bind a call that takes some microseconds, and meanwhile leaves Python to other threads."""
    some = np.zeros((96, 96), np.float32)
    return partial(np.dot, some, some, np.empty_like(some))


def begin_anew():
    """Forget the fits of the process that this one was forked from: their threads are not here."""
    global fits_lock
    fits_lock = Lock()  # one of them may have held it
    fits["under way"] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=begin_anew)
