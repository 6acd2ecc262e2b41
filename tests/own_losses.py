"""Losses as users write them: of their own, or changed in some of their functions only."""

from functools import partial

import numpy as np

from skinit.losses import (
    BaseLoss,
    BinaryCrossEntropy,
    Loss,
    MultinomialCrossEntropy,
    SquaredError,
)


class SummedHuber(BaseLoss):
    link_name = "identity"

    def per_sample(self, scores, targets):
        error = np.abs(scores - targets)
        return np.where(error < 1, 0.5 * error**2, error - 0.5).sum(axis=-1)

    def gradient(self, scores, targets):
        return np.clip(scores - targets, -1, 1)


class DoubledError(SquaredError):
    def per_sample(self, scores, targets):
        return 2 * super().per_sample(scores, targets)

    def gradient(self, scores, targets):
        return 2 * super().gradient(scores, targets)


class DoubledCrossEntropy(BinaryCrossEntropy):
    def per_sample(self, scores, targets):
        return 2 * super().per_sample(scores, targets)

    def gradient(self, scores, targets):
        return 2 * super().gradient(scores, targets)


class Sharper(MultinomialCrossEntropy):
    """Changes but the link, on which the gradient rests."""

    def link(self, scores):
        return super().link(2 * scores)


class OnlyItsValue(MultinomialCrossEntropy):
    """Changes what is reported, and not what is followed."""

    def per_sample(self, scores, targets):
        return 2 * super().per_sample(scores, targets)


class OwnLosses(OnlyItsValue):
    """Inherits calls that no longer fit, and brings what would have gone with them."""

    def compiled_losses(self, left):
        return 2 * super().compiled_losses(left)


class OwnCalls(MultinomialCrossEntropy):
    """Brings calls for a gradient of its own, and inherits what goes with them."""

    def gradient(self, scores, targets):
        return 2 * super().gradient(scores, targets)

    def compiled_calls(self, scores, targets, delta, new, left=None):
        news, iterations = super().compiled_calls(scores, targets, delta, new, left)
        return news, [[*calls, partial(np.multiply, delta, 2, delta)] for calls in iterations]


OWN_LOSSES = [
    SummedHuber(),
    DoubledError(),
    DoubledCrossEntropy(),
    Sharper(),
    OnlyItsValue(),
    OwnLosses(),
    OwnCalls(),
    Loss(DoubledError().per_sample, DoubledError().gradient),
]
