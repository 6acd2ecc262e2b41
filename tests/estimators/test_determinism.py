"""One seed, one result: whatever was fitted before, however many jobs, however X is stored."""

import numpy as np
import pytest
import scipy.sparse
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from threadpoolctl import threadpool_info, threadpool_limits

from skinit import InitMLPClassifier, InitMLPRegressor, load_circles


@pytest.fixture
def data():
    X, y, _, _ = load_circles()
    return X, y


def fit(X, y, Estimator=InitMLPClassifier, **settings):
    return Estimator(**{"max_iter": 50, "random_state": 0, **settings}).fit(X, y)


def assert_identical(model, other):
    for name in ("initial_coefs_", "initial_intercepts_", "coefs_", "intercepts_"):
        for array, expected in zip(getattr(model, name), getattr(other, name), strict=True):
            assert_array_equal(array, expected)
    assert_array_equal(model.loss_curve_, other.loss_curve_)


@pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])
@pytest.mark.parametrize("init", ["he", "scikit_learn", "truncated_normal"])
def test_two_fits_with_one_seed_are_identical(Estimator, init, data):
    assert_identical(fit(*data, Estimator, init=init), fit(*data, Estimator, init=init))


def test_another_seed_starts_elsewhere(data):
    assert (fit(*data).coefs_[0] != fit(*data, random_state=1).coefs_[0]).all()


def test_an_earlier_fit_leaves_no_trace(data):
    X, y = data
    model = fit(np.tile(X, 3), 1 - y)
    assert_identical(model.fit(X, y), fit(X, y))


def test_numpys_global_seed_plays_no_part(data):
    np.random.seed(1)  # noqa: NPY002
    first = fit(*data)
    np.random.seed(2)  # noqa: NPY002
    assert_identical(fit(*data), first)


@pytest.mark.parametrize(
    "store",
    [
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: np.repeat(X, 3, axis=0)[::3],
        lambda X: X.tolist(),
    ],
    ids=["fortran", "strided columns", "strided rows", "list"],
)
def test_the_way_X_is_stored_plays_no_part(store, data):
    X, y = data
    assert_identical(fit(store(X), y), fit(X, y))


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array"])
def test_sparse_X_gives_what_dense_X_gives(form):
    X, y = load_digits(return_X_y=True)
    X = X[:200] / 16
    dense, sparse = (fit(Z, y[:200], max_iter=20) for Z in (X, getattr(scipy.sparse, form)(X)))
    assert_allclose(sparse.decision_function(X), dense.decision_function(X), rtol=1e-10, atol=1e-12)
    assert_array_equal(sparse.predict(scipy.sparse.csr_matrix(X)), dense.predict(X))


@pytest.mark.usefixtures("needs_compiled")
def test_the_number_of_jobs_plays_no_part():
    X, y = load_breast_cancer(return_X_y=True)
    model = InitMLPClassifier(max_iter=50, random_state=0, learning_rate=0.1)
    pipeline = make_pipeline(StandardScaler(), model)
    one, two = (
        cross_val_predict(pipeline, X, y, cv=4, method="decision_function", n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert_array_equal(one, two)


@pytest.mark.parametrize("hidden", [(100,), (10, 5), (1,)])
def test_the_number_of_threads_plays_no_part(hidden):
    X, y = load_digits(return_X_y=True)
    X, y = np.tile(scale(X), (3, 1)), np.tile(y, 3)
    settings = {"hidden_layer_sizes": hidden, "max_iter": 5, "learning_rate": 0.1}
    free = fit(X, y, **settings)
    with threadpool_limits(1):
        assert_identical(fit(X, y, **settings), free)


def test_fits_in_threads_side_by_side_leave_the_thread_limits_as_they_were(data):
    before = [pool["num_threads"] for pool in threadpool_info()]
    Parallel(n_jobs=2, prefer="threads")(
        delayed(fit)(*data, max_iter=n) for n in (5, 200, 50, 5, 100)
    )
    assert [pool["num_threads"] for pool in threadpool_info()] == before
