"""Dicts of named estimators, which every ``from_estimators`` takes, and their diagnoses."""

from collections.abc import Mapping
from typing import Any

from skinit._support import MatrixLike
from skinit.diagnosis import Diagnosis, diagnose

__all__ = ["check_named", "diagnose_each", "diagnose_one"]


def check_named(estimators: object) -> None:
    """Raise an error if estimators are not given under names.

    Examples
    --------
    >>> check_named(["a model", "another"])
    Traceback (most recent call last):
    ...
    TypeError: estimators is a list, expected a dict of names to estimators, as in {'he': model}
    """
    if not isinstance(estimators, dict):
        raise TypeError(
            f"estimators is a {type(estimators).__name__}, expected a dict of names to estimators, "
            "as in {'he': model}"
        )


def diagnose_one(
    estimator: Any, X: MatrixLike, y: Any, name: str | None, settings: Mapping[str, Any]
) -> dict[str, Diagnosis]:
    """Diagnose an estimator, and return the diagnosis under a name.

    Parameters
    ----------
    estimator : estimator
    X, y, settings
        As in `diagnose_each`.
    name : str or None
        None is the name of the initializer.

    Returns
    -------
    dict of str to Diagnosis
    """
    found = diagnose(estimator, X, y, **{"candidates": (), **settings})
    return {name or found.init: found}


def diagnose_each(
    estimators: Mapping[str, Any], X: MatrixLike, y: Any, settings: Mapping[str, Any]
) -> dict[str, Diagnosis]:
    """Diagnose several estimators, without looking for better initializers.

    Parameters
    ----------
    estimators : dict of str to estimator
    X, y
        As in `diagnose`.
    settings : dict
        Other arguments of `diagnose`.

    Returns
    -------
    dict of str to Diagnosis
        Under the names of the estimators.
    """
    check_named(estimators)
    settings = {"candidates": (), **settings}
    return {name: diagnose(each, X, y, **settings) for name, each in estimators.items()}
