import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skinit import InitMLPClassifier, SignalPropagationDisplay, diagnose, load_circles

X, Y, _, _ = load_circles()


def model(init="he", depth=4, activation="tanh"):
    return InitMLPClassifier((16,) * depth, init=init, activation=activation, random_state=0)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_data_are_kept_and_drawn_only_by_plot(pyplot):
    display = SignalPropagationDisplay({"he": diagnose(model(), X, Y, candidates=())})
    assert pyplot.get_fignums() == []
    assert display.plot() is display
    assert display.figure_ is display.axes_[0].figure


def test_the_lines_are_what_was_measured():
    found = diagnose(model(), X, Y, candidates=()).propagation
    display = SignalPropagationDisplay.from_estimator(model(), X, Y, name="mine")
    signal, gradient, likeness, dead = (line.get_ydata() for line in display.lines_["mine"])
    assert_array_equal(signal, np.sqrt(found.pre_activation_square))
    assert_array_equal(gradient, found.signal_gradient)
    assert_array_equal(likeness, [found.input_correlation, *found.correlation[:-1]])
    assert_array_equal(dead, found.dead[:-1])


def test_dashes_are_what_theory_expects():
    found = diagnose(model(), X, Y, candidates=()).propagation
    ax = SignalPropagationDisplay.from_estimator(model(), X, Y).axes_[0]
    [dashed] = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert_array_equal(dashed.get_ydata(), np.sqrt(found.expected_square))
    assert ax.get_yscale() == "log"


def test_several_networks_are_told_apart_by_colour_and_name():
    models = {init: model(init) for init in ("he", "glorot", "zeros")}
    display = SignalPropagationDisplay.from_estimators(models, X, Y)
    assert legend(display.axes_[0]) == ["he", "glorot", "zeros"]
    colours = {lines[0].get_color() for lines in display.lines_.values()}
    assert len(colours) == 3


def test_saturation_is_drawn_where_there_is_any():
    dotted = [
        [line for line in display.axes_[3].get_lines() if line.get_linestyle() == ":"]
        for display in (
            SignalPropagationDisplay.from_estimator(model(activation=each), X, Y)
            for each in ("tanh", "relu")
        )
    ]
    assert [len(lines) for lines in dotted] == [2, 1]  # one is the key's


@pytest.mark.parametrize("depth", [0, 1, 30])
@pytest.mark.parametrize("init", ["zeros", "random"])
@pytest.mark.parametrize("y", [Y, None], ids=["y", "no y"])
def test_odd_networks_are_drawn_without_a_warning(depth, init, y):
    display = SignalPropagationDisplay.from_estimator(model(init, depth, "relu"), X, y)
    display.figure_.canvas.draw()


def test_given_axes_and_line_keywords_are_used(pyplot):
    figure, axes = pyplot.subplots(1, 4)
    display = SignalPropagationDisplay.from_estimator(
        model(), X, Y, axes=axes, line_kw={"color": "C3"}
    )
    assert display.figure_ is figure
    assert {line.get_color() for lines in display.lines_.values() for line in lines} == {"C3"}


def test_another_number_of_axes_is_refused(pyplot):
    _, axes = pyplot.subplots(1, 3)
    with pytest.raises(ValueError, match="axes has 3 entries, expected four"):
        SignalPropagationDisplay.from_estimator(model(), X, Y, axes=axes)
