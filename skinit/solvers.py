"""Solvers: how a step is taken, given the gradient.

A solver object holds settings only. What it remembers from step to step is its state, an object
that is handed in and returned.
"""

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
