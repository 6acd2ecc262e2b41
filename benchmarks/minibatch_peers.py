"""The same epochs of minibatches by skinit, scikit-learn, PyTorch and JAX.

Peers are as in `peers`, but what they time returns an `End`. All take the samples in the order that
skinit draws, a new order for each epoch; each copies the rows of a batch in its own way, and
records the loss of every epoch.
"""

from dataclasses import dataclass, replace

import numpy as np
from peers import Problem, fit_from_initial_weights, make_problem, torch_network, torch_weights
from sklearn.neural_network import MLPClassifier

from skinit import InitMLPClassifier
from skinit.solvers import LBFGS, SGD, Adam


@dataclass(frozen=True)
class MinibatchProblem(Problem):
    """A problem with a solver; an iteration is an epoch, except with "lbfgs"."""

    solver: str = "sgd"  # or "adam", or "lbfgs", which takes no minibatches
    momentum: float = 0.0  # of "sgd", and Nesterov's
    epsilon: float = 1e-8  # of "adam"; PyTorch applies it after the bias correction, others before
    batch_size: int = 200
    alpha: float = 0.0

    def orders(self):
        """Draw the order of the samples for each epoch."""
        rng = np.random.RandomState(0)
        return (rng.permutation(len(self.X)) for _ in range(self.max_iter))

    def in_float64(self):
        """Return the problem on which peers must agree: float64, and a negligible epsilon."""
        initial = tuple((W.astype(np.float64), b.astype(np.float64)) for W, b in self.initial)
        return replace(self, X=self.X.astype(np.float64), initial=initial, epsilon=1e-30)

    def __str__(self):
        momentum = f" with momentum {self.momentum}" if self.momentum else ""
        return (
            f"{super().__str__().replace('iterations', 'epochs')} of batches of {self.batch_size}, "
            f"{self.solver}{momentum}"
        )


@dataclass(frozen=True)
class End:
    """The result of a fit."""

    coefs: list
    loss: float  # the mean over the last epoch
    n_iter: int


def make_minibatch_problem(name, widths, n_samples, **settings):
    """Draw a problem that can be learned, in float32: a linear network makes the classes."""
    problem = make_problem(name, widths, n_samples, "float32")
    known = np.random.RandomState(1).normal(size=(widths[0], widths[-1]))
    y = (problem.X @ known).argmax(axis=1)
    return MinibatchProblem(name, problem.X, y, problem.initial, **settings)


def skinit(problem):
    """Use the public estimator, so that the time includes its validation."""
    solvers = {
        "sgd": SGD(problem.momentum),
        "adam": Adam(epsilon=problem.epsilon),
        "lbfgs": LBFGS(),
    }
    solver = solvers[problem.solver]
    model = InitMLPClassifier(
        problem.widths[1:-1],
        init=lambda layer, rng: problem.initial[layer.index],
        solver=solver,
        learning_rate=problem.learning_rate,
        max_iter=problem.max_iter,
        batch_size=problem.batch_size if solver.takes_minibatches else None,
        alpha=problem.alpha,
        random_state=0,
    )

    def fit():
        model.fit(problem.X, problem.y)
        loss = model.loss_curve_[-1] if solver.takes_steps else model.loss_
        return End(model.coefs_, loss, model.n_iter_)

    return fit


class SameOrders(np.random.RandomState):
    """A generator that makes scikit-learn, which shuffles in place, take skinit's orders."""

    def __init__(self, seed):
        super().__init__(seed)
        self.before = None

    def shuffle(self, indices):
        order = np.arange(len(indices))
        super().shuffle(order)
        indices[:] = order if self.before is None else np.argsort(self.before)[order]
        self.before = order


def scikit_learn(problem):
    """Set the MLP to run through all epochs."""
    mlp = MLPClassifier(
        problem.widths[1:-1], solver=problem.solver, momentum=problem.momentum,
        nesterovs_momentum=problem.momentum > 0, epsilon=problem.epsilon,
        learning_rate_init=problem.learning_rate,
        batch_size=min(problem.batch_size, len(problem.X)), alpha=problem.alpha,
        tol=1e-5 if problem.solver == "lbfgs" else 0, max_iter=problem.max_iter,
        n_iter_no_change=problem.max_iter + 1,
    )  # fmt: skip
    fit_mlp = fit_from_initial_weights(mlp, problem)
    mlp.random_state = SameOrders(0)

    def fit():
        fit_mlp()
        return End(mlp.coefs_, mlp.loss_, mlp.n_iter_)

    return fit


def pytorch(problem):
    """Train with autograd and an optimizer, as PyTorch's tutorials do, with fused steps."""
    import torch

    network, reset = torch_network(problem)
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    criterion = torch.nn.CrossEntropyLoss()

    def make_optimizer():
        settings = {"lr": problem.learning_rate, "fused": True}
        if problem.solver == "adam":
            return torch.optim.Adam(network.parameters(), eps=problem.epsilon, **settings)
        momentum = {"momentum": problem.momentum, "nesterov": problem.momentum > 0}
        return torch.optim.SGD(network.parameters(), **settings, **momentum)

    def fit():
        reset()
        optimizer, losses = make_optimizer(), []
        for order in problem.orders():
            total = 0.0
            for rows in torch.from_numpy(order).split(problem.batch_size):
                optimizer.zero_grad()
                value = criterion(network(X[rows]), y[rows])
                value.backward()
                optimizer.step()
                total += value.item() * len(rows)
            losses.append(total / len(X))
        return End(torch_weights(network), losses[-1], problem.max_iter)

    return fit


def jax(problem):
    """Compile the loop over all batches of all epochs; all batches must be of one size."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    X, Y = jnp.asarray(problem.X), jnp.asarray(problem.targets)

    def mean_loss(layers, rows):
        signal = X[rows]
        for W, b in layers[:-1]:
            signal = jax.nn.relu(signal @ W + b)
        W, b = layers[-1]
        return -jnp.mean(jnp.sum(Y[rows] * jax.nn.log_softmax(signal @ W + b), axis=1))

    step = jax_step(problem, jax.value_and_grad(mean_loss))
    loop = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches))
    initial = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.initial]
    zeros = jax.tree.map(jnp.zeros_like, initial)
    state = initial, zeros, zeros, jnp.zeros((), X.dtype)

    def batches():
        return np.stack(list(problem.orders())).astype(np.int32).reshape(-1, problem.batch_size)

    compiled = loop.lower(state, batches()).compile()

    def fit():
        (layers, *_), losses = jax.block_until_ready(compiled(state, batches()))
        last_epoch = np.asarray(losses).reshape(problem.max_iter, -1)[-1]
        return End([np.asarray(W) for W, _ in layers], last_epoch.mean(), problem.max_iter)

    return fit


def jax_step(problem, loss_and_gradient):
    """Return the step of the solver, a function of the state (layers, mean, square, n_steps)."""
    import jax
    import jax.numpy as jnp

    rate, share = problem.learning_rate, problem.momentum

    def sgd(state, rows):
        layers, velocity, square, n_steps = state
        loss, gradient = loss_and_gradient(layers, rows)
        velocity = jax.tree.map(lambda v, g: share * v - rate * g, velocity, gradient)
        layers = jax.tree.map(lambda p, v, g: p + share * v - rate * g, layers, velocity, gradient)
        return (layers, velocity, square, n_steps), loss

    def plain(state, rows):
        layers, *rest = state
        loss, gradient = loss_and_gradient(layers, rows)
        return (jax.tree.map(lambda p, g: p - rate * g, layers, gradient), *rest), loss

    def adam(state, rows):
        layers, mean, square, n_steps = state
        loss, gradient = loss_and_gradient(layers, rows)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)
        n_steps += 1
        corrected = rate * jnp.sqrt(1 - 0.999**n_steps) / (1 - 0.9**n_steps)
        layers = jax.tree.map(
            lambda p, m, s: p - corrected * m / (jnp.sqrt(s) + problem.epsilon),
            layers,
            mean,
            square,
        )
        return (layers, mean, square, n_steps), loss

    if problem.solver == "adam":
        return adam
    return sgd if problem.momentum else plain


# By name: the peer, and the module that it needs.
MINIBATCH_PEERS = {
    "skinit": (skinit, "skinit"),
    "scikit-learn": (scikit_learn, "sklearn"),
    "PyTorch": (pytorch, "torch"),
    "JAX": (jax, "jax"),
}
