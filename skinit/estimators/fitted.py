"""The attributes of a fitted model: what a run has learned, under scikit-learn's names."""

from copy import deepcopy
from typing import Any

import numpy as np

from skinit.estimators.options import ResumePoint
from skinit.estimators.packing import coefs_and_intercepts
from skinit.estimators.preparation import PreparedFit
from skinit.training import TrainingResult

__all__ = ["fitted_attributes", "snapshot_attributes", "store"]


def fitted_attributes(estimator: Any, prepared: PreparedFit, result: TrainingResult) -> dict:
    """List all attributes of a fitted model, and what it needs to be continued.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        Still as it was before the fit.
    prepared : PreparedFit
    result : TrainingResult

    Returns
    -------
    dict
        None for `feature_names_in_` and `_resume_point` means that the model has none.
    """
    plan, network = prepared.problem.plan, prepared.problem.network
    resume_point = None
    if result.final_loss is None or result.interrupted or result.diverged:
        resume_point = ResumePoint(result.state.stopping, plan.end)
    coefs, intercepts = coefs_and_intercepts(network, result.parameters)
    return {
        **prepared.samples.attributes,
        **initialization(prepared),
        **history(estimator, prepared, result),
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_layers_": len(network.widths),
        "n_outputs_": network.widths[-1],
        "n_parameters_": network.n_parameters,
        "out_activation_": network.loss.link_name,
        "_fitted_with": deepcopy(estimator._network_settings()),
        "_solver_state": {type(plan.solver).__name__: result.state.solver_state},
        "_resume_point": resume_point,
        "_rng": prepared.options.rng,
    }


def snapshot_attributes(estimator: Any, prepared: PreparedFit, result: TrainingResult) -> dict:
    """List the attributes of a copy of the model, taken during training.

    The copy has its own random number generator.
    """
    attributes = fitted_attributes(estimator, prepared, result)
    return attributes | {"_rng": deepcopy(attributes["_rng"])}


def initialization(prepared: PreparedFit) -> dict[str, Any]:
    """List what a fit from the beginning keeps of the initialization."""
    if prepared.options.resume:
        return {}  # already stored
    coefs, intercepts = coefs_and_intercepts(prepared.problem.network, prepared.initial.parameters)
    return {
        "initial_coefs_": coefs,
        "initial_intercepts_": intercepts,
        "init_resolved_": prepared.init_resolved,
    }


def history(estimator: Any, prepared: PreparedFit, result: TrainingResult) -> dict[str, Any]:
    """List number of iterations, losses and validation scores, earlier runs included."""
    losses, scores = result.losses, result.validation_scores
    if prepared.options.resume:
        losses = np.append(estimator.loss_curve_, losses)
        if estimator.validation_scores_ is not None:
            scores = np.append(estimator.validation_scores_, scores)
    validated = prepared.problem.plan.early_stopping
    attributes = {
        "n_iter_": prepared.options.n_iter_before + result.n_iter,
        "loss_curve_": losses,
        "validation_scores_": scores if validated or len(scores) else None,
        "best_validation_score_": float(max(scores, default=np.nan)) if validated else None,
    }
    if result.final_loss is not None:
        attributes["loss_"] = result.final_loss
        attributes["best_loss_"] = float(np.append(losses, result.final_loss).min())
    return attributes


def store(estimator: Any, attributes: dict[str, Any]) -> None:
    """Store fitted attributes on an estimator, and delete those that it must not have."""
    vars(estimator).update(attributes)
    for name in ("feature_names_in_", "_resume_point"):
        if vars(estimator).get(name, False) is None:
            delattr(estimator, name)
