"""Findings about the data: features and targets of a size that initializers are not made for.

Initializers assume features around 0 with a root mean square (RMS) of 1, and the initial
predictions of a regressor are of that size, too.
"""

from collections.abc import Sequence

import numpy as np

from skinit._support import Array
from skinit.diagnosis.findings import Finding, format_number
from skinit.losses import BaseLoss

__all__ = ["find_input_faults", "find_target_faults"]

# Features of ten times the RMS that initializers assume saturate tanh and make gradients a hundred
# times as large. Where the mean is ten times the standard deviation, a unit sees little but it.
LARGE = 10.0
FAR_FROM_CENTERED = 10.0
# Features of a twentieth of that RMS make the gradients of the first layer, and so its steps, 20
# times smaller.
SMALL = 0.05


def find_input_faults(
    feature_mean: Array,
    feature_std: Array,
    *,
    first_signal: float = 0.0,
    names: Sequence[str] | None = None,
    sparse: bool = False,
) -> tuple[Finding, ...]:
    """Find features that are constant, large, small or far from centered.

    Parameters
    ----------
    feature_mean, feature_std : ndarray of shape (n_features,)
    first_signal : float, default=0.0
        RMS of the pre-activations of the first layer. Where it is not small, the weights make up
        for small features.
    names : sequence of str or None, default=None
        Of the features.
    sparse : bool, default=False
        Whether X is sparse, so that it cannot be centered.

    Returns
    -------
    tuple of Finding
        One or none.

    Examples
    --------
    >>> import numpy as np
    >>> [finding] = find_input_faults(np.array([0.0, 50.0]), np.array([1.0, 1.0]))
    >>> finding.message
    '1 of 2 features are large, with an RMS of up to 50: X[:, 1]'
    """
    varies = feature_std > 1e-9 * np.abs(feature_mean)  # and not by rounding alone
    sizes = np.sqrt(feature_mean**2 + feature_std**2)
    large = sizes > LARGE
    # The RMS of a pre-activation, if the weights have a mean square of 1 / n_features.
    overall = float(np.sqrt(np.mean(sizes**2)))
    offsets = np.zeros(len(sizes))
    np.divide(np.abs(feature_mean), feature_std, out=offsets, where=varies)
    offset = float(offsets.max(initial=0))
    advice = "put a StandardScaler before the network"
    if sparse:
        advice = "put a MaxAbsScaler or a StandardScaler(with_mean=False) before the network"
    if not varies.any():
        what, why = "all samples are the same", "there is nothing to learn from them"
        advice = "check where X comes from"
    elif large.any():
        what = (
            f"{np.count_nonzero(large)} of {len(sizes)} features are large, with an RMS of up to "
            f"{format_number(sizes.max())}: {describe_features(sizes, large, names)}"
        )
        why = "initializers are made for features around 0 with an RMS of 1"
    elif max(overall, first_signal) < SMALL:
        what = f"the features are small, with an RMS of {format_number(overall)} instead of 1"
        why = "the network hardly sees them, and the first layer learns slowly"
        advice += ", or use init='lsuv' or 'auto', which scale their weights by the data"
    elif offset > FAR_FROM_CENTERED:
        what = (
            f"{describe_features(offsets, offsets > FAR_FROM_CENTERED, names)}: far from centered, "
            f"with a mean of up to {format_number(offset)} standard deviations"
        )
        why = "what varies is tiny beside what is constant"
    else:
        return ()
    evidence = {"largest": float(sizes.max()), "overall": overall, "offset": offset}
    return (Finding("warning", "inputs", what, why, advice, evidence),)


def describe_features(values: Array, chosen: Array, names: Sequence[str] | None) -> str:
    """Name the chosen features: the three of the largest values, and how many more there are."""
    order = np.argsort(-values, kind="stable")
    numbers = [int(number) for number in order if chosen[number]]
    named = [f"X[:, {n}]" if names is None else repr(str(names[n])) for n in numbers[:3]]
    rest = len(numbers) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


# Where the initial loss is this many times that of the best constant prediction, there is more to
# learn about the mean of the targets than about all that varies.
TIMES_BASELINE = 10.0


def find_target_faults(
    loss: BaseLoss, targets: Array, initial_loss: float, baseline_loss: float
) -> tuple[Finding, ...]:
    """Find targets of a regression that are large or far from centered.

    Parameters
    ----------
    loss : BaseLoss
        Targets are judged where the raw predictions are the predictions themselves.
    targets : ndarray of shape (n_samples, n_outputs)
    initial_loss, baseline_loss : float
        Mean loss with the initial weights, and of the best constant prediction.

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
        what = f"the targets are large, with an RMS of up to {format_number(size)}"
        why = (
            "initial predictions have a size of about 1, and such a loss makes the first steps huge"
        )
    elif (np.abs(mean) > std).any() and initial_loss > TIMES_BASELINE * baseline_loss:
        what = (
            "the targets are far from centered: the initial loss is "
            f"{format_number(initial_loss)}, that of the best constant prediction "
            f"{format_number(baseline_loss)}"
        )
        why = "initial predictions are around 0, and the first steps only learn the mean"
    else:
        return ()
    advice = "scale y: TransformedTargetRegressor(model, transformer=StandardScaler())"
    return (Finding("warning", "targets", what, why, advice, {"size": size}),)
