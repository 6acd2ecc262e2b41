"""A picture of how signal and gradient travel, layer by layer, with what theory expects."""

import numpy as np

from skinit.diagnostics import diagnose

__all__ = ["SignalPropagationDisplay"]


class SignalPropagationDisplay:
    """Signal, gradient, likeness of samples and idle units by depth, of one network or several.

    Lines are measured; dashes are what mean-field theory expects of weights that are as large.

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

    def plot(self, axes=None, **line_kw):
        """Draw the four pictures.

        Parameters
        ----------
        axes : sequence of four matplotlib Axes or None, default=None
            None makes a new figure.
        **line_kw : dict
            Keywords of ``matplotlib.axes.Axes.plot``, for the measured lines.

        Returns
        -------
        self : SignalPropagationDisplay
        """
        import matplotlib.pyplot as plt

        if axes is None:
            _, axes = plt.subplots(2, 2, figsize=(9.5, 6.5), layout="constrained")
        self.axes_ = np.asarray(axes, dtype=object).ravel()
        if len(self.axes_) != 4:
            raise ValueError(f"axes has {len(self.axes_)} entries, expected four")
        self.lines_ = {}
        for number, (name, diagnosis) in enumerate(self.diagnoses.items()):
            style = {"color": f"C{number}", "marker": ".", **line_kw}
            self.lines_[name] = draw(self.axes_, name, diagnosis.propagation, style)
        titles = {
            "signal": "rms of pre-activations",
            "gradient": "rms of derivatives\nby pre-activations",
            "likeness of samples": "mean cosine of two samples",
            "idle units": "share of units",
        }
        for ax, (title, label) in zip(self.axes_, titles.items(), strict=True):
            ax.set(title=title, xlabel="layer", ylabel=label)
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.grid(alpha=0.3)
        for ax in self.axes_[:2]:
            if any(np.isfinite(line.get_ydata()).any() for line in ax.get_lines()):
                ax.set_yscale("log")
        self.axes_[3].set_ylim(-0.03, 1.03)
        explain(self.axes_)
        self.figure_ = self.axes_[0].figure
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
        found = diagnose(estimator, X, y, **{"candidates": (), **settings})
        return cls({name or found.init: found}).plot(axes, **(line_kw or {}))

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
        settings = {"candidates": (), **settings}
        found = {name: diagnose(each, X, y, **settings) for name, each in estimators.items()}
        return cls(found).plot(axes, **(line_kw or {}))


def draw(axes, name, found, style):
    """Draw one network on the four axes, and return the measured lines."""
    theory = {"color": style["color"], "linestyle": "--", "linewidth": 1, "alpha": 0.7}
    layers = np.arange(1, found.network.n_layers + 1)
    # The scores of the last layer belong to no unit, and a single one has but two directions.
    hidden = layers[:-1]
    inputs = found.input_correlation
    measured = [
        (layers, shown(np.sqrt(found.pre_activation_square))),
        (layers, shown(found.signal_gradient)),
        (np.r_[0, hidden], np.r_[inputs, found.correlation[:-1]]),
        (hidden, found.dead[:-1]),
    ]
    expected = [
        (layers, shown(np.sqrt(found.expected_square))),
        (layers, shown(found.expected_gradient)),
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


def shown(values):
    """Leave out what a logarithmic axis cannot show."""
    with np.errstate(invalid="ignore"):
        return np.where((values > 1e-100) & (values < 1e100), values, np.nan)


def explain(axes):
    """Tell once what colours and kinds of lines mean."""
    axes[0].legend(fontsize="small")
    [first] = axes[2].plot([], [], color="gray", label="measured")
    [second] = axes[2].plot([], [], color="gray", linestyle="--", label="expected by theory")
    axes[2].legend(handles=[first, second], fontsize="small")
    [first] = axes[3].plot([], [], color="gray", label="dead")
    [second] = axes[3].plot([], [], color="gray", linestyle=":", label="saturated")
    axes[3].legend(handles=[first, second], fontsize="small")
