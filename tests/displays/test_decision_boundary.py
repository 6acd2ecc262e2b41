import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinit import DecisionBoundaryPanel, InitMLPClassifier, InitMLPRegressor, load_moons

NAMES = np.array(["no", "yes", "perhaps"])


@pytest.fixture(scope="module")
def problems():
    """Return X and y by the kind of problem."""
    moons = load_moons()[:2]
    blobs = make_blobs(90, centers=3, random_state=1)
    X = np.random.RandomState(0).normal(size=(80, 2))
    return {
        "binary": moons,
        "multiclass": blobs,
        "binary strings": (moons[0], NAMES[moons[1]]),
        "multiclass strings": (blobs[0], NAMES[blobs[1]]),
        "numbers": (X, X[:, 0] ** 2 - X[:, 1]),
    }


KINDS = ["binary", "multiclass", "binary strings", "multiclass strings", "numbers"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def fit(kind, problems, init="he", max_iter=60):
    estimator = InitMLPRegressor if kind == "numbers" else InitMLPClassifier
    model = estimator(init=init, max_iter=max_iter, learning_rate=0.1, random_state=0)
    return model.fit(*problems[kind])


def panel_of(kind, problems, inits=("he", "glorot"), **settings):
    models = {init: fit(kind, problems, init) for init in inits}
    settings = {"grid_resolution": 30, **settings}
    return DecisionBoundaryPanel.from_estimators(models, *problems[kind], **settings)


def titles(panel):
    return [ax.get_title() for ax in panel.axes_]


def samples(ax):
    """Return positions and colors of the samples, drawn over the surface."""
    drawn = [c for c in ax.collections if len(c.get_offsets()) > 1]
    positions = np.vstack([c.get_offsets() for c in drawn])
    colors = np.vstack(
        [np.broadcast_to(c.get_facecolors(), (len(c.get_offsets()), 4)) for c in drawn]
    )
    return positions, colors


def test_data_are_kept_and_drawn_only_by_plot(pyplot, problems):
    model, (X, y) = fit("binary", problems), problems["binary"]
    panel = DecisionBoundaryPanel({"a": model}, X, y)
    assert panel.estimators == {"a": model}
    assert panel.X is X
    assert panel.y is y
    assert pyplot.get_fignums() == []


def test_plot_returns_the_panel_with_axes_and_figure(problems):
    panel = DecisionBoundaryPanel({"a": fit("binary", problems)}, *problems["binary"])
    assert panel.plot(grid_resolution=30) is panel
    assert panel.axes_[0].figure is panel.figure_


@every_kind
def test_each_estimator_has_a_picture_under_its_title(kind, problems):
    panel = panel_of(kind, problems)
    assert titles(panel) == ["he", "glorot"]
    assert len(panel.displays_) == 2


@every_kind
def test_every_sample_is_drawn(kind, problems):
    positions, _ = samples(panel_of(kind, problems, ["he"]).axes_[0])
    assert_array_equal(np.unique(positions, axis=0), np.unique(problems[kind][0], axis=0))


@every_kind
def test_the_surface_is_what_the_model_predicts(kind, problems):
    panel, model = panel_of(kind, problems, ["he"]), fit(kind, problems)
    display = panel.displays_[0]
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    if kind.startswith("binary"):
        expected = model.predict_proba(grid)[:, 1]
    elif kind.startswith("multiclass"):
        expected = np.searchsorted(model.classes_, model.predict(grid))
    else:
        expected = model.predict(grid)
    assert_allclose(display.response.ravel(), expected)


@pytest.mark.parametrize("kind", ["multiclass", "multiclass strings"])
def test_a_sample_has_the_color_of_the_region_of_its_class(kind, problems):
    panel, (X, y) = panel_of(kind, problems, ["he"]), problems[kind]
    classes = fit(kind, problems).classes_
    surface, (positions, colors) = panel.displays_[0].surface_, samples(panel.axes_[0])
    for code, label in enumerate(classes):
        of_class = (positions[:, np.newaxis] == X[y == label]).all(axis=2).any(axis=1)
        assert {to_hex(c) for c in colors[of_class]} == {to_hex(surface.cmap(surface.norm(code)))}


@pytest.mark.parametrize("kind", ["binary", "binary strings"])
def test_a_sample_has_the_color_of_certainty_about_its_class(kind, problems):
    panel, (X, y) = panel_of(kind, problems, ["he"]), problems[kind]
    surface, (positions, colors) = panel.displays_[0].surface_, samples(panel.axes_[0])
    for code, label in enumerate(np.unique(y)):
        of_class = (positions[:, np.newaxis] == X[y == label]).all(axis=2).any(axis=1)
        assert {to_hex(c) for c in colors[of_class]} == {to_hex(surface.cmap(surface.norm(code)))}


def test_the_colors_of_a_dark_style_are_those_of_a_light_one(problems, pyplot):
    """The background of the surface is white in both."""

    def drawn(style):
        with pyplot.style.context(style):
            panel = panel_of("binary", problems, ["he"])
            panel.figure_.canvas.draw()
            pixels = np.asarray(panel.figure_.canvas.buffer_rgba())
            [bar] = set(panel.figure_.axes) - set(panel.axes_)
            middle = np.mean(bar.get_window_extent().get_points(), axis=0).astype(int)
            corner = panel.axes_[0].get_window_extent().p0.astype(int) + 5
            return [pixels[-row, column] for column, row in (corner, middle)]

    assert_array_equal(drawn("default"), drawn("dark_background"))


def test_a_class_keeps_its_color_where_others_are_not_predicted(problems):
    model, (X, y) = fit("multiclass", problems), problems["multiclass"]
    everywhere, corner = (
        DecisionBoundaryPanel.from_estimator(model, *data, eps=1e-4, grid_resolution=20)
        for data in ((X, y), (X[:1], y[:1]))
    )
    (code,) = np.unique(corner.displays_[0].response)
    colors = [panel.displays_[0].surface_.to_rgba(code) for panel in (everywhere, corner)]
    assert_array_equal(*colors)


@pytest.mark.parametrize("kind", ["binary", "numbers"])
def test_a_value_has_the_same_color_in_all_pictures(kind, problems):
    with pytest.warns(ConvergenceWarning, match="predictions are the same"):
        panel = panel_of(kind, problems, ["he", "zeros", "lecun"])
    values = np.linspace(-1, 2, 20)
    he, zeros, lecun = (display.surface_.to_rgba(values) for display in panel.displays_)
    assert_array_equal(he, zeros)
    assert_array_equal(he, lecun)


@every_kind
@pytest.mark.filterwarnings("ignore:the predictions are the same")
def test_constant_predictions_are_drawn_without_a_warning(kind, problems):
    panel_of(kind, problems, ["zeros"]).figure_.canvas.draw()


def test_the_key_of_two_classes_is_a_color_bar_that_names_the_class(problems):
    panel = panel_of("binary strings", problems)
    (bar,) = set(panel.figure_.axes) - set(panel.axes_)
    assert bar.get_ylabel() == "probability of class yes"


def test_the_key_of_several_classes_is_a_legend(problems):
    (legend,) = panel_of("multiclass strings", problems).figure_.legends
    assert [text.get_text() for text in legend.get_texts()] == sorted(NAMES)


def test_the_key_of_numbers_is_a_color_bar_over_the_targets(problems):
    panel, (_, y) = panel_of("numbers", problems), problems["numbers"]
    (bar,) = set(panel.figure_.axes) - set(panel.axes_)
    low, high = bar.get_ylim()
    assert bar.get_ylabel() == "prediction"
    assert low <= y.min() < y.max() <= high


def test_constant_numbers_are_drawn(problems):
    X = problems["numbers"][0]
    model = InitMLPRegressor(max_iter=5, random_state=0).fit(X, np.zeros(len(X)))
    panel = DecisionBoundaryPanel.from_estimator(model, X, np.zeros(len(X)), grid_resolution=20)
    panel.figure_.canvas.draw()


def test_a_dozen_classes_are_drawn_in_a_dozen_colors():
    X, y = make_blobs(240, centers=12, random_state=0)
    model = InitMLPClassifier(max_iter=5, random_state=0).fit(X, y)
    panel = DecisionBoundaryPanel.from_estimator(model, X, y, grid_resolution=20)
    _, colors = samples(panel.axes_[0])
    assert len(np.unique(colors, axis=0)) == 12


@pytest.mark.parametrize("n_pictures", [1, 2])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "numbers"])
def test_nothing_is_cut_off(kind, n_pictures, problems):
    model = fit(kind, problems)
    models = {f"model {k}\nin two lines": model for k in range(n_pictures)}
    panel = DecisionBoundaryPanel.from_estimators(models, *problems[kind], grid_resolution=20)
    panel.figure_.canvas.draw()
    page, drawn = panel.figure_.bbox, panel.figure_.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 * panel.figure_.dpi <= page.width
    assert drawn.y1 * panel.figure_.dpi <= page.height


def test_given_axes_are_used(problems, pyplot):
    figure, axes = pyplot.subplots(1, 2)
    panel = panel_of("binary", problems, axes=axes)
    assert list(panel.axes_) == list(axes)
    assert panel.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]


def test_a_single_estimator_is_drawn_on_given_axes(problems, pyplot):
    _, ax = pyplot.subplots()
    model = fit("binary", problems)
    panel = DecisionBoundaryPanel.from_estimator(
        model, *problems["binary"], name="He", ax=ax, grid_resolution=20
    )
    assert panel.axes_[0] is ax
    assert titles(panel) == ["He"]


def test_a_single_estimator_is_titled_by_its_class_by_default(problems):
    model = fit("binary", problems)
    panel = DecisionBoundaryPanel.from_estimator(model, *problems["binary"], grid_resolution=20)
    assert titles(panel) == ["InitMLPClassifier"]


@pytest.mark.parametrize("n_axes", [1, 3])
def test_the_number_of_axes_must_be_that_of_the_estimators(n_axes, problems, pyplot):
    _, axes = pyplot.subplots(1, n_axes)
    complaint = f"axes has {n_axes} entries, but there are 2 estimators"
    with pytest.raises(ValueError, match=complaint):
        panel_of("binary", problems, axes=axes)


def test_keywords_reach_scikit_learns_display(problems):
    display = panel_of("binary", problems, ["he"], grid_resolution=13, eps=0.0).displays_[0]
    assert display.xx0.shape == (13, 13)
    assert display.xx0.min() == problems["binary"][0][:, 0].min()


def test_column_names_of_a_data_frame_name_the_axes(problems):
    X, y = problems["binary"]
    frame = pd.DataFrame(X, columns=["width", "height"])
    model = InitMLPClassifier(max_iter=5, random_state=0).fit(frame, y)
    (ax,) = DecisionBoundaryPanel.from_estimator(model, frame, y, grid_resolution=20).axes_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("width", "height")


def test_lists_are_drawn_like_arrays(problems):
    X, y = problems["binary"]
    model = fit("binary", problems)
    panel = DecisionBoundaryPanel.from_estimator(model, X.tolist(), y.tolist(), grid_resolution=20)
    assert len(samples(panel.axes_[0])[0]) == len(X)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_scikit_learns_own_network_is_drawn(problems):
    model = MLPClassifier(max_iter=5, random_state=0).fit(*problems["binary"])
    DecisionBoundaryPanel.from_estimator(model, *problems["binary"], grid_resolution=20)


def test_a_pipeline_is_drawn(problems):
    X, y = problems["multiclass"]
    model = make_pipeline(StandardScaler(), InitMLPClassifier(max_iter=5, random_state=0)).fit(X, y)
    DecisionBoundaryPanel.from_estimator(model, X, y, grid_resolution=20)


@pytest.mark.parametrize("estimator", [InitMLPClassifier(), InitMLPRegressor(), MLPClassifier()])
def test_an_estimator_that_is_not_fitted_is_refused(estimator, problems, pyplot):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        DecisionBoundaryPanel.from_estimator(estimator, *problems["binary"])
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("shape", [(20, 3), (20, 1), (20,)])
def test_other_than_two_features_are_refused_with_their_shape(shape, problems, pyplot):
    complaint = f"X has the shape {shape}, but a decision boundary is drawn over two features"
    with pytest.raises(ValueError, match=re.escape(complaint)):
        DecisionBoundaryPanel.from_estimator(fit("binary", problems), np.ones(shape), np.ones(20))
    assert pyplot.get_fignums() == []
