"""The compiler: an iteration of training as a flat list of bound BLAS and ufunc calls.

On small arrays most of the time is spent on calling functions, not on arithmetic. So everything
that can be decided before the first iteration is decided then: all buffers are allocated, all
arguments bound, and an iteration is ``for call in calls: call()``. Read `compile_iterations`
first: it compiles the forward pass, the loss and the backward pass, which follow it in this order.
`compile_steps` adds the steps of the solver.

Arrays are laid out as (n_units, n_samples), and each signal has one more row, a constant that
carries the bias: the weights and biases of a layer follow each other in the parameter vector, form
one matrix of shape (fan_in + 1, fan_out), and the layer is one product.

Activations, losses and solvers contribute their own calls. Some of these are cheaper on scaled
values: they expect their input multiplied by `input_factor`, and their output is multiplied by
`output_factor`. Products, which have a factor at no cost, undo the multiples. ReLU, for example,
takes -z and leaves -max(z, 0); the next product has the factor -1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.activations import BaseActivation
from skinit.core import (
    Network,
    Plan,
    TrainingData,
    layer_blocks,
    limit_norms,
    mask_calls,
    weighted_sum,
)
from skinit.engine.arrays import Calls, DenseLayout, Signal
from skinit.engine.ingredients import fast_path, loss_methods
from skinit.engine.objective import LossRecord, WeightPenalty
from skinit.engine.run import TrainingJob
from skinit.losses import BaseLoss
from skinit.solvers import BaseSolver, clipped

__all__ = [
    "Batch",
    "CompiledSteps",
    "Destination",
    "compile_iterations",
    "compile_step",
    "compile_steps",
    "fused_step_factor",
]

# BLAS sums over more samples in parts. Added directly to the weights, each part would be rounded to
# the precision of the weights, which is too coarse in float32.
SAMPLES_OF_ONE_PART = 256


@dataclass(frozen=True)
class Batch:
    """Samples in the layout of the compiled calls.

    Parameters
    ----------
    input : Signal
        X, transposed.
    data : TrainingData
        The targets, those of each output contiguous, and the sample weights.
    masks : list of ndarray of shape (n_units, n_samples) or None
        Dropout masks of each hidden layer, see `skinit.core.mask_calls`.
    """

    input: Signal
    data: TrainingData
    masks: Sequence[Array | None]


@dataclass(frozen=True)
class Destination:
    """Where the derivatives of the summed loss go: ``keep * array + factor * derivatives``.

    Parameters
    ----------
    array : ndarray of shape (n_parameters,)
        Changed in place; may be the parameters themselves.
    keep, factor : float
    penalty_calls : sequence of callables
        One for each layer, or none. Each is called right before the derivatives of its layer are
        added, when no later call needs the old weights.
    """

    array: Array
    keep: float
    factor: float
    penalty_calls: Sequence[Any] = ()


@dataclass(frozen=True)
class CompiledLayer:
    """The arrays and calls of a layer that the forward pass hands to the backward pass.

    Parameters
    ----------
    block : ndarray of shape (fan_in + 1, fan_out)
        Weights and biases.
    source : Signal
        The input of the layer.
    delta : ndarray of shape (fan_out, n_samples)
        Receives the derivatives with respect to the activations, then, after `slope_calls`, those
        with respect to the pre-activations.
    slope_calls : list of callables
        Multiply `delta` by the slopes of the activation.
    """

    block: Array
    source: Signal
    delta: Array
    slope_calls: Calls


def compile_iterations(
    network: Network,
    parameters: Array,
    batch: Batch,
    layout: DenseLayout,
    record: LossRecord,
    destination: Destination,
) -> tuple[Calls, list[Calls]]:
    """Bind the calls of iterations that differ only in where they record their raw predictions.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Read by the calls.
    batch : Batch
    layout : DenseLayout
        Allocates arrays, and computes a layer on them.
    record : LossRecord
        Where each iteration leaves its raw predictions and loss inputs.
    destination : Destination
        Where each iteration leaves its derivatives.

    Returns
    -------
    on_new_targets : list of callables
        To be called before the first iteration, and whenever the values of the targets change.
    iterations : list of lists of callables
    """
    layers, forward_calls = compile_forward(network, parameters, batch, layout)
    on_new_targets, loss_calls = compile_loss(network.loss, layers[-1], batch.data, layout, record)
    backward_calls = compile_backward(network, layers, layout, destination)
    return on_new_targets, [forward_calls + calls + backward_calls for calls in loss_calls]


def compile_forward(
    network: Network, parameters: Array, batch: Batch, layout: DenseLayout
) -> tuple[list[CompiledLayer], Calls]:
    """Allocate all layers, and bind the calls from the input to the last hidden layer."""
    blocks, n_samples = layer_blocks(network, parameters), len(batch.data.targets)
    layers, forward_calls, source = [], [], batch.input
    hidden = zip(blocks[:-1], network.activations, batch.masks, strict=True)
    for block, activation, mask in hidden:
        n_units, factor = block.shape[1], activation.output_factor
        output = layout.signal(n_units, n_samples, factor)
        # The pre-activations are computed where the activations replace them in place.
        z, delta = output.units, layout.new((n_units, n_samples))
        calls_of = fast_path(activation, BaseActivation, "compiled_calls", "value", "slope")
        to_value, to_slope = calls_of(z, delta, layout.new)
        forward_calls += layout.layer(
            activation.input_factor, block, source, z, positive_zeros=True
        )
        forward_calls += to_value
        if mask is not None:
            # The slope calls need, and may overwrite, the activations as they are without dropout,
            # so the masked activations go to a second array.
            output = layout.signal(n_units, n_samples, factor)
            forward_calls.append(partial(np.multiply, z, mask, output.units))
            to_slope = [*to_slope, partial(np.multiply, delta, mask, delta)]
        layers.append(CompiledLayer(block, source, delta, to_slope))
        source = output
    delta = layout.new((blocks[-1].shape[1], n_samples))
    layers.append(CompiledLayer(blocks[-1], source, delta, slope_calls=[]))
    return layers, forward_calls


def compile_loss(
    loss: BaseLoss,
    layer: CompiledLayer,
    data: TrainingData,
    layout: DenseLayout,
    record: LossRecord,
) -> tuple[Calls, list[Calls]]:
    """Bind the calls of the output layer and of the loss, one list for each iteration."""
    calls_of, _ = loss_methods(loss)
    on_new_targets, gradient_calls = calls_of(
        record.raw, data.targets.T, layer.delta, layout.new, record.loss_inputs
    )
    weighting = []
    if data.sample_weight is not None:
        weighting = [partial(np.multiply, layer.delta, data.sample_weight, layer.delta)]
    return on_new_targets, [
        layout.layer(loss.input_factor, layer.block, layer.source, raw) + calls + weighting
        for raw, calls in zip(record.raw, gradient_calls, strict=True)
    ]


def compile_backward(
    network: Network, layers: list[CompiledLayer], layout: DenseLayout, destination: Destination
) -> Calls:
    """Bind the calls from the derivatives of the loss to those with respect to all parameters."""
    derivatives, calls = layer_blocks(network, destination.array), []
    factor = destination.factor / network.loss.output_factor
    for index in reversed(range(len(layers))):
        layer, before = layers[index], layers[index - 1] if index > 0 else None
        # Adding the derivatives may change the weights in place, so delta is carried back first.
        # The slope calls may overwrite the signal that the derivatives are computed from, so they
        # come last.
        if before is not None:
            calls += layout.product(1.0, layer.block[:-1], layer.delta, 0.0, before.delta)
        calls += destination.penalty_calls[index : index + 1]
        calls += layout.derivatives(
            factor, layer.source, layer.delta, destination.keep, derivatives[index]
        )
        if before is not None:
            calls += before.slope_calls
    return calls


@dataclass(frozen=True)
class CompiledSteps:
    """Iterations with their steps, and the records from which their losses are computed.

    Parameters
    ----------
    rates : ndarray of shape (n_iterations,)
        Where the iterations find their learning rates.
    record : LossRecord
    penalty : WeightPenalty
    on_new_targets : list of callables
        To be called before the first iteration, and whenever the values of the targets change.
    iterations : list of lists of callables
    """

    rates: Array
    record: LossRecord
    penalty: WeightPenalty
    on_new_targets: Calls
    iterations: list[Calls]

    def summed_losses(self, n_iterations: int, data: TrainingData, samples: Any = ...) -> Array:
        """Return the summed loss of the first iterations, of shape (n_iterations,).

        Parameters
        ----------
        n_iterations : int
        data : TrainingData
            All samples.
        samples : ndarray of shape (n_iterations, n_samples)
            Indices of the samples of each iteration; by default all.
        """
        losses, weight = self.record.losses(n_iterations, data.targets, samples), data.sample_weight
        summed = weighted_sum(losses, None if weight is None else weight[samples])
        return summed + self.penalty.loss_terms(n_iterations)


def compile_steps(
    job: TrainingJob,
    source: Signal,
    layout: DenseLayout,
    n_iterations: int,
    total_weight: float | Array,
) -> CompiledSteps:
    """Bind the calls of whole iterations, from the input to new parameters.

    Parameters
    ----------
    job : TrainingJob
        Its data are the samples of one step.
    source : Signal
        The input of the network.
    layout : DenseLayout
    n_iterations : int
    total_weight : float or ndarray of shape ()
        Sum of the sample weights; the value of an array may change between iterations.

    Returns
    -------
    CompiledSteps
    """
    network, parameters, plan = job.network, job.parameters, job.plan
    n_samples, dtype = len(job.data.targets), parameters.dtype
    record = LossRecord.allocate(network, n_iterations, n_samples, dtype)
    penalty = WeightPenalty(network, plan.alpha, n_iterations, dtype)
    rates = np.zeros(n_iterations, dtype)
    masks, draws = mask_calls(network, n_samples, job.rng, layout.new)
    factor = fused_step_factor(plan, dtype, n_samples, total_weight)
    if factor is not None:
        # The products that compute the derivatives add the step to the parameters, after the
        # penalty has reduced them.
        shrink = penalty.shrink_calls(parameters, factor)
        destination, steps = Destination(parameters, 1.0, factor, shrink), [[]] * n_iterations
    else:
        gradient = np.empty_like(parameters)
        factor = 1 / total_weight if isinstance(total_weight, float) else 1.0
        destination = Destination(gradient, 0.0, factor)
        steps = compile_step(job, gradient, penalty, rates, total_weight)
    on_new_targets, iterations = compile_iterations(
        network, parameters, Batch(source, job.data, masks), layout, record, destination
    )
    parts = zip(penalty.record_calls(parameters), iterations, steps, strict=True)
    iterations = [draws + note + calls + step for note, calls, step in parts]
    return CompiledSteps(rates, record, penalty, on_new_targets, iterations)


def fused_step_factor(
    plan: Plan, dtype: np.dtype, n_samples: int, total_weight: float | Array
) -> float | None:
    """Return the factor by which summed derivatives are multiplied and added to the parameters.

    It is None where a step is more than that, or where the sum would not be exact enough.
    """
    gradient_factor = fast_path(plan.solver, BaseSolver, "gradient_factor", "step")
    factor = gradient_factor(plan.schedule.initial)
    # In float32, the penalty alone is often smaller than the last digit of the weights.
    is_exact = dtype == np.float64 or (n_samples <= SAMPLES_OF_ONE_PART and not plan.alpha)
    is_constant = isinstance(total_weight, float) and plan.schedule.is_constant
    is_fused = factor is not None and is_exact and is_constant and not plan.has_limits
    return factor / total_weight if is_fused else None


def compile_step(
    job: TrainingJob,
    gradient: Array,
    penalty: WeightPenalty,
    rates: Array,
    total_weight: float | Array,
) -> list[Calls]:
    """Bind the calls from a gradient to new parameters, one list for each learning rate.

    Parameters
    ----------
    job : TrainingJob
    gradient : ndarray of shape (n_parameters,)
        Holds the gradient of the mean loss, without the penalty; overwritten. If `total_weight` is
        an array, it holds the gradient of the summed loss.
    penalty : WeightPenalty
    rates : ndarray of shape (n_iterations,)
    total_weight : float or ndarray of shape ()
        As in `compile_steps`.

    Returns
    -------
    list of lists of callables
    """
    solver, parameters = job.plan.solver, job.parameters
    rate = np.empty((), parameters.dtype)
    calls_of = fast_path(solver, BaseSolver, "compiled_calls", "step")
    step = calls_of(parameters, gradient, rate, job.state)
    if solver.clip_norm is not None:

        def clip():
            gradient[:] = clipped(gradient, solver.clip_norm)

        step.insert(0, clip)
    if solver.max_norm is not None:
        step.append(partial(limit_norms, job.network, parameters, solver.max_norm))
    is_constant = isinstance(total_weight, float)
    if not is_constant:
        step.insert(0, partial(np.divide, gradient, total_weight, gradient))
    factor = 1 / total_weight if is_constant else 1.0
    step = penalty.gradient_calls(parameters, gradient, factor) + step
    return [
        [partial(np.copyto, rate, rates[k : k + 1].reshape(())), *step] for k in range(len(rates))
    ]
