"""
Two moons, a custom initializer, and luck
=========================================

The second classic experiment: zeros, large random weights and He on two interleaving half circles,
with ReLU layers of 12 and 6 units. In its tutorial only the hidden layers use the initializers that
are compared; the output layer has a default. This page does the same with
:class:`~skinit.initializers.PerLayer`, adds an initializer that is a plain function, and then asks
how much of the outcome is due to the seed.
"""

# %%
# An initializer for each layer
# -----------------------------
#
# ``PerLayer(hidden="zeros")`` is zeros for the hidden layers and He for the output layer.
# ``PerLayer(first=..., hidden=..., output=...)`` sets all three.

# sphinx_gallery_thumbnail_number = 3
from skinit import InitMLPClassifier, load_moons
from skinit.initializers import PerLayer

inits = {name: PerLayer(hidden=name, output="he") for name in ("zeros", "random", "he")}

# %%
# A custom initializer
# --------------------
#
# An initializer can be any function that takes a layer and a random number generator, and returns
# the weights, of shape ``(layer.fan_in, layer.fan_out)``, and the biases.
#
# A column of the weights belongs to one unit: its direction says what the unit responds to, its
# length how strongly. The columns of a Gaussian draw have different lengths, and with two inputs
# some are much shorter than others. The function below draws directions that are uniform on the
# sphere, and gives all columns the same length: the root mean square of the lengths of He's
# columns.

import numpy as np


def random_directions(layer, rng):
    """Draw weight vectors of equal length, with directions that are uniform on the sphere."""
    W = rng.normal(size=(layer.fan_in, layer.fan_out))
    W *= np.sqrt(2) / np.linalg.norm(W, axis=0)
    return W, np.zeros(layer.fan_out)


inits["directions"] = PerLayer(hidden=random_directions, output="he")

# %%
# Train from all four
# -------------------

from skinit.comparison import compare_inits

data = X_train, y_train, X_test, y_test = load_moons()
comparison = compare_inits(InitMLPClassifier((12, 6)), inits, *data, random_states=[149])
print(comparison)

# %%
# Zeros cannot learn, and He can, as on the circles. Large random weights end in between, and the
# function does as well as He. A fitted model records the initializer of each layer.

print(*comparison.of("directions")[0].estimator.init_resolved_, sep="\n")

# %%
# With large random weights, the loss oscillates and ends high; the others fall smoothly, or not at
# all.

from skinit import LossCurveDisplay

display = LossCurveDisplay.from_estimators(comparison.estimators())
display.ax_.set_title("Two moons: loss during training")

# %%

from skinit import DecisionBoundaryPanel

titled = {
    f"{run.init}\ntrain {run.train_score:.0%}, test {run.test_score:.0%}": run.estimator
    for run in comparison.runs
}
DecisionBoundaryPanel.from_estimators(titled, X_train, y_train)

# %%
# One seed is an anecdote
# -----------------------
#
# The seed 149 was chosen for this page, because with it the large random weights end about where
# they end in the tutorial, at a training accuracy of 85%. Is that what usually happens? Here is
# the same network with large random weights of the seeds 0 to 9, trained for 15,000 iterations
# again.
#
# The function below does what ``fit`` does, with the building blocks of skinit. That makes it
# possible to replace the loss, which is needed below.

from joblib import Parallel, delayed

from skinit.activations import ReLU
from skinit.core import Network, Plan, Problem, TrainingData, forward, layer_views
from skinit.initializers import build_parameters
from skinit.losses import LOSSES, BinaryCrossEntropy
from skinit.schedules import ConstantRate
from skinit.solvers import GradientDescent
from skinit.training import RunState, train


def accuracy_from_large_weights(seed, loss):
    """Train from large random weights; return the test accuracy."""
    network = Network((2, 12, 6, 1), (ReLU(), ReLU()), loss)
    initial, _ = build_parameters(inits["random"], network, np.random.RandomState(seed))
    data = TrainingData(X_train, y_train[:, np.newaxis].astype(float))
    plan = Plan(GradientDescent(), ConstantRate(0.01), max_iter=15000)
    result = train(Problem(network, data, plan), RunState(initial))
    signals, _ = forward(network, layer_views(network, result.parameters), X_test)
    return np.mean((signals[-1][:, 0] > 0) == y_test)


def accuracies_from_large_weights(loss):
    """Train with the seeds 0 to 9, two at a time."""
    runs = (delayed(accuracy_from_large_weights)(seed, loss) for seed in range(10))
    return np.array(Parallel(n_jobs=2)(runs))


from_logits = accuracies_from_large_weights(LOSSES["binary_cross_entropy"])


def spread(accuracies):
    """Format median and range."""
    return (
        f"median {np.median(accuracies):.1%}, from {accuracies.min():.0%} to {accuracies.max():.0%}"
    )


seed_149 = comparison.of("random")[0].test_score
print(f"seed 149:      {seed_149:.0%}")
print(f"seeds 0 to 9: {spread(from_logits)}")

# %%
# None of the ten ends as low as seed 149. On this problem, most large random weights recover.
#
# A likely reason why the tutorial's run does not
# -----------------------------------------------
#
# The tutorial computes its cost from the probability p, as the logarithm of p + 0.00001, which is
# never the logarithm of 0. (The number can be read off the cost that it prints for zeros:
# 0.69312718 is -log(0.50001), whereas log 2 is 0.69314718.) For a sample of class 1, the derivative
# of that cost w.r.t. the logit is -p (1 - p) / (p + 0.00001). For a confidently wrong prediction, p
# is far below 0.00001, and the derivative is almost 0: the network learns nothing from its worst
# mistakes. Computed from the logit, the derivative for such a sample is almost -1.
#
# If that matters, the same ten initial weights must end lower with the tutorial's cost. It takes a
# few lines to try.


class RoundedCrossEntropy(BinaryCrossEntropy):
    """Cross-entropy of a probability that is kept away from 0 by adding a small number."""

    def __init__(self, epsilon=1e-5):
        self.epsilon = epsilon

    def per_sample(self, scores, targets):
        p = self.link(scores)
        yes, no = np.log(p + self.epsilon), np.log(1 - p + self.epsilon)
        return -(targets * yes + (1 - targets) * no).sum(axis=-1)

    def gradient(self, scores, targets):
        p = self.link(scores)
        yes, no = 1 / (p + self.epsilon), 1 / (1 - p + self.epsilon)
        return ((1 - targets) * no - targets * yes) * p * (1 - p)


confident_mistake = np.array([[-40.0]]), np.array([[1.0]])
for loss in (BinaryCrossEntropy(), RoundedCrossEntropy()):
    print(f"{type(loss).__name__}: derivative {loss.gradient(*confident_mistake).item():.2g}")

from_probabilities = accuracies_from_large_weights(RoundedCrossEntropy())
print(f"\ncost from logits:        {spread(from_logits)}")
print(f"cost from probabilities: {spread(from_probabilities)}")

# %%
# The initial weights and the data are the same in both rows of the picture. Each dot is a seed; the
# line is the median.

import matplotlib.pyplot as plt

rows = {"cost from\nlogits": from_logits, "cost from\nprobabilities": from_probabilities}
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
for height, accuracies in enumerate(rows.values()):
    # Dots of equal accuracy are stacked.
    for accuracy in np.unique(accuracies):
        n_seeds = np.sum(accuracies == accuracy)
        offsets = 0.07 * (np.arange(n_seeds) - (n_seeds - 1) / 2)
        ax.plot(np.full(n_seeds, accuracy), height + offsets, "o", color=f"C{height}", alpha=0.7)
    ax.vlines(np.median(accuracies), height - 0.35, height + 0.35, color=f"C{height}", linewidth=2)
ax.axvline(seed_149, color="gray", linestyle=":")
ax.text(seed_149 - 0.005, -0.45, "seed 149,\nfrom logits", ha="right", va="top", color="gray")
ax.set(
    yticks=range(len(rows)),
    yticklabels=rows,
    ylim=(len(rows) - 0.5, -0.6),
    xlabel="test accuracy",
    title="Two moons from large random weights: 10 seeds",
)
ax.xaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1))
ax.grid(axis="x", alpha=0.3)

# %%
# So large initial weights are a handicap that the network overcomes on this problem, as long as its
# worst mistakes contribute to the gradient. Two lessons remain:
#
# * compare initializers over several seeds, with ``random_states`` of
#   :func:`~skinit.comparison.compare_inits`, before you believe in a difference;
# * compute a cost from the logits. skinit always does.

plt.show()
