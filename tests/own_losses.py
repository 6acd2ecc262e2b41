"""Losses as users write them: custom ones, and subclasses that override some of the methods."""

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

    def per_sample(self, raw, targets):
        error = np.abs(raw - targets)
        return np.where(error < 1, 0.5 * error**2, error - 0.5).sum(axis=-1)

    def gradient(self, raw, targets):
        return np.clip(raw - targets, -1, 1)


class DoubledError(SquaredError):
    def per_sample(self, raw, targets):
        return 2 * super().per_sample(raw, targets)

    def gradient(self, raw, targets):
        return 2 * super().gradient(raw, targets)


class DoubledCrossEntropy(BinaryCrossEntropy):
    def per_sample(self, raw, targets):
        return 2 * super().per_sample(raw, targets)

    def gradient(self, raw, targets):
        return 2 * super().gradient(raw, targets)


class OwnLink(MultinomialCrossEntropy):
    """Overrides only the link, from which the gradient is computed."""

    def link(self, raw):
        return super().link(2 * raw)


class OwnValue(MultinomialCrossEntropy):
    """Overrides the reported loss, but not the gradient."""

    def per_sample(self, raw, targets):
        return 2 * super().per_sample(raw, targets)


class OwnCompiledLosses(OwnValue):
    """Inherits compiled calls that disagree with its value, and overrides what goes with them."""

    def compiled_losses(self, loss_inputs):
        return 2 * super().compiled_losses(loss_inputs)


class OwnCalls(MultinomialCrossEntropy):
    """Overrides the gradient and its compiled calls, and inherits `compiled_losses`."""

    def gradient(self, raw, targets):
        return 2 * super().gradient(raw, targets)

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None):
        first, iterations = super().compiled_calls(raw, targets, delta, new, loss_inputs)
        return first, [[*calls, partial(np.multiply, delta, 2, delta)] for calls in iterations]


OWN_LOSSES = [
    SummedHuber(),
    DoubledError(),
    DoubledCrossEntropy(),
    OwnLink(),
    OwnValue(),
    OwnCompiledLosses(),
    OwnCalls(),
    Loss(DoubledError().per_sample, DoubledError().gradient),
]
