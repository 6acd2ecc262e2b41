"""What an engine hands over: some iterations in a row, and where they led."""

from dataclasses import dataclass

import numpy as np

from skinit._support import Array

__all__ = ["Block"]


@dataclass(frozen=True)
class Block:
    """Some iterations of training in a row.

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
        # A unit whose output is always 0 hides parameters that are not finite from the loss.
        return bool(np.isfinite(self.losses).all() and np.isfinite(self.parameters).all())
