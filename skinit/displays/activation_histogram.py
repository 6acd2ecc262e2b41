"""A picture of what the units of each layer put out: one histogram for each layer."""

import numpy as np

from skinit.diagnostics import diagnose

__all__ = ["ActivationHistogramDisplay"]


class ActivationHistogramDisplay:
    """Histograms of the activations, layer by layer.

    Parameters
    ----------
    diagnosis : Diagnosis
        As `diagnose` returns it.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_shown,)
    figure_ : matplotlib Figure
    shown_ : ndarray of int, of shape (n_shown,)
        The layers, counted from 1.

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

    def __init__(self, diagnosis):
        self.diagnosis = diagnosis

    def plot(self, *, max_layers=12, **fill_kw):
        """Draw the histograms, each on axes of its own and all on one scale where that is possible.

        Parameters
        ----------
        max_layers : int, default=12
            Of a deeper network, so many of its hidden layers are shown, evenly spread.
        **fill_kw : dict
            Keywords of ``matplotlib.axes.Axes.stairs``.

        Returns
        -------
        self : ActivationHistogramDisplay
        """
        import matplotlib.pyplot as plt

        found = self.diagnosis.propagation
        # Of a network without hidden layers, the scores.
        n_layers = max(found.network.n_layers - 1, 1)
        self.shown_ = np.unique(np.linspace(1, n_layers, min(n_layers, max_layers)).astype(int))
        n_columns = min(4, len(self.shown_))
        n_rows = -(-len(self.shown_) // n_columns)
        self.figure_, axes = plt.subplots(
            n_rows, n_columns, figsize=(1 + 2.4 * n_columns, 0.6 + 1.7 * n_rows),
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for ax in axes.ravel()[len(self.shown_) :]:
            ax.remove()
        self.axes_ = axes.ravel()[: len(self.shown_)]
        limits = shared_limits(found.edges[self.shown_ - 1])
        for ax, number in zip(self.axes_, self.shown_, strict=True):
            counts, edges = found.counts[number - 1], found.edges[number - 1]
            ax.set(title=f"layer {number}", yticks=[])
            if not np.isfinite(edges).all():
                ax.set(xticks=[])
                ax.text(0.5, 0.5, "not finite", ha="center", transform=ax.transAxes)
                continue
            share = counts / counts.sum()
            ax.stairs(share, edges, **{"fill": True, **fill_kw})
            # Where nearly all are in one bin, as the zeros of ReLU are, the rest is seen too.
            others = np.sort(share)[-2]
            if share.max() > 3 * others > 0:
                ax.set_ylim(0, 2 * others)
                ax.annotate(
                    f"{share.max():.0%}", (edges[share.argmax() + 1], 2 * others), (3, -3),
                    textcoords="offset points", va="top", fontsize="small",
                )  # fmt: skip
            if limits is not None:
                ax.set_xlim(*limits)
        self.figure_.suptitle(f"activations of {self.diagnosis.init}")
        return self

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, max_layers=12, fill_kw=None, **settings):
        """Diagnose an estimator and draw its activations.

        Parameters
        ----------
        estimator, X, y
            As in `diagnose`.
        max_layers : int, default=12
        fill_kw : dict or None, default=None
            As in `plot`.
        **settings : dict
            Other arguments of `diagnose`.

        Returns
        -------
        ActivationHistogramDisplay
        """
        found = diagnose(estimator, X, y, **{"candidates": (), **settings})
        return cls(found).plot(max_layers=max_layers, **(fill_kw or {}))


def shared_limits(edges):
    """Return limits for all layers; None where one is so wide that another would be a line."""
    widths = edges[:, -1] - edges[:, 0]
    if not np.isfinite(widths).all() or widths.max() > 20 * widths.min():
        return None
    margin = 0.03 * (edges.max() - edges.min())
    return edges.min() - margin, edges.max() + margin
