"""Figures laid out for people: as a text table or a data frame, and in few digits."""

__all__ = ["WIDTH", "data_frame", "format_loss", "format_score", "text_table"]

# As many columns fit on any terminal.
WIDTH = 79


def text_table(headings, rows):
    """Lay out a table: first column to the left, the others to the right.

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


def data_frame(columns):
    """Make a pandas DataFrame of a dict of columns."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas (the extra skinit[pandas]): pip install pandas"
        ) from error
    return pd.DataFrame(columns)


def format_loss(loss, digits):
    """Write a loss with so many significant digits: 1347, 0.03618, 5.229e7."""
    rounded = float(f"{loss:.{digits}g}")
    return f"{rounded:.4g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def format_score(score, digits):
    """Write a score with so many decimals, unless it is an R^2 far from 1."""
    return f"{score:z.{digits}f}" if abs(score) < 10 else format_loss(score, 1)
