"""A grid of networks, data sets and solvers, and how a network of it is trained.

A cell of the grid is one network on one data set with one solver. Every strategy (an initializer)
has the same seeds and learning rates, and the rate is chosen by the accuracy on validation samples.
Reported accuracies are those on test samples.
"""

import itertools
import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skinit import Activation, DivergedError, InitMLPClassifier
from skinit.initializers import EdgeOfChaos
from skinit.solvers import SGD

STRATEGIES = (
    "auto",
    "scikit_learn",
    "pytorch",
    "glorot_uniform",
    "he",
    "activation_gain",
    "orthogonal",
    "lsuv",
    "hadamard",
    "mirrored",
    "edge_of_chaos",
)


# These have no edge of chaos without biases; its error suggests these standard deviations.
SIGMA_B = {"gelu": 0.5, "silu": 1.0, "mish": 0.5, "own": 0.25}


def wave(z):
    """Add a wave to a line, as a custom activation."""
    return 0.5 * z + np.sin(z) ** 2 / 2


def wave_slope(z):
    """Differentiate `wave`."""
    return 0.5 + np.sin(2 * z) / 2


OWN = Activation(wave, wave_slope)
FAMILIES = {
    "linear": ("identity",),
    "ReLU-like": ("relu", "leaky_relu", "elu", "selu"),
    "smooth ReLU-like": ("gelu", "silu", "mish", "softplus"),
    "bounded": ("tanh", "logistic", "softsign", "sin"),
    "custom": ("own",),
}
ACTIVATIONS = tuple(itertools.chain.from_iterable(FAMILIES.values()))
DEPTHS = (1, 2, 5, 10, 20, 50, 100)
WIDTH = 32
SHAPES = {
    "constant": lambda depth: np.full(depth, WIDTH),
    "pyramid": lambda depth: np.geomspace(2 * WIDTH, WIDTH / 4, depth),
    "alternating": lambda depth: np.where(np.arange(depth) % 2, WIDTH / 4, WIDTH),
    "bottleneck": lambda depth: WIDTH * np.linspace(-1, 1, depth) ** 2 * 0.75 + WIDTH / 4,
}
DATA = ("digits", "breast_cancer", "breast_cancer_raw", "wine", "moons")
SOLVERS = {"sgd": SGD(momentum=0.9), "adam": "adam", "gd": "gd"}
# The option --rates says how many are tried: by default two; the third is a lower one.
LEARNING_RATES = {
    "sgd": (0.003, 0.03, 0.0003),
    "adam": (0.0003, 0.003, 0.00003),
    "gd": (0.01, 0.1, 0.001),
}
# The same number of iterations for all data sets, as the epochs of a small one are short.
BATCH_SIZE, STEPS, FULL_BATCH_STEPS = 50, 300, 150


@dataclass(frozen=True, order=True)
class Cell:
    """One network, on one data set, by one solver."""

    activation: str
    depth: int
    shape: str
    data: str
    solver: str


@dataclass(frozen=True, order=True)
class Run:
    """One fit of a cell, and its accuracies."""

    cell: Cell
    strategy: str
    seed: int
    learning_rate: float
    validation: float
    accuracy: float


def all_cells():
    """List the cells of the grid in a fixed random order."""
    grid = itertools.product(ACTIVATIONS, DEPTHS, SHAPES, DATA, SOLVERS)
    # A single hidden layer has no shape.
    cells = [Cell(*values) for values in grid if values[1] > 1 or values[2] == "constant"]
    return [cells[index] for index in np.random.RandomState(0).permutation(len(cells))]


@cache
def load(name):
    """Load a data set in three parts: training, validation and test."""
    loaders = {
        "digits": load_digits,
        "breast_cancer": load_breast_cancer,
        "breast_cancer_raw": load_breast_cancer,
        "wine": load_wine,
    }
    if name == "moons":
        X, y = make_moons(600, noise=0.2, random_state=1)
    else:
        X, y = loaders[name](return_X_y=True)
    rest = X.astype(np.float32), y
    parts = []
    for share in (0.2, 0.25):
        X, X_held_out, y, y_held_out = train_test_split(
            *rest, test_size=share, stratify=rest[1], random_state=0
        )
        rest = X, y
        parts.append((X_held_out, y_held_out))
    if name != "breast_cancer_raw":
        scaler = StandardScaler().fit(rest[0])
        rest, *parts = ((scaler.transform(X), y) for X, y in (rest, *parts))
    return rest, parts[1], parts[0]


def base_rate(name):
    """Return the share of the largest class: the accuracy of the best constant prediction."""
    _, y = load(name)[2]
    return np.bincount(y).max() / len(y)


def hidden_activation(name):
    """Return the `activation` of an estimator for a name in ACTIVATIONS."""
    return OWN if name == "own" else name


def init_of(strategy, activation):
    """Return the `init` of an estimator for a strategy and an activation."""
    if strategy == "edge_of_chaos":
        return EdgeOfChaos(sigma_b=SIGMA_B.get(activation, 0.0))
    return strategy


def network_of(cell, strategy, seed, learning_rate):
    """Return the network of a cell, not fitted yet."""
    n_batches = -(-len(load(cell.data)[0][1]) // BATCH_SIZE)
    full_batch = cell.solver == "gd"
    return InitMLPClassifier(
        tuple(int(width) for width in SHAPES[cell.shape](cell.depth).round()),
        init=init_of(strategy, cell.activation),
        activation=hidden_activation(cell.activation),
        solver=SOLVERS[cell.solver],
        learning_rate=learning_rate,
        batch_size=None if full_batch else BATCH_SIZE,
        max_iter=FULL_BATCH_STEPS if full_batch else -(-STEPS // n_batches),
        random_state=seed,
    )


def fit(cell, strategy, seed, learning_rate):
    """Train a network once."""
    train, validation, test = load(cell.data)
    model = network_of(cell, strategy, seed, learning_rate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about predictions that are all the same
        try:
            model.fit(*train)
        except DivergedError:
            return Run(cell, strategy, seed, learning_rate, 0.0, 0.0)
        except ValueError as error:
            if "edge of chaos" not in str(error):
                raise
            return Run(cell, strategy, seed, learning_rate, 0.0, 0.0)
        return Run(
            cell, strategy, seed, learning_rate, model.score(*validation), model.score(*test)
        )


def train_from(cell, strategy, n_seeds, n_rates, done=()):
    """Choose the learning rate with the first seed, and train with all seeds; return all runs.

    Runs in `done` are not repeated.
    """
    done = {(run.seed, run.learning_rate): run for run in done}

    def run(seed, rate):
        if (seed, rate) not in done:
            done[seed, rate] = fit(cell, strategy, seed, rate)
        return done[seed, rate]

    rates = LEARNING_RATES[cell.solver][:n_rates]
    best = best_rate([run(0, rate) for rate in rates])
    for seed in range(1, n_seeds):
        run(seed, best)
    return list(done.values())


def best_rate(runs):
    """Return the learning rate of the run with the best validation accuracy."""
    return max(runs, key=lambda run: run.validation).learning_rate
