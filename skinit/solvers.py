"""Solvers: how a step is taken, given the gradient.

A solver object holds settings only. What it remembers from step to step is its state, an object
that is handed in and returned.
"""

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, clone

from skinit.registry import look_up

__all__ = ["SOLVERS", "BaseSolver", "GradientDescent", "resolve_solver"]


class BaseSolver(BaseEstimator):
    """What every solver answers: ``initial_state(parameters)`` and ``step(...)``."""

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

    def tape_factor(self, learning_rate):
        """Return the number whose product with the gradient is the step, if that is all there is.

        Then `skinit.tape` needs no calls: it takes the step where it computes the gradient.
        """
        return None

    def tape_calls(self, parameters, gradient, learning_rate, memory):
        """Bind the calls that take a step in place, for `skinit.tape`.

        A solver need not bring its own: by default, they call `step`.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            Changed in place.
        gradient : ndarray of shape (n_parameters,)
        learning_rate : float
        memory : list
            Its one entry is the state, before and after.

        Returns
        -------
        list of callables
        """

        def take_step():
            # Copies, as a solver may keep what it is given, and the tape overwrites its arrays.
            arrays = parameters.copy(), gradient.copy()
            parameters[:], memory[0] = self.step(*arrays, learning_rate, memory[0])

        return [take_step]


class GradientDescent(BaseSolver):
    r"""Full-batch gradient descent, without momentum.

    .. math:: \theta \leftarrow \theta - \eta \, \nabla L(\theta)

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

    def step(self, parameters, gradient, learning_rate, state):
        return parameters - learning_rate * gradient, state

    def tape_factor(self, learning_rate):
        return -learning_rate

    def tape_calls(self, parameters, gradient, learning_rate, memory):
        return [
            partial(np.multiply, gradient, parameters.dtype.type(-learning_rate), gradient),
            partial(np.add, parameters, gradient, parameters),
        ]


SOLVERS = {"gd": GradientDescent()}


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
        If the name is not known.
    TypeError
        If the object is neither a name nor a solver.

    Examples
    --------
    >>> resolve_solver("gd")
    GradientDescent()
    """
    if isinstance(solver, str):
        return clone(look_up(solver, SOLVERS, "solver"))
    if not isinstance(solver, BaseSolver):
        raise TypeError(
            f"solver={solver!r} is not a solver; give a name such as 'gd' or an object such as "
            "GradientDescent()"
        )
    return solver
