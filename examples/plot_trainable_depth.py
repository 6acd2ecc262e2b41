"""
Order, chaos, and the depth that can be trained
===============================================

In a deep network of tanh units, small random weights make all samples similar from layer to layer,
and large ones make similar samples as different as any others. Either way the network loses the
information about the samples. Schoenholz, Gilmer, Ganguli and Sohl-Dickstein (2017) computed over
how many layers that happens, the depth scale, and found that networks train with up to about six
times as many layers. This page shows the same for handwritten digits.
"""

# %%
# The depth scale
# ---------------
#
# Biases have the variance 0.05. Between order and chaos is the edge of chaos, where samples differ
# at any depth: :func:`~skinit.mean_field.critical_point` finds it, and
# :func:`~skinit.mean_field.depth_scales` computes the depth scale on both sides.

import numpy as np

from skinit._support import text_table
from skinit.activations import Tanh
from skinit.mean_field import critical_point, depth_scales

BIAS_VARIANCE = 0.05
edge, _ = critical_point(Tanh(), BIAS_VARIANCE)
print(f"edge of chaos: weight variance {edge:.3f} / fan-in")


def trainable_depth(weight_variance):
    """Six times the depth scale of the correlation of two samples."""
    _, of_correlation = depth_scales(Tanh(), weight_variance, BIAS_VARIANCE)
    return 6 * of_correlation


# %%
# Training in order and in chaos
# ------------------------------
#
# Networks of 10 to 60 layers of 50 units, trained for 15 epochs, one seed each. The initializer is
# composed of Gaussian weights, and of biases from a function.

import warnings

from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skinit import InitMLPClassifier
from skinit.initializers import LeCun, WithBias

X, y = load_digits(return_X_y=True)
X = X - X.mean(axis=0)
# One standard deviation for all pixels, as that of an always white pixel is 0.
X = (X / X.std()).astype(np.float32)


def gaussian_biases(layer, rng):
    """Draw biases of variance BIAS_VARIANCE."""
    return rng.normal(0, np.sqrt(BIAS_VARIANCE), layer.fan_out)


def accuracy(weight_variance, depth):
    """Train a network; return its training accuracy."""
    model = InitMLPClassifier(
        (50,) * depth,
        activation="tanh",
        init=WithBias(LeCun(gain=np.sqrt(weight_variance)), gaussian_biases),
        solver="sgd",
        learning_rate=0.003,
        batch_size=100,
        max_iter=15,
        random_state=0,
    )
    with warnings.catch_warnings():
        # Networks that do not learn predict the same for all digits, and warn about it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y).score(X, y)


depths = (10, 20, 30, 40, 50, 60)
weight_variances = np.arange(1.0, 4.1, 0.3)
runs = [(variance, depth) for depth in depths for variance in weight_variances]
results = Parallel(n_jobs=2)(delayed(accuracy)(*run) for run in runs)
accuracies = np.reshape(results, (len(depths), len(weight_variances)))

rows = [
    ["6 depth scales", *(f"{trainable_depth(variance):.0f}" for variance in weight_variances)]
] + [
    [f"{depth} layers", *(f"{found:.0%}" for found in of_depth)]
    for depth, of_depth in zip(depths, accuracies, strict=True)
]
print(text_table(["weight variance", *(f"{variance:.1f}" for variance in weight_variances)], rows))

# %%
# The picture has a cell for each network, and the line is six times the depth scale.

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
cells = ax.pcolormesh(weight_variances, depths, accuracies, shading="nearest", vmin=0, vmax=1)
limits = ax.get_xlim(), ax.get_ylim()
along = np.linspace(*limits[0], 200)
ax.plot(along, [trainable_depth(v) for v in along], color="white", label="6 depth scales")
ax.axvline(edge, color="white", linestyle=":", label="edge of chaos")
ax.set(
    xlim=limits[0],
    ylim=limits[1],
    xlabel="weight variance, times the fan-in",
    ylabel="hidden layers",
    yticks=depths,
    title="Digits, tanh: training accuracy after 15 epochs",
)
ax.legend(loc="upper right", facecolor="gray", labelcolor="white")
fig.colorbar(cells, ax=ax, format=PercentFormatter(1))

# %%
# On both sides training fails close to the line, in chaos a little earlier, although the theory
# only describes initial weights and infinitely wide layers. Near the edge of chaos the line allows
# for more than a hundred layers; there the 15 epochs and the 50 units per layer are the limit.
#
# :class:`~skinit.initializers.EdgeOfChaos` initializes a network on the edge, for any activation.

plt.show()
