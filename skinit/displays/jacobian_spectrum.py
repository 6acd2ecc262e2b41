"""A picture of how a network stretches and squeezes its inputs: the spectrum of its Jacobian."""

import numpy as np

from skinit.displays._figures import add_legend_below, refuse_axes_as
from skinit.displays._naming import diagnose_each, diagnose_one
from skinit.displays._spans import drawable, has_drawn, set_log_scale, tell_what_is_missing

__all__ = ["JacobianSpectrumDisplay"]


class JacobianSpectrumDisplay:
    """Singular values of the derivatives of the scores by the inputs, the largest first.

    A line is the mean over some samples, a band goes from the smallest to the largest of them.

    Parameters
    ----------
    diagnoses : dict of str to Diagnosis
        As `diagnose` returns them, under their names for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : dict of str to matplotlib Line2D

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skinit import InitMLPClassifier, JacobianSpectrumDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = InitMLPClassifier((64,) * 5, random_state=0)
    >>> display = JacobianSpectrumDisplay.from_estimator(model, X / 16, y)
    >>> print(display.ax_.get_ylabel())
    singular value
    of the Jacobian
    """

    def __init__(self, diagnoses):
        self.diagnoses = diagnoses

    def plot(self, ax=None, **line_kw):
        """Draw the spectra.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``, for the lines.

        Returns
        -------
        self : JacobianSpectrumDisplay
        """
        import matplotlib.pyplot as plt

        refuse_axes_as("axes", line_kw, "ax=")
        own_figure = ax is None
        if own_figure:
            _, ax = plt.subplots(layout="constrained")
        self.lines_, missing = {}, []
        for number, (name, diagnosis) in enumerate(self.diagnoses.items()):
            values = diagnosis.singular_values
            style = {"color": f"C{number}", "marker": ".", "label": name, **line_kw}
            # Side by side, so that single values of several networks do not hide each other.
            ranks = np.arange(1, values.shape[1] + 1) + 0.1 * number * (values.shape[1] == 1)
            self.lines_[name] = draw(ax, ranks, values, style)
            missing += [f"{name}: {why}" for why in why_missing(values)]
        if has_drawn(ax):
            ax.axhline(1, color="gray", linewidth=1, linestyle=":")
        xlabel = "from the largest to the smallest;\nmean and range over samples"
        ax.set(xlabel=xlabel, ylabel="singular value\nof the Jacobian")
        numbers = np.concatenate([line.get_xdata() for line in self.lines_.values()])
        ax.set_xlim(0.5, numbers.max() + 0.5)
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        set_log_scale(ax)
        ax.grid(alpha=0.3)
        tell_what_is_missing(ax, missing)
        self.ax_ = ax
        self.figure_ = ax.figure
        if own_figure:
            add_legend_below(self.figure_, list(self.lines_.values()), list(self.lines_))
        else:
            ax.legend(loc="best", fontsize="small")
        return self

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, name=None, ax=None, line_kw=None, **settings):
        """Diagnose an estimator and draw its spectrum.

        Parameters
        ----------
        estimator, X, y
            As in `diagnose`.
        name : str or None, default=None
            For the legend; None is what the network starts with.
        ax : matplotlib Axes or None, default=None
        line_kw : dict or None, default=None
            As in `plot`.
        **settings : dict
            Other arguments of `diagnose`.

        Returns
        -------
        JacobianSpectrumDisplay
        """
        refuse_axes_as("axes", settings, "ax=")
        return cls(diagnose_one(estimator, X, y, name, settings)).plot(ax, **(line_kw or {}))

    @classmethod
    def from_estimators(cls, estimators, X, y=None, *, ax=None, line_kw=None, **settings):
        """Diagnose several estimators and draw them on the same axes.

        Parameters
        ----------
        estimators : dict of str to estimator
            Under the names for the legend.
        X, y, ax, line_kw, **settings
            As in `from_estimator`.

        Returns
        -------
        JacobianSpectrumDisplay
        """
        refuse_axes_as("axes", settings, "ax=")
        return cls(diagnose_each(estimators, X, y, settings)).plot(ax, **(line_kw or {}))


def draw(ax, ranks, values, style):
    """Draw the mean over the samples and the band between the smallest and the largest."""
    values = without_rounding(drawable(values))
    present = np.isfinite(values)
    # Of what a value is at most samples; fmin and fmax leave out those that are 0.
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    total, count = np.where(present, values, 0).sum(axis=0), present.sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(ranks), np.nan), where=count > 0)
    [line] = ax.plot(ranks, mean, **style)
    ax.fill_between(ranks, low, high, color=style["color"], alpha=0.15, linewidth=0)
    if len(ranks) == 1:  # where a band has no width
        ax.vlines(ranks, low, high, color=style["color"], alpha=0.3)
    return line


def without_rounding(values):
    """Put nan in place of what is 0 but for rounding."""
    floor = 1e-12 * np.fmax.reduce(values, axis=None, initial=0)
    return np.where(values > floor, values, np.nan)


def why_missing(values):
    """Say why singular values are not drawn."""
    if not np.isfinite(values).all():
        return ["not finite"]
    n_zero = (np.isnan(without_rounding(drawable(values)))).all(axis=0).sum()
    if n_zero == values.shape[1]:
        return ["all are 0, the scores ignore the inputs"]
    return [f"{n_zero} of {values.shape[1]} are 0"] if n_zero else []
