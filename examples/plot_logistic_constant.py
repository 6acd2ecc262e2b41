"""
Logistic units that predict constant probabilities
==================================================

A deep network of logistic units with scikit-learn's initialization can predict the same
probabilities for all samples after training. This page shows when that happens, what theory says
about it, and which initializers help.
"""

# %%
# It happens to scikit-learn's own network
# ----------------------------------------
#
# Handwritten digits, hidden layers of 32 logistic units, the defaults of
# :class:`sklearn.neural_network.MLPClassifier` but for the solver. The spread is the largest
# standard deviation over samples of the probability of a class: 0 if the probabilities are the same
# for all samples.

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skinit._support import text_table

X, y = load_digits(return_X_y=True)
X = X - X.mean(axis=0)
# One standard deviation for all pixels, as that of an always white pixel is 0.
X = (X / X.std()).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=1400, stratify=y, random_state=0
)
# Warnings about constant predictions, or about a loss that still falls, are expected here.
warnings.simplefilter("ignore", ConvergenceWarning)

rows = []
for solver in ("sgd", "adam"):
    for n_hidden in (1, 2, 4, 8):
        model = MLPClassifier(
            (32,) * n_hidden, activation="logistic", solver=solver, random_state=0
        )
        model.fit(X_train, y_train)
        spread = model.predict_proba(X_test).std(axis=0).max()
        accuracy = model.score(X_test, y_test)
        rows.append([solver, str(n_hidden), str(model.n_iter_), f"{spread:.4f}", f"{accuracy:.0%}"])
print(text_table(["solver", "hidden layers", "epochs", "spread", "test accuracy"], rows))

# %%
# Adam, whose steps do not shrink with the gradient, gets further than SGD. With eight layers both
# stop after a few epochs, as the loss does not decrease.
#
# Why samples become indistinguishable
# ------------------------------------
#
# scikit-learn draws the weights of logistic units with a third of Glorot and Bengio's variance: in
# layers of equal widths, 1/3 over the fan-in. Its biases have the same variance as its weights. A
# logistic unit, whose slope is 1/4 at most, passes on at most a sixteenth of the variance of its
# pre-activation, and adds a mean of 1/2 that is the same for all samples.
#
# Mean-field theory predicts the effect on two samples: :func:`~skinit.mean_field.correlation_map`
# computes their correlation c from layer to layer, and :func:`~skinit.mean_field.depth_scales` the
# number of layers in which their difference, 1 - c, shrinks to 1/e of itself. Kumar's
# initialization makes up for the slope and for the mean, and on the edge of chaos samples differ at
# any depth.

from skinit.activations import Logistic
from skinit.mean_field import correlation_map, critical_point, depth_scales, gain, variance_map

critical_variance, critical_q = critical_point(Logistic())
# Weight variance times the fan-in, bias variance, and mean square at the first layer.
settings = {
    "scikit_learn": (1 / 3, 1 / (3 * 32), 1 / 3),
    "glorot": (1.0, 0.0, 1.0),
    "activation_gain": (gain(Logistic()) ** 2, 0.0, 1.0),
    "kumar": (12.8, 0.0, 12.8),
    "edge_of_chaos": (critical_variance, 0.0, critical_q),
}
rows = []
for name, (weight_variance, bias_variance, _) in settings.items():
    _, layers = depth_scales(Logistic(), weight_variance, bias_variance)
    rows.append([name, f"{weight_variance:.2f}", f"{layers:.2f}"])
print(text_table(["init", "weight variance * fan-in", "depth scale, in layers"], rows))


def differences_by_layer(weight_variance, bias_variance, q, n_layers=8):
    """Send two uncorrelated samples through layers, in theory; return 1 - c at each layer."""
    c, differences = 0.0, []
    for _ in range(n_layers):
        differences.append(1 - c)
        c = correlation_map(Logistic(), c, q, weight_variance, bias_variance)
        q = variance_map(Logistic(), q, weight_variance, bias_variance)
    return differences


# %%
# With the initialization of scikit-learn, and with Glorot's, all digits give nearly the same signal
# after a few layers. Weights that keep the mean square of the signal, as those of
# :class:`~skinit.initializers.ActivationGain` do, are half of the solution: most of the mean square
# is the mean, which all samples have in common.
#
# Which initializers help
# -----------------------
#
# SGD, 50 epochs, three seeds. The best learning rate may depend on the initializer, so each depth
# and initializer has the rate, of two, with the lower training loss. The table has the mean test
# accuracy.

from joblib import Parallel, delayed

from skinit import InitMLPClassifier

depths = (1, 2, 4, 6, 8)
rates = (0.01, 0.1)


def loss_and_accuracy(depth, init, rate, seed):
    """Train a network; return its loss and its test accuracy."""
    model = InitMLPClassifier(
        (32,) * depth, init=init, activation="logistic", solver="sgd", learning_rate=rate,
        batch_size=100, max_iter=50, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X_train, y_train)
    return model.loss_, model.score(X_test, y_test)


runs = [(d, init, r, s) for d in depths for init in settings for r in rates for s in range(3)]
results = Parallel(n_jobs=2)(delayed(loss_and_accuracy)(*run) for run in runs)
outcomes = np.array(results).reshape(len(depths), len(settings), len(rates), 3, 2).mean(axis=3)
best = outcomes[..., 0].argmin(axis=-1)
accuracies = np.take_along_axis(outcomes[..., 1], best[..., np.newaxis], axis=-1)[..., 0]
rows = [
    [name, *(f"{accuracy:.0%}" for accuracy in of_init)]
    for name, of_init in zip(settings, accuracies.T, strict=True)
]
print(text_table(["hidden layers", *map(str, depths)], rows))

# %%
# The order of the initializers is that of their depth scales, but for the last one. On the edge of
# chaos samples differ most, but units are saturated and learn more slowly. Kumar's initialization
# is the one to use.
#
# The dots on the left are measured: the share of the mean square of the pre-activations that
# differs between samples, in networks with eight layers of 32 units, over five seeds.

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter
from scipy.special import expit

from skinit import initialize_parameters


def measured_difference(init, seed):
    """Send the digits through a network; return the share that differs, at each layer."""
    initial = initialize_parameters([64] + [32] * 8, init, seed, activation="logistic")
    signal, shares = X_train.T, []
    for number in range(1, 9):
        z = initial[f"W{number}"] @ signal + initial[f"b{number}"]
        shares.append(z.var(axis=1).mean() / np.mean(z**2))
        signal = expit(z)
    return shares


fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
layers = np.arange(1, 9)
for number, (name, setting) in enumerate(settings.items()):
    left.plot(layers, differences_by_layer(*setting), color=f"C{number}", label=name)
    shares = np.mean([measured_difference(name, seed) for seed in range(5)], axis=0)
    left.plot(layers, shares, "o", color=f"C{number}", alpha=0.6)
    right.plot(depths, accuracies[:, number], "o-", color=f"C{number}", label=name)
left.set(
    yscale="log",
    xlabel="layer",
    ylabel="1 - correlation of two samples",
    title="Initial weights: lines are theory, dots measured",
)
right.set(
    xlabel="hidden layers",
    xticks=depths,
    ylabel="test accuracy",
    ylim=(0, 1),
    title="After 50 epochs",
)
right.yaxis.set_major_formatter(PercentFormatter(1))
for ax in (left, right):
    ax.grid(alpha=0.3)
left.legend(loc="lower left")
plt.show()
