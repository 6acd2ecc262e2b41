"""Numbers for people: a text table, a data frame, losses and scores in few digits."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["WIDTH", "data_frame", "format_loss", "format_score", "text_table"]

# Text of this width fits on any terminal.
WIDTH = 79


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table, with the first column aligned to the left and the others to the right.

    Parameters
    ----------
    headings : list of str
    rows : list of list of str

    Returns
    -------
    str

    Examples
    --------
    >>> print(text_table(["init", "loss"], [["zeros", "0.69"], ["he", "0.06"]]))
    init   loss
    -----------
    zeros  0.69
    he     0.06
    """
    table = [headings, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(map(str.rjust, row[1:], widths[1:]))]).rstrip()
        for row in table
    ]
    lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def data_frame(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return a dict of columns as a pandas DataFrame."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas (the extra skinit[pandas]): pip install pandas"
        ) from error
    return pd.DataFrame(columns)


def format_loss(loss: float, digits: int) -> str:
    """Format a loss with a number of significant digits: 1347, 0.03618, 5.229e7."""
    rounded = float(f"{loss:.{digits}g}")
    return f"{rounded:.4g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def format_score(score: float, digits: int) -> str:
    """Format a score with a number of decimals, or an R^2 far from 1 with one digit: -1e5."""
    return f"{score:z.{digits}f}" if abs(score) < 10 else format_loss(score, 1)
