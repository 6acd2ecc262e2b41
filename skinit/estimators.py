"""The estimators: a multilayer perceptron whose start is a hyperparameter like any other.

``fit`` is three steps: `_prepare` validates, encodes and draws the start, `train` learns, `_store`
keeps the outcome under scikit-learn's names. What differs between a classifier and a regressor is
how targets are encoded before, and how scores are read after.
"""

import inspect
import warnings
from copy import copy, deepcopy
from functools import partial
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from skinit.activations import ACTIVATIONS, resolve_activation
from skinit.initializers import INITIALIZERS, build_parameters
from skinit.initializers.building import check_widths
from skinit.losses import LOSSES
from skinit.network import Network, TrainingData, layer_views
from skinit.preparation import (
    PreparedFit,
    Request,
    check_activation,
    check_sample_weight,
    check_validation,
    make_plan,
    packed,
)
from skinit.solvers import SOLVERS, resolve_solver
from skinit.threads import one_blas_thread, spare_threads
from skinit.tiles import cached_rows, scores_of, tiled_forward
from skinit.training import DivergedError, InterruptedFitWarning, print_cost, train

__all__ = ["InitMLPClassifier", "InitMLPRegressor"]

# Where a setting can be a name, and what the names stand for.
NAMED_SETTINGS = {
    "init": INITIALIZERS,
    "activation": ACTIVATIONS,
    "solver": SOLVERS,
    "learning_rate": {},  # where a number stands for a schedule
}


def takes_steps(estimator):
    """Tell whether the solver of an estimator could go on for one more iteration."""
    try:
        return resolve_solver(estimator.solver).takes_steps
    except (TypeError, ValueError):
        return True  # a fit says what is wrong


class BaseInitMLP(BaseEstimator):
    """What the classifier and the regressor share."""

    _doc_link_module = "skinit"
    _doc_link_template = (
        "https://skinit.readthedocs.io/en/latest/generated/skinit.{estimator_name}.html"
    )

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
        tol=None,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        shuffle=True,
        warm_start=False,
        random_state=None,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.init = init
        self.activation = activation
        self.solver = solver
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.alpha = alpha
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Draw the start and train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples; float32 is kept, anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts; 2 is as good as having the sample twice.
        X_val, y_val, sample_weight_val : default=None
            Samples to validate on, for `early_stopping`; without, some of X are held out.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data or a setting cannot be used.
        DivergedError
            If the loss stops being finite. The last usable weights are kept.

        Warns
        -----
        ConvergenceWarning
            If the predictions end up the same for all samples, or if there is a `tol` or
            `early_stopping`, and the last iteration still brought progress.
        InterruptedFitWarning
            If the fit is stopped by Ctrl-C; it keeps what it has learnt.
        """
        goes_on = self.warm_start and "coefs_" in vars(self)
        validation = X_val, y_val, sample_weight_val
        return self._train(X, y, sample_weight, goes_on, validation=validation)

    @available_if(takes_steps)
    def partial_fit(self, X, y, sample_weight=None):
        """Go on for one iteration, with these samples; the first call draws the start.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, DivergedError
            As `fit`.
        """
        return self._take_one_step(X, y, sample_weight)

    def _take_one_step(self, X, y, sample_weight, classes=None):
        if self.early_stopping:
            raise ValueError(
                "partial_fit takes one step and has nothing to stop; set early_stopping=False, or "
                "use fit with warm_start=True"
            )
        goes_on = "coefs_" in vars(self)
        return self._train(X, y, sample_weight, goes_on, classes=classes, one_step=True)

    def _train(self, X, y, sample_weight, goes_on, **request):
        """Do all that `fit` does, from the beginning or from where the last run has ended."""
        rng = self._rng if goes_on else check_random_state(self.random_state)
        n_before = self.n_iter_ if goes_on else 0
        states = self._solver_state if goes_on else {}
        request = Request(goes_on, rng, n_before, **request)
        prepared = self._prepare(X, y, sample_weight, request)
        solver = type(prepared.plan.solver).__name__
        result = train(
            prepared.network,
            prepared.parameters,
            prepared.data,
            prepared.plan,
            n_before=n_before,
            state=states.get(solver),  # another solver begins anew
            rng=rng if prepared.plan.batch_size else None,
            watch=print_cost(prepared.plan.max_iter) if self.verbose else None,
            validate=prepared.validate,
        )
        self._rng, self._solver_state = rng, {solver: result.state}
        return self._store(prepared, result, goes_on)

    def _prepare(self, X, y, sample_weight, request):
        """Validate, encode, resolve and build."""
        goes_on, rng, validation = request.goes_on, request.rng, request.validation
        make_plan(self)  # raises what is wrong with the settings alone
        check_validation(validation, self.early_stopping)
        sizes = check_widths(self.hidden_layer_sizes, "hidden_layer_sizes")
        activation = resolve_activation(self.activation)

        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            # One memory order, so that rounding does not depend on how X happens to be stored.
            order="C",
            dtype=self.coefs_[0].dtype if goes_on else [np.float64, np.float32],
            reset=not goes_on,
            multi_output=True,
            ensure_min_samples=1 if request.one_step else 2,
            y_numeric=not isinstance(self, ClassifierMixin),
        )
        y = y.toarray() if issparse(y) else y
        for width in sizes:
            check_activation(activation, width, X.dtype)
        if not goes_on:
            self._learn_targets(y if request.classes is None else np.asarray(request.classes))
        targets, scale = self._encode_targets(y, X.dtype), 1.0
        own_weight = (
            sample_weight if sample_weight is None else check_sample_weight(sample_weight, X)[0]
        )
        sample_weight = self._weigh(sample_weight, X, y)
        if sample_weight is not None:
            sample_weight, scale = check_sample_weight(sample_weight, X)
            # Absent is what a sample without weight should be, also where its loss overflows.
            present = sample_weight > 0
            if not present.all():
                X, y, targets, sample_weight = (
                    array[present] for array in (X, y, targets, sample_weight)
                )
                own_weight = None if own_weight is None else own_weight[present]
        data = TrainingData(X, targets, sample_weight)

        widths = (X.shape[1], *sizes, targets.shape[1])
        network = Network(widths, (activation,) * len(sizes), self._loss())
        validate, again = None, deepcopy(rng)
        build = partial(build_parameters, self.init, network, dtype=X.dtype)
        if not goes_on:
            parameters, init_resolved = build(rng=rng, data=data)
        if self.early_stopping:
            data, held_out = self._hold_out(data, y, own_weight, validation, rng)
            scorer = check_scoring(self, self.scoring)
            validate = partial(self._score_parameters, network, scorer, *held_out)
            if not goes_on:
                # The start is drawn before the samples are split, as in scikit-learn, and then once
                # more, as what is held out must not be seen by a start that looks at the data.
                parameters, init_resolved = build(rng=again, data=data)
        if goes_on:
            parameters = packed(network, self.coefs_, self.intercepts_, X.dtype)
            init_resolved = self.init_resolved_
        plan = make_plan(self, len(data.targets), scale, request)
        return PreparedFit(network, data, parameters, init_resolved, plan, validate)

    def _weigh(self, sample_weight, X, y):
        """Return what samples count, all that is asked for taken together; None is one each."""
        return sample_weight

    def _hold_out(self, data, y, sample_weight, validation, rng):
        """Return what is left to train on, and (X, y, sample_weight) to validate on."""
        X_val, y_val, weight_val = validation
        classifies = isinstance(self, ClassifierMixin)
        if X_val is not None:
            X_val, y_val = validate_data(
                self,
                X_val,
                y_val,
                accept_sparse="csr",
                order="C",
                dtype=data.X.dtype,
                multi_output=True,
                y_numeric=not classifies,
                reset=False,
            )
            y_val = y_val.toarray() if issparse(y_val) else y_val
            self._encode_targets(y_val, data.X.dtype)  # raises what is wrong with it
            if weight_val is not None:
                weight_val, _ = check_sample_weight(weight_val, X_val, "sample_weight_val")
            return data, (X_val, y_val, weight_val)
        stratify = y if classifies and not self._multilabel else None
        rows, held_out = train_test_split(
            np.arange(len(y)),
            random_state=rng,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if stratify is not None and len(np.unique(y[rows])) < len(np.unique(y)):
            raise ValueError(
                f"validation_fraction={self.validation_fraction} leaves a class without a sample "
                "to train on; make it smaller, or give X_val and y_val to fit"
            )
        weight_val = None if sample_weight is None else sample_weight[held_out]
        return data.rows(rows), (data.X[held_out], y[held_out], weight_val)

    def _score_parameters(self, network, scorer, X, y, sample_weight, parameters):
        """Score the model as it would be with some parameters.

        A sample counts by its own weight, whatever its class counts in training, and if the scorer
        can tell one weight from another.
        """
        model = copy(self)
        model.coefs_, model.intercepts_ = coefs_and_intercepts(network, parameters)
        vars(model).pop("feature_names_in_", None)  # X is an array by now
        function = getattr(scorer, "_score_func", scorer)  # of what make_scorer has made
        takes_weights = self.scoring is None or has_parameter(function, "sample_weight")
        weights = {"sample_weight": sample_weight} if takes_weights else {}
        score = float(scorer(model, X, y, **weights))
        if np.isnan(score):
            raise ValueError(
                f"scoring={self.scoring!r} answers nan on the {len(y)} samples to validate on; "
                "give it more, by validation_fraction or X_val, or choose another"
            )
        return score

    def _store(self, prepared, result, goes_on):
        """Keep the outcome, then say what was wrong with it."""
        network = prepared.network
        self.coefs_, self.intercepts_ = coefs_and_intercepts(network, result.parameters)
        if not goes_on:
            self.initial_coefs_, self.initial_intercepts_ = coefs_and_intercepts(
                network, prepared.parameters
            )
            self.init_resolved_ = prepared.init_resolved
            self.n_iter_, self.loss_curve_, self.validation_scores_ = 0, np.empty(0), None
        self.n_iter_ += result.n_iter
        self.loss_curve_ = np.append(self.loss_curve_, result.losses)
        self.loss_ = result.final_loss
        self.best_loss_ = float(np.append(self.loss_curve_, result.final_loss).min())
        self.best_validation_score_ = None
        if self.early_stopping:
            earlier = [] if self.validation_scores_ is None else self.validation_scores_
            self.validation_scores_ = np.append(earlier, result.validation_scores)
            self.best_validation_score_ = float(max(self.validation_scores_, default=np.nan))
        self.n_layers_ = len(network.widths)
        self.n_outputs_ = network.widths[-1]
        self.n_parameters_ = network.n_parameters
        self.out_activation_ = network.loss.link_name

        if result.interrupted:
            warnings.warn(
                f"interrupted after {result.n_iter} of {prepared.plan.max_iter} iterations; the "
                "model keeps what it has learnt so far",
                InterruptedFitWarning,
                stacklevel=4,
            )
        if result.diverged:
            raise DivergedError(self._why_diverged())
        if result.n_iter > 0 and self.loss_ > 2 * result.losses[0]:
            warnings.warn(self._why_grown(result.losses[0]), ConvergenceWarning, stacklevel=4)
        elif prepared.plan.has_criterion and not (result.converged or result.interrupted):
            warnings.warn(
                f"training ended after {result.n_iter} iterations without having met its criterion "
                f"to stop, tol={self.tol} and n_iter_no_change={self.n_iter_no_change}; give it "
                f"more than max_iter={self.max_iter}, or a higher learning_rate",
                ConvergenceWarning,
                stacklevel=4,
            )
        elif result.constant_scores and np.ptp(prepared.data.targets, axis=0).any():
            warnings.warn(self._why_constant(), ConvergenceWarning, stacklevel=4)
        return self

    def _why_diverged(self):
        if not np.isfinite(self.loss_):
            return (
                f"the loss of the start is {self.loss_}; scale X{self._and_y}, or choose an init "
                f"with smaller weights than {self.init!r}"
            )
        return (
            f"the loss stopped being finite at iteration {self.n_iter_ + 1}, from {self.loss_:.3g} "
            f"before it; the weights of iteration {self.n_iter_} are kept. Lower "
            f"learning_rate={self.learning_rate!r}, scale X{self._and_y} ({self._scalers}), or "
            f"choose an init with smaller weights than {self.init!r}"
        )

    def _why_grown(self, start):
        return (
            f"the loss has grown from {start:.3g} to {self.loss_:.3g} in {self.n_iter_} "
            f"iterations. Lower learning_rate={self.learning_rate!r}, or scale X{self._and_y} "
            f"({self._scalers})"
        )

    def _why_constant(self):
        return (
            f"the predictions are the same for all samples after {self.n_iter_} iterations. Look "
            f"at the scaling of X{self._and_y} ({self._scalers}), at init={self.init!r}, which may "
            "have left all units of a layer identical, silent or saturated, and at "
            f"learning_rate={self.learning_rate!r}"
        )

    # What to scale, and how: classes have no scale.
    _and_y = ""
    _scalers = "StandardScaler"

    def _scores(self, X, finish=np.asarray):
        """Return what `finish` makes of the values of the output layer, (n_samples, n_outputs)."""
        X = self._check_X(X)
        widths = (X.shape[1], *(W.shape[1] for W in self.coefs_))
        activations = (resolve_activation(self.activation),) * (len(self.coefs_) - 1)
        network = Network(widths, activations, self._loss())
        layers = list(zip(self.coefs_, self.intercepts_, strict=True))
        if X.shape[0] <= cached_rows(network, X.dtype.itemsize):
            return finish(scores_of(network, layers, X))
        with one_blas_thread():
            return tiled_forward(network, layers, X, finish, spare_threads())

    def _check_X(self, X):
        """Return X as the network takes it, or say why it cannot be taken."""
        if "coefs_" not in vars(self):  # a fit that failed may have left other attributes
            check_is_fitted(self, "coefs_")
        dtype = self.coefs_[0].dtype
        if (
            type(X) is np.ndarray
            and X.dtype == dtype
            and X.ndim == 2
            and X.shape[1] == self.n_features_in_
            and X.shape[0] > 0
            and X.flags.c_contiguous
            and "feature_names_in_" not in vars(self)
            and np.isfinite(X).all()
        ):
            return X  # validate_data would, too, and take longer than the network
        return validate_data(self, X, accept_sparse="csr", order="C", dtype=dtype, reset=False)

    def set_params(self, **params):
        """Set parameters, also those of objects in `init`, `activation`, `solver`, `learning_rate`.

        Parameters
        ----------
        **params : dict
            Such as ``init__gain=2``, which needs an object in `init`, not a name.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter is not known, or is one of an object where there is but a name.
        """
        for key, value in params.items():
            setting, nested, parameter = key.partition("__")
            if not nested or setting not in NAMED_SETTINGS:
                continue
            current = params.get(setting, getattr(self, setting))
            if not hasattr(current, "set_params"):
                raise ValueError(has_no_parameters(setting, current, parameter, value))
            if any(current is entry for entry in NAMED_SETTINGS[setting].values()):
                # What the names stand for must not change with this estimator.
                params = {**params, setting: clone(current)}
        return super().set_params(**params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


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
    activation : str or BaseActivation, default="relu"
        Of the hidden units: a name of ``ACTIVATIONS``, an object such as
        ``LeakyReLU(negative_slope=0.1)``, or your own ``Activation(value, slope)``.
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
        Mean cross-entropy before each step, in nats, with the penalty; the first is that of the
        start. With minibatches, the mean over an epoch, each batch before its own step.
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
        check_classification_targets(y)
        self._multilabel = type_of_target(y) == "multilabel-indicator"
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            return
        if type_of_target(y) == "multiclass-multioutput":
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

    def _loss(self):
        one_of_many = len(self.classes_) > 2 and not self._multilabel
        return LOSSES["multinomial_cross_entropy" if one_of_many else "binary_cross_entropy"]

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
        return self._scores(X, lambda scores: self._loss().link(self._both_sides(scores)))

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
        return self._scores(X, lambda scores: self._loss().log_link(self._both_sides(scores)))

    def _both_sides(self, scores):
        """Return scores with one column for each class: two classes have mirrored logits."""
        return np.hstack([-scores, scores]) if self._is_binary else scores

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class InitMLPRegressor(RegressorMixin, BaseInitMLP):
    """A multilayer perceptron for regression, with its initialization as a hyperparameter.

    Gradient descent on half the mean squared error. Standardize the targets as well as the
    features, for example by ``sklearn.compose.TransformedTargetRegressor``.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(10, 5)
        Units of each hidden layer; ``()`` is linear regression.
    init : str, Initializer, callable or sequence of these, default="he"
        How weights and biases start: a name of ``INITIALIZERS`` (``skinit list`` shows them), an
        object with settings of its own, such as ``He(gain=0.5)``, or a function
        ``(layer, rng) -> (W, b)``. A sequence has one entry for each layer, the output layer
        included.
    activation : str or BaseActivation, default="relu"
        Of the hidden units: a name of ``ACTIVATIONS``, an object such as
        ``LeakyReLU(negative_slope=0.1)``, or your own ``Activation(value, slope)``.
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
        Half the squared error before each step, summed over outputs and averaged over samples, in
        the squared unit of y, with the penalty; the first is that of the start. With minibatches,
        the mean over an epoch, each batch before its own step.
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
        "identity".
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

    _and_y = " and y"
    _scalers = "StandardScaler, TransformedTargetRegressor"

    def _learn_targets(self, y):
        """Remember of what shape predictions should be."""
        self._one_column = y.ndim == 1

    def _encode_targets(self, y, dtype):
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)

    def _loss(self):
        return LOSSES["squared_error"]

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
        scores = self._scores(X)
        return scores[:, 0] if self._one_column else scores

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def coefs_and_intercepts(network, parameters):
    """Split a flat parameter vector into scikit-learn's two lists."""
    layers = layer_views(network, parameters)
    return [W for W, _ in layers], [b[0] for _, b in layers]


def has_parameter(function, name):
    """Tell whether a function can be called with an argument by this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # there are functions that do not tell
        return False


def has_no_parameters(setting, current, parameter, value):
    """Say what to pass instead of a name, with the object spelt out where there is one."""
    if isinstance(current, Real):
        return (
            f"{setting}={current!r} is a number and has no parameter {parameter!r} to set; pass a "
            f"schedule that has it, such as {setting}=ConstantRate(initial={current!r})"
        )
    kind = "is a name and has" if isinstance(current, str) else "has"
    message = f"{setting}={current!r} {kind} no parameter {parameter!r} to set"
    known = NAMED_SETTINGS[setting].get(current) if isinstance(current, str) else None
    if known is None or parameter not in known.get_params():
        return f"{message}; pass an object that has it"
    return f"{message}; pass the object: {setting}={clone(known).set_params(**{parameter: value})}"
