from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from skinit import (
    DiagnosisRecorder,
    InitMLPClassifier,
    SignalPropagationDisplay,
    diagnose,
    load_circles,
)

X, Y, _, _ = load_circles()


def model(init="he", depth=4, activation="tanh"):
    return InitMLPClassifier((16,) * depth, init=init, activation=activation, random_state=0)


def test_data_are_kept_and_drawn_only_by_plot(pyplot):
    display = SignalPropagationDisplay({"he": diagnose(model(), X, Y, candidates=())})
    assert pyplot.get_fignums() == []
    assert display.plot() is display
    assert display.figure_ is display.axes_[0].figure


def test_solid_lines_are_the_measured_values():
    found = diagnose(model(), X, Y, candidates=()).propagation
    display = SignalPropagationDisplay.from_estimator(model(), X, Y, name="mine")
    signal, gradient, similarity, dead = (line.get_ydata() for line in display.lines_["mine"])
    assert_array_equal(signal, np.sqrt(found.pre_activation_square))
    assert_array_equal(gradient, found.signal_gradient)
    assert_array_equal(similarity, [found.input_correlation, *found.correlation[:-1]])
    assert_array_equal(dead, found.dead[:-1])


def test_dashed_lines_are_the_values_of_theory():
    found = diagnose(model(), X, Y, candidates=()).propagation
    ax = SignalPropagationDisplay.from_estimator(model(), X, Y).axes_[0]
    [dashed] = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert_array_equal(dashed.get_ydata(), np.sqrt(found.expected_square))
    assert ax.get_yscale() == "log"


def test_several_networks_have_their_colors_and_names():
    models = {init: model(init) for init in ("he", "glorot", "zeros")}
    display = SignalPropagationDisplay.from_estimators(models, X, Y)
    [names] = display.figure_.legends
    assert [text.get_text() for text in names.get_texts()] == ["he", "glorot", "zeros"]
    colors = {lines[0].get_color() for lines in display.lines_.values()}
    assert len(colors) == 3


def test_saturation_is_drawn_for_activations_that_saturate():
    dotted = [
        [line for line in display.axes_[3].get_lines() if line.get_linestyle() == ":"]
        for display in (
            SignalPropagationDisplay.from_estimator(model(activation=each), X, Y)
            for each in ("tanh", "relu")
        )
    ]
    assert [len(lines) for lines in dotted] == [2, 0]  # one of them is the legend's


def test_small_changes_of_a_constant_signal_are_not_magnified():
    display = SignalPropagationDisplay.from_estimator(model("mirrored", 10, "relu"), X, Y)
    for ax, line in zip(display.axes_[:2], display.lines_["Mirrored()"], strict=False):
        assert np.ptp(np.log10(line.get_ydata())) < 0.7
        assert np.ptp(np.log10(ax.get_ylim())) >= 1
    similarity = display.axes_[2]
    assert np.ptp(similarity.get_ylim()) >= 0.2


def test_all_measured_values_are_inside_the_axes():
    models = {init: model(init, 20, "relu") for init in ("random", "glorot")}
    display = SignalPropagationDisplay.from_estimators(models, X, Y)
    for number, ax in enumerate(display.axes_):
        for lines in display.lines_.values():
            x, y = (values[np.isfinite(lines[number].get_ydata())]
                    for values in lines[number].get_data())  # fmt: skip
            for low_high, values in ((ax.get_xlim(), x), (ax.get_ylim(), y)):
                assert low_high[0] < values.min()
                assert values.max() < low_high[1]


def test_zeros_are_noted_below_the_axes_or_in_the_middle_of_empty_ones():
    display = SignalPropagationDisplay.from_estimator(model("zeros", 3), X, Y)
    signal, gradient, similarity, _ = display.axes_
    assert [text.get_text() for text in signal.texts] == ["Zeros(): 0"]
    assert gradient.get_xlabel() == "layer\nZeros(): 0 in layers 1 to 3"
    assert similarity.get_xlabel() == "layer\nZeros(): not defined"


def test_without_y_the_axes_of_the_gradient_say_so():
    display = SignalPropagationDisplay.from_estimator(model(), X)
    assert [text.get_text() for text in display.axes_[1].texts] == ["no gradient without y"]


def test_without_hidden_layers_the_axes_of_units_say_so():
    display = SignalPropagationDisplay.from_estimator(model(depth=0), X, Y)
    assert [text.get_text() for text in display.axes_[3].texts] == ["He(): no hidden layer"]


def test_nothing_is_noted_if_all_values_are_drawn():
    display = SignalPropagationDisplay.from_estimator(model(), X, Y)
    assert [(len(ax.texts), ax.get_xlabel()) for ax in display.axes_] == [(0, "layer")] * 4


@pytest.mark.parametrize("depth", [0, 1, 30])
@pytest.mark.parametrize("init", ["zeros", "random"])
@pytest.mark.parametrize("y", [Y, None], ids=["y", "no y"])
def test_degenerate_networks_are_drawn_without_a_warning(depth, init, y):
    display = SignalPropagationDisplay.from_estimator(model(init, depth, "relu"), X, y)
    display.figure_.canvas.draw()


def test_given_axes_and_line_keywords_are_used(pyplot):
    figure, axes = pyplot.subplots(1, 4)
    display = SignalPropagationDisplay.from_estimator(
        model(), X, Y, axes=axes, line_kw={"color": "C3"}
    )
    assert display.figure_ is figure
    assert {line.get_color() for lines in display.lines_.values() for line in lines} == {"C3"}
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["He()"]
    assert figure.legends == []


def test_another_number_of_axes_is_refused(pyplot):
    _, axes = pyplot.subplots(1, 3)
    with pytest.raises(ValueError, match="axes has 3 entries, expected four"):
        SignalPropagationDisplay.from_estimator(model(), X, Y, axes=axes)


def test_lines_that_coincide_are_all_visible():
    same = diagnose(model(), X, Y, candidates=())
    display = SignalPropagationDisplay(dict.fromkeys(("one", "two", "three"), same)).plot()
    widths = [lines[3].get_linewidth() for lines in display.lines_.values()]
    assert all(below > above + 1 for below, above in pairwise(widths))


@pytest.fixture(scope="module")
def recorder():
    if not hasattr(InitMLPClassifier, "set_callbacks"):
        pytest.skip("callbacks came with scikit-learn 1.9")
    recorder = DiagnosisRecorder(every=1)
    model().set_params(max_iter=14).set_callbacks(recorder).fit(X, Y)
    return recorder


def test_each_recorded_iteration_has_its_lines(recorder):
    display = SignalPropagationDisplay.from_recorder(recorder)
    assert list(display.lines_) == [f"iteration {k}" for k in range(15)]
    for lines, found in zip(display.lines_.values(), recorder.diagnoses_, strict=True):
        assert_array_equal(lines[1].get_ydata(), found.propagation.signal_gradient)


def test_the_colors_of_iterations_get_lighter_and_the_legend_names_some_of_many(recorder):
    display = SignalPropagationDisplay.from_recorder(recorder)
    red, green, _ = np.transpose([to_rgb(each[0].get_color()) for each in display.lines_.values()])
    assert (np.diff(red + green) > 0).all()
    [legend] = display.figure_.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == 10
    assert (names[0], names[-1]) == ("iteration 0", "iteration 14")


def test_a_recorder_that_has_recorded_nothing_is_refused(pyplot):
    with pytest.raises(NotFittedError, match="has recorded no fit yet"):
        SignalPropagationDisplay.from_recorder(DiagnosisRecorder())
    assert pyplot.get_fignums() == []
