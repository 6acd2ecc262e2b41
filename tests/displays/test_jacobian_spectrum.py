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


def test_the_line_is_the_mean_over_the_samples_and_the_band_their_range():
    values = diagnose(model(), X, Y, candidates=()).singular_values
    display = JacobianSpectrumDisplay.from_estimator(model(), X, Y, name="mine")
    present = np.where(values > 1e-12 * values.max(), values, np.nan)
    assert_allclose(display.lines_["mine"].get_ydata(), np.nanmean(present, axis=0))
    [band] = display.ax_.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert_allclose((heights.min(), heights.max()), (np.nanmin(present), np.nanmax(present)))


def test_empty_axes_say_why_nothing_is_drawn():
    ax = JacobianSpectrumDisplay.from_estimator(model("zeros"), X, Y).ax_
    assert [text.get_text() for text in ax.texts] == [
        "Zeros(): all are 0: predictions ignore the inputs"
    ]


def test_singular_values_of_zero_are_counted_below_the_axis():
    ax = JacobianSpectrumDisplay.from_estimator(model("ones"), X, Y).ax_
    assert ax.get_xlabel().endswith("\nOnes(): 2 of 3 are 0")  # all outputs are the same


def test_single_values_have_a_range_and_do_not_hide_each_other():
    models = {init: model(init) for init in ("he", "glorot")}
    display = JacobianSpectrumDisplay.from_estimators(models, X, Y == 0)
    places = [line.get_xdata().item() for line in display.lines_.values()]
    assert len(set(places)) == 2
    for init, place in zip(models, places, strict=True):
        values = diagnose(models[init], X, Y == 0, candidates=()).singular_values
        [segment] = [
            path.vertices
            for band in display.ax_.collections
            for path in band.get_paths()
            if len(path.vertices) == 2 and path.vertices[0, 0] == place
        ]
        assert_allclose(segment[:, 1], [values.min(), values.max()])


def test_the_axes_say_what_is_drawn():
    ax = JacobianSpectrumDisplay.from_estimator(model(), X, Y).ax_
    assert "Jacobian" in ax.get_ylabel()
    assert "mean and range over samples" in ax.get_xlabel()


def test_rounding_of_equal_values_is_not_magnified():
    linear = InitMLPClassifier((8,) * 3, activation="identity", init="orthogonal", random_state=0)
    ax = JacobianSpectrumDisplay.from_estimator(linear, X, Y).ax_
    assert np.ptp(np.log10(ax.get_ylim())) >= 1


@pytest.mark.parametrize("depth", [0, 1, 30])
@pytest.mark.parametrize("init", ["zeros", "random"])
def test_degenerate_networks_are_drawn_without_a_warning(depth, init):
    JacobianSpectrumDisplay.from_estimator(model(init, depth), X, Y).figure_.canvas.draw()


def test_given_axes_and_line_keywords_are_used(pyplot):
    figure, ax = pyplot.subplots()
    found = {init: diagnose(model(init), X, Y, candidates=()) for init in ("he", "glorot")}
    display = JacobianSpectrumDisplay(found).plot(ax, linewidth=3)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert [line.get_linewidth() for line in display.lines_.values()] == [3, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["he", "glorot"]
