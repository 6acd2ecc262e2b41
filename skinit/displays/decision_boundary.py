"""Decision boundaries of several models side by side, over the data that they were given."""

import numpy as np
from sklearn.base import is_regressor
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.utils.validation import check_is_fitted

from skinit.displays._figures import narrow_width, new_axes, refuse_axes_as
from skinit.displays._naming import check_named

__all__ = ["DecisionBoundaryPanel"]


class DecisionBoundaryPanel:
    """What each of several models predicts over the plane, on axes of the same scale.

    Two classes are shown by the probability of the second one, more classes by the predicted
    class, a regressor by its predictions. Each picture is a ``DecisionBoundaryDisplay`` of
    scikit-learn.

    Parameters
    ----------
    estimators : dict of str to fitted estimator
        Models with two features, under the titles of their pictures.
    X : array-like of shape (n_samples, 2)
        Samples to draw over the predictions; the columns of a data frame name the axes.
    y : array-like of shape (n_samples,)
        Their targets.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
    figure_ : matplotlib Figure
    displays_ : list of sklearn.inspection.DecisionBoundaryDisplay

    Examples
    --------
    >>> from skinit import DecisionBoundaryPanel, InitMLPClassifier, load_moons
    >>> X, y, _, _ = load_moons()
    >>> model = InitMLPClassifier(max_iter=50, random_state=0).fit(X, y)
    >>> panel = DecisionBoundaryPanel.from_estimators({"50 iterations": model}, X, y)
    >>> [ax.get_title() for ax in panel.axes_]
    ['50 iterations']
    """

    def __init__(self, estimators, X, y):
        self.estimators = estimators
        self.X = X
        self.y = y

    def plot(self, axes=None, **boundary_kw):
        """Draw the panel.

        Parameters
        ----------
        axes : sequence of matplotlib Axes or None, default=None
            One for each estimator; None makes a new figure with one row, or with one column as
            wide as ``rcParams["figure.figsize"]`` where that is narrower than six inches.
        **boundary_kw : dict
            Keywords of ``DecisionBoundaryDisplay.from_estimator``, such as ``grid_resolution``.

        Returns
        -------
        self : DecisionBoundaryPanel
        """
        refuse_axes_as("ax", boundary_kw, INSTEAD_OF_AX)
        X, y = np.asarray(self.X), np.asarray(self.y)
        if X.ndim != 2 or X.shape[1] != 2:
            raise ValueError(
                f"X has the shape {X.shape}, but a decision boundary is drawn over two features; "
                "fit and draw models of two columns of X"
            )
        # A data frame as it is: its column names are what the models were fitted with.
        plane = self.X if hasattr(self.X, "columns") else X
        for estimator in self.estimators.values():
            check_is_fitted(estimator)

        own_figure = axes is None
        if own_figure:
            n = len(self.estimators)
            axes = new_axes(
                1, n, (1.6 + 3.2 * n, 3.8), sharex=True, sharey=True, layout="compressed"
            )
        self.axes_ = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
        if len(self.axes_) != len(self.estimators):
            raise ValueError(
                f"axes has {len(self.axes_)} entries, but there are {len(self.estimators)} "
                "estimators; give one for each"
            )

        if y.ndim != 1:
            raise ValueError(
                f"y has shape {y.shape}, expected (n_samples,): a panel shows one target; draw "
                "one model for each column"
            )
        self.displays_ = []
        for ax, (title, estimator) in zip(self.axes_, self.estimators.items(), strict=True):
            settings = {**boundary_settings(estimator, y), **boundary_kw}
            # Under any style: the colours above it are pale, and those of the samples stand out.
            ax.set_facecolor("white")
            display = DecisionBoundaryDisplay.from_estimator(estimator, plane, ax=ax, **settings)
            draw_samples(ax, X, y, estimator, display.surface_)
            ax.set(title=title, box_aspect=1)
            self.displays_.append(display)
        self.figure_ = self.axes_[0].figure
        if own_figure:
            for ax in self.axes_:
                ax.label_outer()
            self.add_key()
        return self

    def add_key(self):
        """Say what the colours mean: beside the pictures, or below them where there is no room."""
        below = narrow_width() is not None
        estimator = next(iter(self.estimators.values()))
        if is_regressor(estimator) or len(estimator.classes_) == 2:
            what, ticks = "prediction", None
            if not is_regressor(estimator):
                what, ticks = f"probability of class {estimator.classes_[1]}", np.linspace(0, 1, 5)
            bar = self.figure_.colorbar(
                self.displays_[-1].surface_,
                ax=list(self.axes_),
                location="bottom" if below else "right",
                label=what,
                shrink=0.8,
                ticks=ticks,
                format="%.3g",
            )
            bar.ax.set_facecolor("white")  # as what lies below the pictures
        else:
            handles, labels = self.axes_[0].get_legend_handles_labels()
            place = {"loc": "outside right center"}
            if below:
                place = {"loc": "outside lower center", "ncols": 3}
            self.figure_.legend(handles, labels, title="class", **place)

    @classmethod
    def from_estimators(cls, estimators, X, y, *, axes=None, **boundary_kw):
        """Draw the panel of fitted estimators.

        Parameters
        ----------
        estimators : dict of str to fitted estimator
        X : array-like of shape (n_samples, 2)
        y : array-like of shape (n_samples,)
        axes, **boundary_kw
            As in `plot`.

        Returns
        -------
        DecisionBoundaryPanel
        """
        refuse_axes_as("ax", boundary_kw, INSTEAD_OF_AX)
        check_named(estimators)
        return cls(estimators, X, y).plot(axes, **boundary_kw)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, name=None, ax=None, **boundary_kw):
        """Draw the panel of a single fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
        X : array-like of shape (n_samples, 2)
        y : array-like of shape (n_samples,)
        name : str or None, default=None
            The title; None is the class's name.
        ax : matplotlib Axes or None, default=None
        **boundary_kw
            As in `plot`.

        Returns
        -------
        DecisionBoundaryPanel
        """
        refuse_axes_as("axes", boundary_kw, "ax=, or several estimators to from_estimators")
        name = type(estimator).__name__ if name is None else name
        axes = None if ax is None else [ax]
        return cls.from_estimators({name: estimator}, X, y, axes=axes, **boundary_kw)


INSTEAD_OF_AX = "axes=, one for each estimator"


def boundary_settings(estimator, y):
    """Choose what to show of an estimator: values, the probability of a class, or classes."""
    settings = {"eps": 0.5, "grid_resolution": 200, "alpha": 0.6}
    if is_regressor(estimator):
        from matplotlib.ticker import MaxNLocator

        # Levels over the targets, so that a value has the same colour in every picture.
        levels = MaxNLocator(12).tick_values(y.min(), y.max())
        return {
            **settings, "response_method": "predict", "cmap": "viridis", "levels": levels,
            "extend": "both",
        }  # fmt: skip
    if len(estimator.classes_) == 2:
        # Fixed levels, so that a colour means the same in every picture.
        levels = np.linspace(0, 1, 12)
        return {
            **settings, "response_method": "predict_proba", "cmap": "RdBu_r", "levels": levels,
        }  # fmt: skip
    # Cells and fixed limits, so that a class keeps its colour where another one is not predicted.
    return {
        **settings, "response_method": "predict", "plot_method": "pcolormesh",
        "vmin": 0, "vmax": len(estimator.classes_) - 1,
    }  # fmt: skip


def draw_samples(ax, X, y, estimator, surface):
    """Draw the samples in the colours that the predictions have."""
    style = {"s": 16, "edgecolor": "white", "linewidth": 0.5}
    if is_regressor(estimator):
        ax.scatter(X[:, 0], X[:, 1], c=y, cmap=surface.cmap, norm=surface.norm, **style)
        return
    for code, label in enumerate(estimator.classes_):
        of_class = X[y == label]
        ax.scatter(
            of_class[:, 0], of_class[:, 1], color=surface.to_rgba(code), label=label, **style
        )
