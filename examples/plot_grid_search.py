"""
Tune the initialization in a grid search
========================================

The initializer of :class:`~skinit.InitMLPClassifier` is a parameter like any other, and so are the
settings of the initializer. Here scikit-learn's ``GridSearchCV`` compares initializers given by
name, initializers given as objects, and a range of scales, inside a pipeline that standardizes the
features, on two data sets: breast cancer (30 features, 2 classes) and digits (64 features, 10
classes).

Training is short on purpose, 50 iterations: with enough iterations, several initializers would end
up alike.
"""

# %%
# The pipeline and the candidates
# -------------------------------

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skinit import InitMLPClassifier
from skinit.initializers import He, PerLayer, VarianceScaling, WithBias

classifier = InitMLPClassifier((32, 16), learning_rate=0.1, max_iter=50, random_state=0)
model = Pipeline([("scale", StandardScaler()), ("clf", classifier)])

candidates = [
    # Names.
    {"clf__init": ["zeros", "random", "glorot", "he", "scikit_learn"]},
    # Objects.
    {
        "clf__init": [
            He(distribution="uniform"),
            PerLayer(output="zeros"),
            WithBias("he", value=0.1),
        ]
    },
    # Settings of an object: the standard deviation, relative to He's ...
    {
        "clf__init": [He()],
        "clf__init__gain": [0.1, 0.3, 1, 3, 10],
    },
    # ... and the variance, as a factor of 1 / sqrt(fan_in * fan_out).
    {
        "clf__init": [VarianceScaling(mode="geometric")],
        "clf__init__scale": [0.02, 0.2, 2, 20, 200],
    },
]

# %%
# A setting such as ``clf__init__gain`` belongs to the object in ``clf__init``. A name has no
# settings; setting one raises an error that says what to write instead.

import textwrap

try:
    model.set_params(clf__init="he", clf__init__gain=3)
except ValueError as error:
    print(textwrap.fill(str(error)))

# %%
# Expect warnings
# ---------------
#
# If the network does not learn with its initial weights, ``fit`` warns. Zeros are an example.

import warnings

from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning

data = {
    "breast cancer": load_breast_cancer(return_X_y=True),
    "digits": load_digits(return_X_y=True),
}

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    clone(model).set_params(clf__init="zeros").fit(*data["breast cancer"])
for warning in caught:
    print(textwrap.fill(f"{warning.category.__name__}: {warning.message}"))

# %%
# Take this warning seriously in your work. The search below includes bad initializers on purpose,
# so this warning, and no other, is turned off there.
#
# Search
# ------

from sklearn.model_selection import GridSearchCV

searches = {}
for name, (X, y) in data.items():
    search = GridSearchCV(model, candidates, cv=5, n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        searches[name] = search.fit(X, y)
    print(f"{name}: {search.best_score_:.3f} with {search.best_params_}")

# %%
# The result in one picture
# -------------------------
#
# A dot is the mean accuracy of a candidate, and the line through it spans the accuracies on the
# five folds. The dotted line is a model that always predicts the most frequent class.

import matplotlib.pyplot as plt
import numpy as np


def spell(params):
    """Write a candidate as one would type it."""
    settings = {key.removeprefix("clf__init__"): value for key, value in params.items()}
    init = settings.pop("clf__init")
    return repr(init if isinstance(init, str) else clone(init).set_params(**settings))


labels = [spell(params) for params in searches["digits"].cv_results_["params"]]
# A color and some distance for each group: names, objects, gains, scales.
group = np.repeat([0, 1, 2, 3], [5, 3, 5, 5])
height = np.arange(len(labels)) + 0.8 * group

fig, axes = plt.subplots(1, 2, figsize=(9, 7), sharey=True, layout="constrained")
for ax, (name, search) in zip(axes, searches.items(), strict=True):
    folds = np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(5)])
    colors = [f"C{number}" for number in group]
    ax.hlines(height, folds.min(axis=0), folds.max(axis=0), colors=colors, linewidth=2)
    ax.scatter(search.cv_results_["mean_test_score"], height, c=colors, zorder=3)
    _, counts = np.unique(data[name][1], return_counts=True)
    ax.axvline(counts.max() / counts.sum(), color="gray", linestyle=":")
    ax.set(title=name, xlabel="accuracy in cross-validation", xlim=(0, 1.02))
    ax.grid(axis="x", alpha=0.3)
axes[0].set_yticks(height, labels, family="monospace")
axes[0].invert_yaxis()

# %%
# Zeros and large random weights are at the dotted line, or just above it. Among the other
# candidates, the size of the weights decides more than the formula behind them. The right size is
# near ``gain=1`` and ``scale=2``. Weights of a tenth of that size do more harm than weights of ten
# times that size.
#
# Is the winner better, or was it lucky?
# --------------------------------------
#
# Every candidate above was drawn with one seed. Another seed gives other weights, and another
# accuracy. A search over ``clf__random_state`` shows how much that matters. (It is no way to choose
# a seed: the best of several seeds is best by chance.)

import pandas as pd

search = GridSearchCV(
    model,
    {
        "clf__init": ["glorot", "he", He(distribution="uniform"), "scikit_learn"],
        "clf__random_state": range(5),
    },
    cv=5,
    n_jobs=2,
)
search.fit(*data["digits"])

table = pd.DataFrame(search.cv_results_)
table["init"] = table["param_clf__init"].map(repr)
table["seed"] = table["param_clf__random_state"]
by_seed = table.pivot(index="init", columns="seed", values="mean_test_score")
print(by_seed.assign(mean=by_seed.mean(axis=1)).round(3).to_string())

# %%
# From seed to seed, the accuracy of each initializer changes by more than the best and the worst
# mean differ. So the order of these four is not certain, and which one a search with a single seed
# prefers is partly luck. Pairs say more: with the same seed, "glorot" and "he" are the same draw at
# two scales, and "he" is better with each of the five.

plt.show()
