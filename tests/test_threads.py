"""A fit has BLAS to itself, one thread of it, and gives it back as it was."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skinit import InitMLPClassifier, threads
from skinit.threads import Companion, one_blas_thread, spare_threads


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("limit", [1, 2])
def test_a_fit_may_use_the_threads_that_blas_had(limit):
    with threadpool_limits(limit, user_api="blas"):
        allowed = max(blas_threads())
        with one_blas_thread():
            assert blas_threads() == {1}
            assert spare_threads() == allowed
        assert max(blas_threads()) == allowed


def test_fits_side_by_side_have_one_thread_each():
    with one_blas_thread():
        with one_blas_thread():
            assert spare_threads() == 1
            assert blas_threads() == {1}
        assert blas_threads() == {1}


def test_a_limit_may_be_lifted_by_another_thread_than_the_one_that_set_it():
    before = blas_threads()
    fits = [one_blas_thread(), one_blas_thread()]
    fits[0].__enter__()
    fits[1].__enter__()
    for fit in fits:
        worker = threading.Thread(target=fit.__exit__, args=(None, None, None))
        worker.start()
        worker.join()
    assert blas_threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_knows_nothing_of_the_fits_of_its_parent():
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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors are all ours here")
def test_a_fit_uses_no_more_threads_than_it_has_processors():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(allowed)])
    try:
        with one_blas_thread():
            assert spare_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_predictions_of_many_rows_leave_blas_as_it_was():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(20_000, 10))
    model = InitMLPClassifier(200, max_iter=1, random_state=0).fit(X[:50], np.arange(50) % 2)
    before = blas_threads()
    model.predict_proba(X)
    assert blas_threads() == before


def wait_until(holds):
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert holds()


@pytest.fixture
def companion():
    made = Companion()
    yield made
    made.close()


def test_a_companion_works_in_a_thread_of_its_own_at_the_same_time(companion):
    names, meeting = [], threading.Barrier(2, timeout=10)

    def meet():
        meeting.wait()  # the other one must be there, too
        names.append(threading.current_thread().name)

    companion.both(meet, meet)
    assert len(set(names)) == 2


def test_both_return_when_both_are_done(companion):
    done = []
    for k in range(200):
        companion.both(lambda k=k: done.append(k), lambda k=k: done.append(-k))
        assert len(done) == 2 * (k + 1)


def test_a_companion_that_has_fallen_asleep_wakes_up(companion, monkeypatch):
    monkeypatch.setattr(threads, "PATIENCE", 1)
    companion.both(lambda: None, lambda: None)
    done = []
    for k in range(5):
        wait_until(lambda: companion.is_asleep)
        companion.both(lambda: None, lambda k=k: done.append(k))
    assert done == [0, 1, 2, 3, 4]


def test_the_error_of_a_companion_is_raised_once_and_it_goes_on(companion):
    with pytest.raises(ZeroDivisionError):
        companion.both(lambda: None, lambda: 1 / 0)
    done = []
    companion.both(lambda: done.append("mine"), lambda: done.append("its"))
    assert sorted(done) == ["its", "mine"]


def test_after_an_error_of_ones_own_the_companion_has_come_to_its_end(companion):
    done = []

    def slow():
        time.sleep(0.05)
        done.append("its")

    with pytest.raises(ZeroDivisionError):
        companion.both(lambda: 1 / 0, slow)
    assert done == ["its"]


@pytest.mark.parametrize("asleep", [False, True])
def test_a_companion_leaves_when_it_is_let_go(asleep, monkeypatch):
    monkeypatch.setattr(threads, "PATIENCE", 1 if asleep else 10**9)
    companion = Companion()
    companion.both(lambda: None, lambda: None)
    if asleep:
        wait_until(lambda: companion.is_asleep)
    companion.close()
    companion.thread.join(10)
    assert not companion.thread.is_alive()
