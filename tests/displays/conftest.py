"""Tests of displays open no window and leave no figure open."""

import matplotlib as mpl
import pytest


@pytest.fixture(autouse=True)
def pyplot(monkeypatch):
    """Return pyplot with the Agg backend; calling ``show`` is a failure."""
    mpl.use("Agg")
    from matplotlib import pyplot

    def show(*_, **__):
        pytest.fail("a display must not call plt.show")

    monkeypatch.setattr(pyplot, "show", show)
    pyplot.close("all")  # a doctest may have left figures open in this process
    yield pyplot
    pyplot.close("all")
