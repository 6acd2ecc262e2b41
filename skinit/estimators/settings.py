"""From the settings of an estimator and the samples to what a training run needs, all checked."""

from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array

from skinit._support import check_number, is_positive_integer
from skinit.core import Network, Plan, TrainingData, layer_views
from skinit.schedules import resolve_schedule
from skinit.solvers import resolve_solver

__all__ = [
    "BATCH_SIZE",
    "PreparedFit",
    "Request",
    "Unfinished",
    "check_activation",
    "check_dropout",
    "check_loss",
    "check_sample_weight",
    "check_validation",
    "make_plan",
    "packed",
    "plan_for_samples",
]

# How many samples a minibatch has, where nothing else is asked for.
BATCH_SIZE = 200


@dataclass(frozen=True)
class Unfinished:
    """Where a fit stood when a model was copied from it, and the iteration before which it ends."""

    standing: object
    end: int


@dataclass(frozen=True)
class Request:
    """What a call of ``fit`` or ``partial_fit`` asks for, besides the samples to train on.

    Parameters
    ----------
    goes_on : bool
        Whether there is a fitted model to go on from.
    rng : RandomState
    n_before : int
        How many iterations have been done before.
    one_step : bool
        Whether one more is all that is asked for.
    classes : array-like or None
        All classes that there will be, where y need not hold them.
    validation : tuple of (X, y, sample_weight)
        The samples to validate on, or None for each.
    unfinished : Unfinished or None
        Where the fit stood that is to be finished.
    """

    goes_on: bool
    rng: object
    n_before: int = 0
    one_step: bool = False
    classes: object = None
    validation: tuple = (None, None, None)
    unfinished: Unfinished | None = None


@dataclass(frozen=True)
class PreparedFit:
    """All that a training run needs, validated."""

    network: Network
    data: TrainingData
    parameters: np.ndarray
    init_resolved: list
    plan: Plan
    validate: object = None


def make_plan(estimator, request):
    """Read from an estimator how it is to be trained, on samples that are still to come.

    Parameters
    ----------
    estimator : BaseInitMLP
    request : Request

    Returns
    -------
    Plan

    Raises
    ------
    ValueError, TypeError
        If a setting cannot be used.
    """
    solver = resolve_solver(estimator.solver)
    for name in ("early_stopping", "shuffle", "warm_start"):
        check_switch(getattr(estimator, name), name)
    check_number(estimator.alpha, "alpha", low=0)
    check_number(estimator.n_iter_no_change, "n_iter_no_change", low=0, kind=Integral)
    if estimator.tol is not None:
        check_number(estimator.tol, "tol", low=0)
    if estimator.early_stopping:
        check_number(estimator.validation_fraction, "validation_fraction", above=0, below=1)
    n_before, one_step = request.n_before, request.one_step
    max_iter = check_max_iter(estimator.max_iter)
    if request.unfinished:
        max_iter = request.unfinished.end
    else:
        max_iter = max(max_iter, n_before + 1) if one_step else n_before + max_iter
    schedule = resolve_schedule(estimator.learning_rate)
    has_criterion = estimator.tol is not None or estimator.early_stopping
    if schedule.waits_for_plateaus and not (has_criterion or one_step):
        raise ValueError(
            f"learning_rate={schedule!r} waits for training to come to a standstill, and nothing "
            "says when that is; set tol, for example to 1e-4, or early_stopping=True"
        )
    return Plan(
        solver,
        schedule,
        max_iter,
        batch_size=check_batch_size(estimator.batch_size, solver, n_samples=1),
        shuffle=bool(estimator.shuffle),
        alpha=float(estimator.alpha),
        tol=None if one_step else estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change,
        early_stopping=bool(estimator.early_stopping),
        until=n_before + 1 if one_step else None,
    )


def plan_for_samples(plan, batch_size, n_samples, weight_scale):
    """Complete a plan when the samples are there.

    Parameters
    ----------
    plan : Plan
    batch_size : int or None
        As it is set.
    n_samples : int
    weight_scale : float
        What the sample weights have been multiplied by.

    Returns
    -------
    Plan
    """
    return replace(
        plan,
        batch_size=check_batch_size(batch_size, plan.solver, n_samples),
        # The penalty is shared among the samples, however their weights are scaled.
        alpha=plan.alpha * weight_scale,
    )


def check_switch(value, name):
    """Refuse what is neither true nor false: the text "no" would pass for true."""
    if not isinstance(value, (bool, np.bool_)) and value not in (0, 1):
        raise TypeError(f"{name}={value!r} must be True or False")


def check_validation(validation, early_stopping):
    """Refuse samples to validate on that are not complete, or that nobody would look at."""
    given = [part is not None for part in validation]
    if given in ([False] * 3, [True, True, False], [True] * 3) and (
        early_stopping or not any(given)
    ):
        return
    names = ("X_val", "y_val", "sample_weight_val")
    told = ", ".join(
        f"{name} {'given' if is_given else 'absent'}"
        for name, is_given in zip(names, given, strict=True)
    )
    raise ValueError(
        "X_val and y_val go together, sample_weight_val goes with them, and all with "
        f"early_stopping=True; got early_stopping={early_stopping}, {told}"
    )


def check_batch_size(batch_size, solver, n_samples):
    """Return how many samples a minibatch has; None where there is one batch only."""
    if batch_size is None:
        batch_size = BATCH_SIZE if solver.takes_minibatches else n_samples
    else:
        if not is_positive_integer(batch_size):
            raise ValueError(
                f"batch_size={batch_size!r} must be a positive integer, such as 32, or None for "
                f"{BATCH_SIZE} samples, or all where the solver takes no minibatches"
            )
        if not solver.takes_minibatches and batch_size < n_samples:
            raise ValueError(
                f"batch_size={batch_size} is less than the {n_samples} samples, and "
                f"solver={solver!r} takes all of them at once; leave batch_size=None, or choose a "
                "solver that takes minibatches, such as 'sgd' or 'adam'"
            )
    return int(batch_size) if batch_size < n_samples else None


def packed(network, coefs, intercepts, dtype):
    """Join the weights and biases of a fitted model to a flat parameter vector."""
    parameters = np.empty(network.n_parameters, dtype)
    found = [(np.shape(W), np.shape(b)) for W, b in zip(coefs, intercepts, strict=True)]
    wanted = [((m, n), (n,)) for m, n in pairwise(network.widths)]
    if found != wanted:
        raise ValueError(
            f"coefs_ and intercepts_ have the shapes {found}, and a network of the widths "
            f"{network.widths} has {wanted}; set hidden_layer_sizes back, or begin anew with a "
            "clone of the model"
        )
    layers = layer_views(network, parameters)
    for (W, b), coef, intercept in zip(layers, coefs, intercepts, strict=True):
        W[...], b[...] = coef, intercept
    return parameters


def check_activation(activation, width, dtype):
    """Refuse functions that do not answer one number for each."""
    z = np.full((2, width), 0.5, dtype)
    for name in ("value", "slope"):
        with np.errstate(all="ignore"):
            shape = np.shape(getattr(activation, name)(z))
        if shape != z.shape:
            raise ValueError(
                f"{name} of activation={activation!r} returned shape {shape} for pre-activations "
                f"of shape {z.shape}; it must answer one number for each"
            )


def check_dropout(dropout, solver, n_layers):
    """Return how many of its units each hidden layer keeps, as a part of all."""
    is_sequence = isinstance(dropout, (list, tuple, np.ndarray))
    rates = dropout if is_sequence else [dropout] * n_layers
    if len(rates) != n_layers:
        raise ValueError(
            f"dropout has {len(rates)} entries, but there are {n_layers} hidden layers; give one "
            "entry for each, or one rate for all"
        )
    for rate in rates:
        check_number(rate, "dropout", low=0, below=1)
    if any(rates) and not solver.takes_steps:
        raise ValueError(
            f"dropout={dropout!r} makes each loss another one, and solver={solver!r} needs one "
            "that stays; leave dropout=0, or choose a solver such as 'gd' or 'adam'"
        )
    return tuple(1 - float(rate) for rate in rates)


def check_loss(loss, targets):
    """Refuse functions that do not answer one loss for each sample, and a gradient for each score.

    They are asked for several networks at once, and no two axes are of the same length, so that
    none can be taken for another.
    """
    n_networks, n_samples = (2, 3) if targets.shape[1] not in (2, 3) else (4, 5)
    some = np.take(targets, range(n_samples), axis=0, mode="wrap")
    scores = np.full((n_networks, *some.shape), 0.5, targets.dtype)
    answers = {
        "per_sample": (scores.shape[:-1], "sample; sum over axis=-1"),
        "gradient": (scores.shape, "score"),
    }
    for name, (wanted, each) in answers.items():
        with np.errstate(all="ignore"):
            shape = np.shape(getattr(loss, name)(scores, some))
        if shape != wanted:
            raise ValueError(
                f"{name} of loss={loss!r} returned shape {shape} for scores of shape "
                f"{scores.shape} and targets of shape {some.shape}; it must be {wanted}, one "
                f"number for each {each}"
            )


def check_max_iter(max_iter):
    """Return it as a plain int."""
    if not is_positive_integer(max_iter):
        raise ValueError(f"max_iter={max_iter!r} must be a positive integer, such as 15000")
    return int(max_iter)


def check_sample_weight(sample_weight, X, name="sample_weight"):
    """Return the weights as an array of the dtype of X, and what they have been multiplied by."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    sample_weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name)
    if sample_weight.shape not in ((X.shape[0],), (X.shape[0], 1)):
        raise ValueError(
            f"{name} of shape {sample_weight.shape} must hold one number for each of the "
            f"{X.shape[0]} samples of X"
        )
    sample_weight = sample_weight.ravel()
    if (sample_weight < 0).any() or not sample_weight.any():
        raise ValueError(
            f"{name} must hold no negative value and at least one above zero; got values "
            f"from {sample_weight.min()} to {sample_weight.max()}"
        )
    # By a power of two, which rounds nothing, so that no sum overflows and float32 holds them.
    _, exponent = np.frexp(sample_weight.max())
    return np.ldexp(sample_weight, -exponent).astype(X.dtype), float(np.ldexp(1.0, -exponent))
