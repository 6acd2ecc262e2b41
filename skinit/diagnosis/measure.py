"""Measure a network on some samples: signal, gradient, losses and the curvature of the loss.

`measure` collects all numbers of a diagnosis; `propagation` and `spectra` compute most of them.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from skinit._support import Array, MatrixLike
from skinit.core import Network, TrainingData, forward, layer_views, mean_loss
from skinit.diagnosis.inputs import Inputs, in_float64
from skinit.diagnosis.propagation import SignalPropagation, measure_propagation
from skinit.diagnosis.spectra import evenly, jacobian_singular_values, largest_curvature
from skinit.losses import baseline_loss as baseline
from skinit.solvers import BaseSolver

__all__ = ["CURVATURE_SAMPLES", "Measurements", "measure", "measure_curvature", "measure_loss"]

# The curvature takes some twenty gradients, and these need fewer samples than the rest: it is then
# known to a few percent.
CURVATURE_SAMPLES = 200


@dataclass(frozen=True)
class Measurements:
    """The numbers of a diagnosis, see `Diagnosis`."""

    propagation: SignalPropagation
    singular_values: Array
    feature_mean: Array
    feature_std: Array
    initial_loss: float
    zero_loss: float
    baseline_loss: float
    curvature: float
    solver: BaseSolver
    learning_rate: float
    n_iter: int


def measure(inputs: Inputs) -> Measurements:
    """Send samples through a network, and the gradient back.

    Parameters
    ----------
    inputs : Inputs

    Returns
    -------
    Measurements
        Without y, the losses and the curvature are nan.
    """
    network, parameters, samples = inputs.network, inputs.parameters, inputs.measured
    feature_mean, feature_std = feature_moments(inputs.data.X)
    [learning_rate] = inputs.plan.rates([inputs.n_iter])
    zero_loss = baseline_loss = curvature = np.nan
    if inputs.has_targets:
        # Of all samples, as the baseline depends on how rare the rare classes are.
        everything = in_float64(replace(inputs.data, X=None))
        zero_loss = float(mean_loss(network, np.zeros_like(everything.targets), everything))
        baseline_loss = baseline(network.loss, everything.targets, everything.sample_weight)
        curvature = measure_curvature(inputs, parameters)
    return Measurements(
        propagation=measure_propagation(network, parameters, samples),
        singular_values=jacobian_singular_values(network, parameters, samples.X),
        feature_mean=feature_mean,
        feature_std=feature_std,
        initial_loss=measure_loss(network, parameters, samples),
        zero_loss=zero_loss,
        baseline_loss=baseline_loss,
        curvature=curvature,
        solver=inputs.plan.solver,
        learning_rate=float(learning_rate),
        n_iter=inputs.n_iter,
    )


def measure_loss(network: Network, parameters: Array, data: TrainingData) -> float:
    """Return the mean loss without a penalty; nan where there are no targets."""
    if data.targets is None:
        return np.nan
    signals, _ = forward(network, layer_views(network, parameters), data.X)
    return float(mean_loss(network, signals[-1], data))


def measure_curvature(
    inputs: Inputs, parameters: Array, n_samples: int = CURVATURE_SAMPLES
) -> float:
    """Return the largest curvature of the loss, on a part of the samples that are measured."""
    few = inputs.subset.rows(evenly(len(inputs.subset.targets), n_samples))
    # The samples of a training step share the penalty, and here are fewer or more of them.
    plan, n_samples = inputs.plan, len(inputs.data.targets)
    of_step = min(plan.batch_size or n_samples, n_samples) / n_samples * inputs.data.total_weight
    alpha = plan.alpha * few.total_weight / of_step
    return largest_curvature(inputs.network, parameters, few, alpha)


def feature_moments(X: MatrixLike) -> tuple[Array, Array]:
    """Return the mean and the standard deviation of each feature, of a sparse matrix too."""
    if not issparse(X):
        return X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    mean, variance = mean_variance_axis(X.astype(np.float64), axis=0)
    return mean, np.sqrt(variance)
