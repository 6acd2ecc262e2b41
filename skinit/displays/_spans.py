"""Axes that are wide enough not to show noise, and words where a value cannot be drawn."""

import numpy as np

__all__ = [
    "drawable",
    "has_drawn",
    "set_least_span",
    "set_log_scale",
    "set_plain_ticks",
    "tell_what_is_missing",
]

# What is beyond these is no more than a sign that something has vanished or blown up.
SMALLEST, LARGEST = 1e-100, 1e100


def drawable(values):
    """Put nan in place of what a logarithmic axis cannot show.

    Examples
    --------
    >>> drawable([0.0, 0.5, 1e300])
    array([nan, 0.5, nan])
    """
    values = np.asarray(values, float)
    with np.errstate(invalid="ignore"):
        return np.where((values > SMALLEST) & (values < LARGEST), values, np.nan)


def set_log_scale(ax, least=10.0):
    """Make the vertical axis logarithmic, from bottom to top by the factor `least` or more."""
    heights = heights_of(ax)
    heights = heights[heights > 0]
    if not len(heights):
        return
    low, high = np.log10([heights.min(), heights.max()])
    low, high = widened(low, high, np.log10(least))
    ax.set(yscale="log", ylim=(10**low, 10**high))
    set_plain_ticks(ax)


def set_plain_ticks(ax):
    """Write plain numbers beside a logarithmic axis of at most four powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    powers = np.ptp(np.log10(ax.get_ylim()))
    if powers <= 4:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if powers < 2 else (1,)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_locator(NullLocator())


def set_least_span(ax, least):
    """Let the vertical axis go from bottom to top by `least` or more."""
    heights = heights_of(ax)
    if has_drawn(ax):
        ax.set_ylim(*widened(heights.min(), heights.max(), least))


def has_drawn(ax):
    """Tell whether some line or band of an axis has anything to be seen."""
    return bool(len(heights_of(ax)))


def heights_of(ax):
    """List all finite heights of the lines and bands of an axis."""
    drawn = [np.asarray(line.get_ydata(), float) for line in ax.get_lines()]
    drawn += [path.vertices[:, 1] for band in ax.collections for path in band.get_paths()]
    heights = np.concatenate([*drawn, []])
    return heights[np.isfinite(heights)]


def widened(low, high, least):
    """Return limits with a margin around two values, at least so far apart."""
    middle, half = (low + high) / 2, max(1.1 * (high - low), least) / 2
    return middle - half, middle + half


def tell_what_is_missing(ax, missing):
    """Write what is not drawn, and why: below the axis, or in its middle where nothing is.

    Parameters
    ----------
    ax : matplotlib Axes
    missing : list of str
    """
    if not missing:
        return
    if has_drawn(ax):
        ax.set_xlabel("\n".join([ax.get_xlabel(), *missing]), fontsize="small")
    else:
        ax.set(xticks=[], yticks=[])
        where = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "\n".join(missing), fontsize="small", wrap=True, **where)
