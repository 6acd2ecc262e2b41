"""What a training run solves: a network, the data it learns from, and how it is trained."""

from dataclasses import dataclass

from skinit.core.network import Network, TrainingData
from skinit.core.plan import Plan

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """A training problem, without the initial parameters.

    Parameters
    ----------
    network : Network
    data : TrainingData
    plan : Plan
    """

    network: Network
    data: TrainingData
    plan: Plan
