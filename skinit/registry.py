"""Finding a setting by its name, with a helpful error where there is no such name."""

from difflib import get_close_matches

__all__ = ["look_up"]


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
