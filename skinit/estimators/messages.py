"""Warnings and errors at the end of a fit."""

import os
import sys
import warnings
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from skinit.core import Plan
from skinit.estimators.preparation import PreparedFit
from skinit.losses import BaseLoss
from skinit.training import DivergedError, InterruptedFitWarning, TrainingResult

__all__ = ["warn_about_outcome"]

# A fit whose loss is this many times what it was at the start has not learned.
GROWN = 2


def warn_about_outcome(model: Any, prepared: PreparedFit, result: TrainingResult) -> None:
    """Warn if a fit has not gone well, or raise a `DivergedError`.

    Parameters
    ----------
    model : InitMLPClassifier or InitMLPRegressor
        With its fitted attributes.
    prepared : PreparedFit
    result : TrainingResult
    """
    plan, data = prepared.plan, prepared.data
    loss = prepared.samples.loss
    if result.interrupted:
        warn(
            f"interrupted after {model.n_iter_} of {plan.max_iter} iterations; the model keeps "
            "what it has learned so far",
            InterruptedFitWarning,
        )
    if result.diverged:
        raise DivergedError(why_diverged(model, loss))
    ended_early = result.converged or result.interrupted or result.stopped
    if model.loss_ > GROWN * result.initial_loss:
        warn(why_grown(model, loss, result.initial_loss))
    elif plan.has_criterion and not ended_early:
        warn(why_not_converged(model, plan))
    elif result.constant_predictions and np.ptp(data.targets, axis=0).any():
        warn(why_constant(model, loss))


def warn(message: str, category: type[Warning] = ConvergenceWarning) -> None:
    """Warn, with the line outside of skinit that called ``fit``."""
    warnings.warn(message, category, stacklevel=frames_of_skinit() + 1)


def frames_of_skinit() -> int:
    """Count the frames of the stack, from the caller on, until the first outside of skinit."""
    folder = os.path.dirname(os.path.dirname(__file__)) + os.sep
    count, frame = 0, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(folder):
        count, frame = count + 1, frame.f_back
    return count


def why_not_converged(model: Any, plan: Plan) -> str:
    """Say which criterion to stop was not met, and what to change."""
    criterion = f"tol={model.tol}"
    if plan.solver.takes_steps:
        criterion += f", n_iter_no_change={model.n_iter_no_change}"
    if plan.early_stopping:
        criterion = f"early_stopping with {criterion}"
    faster = ", or a higher learning_rate" if plan.solver.takes_steps else ""
    return (
        f"training ended at iteration {model.n_iter_} without having met its criterion to stop, "
        f"{criterion}; give it more than max_iter={model.max_iter}{faster}"
    )


def why_diverged(model: Any, loss: BaseLoss) -> str:
    """Say when the loss stopped being finite, and what to change."""
    what, how = to_scale(model, loss)
    if not np.isfinite(model.loss_) and model.n_iter_ == 0:
        return (
            f"the initial loss is {model.loss_}; scale {what}, or choose an init with smaller "
            f"weights than {model.init!r}"
        )
    return (
        f"the loss stopped being finite at iteration {model.n_iter_ + 1}, from {model.loss_:.3g} "
        f"before it; the weights of iteration {model.n_iter_} are kept. Lower "
        f"learning_rate={model.learning_rate!r}{or_alpha(model)}, scale {what} ({how}), or choose "
        f"an init with smaller weights than {model.init!r}"
    )


def why_grown(model: Any, loss: BaseLoss, initial_loss: float) -> str:
    """Say how much the loss has grown, and what to change."""
    what, how = to_scale(model, loss)
    return (
        f"the loss has grown from {initial_loss:.3g} to {model.loss_:.3g} in {model.n_iter_} "
        f"iterations. Lower learning_rate={model.learning_rate!r}{or_alpha(model)}, or scale "
        f"{what} ({how})"
    )


def why_constant(model: Any, loss: BaseLoss) -> str:
    """Say what to check when all predictions are the same."""
    what, how = to_scale(model, loss)
    return (
        f"the predictions are the same for all samples after {model.n_iter_} iterations. Look "
        f"at the scaling of {what} ({how}), at init={model.init!r}, which may have left all units "
        "of a layer identical, silent or saturated, and at "
        f"learning_rate={model.learning_rate!r}{or_alpha(model)}"
    )


def to_scale(model: Any, loss: BaseLoss) -> tuple[str, str]:
    """Return what can be scaled, and what scales it: classes and counts stay as they are."""
    if is_classifier(model) or loss.positive_only:
        return "X", "StandardScaler"
    return "X and y", "StandardScaler, TransformedTargetRegressor"


def or_alpha(model: Any) -> str:
    """Name the penalty too, if there is one: it can be too strong, or make steps too long."""
    return f" or alpha={model.alpha!r}" if model.alpha else ""
