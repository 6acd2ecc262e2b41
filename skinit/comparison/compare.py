"""Train the same network from several initializers, and collect losses, scores and outcomes."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skinit._support import MatrixLike, data_frame, format_loss, format_score, text_table
from skinit.comparison.outcomes import baseline_score, describe_outcome, initial_loss
from skinit.solvers import resolve_solver
from skinit.training import DivergedError, InterruptedFitWarning

__all__ = ["InitComparison", "InitRun", "compare_inits"]


@dataclass(frozen=True)
class InitRun:
    """One network, trained from one draw of one initializer.

    Parameters
    ----------
    init : str
        Name of the init.
    random_state : int
        Seed that the weights were drawn with.
    initial_loss, final_loss : float
        Mean loss on the training samples before and after training.
    train_score, test_score : float
        Accuracy of a classifier, R^2 of a regressor.
    outcome : str
        What happened, in words; see `describe_outcome`.
    estimator : estimator
        The fitted model.
    """

    init: str
    random_state: int
    initial_loss: float
    final_loss: float
    train_score: float
    test_score: float
    outcome: str
    estimator: Any

    @property
    def verdict(self) -> str:
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
        Whether Ctrl-C stopped it before all runs were done; only complete runs are kept.
    """

    runs: tuple[InitRun, ...]
    interrupted: bool = False

    @property
    def inits(self) -> list[str]:
        """Names of the inits."""
        return list(dict.fromkeys(run.init for run in self.runs))

    def of(self, init: str) -> list[InitRun]:
        """List the runs of one init."""
        return [run for run in self.runs if run.init == init]

    def estimators(self) -> dict[str, list[Any]]:
        """Return the fitted models, a dict of name to list, as the displays take them."""
        return {init: [run.estimator for run in self.of(init)] for init in self.inits}

    @property
    def trained(self) -> str:
        """What was trained, and how, in a line; empty if nothing was."""
        if not self.runs:
            return ""
        n_seeds = len({run.random_state for run in self.runs})
        models = [run.estimator for run in self.runs]
        settings = [describe_setting(models[0].activation), *describe_training(models)]
        seeds = f"{n_seeds} seed{'s' * (n_seeds > 1)}"
        return f"{seeds} of {describe_network(models[0])}: {', '.join(settings)}"

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the results as columns, one entry for each run."""
        names = [field.name for field in fields(InitRun) if field.name != "estimator"]
        return {name: [getattr(run, name) for run in self.runs] for name in names}

    def to_frame(self) -> Any:
        """Return the results as a pandas DataFrame, one row for each run (extra ``pandas``)."""
        return data_frame(self.to_dict())

    def __repr__(self) -> str:
        rows = [
            [init]
            + [
                mean_and_spread([getattr(run, name) for run in self.of(init)], *style)
                for name, *style in COLUMNS.values()
            ]
            for init in self.inits
        ]
        return text_table(["init", *COLUMNS], rows)


def describe_network(model: Any) -> str:
    """List the widths of a network, the input first, or if they are many its number of layers."""
    widths = [len(model.coefs_[0]), *(W.shape[1] for W in model.coefs_)]
    what = f"a {'-'.join(map(str, widths))} network"
    return what if len(what) <= 40 else f"a network of {len(model.coefs_)} layers"


def describe_training(models: Sequence[Any]) -> list[str]:
    """List the solver, its learning rate if it takes one, and how many iterations were done."""
    solver, rate = resolve_solver(models[0].solver), models[0].learning_rate
    settings = [describe_setting(models[0].solver)]
    if solver.takes_steps:
        settings.append(f"learning rate {describe_setting(rate)}")
    lengths = [model.n_iter_ for model in models]
    shortest, longest = min(lengths), max(lengths)
    unit = "epoch" if solver.takes_minibatches else "iteration"
    span = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    return [*settings, f"{span} {unit}{'s' * (longest != 1)}"]


def describe_setting(setting: Any) -> str:
    """Return a name as it is, and the repr of a number or an object."""
    return setting if isinstance(setting, str) else repr(setting)


# Heading, attribute of a run, how to format it, and the digits of its mean and of its spread.
COLUMNS = {
    "initial loss": ("initial_loss", format_loss, 4, 1),
    "final loss": ("final_loss", format_loss, 4, 1),
    "train score": ("train_score", format_score, 3, 3),
    "test score": ("test_score", format_score, 3, 3),
}


def compare_inits(
    estimator: Any,
    inits: str | Iterable[Any] | Mapping[str, Any],
    X_train: MatrixLike,
    y_train: ArrayLike,
    X_test: MatrixLike,
    y_test: ArrayLike,
    *,
    random_states: Iterable[int] = (0,),
    announce: Callable[[int, int, str], object] | None = None,
) -> InitComparison:
    """Train the same network from several initializers.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        All settings but `init`.
    inits : sequence of str or init, or dict of str to init
        The inits, by name; a dict gives names to objects.
    X_train, X_test : array-like of shape (n_samples, n_features)
    y_train, y_test : array-like of shape (n_samples,)
    random_states : sequence of int, default=(0,)
        Seeds; each init is drawn with each of them.
    announce : callable or None, default=None
        Called before each run, with the number of runs that are done, the number of all runs, and
        the name and the seed of the next one.

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
    if not isinstance(inits, Mapping):
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


def make_run(name: str, model: Any, X_train, y_train, X_test, y_test) -> InitRun:
    """Train a model, and collect its losses, scores and outcome."""
    diverged = ""
    with warnings.catch_warnings():
        # The outcome says what these warnings say.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", InterruptedFitWarning)
        try:
            model.fit(X_train, y_train)
        except DivergedError as error:
            diverged = f"diverged: {error}"
    train_score = test_score = np.nan  # where not even the initial loss is finite
    if np.isfinite(model.loss_):
        with np.errstate(over="ignore", invalid="ignore"):  # of a model that has just diverged
            train_score = float(model.score(X_train, y_train))
            test_score = float(model.score(X_test, y_test))
    scores = train_score, test_score, baseline_score(model, y_train, y_test)
    return InitRun(
        init=name,
        random_state=model.random_state,
        initial_loss=initial_loss(model),
        final_loss=float(model.loss_),
        train_score=train_score,
        test_score=test_score,
        outcome=diverged or describe_outcome(model, y_train, scores),
        estimator=model,
    )


def mean_and_spread(
    values: Sequence[float],
    format_value: Callable[[float, int], str],
    digits: int,
    spread_digits: int,
) -> str:
    """Format a mean, with the standard deviation if there are several values."""
    if len(values) == 1:
        return format_value(values[0], digits)
    # The final loss of a run that diverges may be finite and its square not.
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    if len(set(values)) == 1:
        spread = 0.0  # without rounding errors
    return f"{format_value(mean, digits)} ± {format_value(spread, spread_digits)}"
