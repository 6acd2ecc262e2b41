"""New figures that fit the width of the page, legends, and the check of ``ax`` and ``axes``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skinit._support import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["add_legend_below", "narrow_width", "new_axes", "refuse_axes_as"]

# In inches. matplotlib's default width is 6.4; a user who sets less than this has a narrow page.
NARROW = 6.0


def narrow_width() -> float | None:
    """Return the width in ``rcParams["figure.figsize"]`` if it is narrow, None otherwise.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> with plt.rc_context({"figure.figsize": (4, 3)}):
    ...     narrow_width()
    4.0
    """
    import matplotlib.pyplot as plt

    width = plt.rcParams["figure.figsize"][0]
    return width if width < NARROW else None


def new_axes(n_rows: int, n_columns: int, size: tuple[float, float], **settings: Any) -> Array:
    """Make a figure with several axes, all in one column on a narrow page.

    Parameters
    ----------
    n_rows, n_columns : int
        The grid on a page of normal width.
    size : (float, float)
        Width and height in inches on a page of normal width.
    **settings : dict
        Keywords of ``matplotlib.pyplot.subplots``.

    Returns
    -------
    ndarray of matplotlib Axes, of shape (n_rows * n_columns,)

    Examples
    --------
    >>> axes = new_axes(2, 2, (9.5, 6.5))
    >>> axes[0].figure.get_size_inches().tolist()
    [9.5, 6.5]
    """
    import matplotlib.pyplot as plt

    width = narrow_width()
    if width is not None:
        # Each of the axes keeps its ratio of height to width.
        height = width * (size[1] / n_rows) / (size[0] / n_columns)
        n_rows, n_columns = n_rows * n_columns, 1
        size = (width, height * n_rows)
    _, axes = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, **settings)
    return axes.ravel()


def add_legend_below(figure: Figure, handles: Sequence[Artist], names: Sequence[str]) -> None:
    """Add a legend below all axes, in as many columns as fit into the width."""
    width, height = figure.get_size_inches()
    # A character is about 0.08 inches wide, the handle and padding of an entry 0.6.
    n_columns = int(width / (0.6 + 0.08 * max(map(len, names), default=0)))
    n_columns = min(max(n_columns, 1), 5)
    # Make room for further rows, so that the axes keep their height.
    figure.set_figheight(height + 0.18 * ((len(names) - 1) // n_columns))
    place = {"loc": "outside lower center", "ncols": n_columns}
    figure.legend(handles, names, fontsize="small", **place)


def refuse_axes_as(name: str, given: Mapping[str, Any], instead: str) -> None:
    """Raise an error for ``ax`` given to a display that takes ``axes``, or the other way round.

    Without this check the argument would be passed on as a keyword of another function, whose
    error would not help.

    Parameters
    ----------
    name : str
        The name that the display does not take, "ax" or "axes".
    given : dict
        The other keywords of a call.
    instead : str
        What to give instead.

    Examples
    --------
    >>> refuse_axes_as("ax", {"ax": None}, "axes=, four of them")
    Traceback (most recent call last):
    ...
    TypeError: this display does not take ax=; give axes=, four of them
    """
    if name in given:
        raise TypeError(f"this display does not take {name}=; give {instead}")
