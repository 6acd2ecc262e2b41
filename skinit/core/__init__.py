"""The mathematics of a multilayer perceptron in plain NumPy: the reference implementation.

Read `network` first: forward pass, loss and gradient as pure functions on flat parameter vectors.
`dropout` draws the masks of a step, `plan` holds the settings of a training run, such as solver,
schedule and number of iterations, and `problem` puts network, data and plan together. The faster
code in `skinit.engine` must agree with these functions, and tests compare the two. Add mathematics
that applies to all networks here first. Activations, losses, solvers and schedules are separate
modules next to this package.
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
