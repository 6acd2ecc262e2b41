"""Small networks with initial parameters, data and a plan, for tests of training."""

import numpy as np
from numpy.testing import assert_allclose

from skinit.core import Network, Plan, Problem, TrainingData
from skinit.losses import LOSSES
from skinit.schedules import resolve_schedule
from skinit.solvers import GradientDescent
from skinit.training import RunState, TrainingRun, compiled_engine, reference_engine

# All but "cross_entropy", which the targets turn into another loss.
SETTLED_LOSSES = {name: loss for name, loss in LOSSES.items() if loss.link_name is not None}
N_OUTPUTS = {"logistic": 1, "softmax": 3, "identity": 2, "exp": 2}  # by the link


def network_of(loss, *activations):
    loss = SETTLED_LOSSES[loss]
    widths = (4, *([6] * len(activations)), N_OUTPUTS[loss.link_name])
    return Network(widths, activations, loss)


def problem(network, dtype=np.float64, n_samples=40, weighted=False):
    """Draw initial parameters and data for a network."""
    rng = np.random.RandomState(0)
    X, n_outputs = rng.normal(size=(n_samples, 4)), network.widths[-1]
    labels = rng.randint(0, 2, (n_samples, n_outputs))
    one_hot = np.eye(n_outputs)[rng.randint(0, n_outputs, n_samples)]
    numbers = rng.normal(size=(n_samples, n_outputs))
    targets = {
        "logistic": labels,
        "softmax": one_hot,
        "identity": numbers,
        "exp": np.floor(np.exp(numbers)),
    }[network.loss.link_name]
    weights = rng.uniform(size=n_samples).astype(dtype) if weighted else None
    # With the exponential link, steps would be too long for gradients at large raw predictions.
    size = 0.3 if network.loss.link_name == "exp" else 0.5
    initial = size * rng.normal(size=network.n_parameters)
    return initial.astype(dtype), TrainingData(X.astype(dtype), targets.astype(dtype), weights)


def plan_of(max_iter, learning_rate=0.02, solver=None, **settings):
    solver = GradientDescent() if solver is None else solver
    return Plan(solver, resolve_schedule(learning_rate), max_iter, **settings)


class RunOfBlocks(TrainingRun):
    """A run that keeps every block it is handed."""

    def accept(self, block):
        self.blocks = [*getattr(self, "blocks", []), block]
        super().accept(block)


def blocks_of(engine, network, start, data, plan, rng=None):
    """Return the blocks that an engine hands over."""
    begin = RunState(start, plan.solver.initial_state(start))
    problem = Problem(network, data, plan)
    run = RunOfBlocks(problem, begin, rng=rng or np.random.RandomState(0))
    engine(problem, run)
    return run.blocks


def trained(engine, network, start, data, plan):
    """Return the last parameters and the losses on the way to them."""
    blocks = blocks_of(engine, network, start, data, plan)
    return blocks[-1].parameters, np.concatenate([block.losses for block in blocks])


def assert_engines_agree(network, start, data, plan, rtol):
    """Compare compiled and reference engine, relative to the largest parameter."""
    parameters, losses = trained(compiled_engine, network, start, data, plan)
    expected, expected_losses = trained(reference_engine, network, start, data, plan)
    assert_allclose(parameters, expected, rtol=0, atol=rtol * np.abs(expected).max())
    assert_allclose(losses, expected_losses, rtol=rtol)
    assert parameters.dtype == expected.dtype == data.X.dtype
