"""The estimators: a multilayer perceptron whose initialization is a hyperparameter.

A classifier and a regressor differ in how targets are encoded before training, and in how raw
predictions become predictions.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target

from skinit._support import Array, MatrixLike, RandomStateLike
from skinit.activations import ActivationLike
from skinit.estimators.base import BaseInitMLP, takes_steps
from skinit.estimators.targets import ClassTargets, NumberTargets
from skinit.initializers import InitLike
from skinit.losses import LossLike, resolve_loss
from skinit.schedules import ScheduleLike
from skinit.solvers import SolverLike

__all__ = ["InitMLPClassifier", "InitMLPRegressor"]


class InitMLPClassifier(ClassifierMixin, BaseInitMLP):
    """A multilayer perceptron for classification, with its initialization as a hyperparameter.

    The defaults are the classic experiment of the initialization tutorials: ReLU layers of 10 and
    5 units, He initialization, 15,000 iterations of full-batch gradient descent on the
    cross-entropy.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(10, 5)
        Units of each hidden layer; ``()`` is logistic regression.
    init : str, Initializer, callable or sequence of these, default="he"
        The initializer of weights and biases: a name of ``INITIALIZERS`` (``skinit list`` shows
        them), an object with parameters, such as ``He(gain=0.5)``, or a function
        ``(layer, rng) -> (W, b)``. A sequence has one entry for each layer, the output layer
        included.
    activation : str, BaseActivation or sequence of these, default="relu"
        Activation of the hidden units: a name of ``ACTIVATIONS``, an object such as
        ``LeakyReLU(negative_slope=0.1)``, or ``Activation(value, slope)`` of two functions. A
        sequence has one entry for each hidden layer.
    solver : str or BaseSolver, default="gd"
        A name of ``SOLVERS``, or an object with parameters, such as ``SGD(momentum=0.5)``.
    learning_rate : float or BaseSchedule, default=0.01
        A number, or a schedule by which the learning rate changes, such as
        ``CosineDecay(0.01, warm_up=10)``.
    max_iter : int, default=15000
        Number of iterations. With minibatches, an iteration is an epoch.
    batch_size : int or None, default=None
        Number of samples in a minibatch. None is all samples for "gd" and "lbfgs", and 200 for
        solvers that take minibatches.
    alpha : float, default=0.0
        Strength of the L2 penalty, as in scikit-learn: half of `alpha` times the squared norm of
        all weights, divided by the number of samples, is added to the loss.
    dropout : float or sequence of float, default=0.0
        Share of the hidden units that are dropped in a training step, drawn anew for each sample; a
        sequence has one entry for each hidden layer. Predictions use all units.
    loss : str or BaseLoss, default="auto"
        "auto" and "cross_entropy" are the cross-entropy of two or more classes, or of labels.
        ``CrossEntropy(label_smoothing=0.1)`` smooths the labels, and
        ``Loss(per_sample, gradient, link_name="logistic")`` is a loss of two functions.
    tol : float or None, default=None
        By how much the loss or the validation score must improve to count as progress. Training
        stops after more than `n_iter_no_change` iterations without progress. With None it continues
        to `max_iter`; with None and `early_stopping`, any improvement is progress. For "lbfgs",
        which also stops by itself, it is the tolerance of the largest component of the gradient.
    n_iter_no_change : int, default=10
        Number of iterations without progress that are tolerated.
    early_stopping : bool, default=False
        Whether progress is measured by the score on validation samples, which are held out or given
        to `fit`. The weights of the best score are kept.
    validation_fraction : float, default=0.1
        Share of the samples to hold out for `early_stopping`, stratified by class.
    scoring : str or callable, default=None
        The scorer for the validation samples, as in `sklearn.model_selection.cross_validate`; None
        is the method `score` of the estimator.
    class_weight : dict, list of dict or "balanced", default=None
        Weights of the classes, by which the sample weights are multiplied; "balanced" gives all
        classes the same total weight. As in `sklearn.utils.class_weight.compute_sample_weight`.
    shuffle : bool, default=True
        Whether the samples are shuffled before each epoch, where there are minibatches.
    warm_start : bool, default=False
        Whether `fit` continues where the last one has ended, for `max_iter` more iterations.
    random_state : int, RandomState instance or None, default=None
        Determines the validation split, the initial weights and the order of the samples; with an
        int, every fit is the same.
    verbose : bool, default=False
        Whether to print the cost about 15 times.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels; for multilabel targets the column numbers.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights, layer by layer.
    intercepts_ : list of ndarray of shape (fan_out,)
        Biases, layer by layer.
    initial_coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights before training.
    initial_intercepts_ : list of ndarray of shape (fan_out,)
        Biases before training.
    init_resolved_ : list of str
        How each layer was initialized.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Mean loss before each step, with the penalty; the first is the initial loss. The
        cross-entropy is in nats, and summed over labels. With minibatches, the mean over an epoch,
        of each batch before its step.
    loss_ : float
        Mean loss of the weights that are kept, over all training samples, with the penalty.
    best_loss_ : float
        The smallest of ``loss_curve_`` and ``loss_``.
    n_iter_ : int
        Number of steps taken.
    validation_scores_ : ndarray of shape (`n_iter_`,) or None
        Score on the validation samples after each step, with `early_stopping`.
    best_validation_score_ : float or None
        The highest of these scores, with `early_stopping`: that of the weights that are kept.
    n_layers_ : int
        Number of layers, the input layer included.
    n_outputs_ : int
        Number of outputs of the network: 1 for two classes.
    n_parameters_ : int
        Number of weights and biases.
    out_activation_ : str
        "logistic" or "softmax".
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had any that are all strings.

    See Also
    --------
    InitMLPRegressor : The same for numbers.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X_train, y_train, X_test, y_test = load_circles()
    >>> model = InitMLPClassifier(init="he", random_state=3).fit(X_train, y_train)
    >>> print(f"{model.loss_curve_[0]:.5f} {model.score(X_test, y_test):.0%}")
    0.88305 96%
    """

    classes_: Array
    _multilabel: bool

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (10, 5),
        *,
        init: InitLike = "he",
        activation: ActivationLike | Sequence[ActivationLike] = "relu",
        solver: SolverLike = "gd",
        learning_rate: ScheduleLike = 0.01,
        max_iter: int = 15000,
        batch_size: int | None = None,
        alpha: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        loss: LossLike = "auto",
        tol: float | None = None,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: str | Callable[..., float] | None = None,
        class_weight: dict[Any, float] | list[dict[Any, float]] | str | None = None,
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: RandomStateLike = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            init=init,
            activation=activation,
            solver=solver,
            learning_rate=learning_rate,
            max_iter=max_iter,
            batch_size=batch_size,
            alpha=alpha,
            dropout=dropout,
            loss=loss,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            scoring=scoring,
            shuffle=shuffle,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @available_if(takes_steps)
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one iteration on these samples; the first call draws the initial weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All classes that y will ever hold; required in the first call, unless y is multilabel.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError, DivergedError
            As `fit`.

        Examples
        --------
        >>> from skinit import InitMLPClassifier, load_circles
        >>> X, y, _, _ = load_circles()
        >>> model = InitMLPClassifier(solver="adam", random_state=0)
        >>> for _ in range(20):
        ...     model = model.partial_fit(X, y, classes=[0, 1])
        >>> whole = InitMLPClassifier(solver="adam", max_iter=20, random_state=0).fit(X, y)
        >>> bool((model.coefs_[0] == whole.coefs_[0]).all())
        True
        """
        if "coefs_" not in vars(self):
            if type_of_target(y) == "multilabel-indicator":
                classes = None
            elif classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit, as y need not hold "
                    "all of them; for example classes=np.unique(y_of_all_samples)"
                )
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes={list(classes)} is not the same as on the last call to partial_fit, "
                f"which was {self.classes_.tolist()}; leave it out"
            )
        return self._partial_fit(X, y, sample_weight, classes)

    @property
    def _targets(self) -> ClassTargets:
        return ClassTargets(self.classes_, self._multilabel)

    def decision_function(self, X: MatrixLike) -> Array:
        """Return the raw predictions of the network: the logits of the probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes, positive where the second one is the more probable.
        """
        raw = self._raw_predictions(X)
        return raw[:, 0] if self._targets.is_binary else raw

    def predict(self, X: MatrixLike) -> Array:
        """Predict the class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Classes, or an indicator matrix for multilabel targets.
        """
        raw, targets = self._raw_predictions(X), self._targets
        if targets.multilabel:
            return (raw > 0).astype(int)
        codes = (raw[:, 0] > 0).astype(int) if targets.is_binary else raw.argmax(axis=1)
        return self.classes_[codes]

    def predict_proba(self, X: MatrixLike) -> Array:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``.
        """
        return self._predict_by(lambda loss, raw: loss.link(self._class_logits(raw)), X)

    def predict_log_proba(self, X: MatrixLike) -> Array:
        """Predict the logarithm of the probability of each class.

        It is computed from the logits and stays exact where a probability rounds to zero.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``.
        """
        return self._predict_by(lambda loss, raw: loss.log_link(self._class_logits(raw)), X)

    def _class_logits(self, raw: Array) -> Array:
        """Return one column for each class: of two classes, the first has minus the logit."""
        return np.hstack([-raw, raw]) if self._targets.is_binary else raw

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class InitMLPRegressor(RegressorMixin, BaseInitMLP):
    """A multilayer perceptron for regression, with its initialization as a hyperparameter.

    Gradient descent on half the mean squared error, or on another `loss`. Standardize the targets
    as well as the features, for example by ``sklearn.compose.TransformedTargetRegressor``; but not
    with ``loss="poisson"``, which takes counts as they are.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(10, 5)
        Units of each hidden layer; ``()`` is linear regression.
    init : str, Initializer, callable or sequence of these, default="he"
        The initializer of weights and biases: a name of ``INITIALIZERS`` (``skinit list`` shows
        them), an object with parameters, such as ``He(gain=0.5)``, or a function
        ``(layer, rng) -> (W, b)``. A sequence has one entry for each layer, the output layer
        included.
    activation : str, BaseActivation or sequence of these, default="relu"
        Activation of the hidden units: a name of ``ACTIVATIONS``, an object such as
        ``LeakyReLU(negative_slope=0.1)``, or ``Activation(value, slope)`` of two functions. A
        sequence has one entry for each hidden layer.
    solver : str or BaseSolver, default="gd"
        A name of ``SOLVERS``, or an object with parameters, such as ``SGD(momentum=0.5)``.
    learning_rate : float or BaseSchedule, default=0.01
        A number, or a schedule by which the learning rate changes, such as
        ``CosineDecay(0.01, warm_up=10)``.
    max_iter : int, default=15000
        Number of iterations. With minibatches, an iteration is an epoch.
    batch_size : int or None, default=None
        Number of samples in a minibatch. None is all samples for "gd" and "lbfgs", and 200 for
        solvers that take minibatches.
    alpha : float, default=0.0
        Strength of the L2 penalty, as in scikit-learn: half of `alpha` times the squared norm of
        all weights, divided by the number of samples, is added to the loss.
    dropout : float or sequence of float, default=0.0
        Share of the hidden units that are dropped in a training step, drawn anew for each sample; a
        sequence has one entry for each hidden layer. Predictions use all units.
    loss : str or BaseLoss, default="auto"
        "squared_error", which is "auto", "absolute_error", "huber" or "poisson"; an object with
        parameters, such as ``Huber(delta=0.5)``; or ``Loss(per_sample, gradient)`` of two
        functions.
    tol : float or None, default=None
        By how much the loss or the validation score must improve to count as progress. Training
        stops after more than `n_iter_no_change` iterations without progress. With None it continues
        to `max_iter`; with None and `early_stopping`, any improvement is progress. For "lbfgs",
        which also stops by itself, it is the tolerance of the largest component of the gradient.
    n_iter_no_change : int, default=10
        Number of iterations without progress that are tolerated.
    early_stopping : bool, default=False
        Whether progress is measured by the score on validation samples, which are held out or given
        to `fit`. The weights of the best score are kept.
    validation_fraction : float, default=0.1
        Share of the samples to hold out for `early_stopping`.
    scoring : str or callable, default=None
        The scorer for the validation samples, as in `sklearn.model_selection.cross_validate`; None
        is the method `score` of the estimator.
    shuffle : bool, default=True
        Whether the samples are shuffled before each epoch, where there are minibatches.
    warm_start : bool, default=False
        Whether `fit` continues where the last one has ended, for `max_iter` more iterations.
    random_state : int, RandomState instance or None, default=None
        Determines the validation split, the initial weights and the order of the samples; with an
        int, every fit is the same.
    verbose : bool, default=False
        Whether to print the cost about 15 times.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights, layer by layer.
    intercepts_ : list of ndarray of shape (fan_out,)
        Biases, layer by layer.
    initial_coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights before training.
    initial_intercepts_ : list of ndarray of shape (fan_out,)
        Biases before training.
    init_resolved_ : list of str
        How each layer was initialized.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Mean loss before each step, summed over outputs, with the penalty; the first is the initial
        loss. The absolute error and half the Poisson deviance are in the unit of y, half the
        squared error and Huber's loss in its square. With minibatches, the mean over an epoch, of
        each batch before its step.
    loss_ : float
        Mean loss of the weights that are kept, over all training samples, with the penalty.
    best_loss_ : float
        The smallest of ``loss_curve_`` and ``loss_``.
    n_iter_ : int
        Number of steps taken.
    validation_scores_ : ndarray of shape (`n_iter_`,) or None
        Score on the validation samples after each step, with `early_stopping`.
    best_validation_score_ : float or None
        The highest of these scores, with `early_stopping`: that of the weights that are kept.
    n_layers_ : int
        Number of layers, the input layer included.
    n_outputs_ : int
        Number of outputs.
    n_parameters_ : int
        Number of weights and biases.
    out_activation_ : str
        "identity", or "exp" with ``loss="poisson"``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had any that are all strings.

    See Also
    --------
    InitMLPClassifier : The same for classes.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit import InitMLPRegressor
    >>> X = np.linspace(-2, 2, 50).reshape(-1, 1)
    >>> model = InitMLPRegressor(20, activation="tanh", init="lecun", random_state=0)
    >>> print(f"{model.fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])):.2f}")
    1.00
    """

    _one_column: bool

    @property
    def _targets(self) -> NumberTargets:
        return NumberTargets(self._one_column)

    def predict(self, X: MatrixLike) -> Array:
        """Predict the target of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Of the same number of dimensions as y in `fit`.
        """
        predictions = self._predict_by(lambda loss, raw: loss.link(raw), X)
        return predictions[:, 0] if self._one_column else predictions

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        with suppress(TypeError, ValueError):  # `fit` raises the error
            loss = resolve_loss(self.loss, NumberTargets.kind)
            tags.target_tags.positive_only = loss.positive_only
        return tags
