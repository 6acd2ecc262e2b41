"""The expressions on the page on other libraries work."""

import re
from pathlib import Path

import numpy as np
import pytest

import skinit.initializers
from skinit.activations import ReLU
from skinit.core import Network, TrainingData
from skinit.initializers import build_parameters
from skinit.losses import LOSSES

PAGE = Path(__file__).parents[2] / "docs" / "coming_from.rst"


def expressions_of_page():
    """List the expressions in the second column of all tables of the page."""
    rows = re.findall(r"^   \* - .*?\n     - (.*?)\n     -", PAGE.read_text("utf-8"), re.M | re.S)
    return sorted({spelt for cell in rows for spelt in re.findall(r"``(.*?)``", cell)})


def test_the_page_has_the_defaults_of_other_libraries():
    assert {'"keras"', '"pytorch"', '"scikit_learn"', '"narrow_normal"'} <= {*expressions_of_page()}


@pytest.mark.parametrize("spelt", expressions_of_page())
def test_expressions_of_the_page_initialize_a_network(spelt):
    rng = np.random.RandomState(0)
    data = TrainingData(rng.normal(size=(20, 5)), rng.normal(size=(20, 3)))
    network = Network((5, 4, 3), (ReLU(),), LOSSES["squared_error"])
    initial = eval(spelt, vars(skinit.initializers))
    assert np.isfinite(build_parameters(initial, network, rng, data=data)[0]).all()
