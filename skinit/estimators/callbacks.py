"""Callbacks of a fit: scikit-learn's, from its version 1.9 on, and the base class of skinit's own.

In scikit-learn's protocol each iteration is a task. Callbacks have hooks that are called at its
beginning and end, with a copy of the model if they take one. Callbacks of skinit say beforehand
which iterations they want to see; if no others are set, the engine computes all iterations in
between at once.
"""

import math
from collections.abc import Sequence
from copy import copy
from functools import cache, partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skinit._support import check_number
from skinit.estimators.fitted import is_absent, snapshot_attributes, store
from skinit.estimators.preparation import PreparedFit
from skinit.training import Block, Observer, TrainingResult, TrainingRun

try:
    from sklearn.callback import CallbackSupportMixin as ScikitLearnsMixin
    from sklearn.callback import with_callbacks
except ImportError:  # before scikit-learn 1.9

    class ScikitLearnsMixin:
        """Stands in for scikit-learn's mixin, without ``set_callbacks``."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


__all__ = [
    "CallbackObserver",
    "CallbackSupportMixin",
    "IterationCallback",
    "given_to_callbacks",
    "has_callbacks",
    "is_due",
    "next_due",
    "with_callbacks",
]


class CallbackSupportMixin(ScikitLearnsMixin):
    """``set_callbacks``, where scikit-learn has it; the iterations of a network are the tasks."""


def has_callbacks(estimator: Any) -> bool:
    """Tell whether callbacks are set."""
    return bool(getattr(estimator, "_skl_callbacks", None))


def given_to_callbacks(X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
    """Return the arguments of ``fit`` that callbacks can take."""
    metadata = None
    if sample_weight is not None:
        weights = np.ravel(sample_weight)
        metadata = {"sample_weight": np.broadcast_to(weights, np.shape(y)[:1])}
    return {"X": X, "y": y, "metadata": metadata}


class IterationCallback(BaseEstimator):
    """Base class of callbacks that see a model after chosen iterations.

    A subclass has the parameter `every`, as `WeightSnapshots`, and overrides `on_iteration`; the
    other methods where it needs them. X, y and `metadata`, such as sample weights, are those that
    ``fit`` was given: the fits of several clones share a callback, which must not store them.
    """

    every: int | Sequence[int] | None

    def next_iteration(self, n_iter: int) -> float:
        """Return the next number of iterations, above `n_iter`, at which to be called.

        Infinity means: at the end of any block.
        """
        return next_due(self.every, n_iter)

    def is_due(self, n_iter: int) -> bool:
        """Return whether to be called now, after `n_iter` iterations."""
        return is_due(self.every, n_iter)

    def on_begin(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Handle the model before the first iteration, by default as after any other."""
        self.on_iteration(model, X, y, metadata)

    def on_iteration(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Handle a copy of the model, ready to predict as if the fit had ended here."""

    def on_end(self, model: Any, X: Any, y: Any, metadata: dict[str, Any] | None) -> None:
        """Handle the model after the last iteration."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Raise a `TypeError` if the estimator is not a network of skinit."""
        if not isinstance(estimator, CallbackSupportMixin):
            raise TypeError(
                f"{type(self).__name__} is set on a {type(estimator).__name__}, and can only watch "
                f"an InitMLPClassifier or InitMLPRegressor{way_to_network(estimator)}"
            )
        self.check_settings()

    def check_settings(self) -> None:
        """Raise an error that names a parameter which cannot be used."""
        check_every(self.every)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing; scikit-learn requires the method."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: `on_begin` is called instead."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Do nothing: `on_iteration` and `on_end` are called instead."""


def way_to_network(estimator: Any) -> str:
    """Return a hint how to set a callback on the network inside an estimator, if there is one."""
    way, inside = "pipeline" if hasattr(estimator, "steps") else "search", estimator
    while not isinstance(inside, CallbackSupportMixin):
        if hasattr(inside, "steps"):
            way, inside = f"{way}[-1]", inside.steps[-1][1]
        elif hasattr(inside, "estimator"):
            way, inside = f"{way}.estimator", inside.estimator
        elif hasattr(inside, "regressor"):  # a TransformedTargetRegressor
            way, inside = f"{way}.regressor", inside.regressor
        else:
            return ""
    return f"; set it on the network: {way}.set_callbacks(...)"


def check_every(every: Any) -> None:
    """Refuse an `every` that is neither a positive integer nor a sequence of them."""
    if isinstance(every, str) or not isinstance(every, (Real, Sequence, np.ndarray)):
        raise TypeError(
            f"every={every!r} must be a number of iterations, such as 10, or a sequence of "
            "iterations, such as (1, 10, 100)"
        )
    for iteration in [every] if isinstance(every, Real) else every:
        check_number(iteration, "every", low=1, kind=Integral)


def next_due(every: int | Sequence[int], n_iter: int) -> float:
    """Return the next iteration above `n_iter` of every k-th, or of a sequence of iterations.

    Examples
    --------
    >>> next_due(10, 25), next_due((1, 10, 100), 10), next_due((1, 10, 100), 100)
    (30, 100, inf)
    """
    if isinstance(every, Real):
        return (n_iter // every + 1) * every
    return min((iteration for iteration in every if iteration > n_iter), default=math.inf)


def is_due(every: int | Sequence[int], n_iter: int) -> bool:
    """Tell whether an iteration is one of every k-th, or of a sequence of iterations."""
    return n_iter % every == 0 if isinstance(every, Real) else n_iter in every


class CallbackObserver(Observer):
    """Calls the callbacks of an estimator while it is fitted.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
    prepared : PreparedFit
    given : dict
        What hooks can ask for: ``X``, ``y`` and ``metadata``.
    """

    def __init__(self, estimator: Any, prepared: PreparedFit, given: dict[str, Any]) -> None:
        self.estimator, self.prepared, self.given = estimator, prepared, given
        callbacks = estimator._skl_callbacks
        self.own = [each for each in callbacks if isinstance(each, IterationCallback)]
        self.has_others = len(self.own) < len(callbacks)
        plan, n_before = prepared.plan, prepared.initial.n_iter
        self.n_left, self.task = plan.end - n_before, None
        self.context = estimator._init_callback_context(max_subtasks=self.n_left)

    def begin(self) -> None:
        """Begin the fit, and its first iteration."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.given)
        before = TrainingResult(
            self.prepared.parameters, np.empty(0), np.empty(0), self.prepared.initial
        )
        if self.own:
            model = self.model(before)
            for callback in self.own:
                callback.on_begin(model, **self.given)
        if self.has_others:
            self.begin_task(partial(self.attributes, before))

    def next_iteration(self, n_iter: int) -> float:
        if self.has_others:
            return n_iter + 1
        return min(callback.next_iteration(n_iter) for callback in self.own)

    def observe(self, run: TrainingRun, block: Block) -> bool:
        """Call what is due, and return whether a callback wants to end the fit."""
        due = [callback for callback in self.own if callback.is_due(run.state.n_iter)]
        if due:
            model = self.model(run.snapshot())
            for callback in due:
                callback.on_iteration(model, **self.given)
        if not self.has_others:
            return False
        attributes = cache(lambda: self.attributes(run.snapshot()))
        stop = self.end_task(attributes)
        if self.n_left and not (stop or run.converged):
            self.begin_task(attributes)
        return stop

    def end(self, result: TrainingResult) -> None:
        """End the fit, and an iteration that was begun but not finished."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
        self.context.call_on_fit_task_end(
            estimator=self.estimator,
            **self.given,
            reconstruction_attributes=partial(self.attributes, result),
        )
        if self.own:
            model = self.model(result)
            for callback in self.own:
                callback.on_end(model, **self.given)

    def begin_task(self, attributes: Any) -> None:
        """Begin an iteration."""
        self.n_left -= 1
        self.task = self.context.subcontext(task_name="iteration")
        self.task.call_on_fit_task_begin(
            estimator=self.estimator, **self.given, reconstruction_attributes=attributes
        )

    def end_task(self, attributes: Any) -> bool:
        """End an iteration, and return whether a callback wants to end the fit."""
        task, self.task = self.task, None
        return task.call_on_fit_task_end(
            estimator=self.estimator, **self.given, reconstruction_attributes=attributes
        )

    def attributes(self, result: TrainingResult) -> dict[str, Any]:
        """Return the attributes of a copy in its present state of training, for scikit-learn."""
        attributes = snapshot_attributes(self.estimator, self.prepared, result)
        return {name: value for name, value in attributes.items() if not is_absent(name, value)}

    def model(self, result: TrainingResult) -> Any:
        """Return a copy of the estimator in its present state of training."""
        model = copy(self.estimator)
        store(model, snapshot_attributes(self.estimator, self.prepared, result))
        return model
