"""Losses at the scores: link, loss and gradient, always together.

The *scores* are what the last layer puts out before any link: logits for a classifier, the
predictions themselves for a regressor. Every function takes scores and targets of shape
(..., n_samples, n_outputs). Working from the scores, and never from probabilities, keeps a loss
finite however wrong and however sure a network is.
"""

from functools import partial

import numpy as np
from scipy.special import expit, log_expit, log_softmax

__all__ = ["LOSSES", "BinaryCrossEntropy", "Loss", "MultinomialCrossEntropy", "SquaredError"]


class Loss:
    """What every loss answers; a loss has no settings.

    Attributes
    ----------
    link_name : str
        scikit-learn's name of the output activation, as in ``out_activation_``.
    """

    link_name = None

    def link(self, scores):
        """Turn scores into predictions, probabilities or values, of the same shape."""
        raise NotImplementedError

    def log_link(self, scores):
        """Return the logarithm of probabilities, exact where they round to 0 (classifiers only)."""
        raise NotImplementedError

    def per_sample(self, scores, targets):
        """Compute the loss of each sample, of shape (..., n_samples)."""
        raise NotImplementedError

    def gradient(self, scores, targets):
        """Differentiate `per_sample` by each score; the result has the shape of `scores`."""
        raise NotImplementedError

    # `tape_calls` takes scores times `tape_input` and leaves derivatives times `tape_output`, and
    # of each sample so many numbers from which `tape_losses` computes its loss.
    tape_input = 1.0
    tape_output = 1.0
    tape_left = 1

    def tape_calls(self, scores, targets, delta, new, left=None):
        """Bind the calls that compute the gradient in place, for `skinit.tape`.

        A loss need not bring its own: by default, they call `gradient` and `per_sample`.

        Parameters
        ----------
        scores : ndarray of shape (n_iterations, n_outputs, n_samples)
            Where iterations find their scores, each its own; left as they are.
        targets : ndarray of shape (n_outputs, n_samples)
            May get other values between iterations.
        delta : ndarray of shape (n_outputs, n_samples)
            Where the gradient goes.
        new : callable
            ``new(shape)`` returns an array to work in.
        left : ndarray of shape (n_iterations, tape_left, n_samples) or None
            Where iterations leave what `tape_losses` needs, if it is wanted.

        Returns
        -------
        news : list of callables
            To be called at the beginning, and whenever the targets have got other values.
        iterations : list of lists of callables
            One list for each iteration.
        """

        def to_gradient(z):
            gradient = self.gradient(z.T / self.tape_input, targets.T).T
            np.multiply(gradient, self.tape_output, out=delta)

        calls = [[partial(to_gradient, z)] for z in scores]
        return [], self.with_losses(calls, scores, targets, left)

    def with_losses(self, calls, scores, targets, left):
        """Let each iteration leave its losses too, if they are wanted."""
        if left is None:
            return calls

        def to_losses(z, losses):
            losses[:] = self.per_sample(z.T / self.tape_input, targets.T)

        return [
            [*some, partial(to_losses, z, losses)]
            for some, z, (losses, *_) in zip(calls, scores, left, strict=True)
        ]

    def tape_losses(self, left):
        """Compute the losses of samples, of shape (n_iterations, n_samples), from what is left."""
        return left[:, 0]


class BinaryCrossEntropy(Loss):
    r"""Cross-entropy of independent yes-or-no outputs, with the logistic link.

    .. math::
        \ell(z, y) = \sum_k y_k \log(1 + e^{-z_k}) + (1 - y_k) \log(1 + e^{z_k})
        = \sum_k \max(z_k, 0) - y_k z_k + \log(1 + e^{-|z_k|})

    One output is a binary classifier, several are a multilabel one.

    References
    ----------
    C. M. Bishop, "Pattern recognition and machine learning", Springer, 2006, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> scores, targets = np.array([[0.0], [1000.0]]), np.array([[1.0], [0.0]])
    >>> BinaryCrossEntropy().per_sample(scores, targets).round(4)
    array([6.931e-01, 1.000e+03])
    """

    link_name = "logistic"

    def link(self, scores):
        return expit(scores)

    def log_link(self, scores):
        return log_expit(scores)

    def per_sample(self, scores, targets):
        # The straight part first: for a sure and right answer it is 0, and no digits cancel.
        straight = np.maximum(scores, 0) - targets * scores
        bent = np.abs(scores)
        for function in (np.negative, np.exp, np.log1p):
            function(bent, out=bent)
        return (straight + bent).sum(axis=-1)

    def gradient(self, scores, targets):
        return expit(scores) - targets

    # p - y is half of tanh(z / 2) + 1 - 2 y, and tanh is several times as fast as expit. A p below
    # the rounding of 1 is lost, as in every sum over samples that are not as sure.
    tape_input = 0.5
    tape_output = 2.0

    def tape_calls(self, scores, targets, delta, new, left=None):
        signs = np.empty(targets.shape, targets.dtype)
        news = [partial(np.multiply, targets, -2, signs), partial(np.add, signs, 1, signs)]
        calls = [[partial(np.tanh, z, delta), partial(np.add, delta, signs, delta)] for z in scores]
        return news, self.with_losses(calls, scores, targets, left)


class MultinomialCrossEntropy(Loss):
    r"""Cross-entropy of one class out of several, with the softmax link.

    .. math:: \ell(z, y) = \log \sum_k e^{z_k} - \sum_k y_k z_k

    The targets of a sample sum to one.

    References
    ----------
    C. M. Bishop, "Pattern recognition and machine learning", Springer, 2006, section 4.3.4.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[0.0, 0.0, 0.0], [1000.0, 0.0, 0.0]])
    >>> targets = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> MultinomialCrossEntropy().per_sample(scores, targets).round(4)
    array([   1.0986, 1000.    ])
    """

    link_name = "softmax"

    def link(self, scores):
        exponentials = np.exp(below_largest(scores))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    def log_link(self, scores):
        return log_softmax(scores, axis=-1)

    def per_sample(self, scores, targets):
        shifted = below_largest(scores)
        with np.errstate(invalid="ignore"):
            wanted = (targets * shifted).sum(axis=-1)
        if not np.isfinite(wanted).all():
            # A score that is not wanted may be minus infinity, and zero times that is no number.
            wanted = (targets * np.where(targets > 0, shifted, 0)).sum(axis=-1)
        return np.log(np.exp(shifted).sum(axis=-1)) - wanted

    def gradient(self, scores, targets):
        return self.link(scores) - targets

    # With -z, the largest score is found by a minimum, and behind ReLU the sign costs nothing.
    tape_input = -1.0
    tape_left = 2

    def tape_calls(self, scores, targets, delta, new, left=None):
        iterations = []
        totals = [new(scores.shape[2:])] * len(scores) if left is None else left[:, 1]
        smallest = new(scores.shape[2:])
        for k, (z, total) in enumerate(zip(scores, totals, strict=True)):
            calls = [
                partial(np.minimum.reduce, z, 0, None, smallest),
                partial(np.subtract, smallest, z, delta),
                partial(np.exp, delta, delta),
                partial(np.add.reduce, delta, 0, None, total),
                partial(np.divide, delta, total, delta),
                partial(np.subtract, delta, targets, delta),
            ]
            if left is not None:
                calls.insert(2, partial(np.einsum, "ij,ij->j", targets, delta, out=left[k, 0]))
            iterations.append(calls)
        return [], iterations

    def tape_losses(self, left):
        # No number where a score is minus infinity. Then the specification goes on in its place.
        return np.log(left[:, 1]) - left[:, 0]


def below_largest(scores):
    """Shift the scores of each sample so that the largest is 0: no exponential overflows."""
    return scores - scores.max(axis=-1, keepdims=True)


class SquaredError(Loss):
    r"""Half the squared error, summed over the outputs, with the identity link.

    .. math:: \ell(z, y) = \tfrac{1}{2} \sum_k (z_k - y_k)^2

    Examples
    --------
    >>> import numpy as np
    >>> SquaredError().per_sample(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([2.])
    """

    link_name = "identity"

    def link(self, scores):
        return scores

    def per_sample(self, scores, targets):
        return 0.5 * np.square(scores - targets).sum(axis=-1)

    def gradient(self, scores, targets):
        return scores - targets

    def tape_calls(self, scores, targets, delta, new, left=None):
        calls = [[partial(np.subtract, z, targets, delta)] for z in scores]
        return [], self.with_losses(calls, scores, targets, left)


LOSSES = {
    "binary_cross_entropy": BinaryCrossEntropy(),
    "multinomial_cross_entropy": MultinomialCrossEntropy(),
    "squared_error": SquaredError(),
}
