"""How targets become the numbers that a network learns: `ClassTargets` and `NumberTargets`.

Both are learned from the y of the first fit, and encode this y and every later one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skinit._support import Array

__all__ = ["ClassTargets", "NumberTargets"]


@dataclass(frozen=True)
class ClassTargets:
    """Targets of a classifier.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels in order; for multilabel targets the column numbers.
    multilabel : bool
        Whether y has a column of zeros and ones for each label.
    """

    classes: Array
    multilabel: bool

    @classmethod
    def learn(cls, y: Array) -> "ClassTargets":
        """Find the classes in y, or raise a `ValueError` if y does not hold classes."""
        kind = type_of_target(y)
        if kind == "multilabel-indicator":
            return cls(np.arange(y.shape[1]), multilabel=True)
        if kind not in ("binary", "multiclass", "multiclass-multioutput"):
            check_classification_targets(y)  # raises scikit-learn's message
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y has several columns of several classes each; wrap the estimator in "
                "sklearn.multioutput.MultiOutputClassifier, or give one column of zeros and ones "
                "for each label"
            )
        classes = np.unique(column_or_1d(y, warn=True))
        if len(classes) < 2:
            raise ValueError(
                f"y has one class only ({classes.tolist()[0]!r}), and a classifier needs two or "
                "more; look at how the data was split or filtered"
            )
        return cls(classes, multilabel=False)

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes, for which the network has one output."""
        return len(self.classes) == 2 and not self.multilabel

    @property
    def kind(self) -> str:
        """What `skinit.losses.resolve_loss` needs to know about the targets."""
        if self.multilabel:
            return "several labels"
        return "two classes" if self.is_binary else "several classes"

    def encode(self, y: Array, dtype: Any) -> Array:
        """Return targets of shape (n_samples, n_outputs), or raise a `ValueError`."""
        if self.multilabel:
            if np.ndim(y) != 2 or y.shape[1] != len(self.classes) or not np.isin(y, (0, 1)).all():
                raise ValueError(
                    "y with several columns must hold zeros and ones, one column for each of the "
                    f"{len(self.classes)} labels; got the values {np.unique(y)[:10].tolist()} and "
                    f"the shape {np.shape(y)}"
                )
            return np.ascontiguousarray(y, dtype=dtype)
        y = column_or_1d(y)
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown) > 0:
            raise ValueError(
                f"y has the labels {unknown[:10].tolist()}, which are not among the classes "
                f"{self.classes[:10].tolist()} that the model knows from its first fit"
            )
        codes = np.searchsorted(self.classes, y)
        if self.is_binary:
            return codes[:, np.newaxis].astype(dtype)
        # In Fortran order, in which an output's targets lie side by side.
        return np.take(np.eye(len(self.classes), dtype=dtype), codes, axis=1).T

    def strata(self, y: Array) -> Array | None:
        """Return the labels by which the validation split is stratified, or None."""
        return None if self.multilabel else y

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes for these targets."""
        return {"classes_": self.classes, "_multilabel": self.multilabel}


@dataclass(frozen=True)
class NumberTargets:
    """Targets of a regressor.

    Parameters
    ----------
    one_column : bool
        Whether y, and so the predictions, have one dimension.
    """

    one_column: bool
    kind = "numbers"

    @classmethod
    def learn(cls, y: Array) -> "NumberTargets":
        """Remember the number of dimensions of y."""
        return cls(one_column=y.ndim == 1)

    def encode(self, y: Array, dtype: Any) -> Array:
        """Return targets of shape (n_samples, n_outputs)."""
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)

    def strata(self, y: Array) -> None:
        """Return None: the validation split of numbers is not stratified."""

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes for these targets."""
        return {"_one_column": self.one_column}
