"""What tests of several modules need."""

import numpy as np
import pytest


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
