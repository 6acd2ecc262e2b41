"""
One step, with all its numbers
==============================

What does a network compute, and how does it learn? :func:`~skinit.trace` prints one forward and one
backward pass, each step with its formula and its numbers, and what a step of gradient descent makes
of the weights. A network with two inputs, three hidden units and one output fits on a page.
"""

# %%
# One sample
# ----------
#
# The model is not fitted, so the trace begins at its start. One sample does not show which labels
# there are, so ``classes`` says it. In the formulas, ``a0 W1`` is a product of matrices, ``^T`` a
# transpose, and ``*`` multiplies entry by entry.

from skinit import InitMLPClassifier, load_circles, trace

model = InitMLPClassifier(3, activation="tanh", init="lecun", learning_rate=0.5, random_state=1)
passed = trace(model, [[0.5, -1.2]], [1], classes=[0, 1])

# %%
# Read it from the end: the loss has gone down, because each weight went a little way against its
# derivative. ``dW1`` is what one gets by the chain rule, along ``delta2``, ``W2`` and the slopes of
# tanh.
#
# The numbers are at hand by their names, for exercises.

import numpy as np

by_hand = (passed["delta2"] @ passed["W2"].T) * (1 - np.tanh(passed["z1"]) ** 2)
print(np.allclose(by_hand, passed["delta1"]))

# %%
# Why zeros never learn
# ---------------------
#
# Started from zeros, the hidden units put out zeros, and zeros come back to them. Only the output's
# bias has a derivative.

model_of_zeros = InitMLPClassifier(3, init="zeros")
zeros = trace(model_of_zeros, [[0.5, -1.2]], [1], classes=[0, 1], verbose=False)
for step in zeros.steps:
    if step.name in ("a1", "delta2", "dW2", "db2", "delta1", "dW1"):
        print(step)

# %%
# How long may a step be?
# -----------------------
#
# The derivatives promise how fast the loss falls: by the learning rate times the sum of all squared
# derivatives. The promise holds for short steps. Here are the losses after one step on the circles,
# for many learning rates.

import matplotlib.pyplot as plt

X, y, _, _ = load_circles()
rates = np.linspace(0.1, 30, 60)
steps = [trace(model, X, y, learning_rate=rate, verbose=False) for rate in rates]
start = steps[0]
derivatives = [start[name] for name in ("dW1", "db1", "dW2", "db2")]
slope = sum((values**2).sum() for values in derivatives)

fig, ax = plt.subplots(layout="constrained")
ax.plot(rates, [step["new loss"] for step in steps], label="after one step")
ax.plot(rates, start["loss"] - rates * slope, "--", label="promised by the derivatives")
ax.axhline(start["loss"], color="gray", linestyle=":", label="start")
ax.set(xlabel="learning rate", ylabel="loss", title="Two circles, one step", ylim=(0.6, 1.0))
ax.grid(alpha=0.3)
ax.legend()
plt.show()
