"""How a training run ended, in words: it learned, overfitted, diverged or never moved.

The final loss and the test score are compared with the baseline: the best prediction that does not
look at X, which is the class frequencies, or the mean for squared errors.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.dummy import DummyClassifier

from skinit._support import Array, format_loss, format_score
from skinit.estimators import loss_and_targets
from skinit.losses import baseline_loss

__all__ = ["baseline_score", "describe_outcome", "initial_loss"]


def describe_outcome(
    model: Any, y: ArrayLike, scores: tuple[float, float, float] | None = None
) -> str:
    """Describe how training went, by the losses and weights of a fitted model.

    Parameters
    ----------
    model : fitted InitMLPClassifier or InitMLPRegressor
    y : array-like of shape (n_samples,)
        The targets that it was trained on.
    scores : tuple of float, default=None
        On the training samples and on the test samples, and that of the baseline on the test
        samples. Without them, overfitting is not detected.

    Returns
    -------
    str

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(init="random", max_iter=100, random_state=3).fit(X, y)
    >>> describe_outcome(model, y)
    'weights too large: the loss starts at 2559 times the baseline and ends at ...% of it'
    """
    if np.all(np.asarray(y) == np.asarray(y)[0]):
        return "nothing to learn: the target is the same for all samples"
    baseline = baseline_loss(*loss_and_targets(model, y))
    initial, final = initial_loss(model), float(model.loss_)
    ends = f"the loss ends at {relative(final, baseline)} the baseline"
    but = lost_on_test(*scores) if scores is not None and final <= 0.9 * baseline else ""
    exploded = final > 2 * max(initial, baseline)
    if not exploded and any(has_identical_units(W) for W in model.coefs_[:-1]):
        moves = "hardly falls" if abs(final - initial) > 1e-6 * initial else "never moves"
        why = f", and the loss {moves}" if final > 0.9 * initial else ""
        return f"all units of a layer stay identical: the symmetry never breaks{why}"
    if initial > 10 * baseline:
        starts = f"the loss starts at {relative(initial, baseline)} the baseline"
        return f"weights too large: {starts} and ends at {relative(final, baseline)} it{but}"
    if exploded:
        return f"steps too large: {ends}; lower the learning rate"
    if final > 0.9 * baseline:
        return f"has not learned: {ends}"
    # Initial weights can beat the baseline by chance, or because they were trained before.
    if final > 0.9 * initial:
        return f"has hardly moved: {ends}, and started at {relative(initial, baseline)} it"
    if final > 0.75 * baseline:
        return f"learns little: {ends}{but}"
    return f"{'overfits' if but else 'learns'}: {ends}{but}"


def initial_loss(model: Any) -> float:
    """Return the mean loss of a fitted model before training."""
    return float([*model.loss_curve_, model.loss_][0])


def baseline_score(model: Any, y_train: ArrayLike, y_test: ArrayLike) -> float:
    """Return the test score of always predicting the most frequent class, or the mean."""
    if is_regressor(model):
        # R^2 is 0 for the mean of the test samples, by definition. The mean of the training samples
        # may do far worse on few test samples, and being better than that proves nothing.
        return 0.0
    no_features = np.zeros((len(y_train), 1)), np.zeros((len(y_test), 1))
    return DummyClassifier().fit(no_features[0], y_train).score(no_features[1], y_test)


def lost_on_test(train_score: float, test_score: float, baseline: float) -> str:
    """Describe overfitting: less than half of the gain over the baseline is left on test samples.

    A gain or a loss of less than a tenth of the way from the baseline to 1, the best score, may be
    chance.
    """
    gain, left, chance = train_score - baseline, test_score - baseline, 0.1 * (1 - baseline)
    if left >= -chance and (gain <= chance or left >= 0.5 * gain):
        return ""
    train, test, base = (format_score(score, 2) for score in (train_score, test_score, baseline))
    return f", but the score is {train} on training and {test} on test samples (baseline: {base})"


def relative(loss: float, baseline: float) -> str:
    """Format a loss as a multiple of the baseline: "12% of", "15 times"."""
    ratio = loss / baseline
    if ratio < 0.005:
        return "less than 1% of"
    if ratio < 10:
        return f"{ratio:.0%} of"
    return f"{ratio:.0f} times" if ratio < 1e6 else f"{format_loss(ratio, 1)} times"


def has_identical_units(W: Array) -> bool:
    """Return whether all units of a layer of two or more have the same weights."""
    # Rounding errors differ from column to column, and training carries them on.
    return W.shape[1] > 1 and bool(np.ptp(W, axis=1).max() <= 1e-5 * np.abs(W).max())
