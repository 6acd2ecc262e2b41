"""Before any training: what a start is like, what is wrong with it, and which would do better.

`diagnose` draws the start that a fit would draw, measures it on some of the samples, and answers
with a `Diagnosis`.
"""

from collections.abc import Iterable
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import check_is_fitted

from skinit._support import check_number, look_up
from skinit.core import TrainingData, mean_loss
from skinit.diagnosis.data import faults_of_data, faults_of_targets
from skinit.diagnosis.findings import by_severity, faults_of_learnt, faults_of_rate, faults_of_start
from skinit.diagnosis.propagation import measure_propagation
from skinit.diagnosis.recommendation import (
    CANDIDATES,
    loss_of_start,
    other_init,
    rate,
    recommend,
)
from skinit.diagnosis.result import Diagnosis, has_stable_rate, stable_rate_of
from skinit.diagnosis.spectra import evenly, jacobian_singular_values, largest_curvature
from skinit.engine import one_blas_thread
from skinit.estimators import Request, innermost, last_step
from skinit.initializers import INITIALIZERS, build_parameters, resolve_init, without_reasons
from skinit.interop import from_sklearn
from skinit.losses import baseline_loss

__all__ = ["MAX_SAMPLES", "diagnose"]

# So many samples are looked at, and a part of them for the curvature, which takes some twenty
# gradients. Shares and mean squares are then known to a few percent. Other starts need only be told
# apart: a rate counts as too large from twice the stable one on.
MAX_SAMPLES = 500
CURVATURE_SAMPLES = 200
CURVATURE_SAMPLES_OF_OTHERS = 50

WEIGHTS = {"start": False, "fitted": True}


def diagnose(
    estimator,
    X,
    y=None,
    sample_weight=None,
    *,
    weights="start",
    candidates=CANDIDATES,
    max_samples=MAX_SAMPLES,
):
    """Look at a start before any training, and say what is wrong with it.

    The start is drawn as `fit` would draw it, from all samples where it looks at data; then signal
    and gradient are sent through the network, for `max_samples` of the samples, drawn from the
    estimator's `random_state`, of each class at least one. All is computed in float64, without
    dropout. What is found is judged for the solver of the estimator.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, Pipeline or TransformedTargetRegressor
        It stays as it is, and so do the other steps of a pipeline, of which clones are fitted.
        scikit-learn's own networks and those of `skinit.drop_in` are taken for what `from_sklearn`
        makes of them.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Without it there are no losses, gradients and curvature, and a network that is not fitted is
        taken for one with a single output. A start that looks at y needs it.
    sample_weight : array-like of shape (n_samples,), default=None
    weights : {"start", "fitted"}, default="start"
        Whether to look at the start, also of an estimator that is fitted, or at the weights that it
        has learnt; then the other steps of a pipeline are taken as they are fitted, too.
    candidates : sequence of str, default=("he", "glorot", "lecun", "orthogonal", "lsuv", "auto")
        Starts to compare a start with, for the recommendation; none with ``()``.
    max_samples : int, default=500

    Returns
    -------
    Diagnosis

    Raises
    ------
    TypeError
        If `estimator` is something else, or `candidates` no sequence.
    ValueError
        If the data or a setting cannot be used.
    NotFittedError
        If the weights of an estimator are asked for that is not fitted.

    See Also
    --------
    SignalPropagationDisplay, JacobianSpectrumDisplay, ActivationHistogramDisplay : Draw it.
    DiagnosisRecorder : The same during training.
    diagnose_grid : For many settings.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    S. S. Schoenholz, J. Gilmer, S. Ganguli and J. Sohl-Dickstein, "Deep information propagation",
    ICLR 2017.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, diagnose, load_circles
    >>> X, y, _, _ = load_circles()
    >>> diagnose(InitMLPClassifier(init="he", random_state=3), X, y)
    <Diagnosis of He() in a 2-10-5-1 network: no fault found>
    >>> diagnosis = diagnose(InitMLPClassifier(init="zeros"), X, y)
    >>> diagnosis.findings[0].message
    'layers 1 and 2: all units are identical'
    """
    fitted = look_up(weights, WEIGHTS, "weights")
    check_number(max_samples, "max_samples", low=2, kind=Integral)
    candidates = check_candidates(candidates)
    model, X, y = last_step(estimator, X, y, fitted=fitted, turn=as_ours)
    if fitted:
        check_is_fitted(model, "coefs_")
    prepared, rng = prepare(model, X, y, sample_weight, fitted)
    some = some_samples(prepared.data, max_samples, model)
    seen = some if y is not None else TrainingData(some.X, None)
    names = list(dict.fromkeys(map(without_reasons, prepared.init_resolved)))
    # What overflows is told in words; small products are not faster on many threads.
    with np.errstate(all="ignore"), one_blas_thread():
        figures = measure(prepared, seen, model.n_iter_ if fitted else 0)
        of_data = faults_of_X(model, figures, prepared.data.X)
        recommendation = None
        if candidates and not fitted:
            draw = partial(draw_start, prepared, rng, some)
            present, assess = ways_to_assess(model, names, figures, prepared, seen, bool(of_data))
            others = [each for each in candidates if [repr(resolve_init(each))] != names]
            recommendation = recommend(prepared.network, present, draw, assess, others)
        instead = other_init(recommendation, names, prepared.network)
        findings = faults_of_all(figures, of_data, prepared.data, recommendation, instead)
    return Diagnosis(
        init=", ".join(names),
        **figures,
        findings=findings,
        recommendation=recommendation,
        n_samples=some.X.shape[0],
        premises=premises_of(estimator, y, fitted),
    )


def check_candidates(candidates):
    """Return names of starts as a tuple, or say what else there is."""
    if isinstance(candidates, str) or not isinstance(candidates, Iterable):
        raise TypeError(
            f"candidates={candidates!r} must be a sequence of names, such as ('he', 'auto'), or () "
            "for none"
        )
    candidates = tuple(dict.fromkeys(candidates))
    for name in candidates:
        look_up(name, INITIALIZERS, "candidates")
    return candidates


def as_ours(network):
    """Turn scikit-learn's own network into ours."""
    theirs = neural_network.MLPClassifier, neural_network.MLPRegressor
    return from_sklearn(network) if isinstance(network, theirs) else network


def prepare(model, X, y, sample_weight, fitted):
    """Return what a fit would begin with or go on from, and a generator as it was before."""
    targets = placeholder(model, X, fitted) if y is None else y
    if fitted:
        # All samples are looked at, by what the network was fitted with.
        model = copy(model).set_params(early_stopping=False, **model._fitted_with)
        rng = check_random_state(0)  # of which nothing is drawn
        request = Request(True, rng, model.n_iter_, one_step=True)
        return model._prepare(X, targets, sample_weight, request), rng
    if y is None and is_classifier(model):
        model = copy(model).set_params(class_weight=None)  # of classes that nobody knows
    before = deepcopy(check_random_state(model.random_state))
    prepared = model._prepare(X, targets, sample_weight, Request(False, deepcopy(before)))
    if y is None:
        # A start that depends on what was made up would be nobody's.
        request = Request(False, deepcopy(before))
        others = (np.arange(len(targets)) % 3 == 0) + (0 if is_classifier(model) else 1)
        again = model._prepare(X, others, sample_weight, request)
        if not np.array_equal(prepared.parameters, again.parameters):
            raise ValueError(f"init={model.init!r} looks at the targets; give y to diagnose")
    return prepared, before


def placeholder(model, X, fitted):
    """Make up targets, which only say how many outputs there are."""
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    if not fitted:
        return np.arange(n_samples) % 2 if is_classifier(model) else np.ones(n_samples)
    if not is_classifier(model):
        return np.ones((n_samples, model.n_outputs_))
    if model._multilabel:
        return np.zeros((n_samples, model.n_outputs_), int)
    return np.resize(model.classes_, n_samples)


def some_samples(data, max_samples, model):
    """Take at most so many of the samples, in float64, of each class one if there is room."""
    n_samples = len(data.targets)
    if n_samples > max_samples:
        order = deepcopy(check_random_state(model.random_state)).permutation(n_samples)
        if is_classifier(model):
            # Where each class, and none, of two classes or of labels, comes first.
            targets = data.targets[order]
            first = np.unique([targets.argmax(axis=0), targets.argmin(axis=0)])
            order = np.concatenate([order[first], np.delete(order, first)])
        data = data.rows(np.sort(order[:max_samples]))
    return in_float64(data)


def in_float64(data):
    """Convert samples, of which a part may be absent."""
    parts = (data.X, data.targets, data.sample_weight)
    return TrainingData(*(None if part is None else part.astype(np.float64) for part in parts))


def measure(prepared, seen, n_iter):
    """Measure a start on some of the samples; answer with the figures of a `Diagnosis`."""
    network, plan, data = prepared.network, prepared.plan, prepared.data
    parameters = prepared.parameters.astype(np.float64)
    feature_mean, feature_std = feature_moments(data.X)
    [learning_rate] = plan.rates([n_iter])
    figures = {
        "propagation": measure_propagation(network, parameters, seen),
        "singular_values": jacobian_singular_values(network, parameters, seen.X),
        "feature_mean": feature_mean,
        "feature_std": feature_std,
        "solver": plan.solver,
        "learning_rate": float(learning_rate),
        "n_iter": n_iter,
    }
    if seen.targets is None:
        return figures | dict.fromkeys(LOSSES_AND_CURVATURE, np.nan)
    # Of all samples, as guessing a rare class depends on how rare it is; X is not looked at.
    everything = in_float64(replace(data, X=None))
    return figures | {
        "start_loss": loss_of_start(network, parameters, seen),
        "zero_loss": float(mean_loss(network, np.zeros_like(everything.targets), everything)),
        "guessing_loss": baseline_loss(network.loss, everything.targets, everything.sample_weight),
        "curvature": curvature_of(prepared, seen, parameters),
    }


def curvature_of(prepared, seen, parameters, n_samples=CURVATURE_SAMPLES):
    """Return the largest curvature of the loss, of a part of the samples that are looked at."""
    few = seen.rows(evenly(len(seen.targets), n_samples))
    # The penalty is shared among the samples of a step, and here there are others.
    plan, n_samples = prepared.plan, len(prepared.data.targets)
    of_step = min(plan.batch_size or n_samples, n_samples) / n_samples * prepared.data.total_weight
    alpha = plan.alpha * few.total_weight / of_step
    return largest_curvature(prepared.network, parameters, few, alpha)


LOSSES_AND_CURVATURE = ("start_loss", "zero_loss", "guessing_loss", "curvature")


def draw_start(prepared, rng, data, init):
    """Draw another start of the same network, from the same generator."""
    drawn, _ = build_parameters(
        init, prepared.network, deepcopy(rng), dtype=prepared.parameters.dtype, data=data
    )
    return drawn.astype(np.float64)


def faults_of_X(model, figures, X):
    """List what is wrong with the features."""
    return faults_of_data(
        figures["feature_mean"],
        figures["feature_std"],
        first_signal=np.sqrt(figures["propagation"].pre_activation_square[0]),
        names=getattr(model, "feature_names_in_", None),
        sparse=issparse(X),
    )


def ways_to_assess(model, names, figures, prepared, seen, raw):
    """Return the start as a candidate, and the function that makes candidates of others."""
    network, solver = prepared.network, figures["solver"]
    judge = partial(faults_of_start, zero_loss=figures["zero_loss"], solver=solver, raw=raw)

    def assess(init, propagation, loss, stable_rate):
        of_rate = faults_of_rate(figures["learning_rate"], stable_rate)
        return rate(init, propagation, [*judge(propagation, loss), *of_rate], stable_rate, raw)

    def assess_other(init, parameters):
        propagation = measure_propagation(network, parameters, seen)
        stable_rate = np.nan
        if seen.targets is not None and has_stable_rate(solver):
            n_samples = CURVATURE_SAMPLES_OF_OTHERS
            curvature = curvature_of(prepared, seen, parameters, n_samples)
            stable_rate = stable_rate_of(solver, curvature)
        loss = loss_of_start(network, parameters, seen)
        return assess(init, propagation, loss, stable_rate)

    present = assess(
        model.init if isinstance(model.init, str) else " ".join(names),
        figures["propagation"],
        figures["start_loss"],
        stable_rate_of(solver, figures["curvature"]),
    )
    return present, assess_other


def faults_of_all(figures, of_data, data, recommendation, instead):
    """List what is wrong with the data, with the start, and with the learning rate."""
    propagation, start_loss = figures["propagation"], figures["start_loss"]
    zero_loss, solver = figures["zero_loss"], figures["solver"]
    if figures["n_iter"]:
        of_weights = faults_of_learnt(propagation, solver, instead)
    else:
        settings = {"zero_loss": zero_loss, "solver": solver, "instead": instead}
        of_weights = faults_of_start(propagation, start_loss, **settings, raw=bool(of_data))
    of_targets = (propagation.network.loss, data.targets, start_loss, figures["guessing_loss"])
    return by_severity([
        *of_data,
        *(() if np.isnan(zero_loss) else faults_of_targets(*of_targets)),
        *of_weights,
        *faults_of_rate(
            figures["learning_rate"],
            stable_rate_of(solver, figures["curvature"]),
            start_is_fine=all(each.severity == "note" for each in of_weights),
            instead=recommendation and recommendation.stable_instead,
        ),
    ])  # fmt: skip


def premises_of(estimator, y, fitted):
    """Say what a diagnosis rests on, where it may not be what was meant."""
    premises = []
    if has_learnt(estimator) and not fitted:
        premises.append("this is its start, not what it has learnt; see weights='fitted'")
    if y is None and not fitted:
        premises.append("without y, a single output is assumed")
    return tuple(premises)


def has_learnt(estimator):
    """Tell whether the network of an estimator is fitted."""
    try:
        check_is_fitted(innermost(estimator, fitted=True), "coefs_")
    except NotFittedError:
        return False
    return True


def feature_moments(X):
    """Return the mean and the standard deviation of each feature, of a sparse matrix too."""
    if not issparse(X):
        return X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    mean, variance = mean_variance_axis(X.astype(np.float64), axis=0)
    return mean, np.sqrt(variance)
