"""
Zeros, large random and He: the circles experiment
==================================================

The classic experiment about weight initialization. One network learns to tell two circles apart,
three times. Only the initial weights differ: all zero, large random weights, or the random weights
of He et al. (2015).

The network has two inputs, ReLU layers of 10 and 5 units, and one output. It is trained by
15,000 iterations of full-batch gradient descent with a learning rate of 0.01. All of these are the
defaults of :class:`~skinit.InitMLPClassifier`.
"""

# %%
# Train three times
# -----------------
#
# :func:`~skinit.comparison.compare_inits` fits the same estimator with each initializer and
# collects the results. The loss is the cross-entropy in nats, the score is the accuracy.

# sphinx_gallery_thumbnail_number = 2
from skinit import InitMLPClassifier, load_circles
from skinit.comparison import compare_inits

data = X_train, y_train, X_test, y_test = load_circles()
inits = ["zeros", "random", "he"]
comparison = compare_inits(InitMLPClassifier(), inits, *data, random_states=[3])
print(comparison)

# %%
# Note two things in the table. A prediction of 0.5 for every sample has a loss of log 2, which is
# 0.6931: with zeros, this is the loss before and after training. With large random weights, the
# initial loss is in the thousands. Many implementations print ``inf`` here, because they take the
# logarithm of a probability that has been rounded to 0. skinit computes the loss from the logits,
# and it stays finite.
#
# The outcome of each run is also described in words.

import textwrap

for run in comparison.runs:
    print(textwrap.fill(f"{run.init}: {run.outcome}", width=75, subsequent_indent="    "))

# %%
# The weights before training
# ---------------------------
#
# :func:`~skinit.initialize_parameters` draws initial weights without any training. It returns them
# as ``W1``, ``W2``, ..., each of shape (units, inputs), and the biases as ``b1``, ``b2``, ...; all
# biases are zero here.

from skinit import initialize_parameters

for init in inits:
    parameters = initialize_parameters([2, 10, 5, 1], init=init, random_state=3)
    print(f"{init}, the first four of ten units:\n{parameters['W1'][:4]}\n")

# %%
# "random" and "he" are the *same* draws, scaled differently. The standard deviation of "random" is
# 10 in every layer. He's is the square root of 2 / (number of inputs of the layer), so it is
# smaller for layers with more inputs.

large = initialize_parameters([2, 10, 5, 1], init="random", random_state=3)
he = initialize_parameters([2, 10, 5, 1], init="he", random_state=3)
for name in ("W1", "W2", "W3"):
    ratio = large[name] / he[name]
    n_inputs = he[name].shape[1]
    print(f"{name}: {n_inputs:2} inputs, ratio {ratio.min():.2f} to {ratio.max():.2f}")

# %%
# A fitted model keeps its initial weights in ``initial_coefs_``, in the shape of ``coefs_``:
# (inputs, units), the transpose of the above.

import numpy as np

model = comparison.of("he")[0].estimator
print(np.array_equal(model.initial_coefs_[0].T, he["W1"]))

# %%
# Loss curves
# -----------
#
# With large random weights, the loss begins far above the others, and oscillates before it settles.
# This is why the display chooses a logarithmic axis.

from skinit import LossCurveDisplay

display = LossCurveDisplay.from_estimators(comparison.estimators())
display.ax_.set_title("Two circles: loss during training")

# %%
# Decision boundaries
# -------------------

from skinit import DecisionBoundaryPanel

titled = {
    f"{run.init}\ntrain {run.train_score:.0%}, test {run.test_score:.0%}": run.estimator
    for run in comparison.runs
}
DecisionBoundaryPanel.from_estimators(titled, X_train, y_train)

# %%
# What each initialization teaches
# --------------------------------
#
# How far did training move the weights of each layer, relative to the size of the initial weights?

for init in ("random", "he"):
    model = comparison.of(init)[0].estimator
    pairs = zip(model.initial_coefs_, model.coefs_, strict=True)
    moved = [np.linalg.norm(after - before) / np.linalg.norm(before) for before, after in pairs]
    print(f"{init:6}", ", ".join(f"layer {i}: {share:.0%}" for i, share in enumerate(moved, 1)))

zeros = comparison.of("zeros")[0].estimator
print("zeros:", "some weights moved" if any(W.any() for W in zeros.coefs_) else "no weight moved")

# %%
# **Zeros never learn.** All ReLU units output 0, so the weights of the next layer get no gradient;
# and all weights are 0, so no gradient passes back to the previous layer. Only the bias of the
# output could move, and it stays at 0 too, because the two classes are equally frequent. Every
# sample gets the probability 0.5, and the prediction is class 0 for all. An estimator that you fit
# with this initializer emits a ``ConvergenceWarning``.
#
# **Large random weights learn slowly.** The units differ now, so they can learn different things.
# But the initial predictions are extremely confident, right or wrong. The first iterations correct
# the confident mistakes, and the loss falls fast. After that, training slows down, and the weights
# stay close to their initial values.
#
# **He's weights learn.** The units differ, and the weights have the size that keeps the signal, on
# average, equally strong from layer to layer. The initial loss is not far from log 2, and training
# moves the weights far from their initial values.
#
# Random weights break the symmetry; their size decides how well the network can learn.

import matplotlib.pyplot as plt

plt.show()
