"""Printing the cost during training, as the tutorials do."""

import sys
from typing import TextIO

from skinit.training.block import Block
from skinit.training.run import Observer, TrainingRun

__all__ = ["CostPrinter"]


class CostPrinter(Observer):
    """Prints the cost about 15 times, with the validation score where there is one.

    Parameters
    ----------
    max_iter : int
        Number of iterations of the whole run.
    file : file object or None
        Where to print; None is standard output.

    Examples
    --------
    >>> import numpy as np
    >>> printer = CostPrinter(max_iter=15000)
    >>> for iteration in range(0, 2500, 10):
    ...     losses = 1 / np.arange(iteration + 1, iteration + 11)
    ...     stop = printer.observe(None, Block(iteration, losses, parameters=None))
    Cost after iteration 0: 1.0
    Cost after iteration 1000: 0.000999000999000999
    Cost after iteration 2000: 0.0004997501249375312
    """

    def __init__(self, max_iter: int, file: TextIO | None = None) -> None:
        self.max_iter, self.file, self.every = max_iter, file, round_step(max_iter)

    def observe(self, run: TrainingRun | None, block: Block) -> bool:
        score = f", validation score: {run.scores[-1]:.4f}" if run and run.scores else ""
        for iteration, loss in enumerate(block.losses.tolist(), start=block.iteration):
            if iteration % self.every == 0 or iteration == self.max_iter - 1:
                file = self.file or sys.stdout
                print(f"Cost after iteration {iteration}: {loss}{score}", file=file)
        return False


def round_step(n: int, most: int = 15) -> int:
    """Return the smallest step of 1, 2, 5, 10, 20, 50, ... that makes at most `most` lines."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if n <= most * digit * power:
                return digit * power
        power *= 10
