"""What the classifier and the regressor share: how they are fitted, and go on.

``fit`` is three steps: `_prepare` validates, encodes and draws the start, `train` learns, `_store`
keeps the outcome under scikit-learn's names.
"""

import inspect
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skinit._support import check_widths
from skinit.activations import ACTIVATIONS, resolve_activations
from skinit.core import Network, TrainingData
from skinit.engine import (
    cached_rows,
    is_builtin,
    one_blas_thread,
    raw_predictions,
    spare_threads,
    tiled_forward,
)
from skinit.estimators.callbacks import (
    CallbackSupportMixin,
    given_to_callbacks,
    has_callbacks,
    train_with_callbacks,
)
from skinit.estimators.fitted import coefs_and_intercepts, fitted_attributes, tell_what_was_wrong
from skinit.estimators.settings import (
    PreparedFit,
    Request,
    Unfinished,
    check_activation,
    check_dropout,
    check_loss,
    check_sample_weight,
    check_validation,
    make_plan,
    packed,
    plan_for_samples,
)
from skinit.initializers import INITIALIZERS, build_parameters
from skinit.losses import LOSSES, resolve_loss
from skinit.solvers import SOLVERS, resolve_solver
from skinit.training import print_cost, train

__all__ = ["BaseInitMLP", "checked_params", "loss_and_targets", "takes_steps"]

# Where a setting can be a name, and what the names stand for.
NAMED_SETTINGS = {
    "init": INITIALIZERS,
    "activation": ACTIVATIONS,
    "solver": SOLVERS,
    "loss": LOSSES,
    "learning_rate": {},  # where a number stands for a schedule
}


def takes_steps(estimator):
    """Tell whether the solver of an estimator could go on for one more iteration."""
    try:
        return resolve_solver(estimator.solver).takes_steps
    except (TypeError, ValueError):
        return True  # a fit says what is wrong


def loss_and_targets(estimator, y):
    """Return the loss of a fitted estimator, and targets as the loss takes them.

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    loss : BaseLoss
    targets : ndarray of shape (n_samples, n_outputs)

    Examples
    --------
    >>> from skinit import InitMLPClassifier
    >>> model = InitMLPClassifier(max_iter=1, random_state=0)
    >>> model = model.fit([[0.0], [1.0]], ["no", "yes"])
    >>> loss_and_targets(model, ["yes", "no"])
    (BinaryCrossEntropy(), array([[1.],
           [0.]]))
    """
    loss = estimator._network.loss
    targets = estimator._encode_targets(np.asarray(y), np.float64)
    return loss, loss.prepare_targets(targets, whole=False)


class BaseInitMLP(CallbackSupportMixin, BaseEstimator):
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
        dropout=0.0,
        loss="auto",
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
        self.dropout = dropout
        self.loss = loss
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
        vars(self).pop("_unfinished", None)
        prepared = self._prepare(X, y, sample_weight, request)
        plan, network = prepared.plan, prepared.network
        learn = partial(
            train,
            network,
            prepared.parameters,
            prepared.data,
            n_before=n_before,
            state=states.get(type(plan.solver).__name__),  # another solver begins anew
            rng=rng if plan.batch_size or network.drops_out else None,
            standing=request.unfinished and request.unfinished.standing,
            validate=prepared.validate,
        )
        watchers = [print_cost(plan.max_iter)] if self.verbose else []
        if has_callbacks(self) and not request.one_step:
            result = train_with_callbacks(
                self,
                lambda watch: learn(replace(plan, watched=True), watchers=[*watchers, watch]),
                plan.end - n_before,
                given_to_callbacks(X, y, sample_weight),
                partial(self._learnt_so_far, prepared, request),
            )
        else:
            result = learn(plan, watchers=watchers)
        return self._store(prepared, result, request)

    def _finish(self, X, y, sample_weight, **validation):
        """Do what a fit had left to do when this model was copied from it."""
        unfinished = vars(self).get("_unfinished")
        if unfinished is None:  # it was copied at the end
            return self
        names = "X_val", "y_val", "sample_weight_val"
        validation = tuple(validation.get(name) for name in names)
        return self._train(X, y, sample_weight, True, validation=validation, unfinished=unfinished)

    def _prepare(self, X, y, sample_weight, request):
        """Validate, encode, resolve and build."""
        plan = make_plan(self, request)  # raises what is wrong with the settings alone
        check_validation(request.validation, self.early_stopping)
        sizes = check_widths(self.hidden_layer_sizes, "hidden_layer_sizes")
        keep_rates = check_dropout(self.dropout, plan.solver, len(sizes))
        activations = resolve_activations(self.activation, len(sizes))
        data, y, own_weight, scale = self._take_samples(X, y, sample_weight, request)
        for activation, width in zip(activations, sizes, strict=True):
            check_activation(activation, width, data.X.dtype)
        loss = self._loss()
        targets = loss.prepare_targets(data.targets, whole=not request.one_step)
        data = replace(data, targets=targets)
        widths = (data.X.shape[1], *sizes, targets.shape[1])
        network = Network(widths, activations, loss, keep_rates)
        if not is_builtin(network):
            check_loss(loss, targets)

        rng, again, validate = request.rng, None, None
        if self.early_stopping:
            again = deepcopy(rng)
        build = partial(build_parameters, self.init, network, dtype=data.X.dtype)
        if request.goes_on:
            parameters = packed(network, self.coefs_, self.intercepts_, data.X.dtype)
            init_resolved = self.init_resolved_
        else:
            with one_blas_thread():
                parameters, init_resolved = build(rng=rng, data=data)
        if self.early_stopping:
            data, held_out = self._hold_out(data, y, own_weight, request)
            scorer = check_scoring(self, self.scoring)
            validate = partial(self._score_parameters, network, scorer, *held_out)
            if not request.goes_on:
                # The start is drawn before the samples are split, as in scikit-learn, and then once
                # more, as what is held out must not be seen by a start that looks at the data.
                with one_blas_thread():
                    parameters, init_resolved = build(rng=again, data=data)
        plan = plan_for_samples(plan, self.batch_size, len(data.targets), scale)
        return PreparedFit(network, data, parameters, init_resolved, plan, validate)

    def _take_samples(self, X, y, sample_weight, request):
        """Validate the samples and encode their targets.

        Returns
        -------
        data : TrainingData
        y : ndarray of shape (n_samples, ...)
        own_weight : ndarray of shape (n_samples,) or None
            How much samples count by themselves, whatever their class does.
        scale : float
            What the weights in `data` have been multiplied by.
        """
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            # One memory order, so that rounding does not depend on how X happens to be stored.
            order="C",
            dtype=self.coefs_[0].dtype if request.goes_on else [np.float64, np.float32],
            reset=not request.goes_on,
            multi_output=True,
            ensure_min_samples=1 if request.one_step else 2,
            y_numeric=not isinstance(self, ClassifierMixin),
        )
        y = y.toarray() if issparse(y) else y
        if not request.goes_on:
            self._learn_targets(y if request.classes is None else np.asarray(request.classes))
        targets, scale, own_weight = self._encode_targets(y, X.dtype), 1.0, None
        if sample_weight is not None:
            own_weight, _ = check_sample_weight(sample_weight, X)
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
        return TrainingData(X, targets, sample_weight), y, own_weight, scale

    def _loss(self):
        """Return the loss for the kind of targets that there are."""
        return resolve_loss(self.loss, self._kind_of_targets)

    def _weigh(self, sample_weight, X, y):
        """Return what samples count, all that is asked for taken together; None is one each."""
        return sample_weight

    def _hold_out(self, data, y, sample_weight, request):
        """Return what is left to train on, and (X, y, sample_weight) to validate on."""
        X_val, y_val, weight_val = request.validation
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
            # Raises what is wrong with it.
            self._loss().prepare_targets(self._encode_targets(y_val, data.X.dtype), whole=False)
            if weight_val is not None:
                weight_val, _ = check_sample_weight(weight_val, X_val, "sample_weight_val")
            return data, (X_val, y_val, weight_val)
        stratify = y if classifies and not self._multilabel else None
        rows, held_out = vars(self).get("_split", ((), ())) if request.goes_on else ((), ())
        if len(rows) + len(held_out) != len(y):
            try:
                rows, held_out = train_test_split(
                    np.arange(len(y)),
                    random_state=request.rng,
                    test_size=self.validation_fraction,
                    stratify=stratify,
                )
            except ValueError as error:
                raise ValueError(
                    f"early_stopping cannot hold out validation_fraction={self.validation_fraction}"
                    f" of these {len(y)} samples, from each class alike: {error} Change it, or "
                    "give X_val and y_val to fit"
                ) from error
        self._split = rows, held_out  # what is held out must never be trained on
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
        model._fitted_with = self._settings_of_network()
        model.coefs_, model.intercepts_ = coefs_and_intercepts(network, parameters)
        vars(model).pop("feature_names_in_", None)  # X is an array by now
        function = getattr(scorer, "_score_func", scorer)  # of what make_scorer has made
        takes_weights = self.scoring is None or has_parameter(function, "sample_weight")
        weights = {"sample_weight": sample_weight} if takes_weights else {}
        with np.errstate(over="ignore"):
            try:
                score = float(scorer(model, X, y, **weights))
            except ValueError:
                if np.isfinite(model._scores(X, lambda loss, scores: loss.link(scores))).all():
                    raise
                return -np.inf  # training is about to find out that it diverges
        if np.isnan(score):
            raise ValueError(
                f"scoring={self.scoring!r} answers nan on the {len(y)} samples to validate on; "
                "give it more, by validation_fraction or X_val, or choose another"
            )
        return score

    def _store(self, prepared, result, request):
        """Keep the outcome, then say what was wrong with it."""
        vars(self).update(self._learnt(prepared, request, result), _rng=request.rng)
        tell_what_was_wrong(self, prepared, result)
        return self

    def _learnt(self, prepared, request, result=None, standing=None):
        """List all attributes of a fitted model, with what it needs to go on but the generator.

        While training goes on, `standing` is where it stands.
        """
        solver = prepared.plan.solver
        learnt = fitted_attributes(prepared, result, self if request.goes_on else None)
        learnt["_fitted_with"] = deepcopy(self._settings_of_network())
        learnt["_solver_state"] = {} if result is None else {type(solver).__name__: result.state}
        if result is not None and (result.interrupted or result.diverged):
            standing = result.standing
        if standing is not None:
            learnt["_unfinished"] = Unfinished(deepcopy(standing), prepared.plan.end)
        return learnt

    def _learnt_so_far(self, prepared, request, result=None, standing=None):
        """Do as `_learnt`, for a copy of the model: it draws from a generator of its own."""
        learnt = self._learnt(prepared, request, result, standing)
        return learnt | {"_rng": deepcopy(request.rng)}

    # What to scale, and how: classes have no scale.
    _and_y = ""
    _scalers = "StandardScaler"

    def _settings_of_network(self):
        """Return what a fitted network goes by, whatever is set later."""
        return {"activation": self.activation, "loss": self.loss}

    @property
    def _network(self):
        """The network that was fitted."""
        widths = (self.n_features_in_, *(W.shape[1] for W in self.coefs_))
        activations = resolve_activations(self._fitted_with["activation"], len(widths) - 2)
        loss = resolve_loss(self._fitted_with["loss"], self._kind_of_targets)
        return Network(widths, activations, loss)

    def _scores(self, X, finish=None):
        """Return the values of the output layer, (n_samples, n_outputs), or what is made of them.

        Where `finish` is a function, it is called as ``finish(loss, scores)``.
        """
        X = self._check_X(X)
        network = self._network
        finish = np.asarray if finish is None else partial(finish, network.loss)
        layers = list(zip(self.coefs_, self.intercepts_, strict=True))
        if X.shape[0] <= cached_rows(network, X.dtype.itemsize):
            return finish(raw_predictions(network, layers, X))
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
        """Set parameters, also those of objects, such as of `init`, `solver` or `loss`.

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
        return super().set_params(**checked_params(self, params))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def has_parameter(function, name):
    """Tell whether a function can be called with an argument by this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # there are functions that do not tell
        return False


def checked_params(estimator, params, settings=tuple(NAMED_SETTINGS)):
    """Return parameters that can be set, or say which one is of an object where there is a name.

    Parameters
    ----------
    estimator : BaseEstimator
    params : dict
        As for ``set_params``.
    settings : tuple of str
        Where a setting can be a name, and which is to be looked at.

    Returns
    -------
    dict
    """
    for key, value in params.items():
        setting, nested, parameter = key.partition("__")
        if not nested or setting not in settings:
            continue
        current = params.get(setting, getattr(estimator, setting))
        if not hasattr(current, "set_params"):
            comes_along = setting in params
            raise ValueError(has_no_parameters(setting, current, parameter, value, comes_along))
        if any(current is entry for entry in NAMED_SETTINGS[setting].values()):
            # What the names stand for must not change with this estimator.
            params = {**params, setting: clone(current)}
    return params


def has_no_parameters(setting, current, parameter, value, comes_along):
    """Say what to pass instead of a name, with the object spelt out where there is one.

    A name that comes along with the parameter, as in a grid, is better told what to be replaced by.
    """
    if isinstance(current, Real):
        return (
            f"{setting}={current!r} is a number and has no parameter {parameter!r} to set; pass a "
            f"schedule that has it, such as {setting}=ConstantRate(initial={current!r})"
        )
    kind = "is a name and has" if isinstance(current, str) else "has"
    message = f"{setting}={current!r} {kind} no parameter {parameter!r} to set"
    registry = NAMED_SETTINGS[setting]
    named = registry.get(current) if isinstance(current, str) else None
    for entry in (named, *registry.values()):
        if entry is not None and parameter in entry.get_params():
            which = "the object:" if entry is named else "an object that has it, such as"
            if comes_along:
                shown = f"{entry} together with {setting}__{parameter}"
            else:
                shown = f"{setting}={clone(entry).set_params(**{parameter: value})}"
            return f"{message}; pass {which} {shown}"
    return f"{message}; pass an object that has it"
