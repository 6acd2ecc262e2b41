"""The same network from several starts: train each, collect the figures, say what went wrong."""

import warnings
from dataclasses import dataclass, fields

import numpy as np
from scipy.stats import entropy
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning

from skinit.training import DivergedError, InterruptedFitWarning

__all__ = ["InitComparison", "InitRun", "compare_inits", "describe_outcome", "text_table"]


@dataclass(frozen=True)
class InitRun:
    """One network trained from one start.

    Parameters
    ----------
    init : str
        Name of the start.
    random_state : int
        Seed that it was drawn with.
    start_loss, final_loss : float
        Mean loss on the training samples before and after training.
    train_score, test_score : float
        Accuracy of a classifier, R^2 of a regressor.
    outcome : str
        What happened, in words.
    estimator : estimator
        The fitted model.
    """

    init: str
    random_state: int
    start_loss: float
    final_loss: float
    train_score: float
    test_score: float
    outcome: str
    estimator: object


@dataclass(frozen=True, repr=False)
class InitComparison:
    """Outcome of `compare_inits`.

    Parameters
    ----------
    runs : tuple of InitRun
        In the order of training.
    interrupted : bool
        Whether it was stopped (Ctrl-C) before all runs were made; those that are there are whole.
    """

    runs: tuple
    interrupted: bool = False

    @property
    def inits(self):
        """Names of the starts."""
        return list(dict.fromkeys(run.init for run in self.runs))

    def of(self, init):
        """List the runs of one start."""
        return [run for run in self.runs if run.init == init]

    def estimators(self):
        """Return the fitted models, a dict of name to list, as the displays take them."""
        return {init: [run.estimator for run in self.of(init)] for init in self.inits}

    def to_dict(self):
        """Return the figures as columns, one entry for each run."""
        names = [field.name for field in fields(InitRun) if field.name != "estimator"]
        return {name: [getattr(run, name) for run in self.runs] for name in names}

    def to_frame(self):
        """Return the figures as a pandas DataFrame, one row for each run (extra ``pandas``)."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install 'skinit[pandas]'") from error
        return pd.DataFrame(self.to_dict())

    def __repr__(self):
        rows = [
            [init, *(mean_and_spread([getattr(run, name) for run in self.of(init)], form)
                     for name, form in COLUMNS.values())]
            for init in self.inits
        ]  # fmt: skip
        return text_table(["init", *COLUMNS], rows)


# Heading, attribute of a run and format.
COLUMNS = {
    "start loss": ("start_loss", ".4g"),
    "final loss": ("final_loss", ".4g"),
    "train score": ("train_score", ".3f"),
    "test score": ("test_score", ".3f"),
}


def compare_inits(
    estimator, inits, X_train, y_train, X_test, y_test, *, random_states=(0,), announce=None
):
    """Train the same network from several starts.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        Everything but the start.
    inits : sequence of str, or dict of str to init
        The starts, by name; a dict gives names to objects.
    X_train, X_test : array-like of shape (n_samples, n_features)
    y_train, y_test : array-like of shape (n_samples,)
    random_states : sequence of int, default=(0,)
        Each start is drawn with each of these seeds, the same for all starts.
    announce : callable or None, default=None
        Called before each run with the number of runs done, of all runs, and what comes.

    Returns
    -------
    InitComparison

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> model = InitMLPClassifier(max_iter=200)
    >>> comparison = compare_inits(model, ["zeros", "he"], *load_circles(), random_states=[3])
    >>> comparison.runs[0].outcome
    'all units of a layer stay identical: the symmetry never breaks, and the loss never moves'
    """
    if not isinstance(inits, dict):
        inits = {str(init): init for init in inits}
    plan = [(name, seed) for name in inits for seed in random_states]
    runs, interrupted = [], False
    for number, (name, seed) in enumerate(plan):
        if announce is not None:
            announce(number, len(plan), f"{name}, seed {seed}")
        model = clone(estimator).set_params(init=inits[name], random_state=seed)
        diverged = ""
        with warnings.catch_warnings():
            # What these warnings tell stands in the outcome.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("error", InterruptedFitWarning)
            try:
                model.fit(X_train, y_train)
            except DivergedError as error:
                diverged = f"diverged: {error}"
            except (KeyboardInterrupt, InterruptedFitWarning):
                interrupted = True
                break
        losses = [*model.loss_curve_, model.loss_]
        scores = [np.nan, np.nan]  # of a start whose very loss is not finite
        if np.isfinite(model.loss_):
            scores = [model.score(X_train, y_train), model.score(X_test, y_test)]
        runs.append(
            InitRun(
                init=name,
                random_state=seed,
                start_loss=float(losses[0]),
                final_loss=float(model.loss_),
                train_score=float(scores[0]),
                test_score=float(scores[1]),
                outcome=diverged or describe_outcome(model, y_train),
                estimator=model,
            )
        )
    return InitComparison(tuple(runs), interrupted)


def describe_outcome(model, y):
    """Say in words how training went, from what it left behind.

    Parameters
    ----------
    model : fitted InitMLPClassifier or InitMLPRegressor
    y : array-like of shape (n_samples,)
        The targets that it was trained on.

    Returns
    -------
    str

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(init="random", max_iter=100, random_state=3).fit(X, y)
    >>> describe_outcome(model, y)
    'too large weights: the loss starts at 2559 times that of guessing and ends at ...% of it'
    """
    guessing = loss_of_guessing(model, y)
    start, end = [*model.loss_curve_, model.loss_][0], model.loss_
    moved = "the loss never moves" if abs(end - start) < 1e-6 * start else "the loss hardly falls"
    if any(has_identical_units(W) for W in model.coefs_[:-1]):
        few = f", and {moved}" if end > 0.9 * start else ""
        return f"all units of a layer stay identical: the symmetry never breaks{few}"
    if start > 10 * guessing:
        return (
            f"too large weights: the loss starts at {start / guessing:.0f} times that of guessing "
            f"and ends at {end / guessing:.0%} of it"
        )
    if end > 0.9 * guessing:
        return f"has not learnt: the loss ends at {end / guessing:.0%} of that of guessing"
    return f"learns: the loss ends at {end / guessing:.0%} of that of guessing"


def loss_of_guessing(model, y):
    """Compute the smallest mean loss that is possible without looking at X."""
    if is_classifier(model):
        _, counts = np.unique(y, return_counts=True)
        return entropy(counts)
    return 0.5 * np.var(y, axis=0).sum()


def has_identical_units(W):
    """Tell whether all units of a layer of two or more have the same weights."""
    return W.shape[1] > 1 and bool(np.array_equal(W, np.broadcast_to(W[:, :1], W.shape)))


def mean_and_spread(values, form):
    """Format a mean, with the standard deviation where there are several values."""
    mean = format(np.mean(values), form)
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):{form}}"


def text_table(headings, rows):
    """Lay out a table: first column to the left, the others to the right.

    Parameters
    ----------
    headings : list of str
    rows : list of list of str

    Returns
    -------
    str

    Examples
    --------
    >>> print(text_table(["init", "loss"], [["zeros", "0.69"], ["he", "0.06"]]))
    init   loss
    -----------
    zeros  0.69
    he     0.06
    """
    table = [headings, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(map(str.rjust, row[1:], widths[1:]))]).rstrip()
        for row in table
    ]
    lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)
