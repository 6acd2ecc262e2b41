"""`diagnose`: what initial weights do to a network, what is wrong, and which init would do better.

It reads as: read the inputs, measure, compare other initializers, judge.
"""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skinit._support import MatrixLike, check_number, look_up
from skinit.diagnosis.data import find_input_faults, find_target_faults
from skinit.diagnosis.findings import Finding, by_severity
from skinit.diagnosis.inputs import Inputs, has_trained_weights, read_inputs
from skinit.diagnosis.learning_rate import find_learning_rate_faults, largest_stable_rate
from skinit.diagnosis.measure import Measurements, measure
from skinit.diagnosis.recommendation import (
    CANDIDATES,
    CandidateAssessor,
    Recommendation,
    alternative_init,
    recommend,
)
from skinit.diagnosis.result import Diagnosis
from skinit.diagnosis.weights import find_initialization_faults, find_trained_weight_faults
from skinit.engine import one_blas_thread
from skinit.initializers import INITIALIZERS

__all__ = ["MAX_SAMPLES", "diagnose"]

# With so many samples, shares of units and mean squares are known to a few percent.
MAX_SAMPLES = 500

WEIGHTS = {"initial": False, "fitted": True}


def diagnose(
    estimator: Any,
    X: MatrixLike,
    y: MatrixLike | None = None,
    sample_weight: MatrixLike | None = None,
    *,
    weights: str = "initial",
    candidates: Sequence[str] = CANDIDATES,
    max_samples: int = MAX_SAMPLES,
) -> Diagnosis:
    """Measure what initial weights do to signal and gradient, and say what is wrong with them.

    The weights are drawn as `fit` would draw them, from all samples where the init looks at data.
    Then signal and gradient are sent through the network, for `max_samples` of the samples, which
    are drawn from the estimator's `random_state` and have each class among them. All is computed
    in float64 and without dropout. The findings take into account which solver the estimator has.

    Parameters
    ----------
    estimator : InitMLPClassifier, InitMLPRegressor, Pipeline or TransformedTargetRegressor
        It is not changed; the other steps of a pipeline are fitted as clones. Networks of
        scikit-learn and of `skinit.drop_in` are converted by `from_sklearn`.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Without it there are no losses, gradients and curvature, and a network that is not fitted is
        given a single output. An init that looks at the targets needs it.
    sample_weight : array-like of shape (n_samples,), default=None
    weights : {"initial", "fitted"}, default="initial"
        Whether to diagnose the initial weights, also of a fitted estimator, or its trained weights;
        with "fitted", the other steps of a pipeline are taken as they are fitted.
    candidates : sequence of str, default=("he", "glorot", "lecun", "orthogonal", "lsuv", "auto")
        Names of initializers to compare, for the recommendation; ``()`` for no recommendation.
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
        If ``weights="fitted"`` and the estimator is not fitted.

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
    inputs = read_inputs(estimator, X, y, sample_weight, fitted=fitted, max_samples=max_samples)
    # An overflow becomes a finding. Small matrix products are not faster on many threads.
    with np.errstate(all="ignore"), one_blas_thread():
        measured = measure(inputs)
        input_faults = judge_inputs(inputs, measured)
        recommendation = None
        if candidates and not fitted:
            assessor = CandidateAssessor(inputs, measured, unscaled=bool(input_faults))
            recommendation = recommend(assessor, candidates)
        findings = judge(inputs, measured, input_faults, recommendation)
    return Diagnosis(
        **vars(measured),
        init=", ".join(inputs.inits),
        findings=findings,
        recommendation=recommendation,
        n_samples=inputs.subset.X.shape[0],
        caveats=list_caveats(estimator, y, fitted),
    )


def check_candidates(candidates: Sequence[str]) -> tuple[str, ...]:
    """Return the names of initializers as a tuple, or raise an error that says what exists."""
    if isinstance(candidates, str) or not isinstance(candidates, Iterable):
        raise TypeError(
            f"candidates={candidates!r} must be a sequence of names, such as ('he', 'auto'), or () "
            "for none"
        )
    candidates = tuple(dict.fromkeys(candidates))
    for name in candidates:
        look_up(name, INITIALIZERS, "candidates")
    return candidates


def judge_inputs(inputs: Inputs, measured: Measurements) -> tuple[Finding, ...]:
    """Find what is wrong with the features."""
    return find_input_faults(
        measured.feature_mean,
        measured.feature_std,
        first_signal=np.sqrt(measured.propagation.pre_activation_square[0]),
        names=inputs.feature_names,
        sparse=issparse(inputs.data.X),
    )


def judge(
    inputs: Inputs,
    measured: Measurements,
    input_faults: tuple[Finding, ...],
    recommendation: Recommendation | None,
) -> tuple[Finding, ...]:
    """Find what is wrong with the data, with the weights and with the learning rate."""
    propagation, solver = measured.propagation, measured.solver
    alternative = alternative_init(recommendation, inputs.inits, inputs.network)
    if measured.n_iter:
        weight_faults = find_trained_weight_faults(propagation, solver, alternative)
    else:
        weight_faults = find_initialization_faults(
            propagation,
            measured.initial_loss,
            zero_loss=measured.zero_loss,
            solver=solver,
            alternative=alternative,
            unscaled=bool(input_faults),
        )
    target_faults = ()
    if not np.isnan(measured.zero_loss):
        target_faults = find_target_faults(
            inputs.network.loss, inputs.data.targets, measured.initial_loss, measured.baseline_loss
        )
    rate_faults = find_learning_rate_faults(
        measured.learning_rate,
        largest_stable_rate(solver, measured.curvature),
        weights_are_fine=all(each.severity == "note" for each in weight_faults),
        alternative=recommendation and recommendation.stable_alternative,
    )
    return by_severity([*input_faults, *target_faults, *weight_faults, *rate_faults])


def list_caveats(estimator: Any, y: MatrixLike | None, fitted: bool) -> tuple[str, ...]:
    """Say what a diagnosis rests on, where a user may expect something else."""
    caveats = []
    if not fitted and has_trained_weights(estimator):
        caveats.append("these are the initial weights, not the trained ones; see weights='fitted'")
    if y is None and not fitted:
        caveats.append("without y, a single output is assumed")
    return tuple(caveats)
