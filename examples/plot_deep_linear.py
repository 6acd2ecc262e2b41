"""
Orthogonal weights, and the training time of deep linear networks
=================================================================

A deep network of linear units can compute no more than a single layer, but it learns like a deep
network. Saxe, McClelland and Ganguli (2013) found that with orthogonal initial weights the training
time does not grow with the depth, and that with Gaussian ones it does, even if these keep the size
of a signal. This page repeats their experiment on handwritten digits.
"""

# %%
# Two initializers of the same size
# ---------------------------------
#
# Both keep the mean square of a signal from layer to layer, on average: Gaussian weights of the
# variance 1 / fan-in, and random orthogonal matrices.

import numpy as np

from skinit import initialize_parameters

inits = {"Gaussian": "lecun", "orthogonal": "orthogonal"}

# %%
# But the size of the signal is not everything. The network as a whole is the product of its
# matrices, and each singular value is the factor on one direction. A product of orthogonal matrices
# is orthogonal, and treats all directions in the same way. A product of Gaussian matrices amplifies
# a few directions and suppresses the others, the more so the deeper it is.

from skinit._support import text_table


def singular_values(init, n_layers):
    """Return the singular values of a product of square matrices, the largest first."""
    initial = initialize_parameters([64] * (n_layers + 1), init, random_state=0)
    product = np.eye(64)
    for number in range(1, n_layers + 1):
        product = initial[f"W{number}"] @ product
    return np.linalg.svd(product, compute_uv=False)


depths = (2, 4, 8, 16, 32)
spectra = {name: [singular_values(init, depth) for depth in depths] for name, init in inits.items()}
rows = []
for name, of_init in spectra.items():
    for depth, values in zip(depths, of_init, strict=True):
        rows.append([name, str(depth), f"{values[0]:.2f}", f"{np.median(values):.2g}"])
print(text_table(["weights", "layers", "largest singular value", "median"], rows))

# %%
# Training time
# -------------
#
# Full-batch gradient descent on 500 digits, until the loss is below 0.2. A deep network may need
# another learning rate than a shallow one, so each has the one of seven with the fewest iterations.
# There are two seeds, and a run that takes more than 150 iterations counts as a failure.

import warnings

from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skinit import DivergedError, InitMLPClassifier

X, y = load_digits(return_X_y=True)
X = X - X.mean(axis=0)
# One standard deviation for all pixels, as that of an always white pixel is 0.
X, y = (X / X.std())[:500].astype(np.float32), y[:500]

rates = 0.64 / 2.0 ** np.arange(7)
seeds = (0, 1)


def iterations(depth, init, rate, seed, limit=150):
    """Train until the loss is below 0.2; return how many iterations that takes."""
    model = InitMLPClassifier(
        (64,) * (depth - 1),
        activation="identity",
        init=init,
        learning_rate=rate,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for iteration in range(limit + 1):
            try:
                model.partial_fit(X, y, classes=range(10))
            except DivergedError:
                break
            # This loss is the one before the last step.
            if model.loss_curve_[-1] < 0.2:
                return iteration
    return np.inf


runs = [(d, init, r, s) for init in inits.values() for d in depths for s in seeds for r in rates]
results = Parallel(n_jobs=2)(delayed(iterations)(*run) for run in runs)
results = np.reshape(results, (len(inits), len(depths), len(seeds), len(rates)))

rows = []
for name, of_init in zip(inits, results, strict=True):
    for depth, of_depth in zip(depths, of_init, strict=True):
        best = ", ".join(f"{rates[each.argmin()]:.2g}" for each in of_depth)
        rows.append([name, str(depth), *(f"{each.min():.0f}" for each in of_depth), best])
print(text_table(["weights", "layers", "iterations, seed 0", "seed 1", "rates"], rows))

# %%

import matplotlib.pyplot as plt

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for number, (name, of_init) in enumerate(spectra.items()):
    for depth, values, alpha in zip(depths, of_init, (0.2, 0.4, 0.6, 0.8, 1), strict=True):
        label = name if depth == depths[-1] else None
        left.plot(range(1, 65), values, color=f"C{number}", alpha=alpha, label=label)
for number, (name, of_init) in enumerate(zip(inits, results, strict=True)):
    fewest = of_init.min(axis=-1)
    right.plot(depths, fewest.mean(axis=1), color=f"C{number}", label=name)
    right.plot(depths, fewest, "o", color=f"C{number}", alpha=0.6)
for depth, values in zip(depths, spectra["Gaussian"], strict=True):
    left.annotate(f"{depth} layers", (33, values[31]), fontsize="small", va="bottom")
left.set(
    yscale="log",
    ylim=(1e-8, 10),
    xlabel="number of the singular value",
    ylabel="singular value of the product",
    title="Initial weights",
)
right.set(
    xscale="log",
    xlabel="layers",
    xticks=depths,
    xticklabels=depths,
    ylim=(0, None),
    ylabel="iterations",
    title="Until the loss is below 0.2, at the best rate",
)
right.minorticks_off()
for ax in (left, right):
    ax.grid(alpha=0.3)
left.legend(loc="lower left")
right.legend(loc="upper left")

# %%
# With two layers both initializers are equally good. With 32, Gaussian weights need a small
# learning rate because of the few directions that they amplify, with which the others learn slowly;
# with orthogonal weights the network learns as fast as a shallow one.

plt.show()
