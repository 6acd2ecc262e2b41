"""Helpers that any other package may use, and that know nothing about networks.

`settings` looks up objects by name and checks that numbers are in their range, with errors that
name the setting. `tables` lays out results as text or as a data frame. `types` defines the type
aliases that public signatures share.

Add a helper here only if packages that do not import each other need it.
"""

from skinit._support.settings import (
    check_number,
    check_widths,
    is_positive_integer,
    look_up,
    refuse_class,
)
from skinit._support.tables import WIDTH, data_frame, text_table, write_loss, write_score
from skinit._support.types import Array, MatrixLike, RandomStateLike

__all__ = [
    "WIDTH",
    "Array",
    "MatrixLike",
    "RandomStateLike",
    "check_number",
    "check_widths",
    "data_frame",
    "is_positive_integer",
    "look_up",
    "refuse_class",
    "text_table",
    "write_loss",
    "write_score",
]
