"""Options and fixtures for tests of several modules."""

import sys

import numpy as np
import pytest

from skinit.training import loop as training


def pytest_addoption(parser):
    parser.addoption(
        "--reference",
        action="store_true",
        help="train with the reference engine only, without the compiled one; slow",
    )


@pytest.fixture(scope="session", autouse=True)
def engines(request):
    """Keep all engines, or with --reference only the reference engine."""
    if request.config.getoption("--reference"):
        training.ENGINES[:] = [training.reference_engine]


@pytest.fixture(scope="session")
def numerical_gradient():
    """Return a function that computes finite differences, accurate to about 11 digits."""

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
    """Skip what only the compiled engine promises, or what other processes compute with it."""
    if request.config.getoption("--reference"):
        pytest.skip("there is no compiled engine")


@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_runtest_call(item):
    """Switch line tracing off during a `no_cover` test, also in workers, which have two tracers."""
    tracer = sys.gettrace()
    if item.get_closest_marker("no_cover"):
        sys.settrace(None)
    yield
    sys.settrace(tracer)
