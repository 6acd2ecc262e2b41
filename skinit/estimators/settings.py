"""The settings of an estimator, resolved and checked without data."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from skinit._support import check_number, check_widths, is_positive_integer
from skinit.activations import BaseActivation, resolve_activations
from skinit.core import Network, Plan
from skinit.losses import BaseLoss
from skinit.schedules import BaseSchedule, resolve_schedule
from skinit.solvers import BaseSolver, resolve_solver

__all__ = ["BATCH_SIZE", "Settings", "read_settings"]

# Number of samples in a minibatch, unless `batch_size` says otherwise.
BATCH_SIZE = 200


@dataclass(frozen=True)
class Settings:
    """What the parameters of an estimator mean: names as objects, numbers checked.

    Parameters
    ----------
    hidden_widths : tuple of int
    activations : tuple of BaseActivation
        One for each hidden layer.
    keep_rates : tuple of float
        Share of the units of each hidden layer that dropout keeps.
    solver : BaseSolver
    schedule : BaseSchedule
    max_iter : int
    batch_size : int or None
    alpha : float
    tol : float or None
    n_iter_no_change : int
    early_stopping : bool
    validation_fraction : float
    shuffle : bool
    """

    hidden_widths: tuple[int, ...]
    activations: tuple[BaseActivation, ...]
    keep_rates: tuple[float, ...]
    solver: BaseSolver
    schedule: BaseSchedule
    max_iter: int
    batch_size: int | None
    alpha: float
    tol: float | None
    n_iter_no_change: int
    early_stopping: bool
    validation_fraction: float
    shuffle: bool

    def network(self, n_features: int, n_outputs: int, loss: BaseLoss) -> Network:
        """Return the network for these numbers of features and outputs."""
        widths = (n_features, *self.hidden_widths, n_outputs)
        return Network(widths, self.activations, loss, self.keep_rates)

    def plan(
        self, n_samples: int, weight_scale: float, *, max_iter: int, until: int | None = None
    ) -> Plan:
        """Return the plan of training on `n_samples` samples.

        Parameters
        ----------
        n_samples : int
        weight_scale : float
            Factor by which the sample weights have been multiplied.
        max_iter : int
            Number of iterations, those of earlier runs included.
        until : int or None
            The iteration before which this run ends; None is `max_iter`.

        Raises
        ------
        ValueError
            If `batch_size` is too small for a solver that takes all samples at once.
        """
        return Plan(
            self.solver,
            self.schedule,
            max_iter,
            batch_size=self.minibatch(n_samples),
            shuffle=self.shuffle,
            # The penalty is divided by the number of samples, however their weights are scaled.
            alpha=self.alpha * weight_scale,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self.early_stopping,
            until=until,
        )

    def minibatch(self, n_samples: int) -> int | None:
        """Return the number of samples in a minibatch; None where there is one batch only."""
        batch_size = self.batch_size
        if batch_size is None:
            batch_size = BATCH_SIZE if self.solver.takes_minibatches else n_samples
        elif not self.solver.takes_minibatches and batch_size < n_samples:
            raise ValueError(
                f"batch_size={batch_size} is less than the {n_samples} samples, and "
                f"solver={self.solver!r} takes all of them at once; leave batch_size=None, or "
                "choose a solver that takes minibatches, such as 'sgd' or 'adam'"
            )
        return batch_size if batch_size < n_samples else None


def read_settings(estimator: Any, *, partial: bool = False) -> Settings:
    """Resolve and check the parameters of an estimator, without data.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
    partial : bool, default=False
        Whether they are for a single iteration, for which the criteria to stop are ignored.

    Returns
    -------
    Settings

    Raises
    ------
    ValueError, TypeError
        If a parameter cannot be used; the message names it.
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
    max_iter = check_max_iter(estimator.max_iter)
    schedule = resolve_schedule(estimator.learning_rate)
    has_criterion = estimator.tol is not None or estimator.early_stopping
    if schedule.waits_for_plateaus and not (has_criterion or partial):
        raise ValueError(
            f"learning_rate={schedule!r} waits until training no longer improves, and nothing says "
            "when that is; set tol, for example to 1e-4, or early_stopping=True"
        )
    batch_size = check_batch_size(estimator.batch_size)
    hidden_widths = check_widths(estimator.hidden_layer_sizes, "hidden_layer_sizes")
    keep_rates = check_dropout(estimator.dropout, solver, len(hidden_widths))
    return Settings(
        hidden_widths=hidden_widths,
        activations=resolve_activations(estimator.activation, len(hidden_widths)),
        keep_rates=keep_rates,
        solver=solver,
        schedule=schedule,
        max_iter=max_iter,
        batch_size=batch_size,
        alpha=float(estimator.alpha),
        tol=None if partial else estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change,
        early_stopping=bool(estimator.early_stopping),
        validation_fraction=estimator.validation_fraction,
        shuffle=bool(estimator.shuffle),
    )


def check_switch(value: Any, name: str) -> None:
    """Refuse what is neither true nor false: the text "no" would count as true."""
    if not isinstance(value, (bool, np.bool_)) and value not in (0, 1):
        raise TypeError(f"{name}={value!r} must be True or False")


def check_max_iter(max_iter: Any) -> int:
    """Validate `max_iter` and return it as an int."""
    if not is_positive_integer(max_iter):
        raise ValueError(f"max_iter={max_iter!r} must be a positive integer, such as 15000")
    return int(max_iter)


def check_batch_size(batch_size: Any) -> int | None:
    """Validate `batch_size` and return it as an int, or None."""
    if batch_size is None:
        return None
    if not is_positive_integer(batch_size):
        raise ValueError(
            f"batch_size={batch_size!r} must be a positive integer, such as 32, or None for "
            f"{BATCH_SIZE} samples, or for all where the solver takes no minibatches"
        )
    return int(batch_size)


def check_dropout(
    dropout: float | Sequence[float], solver: BaseSolver, n_layers: int
) -> tuple[float, ...]:
    """Return the share of its units that each hidden layer keeps."""
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
            f"dropout={dropout!r} makes the loss random, and solver={solver!r} needs one that is "
            "always the same; leave dropout=0, or choose a solver such as 'gd' or 'adam'"
        )
    return tuple(1 - float(rate) for rate in rates)
