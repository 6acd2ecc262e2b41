"""The same gradient descent by skinit, textbook NumPy, scikit-learn, PyTorch and JAX.

A peer is a function that takes a `Problem`, does what need not be timed (building a model,
compiling it) and returns the function to be timed. That one starts from the given weights, takes
the given number of full-batch steps, and returns the weights it ends at, layer by layer. All of
them record the loss of every iteration, but for the one that says otherwise.
"""

import importlib.util
import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skinit import InitMLPClassifier


@dataclass(frozen=True)
class Problem:
    """A network, its start, and what it learns from; two classes share one output."""

    name: str
    X: np.ndarray
    y: np.ndarray
    start: tuple  # of (W, b)
    activation: str = "relu"
    learning_rate: float = 0.01
    max_iter: int = 100

    @property
    def widths(self):
        return (self.X.shape[1], *(W.shape[1] for W, _ in self.start))

    @property
    def targets(self):
        """Return what the outputs should be, of shape (n_samples, n_outputs)."""
        if self.widths[-1] == 1:
            return self.y[:, np.newaxis].astype(self.X.dtype)
        return np.eye(self.widths[-1], dtype=self.X.dtype)[self.y]

    def __str__(self):
        layers = "-".join(map(str, self.widths))
        return (
            f"{self.name}: {layers}, {self.activation}, {len(self.X):,} samples, {self.X.dtype}, "
            f"{self.max_iter:,} iterations"
        )


def make_problem(name, widths, n_samples, dtype="float64", **settings):
    """Draw normal features, random labels and He's weights."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, widths[0])).astype(dtype)
    y = rng.randint(0, max(2, widths[-1]), n_samples)
    return Problem(name, X, y, draw_initial_parameters(widths, rng, dtype), **settings)


def draw_initial_parameters(widths, rng, dtype="float64"):
    """Draw He's weights, layer by layer."""
    return tuple(
        (rng.normal(0, np.sqrt(2 / m), (m, n)).astype(dtype), np.zeros(n, dtype))
        for m, n in pairwise(widths)
    )


def skinit(problem):
    """Take the public estimator, validation included."""
    model = InitMLPClassifier(
        problem.widths[1:-1],
        init=lambda layer, rng: problem.start[layer.index],
        activation=problem.activation,
        learning_rate=problem.learning_rate,
        max_iter=problem.max_iter,
    )
    return lambda: model.fit(problem.X, problem.y).coefs_


VALUES = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": expit,
    "identity": lambda z: z,
}
# By the value of the activation.
SLOPES = {
    "relu": lambda a: a > 0,
    "tanh": lambda a: 1 - a**2,
    "logistic": lambda a: a * (1 - a),
    "identity": np.ones_like,
}


def textbook(problem):
    """Write it as a textbook does, with the loss from the logits."""
    X, Y, n = problem.X, problem.targets, len(problem.X)
    value, slope = VALUES[problem.activation], SLOPES[problem.activation]

    def fit():
        layers = list(problem.start)
        for _ in range(problem.max_iter):
            signals = [X]
            for W, b in layers[:-1]:
                signals.append(value(signals[-1] @ W + b))
            W, b = layers[-1]
            scores = signals[-1] @ W + b
            if Y.shape[1] == 1:
                np.mean(np.logaddexp(0, scores) - Y * scores)
                delta = (expit(scores) - Y) / n
            else:
                shifted = scores - scores.max(axis=1, keepdims=True)
                exponentials = np.exp(shifted)
                sums = exponentials.sum(axis=1, keepdims=True)
                np.mean(np.log(sums) - (Y * shifted).sum(axis=1, keepdims=True))
                delta = (exponentials / sums - Y) / n
            for index in range(len(layers) - 1, -1, -1):
                W, b = layers[index]
                dW, db = signals[index].T @ delta, delta.sum(axis=0)
                if index > 0:
                    delta = (delta @ W.T) * slope(signals[index])
                layers[index] = W - problem.learning_rate * dW, b - problem.learning_rate * db
        return [W for W, _ in layers]

    return fit


def scikit_learn(problem):
    """Set the MLP to full-batch gradient descent, and nothing but that."""
    n, most = len(problem.X), problem.max_iter
    mlp = MLPClassifier(
        problem.widths[1:-1], activation=problem.activation, solver="sgd", momentum=0,
        nesterovs_momentum=False, batch_size=n, shuffle=False, alpha=0, tol=0, max_iter=most,
        learning_rate_init=problem.learning_rate, n_iter_no_change=most + 1,
    )  # fmt: skip
    fit = from_start(mlp, problem)
    return lambda: fit().coefs_


def from_start(mlp, problem):
    """Let scikit-learn's network go on from the given weights in its next fit."""

    def fit():
        with warnings.catch_warnings():
            # That it runs through all iterations is what is wanted here.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mlp.fit(problem.X, problem.y)

    most = mlp.max_iter
    mlp.set_params(warm_start=True, max_iter=1)
    fit()
    mlp.coefs_ = [W.copy() for W, _ in problem.start]
    mlp.intercepts_ = [b.copy() for _, b in problem.start]
    mlp.max_iter = most
    return fit


def pytorch(problem):
    """Train by autograd and the SGD optimizer, as its tutorials do."""
    import torch

    network, set_to_start = torch_network(problem)
    loss = torch.nn.BCEWithLogitsLoss()
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.targets)
    if problem.widths[-1] > 1:
        loss, y = torch.nn.CrossEntropyLoss(), torch.from_numpy(problem.y)
    optimizer = torch.optim.SGD(network.parameters(), lr=problem.learning_rate)

    def fit():
        set_to_start()
        for _ in range(problem.max_iter):
            optimizer.zero_grad()
            value = loss(network(X), y)
            value.backward()
            optimizer.step()
            value.item()
        return torch_weights(network)

    return fit


def torch_network(problem):
    """Return a network, and the function that sets it to its start."""
    import torch

    kinds = {"relu": "ReLU", "tanh": "Tanh", "logistic": "Sigmoid", "identity": "Identity"}
    modules = []
    for W, _ in problem.start:
        modules.append(torch.nn.Linear(*W.shape, dtype=torch.from_numpy(W).dtype))
        modules.append(getattr(torch.nn, kinds[problem.activation])())
    network = torch.nn.Sequential(*modules[:-1])

    def set_to_start():
        with torch.no_grad():
            for linear, (W, b) in zip(network[::2], problem.start, strict=True):
                linear.weight.copy_(torch.from_numpy(W.T))
                linear.bias.copy_(torch.from_numpy(b))

    return network, set_to_start


def torch_weights(network):
    """Return a network's weights, layer by layer."""
    return [linear.weight.detach().numpy().T.copy() for linear in network[::2]]


def pytorch_compiled(problem):
    """Train by one step that `torch.compile` has seen as a whole."""
    import torch

    values = {"relu": torch.relu, "tanh": torch.tanh, "logistic": torch.sigmoid}
    value = values.get(problem.activation, lambda z: z)
    X, y, loss = torch.from_numpy(problem.X), torch.from_numpy(problem.targets), None
    if problem.widths[-1] == 1:
        loss = torch.nn.functional.binary_cross_entropy_with_logits
    else:
        loss, y = torch.nn.functional.cross_entropy, torch.from_numpy(problem.y)

    def mean_loss(layers):
        signal = X
        for W, b in layers[:-1]:
            signal = value(signal @ W + b)
        W, b = layers[-1]
        return loss(signal @ W + b, y)

    @torch.compile
    def step(layers):
        gradients, cost = torch.func.grad_and_value(mean_loss)(layers)
        rate = problem.learning_rate
        pairs = zip(layers, gradients, strict=True)
        return [(W - rate * dW, b - rate * db) for (W, b), (dW, db) in pairs], cost

    start = [(torch.from_numpy(W), torch.from_numpy(b)) for W, b in problem.start]

    def fit():
        layers = start
        with torch.no_grad():
            for _ in range(problem.max_iter):
                layers, cost = step(layers)
                cost.item()
        return [W.numpy() for W, _ in layers]

    step(step(start)[0])
    return fit


def jax(problem, losses=True):
    """Compile the whole loop."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    values = {"relu": jax.nn.relu, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid}
    value = values.get(problem.activation, lambda z: z)
    X, Y = jnp.asarray(problem.X), jnp.asarray(problem.targets)

    def mean_loss(layers):
        signal = X
        for W, b in layers[:-1]:
            signal = value(signal @ W + b)
        W, b = layers[-1]
        scores = signal @ W + b
        if problem.widths[-1] == 1:
            return jnp.mean(jnp.logaddexp(0, scores) - Y * scores)
        return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(scores), axis=1))

    def step(layers, _):
        cost, gradients = jax.value_and_grad(mean_loss)(layers)
        rate = problem.learning_rate
        pairs = zip(layers, gradients, strict=True)
        layers = [(W - rate * dW, b - rate * db) for (W, b), (dW, db) in pairs]
        return layers, cost if losses else None

    loop = jax.jit(lambda layers: jax.lax.scan(step, layers, length=problem.max_iter))
    start = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.start]
    compiled = loop.lower(start).compile()

    def fit():
        layers, _ = jax.block_until_ready(compiled(start))
        return [np.asarray(W) for W, _ in layers]

    return fit


def jax_without_losses(problem):
    """Compile the whole loop, and compute nothing but the weights."""
    return jax(problem, losses=False)


# What each is called, and the module that it needs.
PEERS = {
    "skinit": (skinit, "skinit"),
    "textbook NumPy": (textbook, "numpy"),
    "scikit-learn": (scikit_learn, "sklearn"),
    "PyTorch": (pytorch, "torch"),
    "PyTorch, compiled": (pytorch_compiled, "torch"),
    "JAX": (jax, "jax"),
    "JAX, no losses": (jax_without_losses, "jax"),
}


def installed_peers(names=None, peers=PEERS):
    """Return the peers that can run here, by name, and the names of those that cannot."""
    wanted = {name: peers[name] for name in names or peers}
    found = {
        name: peer for name, (peer, module) in wanted.items() if importlib.util.find_spec(module)
    }
    return found, [name for name in wanted if name not in found]
