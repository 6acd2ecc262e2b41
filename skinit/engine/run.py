"""What all compiled runs have in common: their job, and how iterations are run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, Plan, TrainingData
from skinit.solvers import StateCell

__all__ = ["CompiledRun", "TrainingJob"]


@dataclass(frozen=True)
class TrainingJob:
    """What a training run works on.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        The initial parameters; changed in place.
    data : TrainingData
    plan : Plan
    state : StateCell
        The state of the solver; changed in place.
    rng : RandomState or None
        Draws the dropout masks; None for a network without dropout.
    """

    network: Network
    parameters: Array
    data: TrainingData
    plan: Plan
    state: StateCell
    rng: np.random.RandomState | None = None


class CompiledRun:
    """A training run as a list of bound calls, which `advance` executes block by block.

    Attributes
    ----------
    block_length : int
        The largest number of iterations that `advance` can do at a time.
    """

    block_length = 1

    def advance(
        self, rates: Sequence[float], draw_order: Callable[[], Any] = lambda: None
    ) -> Array:
        """Do one iteration for each learning rate; this changes the parameters of the job.

        Parameters
        ----------
        rates : sequence of at most `block_length` floats
        draw_order : callable
            Returns the order of the samples in an epoch; called with minibatches only.

        Returns
        -------
        ndarray of shape (n_iterations,)
            The mean loss before each step, including the penalty. With minibatches, an iteration
            is an epoch, and each batch counts with its loss before its own step.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Shut down the threads of the run, if it has created any."""
