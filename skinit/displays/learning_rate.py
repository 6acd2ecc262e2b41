"""The loss that each learning rate leads to, and the suggested rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from skinit._support import MatrixLike
from skinit.comparison import LearningRateSearch, find_learning_rate
from skinit.displays._figures import refuse_axes_as

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["LearningRateDisplay"]


class LearningRateDisplay:
    """Loss after some iterations, over the learning rate.

    Parameters
    ----------
    search : LearningRateSearch
        The return value of `find_learning_rate`.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        The line of ``settled_losses``.

    See Also
    --------
    LearningRateDisplay.from_estimator : Search and draw the result.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, LearningRateDisplay, load_moons
    >>> X, y, _, _ = load_moons()
    >>> model = InitMLPClassifier(solver="adam", random_state=0)
    >>> display = LearningRateDisplay.from_estimator(model, X, y, n_rates=7)
    >>> display.ax_.get_xlabel()
    'learning rate'
    """

    ax_: Axes
    figure_: Figure
    line_: Line2D

    def __init__(self, search: LearningRateSearch) -> None:
        self.search = search

    def plot(self, ax: Axes | None = None, **line_kw: Any) -> LearningRateDisplay:
        """Draw the losses.

        The y-axis ends at twice the initial loss at most: with larger losses on it, the others
        would look like one line. Crosses mark rates that end with the same prediction for all
        samples.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``, for the line of the losses.

        Returns
        -------
        self : LearningRateDisplay
        """
        import matplotlib.pyplot as plt

        refuse_axes_as("axes", line_kw, "ax=")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        search = self.search
        losses, top = search.settled_losses, highest_shown(search)
        # Leave out losses far beyond the axis, which matplotlib may fail to draw.
        losses = np.where(losses < 1e3 * top, losses, np.nan)
        [self.line_] = ax.plot(search.rates, losses, **{"marker": "o", "markersize": 4, **line_kw})
        ax.axhline(search.initial_loss, color="gray", linestyle=":", label="initial loss")
        if np.isfinite(search.suggestion):
            label = f"suggestion: {search.suggestion:.2g}"
            ax.axvline(search.suggestion, color="C1", linestyle="--", label=label)
        if search.constant.any():
            marks = {"marker": "x", "linestyle": "", "color": "C3", "label": "constant prediction"}
            ax.plot(search.rates[search.constant], losses[search.constant], zorder=3, **marks)
        if search.diverged.any():
            first = search.rates[search.diverged].min()
            ax.axvspan(first, search.rates[-1], color="gray", alpha=0.2, lw=0, label="diverges")
        ylabel = f"loss (highest of\niterations {search.settled_from} to {search.n_iter})"
        ax.set(xscale="log", xlabel="learning rate", ylabel=ylabel)
        ax.set_xlim(0.6 * search.rates[0], search.rates[-1] / 0.6)
        # The axis begins at 0, unless the loss is of a kind that can be negative.
        ax.set_ylim(bottom=1.1 * np.fmin.reduce(losses, initial=0.0))
        if ax.get_ylim()[1] > top:
            ax.set_ylim(top=top)
            ax.set_ylabel(f"{ylabel[:-1]};\nabove {top:.3g} not shown)")
        ax.grid(alpha=0.3)
        ax.legend(loc="best", fontsize="small")
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        *,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
        **search: Any,
    ) -> LearningRateDisplay:
        """Search for a learning rate, and draw the result.

        Parameters
        ----------
        estimator, X, y
            As in `find_learning_rate`.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        line_kw : dict or None, default=None
            Keywords of ``matplotlib.axes.Axes.plot``, for the line of the losses.
        **search : dict
            Other arguments of `find_learning_rate`, such as ``n_iter=100``.

        Returns
        -------
        LearningRateDisplay
        """
        refuse_axes_as("axes", search, "ax=")
        found = find_learning_rate(estimator, X, y, **search)
        return cls(found).plot(ax=ax, **(line_kw or {}))


def highest_shown(search: LearningRateSearch) -> float:
    """Return the loss at which the axis ends: twice the initial loss, if that is positive."""
    return search.initial_loss + abs(search.initial_loss) or 1.0
