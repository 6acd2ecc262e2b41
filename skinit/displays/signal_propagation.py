"""A picture of how signal and gradient travel, layer by layer, with what theory expects."""

import numpy as np

from skinit.diagnosis import which_layers
from skinit.displays._figures import add_legend_below, new_axes, refuse_axes_as
from skinit.displays._naming import diagnose_each, diagnose_one
from skinit.displays._spans import drawable, set_least_span, set_log_scale, tell_what_is_missing

__all__ = ["SignalPropagationDisplay"]


class SignalPropagationDisplay:
    """Signal, gradient, likeness of samples and idle units by depth, of one network or several.

    Lines are measured; dashes are what mean-field theory expects of weights that are as large and
    independent of each other, which those of orthogonal, mirrored or data-dependent starts are not.

    Parameters
    ----------
    diagnoses : dict of str to Diagnosis
        As `diagnose` returns them, under their names for the legend.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (4,)
        Signal, gradient, correlation, idle units.
    figure_ : matplotlib Figure
    lines_ : dict of str to list of matplotlib Line2D
        The measured ones, on the axes in their order.

    See Also
    --------
    SignalPropagationDisplay.from_estimator : Diagnoses and draws.
    SignalPropagationDisplay.from_estimators : The same for several.
    SignalPropagationDisplay.from_recorder : Draws a network in training.

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
    ['signal', 'gradient', 'likeness of samples', 'idle units']
    """

    def __init__(self, diagnoses):
        self.diagnoses = diagnoses

    def plot(self, axes=None, *, cmap=None, **line_kw):
        """Draw the four pictures.

        Parameters
        ----------
        axes : sequence of four matplotlib Axes or None, default=None
            None makes a new figure; where ``rcParams["figure.figsize"]`` is narrower than six
            inches, it has that width and the pictures one below the other.
        cmap : str or None, default=None
            A colormap of matplotlib, for diagnoses that are in an order. Its ends are left out:
            a dark or a light background would hide them. Of many, the legend names some.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``, for the measured lines.

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
            tell_what_is_missing(ax, missing)
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
        cls, estimator, X, y=None, *, name=None, axes=None, line_kw=None, **settings
    ):
        """Diagnose an estimator and draw the outcome.

        Parameters
        ----------
        estimator, X, y
            As in `diagnose`.
        name : str or None, default=None
            For the legend; None is what the network starts with.
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
    def from_estimators(cls, estimators, X, y=None, *, axes=None, line_kw=None, **settings):
        """Diagnose several estimators and draw them on the same axes.

        Parameters
        ----------
        estimators : dict of str to estimator
            Under the names for the legend.
        X, y, axes, line_kw, **settings
            As in `from_estimator`.

        Returns
        -------
        SignalPropagationDisplay
        """
        refuse_axes_as("ax", settings, INSTEAD_OF_AX)
        return cls(diagnose_each(estimators, X, y, settings)).plot(axes, **(line_kw or {}))

    @classmethod
    def from_recorder(cls, recorder, *, axes=None, cmap="plasma", line_kw=None):
        """Draw how a network changes while it trains, a line for each recorded iteration.

        Parameters
        ----------
        recorder : DiagnosisRecorder
            Of a fit.
        axes : sequence of four matplotlib Axes or None, default=None
        cmap : str, default="plasma"
            From the first iteration to the last.
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


INSTEAD_OF_AX = "axes=, four of them: signal, gradient, likeness, idle units"

# Of deeper networks, a dot for each layer would hide the line.
MARKED = 40

# Of more diagnoses in an order, the legend names so many.
NAMED = 10


def styles_of(n_lines, cmap):
    """Choose a colour for each line, and a width where there is no order."""
    from matplotlib import colormaps, rcParams

    if cmap is not None:
        colours = colormaps[cmap](np.linspace(0.25, 0.85, n_lines))
        return [{"color": colour} for colour in colours]
    # Of lines that coincide, a rim is seen of each.
    thinnest = rcParams["lines.linewidth"]
    widths = np.linspace(thinnest + min(2 * (n_lines - 1), 4), thinnest, n_lines)
    return [{"color": f"C{number}", "linewidth": width} for number, width in enumerate(widths)]


def evenly_spread(names, n):
    """Choose `n` names at most, the first and the last among them."""
    chosen = np.linspace(0, len(names) - 1, min(n, len(names))).round().astype(int)
    return [names[number] for number in chosen]


def draw(axes, name, found, style):
    """Draw one network on the four axes, and return the measured lines."""
    theory = {"color": style["color"], "linestyle": "--", "linewidth": 1, "alpha": 0.7}
    layers = np.arange(1, found.network.n_layers + 1)
    # The scores of the last layer belong to no unit, and a single one has but two directions.
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


def set_up(axes):
    """Choose titles, labels and limits of the four axes."""
    titles = {
        "signal": "rms of pre-activations",
        "gradient": "rms of derivatives\nby pre-activations",
        "likeness of samples": "mean cosine of two samples",
        "idle units": "share of units",
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


def show_all_layers(ax):
    """Let the horizontal axis begin before the first layer and end behind the last."""
    numbers = np.concatenate([line.get_xdata() for line in ax.get_lines()])
    if len(numbers):
        margin = max(0.5, 0.03 * np.ptp(numbers))
        ax.set_xlim(numbers.min() - margin, numbers.max() + margin)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def what_is_missing(diagnoses):
    """Say for each of the four axes which network has values that cannot be drawn, and why."""
    missing = [[], [], [], []]
    for name, diagnosis in diagnoses.items():
        found = diagnosis.propagation
        sizes = [found.pre_activation_square, found.signal_gradient, found.correlation[:-1]]
        for told, values in zip(missing, sizes, strict=False):
            told += [f"{name}: {why}" for why in why_missing(values)]
        if found.network.n_layers == 1:
            missing[3].append(f"{name}: no hidden layer")
        if np.isnan(found.signal_gradient).all():
            missing[1] = ["no gradient without y"]
    return missing


def why_missing(values):
    """Say where values are 0, not finite or not defined."""
    kinds = {
        "0": values == 0,
        "not finite": np.isinf(values),
        "not defined": np.isnan(values),
    }
    for why, where in kinds.items():
        if where.any():
            yield why if where.all() else f"{why} in {which_layers(where)}"


def explain(axes):
    """Tell what kinds of lines mean, on the axes of likeness and of idle units."""
    likeness, idle = axes
    handles = likeness.plot([], [], color="gray", label="measured")
    handles += likeness.plot([], [], color="gray", linestyle="--", label="theory (independent)")
    likeness.legend(handles=handles, fontsize="x-small")
    handles = idle.plot([], [], color="gray", label="dead")
    if any(line.get_linestyle() == ":" for line in idle.get_lines()):
        handles += idle.plot([], [], color="gray", linestyle=":", label="saturated")
    idle.legend(handles=handles, fontsize="x-small")
