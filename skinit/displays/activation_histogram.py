"""Histograms of the activations of each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skinit._support import Array, MatrixLike
from skinit.diagnosis import Diagnosis, diagnose
from skinit.displays._figures import narrow_width, refuse_axes_as

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ActivationHistogramDisplay"]


class ActivationHistogramDisplay:
    """Histograms of the activations, layer by layer.

    Parameters
    ----------
    diagnosis : Diagnosis
        The return value of `diagnose`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_shown,)
    figure_ : matplotlib Figure
    shown_ : ndarray of int, of shape (n_shown,)
        The numbers of the layers that are shown, counted from 1.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, figure 6.

    Examples
    --------
    >>> from skinit import ActivationHistogramDisplay, InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier((50,) * 5, activation="tanh", init="glorot", random_state=0)
    >>> display = ActivationHistogramDisplay.from_estimator(model, X, y)
    >>> display.shown_.tolist()
    [1, 2, 3, 4, 5]
    """

    axes_: Array
    figure_: Figure
    shown_: Array

    def __init__(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis

    def plot(
        self, axes: Sequence[Axes] | Array | None = None, *, max_layers: int = 12, **fill_kw: Any
    ) -> ActivationHistogramDisplay:
        """Draw one histogram per layer, with the same limits unless one layer is much wider.

        Parameters
        ----------
        axes : sequence of matplotlib Axes or None, default=None
            One for each layer that is shown. None makes a new figure, which is as wide as
            ``rcParams["figure.figsize"]`` if that is narrower than six inches.
        max_layers : int, default=12
            The largest number of hidden layers to show. Those of a deeper network are evenly
            spaced.
        **fill_kw : dict
            Keywords of ``matplotlib.axes.Axes.stairs``.

        Returns
        -------
        self : ActivationHistogramDisplay
        """
        refuse_axes_as("ax", fill_kw, INSTEAD_OF_AX)
        found = self.diagnosis.propagation
        # A network without hidden layers is shown by its raw predictions.
        n_layers = max(found.network.n_layers - 1, 1)
        self.shown_ = np.unique(np.linspace(1, n_layers, min(n_layers, max_layers)).astype(int))
        own_figure = axes is None
        if own_figure:
            axes = axes_in_rows(len(self.shown_))
        self.axes_ = np.asarray(axes, dtype=object).ravel()
        if len(self.axes_) != len(self.shown_):
            raise ValueError(
                f"axes has {len(self.axes_)} entries, expected one for each of the "
                f"{len(self.shown_)} layers that are shown; choose how many by max_layers"
            )
        limits = shared_limits(found.edges[self.shown_ - 1])
        for ax, number in zip(self.axes_, self.shown_, strict=True):
            has_hidden = found.network.n_layers > 1
            ax.set(title=f"layer {number}" if has_hidden else "raw predictions", yticks=[])
            draw(ax, found.counts[number - 1], found.edges[number - 1], fill_kw)
            if not found.activation_variance[number - 1]:
                note = f"all are {found.activation_mean[number - 1]:.3g}"
                ax.text(0.05, 0.9, note, va="top", fontsize="small", transform=ax.transAxes)
            if limits is not None:
                ax.set_xlim(*limits)
        self.figure_ = self.axes_[0].figure
        if own_figure:
            self.figure_.suptitle(f"activations of {self.diagnosis.init}")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: Any = None,
        *,
        axes: Sequence[Axes] | Array | None = None,
        max_layers: int = 12,
        fill_kw: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> ActivationHistogramDisplay:
        """Diagnose an estimator and draw its activations.

        Parameters
        ----------
        estimator, X, y
            As in `diagnose`.
        axes : sequence of matplotlib Axes or None, default=None
        max_layers : int, default=12
        fill_kw : dict or None, default=None
            As in `plot`.
        **settings : dict
            Other arguments of `diagnose`.

        Returns
        -------
        ActivationHistogramDisplay
        """
        refuse_axes_as("ax", settings, INSTEAD_OF_AX)
        found = diagnose(estimator, X, y, **{"candidates": (), **settings})
        return cls(found).plot(axes, max_layers=max_layers, **(fill_kw or {}))


INSTEAD_OF_AX = "axes=, one for each layer that is shown; choose how many by max_layers"


def axes_in_rows(n: int) -> Array:
    """Make a figure of `n` axes in rows of four, or of two on a narrow page."""
    import matplotlib.pyplot as plt

    narrow = narrow_width()
    n_columns = min(2 if narrow else 4, n)
    n_rows = -(-n // n_columns)
    size = (narrow or 1 + 2.4 * n_columns, 0.6 + 1.7 * n_rows)
    _, axes = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.ravel()[n:]:
        ax.remove()
    return axes.ravel()[:n]


def draw(ax: Axes, counts: Array, edges: Array, fill_kw: Mapping[str, Any]) -> None:
    """Draw a histogram, with few ticks so that their labels do not overlap."""
    if not np.isfinite(edges).all():
        ax.set(xticks=[])
        ax.text(0.5, 0.5, "not finite", ha="center", transform=ax.transAxes)
        return
    share = counts / counts.sum()
    ax.stairs(share, edges, **{"fill": True, **fill_kw})
    ax.locator_params(axis="x", nbins=3)
    ax.ticklabel_format(axis="x", scilimits=(-2, 4))
    # If nearly all values are in one bin, as the zeros of ReLU are, cut it to show the others.
    others = np.sort(share)[-2]
    if share.max() > 3 * others > 0:
        ax.set_ylim(0, 2 * others)
        ax.annotate(
            f"{share.max():.0%} (cut)", (edges[share.argmax() + 1], 2 * others), (3, -3),
            textcoords="offset points", va="top", fontsize="small",
        )  # fmt: skip


def shared_limits(edges: Array) -> tuple[float, float] | None:
    """Return limits for all layers, or None if the narrowest histogram would shrink to a line."""
    widths = edges[:, -1] - edges[:, 0]
    if not np.isfinite(widths).all() or widths.max() > 20 * widths.min():
        return None
    margin = 0.03 * (edges.max() - edges.min())
    return edges.min() - margin, edges.max() + margin
