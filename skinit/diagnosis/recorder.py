"""Diagnose a network while it trains: a callback that runs `diagnose` at chosen iterations."""

from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import NotFittedError

from skinit._support import data_frame
from skinit.diagnosis.diagnose import diagnose
from skinit.diagnosis.result import Diagnosis
from skinit.estimators import IterationCallback

__all__ = ["DiagnosisRecorder"]


class DiagnosisRecorder(IterationCallback):
    """Diagnose the initial weights, and those after chosen iterations.

    Parameters
    ----------
    every : int or sequence of int, default=1
        Number of iterations from one diagnosis to the next, or the iterations themselves, such as
        ``(1, 10, 100)``. With few samples, a diagnosis takes as long as dozens of iterations.
    max_samples : int, default=200
        How many samples are measured. They are the same each time if `random_state` is an int.

    Attributes
    ----------
    iterations_ : list of int
        Number of iterations before each diagnosis.
    diagnoses_ : list of Diagnosis

    See Also
    --------
    SignalPropagationDisplay.from_recorder : Draws the diagnoses.
    WeightSnapshots : Keeps the weights.

    Examples
    --------
    >>> from skinit import DiagnosisRecorder, InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> recorder, model = DiagnosisRecorder(every=50), InitMLPClassifier(max_iter=100)
    >>> if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
    ...     model = model.set_callbacks(recorder).fit(X, y)
    ...     assert recorder.iterations_ == [0, 50, 100]
    ...     assert recorder.to_dict()["iteration"] == [0] * 3 + [50] * 3 + [100] * 3
    """

    iterations_: list[int]
    diagnoses_: list[Diagnosis]

    def __init__(self, every: int | Sequence[int] = 1, max_samples: int = 200) -> None:
        self.every = every
        self.max_samples = max_samples

    def setup(self, estimator: Any, context: Any) -> None:
        """Check the settings, and discard the diagnoses of an earlier fit."""
        super().setup(estimator, context)
        self.iterations_, self.diagnoses_ = [], []

    def on_iteration(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Diagnose the weights of a model, with the sample weights of the fit."""
        self.iterations_.append(model.n_iter_)
        settings = {"weights": "fitted", "candidates": (), "max_samples": self.max_samples}
        self.diagnoses_.append(diagnose(model, X, y, **(metadata or {}), **settings))

    def by_iteration(self) -> dict[int, Diagnosis]:
        """Return the diagnoses by the number of iterations before them.

        Raises
        ------
        NotFittedError
            If no fit has been recorded.
        """
        if not getattr(self, "diagnoses_", ()):
            raise NotFittedError(
                f"this {type(self).__name__} has recorded no fit yet; set it on a network, and fit "
                "that: InitMLPClassifier().set_callbacks(recorder).fit(X, y)"
            )
        return dict(zip(self.iterations_, self.diagnoses_, strict=True))

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the numbers as columns, one entry for each layer of each diagnosis."""
        columns = {}
        for iteration, diagnosis in self.by_iteration().items():
            of_layers = diagnosis.to_dict()
            n_layers = len(of_layers["layer"])
            whole = {
                "iteration": iteration,
                "loss": diagnosis.initial_loss,
                "curvature": diagnosis.curvature,
            }
            for name, value in whole.items():
                columns.setdefault(name, []).extend([value] * n_layers)
            for name, values in of_layers.items():
                columns.setdefault(name, []).extend(values)
        return columns

    def to_frame(self) -> Any:
        """Return them as a pandas DataFrame (extra ``pandas``)."""
        return data_frame(self.to_dict())
