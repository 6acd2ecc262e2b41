"""Losses of raw predictions: the link, the loss and its gradient together in one object.

*Raw predictions* are the outputs of the last layer before the link: logits for a classifier, the
predictions or their logarithms for a regressor. All methods take raw predictions, called `raw`, and
targets, both of shape (..., n_samples, n_outputs). Computed from raw predictions instead of
probabilities, a loss stays finite for confident and wrong predictions.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, xlogy
from sklearn.base import BaseEstimator

from skinit._support import Array, check_number, look_up, refuse_class

__all__ = [
    "LINKS",
    "LOSSES",
    "AbsoluteError",
    "BaseLoss",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Loss",
    "LossLike",
    "MultinomialCrossEntropy",
    "Poisson",
    "SquaredError",
    "baseline_loss",
    "resolve_loss",
]


# Callables without arguments, see `skinit.engine`.
Calls: TypeAlias = list[Any]
LossCalls: TypeAlias = tuple[Calls, list[Calls]]


class BaseLoss(BaseEstimator):
    """Base class of all losses: ``per_sample``, ``gradient`` and ``link``.

    A loss holds settings only; fitting does not change it. The raw predictions `raw` and the
    targets of all methods have the shape (..., n_samples, n_outputs); raw predictions are the
    outputs of the last layer before the link. Targets are as `prepare_targets` returned them.

    Attributes
    ----------
    link_name : str
        A name of ``LINKS``: how raw predictions become predictions. The names are scikit-learn's,
        as in ``out_activation_``. None if it depends on the targets.
    positive_only : bool
        Whether negative targets are invalid.

    Examples
    --------
    >>> import numpy as np
    >>> class LogCosh(BaseLoss):
    ...     link_name = "identity"
    ...
    ...     def per_sample(self, raw, targets):
    ...         return np.log(np.cosh(raw - targets)).sum(axis=-1)
    ...
    ...     def gradient(self, raw, targets):
    ...         return np.tanh(raw - targets)
    >>> LogCosh().gradient(np.array([[2.0]]), np.array([[1.0]])).round(4)
    array([[0.7616]])
    """

    link_name: Any = None
    positive_only = False

    def link(self, raw: Array) -> Array:
        """Turn raw predictions into predictions, probabilities or numbers, of the same shape."""
        return LINKS[self.link_name](raw)

    def log_link(self, raw: Array) -> Array:
        """Return the logarithm of probabilities, exact where they round to 0 (classifiers only)."""
        return LOG_LINKS[self.link_name](raw)

    def inverse_link(self, predictions: Array) -> Array:
        """Turn predictions into raw predictions, finite for probabilities of 0 and 1 too."""
        return INVERSE_LINKS[self.link_name](predictions)

    def best_constant(self, targets: Array, sample_weight: Array | None = None) -> Array:
        """Return the raw predictions that, predicted for all samples, have the lowest mean loss.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
        sample_weight : ndarray of shape (n_samples,) or None

        Returns
        -------
        ndarray of shape (n_outputs,)
            Unless a loss overrides it, the inverse link of the mean target: the mean, or the
            logarithm of a mean count, of odds or of class frequencies. A class without samples
            counts as half a sample, and so does a count that is always 0.
        """
        mean = np.average(targets.astype(np.float64), axis=0, weights=sample_weight)
        if self.link_name != "identity":
            # A class may be missing from the first batch, for example: it counts as half a sample.
            weights = np.ones(len(targets)) if sample_weight is None else sample_weight
            least = 0.5 / max(weights.sum(), np.count_nonzero(weights))
            mean = np.clip(mean, least, np.inf if self.link_name == "exp" else 1 - least)
        return self.inverse_link(mean)

    def per_sample(self, raw: Array, targets: Array) -> Array:
        """Compute the loss of each sample, of shape (..., n_samples)."""
        raise NotImplementedError

    def gradient(self, raw: Array, targets: Array) -> Array:
        """Differentiate `per_sample` with respect to `raw`; the result has the same shape."""
        raise NotImplementedError

    def prepare_targets(self, targets: Array, whole: bool = True) -> Array:
        """Transform the targets for all other methods.

        An estimator calls it once per fit, so that no iteration has to transform targets.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, n_outputs)
            Numbers, or zeros and ones; not changed in place.
        whole : bool, default=True
            Whether these are the targets of all samples, not of a part of them.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If the loss is not defined for these targets.
        """
        if self.positive_only and (targets < 0).any():
            raise ValueError(
                f"y must hold no negative value for loss={self!r}; got {targets.min()}. Choose "
                "another loss, such as 'squared_error'"
            )
        return targets

    def suited(self, links: Sequence[str]) -> "BaseLoss | None":
        """Return the loss for targets that need one of these links, or None if there is none."""
        return self if self.link_name in links else None

    def check_settings(self) -> None:
        """Raise a `ValueError` or a `TypeError` that names the invalid setting."""

    # `compiled_calls` takes raw predictions times `input_factor` and leaves derivatives times
    # `output_factor` and, per sample, the `n_loss_inputs` numbers that `compiled_losses` needs.
    input_factor = 1.0
    output_factor = 1.0
    n_loss_inputs = 1

    def compiled_calls(
        self,
        raw: Array,
        targets: Array,
        delta: Array,
        new: Callable[..., Array],
        loss_inputs: Array | None = None,
    ) -> LossCalls:
        """Bind the calls that compute the gradient in place, for `skinit.engine.compile`.

        Overriding this is optional: by default, the calls use `gradient` and `per_sample`.

        Parameters
        ----------
        raw : ndarray of shape (n_iterations, n_outputs, n_samples)
            Where each iteration finds its raw predictions, times `input_factor`; not changed.
        targets : ndarray of shape (n_outputs, n_samples)
            Their values may change between iterations.
        delta : ndarray of shape (n_outputs, n_samples)
            Receives the gradient, times `output_factor`.
        new : callable
            ``new(shape)`` allocates an array, ``new(shape, value)`` one that is constant.
        loss_inputs : ndarray of shape (n_iterations, n_loss_inputs, n_samples) or None
            Where each iteration leaves what `compiled_losses` needs; None if it is not needed.

        Returns
        -------
        on_new_targets : list of callables
            To be called before the first iteration, and whenever the values of the targets change.
        iterations : list of lists of callables
            One list for each iteration.
        """

        def to_gradient(z):
            gradient = self.gradient(z.T / self.input_factor, targets.T).T
            np.multiply(gradient, self.output_factor, out=delta)

        calls = [[partial(to_gradient, z)] for z in raw]
        return [], self.with_losses(calls, raw, targets, loss_inputs)

    def with_losses(
        self, calls: list[Calls], raw: Array, targets: Array, loss_inputs: Array | None
    ) -> list[Calls]:
        """Add a call to each iteration that leaves its losses, if they are needed."""
        if loss_inputs is None:
            return calls

        def to_losses(z, losses):
            losses[:] = self.per_sample(z.T / self.input_factor, targets.T)

        return [
            [*gradient_calls, partial(to_losses, z, losses)]
            for gradient_calls, z, (losses, *_) in zip(calls, raw, loss_inputs, strict=True)
        ]

    def compiled_losses(self, loss_inputs: Array) -> Array:
        """Compute the loss of each sample, of shape (n_iterations, n_samples)."""
        return loss_inputs[:, 0]


class Loss(BaseLoss):
    """A custom loss, given by its value and its gradient.

    Parameters
    ----------
    per_sample : callable
        ``per_sample(raw, targets)`` takes two arrays of shape (..., n_samples, n_outputs), of which
        the raw predictions may have more leading axes, and returns the loss of each sample, of
        shape (..., n_samples): sum over ``axis=-1``.
    gradient : callable
        ``gradient(raw, targets)``: the derivatives of `per_sample` with respect to the raw
        predictions, of the same shape. The estimator can be pickled if both functions are defined
        at the top level of a module, rather than as a ``lambda``.
    link_name : str, default="identity"
        How raw predictions become predictions: "identity" or "exp" for a regressor; for a
        classifier "logistic" for two classes or for labels, and "softmax" for more classes. The
        targets of a classifier are zeros and ones, with a column for each label, or for each of
        more than two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit import InitMLPRegressor, Loss
    >>> def log_cosh(raw, targets):
    ...     return np.log(np.cosh(raw - targets)).sum(axis=-1)
    >>> def log_cosh_gradient(raw, targets):
    ...     return np.tanh(raw - targets)
    >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> model = InitMLPRegressor((), loss=Loss(log_cosh, log_cosh_gradient), learning_rate=0.5)
    >>> model.fit(X, 3 * X[:, 0]).coefs_[0].round(2)
    array([[3.]])
    """

    def __init__(
        self,
        per_sample: Callable[[Array, Array], Array],
        gradient: Callable[[Array, Array], Array],
        link_name: str = "identity",
    ) -> None:
        self.per_sample = per_sample
        self.gradient = gradient
        self.link_name = link_name

    def check_settings(self) -> None:
        look_up(self.link_name, LINKS, "link_name")


class CrossEntropy(BaseLoss):
    r"""Cross-entropy of classes, binary or multinomial depending on the targets.

    For two classes, or for several labels, it becomes a `BinaryCrossEntropy`, for more classes a
    `MultinomialCrossEntropy`. Label smoothing makes the targets less certain: instead of
    probability 1 for the true one of K classes and 0 for the others, they are

    .. math:: y'_k = (1 - \epsilon) \, y_k + \epsilon / K

    where K is 2 for two classes, and for each of several labels. The targets are smoothed once,
    before training. Less confident networks generalize better where some labels are wrong. The
    minimum of the loss is no longer 0, but the entropy of y'.

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
    >>> proba = model.fit(X, y).predict_proba(X)  # the target of the true class is 0.9
    >>> round(float(np.median(proba.max(axis=1))), 1)
    0.9
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def check_settings(self) -> None:
        check_number(self.label_smoothing, "label_smoothing", low=0, below=1)

    def suited(self, links: Sequence[str]) -> "BaseLoss | None":
        if self.link_name is not None:
            return super().suited(links)
        for Variant in (BinaryCrossEntropy, MultinomialCrossEntropy):
            if Variant.link_name in links:
                return Variant(self.label_smoothing)
        return None

    def smoothed(self, targets: Array, n_classes: int) -> Array:
        """Distribute a share of the probability equally over all classes."""
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
    >>> raw, targets = np.array([[0.0], [1000.0]]), np.array([[1.0], [0.0]])
    >>> BinaryCrossEntropy().per_sample(raw, targets).round(4)
    array([6.931e-01, 1.000e+03])
    """

    link_name = "logistic"

    def prepare_targets(self, targets: Array, whole: bool = True) -> Array:
        return self.smoothed(targets, n_classes=2)

    def per_sample(self, raw: Array, targets: Array) -> Array:
        # The piecewise linear part is computed by itself: it is exactly 0 for confident and right
        # predictions, so that no digits of the rest cancel.
        linear = np.maximum(raw, 0) - targets * raw
        rest = np.abs(raw)
        for function in (np.negative, np.exp, np.log1p):
            function(rest, out=rest)
        return (linear + rest).sum(axis=-1)

    def gradient(self, raw: Array, targets: Array) -> Array:
        return expit(raw) - targets

    # p - y is half of tanh(z / 2) + 1 - 2 y, and tanh is several times as fast as expit. A p below
    # the rounding error of 1 is lost, but it would be lost in the sum over the samples too.
    input_factor = 0.5
    output_factor = 2.0

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None) -> LossCalls:
        signs = np.empty(targets.shape, targets.dtype)
        on_new_targets = [
            partial(np.multiply, targets, -2, signs),
            partial(np.add, signs, 1, signs),
        ]
        calls = [[partial(np.tanh, z, delta), partial(np.add, delta, signs, delta)] for z in raw]
        return on_new_targets, self.with_losses(calls, raw, targets, loss_inputs)


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
    >>> raw = np.array([[0.0, 0.0, 0.0], [1000.0, 0.0, 0.0]])
    >>> targets = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> MultinomialCrossEntropy().per_sample(raw, targets).round(4)
    array([   1.0986, 1000.    ])
    """

    link_name = "softmax"

    def prepare_targets(self, targets: Array, whole: bool = True) -> Array:
        return self.smoothed(targets, n_classes=targets.shape[-1])

    def per_sample(self, raw: Array, targets: Array) -> Array:
        shifted = below_largest(raw)
        with np.errstate(invalid="ignore"):
            of_targets = (targets * shifted).sum(axis=-1)
        if not np.isfinite(of_targets).all():
            # Minus infinity is a valid raw prediction for a class of target 0, but their product
            # is NaN.
            of_targets = (targets * np.where(targets > 0, shifted, 0)).sum(axis=-1)
        return np.log(np.exp(shifted).sum(axis=-1)) - of_targets

    def gradient(self, raw: Array, targets: Array) -> Array:
        return self.link(raw) - targets

    # For -z, the largest raw prediction is a minimum, and after ReLU the sign costs nothing.
    input_factor = -1.0
    n_loss_inputs = 2

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None) -> LossCalls:
        iterations = []
        totals = [new(raw.shape[2:])] * len(raw) if loss_inputs is None else loss_inputs[:, 1]
        smallest = new(raw.shape[2:])
        for k, (z, total) in enumerate(zip(raw, totals, strict=True)):
            calls = [
                partial(np.minimum.reduce, z, 0, None, smallest),
                partial(np.subtract, smallest, z, delta),
                partial(np.exp, delta, delta),
                partial(np.add.reduce, delta, 0, None, total),
                partial(np.divide, delta, total, delta),
                partial(np.subtract, delta, targets, delta),
            ]
            if loss_inputs is not None:
                calls.insert(
                    2, partial(np.einsum, "ij,ij->j", targets, delta, out=loss_inputs[k, 0])
                )
            iterations.append(calls)
        return [], iterations

    def compiled_losses(self, loss_inputs: Array) -> Array:
        # NaN if a raw prediction is minus infinity; then training falls back to `per_sample`.
        return np.log(loss_inputs[:, 1]) - loss_inputs[:, 0]


def softmax(raw: Array) -> Array:
    """Turn raw predictions into probabilities that sum to one."""
    exponentials = np.exp(below_largest(raw))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def below_largest(raw: Array) -> Array:
    """Shift the raw predictions of each sample so that the largest is 0: exp cannot overflow."""
    return raw - raw.max(axis=-1, keepdims=True)


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

    def per_sample(self, raw: Array, targets: Array) -> Array:
        return 0.5 * np.square(raw - targets).sum(axis=-1)

    def gradient(self, raw: Array, targets: Array) -> Array:
        return raw - targets

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None) -> LossCalls:
        calls = [[partial(np.subtract, z, targets, delta)] for z in raw]
        return [], self.with_losses(calls, raw, targets, loss_inputs)


class AbsoluteError(BaseLoss):
    r"""Absolute error, summed over the outputs, with the identity link.

    .. math:: \ell(z, y) = \sum_k |z_k - y_k|

    Its best prediction is a median, which a few outliers do not move. Its gradient does not become
    smaller near the minimum, so use a schedule that lowers the learning rate.

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

    def per_sample(self, raw: Array, targets: Array) -> Array:
        return np.abs(raw - targets).sum(axis=-1)

    def gradient(self, raw: Array, targets: Array) -> Array:
        return np.sign(raw - targets)

    def best_constant(self, targets: Array, sample_weight: Array | None = None) -> Array:
        return balanced_constant(self, targets, sample_weight)

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None) -> LossCalls:
        calls = [
            [partial(np.subtract, z, targets, delta), partial(np.sign, delta, delta)] for z in raw
        ]
        return [], self.with_losses(calls, raw, targets, loss_inputs)


def balanced_constant(loss: BaseLoss, targets: Array, sample_weight: Array | None) -> Array:
    """Find by bisection, for each output, the prediction at which the gradients sum to zero."""
    weights = np.ones(len(targets)) if sample_weight is None else sample_weight
    low, high = targets.min(axis=0).astype(np.float64), targets.max(axis=0).astype(np.float64)
    for _ in range(60):  # more bits than float64 has
        middle = low + (high - low) / 2
        too_low = weights @ loss.gradient(middle, targets) < 0
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return high


class Huber(BaseLoss):
    r"""Squared error near the target and absolute error far from it, with the identity link.

    .. math::
        \ell(z, y) = \sum_k c_k \left( |z_k - y_k| - \tfrac{1}{2} c_k \right), \qquad
        c_k = \min(|z_k - y_k|, \delta)

    which is :math:`\tfrac{1}{2} (z - y)^2` up to :math:`|z - y| = \delta`, and a line of slope
    :math:`\delta` beyond.

    Parameters
    ----------
    delta : float, default=1.0
        Errors beyond it count linearly; in the unit of y.

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

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    def check_settings(self) -> None:
        check_number(self.delta, "delta", above=0)

    def per_sample(self, raw: Array, targets: Array) -> Array:
        error = np.abs(raw - targets)
        close = np.minimum(error, float(self.delta))
        return (close * (error - 0.5 * close)).sum(axis=-1)

    def gradient(self, raw: Array, targets: Array) -> Array:
        return np.clip(raw - targets, -float(self.delta), float(self.delta))

    def best_constant(self, targets: Array, sample_weight: Array | None = None) -> Array:
        return balanced_constant(self, targets, sample_weight)

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None) -> LossCalls:
        most, least = (new(delta.shape, sign * float(self.delta)) for sign in (1, -1))
        calls = [
            [
                partial(np.subtract, z, targets, delta),
                partial(np.minimum, delta, most, out=delta),
                partial(np.maximum, delta, least, out=delta),
            ]
            for z in raw
        ]
        return [], self.with_losses(calls, raw, targets, loss_inputs)


class Poisson(BaseLoss):
    r"""Half the Poisson deviance, summed over the outputs, with the exponential link.

    .. math:: \ell(z, y) = \sum_k e^{z_k} - y_k z_k + y_k \log y_k - y_k

    For counts and rates: predictions are never negative, and errors are weighed relative to the
    square root of the prediction. The loss is 0 where :math:`e^z = y`.

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

    def prepare_targets(self, targets: Array, whole: bool = True) -> Array:
        if whole and not targets.any(axis=0).all():
            raise ValueError(
                f"y, or a column of it, is 0 for all samples, and loss={self!r} cannot predict "
                "exactly 0, so that training would not converge; check how the data was split or "
                "filtered"
            )
        return super().prepare_targets(targets, whole)

    def per_sample(self, raw: Array, targets: Array) -> Array:
        minimum = targets - xlogy(targets, targets)
        return (np.exp(raw) - targets * raw - minimum).sum(axis=-1)

    def gradient(self, raw: Array, targets: Array) -> Array:
        return np.exp(raw) - targets

    def compiled_calls(self, raw, targets, delta, new, loss_inputs=None) -> LossCalls:
        calls = [
            [partial(np.exp, z, delta), partial(np.subtract, delta, targets, delta)] for z in raw
        ]
        return [], self.with_losses(calls, raw, targets, loss_inputs)


def finite_log(x: Array) -> Array:
    """Return the logarithm, where 0 counts as a millionth to keep it finite."""
    return np.log(np.where(x > 0, x, 1e-6))


def log_odds(probabilities: Array) -> Array:
    """Return the raw predictions whose logistic link are these probabilities."""
    return finite_log(probabilities) - finite_log(1 - probabilities)


# From raw predictions to predictions and logarithms of probabilities, and from predictions to raw
# predictions.
LINKS = {"identity": np.asarray, "exp": np.exp, "logistic": expit, "softmax": softmax}
LOG_LINKS = {"logistic": log_expit, "softmax": partial(log_softmax, axis=-1)}
INVERSE_LINKS = {
    "identity": np.asarray,
    "exp": finite_log,
    "logistic": log_odds,
    "softmax": finite_log,
}

# The kinds of targets, and the links that fit them.
LINKS_FOR = {
    "numbers": ("identity", "exp"),
    "two classes": ("logistic",),
    "several labels": ("logistic",),
    "several classes": ("softmax",),
}

LOSSES = {
    "cross_entropy": CrossEntropy(),  # becomes one of the next two, depending on the targets
    "binary_cross_entropy": BinaryCrossEntropy(),
    "multinomial_cross_entropy": MultinomialCrossEntropy(),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "poisson": Poisson(),
}


LossLike: TypeAlias = str | BaseLoss


def resolve_loss(loss: LossLike, targets: str) -> BaseLoss:
    """Turn a name or an object into a loss for a kind of targets.

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
        The loss that the name stands for, or the given object, specialized to the targets.

    Raises
    ------
    ValueError
        If the name is not known, a setting of the object is out of range, or the loss does not fit
        the targets.
    TypeError
        If the object is neither a name nor a loss, or a setting has the wrong type.

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


def checked(loss: Any) -> BaseLoss:
    """Return the loss, or raise an error if it is not a loss or has an invalid setting."""
    refuse_class(loss, "loss")
    functions = [getattr(loss, name, None) for name in ("per_sample", "gradient")]
    if not isinstance(loss, BaseLoss) or not all(map(callable, functions)):
        raise TypeError(
            f"loss={loss!r} is not a loss; give a name such as 'auto', an object such as "
            "Huber(delta=0.5), or your own Loss(per_sample, gradient)"
        )
    loss.check_settings()
    return loss


def baseline_loss(loss: BaseLoss, targets: Array, sample_weight: Array | None = None) -> float:
    """Return the lowest mean loss of constant predictions, such as the class frequencies.

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

    def of_constant(raw):
        same = np.broadcast_to(raw, targets.shape)
        losses, slopes = loss.per_sample(same, targets), loss.gradient(same, targets)
        return np.average(losses, weights=sample_weight), np.average(slopes, 0, sample_weight)

    with np.errstate(over="ignore"):
        # For most losses, this is the minimum already.
        constant = loss.best_constant(targets, sample_weight)
        found = minimize(of_constant, constant, jac=True, method="L-BFGS-B")
    return float(found.fun)
