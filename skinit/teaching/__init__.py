"""For teaching: one pass through a network with all its numbers, and the tutorials' experiments.

`trace` prints forward pass, loss, gradient and update of a small network step by step, each with
its formula. `tutorials` repeats the two classic experiments, on two circles and on two moons, and
has the results that the tutorials published. The two modules do not depend on each other.
To add an experiment, add it to `EXPERIMENTS` in `tutorials`; the formula of a loss is added to
``LOSS_FORMULAS`` in `trace`.
"""

from skinit.teaching.trace import Trace, trace
from skinit.teaching.tutorials import EXPERIMENTS, run_experiment

__all__ = ["EXPERIMENTS", "Trace", "run_experiment", "trace"]
