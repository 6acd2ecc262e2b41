import numpy as np
import pytest
from numpy.testing import assert_allclose

from skinit import ActivationHistogramDisplay, InitMLPClassifier, diagnose, load_circles
from skinit.initializers import Scaled

X, Y, _, _ = load_circles()


def model(init="he", depth=4, activation="tanh"):
    return InitMLPClassifier((16,) * depth, init=init, activation=activation, random_state=0)


def test_data_are_kept_and_drawn_only_by_plot(pyplot):
    display = ActivationHistogramDisplay(diagnose(model(), X, Y, candidates=()))
    assert pyplot.get_fignums() == []
    assert display.plot() is display
    assert display.figure_ is display.axes_[0].figure


def test_each_histogram_is_the_share_of_the_units_in_each_bin():
    found = diagnose(model(), X, Y, candidates=()).propagation
    display = ActivationHistogramDisplay.from_estimator(model(), X, Y)
    for number, ax in enumerate(display.axes_):
        values, edges, _ = ax.patches[0].get_data()
        assert_allclose(values, found.counts[number] / (300 * 16))
        assert_allclose(edges, found.edges[number])


@pytest.mark.parametrize(
    ("depth", "shown"),
    [(1, [1]), (4, [1, 2, 3, 4]), (45, [1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45])],
)
def test_the_layers_shown_are_evenly_spaced(depth, shown):
    display = ActivationHistogramDisplay.from_estimator(model(depth=depth), X, Y)
    assert display.shown_.tolist() == shown
    assert [ax.get_title() for ax in display.axes_] == [f"layer {number}" for number in shown]


def test_a_bin_that_has_most_values_is_cut_and_labeled():
    display = ActivationHistogramDisplay.from_estimator(model(activation="relu"), X, Y)
    shares = display.axes_[0].patches[0].get_data().values
    assert display.axes_[0].get_ylim()[1] < shares.max()
    [label] = display.axes_[0].texts
    assert label.get_text() == f"{shares.max():.0%} (cut)"


def test_a_constant_activation_is_noted_with_its_value():
    display = ActivationHistogramDisplay.from_estimator(model("zeros"), X, Y)
    assert [ax.texts[0].get_text() for ax in display.axes_] == ["all are 0"] * 4


def test_given_axes_are_used_one_for_each_layer(pyplot):
    figure, axes = pyplot.subplots(1, 2)
    display = ActivationHistogramDisplay.from_estimator(model(), X, Y, axes=axes, max_layers=2)
    assert display.figure_ is figure
    assert display.axes_.tolist() == axes.tolist()
    with pytest.raises(ValueError, match="axes has 2 entries, expected one for each of the 4"):
        ActivationHistogramDisplay.from_estimator(model(), X, Y, axes=axes)


def test_without_hidden_layers_the_raw_predictions_are_shown():
    display = ActivationHistogramDisplay.from_estimator(model(depth=0), X, Y)
    assert [ax.get_title() for ax in display.axes_] == ["raw predictions"]


@pytest.mark.parametrize("init", ["zeros", "random", Scaled("he", 1e150)])
@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_degenerate_networks_are_drawn_without_a_warning(init, activation):
    display = ActivationHistogramDisplay.from_estimator(model(init, 6, activation), X, Y)
    display.figure_.canvas.draw()


def test_keywords_reach_the_histograms():
    display = ActivationHistogramDisplay.from_estimator(
        model(), X, Y, max_layers=2, fill_kw={"color": "C3"}
    )
    assert len(display.axes_) == 2
    assert np.allclose(
        display.axes_[0].patches[0].get_facecolor()[:3], (0.839, 0.153, 0.157), atol=0.01
    )
