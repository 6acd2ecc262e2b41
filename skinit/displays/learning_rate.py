"""A picture of what each learning rate makes of the loss, and of the rate that is suggested."""

import numpy as np

from skinit.comparison import find_learning_rate
from skinit.displays._figures import refuse_axes_as

__all__ = ["LearningRateDisplay"]


class LearningRateDisplay:
    """Loss over learning rates.

    Parameters
    ----------
    search : LearningRateSearch
        As `find_learning_rate` returns it.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        ``settled_losses`` over the rates.

    See Also
    --------
    LearningRateDisplay.from_estimator : Searches and draws.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, LearningRateDisplay, load_moons
    >>> X, y, _, _ = load_moons()
    >>> model = InitMLPClassifier(solver="adam", random_state=0)
    >>> display = LearningRateDisplay.from_estimator(model, X, y, n_rates=7)
    >>> display.ax_.get_xlabel()
    'learning rate'
    """

    def __init__(self, search):
        self.search = search

    def plot(self, ax=None, **line_kw):
        """Draw the losses.

        The axis of the loss ends at twice the loss of the start, or before: what is beyond would
        press the rest into one line. Crosses are rates that end with the same prediction for all
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
        # Some are too large for any axis to reach.
        losses = np.where(losses < 1e3 * top, losses, np.nan)
        [self.line_] = ax.plot(search.rates, losses, **{"marker": "o", "markersize": 4, **line_kw})
        ax.axhline(search.initial_loss, color="gray", linestyle=":", label="start")
        if np.isfinite(search.suggestion):
            label = f"suggestion {search.suggestion:.2g}"
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
        # Only losses of some kinds get below 0.
        ax.set_ylim(bottom=1.1 * np.fmin.reduce(losses, initial=0.0))
        if ax.get_ylim()[1] > top:
            ax.set_ylim(top=top)
            ax.set_ylabel(f"{ylabel[:-1]};\nbeyond {top:.3g} not shown)")
        ax.grid(alpha=0.3)
        ax.legend(loc="best", fontsize="small")
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None, line_kw=None, **search):
        """Search for a learning rate, and draw the outcome.

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


def highest_shown(search):
    """Return the loss at which the axis ends, twice that of the start where this is above 0."""
    return search.initial_loss + abs(search.initial_loss) or 1.0
