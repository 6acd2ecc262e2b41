"""scikit-learn's MLPClassifier and MLPRegressor on skinit's engine: one import line.

The classes are scikit-learn's own, with their checks, attributes, messages and predictions; what
differs is who draws the initial weights and who trains. With the same `random_state`, the weights
are the same.
"""

import inspect
import warnings
from collections.abc import Callable
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import shuffle

from skinit.activations import resolve_activations
from skinit.core import Network, Plan, Problem, TrainingData
from skinit.engine import one_blas_thread
from skinit.estimators import BATCH_SIZE, check_nested_params, coefs_and_intercepts, packed
from skinit.initializers import InitLike, build_parameters
from skinit.interop import make_optimizer, read_optimizer_state, solver_of, write_optimizer_state
from skinit.losses import LOSSES, SquaredError
from skinit.schedules import BaseSchedule, ConstantRate
from skinit.training import ENGINES, CompiledGradient, RunState, TrainingRun

__all__ = ["MLPClassifier", "MLPRegressor"]

# Since scikit-learn 1.7.
TAKES_WEIGHTS = "sample_weight" in inspect.signature(neural_network.MLPClassifier.fit).parameters


def with_init(Parent: type) -> Callable[..., None]:
    """Make a constructor with all parameters of scikit-learn's, in any version, and `init`."""
    signature = inspect.signature(Parent.__init__)
    parameters = [each.replace(annotation=Any) for each in signature.parameters.values()]
    init = inspect.Parameter(
        "init", inspect.Parameter.KEYWORD_ONLY, default="scikit_learn", annotation=InitLike
    )

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self.init = kwargs.pop("init", init.default)
        Parent.__init__(self, *args, **kwargs)

    __init__.__signature__ = inspect.Signature([*parameters, init], return_annotation=None)
    return __init__


class OnOurEngine:
    """Initialization and training by skinit; everything else is scikit-learn's."""

    _doc_link_module = "skinit"
    _doc_link_template = (
        "https://skinit.readthedocs.io/en/latest/generated/skinit.drop_in.{estimator_name}.html"
    )

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of an object in `init`, such as ``init__gain=2``.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter is not known, or is one of an init where there is but a name.
        """
        return super().set_params(**check_nested_params(self, params, ("init",)))

    def _initialize(self, y, layer_units, dtype):
        super()._initialize(y, layer_units, dtype)
        del self.coefs_, self.intercepts_  # drawn when there are samples

    def _init_coef(self, fan_in, fan_out, dtype):
        return np.empty((fan_in, fan_out), dtype), np.empty(fan_out, dtype)

    def _draw_initial_parameters(self, network, data, rng):
        """Draw the initial weights and biases."""
        parameters, self.init_resolved_ = build_parameters(
            self.init, network, rng, dtype=data.X.dtype, data=data
        )
        self.coefs_, self.intercepts_ = coefs_and_intercepts(network, parameters)
        self._best_coefs, self._best_intercepts = deepcopy((self.coefs_, self.intercepts_))

    def _fit_stochastic(self, X, y, *rest):
        """Train on minibatches."""
        *_, layer_units, incremental = rest
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        network, data = self._network(layer_units), training_data(X, y, rest)
        is_new, again = not hasattr(self, "coefs_"), deepcopy(self._random_state)
        if is_new:
            self._draw_initial_parameters(network, data, self._random_state)
        held_out = None, None, None
        if self.early_stopping:
            data, held_out = self._hold_out(data, y)
            if is_new:  # which must not have looked at what is held out
                self._draw_initial_parameters(network, data, again)
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = make_optimizer(self)
        plan = self._plan(len(data.targets), incremental)
        self._run(network, data, plan, held_out, warns=not incremental)
        if self.early_stopping:
            self.coefs_, self.intercepts_ = self._best_coefs, self._best_intercepts

    def _network(self, layer_units):
        activations = resolve_activations(self.activation, len(layer_units) - 2)
        return Network(tuple(layer_units), activations, LOSS_OF_LINK[self.out_activation_])

    def _hold_out(self, data, y):
        """Return what is left to train on, and (X, y, sample_weight) to validate on."""
        rows, held_out = train_test_split(
            np.arange(len(y)),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=y if is_classifier(self) and self.n_outputs_ == 1 else None,
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        y_val = y[held_out]
        if is_classifier(self):
            y_val = self._label_binarizer.inverse_transform(y_val)
        validation = data.rows(held_out)
        return data.rows(rows), (validation.X, y_val, validation.sample_weight)

    def _plan(self, n_samples, incremental):
        if self.batch_size == "auto":
            batch_size = BATCH_SIZE
        else:
            batch_size = self.batch_size
            if batch_size > n_samples:
                warnings.warn(
                    "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                    "clipped",
                    stacklevel=6,
                )
        schedule = ConstantRate(float(self._optimizer.learning_rate_init))
        if self.solver == "sgd" and self.learning_rate != "constant":
            schedule = RateOf(self._optimizer)
        return ScikitLearnPlan(
            solver_of(self),
            schedule,
            max_iter=1 if incremental else self.max_iter,
            batch_size=int(batch_size) if batch_size < n_samples else None,
            shuffle=self.shuffle,
            alpha=float(self.alpha),
            tol=self.tol,
            samples=np.arange(n_samples),
        )

    def _run(self, network, data, plan, held_out, warns):
        """Take the steps, and look at the loss or score after each epoch."""
        dtype = data.X.dtype
        parameters = packed(network, self.coefs_, self.intercepts_, dtype)
        _, state = read_optimizer_state(self._optimizer, network, dtype)
        problem = Problem(network, data, plan)
        run = ScikitLearnRun(self, problem, RunState(parameters, state), held_out)
        self.n_iter_ = 0
        try:
            with quietly():
                ENGINES[0](problem, run)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=6)
            warns = False
        warns = warns and not run.stopped
        write_optimizer_state(self._optimizer, network, run.state.solver_state)
        if warns:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _has_converged(self, block, n_samples, held_out):
        """Update scikit-learn's attributes after an epoch, and return whether to stop."""
        self.n_iter_ += 1
        self.t_ += n_samples
        self.loss_ = float(block.losses[-1])
        self.loss_curve_.append(self.loss_)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        weights = held_out[2:] if TAKES_WEIGHTS else ()
        self._update_no_improvement_count(self.early_stopping, *held_out[:2], *weights)
        self._optimizer.iteration_ends(self.t_)
        if self._no_improvement_count <= self.n_iter_no_change:
            return False
        what = "Validation score" if self.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} "
            "consecutive epochs."
        )
        if self._optimizer.trigger_stopping(message, self.verbose):
            return True
        self._no_improvement_count = 0
        return False

    def _fit_lbfgs(self, X, y, *rest):
        """Let scikit-learn call its optimizer, and compute loss and gradient for it."""
        network = self._network(rest[-1])
        if not hasattr(self, "coefs_"):
            self._draw_initial_parameters(network, training_data(X, y, rest), self._random_state)
        # The weights come out in float64 in any case.
        data = training_data(X.astype(np.float64, copy=False), y, rest)
        parameters = packed(network, self.coefs_, self.intercepts_, np.float64)
        plan = Plan(solver_of(self), ConstantRate(), self.max_iter, alpha=float(self.alpha))
        problem = Problem(network, data, plan)
        with quietly(), closing(CompiledGradient(problem, parameters)) as objective:
            self._objective = network, objective
            try:
                super()._fit_lbfgs(X, y, *rest)
            finally:
                del self._objective

    def _loss_grad_lbfgs(self, packed_coef_inter, *rest):
        if "_objective" not in vars(self):
            return super()._loss_grad_lbfgs(packed_coef_inter, *rest)
        network, objective = self._objective
        self._unpack(packed_coef_inter)
        parameters = packed(network, self.coefs_, self.intercepts_, np.float64)
        loss, gradient = objective.loss_and_gradient(parameters)
        coefs, intercepts = coefs_and_intercepts(network, gradient)
        gradient = np.concatenate([array.ravel() for array in coefs + intercepts])
        return loss, gradient.astype(packed_coef_inter.dtype)


class MLPClassifier(OnOurEngine, neural_network.MLPClassifier):
    """scikit-learn's `MLPClassifier`, trained by skinit, with `init`.

    All other parameters, the attributes, the warnings and, with the same `random_state`, the
    weights are those of `sklearn.neural_network.MLPClassifier`, from which it derives.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, \
power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, \
early_stopping, validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        As in scikit-learn.
    init : str, Initializer, callable or sequence of these, default="scikit_learn"
        How weights and biases are initialized, as in `skinit.InitMLPClassifier`.

    Attributes
    ----------
    init_resolved_ : list of str
        How each layer was initialized. The others are scikit-learn's.

    See Also
    --------
    skinit.from_sklearn : Turns a model, fitted or not, into an `InitMLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skinit.drop_in import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(solver="lbfgs", max_iter=1000, init="he", random_state=1).fit(X, y)
    >>> clf.init_resolved_
    ['He()', 'He()']
    """

    if TYPE_CHECKING:  # a type checker cannot see a constructor that is made at run time

        def __init__(
            self, *settings: Any, init: InitLike = "scikit_learn", **more_settings: Any
        ) -> None: ...

    else:
        __init__ = with_init(neural_network.MLPClassifier)

    init_resolved_: list[str]
    _parameter_constraints = neural_network.MLPClassifier._parameter_constraints | {
        "init": "no_validation"  # `build_parameters` says what is wrong with it
    }


class MLPRegressor(OnOurEngine, neural_network.MLPRegressor):
    """scikit-learn's `MLPRegressor`, trained by skinit, with `init`.

    All other parameters, the attributes, the warnings and, with the same `random_state`, the
    weights are those of `sklearn.neural_network.MLPRegressor`, from which it derives.

    Parameters
    ----------
    loss, hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, \
learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, \
nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun
        As in scikit-learn, which has `loss` since 1.7.
    init : str, Initializer, callable or sequence of these, default="scikit_learn"
        How weights and biases are initialized, as in `skinit.InitMLPRegressor`.

    Attributes
    ----------
    init_resolved_ : list of str
        How each layer was initialized. The others are scikit-learn's.

    See Also
    --------
    skinit.from_sklearn : Turns a model, fitted or not, into an `InitMLPRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skinit.drop_in import MLPRegressor
    >>> X, y = make_regression(n_samples=200, n_features=5, random_state=1)
    >>> MLPRegressor(solver="lbfgs", max_iter=2000, random_state=1).fit(X, y).score(X, y) > 0.99
    True
    """

    if TYPE_CHECKING:  # a type checker cannot see a constructor that is made at run time

        def __init__(
            self, *settings: Any, init: InitLike = "scikit_learn", **more_settings: Any
        ) -> None: ...

    else:
        __init__ = with_init(neural_network.MLPRegressor)

    init_resolved_: list[str]
    _parameter_constraints = neural_network.MLPRegressor._parameter_constraints | {
        "init": "no_validation"
    }


class AveragedSquaredError(SquaredError):
    """The loss that scikit-learn reports: averaged over the outputs, which its gradient is not."""

    def per_sample(self, raw, targets):
        return super().per_sample(raw, targets) / targets.shape[-1]


# By scikit-learn's names of output activations.
LOSS_OF_LINK = {
    "logistic": LOSSES["binary_cross_entropy"],
    "softmax": LOSSES["multinomial_cross_entropy"],
    "identity": AveragedSquaredError(),
    "exp": LOSSES["poisson"],
}


class ScikitLearnRun(TrainingRun):
    """A run that updates scikit-learn's attributes on the estimator itself.

    Parameters
    ----------
    mlp : OnOurEngine
    problem, initial
        As in `TrainingRun`.
    held_out : tuple of (X, y, sample_weight)
        The samples to validate on, or None for each.
    """

    def __init__(self, mlp, problem, initial, held_out):
        super().__init__(problem, initial, rng=mlp._random_state)
        self.mlp, self.held_out = mlp, held_out

    def accept(self, block):
        """Keep the weights of an epoch, and let scikit-learn decide whether to stop."""
        mlp, plan, data = self.mlp, self.problem.plan, self.problem.data
        if plan.batch_size is None:  # scikit-learn shuffles also where there is one batch
            plan.draw_order(mlp._random_state)
        mlp.coefs_, mlp.intercepts_ = coefs_and_intercepts(self.problem.network, block.parameters)
        self.state = RunState(block.parameters, block.solver_state, block.end)
        if mlp._has_converged(block, len(data.targets), self.held_out):
            self.stop_at = block.end


class RateOf(BaseSchedule):
    """The learning rate that scikit-learn's optimizer has at the time."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    @property
    def initial(self):
        """The rate of the next iteration."""
        return float(self.optimizer.learning_rate)

    def rate(self, iteration, max_iter, n_plateaus=0):
        return self.initial


@dataclass(frozen=True)
class ScikitLearnPlan(Plan):
    """A plan in which an epoch shuffles what the last one has shuffled.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
        The order of the last epoch.
    """

    samples: np.ndarray | None = None

    def order(self, n_samples, rng):
        """Return the samples of an epoch in their order, or None where all are one batch."""
        if self.batch_size is None:
            return None
        self.draw_order(rng)
        return self.samples

    def draw_order(self, rng):
        """Shuffle once more."""
        if self.shuffle:
            self.samples[:] = shuffle(self.samples, random_state=rng)


def training_data(X, y, rest):
    """Bring what scikit-learn hands over to the form that the engine takes."""
    X = X.tocsr() if issparse(X) else np.ascontiguousarray(X)
    weight = rest[0] if TAKES_WEIGHTS else None
    if weight is not None:
        weight = np.ascontiguousarray(weight, dtype=X.dtype)
    return TrainingData(X, np.ascontiguousarray(y, dtype=X.dtype), weight)


@contextmanager
def quietly():
    """Compute as `skinit.training.train` does: on one thread of BLAS, and silent on overflow."""
    with np.errstate(over="ignore", invalid="ignore"), one_blas_thread():
        yield
