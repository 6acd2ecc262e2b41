"""What the classifier and the regressor share: ``fit``, ``partial_fit``, and the fitted network.

A fit is four steps: `prepare` validates settings and samples and draws the initial weights, `train`
learns, `store` keeps the result under scikit-learn's names, and `warn_about_outcome` warns if
something has gone wrong. The estimator does not change before the third step.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skinit._support import Array, MatrixLike, RandomStateLike
from skinit.activations import ActivationLike, resolve_activations
from skinit.core import Network
from skinit.engine import (
    cached_rows,
    one_blas_thread,
    raw_predictions,
    spare_threads,
    tiled_forward,
)
from skinit.estimators.callbacks import (
    CallbackObserver,
    CallbackSupportMixin,
    given_to_callbacks,
    has_callbacks,
    with_callbacks,
)
from skinit.estimators.fitted import fitted_attributes, store
from skinit.estimators.messages import warn_about_outcome
from skinit.estimators.options import FitOptions, ResumePoint
from skinit.estimators.parameters import check_nested_params
from skinit.estimators.preparation import PreparedFit, prepare, restoring
from skinit.estimators.targets import ClassTargets, NumberTargets
from skinit.initializers import InitLike
from skinit.losses import BaseLoss, LossLike, resolve_loss
from skinit.schedules import ScheduleLike
from skinit.solvers import SolverLike, resolve_solver
from skinit.training import CostPrinter, Observer, TrainingResult, train

__all__ = ["BaseInitMLP", "loss_and_targets", "takes_steps"]


def takes_steps(estimator: Any) -> bool:
    """Tell whether the solver of an estimator can do a single iteration."""
    try:
        return resolve_solver(estimator.solver).takes_steps
    except (TypeError, ValueError):
        return True  # `fit` raises the error


def loss_and_targets(estimator: Any, y: Any) -> tuple[BaseLoss, Array]:
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
    targets = estimator._targets.encode(np.asarray(y), np.float64)
    return loss, loss.prepare_targets(targets, whole=False)


class BaseInitMLP(CallbackSupportMixin, BaseEstimator):
    """What the classifier and the regressor share."""

    _doc_link_module = "skinit"
    _doc_link_template = (
        "https://skinit.readthedocs.io/en/latest/generated/skinit.{estimator_name}.html"
    )

    # What a fit leaves, see the docstrings of the two classes.
    coefs_: list[Array]
    intercepts_: list[Array]
    initial_coefs_: list[Array]
    initial_intercepts_: list[Array]
    init_resolved_: list[str]
    loss_curve_: Array
    loss_: float
    best_loss_: float
    n_iter_: int
    validation_scores_: Array | None
    best_validation_score_: float | None
    n_layers_: int
    n_outputs_: int
    n_parameters_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: Array

    # What a fitted model needs to be continued.
    _fitted_with: dict[str, Any]
    _solver_state: dict[str, Any]
    _rng: np.random.RandomState
    _resume_point: ResumePoint
    _split: tuple[Array, Array]

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
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: RandomStateLike = None,
        verbose: bool = False,
    ) -> None:
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

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Draw the initial weights and train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples; float32 stays float32, anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts. In full batches and without dropout, a weight of 2 is the
            same as having the sample twice.
        X_val, y_val, sample_weight_val : default=None
            Validation samples for `early_stopping`; without them, a part of X is held out.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If the data or a parameter cannot be used; then the estimator is as it was before.
        DivergedError
            If the loss stops being finite. The last usable weights are kept.

        Warns
        -----
        ConvergenceWarning
            If all samples have the same prediction in the end, if the loss has grown, or if there
            is a `tol` or `early_stopping` and training ended before it was met.
        InterruptedFitWarning
            If the fit is stopped by Ctrl-C; it keeps what it has learned.
        """
        resume = self.warm_start and "coefs_" in vars(self)
        validation = X_val, y_val, sample_weight_val
        return self._fit(X, y, sample_weight, self._options(resume, validation=validation))

    @available_if(takes_steps)
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one iteration on these samples; the first call draws the initial weights.

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
        ValueError, TypeError, DivergedError
            As `fit`.
        """
        return self._partial_fit(X, y, sample_weight)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        if self.early_stopping:
            raise ValueError(
                "partial_fit does a single iteration, so that early stopping does not apply; set "
                "early_stopping=False, or use fit with warm_start=True"
            )
        options = self._options("coefs_" in vars(self), classes=classes, partial=True)
        return self._fit(X, y, sample_weight, options)

    def _resume(self, X: Any, y: Any, sample_weight: Any, **validation: Any) -> Self:
        """Finish the fit that this model was copied from."""
        resume_point = vars(self).get("_resume_point")
        if resume_point is None:  # the fit had already finished
            return self
        names = "X_val", "y_val", "sample_weight_val"
        validation = tuple(validation.get(name) for name in names)
        options = self._options(True, validation=validation, resume_point=resume_point)
        return self._fit(X, y, sample_weight, options)

    def _options(self, resume: bool, **options: Any) -> FitOptions:
        """Return the options of a fit that continues the last one, or of a new fit."""
        if resume:
            return FitOptions(self._rng, True, self.n_iter_, **options)
        return FitOptions(check_random_state(self.random_state), **options)

    def _fit(self, X: Any, y: Any, sample_weight: Any, options: FitOptions) -> Self:
        with restoring(options.rng):
            prepared = prepare(self, X, y, sample_weight, options)
            observers = [CostPrinter(prepared.plan.max_iter)] if self.verbose else []
            if has_callbacks(self) and not options.partial:
                given = given_to_callbacks(X, y, sample_weight)
                result = train_with_callbacks(self, prepared, observers, given)
            else:
                result = run_training(prepared, observers)
        store(self, fitted_attributes(self, prepared, result))
        warn_about_outcome(self, prepared, result)
        return self

    def _network_settings(self) -> dict[str, Any]:
        """Return the parameters that a fitted network keeps, even if they are changed later."""
        return {"activation": self.activation, "loss": self.loss}

    @property
    def _network(self) -> Network:
        """The network that was fitted."""
        widths = (self.n_features_in_, *(W.shape[1] for W in self.coefs_))
        activations = resolve_activations(self._fitted_with["activation"], len(widths) - 2)
        loss = resolve_loss(self._fitted_with["loss"], self._targets.kind)
        return Network(widths, activations, loss)

    @property
    def _targets(self) -> ClassTargets | NumberTargets:
        """How targets were encoded in the fit."""
        raise NotImplementedError

    def _raw_predictions(self, X: Any) -> Array:
        """Return the values of the output layer, of shape (n_samples, n_outputs)."""
        return self._predict_by(lambda loss, raw: np.asarray(raw), X)

    def _predict_by(self, finish: Callable[[BaseLoss, Array], Array], X: Any) -> Array:
        """Return ``finish(loss, raw)`` of the raw predictions, in chunks of samples."""
        X = self._check_X(X)
        network = self._network
        layers = list(zip(self.coefs_, self.intercepts_, strict=True))
        if X.shape[0] <= cached_rows(network, X.dtype.itemsize):
            return finish(network.loss, raw_predictions(network, layers, X))
        with one_blas_thread():
            return tiled_forward(
                network, layers, X, lambda raw: finish(network.loss, raw), spare_threads()
            )

    def _check_X(self, X: Any) -> Any:
        """Return X as the network takes it, or raise an error that says why it cannot be used."""
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
            return X  # validate_data would take longer than the prediction
        return validate_data(self, X, accept_sparse="csr", order="C", dtype=dtype, reset=False)

    def set_params(self, **params: Any) -> Self:
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
        return super().set_params(**check_nested_params(self, params))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def run_training(prepared: PreparedFit, observers: Sequence[Observer]) -> TrainingResult:
    """Run the training of a prepared fit."""
    return train(
        prepared.problem,
        prepared.initial,
        rng=prepared.options.rng,
        validate=prepared.validate,
        observers=observers,
    )


@with_callbacks
def train_with_callbacks(
    estimator: BaseInitMLP,
    prepared: PreparedFit,
    observers: Sequence[Observer],
    given: dict[str, Any],
) -> TrainingResult:
    """Train, and call the callbacks of the estimator; `given` is what they can ask for."""
    callbacks = CallbackObserver(estimator, prepared, given)
    callbacks.begin()
    result = run_training(prepared, [*observers, callbacks])
    callbacks.end(result)
    return result
