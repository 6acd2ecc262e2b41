"""What tests of several modules need."""

import sys

import numpy as np
import pytest

from skinit.training import loop as training


def pytest_addoption(parser):
    parser.addoption(
        "--specification",
        action="store_true",
        help="train by the specification alone, as if there were no tape; takes long",
    )


@pytest.fixture(scope="session", autouse=True)
def engines(request):
    """Leave all engines as they are, or only the specification."""
    if request.config.getoption("--specification"):
        training.ENGINES[:] = [training.specification_blocks]


@pytest.fixture(scope="session")
def numerical_gradient():
    """Return a function that differentiates by finite differences, to about 11 digits."""

    def gradient_of(function, x, h=1e-4):
        gradient = np.empty_like(x)
        for index in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[index] = h
            near = function(x + step) - function(x - step)
            far = function(x + 2 * step) - function(x - 2 * step)
            gradient[index] = (8 * near - far) / (12 * h)
        return gradient

    return gradient_of


@pytest.fixture
def needs_compiled(request):
    """Skip what the specification does not promise, or other processes find by the tape."""
    if request.config.getoption("--specification"):
        pytest.skip("there is no tape")


@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_runtest_call(item):
    """Trace no line of a `no_cover` test in workers either, where two tracers take turns."""
    tracer = sys.gettrace()
    if item.get_closest_marker("no_cover"):
        sys.settrace(None)
    yield
    sys.settrace(tracer)
