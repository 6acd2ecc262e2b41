"""Data sets to compare initializations on.

`load_circles` and `load_moons` are the data of the tutorials, with their split. `load_split` loads
any of the built-in data sets or a CSV file, splits it and standardizes it.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_circles,
    make_moons,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skinit._support import Array, look_up

__all__ = ["BUILT_IN", "load_circles", "load_moons", "load_split"]

Task: TypeAlias = Literal["classification", "regression"]


def load_circles() -> tuple[Array, Array, Array, Array]:
    """Load two noisy circles, one inside the other: the data of the circles tutorial.

    300 training samples are drawn with seed 1 and 100 test samples with seed 2. The noise has a
    standard deviation of 0.05, and the two classes are equally frequent.

    Returns
    -------
    X_train : ndarray of shape (300, 2)
    y_train : ndarray of shape (300,)
        0 for the outer circle, 1 for the inner one.
    X_test : ndarray of shape (100, 2)
    y_test : ndarray of shape (100,)

    Examples
    --------
    >>> from skinit import load_circles
    >>> X_train, y_train, X_test, y_test = load_circles()
    >>> X_train.shape, y_train.shape, X_test.shape
    ((300, 2), (300,), (100, 2))
    """
    X_train, y_train = make_circles(n_samples=300, noise=0.05, random_state=1)
    X_test, y_test = make_circles(n_samples=100, noise=0.05, random_state=2)
    return X_train, y_train, X_test, y_test


def load_moons() -> tuple[Array, Array, Array, Array]:
    """Load two interleaving half circles: the data of the moons tutorial.

    400 training samples are drawn with seed 1 and 100 test samples with seed 2. The noise has a
    standard deviation of 0.2. The tutorial fixes no seeds, so its samples are different ones.

    Returns
    -------
    X_train : ndarray of shape (400, 2)
    y_train : ndarray of shape (400,)
        0 for the upper moon, 1 for the lower one.
    X_test : ndarray of shape (100, 2)
    y_test : ndarray of shape (100,)

    Examples
    --------
    >>> from skinit import load_moons
    >>> X_train, y_train, X_test, y_test = load_moons()
    >>> X_train.shape, y_train.shape, X_test.shape
    ((400, 2), (400,), (100, 2))
    """
    X_train, y_train = make_moons(n_samples=400, noise=0.2, random_state=1)
    X_test, y_test = make_moons(n_samples=100, noise=0.2, random_state=2)
    return X_train, y_train, X_test, y_test


def load_split(
    source: str | os.PathLike[str],
    *,
    target: str | None = None,
    task: Task | None = None,
    random_state: int = 0,
    announce: Callable[[str], object] | None = None,
) -> tuple[Array, Array, Array, Array, Task]:
    """Load a data set, split it, and standardize both parts by the training part.

    Parameters
    ----------
    source : str or path-like
        A name of ``BUILT_IN``, or a CSV file with a header (extra ``pandas``). Its columns are
        separated by commas, tabs or semicolons; with semicolons, numbers may have decimal commas.
        Columns that are not numeric are one-hot encoded by their values in the training part.
    target : str or None, default=None
        The column of the CSV file to predict.
    task : {"classification", "regression"} or None, default=None
        None is regression if the target has fractional values, or numbers with more than twenty
        different values, and classification otherwise.
    random_state : int, default=0
        Seed of the split, which takes a quarter of the samples for testing. Circles and moons have
        a fixed split.
    announce : callable or None, default=None
        If a CSV file is read, called with a text that says which columns became features.

    Returns
    -------
    X_train : ndarray of shape (n_train, n_features)
    y_train : ndarray of shape (n_train,)
        Standardized if the task is regression.
    X_test : ndarray of shape (n_test, n_features)
    y_test : ndarray of shape (n_test,)
    task : str
        "classification" or "regression".

    Raises
    ------
    ValueError
        If the data set, file or column does not exist, or if values are missing.
    ImportError
        If `source` is a CSV file and pandas is not installed.

    Examples
    --------
    >>> from skinit.datasets import load_split
    >>> X_train, y_train, X_test, y_test, task = load_split("iris")
    >>> X_train.shape, X_test.shape, task
    ((112, 4), (38, 4), 'classification')
    """
    if source in BUILT_IN and target is not None:
        raise ValueError(f"target={target!r} is for CSV files; {source} has its own")
    if task not in (None, "classification", "regression"):
        raise ValueError(f"task={task!r} must be 'classification', 'regression' or None")
    loaded = BUILT_IN[source]() if source in BUILT_IN else read_csv(source, target)
    y = loaded[1]
    task = guess_task(y) if task is None else task
    if len(loaded) == 4:
        X_train, y_train, X_test, y_test = loaded
    else:
        X, y = loaded
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, random_state=random_state, stratify=y if can_stratify(y, task) else None
        )
    check_targets(y_train, task, source if target is None else f"target={target!r}")

    scaler = column_scaler(X_train)
    X_train, X_test = scaler.fit_transform(X_train), scaler.transform(X_test)
    if task == "regression":
        y_scaler = StandardScaler().fit(y_train.reshape(-1, 1))
        y_train, y_test = (y_scaler.transform(y.reshape(-1, 1))[:, 0] for y in (y_train, y_test))
    if announce is not None and source not in BUILT_IN:
        n_features = X_train.shape[1]
        announce(f"{n_features} feature{'s' * (n_features > 1)} of {columns_in_words(X)}")
    return X_train, y_train, X_test, y_test, task


BUILT_IN: dict[str, Callable[[], Any]] = {
    "circles": load_circles,
    "moons": load_moons,
    "iris": partial(load_iris, return_X_y=True),
    "wine": partial(load_wine, return_X_y=True),
    "breast_cancer": partial(load_breast_cancer, return_X_y=True),
    "digits": partial(load_digits, return_X_y=True),
    "diabetes": partial(load_diabetes, return_X_y=True),
}


def read_csv(path: str | os.PathLike[str], target: str | None) -> tuple[Any, Array]:
    """Read a CSV file; return the data frame of features and the array of targets."""
    if not Path(path).is_file():
        if not Path(path).suffix:
            look_up(str(path), BUILT_IN, "DATA")
        raise ValueError(f"DATA={str(path)!r}: there is no such file")
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "reading a CSV file needs pandas (the extra skinit[pandas]): pip install pandas"
        ) from error

    name = Path(path).name
    try:
        headers = {mark: pd.read_csv(path, sep=mark, nrows=0) for mark in DECIMALS}
        separator = max(headers, key=lambda mark: len(headers[mark].columns))
        # With semicolons, decimals may be marked by commas: try both marks, and keep the table
        # with more numeric columns.
        tables = [pd.read_csv(path, sep=separator, decimal=mark) for mark in DECIMALS[separator]]
        table = max(tables, key=lambda table: len(number_columns(table)))
    except ValueError as error:  # includes pandas' ParserError and UnicodeDecodeError
        raise ValueError(f"{name} is not a CSV file in UTF-8 with a header: {error}") from error
    if target not in table.columns:
        problem = "needs a target" if target is None else f"has no column target={target!r}"
        raise ValueError(f"{name} {problem}; its columns are {', '.join(map(repr, table.columns))}")
    unusable = table.columns[(table.isna() | table.isin([np.inf, -np.inf])).any()]
    if len(unusable):
        raise ValueError(
            f"{name} has missing or infinite values in {', '.join(map(repr, unusable))}; fill "
            "them in, or drop these rows or columns"
        )
    if len(table.columns) < 2 or len(table) < 8:
        raise ValueError(
            f"{name} has {len(table)} rows and {len(table.columns)} columns; it needs at least "
            "8 rows, the target and one more column"
        )
    return table.drop(columns=target), table[target].to_numpy()


# Separators of columns, each with the decimal marks that may occur with it.
DECIMALS = {",": ".", ";": ".,", "\t": "."}


def number_columns(table: Any) -> list[str]:
    """List the numeric columns of a data frame."""
    return list(table.select_dtypes("number").columns)


def columns_in_words(table: Any) -> str:
    """Name the columns of a data frame, and the number of values of those that are not numeric."""
    numbers = number_columns(table)
    names = list(numbers) if len(numbers) <= 10 else [f"{len(numbers)} numeric"]
    for name in table.columns.drop(numbers):
        kind = "true or false" if table[name].dtype == bool else "text"
        names.append(f"{name} ({kind}, {table[name].nunique()} values)")
    n_columns = len(table.columns)
    return f"{n_columns} column{'s' * (n_columns > 1)}: {', '.join(names)}"


def guess_task(y: Array) -> Task:
    """Choose classification or regression by the values of the target."""
    if y.dtype.kind not in "iuf":
        return "classification"
    has_fractions = bool((y % 1 != 0).any())
    return "regression" if has_fractions or len(np.unique(y)) > 20 else "classification"


def check_targets(y: Array, task: Task, name: Any) -> None:
    """Raise an error for targets that do not suit the task, before any network is trained."""
    is_number, n_values = y.dtype.kind in "iuf", len(np.unique(y))
    if n_values < 2:
        raise ValueError(
            f"{name} has the same value {y.tolist()[0]!r} in all samples: there is nothing to learn"
        )
    if task == "regression" and not is_number:
        raise ValueError(f"task='regression' needs numbers, but {name} has {y.tolist()[0]!r}")
    # scikit-learn refuses fractional classes, and warns of more classes than half the samples.
    if task == "classification" and (n_values > len(y) / 2 or (is_number and (y % 1 != 0).any())):
        way_out = "use task='regression'" if is_number else "choose another column"
        raise ValueError(
            f"{name} has {n_values} different values in {len(y)} training samples, which cannot "
            f"be classes; {way_out}"
        )


def can_stratify(y: Array, task: Task) -> bool:
    """Tell whether there are enough samples of each class for a stratified split."""
    if task == "regression":
        return False
    counts = np.unique(y, return_counts=True)[1]
    return counts.min() > 1 and len(counts) <= len(y) // 4


def column_scaler(X: Any) -> Any:
    """Make a transformer that standardizes numeric columns and one-hot encodes the others."""
    if not hasattr(X, "columns"):
        return StandardScaler()
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((StandardScaler(), number_columns), remainder=encoder)
