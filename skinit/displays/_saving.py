"""Writing a display to a file without leaving its figure open."""

import os
from typing import Any

__all__ = ["save_display"]


def save_display(display: Any, path: str | os.PathLike[str]) -> None:
    """Save the figure of a display that has been plotted, and close it.

    Parameters
    ----------
    display : display with the attribute ``figure_``
    path : path-like
        The file to write; its extension decides the format.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skinit import LossCurveDisplay
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "loss.png"
    >>> save_display(LossCurveDisplay({"a run": [1.0, 0.5, 0.25]}).plot(), path)
    >>> path.exists()
    True
    """
    import matplotlib.pyplot as plt

    display.figure_.savefig(path, dpi=150)
    plt.close(display.figure_)
