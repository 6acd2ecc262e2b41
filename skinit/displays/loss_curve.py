"""A picture of the loss over the iterations, for one run or for several on the same axes."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skinit.displays._figures import refuse_axes_as
from skinit.displays._naming import check_named
from skinit.displays._spans import set_plain_ticks
from skinit.estimators import innermost

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """Loss over iterations.

    Parameters
    ----------
    curves : dict of str to array-like of shape (n_iter,) or list of these
        Losses of a run, under its name; a list of several runs of one name, such as those of
        several seeds, is drawn in one colour.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : dict of str to list of matplotlib Line2D

    See Also
    --------
    LossCurveDisplay.from_estimator : From a fitted estimator.
    LossCurveDisplay.from_estimators : From several of them.

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

    def __init__(self, curves):
        self.curves = curves

    def plot(self, ax=None, *, log=None, **line_kw):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        log : bool or None, default=None
            Whether the loss gets a logarithmic axis, for runs that are far apart. The axis then
            ends at a hundred times the highest loss of the run that ends best, and says so:
            losses far beyond would press all runs that learn into one line. None is logarithmic
            where the axes are already, or the highest loss is more than 30 times the lowest with
            which a run ends.
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
                # The others of this name share its colour and its entry in the legend.
                style = {**style, "color": self.lines_[name][0].get_color(), "label": None}
        ax.set(xlabel="iteration", ylabel="loss")
        ax.margins(x=0.01)
        ax.grid(alpha=0.3)
        # matplotlib's default is the same, and warns that it can be slow.
        ax.legend(loc="best")
        log = are_far_apart(ax) if log is None else log
        limit_losses(ax, log or ax.get_yscale() == "log")
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, log=None, **line_kw):
        """Draw the loss curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with the attribute ``loss_curve_``
            One of skinit's or scikit-learn's own multilayer perceptrons, fitted, or a Pipeline or
            TransformedTargetRegressor of one.
        name : str or None, default=None
            For the legend; None is the class's name.
        ax : matplotlib Axes or None, default=None
            Where to draw; give ``display.ax_`` to add a run to a picture.
        log : bool or None, default=None
            Whether the loss gets a logarithmic axis; None decides by the losses, as in `plot`.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        LossCurveDisplay
        """
        name = type(estimator).__name__ if name is None else name
        return cls.from_estimators({name: estimator}, ax=ax, log=log, **line_kw)

    @classmethod
    def from_estimators(cls, estimators, *, ax=None, log=None, **line_kw):
        """Draw the loss curves of several fitted estimators.

        Parameters
        ----------
        estimators : dict of str to estimator, or to a list of estimators
            As in `from_estimator`, under the names for the legend.
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


def losses_of(name, network):
    """Return the losses that a network has kept."""
    if not hasattr(network, "loss_curve_"):
        raise ValueError(
            f"{name!r} is a {type(network).__name__} without loss_curve_; give a network trained "
            "step by step, or a pipeline that ends in one"
        )
    if network.n_iter_ and not len(network.loss_curve_):
        raise ValueError(
            f"{name!r} has taken {network.n_iter_} iterations and kept none of their losses in "
            "loss_curve_, as scikit-learn does with lbfgs; fit it with skinit"
        )
    return np.asarray(network.loss_curve_)


def as_runs(curve):
    """List the runs of one name, also where there is a single one."""
    return list(curve) if len(curve) and np.ndim(curve[0]) else [curve]


def are_far_apart(ax):
    """Tell whether a linear axis would press the lines on it together."""
    curves = drawn_losses(ax)
    ends = [curve[-1] for curve in curves if len(curve) and curve[-1] > 0]
    highest = np.concatenate(curves).max(initial=0.0)
    return bool(ends) and highest > FAR * min(ends)


# On a linear axis, what is lower than the highest loss by this factor is next to the bottom.
FAR = 30


def drawn_losses(ax):
    """List the losses of all lines on an axis."""
    # A run that diverges gets close to the largest number there is, where no tick has room.
    return [np.minimum(line.get_ydata(), 1e100) for line in ax.get_lines()]


def limit_losses(ax, log):
    """Choose the limits of the loss axis by all lines on it."""
    curves = drawn_losses(ax)
    losses = np.concatenate(curves)
    if not log or not losses.any():
        # Automatic from here on, so that a run added later is seen whole.
        ax.set_ylim(bottom=0, auto=None)
        return
    best = min(filter(np.any, curves), key=lambda curve: curve[-1])
    top = 100 * best.max()
    # Before the scale, which would look for limits of its own.
    ax.set_ylim(0.7 * losses[losses > 0].min(), min(top, 1.4 * losses.max()))
    ax.set_yscale("log")
    set_plain_ticks(ax)
    if top < losses.max():
        ax.set_ylabel(f"loss (beyond {top:.3g} not shown)")
