import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from skinit import InitMLPClassifier, JacobianSpectrumDisplay, diagnose

X, Y = load_iris(return_X_y=True)


def model(init="he", depth=4):
    return InitMLPClassifier((16,) * depth, init=init, random_state=0)


def test_data_are_kept_and_drawn_only_by_plot(pyplot):
    display = JacobianSpectrumDisplay({"he": diagnose(model(), X, Y, candidates=())})
    assert pyplot.get_fignums() == []
    assert display.plot() is display
    assert display.figure_ is display.ax_.figure


def test_the_line_is_the_mean_over_the_samples_and_the_band_reaches_their_ends():
    values = diagnose(model(), X, Y, candidates=()).singular_values
    display = JacobianSpectrumDisplay.from_estimator(model(), X, Y, name="mine")
    present = np.where(values > 1e-12 * values.max(), values, np.nan)
    assert_allclose(display.lines_["mine"].get_ydata(), np.nanmean(present, axis=0))
    [band] = display.ax_.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert_allclose((heights.min(), heights.max()), (np.nanmin(present), np.nanmax(present)))


@pytest.mark.parametrize("depth", [0, 1, 30])
@pytest.mark.parametrize("init", ["zeros", "random"])
def test_odd_networks_are_drawn_without_a_warning(depth, init):
    JacobianSpectrumDisplay.from_estimator(model(init, depth), X, Y).figure_.canvas.draw()


def test_given_axes_and_line_keywords_are_used(pyplot):
    figure, ax = pyplot.subplots()
    found = {init: diagnose(model(init), X, Y, candidates=()) for init in ("he", "glorot")}
    display = JacobianSpectrumDisplay(found).plot(ax, linewidth=3)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert [line.get_linewidth() for line in display.lines_.values()] == [3, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["he", "glorot"]
