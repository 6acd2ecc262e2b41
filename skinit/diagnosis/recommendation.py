"""Which init would do better: a handful of named ones, measured by the same numbers.

`CandidateAssessor` draws and measures candidates; `recommend` compares their faults and how far
signal and gradient drift with depth, and keeps the present init unless another is clearly better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skinit._support import format_loss, text_table
from skinit.core import Network
from skinit.diagnosis.findings import Finding
from skinit.diagnosis.inputs import Inputs, draw_initial_parameters
from skinit.diagnosis.learning_rate import (
    find_learning_rate_faults,
    has_stable_rate,
    largest_stable_rate,
)
from skinit.diagnosis.measure import Measurements, measure_curvature, measure_loss
from skinit.diagnosis.propagation import SignalPropagation, measure_propagation
from skinit.diagnosis.weights import find_initialization_faults, usual_init
from skinit.initializers import resolve_init

__all__ = [
    "CANDIDATES",
    "Candidate",
    "CandidateAssessor",
    "Recommendation",
    "alternative_init",
    "decades_of_drift",
    "recommend",
]

# From the simplest to the most elaborate: where several are as good, the first one is taken, or
# the one that is usual for the activation.
CANDIDATES = ("he", "glorot", "lecun", "orthogonal", "lsuv", "auto")

# An init is clearly better if it has fewer faults, or drifts by so many powers of ten less: by a
# factor of three, the drift of a network of any depth changes from seed to seed. Where nothing is
# wrong with the present init, the other has to be better by a factor of ten.
CLEARLY = 0.5
CLEARLY_BETTER_THAN_FINE = 1.0

# A learning rate counts as a warning from twice the stable one on, so that the curvature of a
# candidate may be less precise than that of the present init.
CURVATURE_SAMPLES = 50


@dataclass(frozen=True)
class Candidate:
    """An init, and what is wrong with the weights that it draws.

    Parameters
    ----------
    init : str
    n_severe, n_warnings : int
        Numbers of findings about the initial weights, see `find_initialization_faults` in
        `skinit.diagnosis.weights`, and about the learning rate with these weights.
    drift : float
        See `decades_of_drift`.
    stable_rate : float
        The largest learning rate at which the solver is stable with these weights; nan where there
        is none.
    """

    init: str
    n_severe: int
    n_warnings: int
    drift: float
    stable_rate: float

    @property
    def faults(self) -> tuple[int, int]:
        """Numbers of severe findings and of warnings, in the order in which they count."""
        return self.n_severe, self.n_warnings


@dataclass(frozen=True, repr=False)
class Recommendation:
    """Outcome of `recommend`.

    Parameters
    ----------
    init : str
        The init to use: the present one of the estimator if no other is clearly better.
    keeps : bool
        Whether it is the present one.
    candidates : tuple of Candidate
        All that were measured, the present one first.
    """

    init: str
    keeps: bool
    candidates: tuple[Candidate, ...]

    @property
    def why(self) -> str:
        """The reason for the recommendation, in a sentence."""
        present, *others = self.candidates
        if self.keeps:
            if not others:
                return "there is nothing to compare it with"
            if present.faults == (0, 0):
                return "no other init is clearly better"
            return (
                "no other init has fewer faults, so change the widths, the depth, the activation "
                "or the scaling of X"
            )
        [best] = [each for each in others if each.init == self.init]
        if best.faults != present.faults:
            return f"{count_faults(best)} instead of {count_faults(present)}"
        return (
            "over the layers, signal, gradient and distances between samples change by a factor of "
            f"{drift_as_factor(best.drift)} in all, instead of {drift_as_factor(present.drift)}"
        )

    @property
    def stable_alternative(self) -> tuple[str, float] | None:
        """The recommended init and its largest stable rate; None if the present one is kept."""
        if self.keeps:
            return None
        [best] = [each for each in self.candidates[1:] if each.init == self.init]
        return best.init, best.stable_rate

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the numbers as columns, one entry for each candidate."""
        names = ("init", "n_severe", "n_warnings", "drift", "stable_rate")
        return {name: [getattr(each, name) for each in self.candidates] for name in names}

    def __repr__(self) -> str:
        rows = [
            [each.init, str(each.n_severe), str(each.n_warnings), drift_as_factor(each.drift)]
            for each in self.candidates
        ]
        table = text_table(["init", "severe", "warnings", "drift"], rows)
        return f"{table}\n\nuse {self.init!r}: {self.why}"


def count_faults(candidate: Candidate) -> str:
    """Say how many faults a candidate has."""
    severe, warnings = candidate.faults
    parts = [f"{severe} severe fault{'s' * (severe > 1)}"] * (severe > 0)
    parts += [f"{warnings} warning{'s' * (warnings > 1)}"] * (warnings > 0)
    return " and ".join(parts) or "no fault"


def drift_as_factor(drift: float) -> str:
    """Format powers of ten as a factor."""
    return "infinity" if np.isinf(drift) else format_loss(10.0**drift, 2)


def decades_of_drift(propagation: SignalPropagation, unscaled: bool = False) -> float:
    r"""Return by how many powers of ten signal, gradient and distances change with depth.

    .. math::
        \left| \log_{10} \frac{s_L}{s_1} \right| + \left| \log_{10} \frac{g_1}{g_L} \right|
        + \left| \log_{10} \frac{1 - c_L}{1 - c_0} \right|

    for the root mean square s of the pre-activations and the norm g of a sample's gradient with
    respect to them, in the first hidden layer and the last, L; c is the mean cosine of two samples,
    at the input and in the last hidden layer. Without targets there is no g.

    Parameters
    ----------
    propagation : SignalPropagation
    unscaled : bool, default=False
        Whether the features are not scaled; then the second hidden layer is compared with the last.

    Returns
    -------
    float
        Infinite where one of them becomes 0 or overflows, and 0 without hidden layers.
    """
    first = min(int(unscaled), propagation.network.n_layers - 2)
    if first < 0:
        return 0.0
    sizes = np.sqrt(propagation.pre_activation_square[first:-1])
    ratios = [sizes[-1] / sizes[0] if sizes[0] else 0.0]
    gradients = (propagation.signal_gradient * np.sqrt(propagation.units))[first:-1]
    if not np.isnan(gradients).all() and gradients.any():
        ratios.append(gradients[0] / gradients[-1] if gradients[-1] else 0.0)
    before = propagation.correlation[first - 1] if first else propagation.input_correlation
    if before < 1 and propagation.units[-2] > 1:
        ratios.append((1 - propagation.correlation[-2]) / (1 - before))
    ratios = np.array(ratios)
    if not (np.isfinite(ratios) & (ratios > 0)).all():
        return np.inf
    return float(np.abs(np.log10(ratios)).sum())


@dataclass(frozen=True)
class CandidateAssessor:
    """Makes a `Candidate` of an init: draws weights of the same network and measures them.

    Parameters
    ----------
    inputs : Inputs
    measured : Measurements
        Of the present weights.
    unscaled : bool
        Whether the features are not scaled.
    """

    inputs: Inputs
    measured: Measurements
    unscaled: bool

    def present(self) -> Candidate:
        """Return the init of the estimator as a candidate; it is measured already."""
        init, measured = self.inputs.model.init, self.measured
        return self.rate(
            init if isinstance(init, str) else " ".join(self.inputs.inits),
            measured.propagation,
            measured.initial_loss,
            largest_stable_rate(measured.solver, measured.curvature),
        )

    def assess(self, init: str) -> Candidate | None:
        """Draw and measure another init; None if it is not made for such data or widths."""
        inputs, solver = self.inputs, self.measured.solver
        try:
            parameters = draw_initial_parameters(inputs, init)
        except ValueError:
            return None
        propagation = measure_propagation(inputs.network, parameters, inputs.measured)
        stable_rate = np.nan
        if inputs.has_targets and has_stable_rate(solver):
            curvature = measure_curvature(inputs, parameters, CURVATURE_SAMPLES)
            stable_rate = largest_stable_rate(solver, curvature)
        loss = measure_loss(inputs.network, parameters, inputs.measured)
        return self.rate(init, propagation, loss, stable_rate)

    def rate(
        self, init: str, propagation: SignalPropagation, loss: float, stable_rate: float
    ) -> Candidate:
        """Count the faults of weights, and of the learning rate with these weights."""
        findings: list[Finding] = [
            *find_initialization_faults(
                propagation,
                loss,
                zero_loss=self.measured.zero_loss,
                solver=self.measured.solver,
                unscaled=self.unscaled,
            ),
            *find_learning_rate_faults(self.measured.learning_rate, stable_rate),
        ]
        severities = [each.severity for each in findings]
        return Candidate(
            init,
            severities.count("severe"),
            severities.count("warning"),
            decades_of_drift(propagation, self.unscaled),
            stable_rate,
        )


def recommend(
    assessor: CandidateAssessor, candidates: Sequence[str] = CANDIDATES
) -> Recommendation:
    """Measure candidates, and choose.

    The best candidate has the fewest severe findings, then the fewest warnings, then the least
    drift. Among it and those that are not clearly worse, the present init is preferred, then the
    one that is usual for the activation, then the first.

    Parameters
    ----------
    assessor : CandidateAssessor
    candidates : sequence of str
        Names of ``INITIALIZERS``; the present one is left out.

    Returns
    -------
    Recommendation
    """
    present, inputs = assessor.present(), assessor.inputs
    usual = usual_init(inputs.network)
    others = [init for init in candidates if [repr(resolve_init(init))] != inputs.inits]
    assessed = [assessor.assess(init) for init in sorted(others, key=lambda each: each != usual)]
    measured = [present, *(each for each in assessed if each is not None)]
    chosen = choose(measured)
    return Recommendation(chosen.init, chosen is present, tuple(measured))


def choose(measured: Sequence[Candidate]) -> Candidate:
    """Choose among candidates, of which the first is the present one."""
    present, *_ = measured
    best = min(measured, key=lambda each: (*each.faults, each.drift))
    if present.faults == (0, 0) and not present.drift > best.drift + CLEARLY_BETTER_THAN_FINE:
        return present
    return next(
        each
        for each in measured
        if each.faults == best.faults and not each.drift > best.drift + CLEARLY
    )


def alternative_init(
    recommendation: Recommendation | None, inits: Sequence[str], network: Network
) -> str | None:
    """Return the name of an init that may do better than the present ones; None without one.

    Parameters
    ----------
    recommendation : Recommendation or None
    inits : list of str
        The present ones, spelled out.
    network : Network

    Returns
    -------
    str or None
    """
    if recommendation is not None:
        return None if recommendation.keeps else recommendation.init
    others = (usual_init(network), "auto")
    return next((init for init in others if repr(resolve_init(init)) not in inits), None)
