"""The training loop: from initial parameters to what a run has learned.

Read `loop` first: `train` lets an engine compute the iterations of a `TrainingRun` (`run`), which
takes over block after block, and returns a `TrainingResult`. There are two engines: `reference`
spells out an iteration in the formulas of `skinit.core`, and `compiled` does the same by
`skinit.engine`; both leave solvers without single steps, such as L-BFGS, to `minimizer`.
`early_stopping` counts iterations without progress, `evaluation` computes the final loss, `verbose`
prints the cost, and `errors` has what a fit raises or warns. To look at a run while it goes on,
write an `Observer`; to compute iterations in another way, write an engine.
"""

from skinit.training.block import Block
from skinit.training.compiled import CompiledGradient, compiled_engine
from skinit.training.early_stopping import EarlyStoppingState
from skinit.training.errors import DivergedError, InterruptedFitWarning
from skinit.training.evaluation import evaluate
from skinit.training.loop import ENGINES, train
from skinit.training.reference import reference_engine
from skinit.training.run import Observer, RunState, TrainingResult, TrainingRun
from skinit.training.verbose import CostPrinter

__all__ = [
    "ENGINES",
    "Block",
    "CompiledGradient",
    "CostPrinter",
    "DivergedError",
    "EarlyStoppingState",
    "InterruptedFitWarning",
    "Observer",
    "RunState",
    "TrainingResult",
    "TrainingRun",
    "compiled_engine",
    "evaluate",
    "reference_engine",
    "train",
]
