"""What training leaves behind: the fitted attributes, and what was wrong, in words."""

import os
import sys
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skinit.core import layer_views
from skinit.training import DivergedError, InterruptedFitWarning, evaluate

__all__ = ["coefs_and_intercepts", "fitted_attributes", "tell_what_was_wrong"]


def fitted_attributes(prepared, result=None, earlier=None):
    """List what a model keeps of training, under scikit-learn's names.

    Parameters
    ----------
    prepared : PreparedFit
    result : TrainingResult or None
        None is before the first iteration.
    earlier : BaseInitMLP or None
        The model that training went on from.

    Returns
    -------
    dict
        Without the losses of the weights themselves while training goes on.
    """
    network = prepared.network
    parameters, losses, scores = prepared.parameters, np.empty(0), np.empty(0)
    if result is not None:
        parameters, losses, scores = result.parameters, result.losses, result.validation_scores
    n_iter, kept = len(losses), {}
    if earlier is None:
        coefs, intercepts = coefs_and_intercepts(network, prepared.parameters)
        kept |= {"initial_coefs_": coefs, "initial_intercepts_": intercepts}
        kept["init_resolved_"] = prepared.init_resolved
    else:
        n_iter, losses = n_iter + earlier.n_iter_, np.append(earlier.loss_curve_, losses)
        if earlier.validation_scores_ is not None:
            scores = np.append(earlier.validation_scores_, scores)
    if result is not None and result.final_loss is not None:
        kept["loss_"] = result.final_loss
        kept["best_loss_"] = float(np.append(losses, result.final_loss).min())
    validated = prepared.plan.early_stopping
    coefs, intercepts = coefs_and_intercepts(network, parameters)
    return kept | {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_iter_": n_iter,
        "loss_curve_": losses,
        "validation_scores_": scores if validated or len(scores) else None,
        "best_validation_score_": float(max(scores, default=np.nan)) if validated else None,
        "n_layers_": len(network.widths),
        "n_outputs_": network.widths[-1],
        "n_parameters_": network.n_parameters,
        "out_activation_": network.loss.link_name,
    }


def coefs_and_intercepts(network, parameters):
    """Split a flat parameter vector into scikit-learn's two lists."""
    layers = layer_views(network, parameters)
    return [W for W, _ in layers], [b[0] for _, b in layers]


def tell_what_was_wrong(model, prepared, result):
    """Warn of what a fit has come to, or raise a `DivergedError`; the model has been stored.

    Parameters
    ----------
    model : BaseInitMLP
    prepared : PreparedFit
    result : TrainingResult
    """

    def warn(message, category=ConvergenceWarning):
        warnings.warn(message, category, stacklevel=frames_of_ours() + 1)

    if result.interrupted:
        warn(
            f"interrupted after {model.n_iter_} of {prepared.plan.max_iter} iterations; the model "
            "keeps what it has learnt so far",
            InterruptedFitWarning,
        )
    if result.diverged:
        raise DivergedError(why_diverged(model))
    ended_early = result.converged or result.interrupted or result.stopped
    start = loss_of_start(prepared, result)
    if model.loss_ > 2 * start:
        warn(why_grown(model, start))
    elif prepared.plan.has_criterion and not ended_early:
        warn(why_not_converged(model, prepared.plan))
    elif result.constant_scores and np.ptp(prepared.data.targets, axis=0).any():
        warn(why_constant(model))


def loss_of_start(prepared, result):
    """Return the loss before training, or what is as good to find a loss that has grown."""
    if result.n_iter == 0:
        return result.final_loss
    if prepared.plan.batch_size is None or not result.constant_scores:
        return result.losses[0]
    # What has grown in the first epoch already is part of the loss of that epoch.
    loss, _ = evaluate(prepared.network, prepared.parameters, prepared.data, prepared.plan)
    return loss


def frames_of_ours():
    """Count the frames of the stack, from the caller on, until the first that is not skinit's."""
    count, frame, folder = 0, sys._getframe(1), os.path.dirname(os.path.dirname(__file__))
    while frame is not None and frame.f_code.co_filename.startswith(folder):
        count, frame = count + 1, frame.f_back
    return count


def why_not_converged(model, plan):
    """Say which criterion was not met, and what to change."""
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


def why_diverged(model):
    """Say when the loss stopped being finite, and what to change."""
    if not np.isfinite(model.loss_) and model.n_iter_ == 0:
        return (
            f"the loss of the start is {model.loss_}; scale X{model._and_y}, or choose an init "
            f"with smaller weights than {model.init!r}"
        )
    return (
        f"the loss stopped being finite at iteration {model.n_iter_ + 1}, from {model.loss_:.3g} "
        f"before it; the weights of iteration {model.n_iter_} are kept. Lower "
        f"learning_rate={model.learning_rate!r}{or_alpha(model)}, scale X{model._and_y} "
        f"({model._scalers}), or choose an init with smaller weights than {model.init!r}"
    )


def why_grown(model, start):
    """Say how much the loss has grown, and what to change."""
    return (
        f"the loss has grown from {start:.3g} to {model.loss_:.3g} in {model.n_iter_} "
        f"iterations. Lower learning_rate={model.learning_rate!r}{or_alpha(model)}, or scale "
        f"X{model._and_y} ({model._scalers})"
    )


def why_constant(model):
    """Say what to look at when all predictions are the same."""
    return (
        f"the predictions are the same for all samples after {model.n_iter_} iterations. Look "
        f"at the scaling of X{model._and_y} ({model._scalers}), at init={model.init!r}, which may "
        "have left all units of a layer identical, silent or saturated, and at "
        f"learning_rate={model.learning_rate!r}{or_alpha(model)}"
    )


def or_alpha(model):
    """Name the penalty too, where there is one: it can be too strong, or make steps too long."""
    return f" or alpha={model.alpha!r}" if model.alpha else ""
