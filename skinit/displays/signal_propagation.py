"""Signal and gradient layer by layer, measured and as mean-field theory predicts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skinit._support import Array, MatrixLike
from skinit.diagnosis import Diagnosis, DiagnosisRecorder, which_layers
from skinit.displays._figures import add_legend_below, new_axes, refuse_axes_as
from skinit.displays._naming import diagnose_each, diagnose_one
from skinit.displays._spans import drawable, note_missing_values, set_least_span, set_log_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["SignalPropagationDisplay"]


class SignalPropagationDisplay:
    """Signal, gradient, similarity of samples and dead units by layer, of one network or several.

    Solid lines are measured. Dashed lines are predictions of mean-field theory for independent
    weights of the same variance; weights of orthogonal, mirrored or data-dependent initializers are
    not independent, and may differ from them.

    Parameters
    ----------
    diagnoses : dict of str to Diagnosis
        Return values of `diagnose`, under names for the legend.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (4,)
        Signal, gradient, similarity of samples, dead and saturated units.
    figure_ : matplotlib Figure
    lines_ : dict of str to list of matplotlib Line2D
        The solid lines, one for each of the axes.

    See Also
    --------
    SignalPropagationDisplay.from_estimator : Diagnose an estimator and draw the result.
    SignalPropagationDisplay.from_estimators : The same for several estimators.
    SignalPropagationDisplay.from_recorder : Draw how a network changes in training.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, SignalPropagationDisplay, load_circles
    >>> X, y, _, _ = load_circles()
    >>> models = {
    ...     init: InitMLPClassifier((32,) * 10, init=init, random_state=0)
    ...     for init in ("he", "glorot")
    ... }
    >>> display = SignalPropagationDisplay.from_estimators(models, X, y)
    >>> [ax.get_title() for ax in display.axes_]
    ['signal', 'gradient', 'similarity of samples', 'dead and saturated units']
    """

    axes_: Array
    figure_: Figure
    lines_: dict[str, list[Line2D]]

    def __init__(self, diagnoses: Mapping[str, Diagnosis]) -> None:
        self.diagnoses = diagnoses

    def plot(
        self, axes: Sequence[Axes] | Array | None = None, *, cmap: str | None = None, **line_kw: Any
    ) -> SignalPropagationDisplay:
        """Draw the four pictures.

        Parameters
        ----------
        axes : sequence of four matplotlib Axes or None, default=None
            None makes a new figure. If ``rcParams["figure.figsize"]`` is narrower than six inches,
            the figure has that width, and the pictures are in one column.
        cmap : str or None, default=None
            A colormap of matplotlib, for diagnoses that are in an order. Its ends are not used, as
            they could not be seen on a dark or a light background. The legend names at most ten
            of the diagnoses.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``, for the solid lines.

        Returns
        -------
        self : SignalPropagationDisplay
        """
        refuse_axes_as("ax", line_kw, INSTEAD_OF_AX)
        own_figure = axes is None
        if own_figure:
            axes = new_axes(2, 2, (9.5, 6.5), layout="constrained")
        self.axes_ = np.asarray(axes, dtype=object).ravel()
        if len(self.axes_) != 4:
            raise ValueError(f"axes has {len(self.axes_)} entries, expected four")
        self.lines_ = {}
        styles = styles_of(len(self.diagnoses), cmap)
        for (name, diagnosis), style in zip(self.diagnoses.items(), styles, strict=True):
            few = diagnosis.propagation.network.n_layers <= MARKED
            style = {"marker": "." if few else "", **style, **line_kw}
            self.lines_[name] = draw(self.axes_, name, diagnosis.propagation, style)
        set_up(self.axes_)
        explain(self.axes_[2:])
        for ax, missing in zip(self.axes_, what_is_missing(self.diagnoses), strict=True):
            note_missing_values(ax, missing)
        self.figure_ = self.axes_[0].figure
        names = list(self.lines_) if cmap is None else evenly_spread(list(self.lines_), NAMED)
        handles = [self.lines_[name][0] for name in names]
        if own_figure:
            add_legend_below(self.figure_, handles, names)
        else:
            self.axes_[0].legend(handles, names, fontsize="small")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: Any = None,
        *,
        name: str | None = None,
        axes: Sequence[Axes] | Array | None = None,
        line_kw: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> SignalPropagationDisplay:
        """Diagnose an estimator and draw the result.

        Parameters
        ----------
        estimator, X, y
            As in `diagnose`.
        name : str or None, default=None
            For the legend; None is the name of the initializer.
        axes : sequence of four matplotlib Axes or None, default=None
        line_kw : dict or None, default=None
            As in `plot`.
        **settings : dict
            Other arguments of `diagnose`, such as ``weights="fitted"``.

        Returns
        -------
        SignalPropagationDisplay
        """
        refuse_axes_as("ax", settings, INSTEAD_OF_AX)
        return cls(diagnose_one(estimator, X, y, name, settings)).plot(axes, **(line_kw or {}))

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: MatrixLike,
        y: Any = None,
        *,
        axes: Sequence[Axes] | Array | None = None,
        line_kw: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> SignalPropagationDisplay:
        """Diagnose several estimators and draw them on the same axes.

        Parameters
        ----------
        estimators : dict of str to estimator
            Estimators under names for the legend.
        X, y, axes, line_kw, **settings
            As in `from_estimator`.

        Returns
        -------
        SignalPropagationDisplay
        """
        refuse_axes_as("ax", settings, INSTEAD_OF_AX)
        return cls(diagnose_each(estimators, X, y, settings)).plot(axes, **(line_kw or {}))

    @classmethod
    def from_recorder(
        cls,
        recorder: DiagnosisRecorder,
        *,
        axes: Sequence[Axes] | Array | None = None,
        cmap: str = "plasma",
        line_kw: Mapping[str, Any] | None = None,
    ) -> SignalPropagationDisplay:
        """Draw how a network changes while it trains, a line for each recorded iteration.

        Parameters
        ----------
        recorder : DiagnosisRecorder
            A recorder that has recorded a fit.
        axes : sequence of four matplotlib Axes or None, default=None
        cmap : str, default="plasma"
            Colors from the first iteration to the last.
        line_kw : dict or None, default=None
            As in `plot`.

        Returns
        -------
        SignalPropagationDisplay

        Raises
        ------
        NotFittedError
            If nothing has been recorded.

        Examples
        --------
        >>> from skinit import (
        ...     DiagnosisRecorder, InitMLPClassifier, SignalPropagationDisplay, load_circles
        ... )
        >>> X, y, _, _ = load_circles()
        >>> recorder, model = DiagnosisRecorder(every=50), InitMLPClassifier(max_iter=100)
        >>> if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
        ...     model = model.set_callbacks(recorder).fit(X, y)
        ...     display = SignalPropagationDisplay.from_recorder(recorder)
        ...     assert list(display.lines_) == ["iteration 0", "iteration 50", "iteration 100"]
        """
        diagnoses = {f"iteration {k}": found for k, found in recorder.by_iteration().items()}
        return cls(diagnoses).plot(axes, cmap=cmap, **(line_kw or {}))


INSTEAD_OF_AX = "axes=, four of them: signal, gradient, similarity, dead units"

# Networks of at most so many layers get a dot for each; more dots would hide the line.
MARKED = 40

# The legend names at most so many of the diagnoses that are drawn with a colormap.
NAMED = 10


def styles_of(n_lines: int, cmap: str | None) -> list[dict[str, Any]]:
    """Choose a color for each line and, without a colormap, a width."""
    from matplotlib import colormaps, rcParams

    if cmap is not None:
        colors = colormaps[cmap](np.linspace(0.25, 0.85, n_lines))
        return [{"color": color} for color in colors]
    # The first lines are wider, so that lines that coincide can all be seen.
    thinnest = rcParams["lines.linewidth"]
    widths = np.linspace(thinnest + min(2 * (n_lines - 1), 4), thinnest, n_lines)
    return [{"color": f"C{number}", "linewidth": width} for number, width in enumerate(widths)]


def evenly_spread(names: list[str], n: int) -> list[str]:
    """Choose `n` names at most, among them the first and the last."""
    chosen = np.linspace(0, len(names) - 1, min(n, len(names))).round().astype(int)
    return [names[number] for number in chosen]


def draw(axes: Array, name: str, found: Any, style: Mapping[str, Any]) -> list[Line2D]:
    """Draw one `Propagation` on the four axes, and return the solid lines."""
    theory = {"color": style["color"], "linestyle": "--", "linewidth": 1, "alpha": 0.7}
    layers = np.arange(1, found.network.n_layers + 1)
    # Units and similarity are those of hidden layers: raw predictions cannot be dead, and the
    # cosine of two single numbers is 1 or -1.
    hidden = layers[:-1]
    inputs = found.input_correlation
    measured = [
        (layers, drawable(np.sqrt(found.pre_activation_square))),
        (layers, drawable(found.signal_gradient)),
        (np.r_[0, hidden], np.r_[inputs, found.correlation[:-1]]),
        (hidden, found.dead[:-1]),
    ]
    expected = [
        (layers, drawable(np.sqrt(found.expected_square))),
        (layers, drawable(found.expected_gradient)),
        (np.r_[0, hidden], np.r_[inputs, found.expected_correlation[:-1]]),
    ]
    lines = [
        ax.plot(*points, label=name, **style)[0] for ax, points in zip(axes, measured, strict=True)
    ]
    for ax, points in zip(axes, expected, strict=False):
        ax.plot(*points, **theory)
    if not np.isnan(found.saturated).all():
        axes[3].plot(hidden, found.saturated[:-1], color=style["color"], linestyle=":")
    return lines


def set_up(axes: Array) -> None:
    """Set titles, labels and limits of the four axes."""
    titles = {
        "signal": "RMS of pre-activations",
        "gradient": "RMS gradient w.r.t.\npre-activations",
        "similarity of samples": "mean cosine",
        "dead and saturated units": "share of units",
    }
    for ax, (title, label) in zip(axes, titles.items(), strict=True):
        ax.set(title=title, xlabel="layer")
        ax.set_ylabel(label, fontsize="small")
        show_all_layers(ax)
        ax.grid(alpha=0.3)
    for ax in axes[:2]:
        set_log_scale(ax)
    set_least_span(axes[2], 0.2)
    axes[3].set_ylim(-0.03, 1.03)


def show_all_layers(ax: Axes) -> None:
    """Set the limits of the x-axis so that the first and the last layer have a margin."""
    numbers = np.concatenate([line.get_xdata() for line in ax.get_lines()])
    if len(numbers):
        margin = max(0.5, 0.03 * np.ptp(numbers))
        ax.set_xlim(numbers.min() - margin, numbers.max() + margin)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def what_is_missing(diagnoses: Mapping[str, Diagnosis]) -> list[list[str]]:
    """Say for each of the four axes which networks have values that cannot be drawn, and why."""
    missing = [[], [], [], []]
    for name, diagnosis in diagnoses.items():
        found = diagnosis.propagation
        sizes = [found.pre_activation_square, found.signal_gradient, found.correlation[:-1]]
        for notes, values in zip(missing, sizes, strict=False):
            notes += [f"{name}: {why}" for why in why_missing(values)]
        if found.network.n_layers == 1:
            missing[3].append(f"{name}: no hidden layer")
        if np.isnan(found.signal_gradient).all():
            missing[1] = ["no gradient without y"]
    return missing


def why_missing(values: Array) -> Iterator[str]:
    """Say in which layers values are 0, not finite or not defined."""
    kinds = {
        "0": values == 0,
        "not finite": np.isinf(values),
        "not defined": np.isnan(values),
    }
    for why, where in kinds.items():
        if where.any():
            yield why if where.all() else f"{why} in {which_layers(where)}"


def explain(axes: Array) -> None:
    """Add legends of the line styles to the axes of similarity and of units."""
    similarity, units = axes
    handles = similarity.plot([], [], color="gray", label="measured")
    label = "theory (independent weights)"
    handles += similarity.plot([], [], color="gray", linestyle="--", label=label)
    similarity.legend(handles=handles, fontsize="x-small")
    handles = units.plot([], [], color="gray", label="dead")
    if any(line.get_linestyle() == ":" for line in units.get_lines()):
        handles += units.plot([], [], color="gray", linestyle=":", label="saturated")
    units.legend(handles=handles, fontsize="x-small")
