"""What every test of a picture needs: no window, and no figure left open."""

import matplotlib as mpl
import pytest


@pytest.fixture(autouse=True)
def pyplot(monkeypatch):
    """Give pyplot without a window; showing one is a failure."""
    mpl.use("Agg")
    from matplotlib import pyplot

    def show(*_, **__):
        pytest.fail("a display must not call plt.show")

    monkeypatch.setattr(pyplot, "show", show)
    pyplot.close("all")  # an example may have left some open in this process
    yield pyplot
    pyplot.close("all")
