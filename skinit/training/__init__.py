"""The training loop: from initial parameters to what a run has learned.

Read `loop` first: `train` lets an engine compute the iterations, which a `TrainingRun` (`run`)
records block by block (`block`), and returns a `TrainingResult`. There are two engines: `reference`
spells out an iteration in the formulas of `skinit.core`, and `compiled` does the same by
`skinit.engine`; both pass solvers that cannot take single steps, such as L-BFGS, to `minimizer`.
`early_stopping` counts iterations without progress, `evaluation` computes the final loss, `verbose`
prints the cost, and `errors` defines an exception and a warning. To watch a run in progress, write
an `Observer`; to compute the iterations in another way, write an engine and add it to `ENGINES`.
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
