"""A network inside other estimators: what arrives there is what a fit would give it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skinit import (
    InitMLPClassifier,
    InitMLPRegressor,
    diagnose,
    find_learning_rate,
    load_moons,
    trace,
)
from skinit.estimators import innermost, last_step

X, y = load_diabetes(return_X_y=True)
TWO = np.column_stack([y, X[:, 0]])


def network():
    return InitMLPRegressor(4, max_iter=3, random_state=0)


AROUND = {
    "pipeline": make_pipeline(MinMaxScaler(), StandardScaler(), network()),
    "transformer of y": TransformedTargetRegressor(network(), transformer=StandardScaler()),
    "function of y": TransformedTargetRegressor(network(), func=np.log, inverse_func=np.exp),
    "y as it is": TransformedTargetRegressor(network()),
    "pipeline of y": TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network()), transformer=MinMaxScaler()
    ),
    "y at the end": make_pipeline(
        StandardScaler(), TransformedTargetRegressor(network(), transformer=MinMaxScaler())
    ),
}
around = pytest.mark.parametrize("estimator", AROUND.values(), ids=AROUND)


class Witness(InitMLPRegressor):
    """Remembers what it is fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y
        return super().fit(X, y, sample_weight)


def with_witness(estimator):
    """Put a `Witness` in the place of the network."""
    name = next(
        name for name, value in estimator.get_params().items()
        if isinstance(value, InitMLPRegressor)
    )  # fmt: skip
    return clone(estimator).set_params(**{name: Witness(4, max_iter=3, random_state=0)})


@around
@pytest.mark.parametrize("fitted", [False, True])
def test_the_data_arrive_as_in_a_fit(estimator, fitted):
    targets = y + 1
    estimator = with_witness(estimator)
    seen = innermost(clone(estimator).fit(X, targets), fitted=True).seen_
    if fitted:
        estimator.fit(X, targets)
    found, *data = last_step(estimator, X, targets, fitted=fitted)
    assert_allclose(data[0], seen[0], rtol=1e-12)
    assert_allclose(data[1], seen[1], rtol=1e-12)
    assert isinstance(found, Witness)
    assert hasattr(found, "coefs_") is fitted


def test_several_targets_are_transformed_too():
    around = TransformedTargetRegressor(network(), transformer=MinMaxScaler())
    _, _, arrived = last_step(around, X, TWO)
    assert_allclose(arrived, MinMaxScaler().fit_transform(TWO))


@around
def test_without_targets_none_arrive(estimator):
    assert last_step(estimator, X)[2] is None


@around
def test_what_is_around_stays_as_it_is(estimator):
    for each in (estimator, clone(estimator).fit(X, y)):
        before = set(vars(each))
        last_step(each, X, y)
        assert set(vars(each)) == before


def test_fitted_asks_for_what_is_fitted():
    with pytest.raises(NotFittedError):
        last_step(TransformedTargetRegressor(network()), X, y, fitted=True)


@around
def test_a_diagnosis_is_that_of_the_network(estimator):
    alone = diagnose(*last_step(estimator, X, y))
    found = diagnose(estimator, X, y)
    assert str(found) == str(alone)
    fitted = clone(estimator).fit(X, y)
    found = diagnose(fitted, X, y, weights="fitted", max_samples=len(y))
    assert_allclose(found.initial_loss, innermost(fitted, fitted=True).loss_)


def test_scikit_learns_own_network_is_found_in_there_too():
    theirs = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), MLPRegressor((4,), random_state=0)),
        transformer=StandardScaler(),
    )
    found = diagnose(theirs, X, y)
    scaled = (StandardScaler().fit_transform(values) for values in (X, y[:, np.newaxis]))
    assert str(found) == str(diagnose(MLPRegressor((4,), random_state=0), *scaled))


@around
def test_a_learning_rate_is_searched_for_the_network(estimator):
    few = {"n_rates": 3, "n_iter": 3, "high": 0.1}
    alone = find_learning_rate(*last_step(estimator, X, y), **few)
    assert_array_equal(find_learning_rate(estimator, X, y, **few).losses, alone.losses)


@around
def test_a_pass_is_traced_through_the_network(estimator):
    for each in (estimator, clone(estimator).fit(X, y)):
        fitted = each is not estimator
        found, *data = last_step(each, X[:5], y[:5], fitted=fitted)
        assert trace(each, X[:5], y[:5]).text == trace(found, *data).text


SEARCH = GridSearchCV(InitMLPClassifier(2, max_iter=2), {"init": ["he"]}, cv=2)


@pytest.mark.parametrize(
    "estimator", [SEARCH, BaggingClassifier(InitMLPClassifier()), make_pipeline(SEARCH)]
)
@pytest.mark.parametrize("use", [diagnose, find_learning_rate, trace])
def test_another_estimator_around_a_network_is_refused_with_the_way_out(estimator, use):
    with pytest.raises(TypeError, match="pass the attribute `estimator` of the"):
        use(estimator, *load_moons()[:2])


def test_the_way_out_of_a_search_works():
    data = load_moons()[:2]
    search = clone(SEARCH).fit(*data)
    assert diagnose(search.best_estimator_, *data).init == "He()"
    assert diagnose(search.estimator, *data).init == "He()"


@pytest.mark.parametrize("estimator", [LinearRegression(), make_pipeline(LinearRegression()), "he"])
def test_what_has_no_network_is_refused(estimator):
    with pytest.raises(TypeError, match="expected an InitMLPClassifier, an InitMLPRegressor or a"):
        last_step(estimator, X, y)


def test_a_class_is_told_to_be_made_an_object():
    with pytest.raises(TypeError, match=r"estimator=InitMLPClassifier\(\)$"):
        last_step(InitMLPClassifier, [[1.0]])
