"""Findings about weights: identical, dead or saturated units, drift with depth, a large loss.

Each kind of fault has a function of its own that returns a `Finding` or None. Its thresholds stand
above it, with their reasons; ``benchmarks/verdicts.py`` counts how reliable the findings are.
"""

from collections.abc import Sequence

import numpy as np

from skinit._support import Array
from skinit.core import Network
from skinit.diagnosis.findings import (
    SEVERITIES,
    Finding,
    by_severity,
    format_number,
    join_options,
    severity_by,
    which_layers,
)
from skinit.diagnosis.propagation import SignalPropagation
from skinit.solvers import BaseSolver, GradientDescent

__all__ = ["find_initialization_faults", "find_trained_weight_faults", "usual_init"]


def find_initialization_faults(
    propagation: SignalPropagation,
    initial_loss: float = np.nan,
    *,
    zero_loss: float = np.nan,
    solver: BaseSolver | None = None,
    alternative: str | None = None,
    unscaled: bool = False,
) -> tuple[Finding, ...]:
    """Find what is wrong with initial weights.

    Some of it is no fault in weights that have been trained; see `find_trained_weight_faults`.

    Parameters
    ----------
    propagation : SignalPropagation
    initial_loss, zero_loss : float
        Mean loss with the initial weights, and of raw predictions that are all 0; nan where there
        are no targets.
    solver : BaseSolver or None
        The solver that will train the network; None is gradient descent. A solver whose steps do
        not shrink with the gradient (`scale_free`) tolerates more.
    alternative : str or None
        An init that may do better, for the advice.
    unscaled : bool, default=False
        Whether the features are not scaled. Then the signal in the first layer has another size
        than in the other layers, and that is no fault of the weights.

    Returns
    -------
    tuple of Finding
        The worst first.
    """
    solver, first = solver or GradientDescent(), int(unscaled)
    use = f"use init={alternative!r}" if alternative else None
    found = [
        find_identical_units(propagation, use),
        find_saturation(propagation, solver, use, first),
        find_overflow(propagation, use),
        find_signal_drift(propagation, solver, use, first),
        find_gradient_drift(propagation, solver, use, first),
        find_large_loss(initial_loss, zero_loss, solver, use),
    ]
    if propagation.n_samples >= ENOUGH_SAMPLES:
        found += [find_dead_units(propagation, use), find_collapse(propagation, solver, use)]
    else:
        found.append(report_few_samples(propagation))
    return by_severity(found)


def find_trained_weight_faults(
    propagation: SignalPropagation,
    solver: BaseSolver | None = None,
    alternative: str | None = None,
) -> tuple[Finding, ...]:
    """Find what keeps trained weights from learning more.

    A signal that changes with depth, similar samples or a large loss are the result of training
    here, and not judged.

    Parameters
    ----------
    propagation, solver, alternative
        As in `find_initialization_faults`.

    Returns
    -------
    tuple of Finding
        The worst first.
    """
    retrain = f"train again from scratch, with init={alternative!r}" if alternative else None
    found = [
        find_identical_units(propagation, retrain),
        find_saturation(propagation, solver or GradientDescent(), retrain),
        find_overflow(propagation, retrain),
    ]
    if propagation.n_samples >= ENOUGH_SAMPLES:
        found.append(find_dead_units(propagation, retrain))
    return by_severity(found)


def usual_init(network: Network) -> str:
    """Return the name of the init that is usual for the activations of a network."""
    names = {type(activation).__name__ for activation in network.activations}
    if names <= {"SELU"}:
        return "lecun"
    return "glorot" if names <= {"Identity", "Logistic", "Softsign", "Tanh"} else "he"


# With fewer samples it depends on chance whether one of them activates a unit, and how similar
# they are to each other.
ENOUGH_SAMPLES = 10


def report_few_samples(propagation: SignalPropagation) -> Finding:
    """Say which findings need more samples."""
    return Finding(
        "note",
        "samples",
        f"only {propagation.n_samples} samples were measured",
        "dead units and the similarity of samples cannot be judged from fewer than "
        f"{ENOUGH_SAMPLES}",
        "pass more samples",
        {"n_samples": propagation.n_samples},
    )


# A pair of identical units wastes one of them. Where all units of a layer are identical, it can do
# no more than a single unit, however long it is trained. Half of the units are mostly enough.
DISTINCT_SHARE = 0.25


def find_identical_units(propagation: SignalPropagation, use: str | None) -> Finding | None:
    """Find units whose incoming and outgoing weights are the same."""
    distinct, units = propagation.distinct[:-1], propagation.units[:-1]
    advice = use or "use weights that differ from unit to unit"
    evidence = {"distinct": distinct.tolist()}
    same = (distinct == 1) & (units > 1)
    if same.any():
        return Finding(
            "severe",
            "symmetry",
            f"{which_layers(same)}: all units are identical",
            "they get the same gradient, so the symmetry never breaks and each of these layers "
            "can do no more than a single unit",
            advice,
            evidence,
        )
    repeated = distinct < units
    if not repeated.any():
        return None
    worst = np.argmin(distinct / units)
    few = distinct[worst] <= DISTINCT_SHARE * units[worst]
    return Finding(
        "warning" if few else "note",
        "symmetry",
        f"{which_layers(repeated)}: some units are identical, in layer {worst + 1} only "
        f"{distinct[worst]} of {units[worst]} differ",
        "identical units get the same gradient and stay identical",
        advice,
        evidence,
    )


# In a ReLU network some units are dead by chance, the more the narrower and deeper it is. Half of a
# layer is more than chance leaves in a healthy network, and a dead layer lets nothing through.
DEAD_SHARES = (0.3, 0.5, 1.0)


def find_dead_units(propagation: SignalPropagation, use: str | None) -> Finding | None:
    """Find units whose weights get no gradient from any sample."""
    return find_idle_units(
        propagation.dead[:-1],
        DEAD_SHARES,
        "dead units",
        "are dead (slope 0 for all samples)",
        "no gradient reaches their weights, and most of them stay dead",
        join_options(use, "scale X", "use an activation without flat parts, such as 'leaky_relu'"),
    )


# Of Gaussian pre-activations of variance 1, three in a hundred are in the flat parts of tanh. For a
# scale-free solver, saturation only makes the gradient small.
SATURATED_SHARES = (0.3, 0.5, 0.9)
SCALE_FREE_SATURATED_SHARES = (0.5, 0.9, np.inf)


def find_saturation(
    propagation: SignalPropagation, solver: BaseSolver, use: str | None, first: int = 0
) -> Finding | None:
    """Find layers whose units are in the flat parts of a bounded activation."""
    shares = np.nan_to_num(propagation.saturated[:-1])
    shares[:first] = 0
    return find_idle_units(
        shares,
        SCALE_FREE_SATURATED_SHARES if solver.scale_free else SATURATED_SHARES,
        "saturation",
        "are saturated",
        "where an activation is flat, hardly any gradient passes",
        join_options(use, "scale X", "use smaller initial weights"),
    )


def find_idle_units(
    shares: Array, thresholds: Sequence[float], subject: str, what: str, why: str, advice: str
) -> Finding | None:
    """Find layers in which too large a share of the units hardly learns."""
    severity = severity_by(shares.max(initial=0), thresholds)
    if severity is None:
        return None
    where = which_layers(shares >= thresholds[SEVERITIES.index(severity)])
    message = f"{where}: up to {shares.max():.0%} of the units {what}"
    return Finding(severity, subject, message, why, advice, {"shares": shares.tolist()})


def find_overflow(propagation: SignalPropagation, use: str | None) -> Finding | None:
    """Find a signal that is too large for floating-point numbers."""
    sizes = np.sqrt(propagation.pre_activation_square)
    overflows = ~np.isfinite(sizes)
    if not overflows.any():
        return None
    return Finding(
        "severe",
        "signal",
        f"{which_layers(overflows)}: the signal overflows, its pre-activations are not finite",
        "neither the loss nor its gradient can be computed",
        join_options("scale X", use),
        {"sizes": sizes.tolist()},
    )


# By what factor the size of a signal or a gradient may change between the first hidden layer and
# the last. All layers share one learning rate: at a factor of 30, the gradients of some layers are
# 30 times too small or too large for it, and at 1,000 these layers need as many more steps.
# Scale-free steps make up for it until float32, which has 7 digits, has rounded off what there is
# to learn from; half of the digits are gone at 3,000.
DRIFTS = (10.0, 30.0, 1e3)
SCALE_FREE_DRIFTS = (30.0, 3e3, 1e7)


def find_signal_drift(
    propagation: SignalPropagation, solver: BaseSolver, use: str | None, first: int
) -> Finding | None:
    """Find a signal that shrinks or grows with depth."""
    sizes = np.sqrt(propagation.pre_activation_square)
    if not np.isfinite(sizes).all():
        return None
    what = "RMS of the pre-activations"
    return find_drift(sizes[first:-1], range(first + 1, len(sizes)), "signal", what, solver, use)


def find_gradient_drift(
    propagation: SignalPropagation, solver: BaseSolver, use: str | None, first: int
) -> Finding | None:
    """Find a gradient that shrinks or grows on its way back."""
    # The norm of a sample's gradient, so that layers of different widths can be compared.
    sizes = propagation.signal_gradient[:-1] * np.sqrt(propagation.units[:-1])
    if not np.isfinite(sizes).all():
        return None  # there are no targets, or the signal overflows
    by_weights = propagation.weight_gradient[:-1]
    by_raw_predictions = propagation.signal_gradient[-1]
    below_epsilon = (by_weights > 0) & (by_weights < solver.epsilon)
    # Where the gradient of the output layer is as small, the loss is at its minimum.
    if below_epsilon.any() and by_raw_predictions >= solver.epsilon:
        return Finding(
            "severe",
            "gradient",
            f"{which_layers(below_epsilon)}: the gradient vanishes, its RMS falls to "
            f"{format_number(by_weights.min())} and the solver's epsilon is "
            f"{format_number(solver.epsilon)}",
            "the solver scales up small gradients only as far as epsilon",
            join_options(use, "lower epsilon"),
            {"sizes": by_weights.tolist()},
        )
    what = "norm of the gradient w.r.t. the pre-activations"
    layers = range(len(sizes), first, -1)
    return find_drift(sizes[first:][::-1], layers, "gradient", what, solver, use)


CONSEQUENCES = {
    ("signal", "explodes"): "raw predictions and gradients become huge, and steps overshoot",
    ("signal", "vanishes"): "deep layers hardly see the data",
    ("gradient", "explodes"): "a learning rate for the last layers is far too large for the first",
    ("gradient", "vanishes"): "the first layers hardly learn",
}


def find_drift(
    sizes: Array, layers: range, subject: str, what: str, solver: BaseSolver, use: str | None
) -> Finding | None:
    """Compare a signal or a gradient in the first layer that it reaches with that in the last."""
    if len(sizes) < 2 or sizes[0] == 0:
        return None  # all units are identical, or the weights of the output layer are 0
    # A size of 0 is an underflow, or a layer that lets nothing through: all later ones are 0, too.
    end = len(sizes) - 1 if sizes.all() else int(np.argmin(sizes != 0))
    factor = sizes[end] / sizes[0]
    thresholds = SCALE_FREE_DRIFTS if solver.scale_free else DRIFTS
    severity = severity_by(max(factor, 1 / factor) if factor else np.inf, thresholds)
    if severity is None:
        return None
    verb = "explodes" if factor > 1 else "vanishes"
    return Finding(
        severity,
        subject,
        f"the {subject} {verb}: the {what} goes from {format_number(sizes[0])} in layer "
        f"{layers[0]} to {format_number(sizes[end])} in layer {layers[end]}",
        CONSEQUENCES[subject, verb],
        use or "use fewer or wider layers",
        {"sizes": sizes.tolist(), "factor": float(factor)},
    )


# How close to 1 the mean cosine c of two samples may come in the last hidden layer, as 1 / (1 - c),
# provided that 1 - c is at least ten times as large at the input. Two samples differ by about the
# square root of 1 - c, a millionth of their size at the last threshold: equal in float32.
SIMILARITIES = (1e2, 1e2, 1e4)
SCALE_FREE_SIMILARITIES = (1e2, 1e4, 1e12)

# The effective rank below which samples differ along one direction only, provided that it is at
# least twice as large at the input.
ONE_DIRECTION = 1.1


def find_collapse(
    propagation: SignalPropagation, solver: BaseSolver, use: str | None
) -> Finding | None:
    """Find a network that maps all samples to nearly one point, or onto one line."""
    if propagation.network.n_layers < 2:
        return None
    return find_correlation_collapse(propagation, solver, use) or find_rank_collapse(
        propagation, solver, use
    )


def find_correlation_collapse(
    propagation: SignalPropagation, solver: BaseSolver, use: str | None
) -> Finding | None:
    """Find that the output layer gets nearly the same input from all samples."""
    if propagation.units[-2] == 1:
        return None  # two numbers of the same sign have a cosine of 1, whatever they are
    # Rounding can make a cosine larger than 1.
    distance = max(1 - propagation.correlation[-2], np.finfo(float).eps)
    input_distance = 1 - propagation.input_correlation
    thresholds = SCALE_FREE_SIMILARITIES if solver.scale_free else SIMILARITIES
    severity = severity_by(1 / distance, thresholds)
    if severity is None or not input_distance > 10 * distance:
        return None
    cosine = f"1 - {format_number(distance)}" if distance > ROUNDED else "1, to rounding"
    return Finding(
        severity,
        "collapse",
        f"layer {propagation.network.n_layers - 1}: all samples look alike, the mean cosine of two "
        f"is {cosine} ({propagation.input_correlation:.3f} at the input)",
        "the differences between samples are tiny beside what they have in common",
        join_options(use, "use fewer layers"),
        {"correlation": propagation.correlation.tolist()},
    )


# Distances of a mean cosine from 1 that are smaller than this are rounding errors.
ROUNDED = 1e-14


def find_rank_collapse(
    propagation: SignalPropagation, solver: BaseSolver, use: str | None
) -> Finding | None:
    """Find that samples differ along a single direction."""
    rank, input_rank = propagation.effective_rank[-2], propagation.input_rank
    if not 0 < rank < ONE_DIRECTION or propagation.units[-2] <= 3 or input_rank <= 2 * rank:
        return None
    return Finding(
        "note" if solver.scale_free else "warning",
        "collapse",
        f"layer {propagation.network.n_layers - 1}: samples differ along one direction only "
        f"(effective rank {rank:.2f}, {input_rank:.1f} at the input)",
        "the last layers see little more than one number per sample",
        join_options(use, "use fewer layers"),
        {"effective_rank": propagation.effective_rank.tolist()},
    )


# The loss as a multiple of that of raw predictions of 0. With He's weights, raw predictions have
# variance 2: the loss of two classes is then 1.4 times as large, and half the squared error of a
# target of variance 1 three times. Twice these are still chance, where few correlated features
# carry the signal. Knowing how frequent the classes are can give a far smaller loss; initial
# weights need not reach it.
TIMES_ZERO_LOSS = (5.0, 10.0, 100.0)
SCALE_FREE_TIMES_ZERO_LOSS = (10.0, 100.0, np.inf)


def find_large_loss(
    initial_loss: float, zero_loss: float, solver: BaseSolver, use: str | None
) -> Finding | None:
    """Find confidently wrong initial predictions, by a loss far above that of predicting 0."""
    if not zero_loss > 0:
        return None
    evidence = {"initial_loss": initial_loss, "zero_loss": zero_loss}
    smaller_output = "use smaller initial weights in the output layer"
    if not np.isfinite(initial_loss):
        return Finding(
            "severe",
            "initial loss",
            "the initial loss is not a finite number",
            "there is no gradient to follow",
            join_options(use, smaller_output, "scale X, and y of a regressor"),
            evidence,
        )
    ratio = initial_loss / zero_loss
    thresholds = SCALE_FREE_TIMES_ZERO_LOSS if solver.scale_free else TIMES_ZERO_LOSS
    severity = severity_by(ratio, thresholds)
    if severity is None:
        return None
    return Finding(
        severity,
        "initial loss",
        f"confidently wrong initial predictions: the loss is {format_number(initial_loss)}, "
        f"{format_number(ratio)} times that of raw predictions of 0 ({format_number(zero_loss)})",
        "the first steps only shrink raw predictions that are too large",
        join_options(use, smaller_output, "scale X"),
        evidence,
    )
