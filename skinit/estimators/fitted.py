"""The attributes of a fitted model: what a run has learned, under scikit-learn's names."""

from copy import deepcopy
from typing import Any

import numpy as np

from skinit.estimators.options import ResumePoint
from skinit.estimators.packing import coefs_and_intercepts
from skinit.estimators.preparation import PreparedFit
from skinit.training import TrainingResult

__all__ = ["fitted_attributes", "is_absent", "snapshot_attributes", "store"]

# Attributes that not every fitted model has. The losses are those of the end of a fit.
OPTIONAL = ("feature_names_in_", "loss_", "best_loss_", "_resume_point")


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
        A value of None of the names in `OPTIONAL` means that the model does not have them.
    """
    plan, network = prepared.plan, prepared.network
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
    coefs, intercepts = coefs_and_intercepts(prepared.network, prepared.parameters)
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
    validated = prepared.plan.early_stopping
    attributes = {
        "n_iter_": prepared.options.n_iter_before + result.n_iter,
        "loss_curve_": losses,
        "validation_scores_": scores if validated or len(scores) else None,
        "best_validation_score_": float(max(scores, default=np.nan)) if validated else None,
    }
    best_loss = None
    if result.final_loss is not None:
        best_loss = float(np.append(losses, result.final_loss).min())
    return attributes | {"loss_": result.final_loss, "best_loss_": best_loss}


def is_absent(name: str, value: Any) -> bool:
    """Return whether a value of None means that the model does not have the attribute."""
    return value is None and name in OPTIONAL


def store(estimator: Any, attributes: dict[str, Any]) -> None:
    """Store fitted attributes on an estimator, and delete those that it does not have any more."""
    for name, value in attributes.items():
        if is_absent(name, value):
            vars(estimator).pop(name, None)
        else:
            setattr(estimator, name, value)
