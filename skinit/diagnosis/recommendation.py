"""Which start would do better: a handful of named ones, measured by the same numbers.

`recommend` draws each candidate, counts its faults and how far signal and gradient drift with
depth, and keeps the present start unless another one is clearly better.
"""

from dataclasses import dataclass

import numpy as np

from skinit._support import format_loss, text_table
from skinit.core import forward, layer_views, mean_loss
from skinit.diagnosis.findings import usual_init
from skinit.initializers import resolve_init

__all__ = [
    "CANDIDATES",
    "Candidate",
    "Recommendation",
    "decades_of_drift",
    "initial_loss_of",
    "other_init",
    "rate",
    "recommend",
]

# From the simplest to the most elaborate: where several are as good, the first one is taken, or
# the one that is usual for the activation.
CANDIDATES = ("he", "glorot", "lecun", "orthogonal", "lsuv", "auto")

# A start is clearly better if it has fewer faults, or drifts by so many powers of ten less: a
# factor of three, in a network of any depth, is what one seed or another does as well. Where
# nothing is wrong with a start, it has to be a factor of ten.
CLEARLY = 0.5
CLEARLY_BETTER_THAN_FINE = 1.0


@dataclass(frozen=True)
class Candidate:
    """A start, and how it did.

    Parameters
    ----------
    init : str
    n_severe, n_warnings : int
        Numbers of findings about the start, see `skinit.diagnosis.findings.find_initialization_faults`, and
        about the learning rate with this start.
    drift : float
        See `decades_of_drift`.
    stable_rate : float
        The largest learning rate at which the solver is stable with this start; nan where there is
        none.
    """

    init: str
    n_severe: int
    n_warnings: int
    drift: float
    stable_rate: float

    @property
    def faults(self):
        """Severe findings and warnings, in the order in which they count."""
        return self.n_severe, self.n_warnings


@dataclass(frozen=True, repr=False)
class Recommendation:
    """Outcome of `recommend`.

    Parameters
    ----------
    init : str
        The start to use; that of the estimator where none is clearly better.
    keeps : bool
        Whether it is that of the estimator.
    candidates : tuple of Candidate
        All that were measured, that of the estimator first.
    """

    init: str
    keeps: bool
    candidates: tuple

    @property
    def why(self):
        """What speaks for it, in a sentence."""
        present, *others = self.candidates
        if self.keeps:
            clean = present.faults == (0, 0)
            if not others:
                return "there is nothing to compare it with"
            return (
                "none of the others is clearly better"
                if clean
                else "none of the others has fewer faults, so look at the widths, the depth, the "
                "activation and X"
            )
        [best] = [each for each in others if each.init == self.init]
        if best.faults != present.faults:
            return f"{count(best)} instead of {count(present)}"
        return (
            "with depth, signal, gradient and distances change by a factor of "
            f"{written(best.drift)} in all, instead of {written(present.drift)}"
        )

    @property
    def stable_instead(self):
        """The other start that is to be used, and its largest stable rate; None without one."""
        if self.keeps:
            return None
        [best] = [each for each in self.candidates[1:] if each.init == self.init]
        return best.init, best.stable_rate

    def to_dict(self):
        """Return the figures as columns, one entry for each candidate."""
        names = ("init", "n_severe", "n_warnings", "drift", "stable_rate")
        return {name: [getattr(each, name) for each in self.candidates] for name in names}

    def __repr__(self):
        rows = [
            [each.init, str(each.n_severe), str(each.n_warnings), written(each.drift)]
            for each in self.candidates
        ]
        table = text_table(["init", "severe", "warnings", "drift"], rows)
        return f"{table}\n\nuse {self.init!r}: {self.why}"


def count(candidate):
    """Say how many faults a candidate has."""
    severe, warnings = candidate.faults
    parts = [f"{severe} severe fault{'s' * (severe > 1)}"] * (severe > 0)
    parts += [f"{warnings} warning{'s' * (warnings > 1)}"] * (warnings > 0)
    return " and ".join(parts) or "no fault of its own"


def written(drift):
    """Write powers of ten as a factor."""
    return "infinity" if np.isinf(drift) else format_loss(10.0**drift, 2)


def decades_of_drift(propagation, raw=False):
    r"""Return by how many powers of ten signal, gradient and distances change with depth.

    .. math::
        \left| \log_{10} \frac{s_L}{s_1} \right| + \left| \log_{10} \frac{g_1}{g_L} \right|
        + \left| \log_{10} \frac{1 - c_L}{1 - c_0} \right|

    for the root mean square s of the pre-activations and the norm g of a sample's derivatives by
    them, in the first hidden layer and the last, L; c is the mean cosine of two samples, at the
    input and in the last hidden layer. Without targets there is no g.

    Parameters
    ----------
    propagation : SignalPropagation
    raw : bool, default=False
        Whether features are not scaled; then what comes behind the first layer is compared.

    Returns
    -------
    float
        Infinite where one of them gets lost, and 0 without hidden layers.
    """
    first = min(int(raw), propagation.network.n_layers - 2)
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


def recommend(network, present, draw, assess, candidates=CANDIDATES):
    """Measure candidates, and choose.

    The best candidate has the fewest severe findings, then the fewest warnings, then the least
    drift; of those that are not clearly worse than it, that of the estimator is taken if it is one,
    then the one that is usual for the activation, then the first.

    Parameters
    ----------
    network : Network
    present : Candidate
        The estimator's own start.
    draw : callable
        ``draw(init)`` returns parameters of the network, in float64.
    assess : callable
        ``assess(init, parameters)`` returns a `Candidate`.
    candidates : sequence of str
        Names of ``INITIALIZERS``.

    Returns
    -------
    Recommendation
    """
    measured = [present]
    usual = usual_init(network)
    for candidate in sorted(candidates, key=lambda each: each != usual):
        try:
            parameters = draw(candidate)
        except ValueError:
            continue  # it is not for such data or such widths
        measured.append(assess(candidate, parameters))
    chosen = choose(measured)
    return Recommendation(chosen.init, chosen is present, tuple(measured))


def choose(measured):
    """Choose among candidates, of which the first one is there already."""
    present, *_ = measured
    best = min(measured, key=lambda each: (*each.faults, each.drift))
    if present.faults == (0, 0) and not present.drift > best.drift + CLEARLY_BETTER_THAN_FINE:
        return present
    return next(
        each
        for each in measured
        if each.faults == best.faults and not each.drift > best.drift + CLEARLY
    )


def rate(name, propagation, findings, stable_rate, raw):
    """Count the faults of a start."""
    severities = [each.severity for each in findings]
    return Candidate(
        name,
        severities.count("severe"),
        severities.count("warning"),
        decades_of_drift(propagation, raw),
        stable_rate,
    )


def other_init(recommendation, names, network):
    """Name an init that may do better than those that are there; None where there is none.

    Parameters
    ----------
    recommendation : Recommendation or None
    names : list of str
        What the network is started with.
    network : Network

    Returns
    -------
    str or None
    """
    if recommendation is not None:
        return None if recommendation.keeps else recommendation.init
    others = (usual_init(network), "auto")
    return next((init for init in others if repr(resolve_init(init)) not in names), None)


def initial_loss_of(network, parameters, data):
    """Return the mean loss without a penalty; nan where there are no targets."""
    if data.targets is None:
        return np.nan
    signals, _ = forward(network, layer_views(network, parameters), data.X)
    return float(mean_loss(network, signals[-1], data))
