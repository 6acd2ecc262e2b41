import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinit import InitMLPClassifier, LearningRateDisplay, find_learning_rate, load_circles
from skinit.comparison import LearningRateSearch
from skinit.displays import save_display

RATES = np.array([0.01, 0.1, 1.0, 10.0])


def made_up(settled, initial_loss=1.0, constant=(False,) * 4):
    losses = np.column_stack([np.full(4, initial_loss), settled, settled])
    return LearningRateSearch(RATES, losses, np.array(constant), initial_loss)


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_data_are_kept_and_drawn_only_by_plot(pyplot):
    search = made_up([0.9, 0.5, 0.7, 0.8])
    display = LearningRateDisplay(search)
    assert display.search is search
    assert pyplot.get_fignums() == []
    assert display.plot() is display
    assert display.figure_ is display.ax_.figure


def test_the_line_is_the_settled_loss_over_the_rate():
    display = LearningRateDisplay(made_up([0.9, 0.5, 0.7, 0.8])).plot()
    assert_array_equal(display.line_.get_xdata(), RATES)
    assert_array_equal(display.line_.get_ydata(), [0.9, 0.5, 0.7, 0.8])
    assert display.ax_.get_xscale() == "log"
    assert legend(display) == ["initial loss", "suggestion: 0.033"]


def test_the_suggestion_is_marked_at_its_rate():
    ax = LearningRateDisplay(made_up([0.9, 0.5, 0.7, 0.8])).plot().ax_
    [line] = [line for line in ax.get_lines() if "suggestion" in line.get_label()]
    assert_array_equal(line.get_xdata(), [0.1 / 3, 0.1 / 3])


def test_without_a_suggestion_none_is_marked():
    assert legend(LearningRateDisplay(made_up([1.0, 1.5, 1.7, 1.8])).plot()) == ["initial loss"]


def test_where_training_diverges_is_shaded():
    display = LearningRateDisplay(made_up([0.9, 0.5, np.inf, np.inf])).plot()
    [span] = display.ax_.patches
    box = display.ax_.transData.inverted().transform_bbox(span.get_window_extent())
    assert_allclose((box.x0, box.x1), (1.0, 10.0))
    assert "diverges" in legend(display)


def test_rates_that_end_with_a_constant_prediction_are_marked_by_crosses():
    found = made_up([0.9, 0.5, 0.7, 0.8], constant=[False, False, True, False])
    display = LearningRateDisplay(found).plot()
    [marks] = [line for line in display.ax_.get_lines() if line.get_marker() == "x"]
    assert (marks.get_xdata().tolist(), marks.get_ydata().tolist()) == ([1.0], [0.7])
    assert "constant prediction" in legend(display)


def test_the_axis_ends_at_twice_the_initial_loss_and_says_so():
    display = LearningRateDisplay(made_up([0.9, 0.5, 7.0, 1e200])).plot()
    assert display.ax_.get_ylim() == (0, 2)
    assert "above 2 not shown" in display.ax_.get_ylabel()
    display.figure_.canvas.draw()


def test_the_axis_label_mentions_no_limit_if_all_losses_are_shown():
    ax = LearningRateDisplay(made_up([0.9, 0.5, 0.7, 1.2])).plot().ax_
    assert ax.get_ylabel() == "loss (highest of\niterations 1 to 2)"
    assert ax.get_ylim()[1] > 1.2


def test_negative_losses_are_shown():
    low, high = LearningRateDisplay(made_up([-0.5, -2.0, 0.0, 7.0], -0.4)).plot().ax_.get_ylim()
    assert low < -2
    assert 0 < high < 7


@pytest.mark.parametrize("settled", [[0.0] * 4, [np.inf] * 4, [1e308] * 4])
@pytest.mark.parametrize("initial_loss", [0.0, 1.0])
def test_extreme_losses_are_drawn_without_a_warning(settled, initial_loss):
    LearningRateDisplay(made_up(settled, initial_loss)).plot().figure_.canvas.draw()


def test_given_axes_and_line_keywords_are_used(pyplot):
    figure, ax = pyplot.subplots()
    display = LearningRateDisplay(made_up([0.9, 0.5, 0.7, 0.8])).plot(ax, color="C3", marker="s")
    assert (display.ax_, display.figure_) == (ax, figure)
    assert (display.line_.get_color(), display.line_.get_marker()) == ("C3", "s")


def test_from_estimator_searches_and_draws(tmp_path):
    X, y, _, _ = load_circles()
    model = InitMLPClassifier(random_state=3)
    settings = {"low": 0.01, "n_rates": 4, "n_iter": 5}
    display = LearningRateDisplay.from_estimator(model, X, y, line_kw={"color": "C2"}, **settings)
    alone = find_learning_rate(model, X, y, **settings)
    assert_array_equal(display.line_.get_ydata(), alone.settled_losses)
    assert display.line_.get_color() == "C2"
    save_display(display, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").exists()
