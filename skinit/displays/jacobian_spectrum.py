"""Singular values of the Jacobian: by how much a network stretches and shrinks its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skinit._support import Array, MatrixLike
from skinit.diagnosis import Diagnosis
from skinit.displays._figures import add_legend_below, refuse_axes_as
from skinit.displays._naming import diagnose_each, diagnose_one
from skinit.displays._spans import drawable, has_drawn, note_missing_values, set_log_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["JacobianSpectrumDisplay"]


class JacobianSpectrumDisplay:
    """Singular values of the Jacobian of the raw predictions w.r.t. the inputs, largest first.

    A line is the mean over a number of samples, a band spans the smallest and the largest of them.

    Parameters
    ----------
    diagnoses : dict of str to Diagnosis
        Return values of `diagnose`, under names for the legend.

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

    ax_: Axes
    figure_: Figure
    lines_: dict[str, Line2D]

    def __init__(self, diagnoses: Mapping[str, Diagnosis]) -> None:
        self.diagnoses = diagnoses

    def plot(self, ax: Axes | None = None, **line_kw: Any) -> JacobianSpectrumDisplay:
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
            # With a single value per network, shift them so that they do not hide each other.
            ranks = np.arange(1, values.shape[1] + 1) + 0.1 * number * (values.shape[1] == 1)
            self.lines_[name] = draw(ax, ranks, values, style)
            missing += [f"{name}: {why}" for why in why_missing(values)]
        if has_drawn(ax):
            ax.axhline(1, color="gray", linewidth=1, linestyle=":")
        xlabel = "rank, largest first\n(mean and range over samples)"
        ax.set(xlabel=xlabel, ylabel="singular value\nof the Jacobian")
        numbers = np.concatenate([line.get_xdata() for line in self.lines_.values()])
        ax.set_xlim(0.5, numbers.max() + 0.5)
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        set_log_scale(ax)
        ax.grid(alpha=0.3)
        note_missing_values(ax, missing)
        self.ax_ = ax
        self.figure_ = ax.figure
        if own_figure:
            add_legend_below(self.figure_, list(self.lines_.values()), list(self.lines_))
        else:
            ax.legend(loc="best", fontsize="small")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: Any = None,
        *,
        name: str | None = None,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> JacobianSpectrumDisplay:
        """Diagnose an estimator and draw its spectrum.

        Parameters
        ----------
        estimator, X, y
            As in `diagnose`.
        name : str or None, default=None
            For the legend; None is the name of the initializer.
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
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: MatrixLike,
        y: Any = None,
        *,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> JacobianSpectrumDisplay:
        """Diagnose several estimators and draw them on the same axes.

        Parameters
        ----------
        estimators : dict of str to estimator
            Estimators under names for the legend.
        X, y, ax, line_kw, **settings
            As in `from_estimator`.

        Returns
        -------
        JacobianSpectrumDisplay
        """
        refuse_axes_as("axes", settings, "ax=")
        return cls(diagnose_each(estimators, X, y, settings)).plot(ax, **(line_kw or {}))


def draw(ax: Axes, ranks: Array, values: Array, style: Mapping[str, Any]) -> Line2D:
    """Draw the mean over the samples and the band between the smallest and the largest.

    `values` has the shape (n_samples, n_values).
    """
    values = without_rounding(drawable(values))
    present = np.isfinite(values)
    # Samples where a value is 0, now nan, do not count: fmin and fmax ignore nan.
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    total, count = np.where(present, values, 0).sum(axis=0), present.sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(ranks), np.nan), where=count > 0)
    [line] = ax.plot(ranks, mean, **style)
    ax.fill_between(ranks, low, high, color=style["color"], alpha=0.15, linewidth=0)
    if len(ranks) == 1:  # a band would have no width
        ax.vlines(ranks, low, high, color=style["color"], alpha=0.3)
    return line


def without_rounding(values: Array) -> Array:
    """Replace values that are 0 up to rounding by nan."""
    floor = 1e-12 * np.fmax.reduce(values, axis=None, initial=0)
    return np.where(values > floor, values, np.nan)


def why_missing(values: Array) -> list[str]:
    """Say which singular values are not drawn, and why."""
    if not np.isfinite(values).all():
        return ["not finite"]
    n_zero = (np.isnan(without_rounding(drawable(values)))).all(axis=0).sum()
    if n_zero == values.shape[1]:
        return ["all are 0: predictions ignore the inputs"]
    return [f"{n_zero} of {values.shape[1]} are 0"] if n_zero else []
