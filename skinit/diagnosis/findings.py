"""From measurements of a start to words: what is wrong, how one can tell, why it matters.

Each kind of fault has a function of its own that answers with a `Finding` or None; the thresholds
stand above the functions, with their reasons. How often such a verdict is right,
``benchmarks/verdicts.py`` counts.
"""

from dataclasses import dataclass, field

import numpy as np

from skinit._support import format_loss
from skinit.solvers import GradientDescent

__all__ = [
    "SEVERITIES",
    "Finding",
    "by_severity",
    "find_initialization_faults",
    "find_learning_rate_faults",
    "find_trained_weight_faults",
    "usual_init",
    "write",
]

# From the mildest to the worst. A note is worth knowing, a warning will cost time or accuracy,
# and what is severe keeps a layer or the whole network from learning.
SEVERITIES = ("note", "warning", "severe")


@dataclass(frozen=True)
class Finding:
    """Something that a diagnosis has found.

    Parameters
    ----------
    severity : {"note", "warning", "severe"}
    subject : str
        In a word or two: "symmetry", "dead units", "saturation", "signal", "gradient",
        "collapse", "start loss", "samples", "inputs", "targets" or "learning rate".
    message : str
        What is wrong, and where.
    why : str
        Why it matters.
    advice : str
        What to do.
    evidence : dict of str to float or list of float
        The numbers behind it.
    """

    severity: str
    subject: str
    message: str
    why: str
    advice: str
    evidence: dict = field(default_factory=dict)

    def __str__(self):
        return f"{self.severity}: {self.message}; {self.why}; {self.advice}"


def find_initialization_faults(
    propagation, initial_loss=np.nan, *, zero_loss=np.nan, solver=None, instead=None, raw=False
):
    """List what is wrong with the weights of a start.

    What training does to weights may be no fault in them; see `find_trained_weight_faults`.

    Parameters
    ----------
    propagation : SignalPropagation
    initial_loss, zero_loss : float
        Mean loss of the start, and of scores that are all 0; nan where there are no targets.
    solver : BaseSolver or None
        What the network is to be trained by; None is gradient descent. One that is `scale_free`
        learns from small gradients too.
    instead : str or None
        An init that may do better, for the advice.
    raw : bool, default=False
        Whether features are not scaled. Then what the first layer sees has a size of its own, and
        that it differs from the others is no fault.

    Returns
    -------
    tuple of Finding
        The worst first.
    """
    solver, first = solver or GradientDescent(), int(raw)
    use = f"use init={instead!r}" if instead else None
    found = [
        symmetry(propagation, use),
        saturation(propagation, solver, use, first),
        lost_signal(propagation, use),
        signal(propagation, solver, use, first),
        gradient(propagation, solver, use, first),
        overconfidence(initial_loss, zero_loss, solver, use),
    ]
    if propagation.n_samples >= ENOUGH_SAMPLES:
        found += [dead(propagation, use), collapse(propagation, solver, use)]
    else:
        found.append(few_samples(propagation))
    return by_severity(found)


def find_trained_weight_faults(propagation, solver=None, instead=None):
    """List what keeps weights that have been trained from learning on.

    That a signal changes with depth, that samples of one class look alike, or that a loss is large
    is what training has made of a start, and not judged.

    Parameters
    ----------
    propagation, solver, instead
        As in `find_initialization_faults`.

    Returns
    -------
    tuple of Finding
        The worst first.
    """
    anew = f"start anew, with init={instead!r}" if instead else None
    found = [
        symmetry(propagation, anew),
        saturation(propagation, solver or GradientDescent(), anew),
        lost_signal(propagation, anew),
    ]
    if propagation.n_samples >= ENOUGH_SAMPLES:
        found.append(dead(propagation, anew))
    return by_severity(found)


def by_severity(findings):
    """Leave out what is None, and sort the rest, the worst first."""
    found = [finding for finding in findings if finding is not None]
    return tuple(sorted(found, key=lambda each: -SEVERITIES.index(each.severity)))


def usual_init(network):
    """Name the init that the activations of a network are usually started with."""
    names = {type(activation).__name__ for activation in network.activations}
    if names <= {"SELU"}:
        return "lecun"
    return "glorot" if names <= {"Identity", "Logistic", "Softsign", "Tanh"} else "he"


def severity_by(value, thresholds):
    """Return the worst severity whose threshold a value reaches, None below all of them."""
    reached = [name for name, least in zip(SEVERITIES, thresholds, strict=True) if value >= least]
    return reached[-1] if reached else None


def which_layers(chosen):
    """Name layers by their numbers from 1: "layer 2", "layers 2 to 5", "layers 2, 3 and 7"."""
    numbers = (np.flatnonzero(chosen) + 1).tolist()
    if len(numbers) == 1:
        return f"layer {numbers[0]}"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"layers {numbers[0]} to {numbers[-1]}"
    if len(numbers) > 6:
        return f"{len(numbers)} layers from {numbers[0]} to {numbers[-1]}"
    return f"layers {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def write(value):
    """Write a number with three digits."""
    return format_loss(value, 3)


def one_of(*ways):
    """Join what could be done, as in "this, that or the other"; None is left out."""
    *others, last = [way for way in ways if way is not None]
    return f"{', '.join(others)} or {last}" if others else last


# Of fewer, it is chance whether one brings a gradient to a unit, and how alike they are.
ENOUGH_SAMPLES = 10


def few_samples(propagation):
    """Say that there is too little to judge by."""
    return Finding(
        "note",
        "samples",
        f"only {propagation.n_samples} samples were looked at",
        f"of fewer than {ENOUGH_SAMPLES}, nothing can be said about dead units and likeness",
        "give more of them",
        {"n_samples": propagation.n_samples},
    )


# A single pair of identical units wastes one of them; where there is but one kind of unit, the
# layer has the power of a single one for as long as it is trained. Half of the units are mostly
# enough.
DISTINCT_SHARE = 0.25


def symmetry(propagation, use):
    """Find units that do the same and are told the same."""
    distinct, units = propagation.distinct[:-1], propagation.units[:-1]
    same = (distinct == 1) & (units > 1)
    if same.any():
        return Finding(
            "severe",
            "symmetry",
            f"{which_layers(same)}: all units are identical",
            "they get the same gradient, so the symmetry never breaks and each of these layers "
            "stays as good as a single unit",
            use or "draw weights that differ from unit to unit",
            {"distinct": distinct.tolist()},
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
        use or "draw weights that differ from unit to unit",
        {"distinct": distinct.tolist()},
    )


# In a ReLU network some units are silent by chance, the more the narrower and deeper it is; half of
# a layer is more than chance leaves in a healthy one, and behind a whole one nothing is left.
DEAD_SHARES = (0.3, 0.5, 1.0)


def dead(propagation, use):
    """Find units that no sample brings a gradient to."""
    return idle_units(
        propagation.dead[:-1],
        DEAD_SHARES,
        "dead units",
        "have slope 0 for all samples",
        "no gradient reaches them, and most stay dead",
        one_of(use, "scale X", "try an activation that is nowhere flat, such as 'leaky_relu'"),
    )


# Of Gaussian pre-activations of variance 1, three in a hundred are beyond the knees of tanh. To a
# scale-free solver, a flat part that is not dead only makes the gradient small.
SATURATED_SHARES = (0.3, 0.5, 0.9)
SCALE_FREE_SATURATED_SHARES = (0.5, 0.9, np.inf)


def saturation(propagation, solver, use, first=0):
    """Find layers whose units sit in the flat parts of a bounded activation."""
    shares = np.nan_to_num(propagation.saturated[:-1])
    shares[:first] = 0
    return idle_units(
        shares,
        SCALE_FREE_SATURATED_SHARES if solver.scale_free else SATURATED_SHARES,
        "saturation",
        "are saturated",
        "where an activation is flat, hardly any gradient comes through",
        one_of(use, "scale X", "make the weights smaller"),
    )


def idle_units(shares, thresholds, topic, what, why, advice):
    """Find layers of which too large a share of the units is of a kind that does not learn."""
    severity = severity_by(shares.max(initial=0), thresholds)
    if severity is None:
        return None
    where = which_layers(shares >= thresholds[SEVERITIES.index(severity)])
    message = f"{where}: up to {shares.max():.0%} of the units {what}"
    return Finding(severity, topic, message, why, advice, {"shares": shares.tolist()})


# How far the size of a signal or a gradient may drift between the first hidden layer and the last.
# All layers share one learning rate: at a factor of 30 the gradients of some layers are too small
# or too large for it by as much, and at 1,000 they need as many more steps. Scale-free steps make
# up for it until rounding to float32, 7 digits, has left nothing to learn from; half of them are
# gone at 3,000.
DRIFTS = (10.0, 30.0, 1e3)
SCALE_FREE_DRIFTS = (30.0, 3e3, 1e7)


def lost_signal(propagation, use):
    """Find a signal that is beyond all numbers."""
    sizes = np.sqrt(propagation.pre_activation_square)
    lost = ~np.isfinite(sizes)
    if not lost.any():
        return None
    return Finding(
        "severe",
        "signal",
        f"{which_layers(lost)}: the signal is no longer a finite number",
        "neither the loss nor a gradient can be computed",
        one_of("scale X", use),
        {"sizes": sizes.tolist()},
    )


def signal(propagation, solver, use, first):
    """Find a signal that fades or grows with depth."""
    sizes = np.sqrt(propagation.pre_activation_square)
    if not np.isfinite(sizes).all():
        return None
    what = "root mean square of the pre-activations"
    return drift(sizes[first:-1], range(first + 1, len(sizes)), "signal", what, solver, use)


def gradient(propagation, solver, use, first):
    """Find a gradient that fades or grows on its way back."""
    # Of a sample's whole gradient, so that layers of different widths can be compared.
    sizes = propagation.signal_gradient[:-1] * np.sqrt(propagation.units[:-1])
    if not np.isfinite(sizes).all():
        return None  # there are no targets, or the signal is already lost
    by_weights, by_scores = propagation.weight_gradient[:-1], propagation.signal_gradient[-1]
    unseen = (by_weights > 0) & (by_weights < solver.epsilon)
    # Where all gradients are as small, there is nothing left to learn.
    if unseen.any() and by_scores >= solver.epsilon:
        return Finding(
            "severe",
            "gradient",
            f"{which_layers(unseen)}: the gradient vanishes, down to {write(by_weights.min())}, "
            f"and the solver's epsilon is {write(solver.epsilon)}",
            "the solver makes up for small gradients only down to there",
            one_of(use, "take a smaller epsilon"),
            {"sizes": by_weights.tolist()},
        )
    what = "norm of the derivatives by the pre-activations"
    layers = range(len(sizes), first, -1)
    return drift(sizes[first:][::-1], layers, "gradient", what, solver, use)


def drift(sizes, layers, subject, what, solver, use):
    """Compare where a signal or a gradient comes in with where it comes out, or gets lost."""
    if len(sizes) < 2 or sizes[0] == 0:
        return None  # all units are the same, or the output layer is silent
    # A size of 0 is an underflow, or a layer that lets nothing through: nothing follows.
    end = len(sizes) - 1 if sizes.all() else int(np.argmin(sizes != 0))
    factor = sizes[end] / sizes[0]
    thresholds = SCALE_FREE_DRIFTS if solver.scale_free else DRIFTS
    severity = severity_by(max(factor, 1 / factor) if factor else np.inf, thresholds)
    if severity is None:
        return None
    verb = "explodes" if factor > 1 else "vanishes"
    consequence = {
        ("signal", "explodes"): "scores and gradients become huge, and steps overshoot",
        ("signal", "vanishes"): "deep layers hardly see the data",
        ("gradient", "explodes"): "a step that suits the last layers throws the first ones far off",
        ("gradient", "vanishes"): "the first layers hardly learn",
    }
    return Finding(
        severity,
        subject,
        f"the {subject} {verb}: the {what} goes from {write(sizes[0])} in layer {layers[0]} to "
        f"{write(sizes[end])} in layer {layers[end]}",
        consequence[subject, verb],
        use or "take fewer layers, or wider ones",
        {"sizes": sizes.tolist(), "factor": float(factor)},
    )


# How close to 1 the mean cosine of two samples may come in the last hidden layer, as 1 by the
# distance from 1, where the inputs are ten times as far from it. What two samples differ in is as
# large as the root of that distance, a millionth at the last: to float32 they are then the same.
# And along how many directions samples must differ, where the inputs differ along twice as many.
LIKENESSES = (1e2, 1e2, 1e4)
SCALE_FREE_LIKENESSES = (1e2, 1e4, 1e12)
ONE_DIRECTION = 1.1


def collapse(propagation, solver, use):
    """Find a network that brings all samples to the same place, or onto one line."""
    if propagation.network.n_layers < 2:
        return None
    return alike(propagation, solver, use) or in_line(propagation, solver, use)


def alike(propagation, solver, use):
    """Find that all samples look the same to the last layer."""
    if propagation.units[-2] == 1:
        return None  # numbers of one sign have a cosine of 1
    # A cosine can be more than 1 by rounding.
    apart = max(1 - propagation.correlation[-2], np.finfo(float).eps)
    input_apart = 1 - propagation.input_correlation
    thresholds = SCALE_FREE_LIKENESSES if solver.scale_free else LIKENESSES
    severity = severity_by(1 / apart, thresholds)
    if severity is None or not input_apart > 10 * apart:
        return None
    cosine = f"1 - {write(apart)}" if apart > ROUNDED else "1, to rounding"
    return Finding(
        severity,
        "collapse",
        f"layer {propagation.network.n_layers - 1}: all samples look alike, the mean cosine of two "
        f"is {cosine} ({propagation.input_correlation:.3f} at the input)",
        "what tells them apart drowns in what they share",
        one_of(use, "take fewer layers"),
        {"correlation": propagation.correlation.tolist()},
    )


# A mean cosine is not known more closely.
ROUNDED = 1e-14


def in_line(propagation, solver, use):
    """Find that samples differ in a single number only."""
    rank, input_rank = propagation.effective_rank[-2], propagation.input_rank
    if not 0 < rank < ONE_DIRECTION or propagation.units[-2] <= 3 or input_rank <= 2 * rank:
        return None
    return Finding(
        "note" if solver.scale_free else "warning",
        "collapse",
        f"layer {propagation.network.n_layers - 1}: samples differ along one direction only "
        f"(effective rank {rank:.2f}, {input_rank:.1f} at the input)",
        "the last layers see little more than one number of each sample",
        one_of(use, "take fewer layers"),
        {"effective_rank": propagation.effective_rank.tolist()},
    )


# With scores of variance 2, as He's weights give them, the loss of two classes is 1.4 times that of
# scores of 0, and half the squared error of a target of variance 1 three times. Twice as much is
# still chance, where few features that go together carry the signal. A frequent class can be
# guessed at a far smaller loss; that no start is as good as that is no fault of it.
TIMES_ZEROS = (5.0, 10.0, 100.0)
SCALE_FREE_TIMES_ZEROS = (10.0, 100.0, np.inf)


def overconfidence(initial_loss, zero_loss, solver, use):
    """Find a start whose loss is far above that of scores of 0."""
    if not zero_loss > 0:
        return None
    if not np.isfinite(initial_loss):
        return Finding(
            "severe",
            "start loss",
            "the loss of the start is no finite number",
            "there is no gradient to go down",
            one_of(use, "let the output layer start smaller", "scale X, and y of a regressor"),
            {"initial_loss": initial_loss, "zero_loss": zero_loss},
        )
    ratio = initial_loss / zero_loss
    severity = severity_by(ratio, SCALE_FREE_TIMES_ZEROS if solver.scale_free else TIMES_ZEROS)
    if severity is None:
        return None
    return Finding(
        severity,
        "start loss",
        f"the loss starts at {write(initial_loss)}, {write(ratio)} times that of scores of 0 "
        f"({write(zero_loss)})",
        "the first steps go into taking back scores that are large for no reason",
        one_of(use, "let the output layer start smaller", "scale X"),
        {"initial_loss": initial_loss, "zero_loss": zero_loss},
    )


# Past the stable rate the loss first rises; in wide networks it then often finds a flatter place,
# up to twice that rate and with ReLU further. At a hundred times that rate hardly a network trains.
TIMES_STABLE = (1.0, 2.0, 100.0)


def find_learning_rate_faults(learning_rate, stable_rate, start_is_fine=True, instead=None):
    """List what is wrong with a learning rate.

    Parameters
    ----------
    learning_rate : float
        Of the first step.
    stable_rate : float
        The largest at which the steps of the solver go down the steepest curvature of the start;
        nan where there is none.
    start_is_fine : bool, default=True
        Whether nothing is wrong with the start; otherwise it is not the rate that has to change.
    instead : (str, float) or None
        An init that may do better, and its largest stable rate.

    Returns
    -------
    tuple of Finding
        One or none.

    References
    ----------
    A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein and G. Gur-Ari, "The large learning rate
    phase of deep learning: the catapult mechanism", arXiv:2003.02218, 2020.
    """
    if not learning_rate > stable_rate:
        return ()
    advice = f"begin with learning_rate={write(0.5 * stable_rate)} or warm up"
    if instead and instead[1] > stable_rate:
        advice = (
            f"use init={instead[0]!r}, with which about {instead[1]:.1g} is stable, or {advice}"
        )
    return (
        Finding(
            severity_by(learning_rate / stable_rate, TIMES_STABLE),
            "learning rate",
            f"learning_rate={write(learning_rate)} is above {write(stable_rate)}, the largest that "
            "is stable at the start",
            "the loss climbs until it finds a flatter place, or diverges",
            advice if start_is_fine else "mend the start first: a better one is stable at more",
            {"learning_rate": learning_rate, "stable_rate": stable_rate},
        ),
    )
