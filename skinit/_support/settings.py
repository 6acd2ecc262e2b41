"""Settings: finding one by its name, and checking that a number is in its range."""

from difflib import get_close_matches
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

__all__ = ["check_number", "check_widths", "is_positive_integer", "look_up", "refuse_class"]


def look_up(name, registry, parameter):
    """Return ``registry[name]``, or raise an error that says what was probably meant.

    Parameters
    ----------
    name : str
        What the user typed.
    registry : dict
        The known names.
    parameter : str
        The parameter that the name was given for, for the error.

    Returns
    -------
    object
        The entry of the registry.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If it is not a name at all.

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
    # "He-Normal", "heNormal" and "he normal" are all "he_normal" to a person.
    folded = {known.replace("_", ""): known for known in registry}
    typed = "".join(character for character in name.lower() if character.isalnum())
    close = get_close_matches(typed, folded, n=1)
    way_out = (
        f"did you mean {folded[close[0]]!r}?"
        if close
        else f"known names: {', '.join(sorted(registry))}"
    )
    raise ValueError(f"{parameter}={name!r} is not a known name; {way_out}")


def refuse_class(value, name):
    """Raise a `TypeError` if a class is given where an object of it is meant.

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


def check_number(value, name, *, above=None, low=None, below=None, high=None, kind=Real):
    """Raise an error that names a number which is not in its range.

    Parameters
    ----------
    value : object
        What the user gave.
    name : str
        Of the setting, for the error.
    above, low, below, high : float or None
        What the number must be above, at least, below or at most.
    kind : type
        What it must be, `numbers.Real` or `numbers.Integral`.

    Raises
    ------
    TypeError
        If it is not of that kind.
    ValueError
        If it is not in the range, or not finite.

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


def check_widths(widths, name):
    """Return numbers of units as a tuple of int, or say which one is none."""
    widths = np.atleast_1d(np.asarray(widths, dtype=object))
    if widths.ndim != 1 or not all(is_positive_integer(width) for width in widths):
        raise ValueError(
            f"{name}={widths.tolist()!r} must be positive integers, the numbers of units layer by "
            "layer, as in (10, 5)"
        )
    return tuple(int(width) for width in widths)


def is_positive_integer(value):
    """Tell whether a value is an integer above zero, and not a bool."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and value > 0
