"""Build a checked training problem and its initial parameters from an estimator and samples.

Nothing here changes the estimator: a fit that is refused leaves the model as it was.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state

from skinit._support import Array
from skinit.activations import BaseActivation
from skinit.core import Network, Plan, Problem, TrainingData
from skinit.engine import is_builtin, one_blas_thread
from skinit.estimators.options import FitOptions
from skinit.estimators.packing import coefs_and_intercepts, packed
from skinit.estimators.samples import Samples, ValidationData, check_validation, read_samples
from skinit.estimators.settings import read_settings
from skinit.initializers import build_parameters
from skinit.losses import BaseLoss
from skinit.training import RunState

__all__ = ["PreparedFit", "prepare", "restoring"]


@dataclass(frozen=True)
class PreparedFit:
    """All that a training run needs, and what the estimator will store of the samples.

    Parameters
    ----------
    problem : Problem
    initial : RunState
        The initial parameters, or those of a fit that is continued.
    init_resolved : list of str
        How each layer was initialized.
    samples : Samples
    validate : callable or None
        ``validate(parameters)`` scores the validation samples.
    options : FitOptions
    """

    problem: Problem
    initial: RunState
    init_resolved: list[str]
    samples: Samples
    validate: Callable[[Array], float] | None
    options: FitOptions

    @property
    def network(self) -> Network:
        """The network of the problem."""
        return self.problem.network

    @property
    def data(self) -> TrainingData:
        """The samples to train on."""
        return self.problem.data

    @property
    def plan(self) -> Plan:
        """How to train."""
        return self.problem.plan

    @property
    def parameters(self) -> Array:
        """The parameters to begin with, of shape (n_parameters,)."""
        return self.initial.parameters


def prepare(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    options: FitOptions | None = None,
) -> PreparedFit:
    """Validate settings and samples, build the network, and draw the initial parameters.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        Left as it is.
    X, y, sample_weight
        As in ``fit``.
    options : FitOptions or None
        None is a new fit.

    Returns
    -------
    PreparedFit

    Raises
    ------
    ValueError, TypeError
        If a setting or the samples cannot be used.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> prepared = prepare(InitMLPClassifier(random_state=3), X, y)
    >>> prepared.problem.network.widths, prepared.init_resolved
    ((2, 10, 5, 1), ['He()', 'He()', 'He()'])
    """
    options = options or FitOptions(check_random_state(estimator.random_state))
    settings = read_settings(estimator, partial=options.partial)
    check_validation(options.validation, settings.early_stopping)
    draft = copy(estimator)  # validation stores names and number of features
    samples = read_samples(draft, X, y, sample_weight, settings, options)
    data = samples.train
    for activation, width in zip(settings.activations, settings.hidden_widths, strict=True):
        check_activation(activation, width, data.X.dtype)
    network = settings.network(data.X.shape[1], data.targets.shape[1], samples.loss)
    if not is_builtin(network):
        check_loss(samples.loss, data.targets)
    max_iter, until = iterations(settings.max_iter, options)
    n_samples = len(data.targets)
    plan = settings.plan(n_samples, samples.weight_scale, max_iter=max_iter, until=until)
    problem = Problem(network, data, plan)
    initial, init_resolved = initial_state(draft, problem, options)
    validate = None
    if samples.validation is not None:
        vars(draft).update(samples.attributes, _fitted_with=draft._network_settings())
        validate = validator(draft, network, samples.validation)
    return PreparedFit(problem, initial, init_resolved, samples, validate, options)


def iterations(max_iter: int, options: FitOptions) -> tuple[int, int | None]:
    """Return the total that schedules count with, and where this run ends if that is earlier."""
    if options.resume_point is not None:
        return options.resume_point.end, None
    if options.partial:
        following = options.n_iter_before + 1
        return max(max_iter, following), following
    return options.n_iter_before + max_iter, None


def initial_state(
    estimator: Any, problem: Problem, options: FitOptions
) -> tuple[RunState, list[str]]:
    """Draw the initial parameters, or take those of the fit that is continued."""
    network, dtype = problem.network, problem.data.X.dtype
    if not options.resume:
        with one_blas_thread():
            parameters, init_resolved = build_parameters(
                estimator.init, network, options.rng, dtype=dtype, data=problem.data
            )
        return RunState(parameters), init_resolved
    parameters = packed(network, estimator.coefs_, estimator.intercepts_, dtype)
    # Another class of solver begins with a state of its own.
    solver_state = estimator._solver_state.get(type(problem.plan.solver).__name__)
    initial = RunState(parameters, solver_state, options.n_iter_before)
    if options.resume_point is not None:
        initial = initial._replace(stopping=options.resume_point.stopping)
    return initial, estimator.init_resolved_


@contextmanager
def restoring(rng: np.random.RandomState) -> Iterator[None]:
    """Set a random number generator back to its present state if an exception is raised."""
    state = rng.get_state()
    try:
        yield
    except BaseException:
        rng.set_state(state)
        raise


def validator(
    estimator: Any, network: Network, samples: ValidationData
) -> Callable[[Array], float]:
    """Return a function that scores the estimator with given parameters on validation samples.

    A scorer that accepts sample weights gets those of the user, without class weights.
    """
    vars(estimator).pop("feature_names_in_", None)  # X is an array by now
    scorer = check_scoring(estimator, estimator.scoring)
    function = getattr(scorer, "_score_func", scorer)  # of a scorer that make_scorer has made
    weights = {}
    if estimator.scoring is None or has_parameter(function, "sample_weight"):
        weights = {"sample_weight": samples.sample_weight}
    return partial(score_parameters, estimator, network, scorer, samples, weights)


def score_parameters(
    estimator: Any,
    network: Network,
    scorer: Callable[..., float],
    samples: ValidationData,
    weights: dict[str, Any],
    parameters: Array,
) -> float:
    """Score the estimator as it would be with these parameters."""
    model = copy(estimator)
    model.coefs_, model.intercepts_ = coefs_and_intercepts(network, parameters)
    with np.errstate(over="ignore"):
        try:
            score = float(scorer(model, samples.X, samples.y, **weights))
        except ValueError:
            if np.isfinite(model._predict_by(lambda loss, raw: loss.link(raw), samples.X)).all():
                raise
            return -np.inf  # the next iteration detects the divergence
    if np.isnan(score):
        raise ValueError(
            f"scoring={estimator.scoring!r} returned nan on the {len(samples.y)} validation "
            "samples; use more of them (validation_fraction or X_val), or another scorer"
        )
    return score


def has_parameter(function: Callable[..., Any], name: str) -> bool:
    """Tell whether a function takes an argument of this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions have no signature
        return False


def check_activation(activation: BaseActivation, width: int, dtype: Any) -> None:
    """Refuse an activation whose functions do not return one number for each pre-activation."""
    z = np.full((2, width), 0.5, dtype)
    for name in ("value", "slope"):
        with np.errstate(all="ignore"):
            shape = np.shape(getattr(activation, name)(z))
        if shape != z.shape:
            raise ValueError(
                f"{name} of activation={activation!r} returned shape {shape} for pre-activations "
                f"of shape {z.shape}; it must return one number for each"
            )


def check_loss(loss: BaseLoss, targets: Array) -> None:
    """Refuse a loss whose functions do not return arrays of the right shapes.

    They are called for several networks at once, with axes of different lengths, so that no axis
    can be taken for another.
    """
    n_networks, n_samples = (2, 3) if targets.shape[1] not in (2, 3) else (4, 5)
    some = np.take(targets, range(n_samples), axis=0, mode="wrap")
    raw = np.full((n_networks, *some.shape), 0.5, targets.dtype)
    expected = {
        "per_sample": (raw.shape[:-1], "sample; sum over axis=-1"),
        "gradient": (raw.shape, "raw prediction"),
    }
    for name, (wanted, each) in expected.items():
        with np.errstate(all="ignore"):
            shape = np.shape(getattr(loss, name)(raw, some))
        if shape != wanted:
            raise ValueError(
                f"{name} of loss={loss!r} returned shape {shape} for raw predictions of shape "
                f"{raw.shape} and targets of shape {some.shape}; it must be {wanted}, one number "
                f"for each {each}"
            )
