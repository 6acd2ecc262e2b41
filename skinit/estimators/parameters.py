"""Setting parameters of objects within an estimator, such as ``init__gain``."""

from numbers import Real
from typing import Any

from sklearn.base import BaseEstimator, clone

from skinit.activations import ACTIVATIONS
from skinit.initializers import INITIALIZERS
from skinit.losses import LOSSES
from skinit.solvers import SOLVERS

__all__ = ["check_nested_params"]

# The parameters that take a name, and the objects that the names stand for.
NAMED_SETTINGS: dict[str, dict[str, Any]] = {
    "init": INITIALIZERS,
    "activation": ACTIVATIONS,
    "solver": SOLVERS,
    "loss": LOSSES,
    "learning_rate": {},  # takes a number instead of a schedule
}


def check_nested_params(
    estimator: BaseEstimator, params: dict[str, Any], settings: tuple[str, ...] = (*NAMED_SETTINGS,)
) -> dict[str, Any]:
    """Return parameters ready for ``set_params``.

    Parameters
    ----------
    estimator : BaseEstimator
    params : dict
        As for ``set_params``.
    settings : tuple of str
        The parameters of `estimator` that may be a name.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a nested parameter, such as ``init__gain``, belongs to a parameter that is a name or a
        number; the message shows the object to pass instead.
    """
    for key, value in params.items():
        setting, nested, parameter = key.partition("__")
        if not nested or setting not in settings:
            continue
        current = params.get(setting, getattr(estimator, setting))
        if not hasattr(current, "set_params"):
            is_given = setting in params
            raise ValueError(no_such_parameter(setting, current, parameter, value, is_given))
        if any(current is entry for entry in NAMED_SETTINGS[setting].values()):
            # This estimator must not change the object that a name stands for.
            params = {**params, setting: clone(current)}
    return params


def no_such_parameter(
    setting: str, current: Any, parameter: str, value: Any, is_given: bool
) -> str:
    """Say that a name or number has no parameters, and show the object to pass instead.

    Where the name is given in the same call (`is_given`), as in a grid of a search, the message
    shows the object without the value of the parameter.
    """
    if isinstance(current, Real):
        return (
            f"{setting}={current!r} is a number and has no parameter {parameter!r} to set; pass a "
            f"schedule that has it, such as {setting}=ConstantRate(initial={current!r})"
        )
    kind = "is a name and has" if isinstance(current, str) else "has"
    message = f"{setting}={current!r} {kind} no parameter {parameter!r} to set"
    registry = NAMED_SETTINGS[setting]
    named = registry.get(current) if isinstance(current, str) else None
    for entry in (named, *registry.values()):
        if entry is not None and parameter in entry.get_params():
            which = "the object:" if entry is named else "an object that has it, such as"
            if is_given:
                shown = f"{entry} together with {setting}__{parameter}"
            else:
                shown = f"{setting}={clone(entry).set_params(**{parameter: value})}"
            return f"{message}; pass {which} {shown}"
    return f"{message}; pass an object that has it"
