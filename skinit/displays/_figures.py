"""New figures that keep to a narrow page, their legends, and axes that come by the wrong name."""

__all__ = ["add_legend_below", "narrow_width", "new_axes", "refuse_axes_as"]

# In inches. matplotlib's figures are 6.4 wide; who makes them narrower than this has a narrow page.
NARROW = 6.0


def narrow_width():
    """Return the width of figures in inches where it is set to be narrow, None otherwise.

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


def new_axes(n_rows, n_columns, size, **settings):
    """Make a figure of several pictures; all are in one column where figures are to be narrow.

    Parameters
    ----------
    n_rows, n_columns : int
    size : (float, float)
        Width and height in inches where there is room.
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
        # Each of them keeps its shape.
        height = width * (size[1] / n_rows) / (size[0] / n_columns)
        n_rows, n_columns = n_rows * n_columns, 1
        size = (width, height * n_rows)
    _, axes = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, **settings)
    return axes.ravel()


def add_legend_below(figure, handles, names):
    """Add a legend below all pictures, in as many columns as there is room for."""
    width, height = figure.get_size_inches()
    # A letter of this size is about 0.08 inches wide, what stands before a name 0.6.
    n_columns = int(width / (0.6 + 0.08 * max(map(len, names), default=0)))
    n_columns = min(max(n_columns, 1), 5)
    # What several rows take is not taken from the pictures.
    figure.set_figheight(height + 0.18 * ((len(names) - 1) // n_columns))
    place = {"loc": "outside lower center", "ncols": n_columns}
    figure.legend(handles, names, fontsize="small", **place)


def refuse_axes_as(name, given, instead):
    """Refuse axes under a name that a display does not know, before something else trips over it.

    Parameters
    ----------
    name : str
        "ax" or "axes".
    given : dict
        The keywords of a call.
    instead : str
        What to give.

    Examples
    --------
    >>> refuse_axes_as("ax", {"ax": None}, "axes=, four of them")
    Traceback (most recent call last):
    ...
    TypeError: this display does not take ax=; give axes=, four of them
    """
    if name in given:
        raise TypeError(f"this display does not take {name}=; give {instead}")
