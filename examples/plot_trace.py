"""
One step, with all its numbers
==============================

What does a network compute, and how does it learn? :func:`~skinit.trace` prints one forward and one
backward pass, each step with its formula and its numbers, and the weights after a step of gradient
descent. A network with two inputs, three hidden units and one output fits on a page.
"""

# %%
# One sample
# ----------
#
# The model is not fitted, so the trace has its initial weights. One sample does not have all
# labels, so ``classes`` lists them. In the formulas, ``a0 W1`` is a product of matrices, ``^T`` a
# transpose, and ``*`` multiplies entry by entry.

from skinit import InitMLPClassifier, load_circles, trace

model = InitMLPClassifier(3, activation="tanh", init="lecun", learning_rate=0.5, random_state=1)
passed = trace(model, [[0.5, -1.2]], [1], classes=[0, 1])

# %%
# Read it from the end: the loss has fallen, because each weight took a small step against its
# derivative. ``dW1`` follows by the chain rule from ``delta2``, ``W2`` and the slopes of tanh.
#
# The trace has all arrays by their names, for exercises.

import numpy as np

by_hand = (passed["delta2"] @ passed["W2"].T) * (1 - np.tanh(passed["z1"]) ** 2)
print(np.allclose(by_hand, passed["delta1"]))

# %%
# Why zeros never learn
# ---------------------
#
# With weights of zero, the hidden activations are zero, and so are their gradients. Only the bias
# of the output has a derivative that is not zero.

model_with_zeros = InitMLPClassifier(3, init="zeros")
zeros = trace(model_with_zeros, [[0.5, -1.2]], [1], classes=[0, 1], verbose=False)
for step in zeros.steps:
    if step.name in ("a1", "delta2", "dW2", "db2", "delta1", "dW1"):
        print(step)

# %%
# How large may a step be?
# ------------------------
#
# The derivatives predict how much the loss falls: by the learning rate times the sum of all squared
# derivatives. That holds for small steps. Here are the losses after one step on the circles, for
# many learning rates.

import matplotlib.pyplot as plt

X, y, _, _ = load_circles()
rates = np.linspace(0.1, 30, 60)
steps = [trace(model, X, y, learning_rate=rate, verbose=False) for rate in rates]
before = steps[0]
derivatives = [before[name] for name in ("dW1", "db1", "dW2", "db2")]
slope = sum((values**2).sum() for values in derivatives)

fig, ax = plt.subplots(layout="constrained")
ax.plot(rates, [step["new loss"] for step in steps], label="after one step")
ax.plot(rates, before["loss"] - rates * slope, "--", label="predicted by the derivatives")
ax.axhline(before["loss"], color="gray", linestyle=":", label="before")
ax.set(xlabel="learning rate", ylabel="loss", title="Two circles, one step", ylim=(0.6, 1.0))
ax.grid(alpha=0.3)
ax.legend()
plt.show()
