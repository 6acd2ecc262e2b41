"""Small networks with a start, data and a plan, for tests of whatever trains them."""

import numpy as np

from skinit.losses import LOSSES
from skinit.network import Network, TrainingData
from skinit.plan import Plan
from skinit.schedules import resolve_schedule
from skinit.solvers import GradientDescent

N_OUTPUTS = {"binary_cross_entropy": 1, "multinomial_cross_entropy": 3, "squared_error": 2}


def network_of(loss, *activations):
    return Network((4, *([6] * len(activations)), N_OUTPUTS[loss]), activations, LOSSES[loss])


def problem(network, dtype=np.float64, n_samples=40, weighted=False):
    """Draw a start and data to go with a network."""
    rng = np.random.RandomState(0)
    X, n_outputs = rng.normal(size=(n_samples, 4)), network.widths[-1]
    targets = {
        "logistic": rng.randint(0, 2, (n_samples, n_outputs)),
        "softmax": np.eye(n_outputs)[rng.randint(0, n_outputs, n_samples)],
        "identity": rng.normal(size=(n_samples, n_outputs)),
    }[network.loss.link_name]
    weights = rng.uniform(size=n_samples).astype(dtype) if weighted else None
    start = 0.5 * rng.normal(size=network.n_parameters)
    return start.astype(dtype), TrainingData(X.astype(dtype), targets.astype(dtype), weights)


def plan_of(max_iter, learning_rate=0.02, solver=None, **settings):
    solver = GradientDescent() if solver is None else solver
    return Plan(solver, resolve_schedule(learning_rate), max_iter, **settings)
