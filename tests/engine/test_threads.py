"""A fit limits BLAS to one thread, and restores its limit afterwards."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy
from threadpoolctl import threadpool_info, threadpool_limits

from skinit import InitMLPClassifier
from skinit.engine import blas_threads, one_blas_thread, spare_threads, threads


def threads_of_blas():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("limit", [1, 2])
def test_a_fit_may_use_the_threads_that_blas_had(limit):
    with threadpool_limits(limit, user_api="blas"):
        allowed = max(threads_of_blas())
        with one_blas_thread():
            assert threads_of_blas() == {1}
            assert spare_threads() == allowed
        assert max(threads_of_blas()) == allowed


def test_fits_in_parallel_have_one_thread_each():
    with one_blas_thread():
        with one_blas_thread():
            assert spare_threads() == 1
            assert threads_of_blas() == {1}
        assert threads_of_blas() == {1}


def test_a_limit_may_be_lifted_by_another_thread_than_the_one_that_set_it():
    before = threads_of_blas()
    fits = [one_blas_thread(), one_blas_thread()]
    fits[0].__enter__()
    fits[1].__enter__()
    for fit in fits:
        worker = threading.Thread(target=fit.__exit__, args=(None, None, None))
        worker.start()
        worker.join()
    assert threads_of_blas() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_forgets_the_fits_of_its_parent():
    with one_blas_thread():
        child = os.fork()
        if child == 0:
            with one_blas_thread():
                os._exit(spare_threads() != 1)  # BLAS had one thread when it was forked
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_process_does_not_wait_for_a_lock_of_its_parent():
    with threads.fits_lock:
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            with one_blas_thread():
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity cannot be set here")
def test_a_fit_uses_no_more_threads_than_it_has_processors():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(allowed)])
    try:
        with one_blas_thread():
            assert spare_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_predictions_of_many_rows_restore_the_limits_of_blas():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(20_000, 10))
    model = InitMLPClassifier(200, max_iter=1, random_state=0).fit(X[:50], np.arange(50) % 2)
    before = threads_of_blas()
    model.predict_proba(X)
    assert threads_of_blas() == before


def test_large_products_may_be_shared_by_the_blas_of_scipy():
    with threadpool_limits(2, user_api="blas"), one_blas_thread():
        allowed = spare_threads()
        with blas_threads():
            assert max(threads_of_blas()) == allowed
            with one_blas_thread(), blas_threads():  # of another fit
                assert max(threads_of_blas()) == allowed
            assert max(threads_of_blas()) == allowed
        assert threads_of_blas() == {1}


def test_outside_of_a_fit_the_limits_of_blas_are_restored():
    with threadpool_limits(2, user_api="blas"):
        before = threads_of_blas()
        with blas_threads():
            pass
        assert threads_of_blas() == before


@pytest.mark.parametrize("shared", [False, True])
def test_if_numpy_and_scipy_have_different_blas_only_that_of_scipy_gets_threads(
    shared, monkeypatch
):
    class Library:
        def __init__(self, filepath):
            self.filepath, self.num_threads, self.internal_api = str(filepath), 1, "openblas"

        def set_num_threads(self, n_threads):
            self.num_threads = n_threads

    class Pools:
        def select(self, user_api):
            return self

    site = Path(scipy.__file__).parents[1]
    folders = ["lib"] if shared else ["numpy.libs", "scipy.libs"]
    Pools.lib_controllers = [Library(site / folder / "libopenblas.so") for folder in folders]
    monkeypatch.setattr(threads, "thread_pools", Pools)
    monkeypatch.setattr(threads, "libraries_of_scipy", threads.libraries_of_scipy.__wrapped__)
    threads.give_scipy(4)
    assert [library.num_threads for library in Pools.lib_controllers] == ([4] if shared else [1, 4])


def test_another_thread_may_share_products_while_this_one_has_a_fit():
    """Newer versions of threadpoolctl let only the thread that set a limit change it."""
    with threadpool_limits(2, user_api="blas"), one_blas_thread():
        allowed, seen = spare_threads(), []

        def fit():
            with blas_threads():
                seen.append(max(threads_of_blas()))
            seen.append(max(threads_of_blas()))

        worker = threading.Thread(target=fit)
        worker.start()
        worker.join()
        assert seen == [allowed, 1]


def test_a_limit_of_a_thread_is_restored_in_that_thread(monkeypatch):
    class Library:
        filepath, internal_api, limits = "lib/libmkl_rt.so", "mkl", threading.local()

        @property
        def num_threads(self):
            return getattr(self.limits, "n", 4)

        def set_num_threads(self, n_threads):
            self.limits.n = n_threads

    library = Library()
    monkeypatch.setattr(threads, "libraries_of_scipy", lambda: [library])
    entered, left, after = threading.Event(), threading.Event(), []

    def fit():
        with blas_threads():
            entered.set()
            left.wait(10)
        after.append(library.num_threads)

    worker = threading.Thread(target=fit)
    worker.start()
    entered.wait(10)
    library.set_num_threads(1)
    with blas_threads():
        pass
    assert library.num_threads == 1
    left.set()
    worker.join()
    assert after == [4]
