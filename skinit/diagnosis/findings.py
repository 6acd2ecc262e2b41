"""What a finding is: how severe, what is wrong and where, why it matters, and what to do.

`weights`, `data` and `learning_rate` make findings of measurements; each has a function for each
kind of fault, and its thresholds stand above it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from skinit._support import Array, format_loss

__all__ = [
    "SEVERITIES",
    "Finding",
    "by_severity",
    "format_number",
    "join_options",
    "severity_by",
    "which_layers",
]

# From the mildest to the worst. A note is worth knowing, a warning will cost time or accuracy,
# and a severe finding keeps a layer or the whole network from learning.
SEVERITIES = ("note", "warning", "severe")


@dataclass(frozen=True)
class Finding:
    """One fault that a diagnosis has found.

    Parameters
    ----------
    severity : {"note", "warning", "severe"}
    subject : str
        In a word or two: "symmetry", "dead units", "saturation", "signal", "gradient",
        "collapse", "initial loss", "samples", "inputs", "targets" or "learning rate".
    message : str
        What is wrong, and where.
    why : str
        Why it matters.
    advice : str
        What to do.
    evidence : dict of str to float or list of float
        The numbers that it rests on.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, diagnose, load_circles
    >>> X, y, _, _ = load_circles()
    >>> finding = diagnose(InitMLPClassifier(init="zeros"), X, y).findings[0]
    >>> finding.severity, finding.message
    ('severe', 'layers 1 and 2: all units are identical')
    """

    severity: str
    subject: str
    message: str
    why: str
    advice: str
    evidence: dict[str, float | list[float]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}; {self.why}; {self.advice}"


def by_severity(findings: Iterable[Finding | None]) -> tuple[Finding, ...]:
    """Drop each None, and sort the findings, the worst first."""
    found = [finding for finding in findings if finding is not None]
    return tuple(sorted(found, key=lambda each: -SEVERITIES.index(each.severity)))


def severity_by(value: float, thresholds: Sequence[float]) -> str | None:
    """Return the worst severity whose threshold a value reaches; None below all of them.

    Examples
    --------
    >>> severity_by(40, thresholds=(10, 30, 1000))
    'warning'
    """
    reached = [name for name, least in zip(SEVERITIES, thresholds, strict=True) if value >= least]
    return reached[-1] if reached else None


def which_layers(chosen: Array) -> str:
    """Name layers by their numbers from 1: "layer 2", "layers 2 to 5", "layers 2, 3 and 7".

    Parameters
    ----------
    chosen : ndarray of bool, of shape (n_layers,)

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> which_layers(np.array([False, True, True, False, True]))
    'layers 2, 3 and 5'
    """
    numbers = (np.flatnonzero(chosen) + 1).tolist()
    if len(numbers) == 1:
        return f"layer {numbers[0]}"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"layers {numbers[0]} to {numbers[-1]}"
    if len(numbers) > 6:
        return f"{len(numbers)} layers from {numbers[0]} to {numbers[-1]}"
    return f"layers {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def format_number(value: float) -> str:
    """Format a number with three significant digits."""
    return format_loss(value, 3)


def join_options(*options: str | None) -> str:
    """Join ways out, as in "this, that or the other"; each None is left out."""
    *others, last = [option for option in options if option is not None]
    return f"{', '.join(others)} or {last}" if others else last
