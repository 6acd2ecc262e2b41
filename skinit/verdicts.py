"""From measurements of a start to words: what is wrong, how one can tell, why it matters.

Each kind of fault has a function of its own that answers with a `Finding` or None; the thresholds
stand above the functions, with their reasons.
"""

from dataclasses import dataclass, field

import numpy as np

from skinit.tables import write_loss

__all__ = [
    "SEVERITIES",
    "Finding",
    "by_severity",
    "faults_of_data",
    "faults_of_rate",
    "faults_of_start",
    "usual_init",
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
        "collapse", "start loss", "inputs" or "learning rate".
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


def faults_of_start(propagation, start_loss=np.nan, guessing_loss=np.nan, instead=None):
    """List what is wrong with the weights of a start.

    Parameters
    ----------
    propagation : SignalPropagation
    start_loss, guessing_loss : float
        Mean loss of the start, and the smallest that is possible without looking at X; nan where
        there are no targets.
    instead : str or None
        An init that does better, for the advice.

    Returns
    -------
    tuple of Finding
        The worst first.
    """
    use = f"use init={instead or usual_init(propagation.network)!r}"
    found = [
        symmetry(propagation, use),
        dead(propagation, use),
        saturation(propagation, use),
        signal(propagation, use),
        gradient(propagation, use),
        collapse(propagation, use),
        overconfidence(start_loss, guessing_loss, use),
    ]
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
    return write_loss(value, 3)


# A single pair of identical units wastes one of them; where there is but one kind of unit, the
# layer has the power of a single one for as long as it is trained.
DISTINCT_SHARE = 0.5


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
            use,
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
        use,
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
        f"{use}, scale X, or try an activation that is nowhere flat, such as 'leaky_relu'",
    )


# Of Gaussian pre-activations of variance 1, three in a hundred are beyond the knees of tanh.
SATURATED_SHARES = (0.3, 0.5, 0.9)


def saturation(propagation, use):
    """Find layers whose units sit in the flat parts of a bounded activation."""
    return idle_units(
        np.nan_to_num(propagation.saturated[:-1]),
        SATURATED_SHARES,
        "saturation",
        "are saturated",
        "where an activation is flat, hardly any gradient comes through",
        f"{use} or another one with smaller weights, and scale X",
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
# or too large for it by as much, and at 10,000 rounding to float32 begins to count, too.
DRIFTS = (10.0, 30.0, 1e4)


def signal(propagation, use):
    """Find a signal that fades or grows with depth."""
    sizes = np.sqrt(propagation.pre_activation_square)
    lost = ~np.isfinite(sizes)
    if lost.any():
        return Finding(
            "severe",
            "signal",
            f"{which_layers(lost)}: the signal is no longer a finite number",
            "neither the loss nor a gradient can be computed",
            f"scale X, and {use}",
            {"sizes": sizes.tolist()},
        )
    return drift(sizes[:-1], "signal", "root mean square of the pre-activations", use)


def gradient(propagation, use):
    """Find a gradient that fades or grows on its way back."""
    # Of a sample's whole gradient, so that layers of different widths can be compared.
    sizes = propagation.signal_gradient[:-1] * np.sqrt(propagation.units[:-1])
    if not np.isfinite(sizes).all():
        return None  # there are no targets, or the signal is already lost
    return drift(sizes[::-1], "gradient", "norm of the derivatives by the pre-activations", use)


def drift(sizes, subject, what, use):
    """Compare where a signal or a gradient comes in with where it comes out."""
    if len(sizes) < 2 or not sizes.all():
        return None  # zeros are identical or dead units, or come from a silent output layer
    factor = sizes[-1] / sizes[0]
    severity = severity_by(max(factor, 1 / factor), DRIFTS)
    if severity is None:
        return None
    way = (1, len(sizes)) if subject == "signal" else (len(sizes), 1)
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
        f"the {subject} {verb}: the {what} goes from {write(sizes[0])} in layer {way[0]} to "
        f"{write(sizes[-1])} in layer {way[1]}",
        consequence[subject, verb],
        use,
        {"sizes": sizes.tolist(), "factor": float(factor)},
    )


# How close to 1 the mean cosine of two samples may come in the last hidden layer, as the distance
# from 1, where the inputs are ten times as far from it; and along how many directions samples must
# differ, where the inputs differ along twice as many.
CLOSE_TO_ONE = 1e-2
ALL_ONE = 1e-4
ONE_DIRECTION = 1.1


def collapse(propagation, use):
    """Find a network that brings all samples to the same place, or onto one line."""
    if propagation.network.n_layers < 2:
        return None
    rank, correlation = propagation.effective_rank[-2], propagation.correlation[-2]
    evidence = {
        "correlation": propagation.correlation.tolist(),
        "effective_rank": propagation.effective_rank.tolist(),
    }
    depth = propagation.network.n_layers - 1
    apart, input_apart = 1 - correlation, 1 - propagation.input_correlation
    if apart < CLOSE_TO_ONE and input_apart > 10 * apart:
        return Finding(
            "severe" if apart < ALL_ONE else "warning",
            "collapse",
            f"layer {depth}: all samples look alike, the mean cosine of two is 1 - {write(apart)} "
            f"(1 - {write(input_apart)} at the input)",
            "what tells them apart drowns in what they share",
            f"{use}, or fewer layers",
            evidence,
        )
    if 0 < rank < ONE_DIRECTION and propagation.units[-2] > 3 and propagation.input_rank > 2 * rank:
        return Finding(
            "warning",
            "collapse",
            f"layer {depth}: samples differ along one direction only (effective rank "
            f"{rank:.2f}, {propagation.input_rank:.1f} at the input)",
            "the last layers see little more than one number of each sample",
            f"{use}, or fewer layers",
            evidence,
        )
    return None


# A start of random scores is somewhat worse than guessing: with scores of variance 2, as He's
# weights give them, the loss of two classes is 1.4 times that of guessing, and half the squared
# error of a target of variance 1 three times. Twice as much is still chance, where few features
# that go together carry the signal.
TIMES_GUESSING = (5.0, 10.0, 100.0)


def overconfidence(start_loss, guessing_loss, use):
    """Find a start whose loss is far above that of guessing."""
    if not np.isfinite(start_loss) or not guessing_loss > 0:
        return None
    ratio = start_loss / guessing_loss
    severity = severity_by(ratio, TIMES_GUESSING)
    if severity is None:
        return None
    return Finding(
        severity,
        "start loss",
        f"the loss starts at {write(start_loss)}, {write(ratio)} times that of guessing "
        f"({write(guessing_loss)})",
        "the first steps go into taking back scores that are large for no reason",
        f"{use}, a smaller output layer, or scale X (and y of a regressor)",
        {"start_loss": start_loss, "guessing_loss": guessing_loss},
    )


# Initializers take inputs for numbers around 0 of size 1. At ten times that, tanh is saturated and
# a gradient a hundred times as steep; a constant part ten times as large as what varies is nearly
# all that a unit sees.
LARGE_FEATURE = 10.0
SMALL_INPUTS = 0.01
OFF_CENTRE = 10.0


def faults_of_targets(loss, targets):
    """List what is wrong with the targets, where the scores themselves are to be as large.

    Parameters
    ----------
    loss : BaseLoss
    targets : ndarray of shape (n_samples, n_outputs)

    Returns
    -------
    tuple of Finding
        One or none.
    """
    size = float(np.sqrt(np.mean(np.square(targets, dtype=np.float64), axis=0)).max())
    if loss.link_name != "identity" or not size > LARGE_FEATURE:
        return ()
    return (
        Finding(
            "warning",
            "targets",
            f"the targets are large, of size {write(size)}",
            "a start answers with numbers of size 1, and such a loss makes the first steps wild",
            "scale y: TransformedTargetRegressor(model, transformer=StandardScaler())",
            {"size": size},
        ),
    )


def faults_of_data(feature_mean, feature_std):
    """List what is wrong with the data as they arrive at the network.

    Parameters
    ----------
    feature_mean, feature_std : ndarray of shape (n_features,)

    Returns
    -------
    tuple of Finding
        One or none.
    """
    varies = feature_std > 1e-9 * np.abs(feature_mean)  # and not by rounding alone
    sizes = np.sqrt(feature_mean**2 + feature_std**2)
    overall, largest = float(np.sqrt(np.mean(sizes**2))), float(sizes.max())
    offset = float((np.abs(feature_mean[varies]) / feature_std[varies]).max(initial=0))
    if not varies.any():
        what, why = "all samples are the same", "there is nothing to learn from them"
    elif largest > LARGE_FEATURE:
        n_large = np.count_nonzero(sizes > LARGE_FEATURE)
        what = f"{n_large} of {len(sizes)} features are large, up to a size of {write(largest)}"
        why = "a start is made for inputs around 0 of size 1"
    elif overall < SMALL_INPUTS:
        what = f"the features are small, of size {write(overall)}"
        why = "the network hardly sees them"
    elif offset > OFF_CENTRE:
        what = f"a feature is far off centre, its mean {write(offset)} times its spread"
        why = "what varies drowns in what is constant"
    else:
        return ()
    return (
        Finding(
            "warning",
            "inputs",
            what,
            why,
            "put a StandardScaler before the network",
            {"largest": largest, "overall": overall, "offset": offset},
        ),
    )


# Past the stable rate the loss first rises; in wide networks it then often finds a flatter place,
# up to twice that rate and with ReLU further.
CATAPULT = 2.0


def faults_of_rate(learning_rate, stable_rate, start_is_fine=True):
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
    advice = f"begin with learning_rate={write(0.5 * stable_rate)}, or warm up"
    return (
        Finding(
            "warning" if learning_rate > CATAPULT * stable_rate else "note",
            "learning rate",
            f"learning_rate={write(learning_rate)} is above {write(stable_rate)}, the largest that "
            "is stable at the start",
            "the loss climbs until it finds a flatter place, or diverges",
            advice if start_is_fine else "mend the start first: a better one is stable at more",
            {"learning_rate": learning_rate, "stable_rate": stable_rate},
        ),
    )
