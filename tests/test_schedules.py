import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skinit.schedules import (
    ConstantRate,
    CosineDecay,
    InverseScaling,
    ReduceOnPlateau,
    StepDecay,
    resolve_schedule,
)

KINDS = [ConstantRate, CosineDecay, InverseScaling, ReduceOnPlateau, StepDecay]


def rates(schedule, max_iter=100, **settings):
    return np.array([schedule.rate(k, max_iter, **settings) for k in range(max_iter)])


@pytest.mark.parametrize("Kind", KINDS)
def test_the_first_rate_is_the_initial_one_and_none_is_above(Kind):
    found = rates(Kind(0.3))
    assert found[0] == 0.3
    assert (np.diff(found) <= 0).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("Kind", KINDS)
def test_a_warm_up_rises_in_equal_steps_and_then_the_schedule_begins(Kind):
    warm, cold = rates(Kind(0.3, warm_up=9), 109), rates(Kind(0.3), 100)
    assert_allclose(warm[:9], 0.03 * np.arange(1, 10))
    assert_allclose(warm[9:], cold)


@pytest.mark.parametrize("Kind", KINDS)
def test_rates_are_plain_floats(Kind):
    """A NumPy number would turn float32 parameters into float64."""
    schedule = Kind(0.3, warm_up=1)
    assert {type(schedule.rate(k, 10)) for k in range(3)} == {float}


@pytest.mark.parametrize("Kind", KINDS)
def test_schedules_can_be_cloned_and_pickled(Kind):
    schedule = Kind(0.3, warm_up=2)
    for copy in (clone(schedule), pickle.loads(pickle.dumps(schedule))):
        assert_allclose(rates(copy), rates(schedule))


@pytest.mark.parametrize("Kind", KINDS)
def test_only_a_rate_without_warm_up_is_constant(Kind):
    assert Kind(0.3).is_constant == (Kind is ConstantRate)
    assert not Kind(0.3, warm_up=3).is_constant


def test_a_cosine_falls_to_its_final_ratio_and_is_half_way_in_the_middle():
    schedule = CosineDecay(1.0, final_ratio=0.2)
    assert_allclose(schedule.rate(50, 100), 0.6)
    assert_allclose(schedule.rate(100, 100), 0.2)
    assert_allclose(schedule.rate(300, 100), 0.2)  # behind the last iteration


def test_a_plateau_divides_the_rate_until_it_is_too_small():
    schedule = ReduceOnPlateau(1.0, divisor=10, minimum=1e-3)
    assert_allclose([schedule.rate(7, 100, n) for n in range(3)], [1, 0.1, 0.01])
    assert [schedule.gives_up(n) for n in range(1, 5)] == [False, False, False, True]


@pytest.mark.parametrize("Kind", [ConstantRate, CosineDecay, InverseScaling, StepDecay])
def test_other_schedules_give_up_at_the_first_plateau(Kind):
    assert Kind(0.3).gives_up(1)


def test_a_number_is_a_constant_rate():
    assert_allclose(rates(resolve_schedule(np.float32(0.5))), 0.5)
    assert type(resolve_schedule(np.float32(0.5)).initial) is float


@pytest.mark.parametrize("wrong", [0, -1, np.nan, np.inf, "constant", None, True])
def test_other_values_are_refused(wrong):
    with pytest.raises(ValueError, match=r"learning_rate=.*0\.01.*schedule"):
        resolve_schedule(wrong)


@pytest.mark.parametrize(
    ("schedule", "name"),
    [
        (ConstantRate(0), "initial"),
        (ConstantRate(0.1, warm_up=-1), "warm_up"),
        (ConstantRate(0.1, warm_up=1.5), "warm_up"),
        (InverseScaling(0.1, power=-1), "power"),
        (ReduceOnPlateau(0.1, divisor=1), "divisor"),
        (ReduceOnPlateau(0.1, minimum=-1), "minimum"),
        (CosineDecay(0.1, final_ratio=2), "final_ratio"),
        (StepDecay(0.1, every=0), "every"),
        (StepDecay(0.1, divisor=np.nan), "divisor"),
    ],
    ids=str,
)
def test_a_setting_that_is_out_of_range_is_named(schedule, name):
    with pytest.raises((ValueError, TypeError), match=name):
        resolve_schedule(schedule)
