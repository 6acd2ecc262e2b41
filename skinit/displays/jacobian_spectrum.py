"""A picture of how a network stretches and squeezes its inputs: the spectrum of its Jacobian."""

import numpy as np

from skinit.diagnostics import diagnose

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
    >>> display.ax_.get_ylabel()
    'singular value'
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

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.lines_ = {}
        for number, (name, diagnosis) in enumerate(self.diagnoses.items()):
            values = on_log_axis(diagnosis.singular_values)
            ranks = np.arange(1, values.shape[1] + 1)
            style = {"color": f"C{number}", "marker": ".", "label": name, **line_kw}
            # Of what a value is at most samples; fmin and fmax leave out those that are 0.
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
            present = np.isfinite(values)
            total = np.where(present, values, 0).sum(axis=0)
            mean = np.divide(
                total, present.sum(axis=0), out=np.full(len(ranks), np.nan), where=present.any(0)
            )
            [self.lines_[name]] = ax.plot(ranks, mean, **style)
            ax.fill_between(ranks, low, high, color=style["color"], alpha=0.15, linewidth=0)
        ax.axhline(1, color="gray", linewidth=1, linestyle=":")
        ax.set(xlabel="from the largest to the smallest", ylabel="singular value", yscale="log")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend(loc="best")
        self.ax_ = ax
        self.figure_ = ax.figure
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
        found = diagnose(estimator, X, y, **{"candidates": (), **settings})
        return cls({name or found.init: found}).plot(ax, **(line_kw or {}))


def on_log_axis(values):
    """Leave out what a logarithmic axis cannot show, and what is 0 but for rounding."""
    with np.errstate(invalid="ignore"):
        largest = np.fmax.reduce(values, axis=None, initial=0)
        floor = max(1e-100, 1e-12 * largest)
        return np.where((values > floor) & (values < 1e100), values, np.nan)
