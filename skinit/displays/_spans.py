"""Limits of axes that do not magnify noise, and notes on values that cannot be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from skinit._support import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "drawable",
    "has_drawn",
    "note_missing_values",
    "set_least_span",
    "set_log_scale",
    "set_plain_ticks",
]

# Values outside this range have vanished or exploded; how far does not matter to a reader.
SMALLEST, LARGEST = 1e-100, 1e100


def drawable(values: ArrayLike) -> Array:
    """Replace values that a logarithmic axis cannot show by nan.

    Examples
    --------
    >>> drawable([0.0, 0.5, 1e300])
    array([nan, 0.5, nan])
    """
    values = np.asarray(values, float)
    with np.errstate(invalid="ignore"):
        return np.where((values > SMALLEST) & (values < LARGEST), values, np.nan)


def set_log_scale(ax: Axes, least: float = 10.0) -> None:
    """Make the y-axis logarithmic, with limits at least a factor `least` apart."""
    heights = heights_of(ax)
    heights = heights[heights > 0]
    if not len(heights):
        return
    low, high = np.log10([heights.min(), heights.max()])
    low, high = widened(low, high, np.log10(least))
    ax.set(yscale="log", ylim=(10**low, 10**high))
    set_plain_ticks(ax)


def set_plain_ticks(ax: Axes) -> None:
    """Label a logarithmic y-axis of at most four powers of ten with plain numbers."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    powers = np.ptp(np.log10(ax.get_ylim()))
    if powers <= 4:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if powers < 2 else (1,)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_locator(NullLocator())


def set_least_span(ax: Axes, least: float) -> None:
    """Set the limits of the y-axis at least `least` apart."""
    heights = heights_of(ax)
    if has_drawn(ax):
        ax.set_ylim(*widened(heights.min(), heights.max(), least))


def has_drawn(ax: Axes) -> bool:
    """Tell whether any line or band of the axes has a finite value."""
    return bool(len(heights_of(ax)))


def heights_of(ax: Axes) -> Array:
    """Return all finite y-values of the lines and bands of the axes."""
    drawn = [np.asarray(line.get_ydata(), float) for line in ax.get_lines()]
    drawn += [path.vertices[:, 1] for band in ax.collections for path in band.get_paths()]
    heights = np.concatenate([*drawn, []])
    return heights[np.isfinite(heights)]


def widened(low: float, high: float, least: float) -> tuple[float, float]:
    """Return limits with a margin around two values, at least `least` apart."""
    middle, half = (low + high) / 2, max(1.1 * (high - low), least) / 2
    return middle - half, middle + half


def note_missing_values(ax: Axes, missing: Sequence[str]) -> None:
    """Write notes on what is not drawn: below the x-axis, or in the middle of empty axes.

    Parameters
    ----------
    ax : matplotlib Axes
    missing : list of str
        What is not drawn, and why, a line for each.
    """
    if not missing:
        return
    if has_drawn(ax):
        ax.set_xlabel("\n".join([ax.get_xlabel(), *missing]), fontsize="small")
    else:
        ax.set(xticks=[], yticks=[])
        where = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "\n".join(missing), fontsize="small", wrap=True, **where)
