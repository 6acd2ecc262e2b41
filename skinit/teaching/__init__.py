"""The experiments of the tutorials, and one pass of a network with all its numbers.

`tutorials` repeats the classic experiment on two circles and two moons; `trace` prints forward
pass, loss and gradient of a small network step by step. An experiment is added to `EXPERIMENTS`.
"""

from skinit.teaching.trace import Trace, trace
from skinit.teaching.tutorials import EXPERIMENTS, run_experiment

__all__ = ["EXPERIMENTS", "Trace", "run_experiment", "trace"]
