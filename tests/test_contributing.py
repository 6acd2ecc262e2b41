"""The files that CONTRIBUTING names exist, and its worked example runs as it is printed."""

import doctest
import re
import textwrap
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import clone

import skinit
from skinit._support import Array
from skinit.initializers import Initializer, Layer, initialize_parameters

ROOT = Path(__file__).parents[1]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def test_the_files_that_are_named_exist():
    named = re.findall(
        r"`((?:skinit|tests|docs)/[\w/.]*)`", CONTRIBUTING.read_text(encoding="utf-8")
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def python_blocks(markdown):
    """Return the code of the blocks that are marked as Python."""
    blocks = re.findall(r"^ *```python\n(.*?)^ *```$", markdown, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


def test_the_worked_example_runs():
    definition, entry, test = python_blocks(CONTRIBUTING.read_text(encoding="utf-8"))
    names = {
        "Array": Array,
        "Initializer": Initializer,
        "Layer": Layer,
        "assert_array_equal": assert_array_equal,
        "initialize_parameters": initialize_parameters,
        "np": np,
    }
    # A class knows by this name in which module it is.
    names["__name__"] = "worked_example"
    exec(definition, names)
    initializer = eval(f"{{{entry}}}", names)["random_signs"]
    exec(f"{test}\ntest_random_signs_have_one_size()", names)

    network = skinit.InitMLPClassifier(init=clone(initializer), max_iter=1)
    X, y, _, _ = skinit.load_circles()
    assert network.fit(X, y).init_resolved_ == ["RandomSigns()"] * 3

    for case in doctest.DocTestFinder().find(names["RandomSigns"], globs=names, module=False):
        assert doctest.DocTestRunner().run(case).failed == 0
