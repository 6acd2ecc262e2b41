import pytest

from skinit.registry import look_up

REGISTRY = {"he_normal": 1, "he_uniform": 2, "zeros": 3}


def test_a_known_name_gives_its_entry():
    assert look_up("he_uniform", REGISTRY, "init") == 2


@pytest.mark.parametrize("typed", ["he_norml", "He-Normal", "HeNormal", "he normal", "HE_NORMAL"])
def test_a_misspelt_name_gets_did_you_mean(typed):
    with pytest.raises(ValueError, match=f"init='{typed}'.*did you mean 'he_normal'"):
        look_up(typed, REGISTRY, "init")


def test_a_name_like_no_other_gets_the_list_of_names():
    with pytest.raises(ValueError, match="known names: he_normal, he_uniform, zeros"):
        look_up("qqq", REGISTRY, "init")


@pytest.mark.parametrize("typed", ["", "***"])
def test_a_name_without_letters_gets_the_list_of_names(typed):
    with pytest.raises(ValueError, match="known names"):
        look_up(typed, REGISTRY, "init")


@pytest.mark.parametrize("typed", [None, 3, ["zeros"], {"zeros": 1}])
def test_what_is_no_name_is_told_so(typed):
    with pytest.raises(TypeError, match=r"mode=.* is not a name; known names: he_normal"):
        look_up(typed, REGISTRY, "mode")
