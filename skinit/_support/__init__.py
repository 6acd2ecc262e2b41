"""Helpers that any other package may use, and that know nothing about networks.

Nothing here knows about networks. `settings` finds an object by its name and checks that a number
is in its range, with errors that name the setting; `tables` lays out numbers as text or as a data
frame; `types` names the types that signatures share. A helper belongs here only when packages that
do not know each other share it.
"""

from skinit._support.settings import (
    check_number,
    check_widths,
    is_positive_integer,
    look_up,
    refuse_class,
)
from skinit._support.tables import WIDTH, data_frame, format_loss, format_score, text_table
from skinit._support.types import Array, MatrixLike, RandomStateLike

__all__ = [
    "WIDTH",
    "Array",
    "MatrixLike",
    "RandomStateLike",
    "check_number",
    "check_widths",
    "data_frame",
    "format_loss",
    "format_score",
    "is_positive_integer",
    "look_up",
    "refuse_class",
    "text_table",
]
