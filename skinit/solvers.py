"""Solvers: how a gradient becomes a step.

A solver object holds settings only. Its state, such as a velocity, is a separate object, which
`step` takes and returns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg import get_blas_funcs
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, clone

from skinit._support import Array, check_number, look_up, refuse_class

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "Adam",
    "BaseSolver",
    "GradientDescent",
    "RMSprop",
    "SolverLike",
    "StateCell",
    "adding",
    "clipped",
    "resolve_solver",
]


# Callables without arguments, see `skinit.engine`.
Calls: TypeAlias = list[Any]


@dataclass
class StateCell:
    """Holds the state of a solver, so that bound calls can replace it.

    Parameters
    ----------
    value : object
        As `BaseSolver.initial_state` or `BaseSolver.step` returned it.
    """

    value: Any = None


class BaseSolver(BaseEstimator):
    """Base class of all solvers: ``initial_state(parameters)`` and ``step(...)``.

    Attributes
    ----------
    takes_minibatches : bool
        Whether the default is minibatches, where an iteration is an epoch.
    takes_steps : bool
        Whether the solver has a `step`; otherwise it has a `minimize`, as `LBFGS` does.
    clip_norm : float or None
        Upper limit for the norm of the whole gradient before a step [1]_.
    max_norm : float or None
        Upper limit for the norm of the incoming weights of a unit after a step [2]_.
    scale_free : bool
        Whether the length of a parameter's step does not depend on the size of its gradient.
    epsilon : float
        The size of gradients down to which that is true.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
       networks", ICML 2013, section 3.2.
    .. [2] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
       overfitting", JMLR 15, 2014.
    """

    takes_minibatches = False
    takes_steps = True
    clip_norm: float | None = None
    max_norm: float | None = None
    scale_free = False
    epsilon: float = 0.0

    def initial_state(self, parameters: Array) -> Any:
        """Return the state before the first step, for parameters of this shape and dtype."""
        return None

    def step(
        self, parameters: Array, gradient: Array, learning_rate: float, state: Any
    ) -> tuple[Array, Any]:
        """Take one step.

        Parameters
        ----------
        parameters : ndarray of shape (..., n_parameters)
        gradient : ndarray of shape (..., n_parameters)
        learning_rate : float
        state : object
            As `initial_state` or the previous step returned it.

        Returns
        -------
        parameters : ndarray of shape (..., n_parameters)
            A new array; the argument is not changed.
        state : object
        """
        raise NotImplementedError

    def check_settings(self) -> None:
        """Raise a `ValueError` or a `TypeError` that names the invalid setting."""
        for name in ("clip_norm", "max_norm"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, above=0)

    def gradient_factor(self, learning_rate: float) -> float | None:
        """Return the factor of a step that is a multiple of the gradient, otherwise None.

        With a factor, `skinit.engine` can compute gradient and step as one product.
        """
        return None

    def compiled_calls(
        self, parameters: Array, gradient: Array, learning_rate: Array, cell: StateCell
    ) -> Calls:
        """Bind the calls that take a step in place, for `skinit.engine.compile`.

        Overriding this is optional: by default, the calls use `step`.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            Changed in place.
        gradient : ndarray of shape (n_parameters,)
            May be overwritten.
        learning_rate : ndarray of shape ()
            Its value is the learning rate of the current iteration.
        cell : StateCell
            Holds the state before and after the step. Arrays in it may be changed in place.

        Returns
        -------
        list of callables
        """

        def take_step():
            # Copies, as `step` may keep its arguments, and the engine overwrites these arrays.
            arrays = parameters.copy(), gradient.copy()
            parameters[:], cell.value = self.step(*arrays, float(learning_rate), cell.value)

        return [take_step]


class GradientDescent(BaseSolver):
    r"""Full-batch gradient descent, without momentum.

    .. math:: \theta \leftarrow \theta - \eta \, \nabla L(\theta)

    Parameters
    ----------
    clip_norm, max_norm : float, default=None
        Limits, see `BaseSolver`.

    References
    ----------
    A. Cauchy, "Methode generale pour la resolution des systemes d'equations simultanees",
    Comptes rendus 25, 1847.

    Examples
    --------
    >>> import numpy as np
    >>> solver = GradientDescent()
    >>> parameters, state = solver.step(np.array([1.0]), np.array([2.0]), 0.1, None)
    >>> parameters
    array([0.8])
    """

    def __init__(self, *, clip_norm: float | None = None, max_norm: float | None = None) -> None:
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def step(
        self, parameters: Array, gradient: Array, learning_rate: float, state: Any
    ) -> tuple[Array, Any]:
        return parameters - learning_rate * gradient, state

    def gradient_factor(self, learning_rate: float) -> float | None:
        return -learning_rate

    def compiled_calls(
        self, parameters: Array, gradient: Array, learning_rate: Array, cell: StateCell
    ) -> Calls:
        minus_rate = np.empty_like(learning_rate)
        return [
            partial(np.negative, learning_rate, minus_rate),
            adding(minus_rate, gradient, parameters),
        ]


class SGD(BaseSolver):
    r"""Stochastic gradient descent on minibatches, with momentum.

    .. math::
        v \leftarrow \mu v - \eta \, \nabla L(\theta), \qquad
        \theta \leftarrow \theta + v

    Nesterov's variant takes :math:`\theta \leftarrow \theta + \mu v - \eta \, \nabla L(\theta)`
    with the new v: the gradient at the point ahead, written in terms of the shifted parameters.

    Parameters
    ----------
    momentum : float, default=0.9
        :math:`\mu`, from 0 to below 1.
    nesterov : bool, default=True
    clip_norm, max_norm : float, default=None
        Limits, see `BaseSolver`.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> solver = SGD(momentum=0.5, nesterov=False)
    >>> parameters, velocity = np.array([1.0]), solver.initial_state(np.array([1.0]))
    >>> for _ in range(3):
    ...     parameters, velocity = solver.step(parameters, np.array([2.0]), 0.1, velocity)
    ...     print(parameters.round(3))
    [0.8]
    [0.5]
    [0.15]
    """

    takes_minibatches = True

    def __init__(
        self,
        momentum: float = 0.9,
        *,
        nesterov: bool = True,
        clip_norm: float | None = None,
        max_norm: float | None = None,
    ) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.momentum, "momentum", low=0, below=1)

    def initial_state(self, parameters: Array) -> Any:
        return np.zeros_like(parameters)

    def step(
        self, parameters: Array, gradient: Array, learning_rate: float, state: Any
    ) -> tuple[Array, Any]:
        descent = learning_rate * gradient
        velocity = self.momentum * state - descent
        if self.nesterov:
            return parameters + (self.momentum * velocity - descent), velocity
        return parameters + velocity, velocity

    def gradient_factor(self, learning_rate: float) -> float | None:
        return -learning_rate if self.momentum == 0 else None

    def compiled_calls(
        self, parameters: Array, gradient: Array, learning_rate: Array, cell: StateCell
    ) -> Calls:
        velocity, minus_rate = cell.value, np.empty_like(learning_rate)
        calls = [
            partial(np.negative, learning_rate, minus_rate),
            scaling(self.momentum, velocity),
            adding(minus_rate, gradient, velocity),
        ]
        if not self.nesterov:
            return [*calls, adding(1.0, velocity, parameters)]
        return [
            *calls,
            adding(self.momentum, velocity, parameters),
            adding(minus_rate, gradient, parameters),
        ]


class RMSprop(BaseSolver):
    r"""Steps divided by a running average of the size of each parameter's gradient.

    .. math::
        s \leftarrow \rho s + (1 - \rho) \, \nabla L(\theta)^2, \qquad
        \theta \leftarrow \theta - \eta \, \nabla L(\theta) / (\sqrt{s} + \epsilon)

    Parameters
    ----------
    decay : float, default=0.9
        :math:`\rho`, from 0 to below 1.
    epsilon : float, default=1e-8
    clip_norm, max_norm : float, default=None
        Limits, see `BaseSolver`.

    References
    ----------
    T. Tieleman and G. Hinton, "Neural networks for machine learning", lecture 6.5, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> solver = RMSprop(decay=0.75)
    >>> parameters, state = np.ones(2), solver.initial_state(np.ones(2))
    >>> parameters, state = solver.step(parameters, np.array([1e-3, 1e3]), 0.1, state)
    >>> parameters.round(3)  # the same step, whatever the gradient's size
    array([0.8, 0.8])
    """

    takes_minibatches = True
    scale_free = True

    def __init__(
        self,
        decay: float = 0.9,
        *,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        max_norm: float | None = None,
    ) -> None:
        self.decay = decay
        self.epsilon = epsilon
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.decay, "decay", low=0, below=1)
        check_number(self.epsilon, "epsilon", above=0)

    def initial_state(self, parameters: Array) -> Any:
        return np.zeros_like(parameters)

    def step(
        self, parameters: Array, gradient: Array, learning_rate: float, state: Any
    ) -> tuple[Array, Any]:
        square = self.decay * state + (1 - self.decay) * gradient**2
        return parameters - learning_rate * gradient / (np.sqrt(square) + self.epsilon), square

    def compiled_calls(
        self, parameters: Array, gradient: Array, learning_rate: Array, cell: StateCell
    ) -> Calls:
        square, root = cell.value, np.empty_like(parameters)
        minus_rate, epsilon = np.empty_like(learning_rate), parameters.dtype.type(self.epsilon)
        return [
            partial(np.negative, learning_rate, minus_rate),
            partial(np.multiply, gradient, gradient, root),
            *averaging(square, root, self.decay),
            partial(np.sqrt, square, root),
            partial(np.add, root, epsilon, root),
            partial(np.divide, gradient, root, root),
            adding(minus_rate, root, parameters),
        ]


class Adam(BaseSolver):
    r"""Averages of the gradient and of its square, corrected because they begin at zero.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) \, \nabla L(\theta), \qquad
        s \leftarrow \beta_2 s + (1 - \beta_2) \, \nabla L(\theta)^2

    .. math::
        \theta \leftarrow \theta - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
        \frac{m}{\sqrt{s} + \epsilon} - \eta \lambda \theta

    for step t, counted from 1: the efficient form at the end of section 2 of [1]_, in which
    :math:`\epsilon` is not corrected, as in scikit-learn. The last term is decoupled weight decay
    [2]_ of all parameters; `alpha` of the estimator is an L2 penalty instead.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        From 0 to below 1.
    epsilon : float, default=1e-8
    weight_decay : float, default=0.0
        :math:`\lambda`; with it, this is AdamW.
    clip_norm, max_norm : float, default=None
        Limits, see `BaseSolver`.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> solver = Adam()
    >>> parameters, state = np.ones(2), solver.initial_state(np.ones(2))
    >>> parameters, state = solver.step(parameters, np.array([1e-3, 1e3]), 0.1, state)
    >>> parameters.round(3)  # the first step is the learning rate
    array([0.9, 0.9])
    """

    takes_minibatches = True
    scale_free = True

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        *,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
    ) -> None:
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def check_settings(self) -> None:
        super().check_settings()
        check_number(self.beta_1, "beta_1", low=0, below=1)
        check_number(self.beta_2, "beta_2", low=0, below=1)
        check_number(self.epsilon, "epsilon", above=0)
        check_number(self.weight_decay, "weight_decay", low=0)

    def initial_state(self, parameters: Array) -> Any:
        return np.zeros_like(parameters), np.zeros_like(parameters), 0

    def step(
        self, parameters: Array, gradient: Array, learning_rate: float, state: Any
    ) -> tuple[Array, Any]:
        mean, square, n_steps = state
        mean = self.beta_1 * mean + (1 - self.beta_1) * gradient
        square = self.beta_2 * square + (1 - self.beta_2) * gradient**2
        rate = learning_rate * self.correction(n_steps + 1)
        moved = parameters - rate * mean / (np.sqrt(square) + self.epsilon)
        if self.weight_decay:
            moved -= learning_rate * self.weight_decay * parameters
        return moved, (mean, square, n_steps + 1)

    def correction(self, n_steps: int) -> float:
        """Return the factor that corrects averages that begin at zero."""
        return float(np.sqrt(1 - self.beta_2**n_steps) / (1 - self.beta_1**n_steps))

    def compiled_calls(
        self, parameters: Array, gradient: Array, learning_rate: Array, cell: StateCell
    ) -> Calls:
        (mean, square, _), work = cell.value, np.empty_like(parameters)
        minus_rate, pull = np.empty_like(learning_rate), np.empty_like(learning_rate)
        epsilon = parameters.dtype.type(self.epsilon)

        def count():
            n_steps = cell.value[2] + 1
            cell.value = mean, square, n_steps
            correction = self.correction(n_steps)
            minus_rate[...] = -float(learning_rate) * correction
            pull[...] = self.weight_decay / correction

        return [
            count,
            *averaging(mean, gradient, self.beta_1),
            partial(np.multiply, gradient, gradient, work),
            *averaging(square, work, self.beta_2),
            partial(np.sqrt, square, work),
            partial(np.add, work, epsilon, work),
            partial(np.divide, mean, work, work),
            *([adding(pull, parameters, work)] if self.weight_decay else []),
            adding(minus_rate, work, parameters),
        ]


class LBFGS(BaseSolver):
    """A quasi-Newton method, `scipy.optimize.minimize` with ``method="L-BFGS-B"``.

    It chooses its step lengths by line search, so that `learning_rate` is not used, and needs few
    iterations on small data. It converges when no component of the gradient is above `tol` of the
    estimator (1e-5 if that is None), or when steps hardly lower the loss.

    Parameters
    ----------
    history_size : int, default=10
        Number of previous steps from which the curvature is estimated.
    max_fun : int, default=15000
        Maximum number of evaluations of loss and gradient; an iteration takes one or a few.

    References
    ----------
    D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45, 1989.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles
    >>> X_train, y_train, X_test, y_test = load_circles()
    >>> model = InitMLPClassifier(solver="lbfgs", max_iter=200, alpha=0.1, random_state=3)
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    takes_steps = False

    def __init__(self, *, history_size: int = 10, max_fun: int = 15000) -> None:
        self.history_size = history_size
        self.max_fun = max_fun

    def check_settings(self) -> None:
        check_number(self.history_size, "history_size", low=1, kind=Integral)
        check_number(self.max_fun, "max_fun", low=1, kind=Integral)

    def minimize(
        self,
        objective: Callable[[Array], tuple[Any, Array]],
        parameters: Array,
        max_iter: int,
        tol: float | None,
        visit: Callable[[float, Array], bool],
    ) -> bool:
        """Minimize a function.

        Parameters
        ----------
        objective : callable
            ``objective(parameters)`` returns loss and gradient.
        parameters : ndarray of shape (n_parameters,)
            The initial parameters; not changed in place.
        max_iter : int
        tol : float or None
            Converge when no component of the gradient is above it.
        visit : callable
            ``visit(loss, parameters)`` is called after each iteration, with the loss before it and
            the new parameters. It returns whether to continue.

        Returns
        -------
        bool
            Whether the minimization has converged.
        """
        # The last evaluated parameters with their loss, and the loss before the current iteration.
        evaluated = before = None

        def evaluate(x):
            nonlocal evaluated, before
            loss, gradient = objective(x.astype(parameters.dtype, copy=False))
            evaluated = x, float(loss)  # scipy passes a copy
            before = evaluated[1] if before is None else before
            return loss, gradient.astype(np.float64)

        def after(x):
            nonlocal before
            # The line search may have evaluated another point last.
            if not (x == evaluated[0]).all():
                evaluate(x)
            loss, before = before, evaluated[1]
            if not visit(loss, x.astype(parameters.dtype, copy=False)):
                raise StoppedError

        options = {
            "maxiter": max_iter,
            "maxfun": self.max_fun,
            "maxcor": self.history_size,
            "gtol": 1e-5 if tol is None else tol,
        }
        x = parameters.astype(np.float64)
        try:
            result = minimize(
                evaluate, x, method="L-BFGS-B", jac=True, callback=after, options=options
            )
        except StoppedError:
            return False
        return result.nit < max_iter and result.nfev < self.max_fun


class StoppedError(Exception):
    """Raised in a callback to stop a minimization, which works with all versions of scipy."""


def scaling(factor: float | Array, values: Array) -> Callable[[], Any]:
    """Bind ``values *= factor`` in place, where the factor is a number or an array of shape ()."""
    [scal] = get_blas_funcs(["scal"], dtype=values.dtype)
    return partial(scal, factor, values)


def adding(factor: float | Array, summand: Array, values: Array) -> Callable[[], Any]:
    """Bind ``values += factor * summand`` in place, with a factor as for `scaling`."""
    [axpy] = get_blas_funcs(["axpy"], dtype=values.dtype)
    # BLAS would copy an array of another dtype, and the sum would be lost.
    assert summand.dtype == values.dtype == axpy.dtype
    return partial(axpy, summand, values, len(values), factor)


def averaging(average: Array, values: Array, share: float) -> Calls:
    """Bind ``average = share * average + (1 - share) * values``."""
    return [scaling(share, average), adding(1 - share, values, average)]


def clipped(gradient: Array, clip_norm: float) -> Array:
    """Scale a gradient down to a norm, over the last axis, if its norm is larger."""
    norm = np.linalg.norm(gradient, axis=-1, keepdims=True)
    return gradient * np.minimum(1, clip_norm / np.maximum(norm, np.finfo(gradient.dtype).tiny))


SOLVERS = {
    "gd": GradientDescent(),
    "sgd": SGD(),
    "rmsprop": RMSprop(),
    "adam": Adam(),
    "lbfgs": LBFGS(),
}


SolverLike: TypeAlias = str | BaseSolver


def resolve_solver(solver: SolverLike) -> BaseSolver:
    """Turn a name or an object into a solver.

    Parameters
    ----------
    solver : str or BaseSolver
        A name of ``SOLVERS``, or an object.

    Returns
    -------
    BaseSolver
        A new object for a name, otherwise the given object.

    Raises
    ------
    ValueError
        If the name is not known, or a setting of the object is out of range.
    TypeError
        If the object is neither a name nor a solver, or a setting has the wrong type.

    Examples
    --------
    >>> resolve_solver("gd")
    GradientDescent()
    >>> resolve_solver(SGD(momentum=2))
    Traceback (most recent call last):
    ...
    ValueError: momentum == 2, must be < 1.
    """
    if isinstance(solver, str):
        return clone(look_up(solver, SOLVERS, "solver"))
    refuse_class(solver, "solver")
    if not isinstance(solver, BaseSolver):
        raise TypeError(
            f"solver={solver!r} is not a solver; give a name such as 'gd' or an object such as "
            "GradientDescent()"
        )
    solver.check_settings()
    return solver
