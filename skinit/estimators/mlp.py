"""The estimators: a multilayer perceptron whose start is a hyperparameter like any other.

What differs between a classifier and a regressor is how targets are encoded before training, and
how scores are read after it.
"""

from contextlib import suppress

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skinit.estimators.base import BaseInitMLP, takes_steps
from skinit.estimators.settings import (
    check_sample_weight,
)

__all__ = ["InitMLPClassifier", "InitMLPRegressor"]


class InitMLPClassifier(ClassifierMixin, BaseInitMLP):
    """A multilayer perceptron for classification, with its initialization as a hyperparameter.

    The defaults are the classic experiment of the initialization tutorials: ReLU layers of 10 and
    5 units, He's start, 15,000 iterations of full-batch gradient descent on the cross-entropy.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(10, 5)
        Units of each hidden layer; ``()`` is logistic regression.
    init : str, Initializer, callable or sequence of these, default="he"
        How weights and biases start: a name of ``INITIALIZERS`` (``skinit list`` shows them), an
        object with settings of its own, such as ``He(gain=0.5)``, or a function
        ``(layer, rng) -> (W, b)``. A sequence has one entry for each layer, the output layer
        included.
    activation : str, BaseActivation or sequence of these, default="relu"
        Of the hidden units: a name of ``ACTIVATIONS``, an object such as
        ``LeakyReLU(negative_slope=0.1)``, or your own ``Activation(value, slope)``. A sequence has
        one entry for each hidden layer.
    solver : str or BaseSolver, default="gd"
        A name of ``SOLVERS``, or an object with settings of its own, such as
        ``SGD(momentum=0.5)``.
    learning_rate : float or BaseSchedule, default=0.01
        Length of a step, relative to the gradient; or a schedule, such as
        ``CosineDecay(0.01, warm_up=10)``, of how it changes.
    max_iter : int, default=15000
        Number of iterations. With minibatches, an iteration is an epoch.
    batch_size : int or None, default=None
        How many samples a step looks at. None is all of them for "gd", and 200 for solvers that
        take minibatches.
    alpha : float, default=0.0
        Strength of the penalty on large weights: half of `alpha` times their squared norm,
        divided by the number of samples, as in scikit-learn.
    dropout : float or sequence of float, default=0.0
        Share of the hidden units that are silent in a step, drawn anew for each sample; a sequence
        has one entry for each hidden layer. To predict, all are there.
    loss : str or BaseLoss, default="auto"
        "auto" and "cross_entropy" are the cross-entropy of two or more classes, or of labels;
        ``CrossEntropy(label_smoothing=0.1)`` smooths it, and your own is
        ``Loss(per_sample, gradient, link_name="logistic")``.
    tol : float, default=None
        What an iteration must gain, in loss or validation score, to count as progress. Training
        stops when more than `n_iter_no_change` iterations have brought none. None goes on to
        `max_iter`, or with `early_stopping` takes any gain for progress. Of "lbfgs", which also
        stops by itself, it is what the largest component of the gradient comes below.
    n_iter_no_change : int, default=10
        How many iterations without progress are borne.
    early_stopping : bool, default=False
        Whether progress is that of the score on samples that are held out, or given to `fit`. The
        weights of the best score are kept.
    validation_fraction : float, default=0.1
        How many samples are held out, as a part of all; from each class alike.
    scoring : str or callable, default=None
        What scores the samples held out, as in `sklearn.model_selection.cross_validate`; None is
        the estimator's own `score`.
    class_weight : dict, list of dict or "balanced", default=None
        How much the samples of each class count, beside their own weights; "balanced" makes all
        classes count the same. As in `sklearn.utils.class_weight.compute_sample_weight`.
    shuffle : bool, default=True
        Whether each epoch takes the samples in a new order, where there are minibatches.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one has ended, for `max_iter` more iterations.
    random_state : int, RandomState instance or None, default=None
        What the start and the order of the samples are drawn from; with an int, every fit is the
        same.
    verbose : bool, default=False
        Whether to print the cost on some fifteen lines.

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
        What each layer was started with, spelt out.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Mean loss before each step, with the penalty; the first is that of the start. The
        cross-entropy is in nats, and summed over labels. With minibatches, the mean over an epoch,
        each batch before its own step.
    loss_ : float
        The same of the weights that are kept, over all samples.
    best_loss_ : float
        The smallest of all these.
    n_iter_ : int
        Number of steps taken.
    validation_scores_ : ndarray of shape (`n_iter_`,) or None
        Score of the samples held out after each step, with `early_stopping`.
    best_validation_score_ : float or None
        The highest of them, which is that of the weights that are kept.
    n_layers_ : int
        Number of layers, the inputs included.
    n_outputs_ : int
        Number of outputs: 1 for two classes.
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

    def __init__(
        self,
        hidden_layer_sizes=(10, 5),
        *,
        init="he",
        activation="relu",
        solver="gd",
        learning_rate=0.01,
        max_iter=15000,
        batch_size=None,
        alpha=0.0,
        dropout=0.0,
        loss="auto",
        tol=None,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        class_weight=None,
        shuffle=True,
        warm_start=False,
        random_state=None,
        verbose=False,
    ):
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
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go on for one iteration, with these samples; the first call draws the start.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All classes that there will be; needed in the first call, but not for multilabel y.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, DivergedError
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
        return self._take_one_step(X, y, sample_weight, classes)

    def _learn_targets(self, y):
        """Find out what the classes are."""
        kind = type_of_target(y)
        self._multilabel = kind == "multilabel-indicator"
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            return
        if kind not in ("binary", "multiclass", "multiclass-multioutput"):
            check_classification_targets(y)  # in scikit-learn's words
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y has several columns of several classes each; wrap the estimator in "
                "sklearn.multioutput.MultiOutputClassifier, or give one column of zeros and ones "
                "for each label"
            )
        self.classes_ = np.unique(column_or_1d(y, warn=True))
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class only ({self.classes_.tolist()[0]!r}), and a classifier needs two "
                "or more; look at how the data was split or filtered"
            )

    def _encode_targets(self, y, dtype):
        if self._multilabel:
            if np.ndim(y) != 2 or y.shape[1] != len(self.classes_) or not np.isin(y, (0, 1)).all():
                raise ValueError(
                    "y with several columns must hold zeros and ones, one column for each of the "
                    f"{len(self.classes_)} labels; got the values {np.unique(y)[:10].tolist()} and "
                    f"the shape {np.shape(y)}"
                )
            return np.ascontiguousarray(y, dtype=dtype)
        y = column_or_1d(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown) > 0:
            raise ValueError(
                f"y has the labels {unknown[:10].tolist()}, which are not among the classes "
                f"{self.classes_[:10].tolist()} that the model knows from its first fit"
            )
        codes = np.searchsorted(self.classes_, y)
        if len(self.classes_) == 2:
            return codes[:, np.newaxis].astype(dtype)
        return np.take(np.eye(len(self.classes_), dtype=dtype), codes, axis=1).T

    def _weigh(self, sample_weight, X, y):
        if self.class_weight is None:
            return sample_weight
        by_class = compute_sample_weight(self.class_weight, y)
        if sample_weight is None:
            return by_class
        sample_weight, scale = check_sample_weight(sample_weight, X)
        return sample_weight.astype(np.float64) / scale * by_class

    @property
    def _kind_of_targets(self):
        if self._multilabel:
            return "several labels"
        return "two classes" if self._is_binary else "several classes"

    def decision_function(self, X):
        """Return the scores, the logits of the probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            For two classes, positive where the second one is the more probable.
        """
        scores = self._scores(X)
        return scores[:, 0] if self._is_binary else scores

    @property
    def _is_binary(self):
        return len(self.classes_) == 2 and not self._multilabel

    def predict(self, X):
        """Predict the class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Classes, or an indicator matrix for multilabel targets.
        """
        scores = self._scores(X)
        if self._multilabel:
            return (scores > 0).astype(int)
        codes = (scores[:, 0] > 0).astype(int) if self._is_binary else scores.argmax(axis=1)
        return self.classes_[codes]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``.
        """
        return self._scores(X, lambda loss, scores: loss.link(self._both_sides(scores)))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        It is computed from the scores and stays exact where a probability rounds to zero.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``.
        """
        return self._scores(X, lambda loss, scores: loss.log_link(self._both_sides(scores)))

    def _both_sides(self, scores):
        """Return scores with one column for each class: two classes have mirrored logits."""
        return np.hstack([-scores, scores]) if self._is_binary else scores

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
        How weights and biases start: a name of ``INITIALIZERS`` (``skinit list`` shows them), an
        object with settings of its own, such as ``He(gain=0.5)``, or a function
        ``(layer, rng) -> (W, b)``. A sequence has one entry for each layer, the output layer
        included.
    activation : str, BaseActivation or sequence of these, default="relu"
        Of the hidden units: a name of ``ACTIVATIONS``, an object such as
        ``LeakyReLU(negative_slope=0.1)``, or your own ``Activation(value, slope)``. A sequence has
        one entry for each hidden layer.
    solver : str or BaseSolver, default="gd"
        A name of ``SOLVERS``, or an object with settings of its own, such as
        ``SGD(momentum=0.5)``.
    learning_rate : float or BaseSchedule, default=0.01
        Length of a step, relative to the gradient; or a schedule, such as
        ``CosineDecay(0.01, warm_up=10)``, of how it changes.
    max_iter : int, default=15000
        Number of iterations. With minibatches, an iteration is an epoch.
    batch_size : int or None, default=None
        How many samples a step looks at. None is all of them for "gd", and 200 for solvers that
        take minibatches.
    alpha : float, default=0.0
        Strength of the penalty on large weights: half of `alpha` times their squared norm,
        divided by the number of samples, as in scikit-learn.
    dropout : float or sequence of float, default=0.0
        Share of the hidden units that are silent in a step, drawn anew for each sample; a sequence
        has one entry for each hidden layer. To predict, all are there.
    loss : str or BaseLoss, default="auto"
        "squared_error", which is "auto", "absolute_error", "huber" or "poisson"; an object with
        settings of its own, such as ``Huber(delta=0.5)``; or your own
        ``Loss(per_sample, gradient)``.
    tol : float, default=None
        What an iteration must gain, in loss or validation score, to count as progress. Training
        stops when more than `n_iter_no_change` iterations have brought none. None goes on to
        `max_iter`, or with `early_stopping` takes any gain for progress. Of "lbfgs", which also
        stops by itself, it is what the largest component of the gradient comes below.
    n_iter_no_change : int, default=10
        How many iterations without progress are borne.
    early_stopping : bool, default=False
        Whether progress is that of the score on samples that are held out, or given to `fit`. The
        weights of the best score are kept.
    validation_fraction : float, default=0.1
        How many samples are held out, as a part of all.
    scoring : str or callable, default=None
        What scores the samples held out, as in `sklearn.model_selection.cross_validate`; None is
        the estimator's own `score`.
    shuffle : bool, default=True
        Whether each epoch takes the samples in a new order, where there are minibatches.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one has ended, for `max_iter` more iterations.
    random_state : int, RandomState instance or None, default=None
        What the start and the order of the samples are drawn from; with an int, every fit is the
        same.
    verbose : bool, default=False
        Whether to print the cost on some fifteen lines.

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
        What each layer was started with, spelt out.
    loss_curve_ : ndarray of shape (`n_iter_`,)
        Mean loss before each step, summed over outputs, with the penalty; the first is that of the
        start. The absolute error and half the Poisson deviance are in the unit of y, half the
        squared error and Huber's loss in its square. With minibatches, the mean over an epoch,
        each batch before its own step.
    loss_ : float
        The same of the weights that are kept, over all samples.
    best_loss_ : float
        The smallest of all these.
    n_iter_ : int
        Number of steps taken.
    validation_scores_ : ndarray of shape (`n_iter_`,) or None
        Score of the samples held out after each step, with `early_stopping`.
    best_validation_score_ : float or None
        The highest of them, which is that of the weights that are kept.
    n_layers_ : int
        Number of layers, the inputs included.
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

    _kind_of_targets = "numbers"

    @property
    def _and_y(self):
        return "" if self._loss().positive_only else " and y"  # counts stay as they are

    @property
    def _scalers(self):
        return "StandardScaler, TransformedTargetRegressor" if self._and_y else "StandardScaler"

    def _learn_targets(self, y):
        """Remember of what shape predictions should be."""
        self._one_column = y.ndim == 1

    def _encode_targets(self, y, dtype):
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)

    def predict(self, X):
        """Predict the target of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As many dimensions as y had.
        """
        predictions = self._scores(X, lambda loss, scores: loss.link(scores))
        return predictions[:, 0] if self._one_column else predictions

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        with suppress(TypeError, ValueError):  # a fit says what is wrong
            tags.target_tags.positive_only = self._loss().positive_only
        return tags
