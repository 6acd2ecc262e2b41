"""The training loop: blocks of iterations, and what is kept of them.

Read `loop` first: `train` takes blocks from an engine and decides when to stop and what to keep.
`compiled` has the engines, and `early_stopping` counts iterations without progress. To stop a run
for another reason, look at `early_stopping`; to run the iterations in another way, write an engine
as those in `compiled`.
"""

from skinit.training.compiled import Block, GradientTape, Progress
from skinit.training.early_stopping import Standing
from skinit.training.loop import (
    ENGINES,
    DivergedError,
    InterruptedFitWarning,
    TrainingResult,
    evaluate,
    print_cost,
    train,
)

__all__ = [
    "ENGINES",
    "Block",
    "DivergedError",
    "GradientTape",
    "InterruptedFitWarning",
    "Progress",
    "Standing",
    "TrainingResult",
    "evaluate",
    "print_cost",
    "train",
]
