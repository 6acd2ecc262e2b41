"""Compare cross-validated accuracies with scikit-learn's MLP: same folds, network and solver.

Each fold is fitted with several seeds. With init="scikit_learn", a seed gives both libraries the
same initial weights; the order of the samples is the same in the first epoch only.

    python benchmarks/accuracy.py --seeds 5
"""

import argparse
import warnings

import numpy as np
from joblib import Parallel, delayed
from measuring import finish
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinit import InitMLPClassifier
from skinit._support import text_table

DATA = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}
EPOCHS = 200
SAME = {"hidden_layer_sizes": (100,), "solver": "adam", "alpha": 1e-4, "max_iter": EPOCHS}
# Both take batches of 200 samples; with this tol scikit-learn runs all epochs.
MODELS = {
    "scikit-learn": MLPClassifier(**SAME, tol=0, n_iter_no_change=EPOCHS + 1),
    **{
        f'skinit with init="{init}"': InitMLPClassifier(**SAME, init=init, learning_rate=0.001)
        for init in ("scikit_learn", "glorot", "he")
    },
}


def percent_right(model, X, y, train, test, seed):
    """Return the accuracy on a fold's test samples."""
    pipeline = make_pipeline(StandardScaler(), clone(model).set_params(random_state=seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # all epochs run, as intended
        pipeline.fit(X[train], y[train])
    return 100 * pipeline.score(X[test], y[test])


def cross_validate(name, n_seeds):
    """Return each model's accuracies on a data set, of shape (n_folds, n_seeds)."""
    X, y = DATA[name](return_X_y=True)
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    runs = [
        delayed(percent_right)(model, X, y, *fold, seed)
        for model in MODELS.values()
        for fold in folds
        for seed in range(n_seeds)
    ]
    accuracies = np.reshape(Parallel(n_jobs=2)(runs), (len(MODELS), len(folds), n_seeds))
    return dict(zip(MODELS, accuracies, strict=True))


def lay_out(name, accuracies):
    """Return a row per model, with its differences to scikit-learn fold by fold, seed by seed."""
    rows = []
    for model, percent in accuracies.items():
        difference = percent - accuracies["scikit-learn"]
        error = difference.std(ddof=1) / np.sqrt(difference.size)
        numbers = [f"{percent.mean():.2f}", f"{percent.std(ddof=1):.2f}"]
        if model != "scikit-learn":
            numbers += [f"{difference.mean():+.2f}", f"{error:.2f}"]
        rows.append([f"{name}: {model}", *numbers, *[""] * (4 - len(numbers))])
    return rows


def main():
    """Cross-validate on all data sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--publish", action="store_true", help="write it for the documentation")
    arguments = parser.parse_args()

    rows = [row for name in DATA for row in lay_out(name, cross_validate(name, arguments.seeds))]
    headings = ["", "accuracy, %", "std", "difference", "standard error"]
    text = (
        f"5-fold cross-validation with {arguments.seeds} seeds: (100,), adam, learning rate 0.001, "
        f"batches of 200, {EPOCHS} epochs, alpha 1e-4\n{text_table(headings, rows)}"
    )
    finish("accuracy", text, arguments.publish)


if __name__ == "__main__":
    main()
