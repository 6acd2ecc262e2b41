"""The loss over the iterations, of one run or of several on the same axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skinit._support import Array
from skinit.displays._figures import refuse_axes_as
from skinit.displays._naming import check_named
from skinit.displays._spans import set_plain_ticks
from skinit.estimators import innermost

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """Loss over iterations.

    Parameters
    ----------
    curves : dict of str to array-like of shape (n_iter,) or list of these
        The losses of a run, under a name for the legend. A list of several runs under one name,
        such as those of several seeds, is drawn in one color.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : dict of str to list of matplotlib Line2D

    See Also
    --------
    LossCurveDisplay.from_estimator : Draw the loss curve of a fitted estimator.
    LossCurveDisplay.from_estimators : Draw those of several.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, LossCurveDisplay, load_circles
    >>> X, y, _, _ = load_circles()
    >>> runs = {
    ...     init: InitMLPClassifier(init=init, max_iter=50, random_state=3).fit(X, y)
    ...     for init in ("he", "glorot")
    ... }
    >>> display = LossCurveDisplay.from_estimators(runs)
    >>> display.ax_.get_ylabel()
    'loss'
    """

    ax_: Axes
    figure_: Figure
    lines_: dict[str, list[Line2D]]

    def __init__(self, curves: Mapping[str, ArrayLike | Sequence[ArrayLike]]) -> None:
        self.curves = curves

    def plot(
        self, ax: Axes | None = None, *, log: bool | None = None, **line_kw: Any
    ) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        log : bool or None, default=None
            Whether the loss has a logarithmic axis, for runs that are far apart. A logarithmic axis
            ends at a hundred times the highest loss of the run with the lowest final loss, and its
            label says so: with much larger losses on it, all runs that learn would look like one
            line. None chooses a logarithmic axis if `ax` already has one, or if the highest loss
            is more than 30 times the lowest final loss.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``, for all lines.

        Returns
        -------
        self : LossCurveDisplay
        """
        import matplotlib.pyplot as plt

        refuse_axes_as("axes", line_kw, "ax=")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.lines_ = {}
        for name, curve in self.curves.items():
            runs = as_runs(curve)
            style = {"label": name, "alpha": 1.0 if len(runs) == 1 else 0.6, **line_kw}
            self.lines_[name] = []
            for losses in runs:
                self.lines_[name] += ax.plot(losses, **style)
                # Further runs of this name share its color and its entry in the legend.
                style = {**style, "color": self.lines_[name][0].get_color(), "label": None}
        ax.set(xlabel="iteration", ylabel="loss")
        ax.margins(x=0.01)
        ax.grid(alpha=0.3)
        # "best" is the default too, but without the argument matplotlib may warn that it is slow.
        ax.legend(loc="best")
        log = are_far_apart(ax) if log is None else log
        limit_losses(ax, log or ax.get_yscale() == "log")
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Axes | None = None,
        log: bool | None = None,
        **line_kw: Any,
    ) -> LossCurveDisplay:
        """Draw the loss curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with the attribute ``loss_curve_``
            A fitted multilayer perceptron of skinit or scikit-learn, or a Pipeline or
            TransformedTargetRegressor that contains one.
        name : str or None, default=None
            For the legend; None is the name of the class.
        ax : matplotlib Axes or None, default=None
            Where to draw; ``display.ax_`` adds a run to another display. None makes a new figure.
        log : bool or None, default=None
            Whether the loss has a logarithmic axis; None decides by the losses, as in `plot`.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        LossCurveDisplay
        """
        name = type(estimator).__name__ if name is None else name
        return cls.from_estimators({name: estimator}, ax=ax, log=log, **line_kw)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        *,
        ax: Axes | None = None,
        log: bool | None = None,
        **line_kw: Any,
    ) -> LossCurveDisplay:
        """Draw the loss curves of several fitted estimators.

        Parameters
        ----------
        estimators : dict of str to estimator, or to a list of estimators
            As in `from_estimator`, under names for the legend.
        ax, log, **line_kw
            As in `from_estimator`.

        Returns
        -------
        LossCurveDisplay
        """
        check_named(estimators)
        curves = {}
        for name, runs in estimators.items():
            runs = runs if isinstance(runs, (list, tuple)) else [runs]
            for run in runs:
                check_is_fitted(run)
            curves[name] = [losses_of(name, innermost(run, fitted=True)) for run in runs]
        return cls(curves).plot(ax=ax, log=log, **line_kw)


def losses_of(name: str, network: Any) -> Array:
    """Return the losses of a fitted network, or raise an error if it has none."""
    if not hasattr(network, "loss_curve_"):
        raise ValueError(
            f"{name!r} is a {type(network).__name__} without loss_curve_; give a network trained "
            "iteratively, or a pipeline that ends in one"
        )
    if network.n_iter_ and not len(network.loss_curve_):
        raise ValueError(
            f"{name!r} is fitted (n_iter_={network.n_iter_}), but its loss_curve_ is empty: "
            "scikit-learn stores no losses with solver='lbfgs'; fit the model with skinit"
        )
    return np.asarray(network.loss_curve_)


def as_runs(curve: Any) -> list[Any]:
    """Return a list of runs, given one run or several."""
    return list(curve) if len(curve) and np.ndim(curve[0]) else [curve]


def are_far_apart(ax: Axes) -> bool:
    """Tell whether the lines would be hard to distinguish on a linear axis."""
    curves = drawn_losses(ax)
    ends = [curve[-1] for curve in curves if len(curve) and curve[-1] > 0]
    highest = np.concatenate(curves).max(initial=0.0)
    return bool(ends) and highest > FAR * min(ends)


# On a linear axis, losses lower than the highest one by this factor lie on the bottom line.
FAR = 30


def drawn_losses(ax: Axes) -> list[Array]:
    """Return the losses of each line on the axes."""
    # A run that diverges comes close to the largest float, where matplotlib cannot place ticks.
    return [np.minimum(line.get_ydata(), 1e100) for line in ax.get_lines()]


def limit_losses(ax: Axes, log: bool) -> None:
    """Set the limits of the y-axis by all lines on it."""
    curves = drawn_losses(ax)
    losses = np.concatenate(curves)
    if not log or not losses.any():
        # The upper limit stays automatic, so that a run added later is not cut off.
        ax.set_ylim(bottom=0, auto=None)
        return
    best = min(filter(np.any, curves), key=lambda curve: curve[-1])
    top = 100 * best.max()
    # Limits first: on automatic limits, set_yscale would look for its own.
    ax.set_ylim(0.7 * losses[losses > 0].min(), min(top, 1.4 * losses.max()))
    ax.set_yscale("log")
    set_plain_ticks(ax)
    if top < losses.max():
        ax.set_ylabel(f"loss (above {top:.3g} not shown)")
