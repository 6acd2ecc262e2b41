"""Several estimators under names, as every ``from_estimators`` takes them."""

from skinit.diagnosis import diagnose

__all__ = ["check_named", "diagnose_each", "diagnose_one"]


def check_named(estimators):
    """Refuse estimators that have no names.

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


def diagnose_one(estimator, X, y, name, settings):
    """Return the diagnosis of an estimator under a name, or under that of its start.

    Parameters
    ----------
    estimator : estimator
    X, y, settings
        As in `diagnose_each`.
    name : str or None

    Returns
    -------
    dict of str to Diagnosis
    """
    found = diagnose(estimator, X, y, **{"candidates": (), **settings})
    return {name or found.init: found}


def diagnose_each(estimators, X, y, settings):
    """Return the diagnosis of each estimator under its name, without a search for a better start.

    Parameters
    ----------
    estimators : dict of str to estimator
    X, y
        As in `diagnose`.
    settings : dict
        Its other arguments.

    Returns
    -------
    dict of str to Diagnosis
    """
    check_named(estimators)
    settings = {"candidates": (), **settings}
    return {name: diagnose(each, X, y, **settings) for name, each in estimators.items()}
