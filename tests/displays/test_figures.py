import numpy as np
import pytest
from sklearn.datasets import make_blobs

from skinit import (
    ActivationHistogramDisplay,
    DecisionBoundaryPanel,
    InitMLPClassifier,
    JacobianSpectrumDisplay,
    SignalPropagationDisplay,
    diagnose,
    load_moons,
)

X, Y, _, _ = load_moons()


@pytest.fixture
def narrow(pyplot):
    """Set the width of figures to that of a column of text."""
    with pyplot.rc_context({"figure.figsize": (3.6, 2.7)}):
        yield 3.6


def network():
    return InitMLPClassifier((8,) * 4, random_state=0)


def boundaries(X, y):
    model = InitMLPClassifier(max_iter=20, learning_rate=0.1, random_state=0).fit(X, y)
    models = {"one": model, "other": model}
    return DecisionBoundaryPanel.from_estimators(models, X, y, grid_resolution=10)


# Displays, each with its number of columns on a narrow page.
DRAWN = {
    "signal": (lambda: SignalPropagationDisplay.from_estimator(network(), X, Y), 1),
    "boundaries": (lambda: boundaries(X, Y), 1),
    "boundaries of classes": (lambda: boundaries(*make_blobs(90, centers=3, random_state=1)), 1),
    "activations": (
        lambda: ActivationHistogramDisplay.from_estimator(network(), X, Y),
        2,
    ),
}
every_drawing = pytest.mark.parametrize(("draw", "n_columns"), DRAWN.values(), ids=DRAWN)


def columns_of(axes):
    """Count the columns of a grid of axes."""
    return len({ax.get_subplotspec().colspan.start for ax in axes})


@every_drawing
def test_on_a_narrow_page_figures_have_its_width_and_few_columns(draw, n_columns, narrow):
    display = draw()
    assert columns_of(display.axes_) == n_columns
    assert display.figure_.get_figwidth() == narrow


@every_drawing
def test_on_a_wide_page_pictures_are_side_by_side(draw, n_columns):
    display = draw()
    assert columns_of(display.axes_) > n_columns
    assert display.figure_.get_figwidth() > 6


@every_drawing
def test_on_a_narrow_page_nothing_is_cut_off(draw, n_columns, narrow):
    assert_whole(draw().figure_)


@pytest.mark.parametrize("display", [JacobianSpectrumDisplay, SignalPropagationDisplay])
def test_a_legend_of_many_networks_does_not_overlap_the_axes(display, narrow):
    found = diagnose(network(), X, Y, candidates=())
    drawn = display({f"network {k}": found for k in range(20)}).plot()
    assert_whole(drawn.figure_)
    [legend] = drawn.figure_.legends
    assert len(legend.get_texts()) == 20
    for ax in np.ravel(drawn.axes_ if hasattr(drawn, "axes_") else drawn.ax_):
        assert not legend.get_window_extent().overlaps(ax.get_window_extent())


def assert_whole(figure):
    """Assert that all that is drawn is inside the figure, up to a pixel."""
    figure.canvas.draw()
    width, height = figure.get_size_inches()
    drawn = figure.get_tightbbox()
    assert min(drawn.x0, drawn.y0) > -0.01
    assert drawn.x1 < width + 0.01
    assert drawn.y1 < height + 0.01
