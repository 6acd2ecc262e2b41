"""Checks of settings: names in a registry, numbers in a range, objects instead of classes."""

from collections.abc import Mapping
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from sklearn.utils import check_scalar

__all__ = ["check_number", "check_widths", "is_positive_integer", "look_up", "refuse_class"]

T = TypeVar("T")


def look_up(name: Any, registry: Mapping[str, T], parameter: str) -> T:
    """Return ``registry[name]``, or raise an error that suggests the most similar name.

    Parameters
    ----------
    name : str
        The name that the user gave.
    registry : dict
        Objects under the known names.
    parameter : str
        The parameter that the name was given for; the error mentions it.

    Returns
    -------
    object
        The entry of the registry.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If the name is not a string.

    Examples
    --------
    >>> from skinit.activations import ACTIVATIONS
    >>> look_up("rleu", ACTIVATIONS, "activation")
    Traceback (most recent call last):
    ...
    ValueError: activation='rleu' is not a known name; did you mean 'relu'?
    """
    if not isinstance(name, str):
        raise TypeError(
            f"{parameter}={name!r} is not a name; known names: {', '.join(sorted(registry))}"
        )
    if name in registry:
        return registry[name]
    # Compare without case and punctuation: "He-Normal", "heNormal" and "he normal" all mean
    # "he_normal".
    folded = {known.replace("_", ""): known for known in registry}
    typed = "".join(character for character in name.lower() if character.isalnum())
    close = get_close_matches(typed, folded, n=1)
    way_out = (
        f"did you mean {folded[close[0]]!r}?"
        if close
        else f"known names: {', '.join(sorted(registry))}"
    )
    raise ValueError(f"{parameter}={name!r} is not a known name; {way_out}")


def refuse_class(value: object, name: str) -> None:
    """Raise a `TypeError` for a class where an instance is expected.

    Examples
    --------
    >>> refuse_class(dict, "init")
    Traceback (most recent call last):
    ...
    TypeError: init=dict is a class; pass an object, as in init=dict()
    """
    if isinstance(value, type):
        shown = value.__name__
        raise TypeError(f"{name}={shown} is a class; pass an object, as in {name}={shown}()")


def check_number(
    value: object,
    name: str,
    *,
    above: float | None = None,
    low: float | None = None,
    below: float | None = None,
    high: float | None = None,
    kind: type = Real,
) -> None:
    """Raise an error that names a setting if it is not a number in a range.

    Parameters
    ----------
    value : object
        The value that the user gave.
    name : str
        The name of the setting; the error mentions it.
    above, low, below, high : float or None
        The number must be above `above`, at least `low`, below `below` and at most `high`.
    kind : type
        The kind of number, `numbers.Real` or `numbers.Integral`.

    Raises
    ------
    TypeError
        If `value` is not of that kind.
    ValueError
        If `value` is not in the range, or not finite.

    Examples
    --------
    >>> check_number(2, "momentum", low=0, below=1)
    Traceback (most recent call last):
    ...
    ValueError: momentum == 2, must be < 1.
    >>> check_number(float("nan"), "momentum", low=0, below=1)
    Traceback (most recent call last):
    ...
    ValueError: momentum == nan, must be a finite number.
    """
    if not isinstance(value, kind) or isinstance(value, bool):
        number = "a whole number" if kind is Integral else "a number"
        raise TypeError(f"{name}={value!r} is of type {type(value).__name__}, must be {number}.")
    if not np.isfinite(value):
        raise ValueError(f"{name} == {value}, must be a finite number.")
    for bound, side, included in (
        (above, "min_val", "neither"),
        (low, "min_val", "both"),
        (below, "max_val", "neither"),
        (high, "max_val", "both"),
    ):
        if bound is not None:
            check_scalar(value, name, kind, **{side: bound}, include_boundaries=included)


def check_widths(widths: Any, name: str) -> tuple[int, ...]:
    """Return the widths of layers as a tuple of int, or raise an error if they are not."""
    widths = np.atleast_1d(np.asarray(widths, dtype=object))
    if widths.ndim != 1 or not all(is_positive_integer(width) for width in widths):
        raise ValueError(
            f"{name}={widths.tolist()!r} must be positive integers, the numbers of units layer by "
            "layer, as in (10, 5)"
        )
    return tuple(int(width) for width in widths)


def is_positive_integer(value: Any) -> bool:
    """Tell whether a value is a positive integer; a bool is not."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and value > 0
