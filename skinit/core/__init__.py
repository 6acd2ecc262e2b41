"""The mathematics of a multilayer perceptron, in plain NumPy: the specification.

Read `network` first: forward pass, loss and gradient as pure functions on flat parameter vectors.
`dropout` draws the masks of a step, and `plan` says how a run trains: solver, schedule, number of
iterations, batch size; `problem` puts network, data and plan together. Whatever is faster, in
`skinit.engine`, has to agree with these functions. To add to the mathematics of all networks, begin
here; activations, losses, solvers and schedules are modules of their own beside this package.
"""

from skinit.core.dropout import draw_masks, mask_calls
from skinit.core.network import (
    Network,
    TrainingData,
    backward,
    carry_back,
    forward,
    layer_blocks,
    layer_views,
    limit_norms,
    loss_and_gradient,
    mean_loss,
    penalty,
    transpose,
    weighted_sum,
)
from skinit.core.plan import Plan
from skinit.core.problem import Problem

__all__ = [
    "Network",
    "Plan",
    "Problem",
    "TrainingData",
    "backward",
    "carry_back",
    "draw_masks",
    "forward",
    "layer_blocks",
    "layer_views",
    "limit_norms",
    "loss_and_gradient",
    "mask_calls",
    "mean_loss",
    "penalty",
    "transpose",
    "weighted_sum",
]
