"""Diagnose many networks: every combination of settings, one row of numbers for each layer.

Nothing is trained, so that hundreds of widths, depths, inits, activations and seeds take seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from skinit._support import MatrixLike, data_frame
from skinit.diagnosis.diagnose import MAX_SAMPLES, diagnose
from skinit.diagnosis.result import Diagnosis

__all__ = ["DiagnosisGrid", "diagnose_grid"]


@dataclass(frozen=True, repr=False)
class DiagnosisGrid:
    """Outcome of `diagnose_grid`.

    Parameters
    ----------
    settings : tuple of dict
        Of each network, in the order of `sklearn.model_selection.ParameterGrid`.
    diagnoses : tuple of Diagnosis
        One for each of them.
    """

    settings: tuple[dict[str, Any], ...]
    diagnoses: tuple[Diagnosis, ...]

    def to_dict(self) -> dict[str, list[Any]]:
        """Return all numbers as columns: the settings, the whole network, then its layers."""
        names = list(dict.fromkeys(name for setting in self.settings for name in setting))
        columns = {}
        for setting, diagnosis in zip(self.settings, self.diagnoses, strict=True):
            of_layers = diagnosis.to_dict()
            whole = {name: setting.get(name) for name in names} | whole_network(diagnosis)
            for name, value in whole.items():
                columns.setdefault(name, []).extend([value] * len(of_layers["layer"]))
            for name, values in of_layers.items():
                columns.setdefault(name, []).extend(values)
        return columns

    def to_frame(self) -> Any:
        """Return them as a pandas DataFrame, one row for each layer (extra ``pandas``)."""
        return data_frame(self.to_dict())

    def __repr__(self) -> str:
        return f"<DiagnosisGrid of {len(self.diagnoses)} networks>"


def whole_network(diagnosis: Diagnosis) -> dict[str, Any]:
    """List the numbers that belong to a whole network."""
    return {
        "severity": diagnosis.severity,
        "initial_loss": diagnosis.initial_loss,
        "baseline_loss": diagnosis.baseline_loss,
        "curvature": diagnosis.curvature,
        "mean_singular_value": float(np.mean(diagnosis.singular_values)),
        "largest_singular_value": float(np.max(diagnosis.singular_values)),
    }


def diagnose_grid(
    estimator: Any,
    X: MatrixLike,
    y: MatrixLike | None,
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
    *,
    max_samples: int = MAX_SAMPLES,
) -> DiagnosisGrid:
    """Diagnose a network with every combination of some settings.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, Pipeline or TransformedTargetRegressor
        Has all other settings; it is not changed.
    X, y : as in `diagnose`
    grid : dict of str to sequence, or list of such dicts
        Settings and their values, as in `sklearn.model_selection.GridSearchCV`.
    max_samples : int, default=500
        See `diagnose`.

    Returns
    -------
    DiagnosisGrid

    Examples
    --------
    >>> from skinit import InitMLPClassifier, diagnose_grid, load_circles
    >>> X, y, _, _ = load_circles()
    >>> depths = {"hidden_layer_sizes": [(32,) * 2, (32,) * 20], "init": ["glorot", "he"]}
    >>> result = diagnose_grid(InitMLPClassifier(random_state=0), X, y, depths)
    >>> for setting, diagnosis in zip(result.settings, result.diagnoses):
    ...     print(len(setting["hidden_layer_sizes"]), setting["init"], diagnosis.severity)
    2 glorot ok
    2 he ok
    20 glorot severe
    20 he ok
    """
    settings = tuple(ParameterGrid(grid))
    diagnoses = [
        diagnose(
            clone(estimator).set_params(**setting), X, y, candidates=(), max_samples=max_samples
        )
        for setting in settings
    ]
    return DiagnosisGrid(settings, tuple(diagnoses))
