"""Compare trainings of one network: with different initializers, or with different learning rates.

Read `compare` first: `compare_inits` trains one network from several initializers and seeds, and
`outcomes` describes in words how each run ended. `learning_rate` trains one network for a few
iterations at each of many learning rates, and suggests one.
A new kind of outcome is added to `describe_outcome` in `outcomes`; another number of each run is a
field of `InitRun` in `compare`.
"""

from skinit.comparison.compare import InitComparison, InitRun, compare_inits
from skinit.comparison.learning_rate import LearningRateSearch, find_learning_rate
from skinit.comparison.outcomes import describe_outcome

__all__ = [
    "InitComparison",
    "InitRun",
    "LearningRateSearch",
    "compare_inits",
    "describe_outcome",
    "find_learning_rate",
]
