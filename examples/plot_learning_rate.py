"""
Find a learning rate
====================

A learning rate that is too small wastes iterations; with one that is too large, training fails.
Which rates are good depends on the data, the network, its initial weights and the solver.
:func:`~skinit.find_learning_rate` tries 25 rates, each for 30 iterations from the same initial
weights, and suggests a third of the one that keeps the loss lowest in the second half of its run.
"""

# %%
# One search
# ----------
#
# Handwritten digits, one hidden layer, full-batch gradient descent: the larger the steps, the
# further the loss falls, until they become too large.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import scale

from skinit import (
    InitMLPClassifier,
    InitMLPRegressor,
    LearningRateDisplay,
    find_learning_rate,
    load_circles,
)

X, y = load_digits(return_X_y=True)
X = X / 16
model = InitMLPClassifier(32, random_state=0)
search = find_learning_rate(model, X, y)
print(search)

# %%

display = LearningRateDisplay(search).plot()
display.ax_.set_title("Digits, gradient descent")

# %%
# Another solver, other data
# --------------------------
#
# Adam takes many steps in an iteration, one for each minibatch, and they do not shrink with the
# gradient, so that good rates are smaller. Crosses mark rates after which the network predicts the
# same for all samples, as its units have died. In a regression the loss can become infinite; the
# gray area marks the rates where it does.

X_diabetes, y_diabetes = load_diabetes(return_X_y=True)
X_diabetes, y_diabetes = scale(X_diabetes), scale(y_diabetes)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
LearningRateDisplay.from_estimator(model.set_params(solver="adam"), X, y, ax=left)
left.set_title("Digits, Adam")
regressor = InitMLPRegressor(10, random_state=0)
LearningRateDisplay.from_estimator(regressor, X_diabetes, y_diabetes, ax=right)
right.set_title("Diabetes, gradient descent")

# %%
# Does the suggestion train well?
# -------------------------------
#
# Thirty iterations with one seed are a short test. What counts is how far a longer training gets,
# here of 150 iterations, with other seeds. The table compares the rate that settles lowest with the
# suggestion, a third of it. It has the final loss as a part of the initial loss, for the median and
# the worst of nine seeds. Gradient descent gets somewhat further with the larger rate, unless it
# fails.

from skinit._support import text_table
from skinit.comparison import compare_inits

X_cancer, y_cancer = load_breast_cancer(return_X_y=True)
X_cancer = scale(X_cancer)
X_circles, y_circles, _, _ = load_circles()
data = {
    "digits": (InitMLPClassifier(32), X, y),
    "breast cancer": (InitMLPClassifier(), X_cancer, y_cancer),
    "circles": (InitMLPClassifier(), X_circles, y_circles),
    "diabetes": (InitMLPRegressor(), X_diabetes, y_diabetes),
}


def remaining_loss(model, rate, X_of, y_of):
    """Train with nine other seeds; return the final as a part of the initial losses, sorted."""
    model.set_params(learning_rate=rate, max_iter=150)
    runs = compare_inits(model, [model.init], X_of, y_of, X_of, y_of, random_states=range(1, 10))
    return sorted(run.final_loss / run.initial_loss for run in runs.runs)


rows = []
for name, (model, X_of, y_of) in data.items():
    for solver in ("gd", "sgd", "adam"):
        search = find_learning_rate(model.set_params(solver=solver, random_state=0), X_of, y_of)
        row = [name, solver]
        for rate in (search.lowest, search.suggestion):
            remaining = remaining_loss(model, rate, X_of, y_of)
            row += [f"{rate:.2g}", f"{remaining[4]:.3f}", f"{remaining[-1]:.3f}"]
        rows.append(row)
headings = ["data", "solver", "lowest", "median", "worst", "suggestion", "median", "worst"]
print(text_table(headings, rows))

# %%
# When thirty iterations are too few
# ----------------------------------
#
# The network of the circles experiment is narrow, and gradient descent needs hundreds of iterations
# before its loss falls. Until then no rate gets far, and the one that gets furthest may fail later.
# The search says so, and a larger ``n_iter`` helps.

import textwrap

model = InitMLPClassifier(random_state=0)
for n_iter in (30, 1000):
    search = find_learning_rate(model, X_circles, y_circles, n_iter=n_iter)
    print(textwrap.fill(f"{n_iter}: {search.suggestion:.2g}, {search.why}", 79))

# %%

display = LearningRateDisplay(search).plot()
display.ax_.set_title("Two circles, 1000 iterations")
plt.show()
