"""Decision boundaries of several models side by side, with the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.utils.validation import check_is_fitted

from skinit._support import Array, MatrixLike
from skinit.displays._figures import narrow_width, new_axes, refuse_axes_as
from skinit.displays._naming import check_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DecisionBoundaryPanel"]


class DecisionBoundaryPanel:
    """What each of several models predicts over the plane of two features.

    A classifier of two classes is shown by the probability of the second one, a classifier of more
    classes by the predicted class, and a regressor by its predictions. Colors mean the same in all
    pictures. Each picture is a ``DecisionBoundaryDisplay`` of scikit-learn.

    Parameters
    ----------
    estimators : dict of str to fitted estimator
        Models of two features. The names become the titles of the pictures.
    X : array-like of shape (n_samples, 2)
        Samples to draw over the predictions. The columns of a data frame label the axes.
    y : array-like of shape (n_samples,)
        Targets of the samples.

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

    axes_: Array
    figure_: Figure
    displays_: list[DecisionBoundaryDisplay]

    def __init__(self, estimators: Mapping[str, Any], X: MatrixLike, y: ArrayLike) -> None:
        self.estimators = estimators
        self.X = X
        self.y = y

    def plot(
        self, axes: Sequence[Axes] | Array | None = None, **boundary_kw: Any
    ) -> DecisionBoundaryPanel:
        """Draw the panel.

        Parameters
        ----------
        axes : sequence of matplotlib Axes or None, default=None
            One for each estimator. None makes a new figure with one row, or, if
            ``rcParams["figure.figsize"]`` is narrower than six inches, with one column of that
            width.
        **boundary_kw : dict
            Keywords of ``DecisionBoundaryDisplay.from_estimator``, such as ``grid_resolution``.

        Returns
        -------
        self : DecisionBoundaryPanel
        """
        refuse_axes_as("ax", boundary_kw, INSTEAD_OF_AX)
        X, y = np.asarray(self.X), np.asarray(self.y)
        check_shapes(X, y)
        # Keep a data frame: the models were fitted with its column names and check them.
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

        self.displays_ = []
        for ax, (title, estimator) in zip(self.axes_, self.estimators.items(), strict=True):
            settings = {**boundary_settings(estimator, y), **boundary_kw}
            # White in any style, so that the predictions are pale and the samples stand out.
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

    def add_key(self) -> None:
        """Add a color bar or a legend: beside the pictures, or below them on a narrow page."""
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
            bar.ax.set_facecolor("white")  # like the background of the pictures
        else:
            handles, labels = self.axes_[0].get_legend_handles_labels()
            place = {"loc": "outside right center"}
            if below:
                place = {"loc": "outside lower center", "ncols": 3}
            self.figure_.legend(handles, labels, title="class", **place)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: MatrixLike,
        y: ArrayLike,
        *,
        axes: Sequence[Axes] | Array | None = None,
        **boundary_kw: Any,
    ) -> DecisionBoundaryPanel:
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
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        *,
        name: str | None = None,
        ax: Axes | None = None,
        **boundary_kw: Any,
    ) -> DecisionBoundaryPanel:
        """Draw the panel of a single fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
        X : array-like of shape (n_samples, 2)
        y : array-like of shape (n_samples,)
        name : str or None, default=None
            The title; None is the name of the class.
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


def check_shapes(X: Array, y: Array) -> None:
    """Raise an error for more or fewer than two features, or for more than one target."""
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(
            f"X has the shape {X.shape}, but a decision boundary is drawn over two features; "
            "fit and draw models of two columns of X"
        )
    if y.ndim != 1:
        raise ValueError(
            f"y has shape {y.shape}, expected (n_samples,): a panel shows one target; draw "
            "one model for each column"
        )


def boundary_settings(estimator: Any, y: Array) -> dict[str, Any]:
    """Choose what to show of an estimator, and how: values, a probability, or classes."""
    settings = {"eps": 0.5, "grid_resolution": 200, "alpha": 0.6}
    if is_regressor(estimator):
        from matplotlib.ticker import MaxNLocator

        # Levels span the targets, so that a value has the same color in every picture.
        levels = MaxNLocator(12).tick_values(y.min(), y.max())
        return {
            **settings, "response_method": "predict", "cmap": "viridis", "levels": levels,
            "extend": "both",
        }  # fmt: skip
    if len(estimator.classes_) == 2:
        # Fixed levels, so that a probability has the same color in every picture.
        levels = np.linspace(0, 1, 12)
        return {
            **settings, "response_method": "predict_proba", "cmap": "RdBu_r", "levels": levels,
        }  # fmt: skip
    # pcolormesh and fixed limits, so that a class has the same color in every picture, also if a
    # model does not predict all of the classes.
    return {
        **settings, "response_method": "predict", "plot_method": "pcolormesh",
        "vmin": 0, "vmax": len(estimator.classes_) - 1,
    }  # fmt: skip


def draw_samples(ax: Axes, X: Array, y: Array, estimator: Any, surface: Any) -> None:
    """Draw the samples in the colors of the predictions."""
    style = {"s": 16, "edgecolor": "white", "linewidth": 0.5}
    if is_regressor(estimator):
        ax.scatter(X[:, 0], X[:, 1], c=y, cmap=surface.cmap, norm=surface.norm, **style)
        return
    for code, label in enumerate(estimator.classes_):
        of_class = X[y == label]
        ax.scatter(
            of_class[:, 0], of_class[:, 1], color=surface.to_rgba(code), label=label, **style
        )
