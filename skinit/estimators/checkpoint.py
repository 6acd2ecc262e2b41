"""`Checkpoint`, a callback that saves a running fit to a file, to resume it later."""

import math
import os
import pickle
import time
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import clone

from skinit._support import check_number
from skinit.estimators.callbacks import (
    IterationCallback,
    given_to_callbacks,
    is_due,
    next_due,
)

__all__ = ["Checkpoint"]


class Checkpoint(IterationCallback):
    """Save a running fit to a file, so that it can be resumed if it is interrupted.

    Each file replaces the one before it as a whole, so that a process which is killed while writing
    leaves a complete file. A resumed fit ends with the same weights, to the last digit, as one that
    was not interrupted; only "lbfgs" ends with slightly different ones, as its estimate of the
    curvature cannot be stored.

    Use a separate `Checkpoint` for each fit: those of a search would all write to the same file.

    Parameters
    ----------
    path : str or Path
        The file. `joblib.load` reads the model of the last checkpoint from it, ready to predict. As
        with every pickle, load only files that you trust.
    every : int or None, default=None
        Number of iterations between two checkpoints.
    minutes : float or None, default=None
        Minutes between two checkpoints. One of the two must be given.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skinit import Checkpoint, InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(max_iter=30, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(Path(folder) / "circles.joblib", every=10)
    ...     if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
    ...         model = model.set_callbacks(checkpoint).fit(X, y)
    ...         assert checkpoint.resume(X, y).n_iter_ == 30  # nothing is left to do
    """

    def __init__(
        self, path: str | Path, *, every: int | None = None, minutes: float | None = None
    ) -> None:
        self.path = path
        self.every = every
        self.minutes = minutes

    def check_settings(self) -> None:
        if self.every is None and self.minutes is None:
            raise ValueError(
                "a Checkpoint needs to know how often: give every=100 iterations, or minutes=5"
            )
        if self.every is not None:
            check_number(self.every, "every", low=1, kind=Integral)
        if self.minutes is not None:
            check_number(self.minutes, "minutes", above=0, kind=Real)

    def setup(self, estimator: Any, context: Any) -> None:
        """Check before the fit that checkpoints can be written."""
        super().setup(estimator, context)
        if not Path(self.path).absolute().parent.is_dir():
            raise FileNotFoundError(f"path={str(self.path)!r} is in a folder that does not exist")
        try:
            pickle.dumps(without_callbacks(clone(estimator)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"{estimator} cannot be written to a file: {error}. Define its functions in a "
                "module, not inside another function or as lambda"
            ) from error
        self.last_time = time.monotonic()

    def next_iteration(self, n_iter: int) -> float:
        return math.inf if self.every is None else next_due(self.every, n_iter)

    def is_due(self, n_iter: int) -> bool:
        waited = time.monotonic() - self.last_time
        is_time = self.minutes is not None and waited >= 60 * self.minutes
        return is_time or (self.every is not None and is_due(self.every, n_iter))

    def on_begin(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Store a hash of the data."""
        self.data_ = joblib.hash((X, y, metadata))

    def on_iteration(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Write the model."""
        self.write(model)

    def on_end(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Write the model if the fit has come to its end, or if nothing has been written yet.

        A fit that was interrupted or has diverged can be resumed from the last checkpoint.
        """
        if "_resume_point" not in vars(model) or not Path(self.path).exists():
            self.write(model)

    def write(self, model: Any) -> None:
        """Write a model to the file: completely, or not at all."""
        path = Path(self.path)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with unfinished.open("wb") as file:
                model = without_callbacks(model)
                model._data = self.data_
                joblib.dump(model, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        self.last_time = time.monotonic()

    def resume(self, X: Any, y: Any, sample_weight: Any = None, **validation: Any) -> Any:
        """Load the last checkpoint, and continue the fit to where it would have ended.

        Parameters
        ----------
        X, y, sample_weight, **validation
            The arguments of the interrupted `fit`. If the network is the last step of a pipeline, X
            is the data as the other steps transform it.

        Returns
        -------
        InitMLPClassifier or InitMLPRegressor
            Fitted, and with this callback set.

        Raises
        ------
        FileNotFoundError
            If there is no checkpoint yet.
        ValueError
            If the file is not a checkpoint, or X, y or the sample weights are not those of the
            interrupted `fit`.
        """
        model = self.load()
        given = given_to_callbacks(X, y, sample_weight)
        if joblib.hash(tuple(given.values())) != model._data:
            raise ValueError(
                "X, y or sample_weight are not those of the fit that is to be resumed; if the "
                "network is the last step of a pipeline, give X as the other steps transform it. "
                f"To continue with other data, use joblib.load({str(self.path)!r}) and "
                "warm_start=True"
            )
        model.set_callbacks(self)
        return model._resume(X, y, sample_weight, **validation)

    def load(self) -> Any:
        """Read the model from the file."""
        path = str(self.path)
        try:
            model = joblib.load(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"there is no checkpoint at path={path!r} yet") from error
        except Exception as error:  # a file of another kind can break it in any way
            raise ValueError(f"path={path!r} is not a checkpoint: {error!r}") from error
        if not hasattr(model, "_data"):
            raise ValueError(
                f"path={path!r} is not a checkpoint; it holds a {type(model).__name__}"
            )
        return model


def without_callbacks(model: Any) -> Any:
    """Copy a model, without what callbacks have attached to it."""
    kept = type(model).__new__(type(model))
    vars(kept).update({key: value for key, value in vars(model).items() if "callback" not in key})
    return kept
