import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinit import (
    InitMLPClassifier,
    InitMLPRegressor,
    LossCurveDisplay,
    from_sklearn,
    load_circles,
)


@pytest.fixture(scope="module")
def models():
    X, y, _, _ = load_circles()
    return {
        init: InitMLPClassifier(init=init, max_iter=12, random_state=3).fit(X, y)
        for init in ("he", "glorot", "random")
    }


def losses_of(line):
    assert_array_equal(line.get_xdata(), np.arange(len(line.get_ydata())))
    return line.get_ydata()


def shown(ax):
    low, high = ax.get_ylim()
    return lambda losses: bool(np.all((low <= np.asarray(losses)) & (np.asarray(losses) <= high)))


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_data_are_kept_and_drawn_only_by_plot(pyplot):
    display = LossCurveDisplay({"a run": [1.0, 0.5]})
    assert display.curves == {"a run": [1.0, 0.5]}
    assert not hasattr(display, "ax_")
    assert pyplot.get_fignums() == []


def test_plot_returns_the_display_with_axes_and_figure(models):
    display = LossCurveDisplay({"he": models["he"].loss_curve_})
    assert display.plot() is display
    assert display.figure_ is display.ax_.figure


def test_a_line_is_the_loss_curve_of_the_estimator(models):
    display = LossCurveDisplay.from_estimator(models["he"], name="he")
    assert_array_equal(losses_of(display.lines_["he"][0]), models["he"].loss_curve_)


def test_lines_of_several_estimators_are_theirs(models):
    display = LossCurveDisplay.from_estimators(models)
    for name, model in models.items():
        assert_array_equal(losses_of(display.lines_[name][0]), model.loss_curve_)


@pytest.mark.parametrize("curve", [[3.0, 2.0, 1.0], (3, 2, 1), np.array([3.0, 2.0, 1.0])])
def test_a_sequence_of_numbers_is_one_run(curve):
    (line,) = LossCurveDisplay({"a run": curve}).plot().lines_["a run"]
    assert_array_equal(losses_of(line), [3, 2, 1])


@pytest.mark.parametrize("runs", [[[3.0, 2.0], [4.0]], np.array([[3.0, 2.0], [4.0, 1.0]])])
def test_a_sequence_of_sequences_is_several_runs(runs):
    lines = LossCurveDisplay({"an init": runs}).plot().lines_["an init"]
    for line, run in zip(lines, runs, strict=True):
        assert_array_equal(losses_of(line), run)


def test_runs_of_one_name_share_color_and_legend_entry(models):
    seeds = {"he": [models["he"], models["glorot"]], "random": [models["random"]]}
    display = LossCurveDisplay.from_estimators(seeds)
    colors = [line.get_color() for line in [*display.lines_["he"], *display.lines_["random"]]]
    assert colors[0] == colors[1] != colors[2]
    assert legend(display.ax_) == ["he", "random"]


def test_a_run_is_named_by_its_class_by_default(models):
    assert legend(LossCurveDisplay.from_estimator(models["he"]).ax_) == ["InitMLPClassifier"]
    assert legend(LossCurveDisplay.from_estimator(models["he"], name="me").ax_) == ["me"]


def test_given_axes_are_used(models, pyplot):
    figure, ax = pyplot.subplots()
    display = LossCurveDisplay.from_estimator(models["he"], ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]


def test_several_runs_are_drawn_on_one_axes_in_colors_of_their_own(models):
    first = LossCurveDisplay.from_estimator(models["he"], name="he")
    second = LossCurveDisplay.from_estimator(models["glorot"], name="glorot", ax=first.ax_)
    assert legend(first.ax_) == ["he", "glorot"]
    assert first.lines_["he"][0].get_color() != second.lines_["glorot"][0].get_color()


@pytest.mark.parametrize("log", [None, False, True])
@pytest.mark.parametrize("added", [[50.0, 20.0], [0.01, 0.001]])
def test_a_run_added_later_is_not_cut_off(log, added):
    first = LossCurveDisplay({"first": [1.0, 0.9]}).plot(log=log)
    LossCurveDisplay({"added": added}).plot(first.ax_, log=log)
    assert shown(first.ax_)([1.0, 0.9])
    assert shown(first.ax_)(added)


def test_the_loss_axis_begins_at_zero_unless_logarithmic(models):
    assert LossCurveDisplay.from_estimators(models, log=False).ax_.get_ylim()[0] == 0


@pytest.mark.parametrize(("log", "scale"), [(True, "log"), (False, "linear")])
def test_log_says_whether_the_loss_axis_is_logarithmic(log, scale, models):
    assert LossCurveDisplay.from_estimators(models, log=log).ax_.get_yscale() == scale


@pytest.mark.parametrize(
    ("curves", "scale"),
    [
        ({"far": [1773.0, 2.0], "near": [0.7, 0.1]}, "log"),
        ({"one": [3.1, 0.1]}, "log"),
        ({"one": [2.9, 0.1], "other": [0.7, 0.01, 0.2]}, "linear"),
        ({"perfect": [1.0, 0.0], "near": [0.7, 0.1]}, "linear"),
        ({"nothing": [], "zero": [0.0]}, "linear"),
    ],
)
def test_losses_far_above_the_lowest_final_loss_get_a_logarithmic_axis(curves, scale):
    display = LossCurveDisplay({name: [curve] for name, curve in curves.items()}).plot()
    assert display.ax_.get_yscale() == scale


def test_a_run_added_far_above_makes_the_axis_logarithmic():
    first = LossCurveDisplay({"first": [1.0, 0.9]}).plot()
    assert LossCurveDisplay({"far": [90.0, 40.0]}).plot(first.ax_).ax_.get_yscale() == "log"
    assert shown(first.ax_)([90.0, 0.9])


def test_a_logarithmic_axis_shows_all_of_runs_that_are_not_far_apart():
    ax = LossCurveDisplay({"low": [1.0, 0.1], "high": [90.0, 80.0]}).plot(log=True).ax_
    assert shown(ax)([0.1, 90.0])
    assert ax.get_ylabel() == "loss"


def test_a_logarithmic_axis_ends_where_a_far_run_would_hide_the_others_and_says_so():
    curves = {"low": [1.0, 0.1], "far": [1e8, 1e60, 5.0]}
    display = LossCurveDisplay(curves).plot(log=True)
    assert display.ax_.get_ylim()[1] == 100
    assert display.ax_.get_ylim()[0] > 0.01
    assert display.ax_.get_ylabel() == "loss (above 100 not shown)"
    assert_array_equal(losses_of(display.lines_["far"][0]), curves["far"])


@pytest.mark.parametrize("curve", [[], [0.0, 0.0], [5.0], [1.0, 0.0]])
@pytest.mark.parametrize("log", [None, False, True])
def test_degenerate_curves_are_drawn_without_a_warning(curve, log):
    LossCurveDisplay({"odd": [curve]}).plot(log=log).figure_.canvas.draw()


def test_a_run_of_zero_loss_does_not_hide_the_others():
    assert shown(LossCurveDisplay({"none": [0.0], "some": [1.0, 0.5]}).plot(log=True).ax_)([1, 0.5])


@pytest.mark.parametrize("curve", [[1e300, 1.7e308], [0.5, 1e150, 3e305], [1e90, 1e305, 1e99]])
def test_a_run_that_diverged_is_drawn_on_a_logarithmic_axis_without_a_warning(curve):
    LossCurveDisplay({"far": curve}).plot(log=True).figure_.canvas.draw()


def test_a_run_added_to_a_logarithmic_axis_keeps_it_logarithmic():
    first = LossCurveDisplay({"first": [1.0, 0.9]}).plot(log=True)
    assert LossCurveDisplay({"second": [0.5]}).plot(first.ax_).ax_.get_yscale() == "log"


def test_line_keywords_reach_all_lines(models):
    display = LossCurveDisplay.from_estimators(models, linestyle=":", alpha=0.25)
    for (line,) in display.lines_.values():
        assert (line.get_linestyle(), line.get_alpha()) == (":", 0.25)


def test_axes_are_labelled(models):
    ax = LossCurveDisplay.from_estimator(models["he"]).ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("iteration", "loss")


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_scikit_learns_own_network_is_drawn():
    X, y, _, _ = load_circles()
    model = MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(losses_of(display.lines_["MLPClassifier"][0]), model.loss_curve_)


@pytest.mark.parametrize("estimator", [InitMLPClassifier(), MLPClassifier()])
def test_an_estimator_that_is_not_fitted_is_refused(estimator, pyplot):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        LossCurveDisplay.from_estimator(estimator)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "around",
    [
        lambda network: make_pipeline(StandardScaler(), network),
        lambda network: TransformedTargetRegressor(network, transformer=StandardScaler()),
    ],
)
def test_a_network_is_found_inside_another_estimator(around):
    X, y, _, _ = load_circles()
    model = around(InitMLPRegressor(max_iter=5, random_state=0)).fit(X, y)
    network = model[-1] if hasattr(model, "steps") else model.regressor_
    display = LossCurveDisplay.from_estimator(model, name="a model")
    assert_array_equal(losses_of(display.lines_["a model"][0]), network.loss_curve_)


def test_an_estimator_without_losses_is_refused_with_the_way_out():
    model = make_pipeline(StandardScaler(), LinearRegression()).fit([[0.0], [1.0]], [0.0, 1.0])
    complaint = "'a model' is a LinearRegression without loss_curve_; give a network trained iter"
    with pytest.raises(ValueError, match=re.escape(complaint)):
        LossCurveDisplay.from_estimator(model, name="a model")


def test_a_model_whose_loss_curve_is_empty_is_refused_with_the_way_out():
    X, y, _, _ = load_circles()
    model = from_sklearn(MLPRegressor(solver="lbfgs", tol=0.1, random_state=0).fit(X, y))
    with pytest.raises(ValueError, match=r"'a model' is fitted .* loss_curve_ is empty"):
        LossCurveDisplay.from_estimator(model, name="a model")


@pytest.mark.parametrize(
    ("lowest", "ticks"), [(0.2, {"0.2", "0.5", "1", "2"}), (2e-3, {"0.01", "0.1", "1"})]
)
def test_ticks_of_a_short_logarithmic_axis_are_plain_numbers(lowest, ticks):
    display = LossCurveDisplay({"a run": [2.0, 1.0, lowest]}).plot(log=True)
    display.figure_.canvas.draw()
    assert {label.get_text() for label in display.ax_.get_yticklabels()} >= ticks
