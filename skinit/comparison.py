"""The same network from several starts: train each, collect the figures, say what went wrong."""

import warnings
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skinit.perceptron import loss_and_targets
from skinit.training import DivergedError, InterruptedFitWarning

__all__ = [
    "InitComparison",
    "InitRun",
    "compare_inits",
    "data_frame",
    "describe_outcome",
    "text_table",
]


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
        return data_frame(self.to_dict())

    def __repr__(self):
        rows = [
            [init]
            + [
                mean_and_spread([getattr(run, name) for run in self.of(init)], *style)
                for name, *style in COLUMNS.values()
            ]
            for init in self.inits
        ]
        return text_table(["init", *COLUMNS], rows)


def data_frame(columns):
    """Make a pandas DataFrame of a dict of columns."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas (the extra skinit[pandas]): pip install pandas"
        ) from error
    return pd.DataFrame(columns)


def write_loss(loss, digits):
    """Write a loss with so many significant digits: 1347, 0.03618, 5.229e7."""
    rounded = float(f"{loss:.{digits}g}")
    return f"{rounded:.4g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def write_score(score, digits):
    """Write a score with so many decimals, unless it is an R^2 far from 1."""
    return f"{score:z.{digits}f}" if abs(score) < 10 else write_loss(score, 1)


# Heading, attribute of a run, how to write it, and the digits of its mean and of its spread.
COLUMNS = {
    "start loss": ("start_loss", write_loss, 4, 1),
    "final loss": ("final_loss", write_loss, 4, 1),
    "train score": ("train_score", write_score, 3, 3),
    "test score": ("test_score", write_score, 3, 3),
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
    if isinstance(inits, str):
        inits = [inits]
    if not isinstance(inits, dict):
        inits = {str(init): init for init in inits}
    plan = [(name, seed) for name in inits for seed in random_states]
    data = X_train, y_train, X_test, y_test
    runs = []
    for number, (name, seed) in enumerate(plan):
        try:
            if announce is not None:
                announce(number, len(plan), f"{name}, seed {seed}")
            model = clone(estimator).set_params(init=inits[name], random_state=seed)
            runs.append(make_run(name, model, *data))
        except (KeyboardInterrupt, InterruptedFitWarning):
            return InitComparison(tuple(runs), interrupted=True)
    return InitComparison(tuple(runs))


def make_run(name, model, X_train, y_train, X_test, y_test):
    """Train a model, and keep its figures."""
    diverged = ""
    with warnings.catch_warnings():
        # What these warnings tell stands in the outcome.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", InterruptedFitWarning)
        try:
            model.fit(X_train, y_train)
        except DivergedError as error:
            diverged = f"diverged: {error}"
    scores = [np.nan, np.nan]  # of a start whose very loss is not finite
    if np.isfinite(model.loss_):
        with np.errstate(over="ignore", invalid="ignore"):  # of a model that has just diverged
            scores = [model.score(X_train, y_train), model.score(X_test, y_test)]
    return InitRun(
        init=name,
        random_state=model.random_state,
        start_loss=start_loss(model),
        final_loss=float(model.loss_),
        train_score=float(scores[0]),
        test_score=float(scores[1]),
        outcome=diverged or describe_outcome(model, y_train),
        estimator=model,
    )


def start_loss(model):
    """Return the mean loss before training."""
    return float([*model.loss_curve_, model.loss_][0])


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
    if np.all(np.asarray(y) == np.asarray(y)[0]):
        return "nothing to learn: the target is the same for all samples"
    guessing, start, end = loss_of_guessing(model, y), start_loss(model), float(model.loss_)
    ends = f"the loss ends at {relative(end, guessing)} that of guessing"
    exploded = end > 2 * max(start, guessing)
    if not exploded and any(has_identical_units(W) for W in model.coefs_[:-1]):
        moves = "hardly falls" if abs(end - start) > 1e-6 * start else "never moves"
        why = f", and the loss {moves}" if end > 0.9 * start else ""
        return f"all units of a layer stay identical: the symmetry never breaks{why}"
    if start > 10 * guessing:
        starts = f"the loss starts at {relative(start, guessing)} that of guessing"
        return f"too large weights: {starts} and ends at {relative(end, guessing)} it"
    if exploded:
        return f"too large steps: {ends}; lower the learning rate"
    if end > 0.9 * guessing:
        return f"has not learnt: {ends}"
    # A start may be better than guessing by chance, or because it was trained before.
    if end > 0.9 * start:
        return f"has hardly moved: {ends}, and started at {relative(start, guessing)} it"
    return f"learns: {ends}"


def relative(loss, guessing):
    """Say how large a loss is beside that of guessing."""
    ratio = loss / guessing
    if ratio < 0.005:
        return "less than 1% of"
    if ratio < 10:
        return f"{ratio:.0%} of"
    return f"{ratio:.0f} times" if ratio < 1e6 else f"{write_loss(ratio, 1)} times"


def loss_of_guessing(model, y):
    """Find the smallest mean loss that is possible without looking at X."""
    loss, targets = loss_and_targets(model, y)

    def guess(scores):
        same = np.broadcast_to(scores, targets.shape)
        return loss.per_sample(same, targets).mean(), loss.gradient(same, targets).mean(axis=0)

    with np.errstate(over="ignore"):
        return minimize(guess, np.zeros(targets.shape[1]), jac=True, method="L-BFGS-B").fun


def has_identical_units(W):
    """Tell whether all units of a layer of two or more have the same weights."""
    # Rounding differs from column to column, and training carries it on.
    return W.shape[1] > 1 and bool(np.ptp(W, axis=1).max() <= 1e-5 * np.abs(W).max())


def mean_and_spread(values, write, digits, spread_digits):
    """Write a mean, with the standard deviation where there are several values."""
    if len(values) == 1:
        return write(values[0], digits)
    # The loss that a diverging run ends at may be finite and its square not.
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = np.mean(values), np.std(values, ddof=1)
    if len(set(values)) == 1:
        spread = 0.0  # and not what rounding leaves of it
    return f"{write(mean, digits)} ± {write(spread, spread_digits)}"


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
