"""From the data as they arrive at a network to words: what no start is made for.

Initializers take features and targets for numbers around 0 of size 1.
"""

import numpy as np

from skinit.diagnosis.findings import Finding, write

__all__ = ["find_input_faults", "find_target_faults"]

# At ten times what initializers expect, tanh is saturated and a gradient a hundred times as steep;
# a constant part ten times as large as what varies is nearly all that a unit sees.
LARGE = 10.0
OFF_CENTRE = 10.0
# At a twentieth, the gradients of the first layer are as much smaller, and so is what a step
# changes.
SMALL = 0.05


def find_input_faults(feature_mean, feature_std, *, first_signal=0.0, names=None, sparse=False):
    """List what is wrong with the features.

    Parameters
    ----------
    feature_mean, feature_std : ndarray of shape (n_features,)
    first_signal : float, default=0.0
        Root mean square of the pre-activations of the first layer: where a start has made up for
        features that are small, there is nothing to say.
    names : sequence of str or None, default=None
        Of the features.
    sparse : bool, default=False
        Whether X is sparse, so that it cannot be centred.

    Returns
    -------
    tuple of Finding
        One or none.
    """
    varies = feature_std > 1e-9 * np.abs(feature_mean)  # and not by rounding alone
    sizes = np.sqrt(feature_mean**2 + feature_std**2)
    large = sizes > LARGE
    # What a unit sees of a sample, if its weights have a mean square of 1 / n_features.
    overall = float(np.sqrt(np.mean(sizes**2)))
    off_centre = np.zeros(len(sizes))
    np.divide(np.abs(feature_mean), feature_std, out=off_centre, where=varies)
    offset = float(off_centre.max(initial=0))
    advice = "put a StandardScaler before the network"
    if sparse:
        advice = "put a MaxAbsScaler or a StandardScaler(with_mean=False) before the network"
    if not varies.any():
        what, why = "all samples are the same", "there is nothing to learn from them"
        advice = "look at where X comes from"
    elif large.any():
        what = (
            f"{np.count_nonzero(large)} of {len(sizes)} features are large, up to a size of "
            f"{write(sizes.max())}: {told(sizes, large, names)}"
        )
        why = "a start is made for inputs around 0 of size 1"
    elif max(overall, first_signal) < SMALL:
        what = f"the features are small: a unit sees a signal of size {write(overall)}, not 1"
        why = "the network hardly sees them, and the first layer learns slowly"
        advice += ", or use init='lsuv' or 'auto', which scale their weights by the data"
    elif offset > OFF_CENTRE:
        what = (
            f"{told(off_centre, off_centre > OFF_CENTRE, names)}: far off centre, the mean up to "
            f"{write(offset)} times the spread"
        )
        why = "what varies drowns in what is constant"
    else:
        return ()
    evidence = {"largest": float(sizes.max()), "overall": overall, "offset": offset}
    return (Finding("warning", "inputs", what, why, advice, evidence),)


def told(values, chosen, names):
    """Name the chosen features, or the three of the largest values and how many more there are."""
    order = np.argsort(-values, kind="stable")
    numbers = [int(number) for number in order if chosen[number]]
    called = [f"X[:, {n}]" if names is None else repr(str(names[n])) for n in numbers[:3]]
    rest = len(numbers) - len(called)
    return ", ".join(called) + (f" and {rest} more" if rest else "")


# A start of scores around 0 whose loss is as many times that of the best constant has more to learn
# of the mean of the targets than of all that varies.
TIMES_GUESSING = 10.0


def find_target_faults(loss, targets, initial_loss, baseline_loss):
    """List what is wrong with the targets, where the scores themselves are to be as large.

    Parameters
    ----------
    loss : BaseLoss
    targets : ndarray of shape (n_samples, n_outputs)
    initial_loss, baseline_loss : float
        Mean loss of the start, and the smallest that is possible without looking at X.

    Returns
    -------
    tuple of Finding
        One or none.
    """
    if loss.link_name != "identity":
        return ()
    mean, std = targets.mean(axis=0), targets.std(axis=0)
    size = float(np.sqrt(mean**2 + std**2).max())
    if size > LARGE:
        what = f"the targets are large, of size {write(size)}"
        why = "a start answers with numbers of size 1, and such a loss makes the first steps wild"
    elif (np.abs(mean) > std).any() and initial_loss > TIMES_GUESSING * baseline_loss:
        what = (
            f"the targets are off centre: the loss starts at {write(initial_loss)}, and the best "
            f"constant has {write(baseline_loss)}"
        )
        why = "a start answers with numbers around 0, and its first steps only learn the mean"
    else:
        return ()
    advice = "scale y: TransformedTargetRegressor(model, transformer=StandardScaler())"
    return (Finding("warning", "targets", what, why, advice, {"size": size}),)
