"""Solvers: how a step is taken, given the gradient.

A solver object holds settings only. What it remembers from step to step is its state, an object
that is handed in and returned.
"""

from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from scipy.linalg import get_blas_funcs
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, clone

from skinit._support import check_number, look_up, refuse_class

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "Adam",
    "BaseSolver",
    "GradientDescent",
    "RMSprop",
    "StateCell",
    "adding",
    "clipped",
    "resolve_solver",
]


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
    """What every solver answers: ``initial_state(parameters)`` and ``step(...)``.

    Attributes
    ----------
    takes_minibatches : bool
        Whether an iteration is an epoch of steps on a few samples each, unless told otherwise.
    takes_steps : bool
        Whether it has a `step`; else it has a `minimize`, as `LBFGS` has.
    clip_norm : float or None
        What the norm of the whole gradient is limited to before a step [1]_.
    max_norm : float or None
        What the norm of a unit's incoming weights is limited to after a step [2]_.
    scale_free : bool
        Whether the step of each parameter is as long, however small its gradient is.
    epsilon : float
        Down to which gradients that holds.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
       networks", ICML 2013, section 3.2.
    .. [2] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
       overfitting", JMLR 15, 2014.
    """

    takes_minibatches = False
    takes_steps = True
    clip_norm = None
    max_norm = None
    scale_free = False
    epsilon = 0.0

    def initial_state(self, parameters):
        """Make the state before the first step, for parameters of this shape and dtype."""
        return None

    def step(self, parameters, gradient, learning_rate, state):
        """Take one step.

        Parameters
        ----------
        parameters : ndarray of shape (..., n_parameters)
        gradient : ndarray of shape (..., n_parameters)
        learning_rate : float
        state : object
            As `initial_state` or the step before returned it.

        Returns
        -------
        parameters : ndarray of shape (..., n_parameters)
            The new ones; the array that came in is left as it was.
        state : object
        """
        raise NotImplementedError

    def check_settings(self):
        """Raise a `ValueError` or a `TypeError` that names the setting that is wrong."""
        for name in ("clip_norm", "max_norm"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, above=0)

    def gradient_factor(self, learning_rate):
        """Return the number whose product with the gradient is the step, if that is all there is.

        Then `skinit.engine` needs no calls: it takes the step where it computes the gradient.
        """
        return None

    def compiled_calls(self, parameters, gradient, learning_rate, cell):
        """Bind the calls that take a step in place, for `skinit.engine.compile`.

        A solver need not bring its own: by default, they call `step`.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            Changed in place.
        gradient : ndarray of shape (n_parameters,)
            May be used up.
        learning_rate : ndarray of shape ()
            The rate of the iteration that is under way.
        cell : StateCell
            Holds the state, before and after. Its arrays may be changed in place.

        Returns
        -------
        list of callables
        """

        def take_step():
            # Copies, as a solver may keep what it is given, and the tape overwrites its arrays.
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

    def __init__(self, *, clip_norm=None, max_norm=None):
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def step(self, parameters, gradient, learning_rate, state):
        return parameters - learning_rate * gradient, state

    def gradient_factor(self, learning_rate):
        return -learning_rate

    def compiled_calls(self, parameters, gradient, learning_rate, cell):
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
    with the new v, which is his gradient ahead of the step, written at the point that is reached.

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

    def __init__(self, momentum=0.9, *, nesterov=True, clip_norm=None, max_norm=None):
        self.momentum = momentum
        self.nesterov = nesterov
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def check_settings(self):
        super().check_settings()
        check_number(self.momentum, "momentum", low=0, below=1)

    def initial_state(self, parameters):
        return np.zeros_like(parameters)

    def step(self, parameters, gradient, learning_rate, state):
        descent = learning_rate * gradient
        velocity = self.momentum * state - descent
        if self.nesterov:
            return parameters + (self.momentum * velocity - descent), velocity
        return parameters + velocity, velocity

    def gradient_factor(self, learning_rate):
        return -learning_rate if self.momentum == 0 else None

    def compiled_calls(self, parameters, gradient, learning_rate, cell):
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
    r"""Steps divided by the size that each parameter's gradient has had lately.

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

    def __init__(self, decay=0.9, *, epsilon=1e-8, clip_norm=None, max_norm=None):
        self.decay = decay
        self.epsilon = epsilon
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def check_settings(self):
        super().check_settings()
        check_number(self.decay, "decay", low=0, below=1)
        check_number(self.epsilon, "epsilon", above=0)

    def initial_state(self, parameters):
        return np.zeros_like(parameters)

    def step(self, parameters, gradient, learning_rate, state):
        square = self.decay * state + (1 - self.decay) * gradient**2
        return parameters - learning_rate * gradient / (np.sqrt(square) + self.epsilon), square

    def compiled_calls(self, parameters, gradient, learning_rate, cell):
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
    r"""Averages of the gradient and of its square, corrected for their start at zero.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) \, \nabla L(\theta), \qquad
        s \leftarrow \beta_2 s + (1 - \beta_2) \, \nabla L(\theta)^2

    .. math::
        \theta \leftarrow \theta - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
        \frac{m}{\sqrt{s} + \epsilon} - \eta \lambda \theta

    for step t, counted from 1: the efficient form at the end of section 2 of [1]_, in which
    :math:`\epsilon` is not corrected, as in scikit-learn. The last term is decoupled weight decay
    [2]_ of all parameters, which `alpha` of the estimator is not.

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
        beta_1=0.9,
        beta_2=0.999,
        *,
        epsilon=1e-8,
        weight_decay=0.0,
        clip_norm=None,
        max_norm=None,
    ):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.max_norm = max_norm

    def check_settings(self):
        super().check_settings()
        check_number(self.beta_1, "beta_1", low=0, below=1)
        check_number(self.beta_2, "beta_2", low=0, below=1)
        check_number(self.epsilon, "epsilon", above=0)
        check_number(self.weight_decay, "weight_decay", low=0)

    def initial_state(self, parameters):
        return np.zeros_like(parameters), np.zeros_like(parameters), 0

    def step(self, parameters, gradient, learning_rate, state):
        mean, square, n_steps = state
        mean = self.beta_1 * mean + (1 - self.beta_1) * gradient
        square = self.beta_2 * square + (1 - self.beta_2) * gradient**2
        rate = learning_rate * self.correction(n_steps + 1)
        moved = parameters - rate * mean / (np.sqrt(square) + self.epsilon)
        if self.weight_decay:
            moved -= learning_rate * self.weight_decay * parameters
        return moved, (mean, square, n_steps + 1)

    def correction(self, n_steps):
        """Return the factor that makes up for averages that begin at zero."""
        return float(np.sqrt(1 - self.beta_2**n_steps) / (1 - self.beta_1**n_steps))

    def compiled_calls(self, parameters, gradient, learning_rate, cell):
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

    It chooses its own step lengths, so that `learning_rate` is not used, and needs few iterations
    on small data. It ends by itself when no component of the gradient is above `tol` of the
    estimator (1e-5 where that is None), or when steps gain next to nothing.

    Parameters
    ----------
    history_size : int, default=10
        How many of the last steps the curvature is estimated from.
    max_fun : int, default=15000
        The most evaluations of loss and gradient; an iteration takes one or a few.

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

    def __init__(self, *, history_size=10, max_fun=15000):
        self.history_size = history_size
        self.max_fun = max_fun

    def check_settings(self):
        check_number(self.history_size, "history_size", low=1, kind=Integral)
        check_number(self.max_fun, "max_fun", low=1, kind=Integral)

    def minimize(self, objective, parameters, max_iter, tol, visit):
        """Minimize a function.

        Parameters
        ----------
        objective : callable
            Takes parameters and returns loss and gradient.
        parameters : ndarray of shape (n_parameters,)
            Where to begin.
        max_iter : int
        tol : float or None
            What the largest component of the gradient should come below.
        visit : callable
            Called after each iteration, with the loss before it and the new parameters; the answer
            tells whether to go on.

        Returns
        -------
        bool
            Whether there is nothing left to gain.
        """
        evaluated = before = None

        def evaluate(x):
            nonlocal evaluated, before
            loss, gradient = objective(x.astype(parameters.dtype, copy=False))
            evaluated = x, float(loss)  # scipy gives a copy of its own
            before = evaluated[1] if before is None else before
            return loss, gradient.astype(np.float64)

        def after(x):
            nonlocal before
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
        start = parameters.astype(np.float64)
        try:
            result = minimize(
                evaluate, start, method="L-BFGS-B", jac=True, callback=after, options=options
            )
        except StoppedError:
            return False
        return result.nit < max_iter and result.nfev < self.max_fun


class StoppedError(Exception):
    """Leaves a minimization from within, in all versions of scipy alike."""


def scaling(factor, values):
    """Bind ``values *= factor``, in place, for a number or an array of one number."""
    [scal] = get_blas_funcs(["scal"], dtype=values.dtype)
    return partial(scal, factor, values)


def adding(factor, summand, values):
    """Bind ``values += factor * summand``, in place, for a number or an array of one number."""
    [axpy] = get_blas_funcs(["axpy"], dtype=values.dtype)
    # What is of another dtype BLAS would copy, and the sum be lost.
    assert summand.dtype == values.dtype == axpy.dtype
    return partial(axpy, summand, values, len(values), factor)


def averaging(average, values, share):
    """Bind ``average = share * average + (1 - share) * values``."""
    return [scaling(share, average), adding(1 - share, values, average)]


def clipped(gradient, clip_norm):
    """Scale a gradient down to a norm, over the last axis, if it is larger."""
    norm = np.linalg.norm(gradient, axis=-1, keepdims=True)
    return gradient * np.minimum(1, clip_norm / np.maximum(norm, np.finfo(gradient.dtype).tiny))


SOLVERS = {
    "gd": GradientDescent(),
    "sgd": SGD(),
    "rmsprop": RMSprop(),
    "adam": Adam(),
    "lbfgs": LBFGS(),
}


def resolve_solver(solver):
    """Turn a name or an object into a solver.

    Parameters
    ----------
    solver : str or BaseSolver
        A name of ``SOLVERS``, or an object.

    Returns
    -------
    BaseSolver
        A fresh copy for a name, otherwise the object that was given.

    Raises
    ------
    ValueError
        If the name is not known, or a setting of the object is out of range.
    TypeError
        If the object is neither a name nor a solver, or a setting is of a wrong type.

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
