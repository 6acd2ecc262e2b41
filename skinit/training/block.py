"""A block: consecutive iterations, and where they led."""

from dataclasses import dataclass

import numpy as np

from skinit._support import Array

__all__ = ["Block"]


@dataclass(frozen=True)
class Block:
    """Consecutive training iterations.

    Parameters
    ----------
    iteration : int
        The first of them, counted from 0.
    losses : ndarray of shape (n_iterations,)
        Mean loss before each step.
    parameters : ndarray of shape (n_parameters,)
        Parameters after the last step.
    solver_state : object
        State of the solver after the last step, see `BaseSolver.step`.
    """

    iteration: int
    losses: Array
    parameters: Array
    solver_state: object = None

    @property
    def end(self) -> int:
        """The iteration that comes next, which is also the number of iterations done."""
        return self.iteration + len(self.losses)

    def is_finite(self) -> bool:
        """Tell whether all losses and parameters are finite."""
        # The loss can be finite although parameters are not: a unit that outputs 0 hides them.
        return bool(np.isfinite(self.losses).all() and np.isfinite(self.parameters).all())
