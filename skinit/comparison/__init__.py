"""What one learns from training networks side by side.

`compare` trains one network from several initializers on the same splits; `learning_rate` trains
it at many learning rates and suggests one.
"""

from skinit.comparison.compare import InitComparison, InitRun, compare_inits, describe_outcome
from skinit.comparison.learning_rate import LearningRateSearch, find_learning_rate

__all__ = [
    "InitComparison",
    "InitRun",
    "LearningRateSearch",
    "compare_inits",
    "describe_outcome",
    "find_learning_rate",
]
