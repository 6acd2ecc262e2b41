"""The same network from several starts: train each, collect the figures, say what went wrong."""

import warnings
from dataclasses import dataclass, fields

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning

from skinit._support import data_frame, text_table, write_loss, write_score
from skinit.estimators import loss_and_targets
from skinit.losses import baseline_loss
from skinit.solvers import resolve_solver
from skinit.training import DivergedError, InterruptedFitWarning

__all__ = [
    "InitComparison",
    "InitRun",
    "compare_inits",
    "describe_outcome",
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

    @property
    def verdict(self):
        """The first words of the outcome, such as "learns" or "overfits"."""
        return self.outcome.partition(":")[0]


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

    @property
    def trained(self):
        """What was trained, and how, in a line; empty if nothing was."""
        if not self.runs:
            return ""
        n_seeds = len({run.random_state for run in self.runs})
        models = [run.estimator for run in self.runs]
        told = [setting_in_words(models[0].activation), *training_in_words(models)]
        seeds = f"{n_seeds} seed{'s' * (n_seeds > 1)}"
        return f"{seeds} of {network_in_words(models[0])}: {', '.join(told)}"

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


def network_in_words(model):
    """Tell the widths of a network, the input first, or if they are many how many layers it has."""
    widths = [len(model.coefs_[0]), *(W.shape[1] for W in model.coefs_)]
    what = f"a {'-'.join(map(str, widths))} network"
    return what if len(what) <= 40 else f"a network of {len(model.coefs_)} layers"


def training_in_words(models):
    """List the solver, its learning rate where it takes one, and how long it really ran."""
    solver, rate = resolve_solver(models[0].solver), models[0].learning_rate
    told = [setting_in_words(models[0].solver)]
    if solver.takes_steps:
        told.append(f"learning rate {setting_in_words(rate)}")
    lengths = [model.n_iter_ for model in models]
    shortest, longest = min(lengths), max(lengths)
    unit = "epoch" if solver.takes_minibatches else "iteration"
    span = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    return [*told, f"{span} {unit}{'s' * (longest != 1)}"]


def setting_in_words(setting):
    """Write a name as it is, and a number or an object as Python does."""
    return setting if isinstance(setting, str) else repr(setting)


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
    scores.append(score_of_guessing(model, y_train, y_test))
    return InitRun(
        init=name,
        random_state=model.random_state,
        start_loss=start_loss(model),
        final_loss=float(model.loss_),
        train_score=float(scores[0]),
        test_score=float(scores[1]),
        outcome=diverged or describe_outcome(model, y_train, scores),
        estimator=model,
    )


def score_of_guessing(model, y_train, y_test):
    """Return the test score without looking at X: of the most frequent class, or of the mean."""
    if is_regressor(model):
        # By its definition. The mean of the training samples may do far worse on few test samples,
        # and to be better than that proves nothing.
        return 0.0
    none = np.zeros((len(y_train), 1)), np.zeros((len(y_test), 1))
    return DummyClassifier().fit(none[0], y_train).score(none[1], y_test)


def start_loss(model):
    """Return the mean loss before training."""
    return float([*model.loss_curve_, model.loss_][0])


def describe_outcome(model, y, scores=None):
    """Say in words how training went, from what it left behind.

    Parameters
    ----------
    model : fitted InitMLPClassifier or InitMLPRegressor
    y : array-like of shape (n_samples,)
        The targets that it was trained on.
    scores : tuple of float, default=None
        On the training samples, on the test samples, and that of guessing on the latter: without
        them nothing is said of a model that has learnt little but the training samples.

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
    guessing = baseline_loss(*loss_and_targets(model, y))
    start, end = start_loss(model), float(model.loss_)
    ends = f"the loss ends at {relative(end, guessing)} that of guessing"
    but = lost_on_test(*scores) if scores is not None and end <= 0.9 * guessing else ""
    exploded = end > 2 * max(start, guessing)
    if not exploded and any(has_identical_units(W) for W in model.coefs_[:-1]):
        moves = "hardly falls" if abs(end - start) > 1e-6 * start else "never moves"
        why = f", and the loss {moves}" if end > 0.9 * start else ""
        return f"all units of a layer stay identical: the symmetry never breaks{why}"
    if start > 10 * guessing:
        starts = f"the loss starts at {relative(start, guessing)} that of guessing"
        return f"too large weights: {starts} and ends at {relative(end, guessing)} it{but}"
    if exploded:
        return f"too large steps: {ends}; lower the learning rate"
    if end > 0.9 * guessing:
        return f"has not learnt: {ends}"
    # A start may be better than guessing by chance, or because it was trained before.
    if end > 0.9 * start:
        return f"has hardly moved: {ends}, and started at {relative(start, guessing)} it"
    if end > 0.75 * guessing:
        return f"learns little: {ends}{but}"
    return f"{'overfits' if but else 'learns'}: {ends}{but}"


def lost_on_test(train_score, test_score, guessing):
    """Say so if less than half of what a model is better than guessing is left on test samples.

    To be better or worse by less than a tenth of the way to 1, the best score, may be chance.
    """
    better, left, chance = train_score - guessing, test_score - guessing, 0.1 * (1 - guessing)
    if left >= -chance and (better <= chance or left >= 0.5 * better):
        return ""
    train, test, guess = (write_score(score, 2) for score in (train_score, test_score, guessing))
    return f", but the score is {train} on training and {test} on test samples (guessing: {guess})"


def relative(loss, guessing):
    """Say how large a loss is beside that of guessing."""
    ratio = loss / guessing
    if ratio < 0.005:
        return "less than 1% of"
    if ratio < 10:
        return f"{ratio:.0%} of"
    return f"{ratio:.0f} times" if ratio < 1e6 else f"{write_loss(ratio, 1)} times"


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
