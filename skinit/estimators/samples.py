"""The samples of a fit: validated, encoded, weighted, and split before anything is drawn."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import validate_data

from skinit._support import Array
from skinit.core import TrainingData
from skinit.estimators.options import FitOptions
from skinit.estimators.settings import Settings
from skinit.estimators.targets import ClassTargets, NumberTargets
from skinit.losses import BaseLoss, resolve_loss

__all__ = ["Samples", "ValidationData", "check_sample_weight", "check_validation", "read_samples"]


@dataclass(frozen=True)
class ValidationData:
    """Samples to validate on, with targets as the user gave them.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, ...)
    sample_weight : ndarray of shape (n_samples,) or None
        Weights without those of the classes.
    """

    X: Any
    y: Array
    sample_weight: Array | None


@dataclass(frozen=True)
class Samples:
    """Validated samples, and what was derived from them.

    Parameters
    ----------
    train : TrainingData
    validation : ValidationData or None
    weight_scale : float
        Factor by which the sample weights in `train` have been multiplied.
    targets : ClassTargets or NumberTargets
    loss : BaseLoss
        For these targets.
    attributes : dict
        What a fitted estimator stores of the samples: names and number of features, classes.
    """

    train: TrainingData
    validation: ValidationData | None
    weight_scale: float
    targets: ClassTargets | NumberTargets
    loss: BaseLoss
    attributes: dict[str, Any]


def read_samples(
    estimator: Any, X: Any, y: Any, sample_weight: Any, settings: Settings, options: FitOptions
) -> Samples:
    """Validate samples, encode their targets, and split off those to validate on.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        A copy: number and names of the features are stored on it.
    X, y, sample_weight
        As in ``fit``.
    settings : Settings
    options : FitOptions

    Returns
    -------
    Samples

    Raises
    ------
    ValueError, TypeError
        If the samples cannot be used.
    """
    X, y = validate(
        estimator,
        X,
        y,
        dtype=estimator.coefs_[0].dtype if options.resume else [np.float64, np.float32],
        reset=not options.resume,
        ensure_min_samples=1 if options.partial else 2,
    )
    if options.resume:
        targets = estimator._targets
    else:
        learn = ClassTargets.learn if is_classifier(estimator) else NumberTargets.learn
        targets = learn(y if options.classes is None else np.asarray(options.classes))
    encoded = targets.encode(y, X.dtype)
    own_weight, total_weight, scale = read_weights(estimator, sample_weight, X, y)
    data = TrainingData(X, encoded, total_weight)
    if total_weight is not None and not (total_weight > 0).all():
        # A sample without weight is left out, so that its loss cannot overflow.
        present = total_weight > 0
        data, y = data.rows(present), y[present]
        own_weight = None if own_weight is None else own_weight[present]
    loss = resolve_loss(estimator.loss, targets.kind)
    data = replace(data, targets=loss.prepare_targets(data.targets, whole=not options.partial))
    samples = Samples(data, None, scale, targets, loss, attributes_of(estimator, targets))
    if not settings.early_stopping:
        return samples
    if options.validation[0] is not None:
        validation = read_validation(estimator, options.validation, samples)
        return replace(samples, validation=validation)
    return hold_out(estimator, samples, y, own_weight, settings, options)


def validate(estimator: Any, X: Any, y: Any, **settings: Any) -> tuple[Any, Array]:
    """Call scikit-learn's ``validate_data`` with the settings that every network needs."""
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        # One memory order, so that rounding does not depend on how X happens to be stored.
        order="C",
        multi_output=True,
        y_numeric=not is_classifier(estimator),
        **settings,
    )
    return X, y.toarray() if issparse(y) else y


def attributes_of(estimator: Any, targets: ClassTargets | NumberTargets) -> dict[str, Any]:
    """List what a fitted estimator stores of its samples."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "n_features_in_": estimator.n_features_in_,
        "feature_names_in_": names,
        **targets.attributes(),
    }


def read_weights(
    estimator: Any, sample_weight: Any, X: Any, y: Array
) -> tuple[Array | None, Array | None, float]:
    """Return sample weights without and with class weights, and the factor in the latter.

    None stands for a weight of one for each sample.
    """
    own_weight = total_weight = None
    if sample_weight is not None:
        own_weight, scale = check_sample_weight(sample_weight, X)
        total_weight = own_weight.astype(np.float64) / scale
    class_weight = getattr(estimator, "class_weight", None)
    if class_weight is not None:
        by_class = compute_sample_weight(class_weight, y)
        total_weight = by_class if total_weight is None else total_weight * by_class
    if total_weight is None:
        return None, None, 1.0
    return own_weight, *check_sample_weight(total_weight, X)


def check_sample_weight(
    sample_weight: Any, X: Any, name: str = "sample_weight"
) -> tuple[Array, float]:
    """Return the weights as an array of the dtype of X, and what they have been multiplied by."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    sample_weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name)
    if sample_weight.shape not in ((X.shape[0],), (X.shape[0], 1)):
        raise ValueError(
            f"{name} of shape {sample_weight.shape} must hold one number for each of the "
            f"{X.shape[0]} samples of X"
        )
    sample_weight = sample_weight.ravel()
    if (sample_weight < 0).any() or not sample_weight.any():
        raise ValueError(
            f"{name} must hold no negative value and at least one above zero; got values "
            f"from {sample_weight.min()} to {sample_weight.max()}"
        )
    # Scaling by a power of two is exact, and prevents overflow in sums and in float32.
    _, exponent = np.frexp(sample_weight.max())
    return np.ldexp(sample_weight, -exponent).astype(X.dtype), float(np.ldexp(1.0, -exponent))


def check_validation(validation: tuple[Any, Any, Any], early_stopping: bool) -> None:
    """Refuse validation samples that are not complete, or that would not be used."""
    given = [part is not None for part in validation]
    if given in ([False] * 3, [True, True, False], [True] * 3) and (
        early_stopping or not any(given)
    ):
        return
    names = ("X_val", "y_val", "sample_weight_val")
    found = ", ".join(
        f"{name} {'given' if is_given else 'absent'}"
        for name, is_given in zip(names, given, strict=True)
    )
    raise ValueError(
        "X_val and y_val go together, sample_weight_val goes with them, and all with "
        f"early_stopping=True; got early_stopping={early_stopping}, {found}"
    )


def read_validation(estimator: Any, validation: tuple, samples: Samples) -> ValidationData:
    """Validate the samples that the user gave to validate on."""
    X, y, sample_weight = validation
    X, y = validate(estimator, X, y, dtype=samples.train.X.dtype, reset=False)
    # Raises an error if they are no targets of this network.
    samples.loss.prepare_targets(samples.targets.encode(y, X.dtype), whole=False)
    if sample_weight is not None:
        sample_weight, _ = check_sample_weight(sample_weight, X, "sample_weight_val")
    return ValidationData(X, y, sample_weight)


def hold_out(
    estimator: Any,
    samples: Samples,
    y: Array,
    sample_weight: Array | None,
    settings: Settings,
    options: FitOptions,
) -> Samples:
    """Split off a part of the samples to validate on; a resumed fit keeps the split it had."""
    strata = samples.targets.strata(y)
    split = getattr(estimator, "_split", None) if options.resume else None
    if split is None or sum(map(len, split)) != len(y):
        split = draw_split(len(y), strata, settings.validation_fraction, options.rng)
    rows, held_out = split
    if strata is not None and len(np.unique(y[rows])) < len(np.unique(y)):
        raise ValueError(
            f"validation_fraction={settings.validation_fraction} leaves a class without a sample "
            "to train on; make it smaller, or give X_val and y_val to fit"
        )
    weight = None if sample_weight is None else sample_weight[held_out]
    return replace(
        samples,
        train=samples.train.rows(rows),
        validation=ValidationData(samples.train.X[held_out], y[held_out], weight),
        attributes={**samples.attributes, "_split": split},
    )


def draw_split(
    n_samples: int, strata: Array | None, fraction: float, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Draw which samples are trained on, and which are held out."""
    try:
        rows, held_out = train_test_split(
            np.arange(n_samples), random_state=rng, test_size=fraction, stratify=strata
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping cannot hold out validation_fraction={fraction} of these {n_samples} "
            f"samples, from each class alike: {error} Change it, or give X_val and y_val to fit"
        ) from error
    return rows, held_out
