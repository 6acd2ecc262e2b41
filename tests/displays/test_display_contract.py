"""Claims about all displays, which also hold for those of scikit-learn."""

import inspect
from functools import partial

import numpy as np
import pytest

import skinit.displays
from skinit import InitMLPClassifier, load_circles

X, Y, _, _ = load_circles()
DISPLAYS = {
    name: display
    for name, display in vars(skinit.displays).items()
    if inspect.isclass(display) and name in skinit.displays.__all__
}
for_every_display = pytest.mark.parametrize("display", DISPLAYS.values(), ids=DISPLAYS)
# Displays that can draw several estimators.
SEVERAL = {
    name: display for name, display in DISPLAYS.items() if hasattr(display, "from_estimators")
}


@pytest.fixture(scope="module")
def fitted():
    return InitMLPClassifier((4,), max_iter=3, random_state=0).fit(X, Y)


def draw(method, estimators, **given):
    """Call ``from_estimator`` or ``from_estimators`` with data, if it takes any."""
    known = inspect.signature(method).parameters
    data = {name: value for name, value in {"X": X, "y": Y}.items() if name in known}
    quick = {"n_rates": 2, "n_iter": 2} if "search" in known else {}
    return method(estimators, **data, **quick, **given)


@for_every_display
def test_from_estimator_draws_and_keeps_the_axes_and_their_figure(display, fitted):
    drawn = draw(display.from_estimator, fitted)
    assert isinstance(drawn, display)
    axes = np.ravel(drawn.axes_ if hasattr(drawn, "axes_") else drawn.ax_)
    assert {ax.figure for ax in axes} == {drawn.figure_}
    assert all(ax.has_data() for ax in axes)


@for_every_display
def test_given_axes_are_drawn_on(display, fitted, pyplot):
    count = {"SignalPropagationDisplay": 4}.get(display.__name__, 1)
    figure, axes = pyplot.subplots(1, count, squeeze=False)
    takes_one = "ax" in inspect.signature(display.from_estimator).parameters
    given = {"ax": axes[0, 0]} if takes_one else {"axes": axes[0]}
    drawn = draw(display.from_estimator, fitted, **given)
    assert drawn.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]
    assert all(ax.has_data() for ax in axes[0])


def assert_refuses_the_wrong_name(method, call):
    """Assert that a method refuses axes by the wrong name and names the right one."""
    own = "ax" if "ax" in inspect.signature(method).parameters else "axes"
    other = {"ax": "axes", "axes": "ax"}[own]
    with pytest.raises(TypeError, match=f"this display does not take {other}=; give {own}="):
        call(**{other: None})


@for_every_display
def test_axes_by_the_wrong_name_are_refused_with_the_right_one(display, fitted):
    method, plot = display.from_estimator, draw(display.from_estimator, fitted).plot
    assert_refuses_the_wrong_name(method, partial(draw, method, fitted))
    assert_refuses_the_wrong_name(plot, plot)


@pytest.mark.parametrize("display", SEVERAL.values(), ids=SEVERAL)
def test_axes_of_several_by_the_wrong_name_are_refused_with_the_right_one(display, fitted):
    method = display.from_estimators
    assert_refuses_the_wrong_name(method, partial(draw, method, {"one": fitted}))


@pytest.mark.parametrize("display", SEVERAL.values(), ids=SEVERAL)
def test_several_estimators_are_drawn_under_their_names(display, fitted):
    drawn = draw(display.from_estimators, {"one": fitted, "other": fitted})
    if hasattr(drawn, "lines_"):
        assert list(drawn.lines_) == ["one", "other"]
    else:
        assert [ax.get_title() for ax in drawn.axes_] == ["one", "other"]


@pytest.mark.parametrize("display", SEVERAL.values(), ids=SEVERAL)
def test_several_estimators_without_names_are_refused(display, fitted, pyplot):
    with pytest.raises(TypeError, match="estimators is a list, expected a dict of names"):
        draw(display.from_estimators, [fitted, fitted])
    assert pyplot.get_fignums() == []


@for_every_display
def test_plot_can_be_called_again(display, fitted):
    drawn = draw(display.from_estimator, fitted)
    first = drawn.figure_
    assert drawn.plot() is drawn
    assert drawn.figure_ is not first


def test_all_but_two_displays_take_several_estimators():
    """The axes of these two show one network only."""
    assert set(DISPLAYS) - set(SEVERAL) == {"ActivationHistogramDisplay", "LearningRateDisplay"}
