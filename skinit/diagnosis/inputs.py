"""From an estimator, or a pipeline, and its data to a network, its parameters and some samples.

`read_inputs` takes the network out of pipelines and draws the parameters as a fit would.
`prepare_parameters` is the only place that needs to know how an estimator prepares a fit.
"""

from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skinit._support import Array, MatrixLike
from skinit.core import Network, Plan, TrainingData
from skinit.estimators import (
    BaseInitMLP,
    FitOptions,
    PreparedFit,
    innermost,
    last_step,
    prepare,
)
from skinit.initializers import build_parameters, initializer_expression
from skinit.interop import from_sklearn

__all__ = [
    "Inputs",
    "choose_subset",
    "draw_initial_parameters",
    "has_trained_weights",
    "in_float64",
    "prepare_parameters",
    "read_inputs",
]


@dataclass(frozen=True)
class Inputs:
    """What a diagnosis measures.

    Parameters
    ----------
    model : BaseInitMLP
        The network without what stands around it.
    network : Network
    parameters : ndarray of shape (n_parameters,)
        In float64.
    inits : list of str
        The different initializers of the layers, spelled out.
    plan : Plan
        How the network is trained.
    n_iter : int
        How many iterations the parameters have been trained.
    data : TrainingData
        All samples, as they arrive at the network.
    subset : TrainingData
        The samples that are measured, in float64. Without y, its targets are a placeholder.
    has_targets : bool
        Whether y is known.
    rng : RandomState
        In its state before the parameters were drawn.
    dtype : dtype
        Of the parameters in training.
    feature_names : ndarray of shape (n_features,) or None
    """

    model: BaseInitMLP
    network: Network
    parameters: Array
    inits: Sequence[str]
    plan: Plan
    n_iter: int
    data: TrainingData
    subset: TrainingData
    has_targets: bool
    rng: np.random.RandomState
    dtype: np.dtype
    feature_names: Array | None

    @property
    def measured(self) -> TrainingData:
        """The samples that are measured; without y, their targets are None."""
        return self.subset if self.has_targets else TrainingData(self.subset.X, None)


def read_inputs(
    estimator: Any,
    X: MatrixLike,
    y: MatrixLike | None,
    sample_weight: MatrixLike | None,
    *,
    fitted: bool,
    max_samples: int,
) -> Inputs:
    """Read what `diagnose` measures from its arguments, see there.

    Parameters
    ----------
    estimator, X, y, sample_weight, max_samples
        As in `diagnose`.
    fitted : bool
        Whether to take the trained weights, not the initial ones.

    Returns
    -------
    Inputs
    """
    model, X, y = last_step(estimator, X, y, fitted=fitted, convert=from_sklearn_mlp)
    if fitted:
        check_is_fitted(model, "coefs_")
    prepared, rng = prepare_parameters(model, X, y, sample_weight, fitted)
    return Inputs(
        model,
        prepared.network,
        prepared.parameters.astype(np.float64),
        list(dict.fromkeys(map(initializer_expression, prepared.init_resolved))),
        prepared.plan,
        model.n_iter_ if fitted else 0,
        prepared.data,
        choose_subset(prepared.data, max_samples, model),
        y is not None,
        rng,
        prepared.parameters.dtype,
        prepared.samples.attributes["feature_names_in_"],
    )


def from_sklearn_mlp(network: Any) -> Any:
    """Convert a network of scikit-learn to one of skinit, and return anything else as it is."""
    networks = neural_network.MLPClassifier, neural_network.MLPRegressor
    return from_sklearn(network) if isinstance(network, networks) else network


def prepare_parameters(
    model: BaseInitMLP, X: Any, y: Any, sample_weight: Any, fitted: bool
) -> tuple[PreparedFit, np.random.RandomState]:
    """Return what a fit would begin or continue with, and a generator in its state before."""
    targets = placeholder_targets(model, X, fitted) if y is None else y
    if fitted:
        # All samples count, and the settings are those of the fit.
        model = copy(model).set_params(early_stopping=False, **model._fitted_with)
        rng = check_random_state(0)  # of which nothing is drawn
        options = FitOptions(rng, resume=True, n_iter_before=model.n_iter_, partial=True)
        return prepare(model, X, targets, sample_weight, options), rng
    if y is None and is_classifier(model):
        model = copy(model).set_params(class_weight=None)  # whose classes are not known
    before = deepcopy(check_random_state(model.random_state))
    prepared = prepare(model, X, targets, sample_weight, FitOptions(deepcopy(before)))
    if y is None:
        # Initial weights must not depend on the placeholder: draw them for another one.
        others = (np.arange(len(targets)) % 3 == 0) + (0 if is_classifier(model) else 1)
        again = prepare(model, X, others, sample_weight, FitOptions(deepcopy(before)))
        if not np.array_equal(prepared.parameters, again.parameters):
            raise ValueError(f"init={model.init!r} looks at the targets; give y to diagnose")
    return prepared, before


def placeholder_targets(model: BaseInitMLP, X: MatrixLike, fitted: bool) -> Array:
    """Make up targets, so that the network has the right number of outputs."""
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    if not fitted:
        return np.arange(n_samples) % 2 if is_classifier(model) else np.ones(n_samples)
    if not is_classifier(model):
        return np.ones((n_samples, model.n_outputs_))
    if model._multilabel:
        return np.zeros((n_samples, model.n_outputs_), int)
    return np.resize(model.classes_, n_samples)


def choose_subset(data: TrainingData, max_samples: int, model: BaseInitMLP) -> TrainingData:
    """Choose samples at random, in float64, with each class among them if there is room."""
    n_samples = len(data.targets)
    if n_samples > max_samples:
        order = deepcopy(check_random_state(model.random_state)).permutation(n_samples)
        if is_classifier(model):
            # The first sample of each class. Two classes share a column of 0 and 1, and each label
            # has one: there, the first 0 counts, too.
            targets = data.targets[order]
            first = np.unique([targets.argmax(axis=0), targets.argmin(axis=0)])
            order = np.concatenate([order[first], np.delete(order, first)])
        data = data.rows(np.sort(order[:max_samples]))
    return in_float64(data)


def in_float64(data: TrainingData) -> TrainingData:
    """Convert samples to float64; each part that is None stays None."""
    parts = (data.X, data.targets, data.sample_weight)
    return TrainingData(*(None if part is None else part.astype(np.float64) for part in parts))


def draw_initial_parameters(inputs: Inputs, init: str) -> Array:
    """Draw parameters of the network from another init, with the same generator.

    Raises
    ------
    ValueError
        If the init is not made for such data or such a network.
    """
    drawn, _ = build_parameters(
        init, inputs.network, deepcopy(inputs.rng), dtype=inputs.dtype, data=inputs.subset
    )
    return drawn.astype(np.float64)


def has_trained_weights(estimator: Any) -> bool:
    """Return whether the network of an estimator is fitted."""
    try:
        check_is_fitted(innermost(estimator, fitted=True), "coefs_")
    except NotFittedError:
        return False
    return True
