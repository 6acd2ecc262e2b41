"""Solvers and scikit-learn's optimizer objects: the same settings and state under other names.

scikit-learn keeps the momentum of "sgd" and the running averages of "adam" in an optimizer object,
as lists of arrays; a solver of skinit keeps them in one flat vector for all parameters.
"""

from typing import Any

from numpy.typing import DTypeLike
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from skinit._support import Array
from skinit.core import Network
from skinit.estimators import coefs_and_intercepts, packed
from skinit.solvers import LBFGS, SGD, Adam

__all__ = ["make_optimizer", "read_optimizer_state", "solver_of", "write_optimizer_state"]


def solver_of(mlp: Any) -> SGD | Adam | LBFGS:
    """Return the solver that takes the same steps as a multilayer perceptron of scikit-learn."""
    if mlp.solver == "sgd":
        return SGD(mlp.momentum, nesterov=mlp.nesterovs_momentum)
    if mlp.solver == "adam":
        return Adam(mlp.beta_1, mlp.beta_2, epsilon=mlp.epsilon)
    return LBFGS(max_fun=mlp.max_fun)


def make_optimizer(mlp: Any) -> SGDOptimizer | AdamOptimizer:
    """Make the optimizer that scikit-learn makes at the beginning of a fit."""
    params = mlp.coefs_ + mlp.intercepts_
    if mlp.solver == "adam":
        return AdamOptimizer(params, mlp.learning_rate_init, mlp.beta_1, mlp.beta_2, mlp.epsilon)
    rate = mlp.learning_rate_init, mlp.learning_rate
    return SGDOptimizer(params, *rate, mlp.momentum, mlp.nesterovs_momentum, mlp.power_t)


def read_optimizer_state(optimizer: Any, network: Network, dtype: DTypeLike) -> tuple[str, Any]:
    """Convert the state of scikit-learn's optimizer.

    Returns
    -------
    name : str
        The class of the solver that has this state, "SGD" or "Adam".
    state : ndarray or tuple
        As `Solver.step` takes it.
    """

    def flat(arrays: list[Array]) -> Array:
        return packed(network, arrays[: network.n_layers], arrays[network.n_layers :], dtype)

    if isinstance(optimizer, SGDOptimizer):
        return "SGD", flat(optimizer.velocities)
    return "Adam", (flat(optimizer.ms), flat(optimizer.vs), optimizer.t)


def write_optimizer_state(optimizer: Any, network: Network, state: Any) -> None:
    """Set the state of scikit-learn's optimizer to that of a solver."""

    def arrays(vector: Array) -> list[Array]:
        coefs, intercepts = coefs_and_intercepts(network, vector)
        return coefs + intercepts

    if isinstance(optimizer, SGDOptimizer):
        optimizer.velocities = arrays(state)
    else:
        mean, square, optimizer.t = state
        optimizer.ms, optimizer.vs = arrays(mean), arrays(square)
