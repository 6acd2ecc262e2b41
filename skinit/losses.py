"""Losses at the scores: link, loss and gradient, always together.

The *scores* are what the last layer puts out before any link: logits for a classifier, the
predictions or their logarithms for a regressor. Every function takes scores and targets of shape
(..., n_samples, n_outputs). Working from the scores, and never from probabilities, keeps a loss
finite however wrong and however sure a network is.
"""

from functools import partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, xlogy
from sklearn.base import BaseEstimator

from skinit._support import check_number, look_up, refuse_class

__all__ = [
    "LINKS",
    "LOSSES",
    "AbsoluteError",
    "BaseLoss",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Loss",
    "MultinomialCrossEntropy",
    "Poisson",
    "SquaredError",
    "baseline_loss",
    "resolve_loss",
]


class BaseLoss(BaseEstimator):
    """What every loss answers: ``per_sample``, ``gradient`` and ``link``.

    A loss holds settings only, and is never changed by a fit. All functions take targets as
    `prepare_targets` has left them.

    Attributes
    ----------
    link_name : str
        A name of ``LINKS``: how scores become predictions. These are scikit-learn's names, as in
        ``out_activation_``. None where the targets settle it.
    positive_only : bool
        Whether targets must not be negative.

    Examples
    --------
    >>> import numpy as np
    >>> class LogCosh(BaseLoss):
    ...     link_name = "identity"
    ...
    ...     def per_sample(self, scores, targets):
    ...         return np.log(np.cosh(scores - targets)).sum(axis=-1)
    ...
    ...     def gradient(self, scores, targets):
    ...         return np.tanh(scores - targets)
    >>> LogCosh().gradient(np.array([[2.0]]), np.array([[1.0]])).round(4)
    array([[0.7616]])
    """

    link_name = None
    positive_only = False

    def link(self, scores):
        """Turn scores into predictions, probabilities or values, of the same shape."""
        return LINKS[self.link_name](scores)

    def log_link(self, scores):
        """Return the logarithm of probabilities, exact where they round to 0 (classifiers only)."""
        return LOG_LINKS[self.link_name](scores)

    def inverse_link(self, predictions):
        """Turn predictions into scores, finite ones also for probabilities of 0 and 1."""
        return INVERSE_LINKS[self.link_name](predictions)

    def best_constant(self, targets, sample_weight=None):
        """Find the scores that serve best where nothing is known of a sample.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
        sample_weight : ndarray of shape (n_samples,) or None

        Returns
        -------
        ndarray of shape (n_outputs,)
            Of all constants the one of the least mean loss, unless a loss says otherwise the
            inverse link of the mean target: the mean, or the logarithm of a mean count, of odds or
            of the share of each class. A class that no sample has counts as half a sample, and so
            does a count that is always 0.
        """
        mean = np.average(targets.astype(np.float64), axis=0, weights=sample_weight)
        if self.link_name != "identity":
            # What has not been seen yet, such as a class in a first batch, counts as half a sample.
            weights = np.ones(len(targets)) if sample_weight is None else sample_weight
            least = 0.5 / max(weights.sum(), np.count_nonzero(weights))
            mean = np.clip(mean, least, np.inf if self.link_name == "exp" else 1 - least)
        return self.inverse_link(mean)

    def per_sample(self, scores, targets):
        """Compute the loss of each sample, of shape (..., n_samples)."""
        raise NotImplementedError

    def gradient(self, scores, targets):
        """Differentiate `per_sample` by each score; the result has the shape of `scores`."""
        raise NotImplementedError

    def prepare_targets(self, targets, whole=True):
        """Turn targets as they are into those that all other functions take.

        An estimator calls it once for each fit, so that an iteration costs the same, whatever is
        done to the targets.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
            Numbers, or zeros and ones; left as they are.
        whole : bool, default=True
            Whether these are all samples that there are, and not a part.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If the loss has no use for such targets.
        """
        if self.positive_only and (targets < 0).any():
            raise ValueError(
                f"y must hold no negative value, as loss={self!r} has no use for any; got "
                f"{targets.min()}. Choose another loss, such as 'squared_error'"
            )
        return targets

    def suited(self, links):
        """Return the loss for targets that need one of these links, or None if there is none."""
        return self if self.link_name in links else None

    def check_settings(self):
        """Raise a `ValueError` or a `TypeError` that names the setting that is wrong."""

    # `compiled_calls` takes scores times `input_factor` and leaves derivatives times `output_factor`, and
    # of each sample so many numbers from which `compiled_losses` computes its loss.
    input_factor = 1.0
    output_factor = 1.0
    n_loss_inputs = 1

    def compiled_calls(self, scores, targets, delta, new, left=None):
        """Bind the calls that compute the gradient in place, for `skinit.engine.compile`.

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
            ``new(shape)`` returns an array to work in, ``new(shape, value)`` one of constants.
        left : ndarray of shape (n_iterations, n_loss_inputs, n_samples) or None
            Where iterations leave what `compiled_losses` needs, if it is wanted.

        Returns
        -------
        news : list of callables
            To be called at the beginning, and whenever the targets have got other values.
        iterations : list of lists of callables
            One list for each iteration.
        """

        def to_gradient(z):
            gradient = self.gradient(z.T / self.input_factor, targets.T).T
            np.multiply(gradient, self.output_factor, out=delta)

        calls = [[partial(to_gradient, z)] for z in scores]
        return [], self.with_losses(calls, scores, targets, left)

    def with_losses(self, calls, scores, targets, left):
        """Let each iteration leave its losses too, if they are wanted."""
        if left is None:
            return calls

        def to_losses(z, losses):
            losses[:] = self.per_sample(z.T / self.input_factor, targets.T)

        return [
            [*some, partial(to_losses, z, losses)]
            for some, z, (losses, *_) in zip(calls, scores, left, strict=True)
        ]

    def compiled_losses(self, left):
        """Compute the losses of samples, of shape (n_iterations, n_samples), from what is left."""
        return left[:, 0]


class Loss(BaseLoss):
    """A loss of your own, from its value and its gradient.

    Parameters
    ----------
    per_sample : callable
        ``per_sample(scores, targets)`` takes two arrays of shape (..., n_samples, n_outputs), of
        which the scores may have more axes in front, and returns the loss of each sample, of shape
        (..., n_samples): sum over ``axis=-1``.
    gradient : callable
        ``gradient(scores, targets)``, the derivatives of `per_sample` by the scores, of their
        shape. Functions that are defined at the top level of a module, rather than as a
        ``lambda``, keep the estimator picklable.
    link_name : str, default="identity"
        How scores become predictions: "identity" or "exp" for a regressor; for a classifier
        "logistic" for two classes or for labels, and "softmax" for more classes. The targets of a
        classifier are zeros and ones: a column for each label, or for each of more classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit import InitMLPRegressor, Loss
    >>> def log_cosh(scores, targets):
    ...     return np.log(np.cosh(scores - targets)).sum(axis=-1)
    >>> def its_gradient(scores, targets):
    ...     return np.tanh(scores - targets)
    >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> model = InitMLPRegressor((), loss=Loss(log_cosh, its_gradient), learning_rate=0.5)
    >>> model.fit(X, 3 * X[:, 0]).coefs_[0].round(2)
    array([[3.]])
    """

    def __init__(self, per_sample, gradient, link_name="identity"):
        self.per_sample = per_sample
        self.gradient = gradient
        self.link_name = link_name

    def check_settings(self):
        look_up(self.link_name, LINKS, "link_name")


class CrossEntropy(BaseLoss):
    r"""Cross-entropy of classes, binary or multinomial as the targets are.

    Two classes, or several labels, make it a `BinaryCrossEntropy`, more classes a
    `MultinomialCrossEntropy`. Label smoothing takes a little of the certainty out of the targets:
    of K classes, the right one is wanted not with probability 1, and the others not with 0, but

    .. math:: y'_k = (1 - \epsilon) \, y_k + \epsilon / K

    where for two classes, and for each of several labels, K is 2. The targets are smoothed once,
    before training. A network that is less sure of itself generalizes better where labels are
    wrong now and then; the loss no longer ends at 0, but at the entropy of y'.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        :math:`\epsilon`, from 0 to below 1.

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the Inception
    architecture for computer vision", CVPR 2016, section 7.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(loss=CrossEntropy(label_smoothing=0.1), random_state=3)
    >>> model.set_params(loss__label_smoothing=0.2, solver="adam", max_iter=500)
    InitMLPClassifier(loss=CrossEntropy(label_smoothing=0.2), max_iter=500,
                      random_state=3, solver='adam')
    >>> proba = model.fit(X, y).predict_proba(X)  # as sure as it should be, or a little surer
    >>> round(float(np.median(proba.max(axis=1))), 1)
    0.9
    """

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def check_settings(self):
        check_number(self.label_smoothing, "label_smoothing", low=0, below=1)

    def suited(self, links):
        if self.link_name is not None:
            return super().suited(links)
        for Variant in (BinaryCrossEntropy, MultinomialCrossEntropy):
            if Variant.link_name in links:
                return Variant(self.label_smoothing)
        return None

    def smoothed(self, targets, n_classes):
        """Let all classes share a part of the certainty."""
        share = float(self.label_smoothing)
        return targets * (1 - share) + share / n_classes


class BinaryCrossEntropy(CrossEntropy):
    r"""Cross-entropy of independent yes-or-no outputs, with the logistic link.

    .. math::
        \ell(z, y) = \sum_k y_k \log(1 + e^{-z_k}) + (1 - y_k) \log(1 + e^{z_k})
        = \sum_k \max(z_k, 0) - y_k z_k + \log(1 + e^{-|z_k|})

    One output is a binary classifier, several are a multilabel one.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        See `CrossEntropy`.

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

    def prepare_targets(self, targets, whole=True):
        return self.smoothed(targets, n_classes=2)

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
    input_factor = 0.5
    output_factor = 2.0

    def compiled_calls(self, scores, targets, delta, new, left=None):
        signs = np.empty(targets.shape, targets.dtype)
        news = [partial(np.multiply, targets, -2, signs), partial(np.add, signs, 1, signs)]
        calls = [[partial(np.tanh, z, delta), partial(np.add, delta, signs, delta)] for z in scores]
        return news, self.with_losses(calls, scores, targets, left)


class MultinomialCrossEntropy(CrossEntropy):
    r"""Cross-entropy of one class out of several, with the softmax link.

    .. math:: \ell(z, y) = \log \sum_k e^{z_k} - \sum_k y_k z_k

    The targets of a sample sum to one.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        See `CrossEntropy`.

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

    def prepare_targets(self, targets, whole=True):
        return self.smoothed(targets, n_classes=targets.shape[-1])

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
    input_factor = -1.0
    n_loss_inputs = 2

    def compiled_calls(self, scores, targets, delta, new, left=None):
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

    def compiled_losses(self, left):
        # No number where a score is minus infinity. Then the specification goes on in its place.
        return np.log(left[:, 1]) - left[:, 0]


def softmax(scores):
    """Turn scores into probabilities that sum to one."""
    exponentials = np.exp(below_largest(scores))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def below_largest(scores):
    """Shift the scores of each sample so that the largest is 0: no exponential overflows."""
    return scores - scores.max(axis=-1, keepdims=True)


class SquaredError(BaseLoss):
    r"""Half the squared error, summed over the outputs, with the identity link.

    .. math:: \ell(z, y) = \tfrac{1}{2} \sum_k (z_k - y_k)^2

    Examples
    --------
    >>> import numpy as np
    >>> SquaredError().per_sample(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([2.])
    """

    link_name = "identity"

    def per_sample(self, scores, targets):
        return 0.5 * np.square(scores - targets).sum(axis=-1)

    def gradient(self, scores, targets):
        return scores - targets

    def compiled_calls(self, scores, targets, delta, new, left=None):
        calls = [[partial(np.subtract, z, targets, delta)] for z in scores]
        return [], self.with_losses(calls, scores, targets, left)


class AbsoluteError(BaseLoss):
    r"""Absolute error, summed over the outputs, with the identity link.

    .. math:: \ell(z, y) = \sum_k |z_k - y_k|

    What it predicts is a median: a few targets that are far off do not move it. Its gradient is as
    long near the end as at the beginning, so let the learning rate fall.

    References
    ----------
    R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> AbsoluteError().per_sample(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([2.])
    """

    link_name = "identity"

    def per_sample(self, scores, targets):
        return np.abs(scores - targets).sum(axis=-1)

    def gradient(self, scores, targets):
        return np.sign(scores - targets)

    def best_constant(self, targets, sample_weight=None):
        return balanced_constant(self, targets, sample_weight)

    def compiled_calls(self, scores, targets, delta, new, left=None):
        calls = [
            [partial(np.subtract, z, targets, delta), partial(np.sign, delta, delta)]
            for z in scores
        ]
        return [], self.with_losses(calls, scores, targets, left)


def balanced_constant(loss, targets, sample_weight):
    """Find by bisection, for each output, the prediction at which the gradients cancel."""
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    low, high = targets.min(axis=0).astype(np.float64), targets.max(axis=0).astype(np.float64)
    for _ in range(60):  # as many digits as there are
        middle = low + (high - low) / 2
        too_low = weights @ loss.gradient(middle, targets) < 0
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return high


class Huber(BaseLoss):
    r"""Squared error near the target and absolute error far from it, with the identity link.

    .. math::
        \ell(z, y) = \sum_k c_k \left( |z_k - y_k| - \tfrac{1}{2} c_k \right), \qquad
        c_k = \min(|z_k - y_k|, \delta)

    which is :math:`\tfrac{1}{2} (z - y)^2` up to :math:`|z - y| = \delta`, and a straight line of
    the slope :math:`\delta` from there on.

    Parameters
    ----------
    delta : float, default=1.0
        Errors beyond it count by their size only; in the unit of y.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35,
    1964.

    Examples
    --------
    >>> import numpy as np
    >>> Huber(delta=1.0).per_sample(np.array([[0.5], [3.0]]), np.array([[0.0], [0.0]]))
    array([0.125, 2.5  ])
    """

    link_name = "identity"

    def __init__(self, delta=1.0):
        self.delta = delta

    def check_settings(self):
        check_number(self.delta, "delta", above=0)

    def per_sample(self, scores, targets):
        error = np.abs(scores - targets)
        close = np.minimum(error, float(self.delta))
        return (close * (error - 0.5 * close)).sum(axis=-1)

    def gradient(self, scores, targets):
        return np.clip(scores - targets, -float(self.delta), float(self.delta))

    def best_constant(self, targets, sample_weight=None):
        return balanced_constant(self, targets, sample_weight)

    def compiled_calls(self, scores, targets, delta, new, left=None):
        most, least = (new(delta.shape, sign * float(self.delta)) for sign in (1, -1))
        calls = [
            [
                partial(np.subtract, z, targets, delta),
                partial(np.minimum, delta, most, out=delta),
                partial(np.maximum, delta, least, out=delta),
            ]
            for z in scores
        ]
        return [], self.with_losses(calls, scores, targets, left)


class Poisson(BaseLoss):
    r"""Half the Poisson deviance, summed over the outputs, with the exponential as link.

    .. math:: \ell(z, y) = \sum_k e^{z_k} - y_k z_k + y_k \log y_k - y_k

    For counts and rates: predictions are never negative, and an error counts relative to the
    square root of what is expected. The loss is 0 where :math:`e^z = y`.

    References
    ----------
    P. McCullagh and J. A. Nelder, "Generalized linear models", Chapman and Hall, 1989, chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> Poisson().per_sample(np.log([[3.0], [3.0]]), np.array([[1.0], [0.0]])).round(4)
    array([0.9014, 3.    ])
    """

    link_name = "exp"
    positive_only = True

    def prepare_targets(self, targets, whole=True):
        if whole and not targets.any(axis=0).all():
            raise ValueError(
                f"y, or a column of it, is 0 for all samples, and loss={self!r} cannot predict 0, "
                "only come near it for ever; look at how the data was split or filtered"
            )
        return super().prepare_targets(targets, whole)

    def per_sample(self, scores, targets):
        at_best = targets - xlogy(targets, targets)
        return (np.exp(scores) - targets * scores - at_best).sum(axis=-1)

    def gradient(self, scores, targets):
        return np.exp(scores) - targets

    def compiled_calls(self, scores, targets, delta, new, left=None):
        calls = [
            [partial(np.exp, z, delta), partial(np.subtract, delta, targets, delta)] for z in scores
        ]
        return [], self.with_losses(calls, scores, targets, left)


def finite_log(x):
    """Take the logarithm; that of 0, which no score reaches, as if it were a millionth."""
    return np.log(np.where(x > 0, x, 1e-6))


def log_odds(probabilities):
    """Return the scores whose logistic link are these probabilities."""
    return finite_log(probabilities) - finite_log(1 - probabilities)


# How scores become predictions and logarithms of probabilities, and how predictions become scores.
LINKS = {"identity": np.asarray, "exp": np.exp, "logistic": expit, "softmax": softmax}
LOG_LINKS = {"logistic": log_expit, "softmax": partial(log_softmax, axis=-1)}
INVERSE_LINKS = {
    "identity": np.asarray,
    "exp": finite_log,
    "logistic": log_odds,
    "softmax": finite_log,
}

# What targets can be, and the links that are for them.
LINKS_FOR = {
    "numbers": ("identity", "exp"),
    "two classes": ("logistic",),
    "several labels": ("logistic",),
    "several classes": ("softmax",),
}

LOSSES = {
    "cross_entropy": CrossEntropy(),  # one of the next two, as the targets are
    "binary_cross_entropy": BinaryCrossEntropy(),
    "multinomial_cross_entropy": MultinomialCrossEntropy(),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "poisson": Poisson(),
}


def resolve_loss(loss, targets):
    """Turn a name or an object into a loss for targets of some kind.

    Parameters
    ----------
    loss : str or BaseLoss
        A name of ``LOSSES``, or an object. "auto" is the cross-entropy for classes and labels, and
        the squared error for numbers.
    targets : str
        "numbers", "two classes", "several classes" or "several labels".

    Returns
    -------
    BaseLoss
        What the name stands for or the object that was given, as it is for such targets.

    Raises
    ------
    ValueError
        If the name is not known, a setting of the object is out of range, or the loss does not fit
        the targets.
    TypeError
        If the object is neither a name nor a loss, or a setting is of a wrong type.

    Examples
    --------
    >>> resolve_loss(CrossEntropy(label_smoothing=0.1), "several classes")
    MultinomialCrossEntropy(label_smoothing=0.1)
    >>> resolve_loss("huber", "two classes")
    Traceback (most recent call last):
    ...
    ValueError: loss='huber' is not for two classes; give 'auto', 'cross_entropy',
    'binary_cross_entropy', or your own Loss(per_sample, gradient, link_name='logistic')
    """
    links = LINKS_FOR[targets]
    if isinstance(loss, str):
        automatic = LOSSES["squared_error" if targets == "numbers" else "cross_entropy"]
        resolved = look_up(loss, {"auto": automatic, **LOSSES}, "loss")
    else:
        resolved = checked(loss)
    suited = resolved.suited(links)
    if suited is None:
        names = ["auto", *(name for name, entry in LOSSES.items() if entry.suited(links))]
        raise ValueError(
            f"loss={loss!r} is not for {targets}; give {', '.join(map(repr, names))}, or your own "
            f"Loss(per_sample, gradient, link_name={links[0]!r})"
        )
    return suited


def checked(loss):
    """Refuse what is not a loss, or has settings that cannot be used."""
    refuse_class(loss, "loss")
    functions = [getattr(loss, name, None) for name in ("per_sample", "gradient")]
    if not isinstance(loss, BaseLoss) or not all(map(callable, functions)):
        raise TypeError(
            f"loss={loss!r} is not a loss; give a name such as 'auto', an object such as "
            "Huber(delta=0.5), or your own Loss(per_sample, gradient)"
        )
    loss.check_settings()
    return loss


def baseline_loss(loss, targets, sample_weight=None):
    """Find the smallest mean loss that is possible without looking at X.

    Parameters
    ----------
    loss : BaseLoss
    targets : ndarray of shape (n_samples, n_outputs)
        As the loss has prepared them.
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    float

    Examples
    --------
    >>> targets = np.array([[0.0], [1.0]])
    >>> round(baseline_loss(LOSSES["binary_cross_entropy"], targets), 4)  # log 2
    0.6931
    """

    def guess(scores):
        same = np.broadcast_to(scores, targets.shape)
        losses, slopes = loss.per_sample(same, targets), loss.gradient(same, targets)
        return np.average(losses, weights=sample_weight), np.average(slopes, 0, sample_weight)

    with np.errstate(over="ignore"):
        begin = loss.best_constant(targets, sample_weight)  # which mostly is where it ends, too
        found = minimize(guess, begin, jac=True, method="L-BFGS-B")
    return float(found.fun)
