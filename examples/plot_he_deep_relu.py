"""
He initialization, and how deep a ReLU network can be
=====================================================

Glorot initialization was made for units that are linear around 0. ReLU halves the mean square of a
signal, so that every layer loses half of it. He, Zhang, Ren and Sun (2015) multiplied the weights
by the square root of two, and trained a network of 30 layers that does not learn with Glorot
initialization. This page repeats their experiment with layers of 64 units on handwritten digits.
"""

# %%
# The size of the signal
# ----------------------
#
# In theory, the mean square of the signal is multiplied by half of the weight variance times the
# fan-in: by 1 with He's weights, and by 1/2 with Glorot's in layers of equal widths.
# :func:`~skinit.mean_field.variance_map` computes it for any activation.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skinit import initialize_parameters
from skinit._support import text_table
from skinit.activations import ReLU
from skinit.mean_field import variance_map

X, y = load_digits(return_X_y=True)
X = X - X.mean(axis=0)
# One standard deviation for all pixels, as that of an always white pixel is 0.
X = (X / X.std()).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=1400, stratify=y, random_state=0
)


def squares_by_layer(init, seed, n_layers=30):
    """Send the digits through layers of 64 units; return mean squares relative to the first."""
    initial = initialize_parameters([64] * (n_layers + 1), init, seed)
    signal, squares = X_train.T, []
    for number in range(1, n_layers + 1):
        pre_activations = initial[f"W{number}"] @ signal
        squares.append(np.mean(pre_activations**2))
        signal = np.maximum(pre_activations, 0)
    return np.array(squares) / squares[0]


inits = ("glorot", "he")
seeds = range(5)
squares = {init: np.array([squares_by_layer(init, seed) for seed in seeds]) for init in inits}
factors = {"glorot": variance_map(ReLU(), 1.0, 1.0), "he": variance_map(ReLU(), 1.0, 2.0)}
rows = []
for init, measured in squares.items():
    in_theory = factors[init] ** 29
    # The geometric mean, as sizes of products of random matrices vary by factors.
    typical = np.exp(np.log(measured[:, 29]).mean())
    rows.append([init, f"{factors[init]:.2g}", f"{in_theory:.2g}", f"{typical:.2g}"])
print(text_table(["init", "one layer", "29 layers, in theory", "measured"], rows))

# %%
# With He's weights the signal fades a little, too: theory is for wide layers, and with 64 units the
# factor of a layer is random; a product of random factors is more often small than large. Glorot's
# weights have the same seeds and differ only in scale, and their signal has lost nine orders of
# magnitude.
#
# Training
# --------
#
# Networks of four depths, 20 epochs each, three seeds. The best learning rate may depend on the
# initializer, so each depth and initializer has the rate, of two, with the lower training loss.

import warnings

from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from skinit import DivergedError, InitMLPClassifier

depths = (5, 10, 20, 30)
rates = (0.001, 0.01)


def loss_and_accuracy(depth, init, rate, seed):
    """Train a network; return its loss and its test accuracy."""
    model = InitMLPClassifier(
        (64,) * depth, init=init, solver="sgd", learning_rate=rate, batch_size=100, max_iter=20,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        # Networks that do not learn predict the same for all digits, and warn about it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(X_train, y_train)
        except DivergedError:
            return np.inf, np.nan
    return model.loss_, model.score(X_test, y_test)


settings = [(d, init, r, s) for d in depths for init in inits for r in rates for s in range(3)]
results = Parallel(n_jobs=2)(delayed(loss_and_accuracy)(*setting) for setting in settings)
outcomes = np.array(results).reshape(len(depths), len(inits), len(rates), 3, 2)

rows, accuracies = [], {init: [] for init in inits}
for depth, of_depth in zip(depths, outcomes, strict=True):
    for init, of_init in zip(inits, of_depth, strict=True):
        best = of_init[..., 0].mean(axis=1).argmin()
        accuracies[init].append(of_init[best, :, 1])
        rows.append(
            [str(depth), init, f"{rates[best]:g}", *(f"{a:.0%}" for a in of_init[best, :, 1])]
        )
print(text_table(["hidden layers", "init", "rate", "seed 0", "seed 1", "seed 2"], rows))

# %%

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
layers = np.arange(1, 31)
for number, init in enumerate(inits):
    left.plot(layers, squares[init].T, color=f"C{number}", alpha=0.5, linewidth=1)
    left.plot(
        layers,
        factors[init] ** (layers - 1.0),
        "--",
        color=f"C{number}",
        label=f"{init}, in theory",
    )
    right.plot(depths, np.mean(accuracies[init], axis=1), color=f"C{number}", label=init)
    right.plot(depths, accuracies[init], "o", color=f"C{number}", alpha=0.6)
left.set(
    yscale="log",
    xlabel="layer",
    ylabel="mean square, relative to layer 1",
    title="Initial weights: five seeds, and theory",
)
right.set(
    xlabel="hidden layers",
    xticks=depths,
    ylabel="test accuracy",
    ylim=(0, 1),
    title="After 20 epochs: three seeds, and their mean",
)
right.yaxis.set_major_formatter(PercentFormatter(1))
for ax in (left, right):
    ax.grid(alpha=0.3)
    ax.legend(loc="lower left")

# %%
# With five layers the initializer makes little difference, with thirty it decides whether the
# network learns. The digits are the same at all depths: the difference is how much of the signal,
# and of the gradient, passes through the layers.

plt.show()
