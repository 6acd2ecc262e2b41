import re
from functools import partial

import pytest

from skinit._support import look_up
from skinit.activations import ReLU, resolve_activation
from skinit.initializers import He, resolve_init
from skinit.losses import Huber, resolve_loss
from skinit.schedules import ConstantRate, resolve_schedule
from skinit.solvers import SGD, resolve_solver

REGISTRY = {"he_normal": 1, "he_uniform": 2, "zeros": 3}


def test_a_known_name_gives_its_entry():
    assert look_up("he_uniform", REGISTRY, "init") == 2


@pytest.mark.parametrize("typed", ["he_norml", "He-Normal", "HeNormal", "he normal", "HE_NORMAL"])
def test_the_error_for_a_misspelt_name_suggests_the_right_one(typed):
    with pytest.raises(ValueError, match=f"init='{typed}'.*did you mean 'he_normal'"):
        look_up(typed, REGISTRY, "init")


def test_the_error_for_a_name_similar_to_none_lists_all_names():
    with pytest.raises(ValueError, match="known names: he_normal, he_uniform, zeros"):
        look_up("qqq", REGISTRY, "init")


@pytest.mark.parametrize("typed", ["", "***"])
def test_the_error_for_a_name_without_letters_lists_all_names(typed):
    with pytest.raises(ValueError, match="known names"):
        look_up(typed, REGISTRY, "init")


@pytest.mark.parametrize("typed", [None, 3, ["zeros"], {"zeros": 1}])
def test_what_is_not_a_string_is_refused(typed):
    with pytest.raises(TypeError, match=r"mode=.* is not a name; known names: he_normal"):
        look_up(typed, REGISTRY, "mode")


@pytest.mark.parametrize(
    ("resolve", "name", "Class"),
    [
        (resolve_init, "init", He),
        (resolve_activation, "activation", ReLU),
        (resolve_solver, "solver", SGD),
        (resolve_schedule, "learning_rate", ConstantRate),
        (partial(resolve_loss, targets="numbers"), "loss", Huber),
    ],
)
def test_a_class_is_refused_with_the_advice_to_give_an_object(resolve, name, Class):
    expected = (
        f"{name}={Class.__name__} is a class; pass an object, as in {name}={Class.__name__}()"
    )
    with pytest.raises(TypeError, match=re.escape(expected)):
        resolve(Class)
