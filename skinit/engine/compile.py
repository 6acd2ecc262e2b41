"""The maths of `network.py`, compiled: an iteration as a flat list of bound calls on buffers.

On small arrays most of the time goes into calling, not into computing. So whatever can be settled
before the first iteration is settled then: every buffer is allocated, every argument bound, and an
iteration is ``for call in calls: call()``.

Arrays lie with the units first, (n_units, n_samples), and each signal has one more row, a constant
that carries the bias: a layer's weights and biases follow each other in the parameter vector, are
one matrix of shape (fan_in + 1, fan_out), and the layer is one product.

Activations, losses and solvers bring their own calls. Some are cheaper on multiples of what they
compute, and say so: they take their input times `tape_input` and leave their output times
`tape_output`. A product has a factor that costs nothing, and there the multiples are undone. ReLU,
for one, takes -z and leaves -max(z, 0); the product behind it then has the factor -1.
"""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np

from skinit.activations import Activation, BaseActivation
from skinit.core import layer_blocks, layer_views, limit_norms, mask_calls, weighted_sum
from skinit.engine.arrays import SmallArrays, run
from skinit.losses import BaseLoss
from skinit.solvers import BaseSolver, adding, clipped, scaling

__all__ = [
    "Penalty",
    "Tape",
    "Traces",
    "affordable",
    "calls_of_loss",
    "compile_iterations",
    "compile_step",
    "compile_steps",
    "is_our_own",
    "operations",
    "shortcut",
    "side_by_side",
]

# So many iterations at most go by before their losses are looked at. Fewer if their scores take
# more bytes than these, or if they take longer than it should take to answer to Ctrl-C.
BLOCK_LENGTH = 32
BLOCK_BYTES = 2**18
BLOCK_OPERATIONS = 10**9

# BLAS sums over more samples in parts. Added straight to the weights, each part would be rounded to
# the last digit of the weights, which float32 cannot spare.
SAMPLES_OF_ONE_PART = 256

# Large data of no more bytes is copied: with its constant row, a layer needs fewer calls.
COPIED_BYTES = 2**23


class Tape:
    """A training run that is played on, some iterations at a time.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Where to start; changed in place.
    data : TrainingData
    plan : Plan
    memory : list
        Its one entry is what the solver remembers, see `BaseSolver.tape_calls`; changed in place.
    rng : RandomState or None
        What dropout draws from; None is for a network that has none.
    threads : callable
        ``threads()`` is the context that iterations go by in, such as `blas_threads`.

    Attributes
    ----------
    block_length : int
        The most iterations that can be played at a time.
    """

    def __init__(self, network, parameters, data, plan, memory, rng=None, threads=nullcontext):
        data, self.threads = side_by_side(data, parameters.dtype), threads
        self.data, self.parameters = data, parameters
        n_samples, n_outputs = data.targets.shape
        bytes_of_scores = n_samples * n_outputs * parameters.itemsize
        most = min(affordable(network, n_samples), BLOCK_BYTES // bytes_of_scores)
        self.block_length = 1 if plan.one_by_one else max(1, most)
        self.traces = Traces(network, self.block_length, n_samples, parameters.dtype)
        self.penalty = Penalty(network, plan.alpha, self.block_length, parameters.dtype)
        self.rates = np.zeros(self.block_length, parameters.dtype)

        layout = SmallArrays(parameters.dtype)
        source = layout.input(network, data.X)
        news, iterations = compile_steps(
            network,
            parameters,
            source,
            data,
            layout,
            plan,
            memory,
            rng,
            traces=self.traces,
            penalty=self.penalty,
            rates=self.rates,
            total=data.total_weight,
        )
        run(news)
        self.calls = [call for calls in iterations for call in calls]
        self.calls_per_iteration = len(self.calls) // self.block_length

    def play(self, rates, draw_order=None):
        """Do an iteration for each learning rate, and return the losses before them."""
        n_iter = len(rates)
        self.rates[:n_iter] = rates
        with self.threads():
            run(self.calls[: n_iter * self.calls_per_iteration])
        losses = self.traces.losses(n_iter, self.data.targets)
        summed = weighted_sum(losses, self.data.sample_weight) + self.penalty.summands(n_iter)
        return summed / self.data.total_weight

    def close(self):
        """Do nothing: unlike `TiledTape`, this one has no threads to let go."""


class Traces:
    """What iterations leave of their samples, so that the losses of many are computed together.

    Parameters
    ----------
    network : Network
    n_iterations, n_samples : int
    dtype : dtype

    Attributes
    ----------
    scores, left : ndarray
        As in `compile_iterations`; nothing but the scores is left of a loss that is computed from
        them.
    """

    def __init__(self, network, n_iterations, n_samples, dtype):
        self.loss, self.left = network.loss, None
        self.scores = np.empty((n_iterations, network.widths[-1], n_samples), dtype)
        _, self.to_losses = calls_of_loss(self.loss)
        if self.loss.tape_left > 1:  # not the losses themselves, but what the gradient needs anyway
            self.left = np.empty((n_iterations, self.loss.tape_left, n_samples), dtype)

    def losses(self, n_iterations, targets, samples=...):
        """Compute the loss of each sample, of shape (n_iterations, n_samples).

        Parameters
        ----------
        n_iterations : int
            Of how many iterations, from the first one on.
        targets : ndarray of shape (n_all_samples, n_outputs)
        samples : ndarray of shape (n_iterations, n_samples)
            Which samples each iteration has seen; by default all.
        """
        if self.left is not None:
            return self.to_losses(self.left[:n_iterations])
        scores = self.scores[:n_iterations].swapaxes(-1, -2)
        return self.loss.per_sample(scores * (1 / self.loss.tape_input), targets[samples])


class Penalty:
    """The penalty on large weights: what it does to a step, and what it adds to the loss.

    Parameters
    ----------
    network : Network
    alpha : float
        Its strength; of 0, there is nothing to do.
    n_iterations : int
    dtype : dtype
    """

    def __init__(self, network, alpha, n_iterations, dtype):
        self.network, self.alpha = network, alpha
        self.squares = np.zeros((n_iterations, network.n_layers), dtype)  # of a layer, summed

    def note_calls(self, parameters):
        """Bind the calls that note what is added to the loss, for each of the iterations."""
        weights = self.weights(parameters)
        return [
            [partial(np.dot, W, W, row[k : k + 1].reshape(())) for k, W in enumerate(weights)]
            for row in self.squares
        ]

    def gradient_calls(self, parameters, gradient, factor):
        """Bind the calls that add the gradient of the penalty, times a factor, to another one."""
        pairs = zip(self.weights(parameters), self.weights(gradient), strict=True)
        return [adding(self.alpha * factor, W, into) for W, into in pairs]

    def shrink_calls(self, parameters, factor):
        """Bind the calls that add it to the parameters themselves, one for each layer.

        The gradient is alpha times the weights, and the factor that of a step: below 0.
        """
        return [scaling(1 + self.alpha * factor, W) for W in self.weights(parameters)]

    def weights(self, parameters):
        """Return the weights of each layer, flat, or nothing if there is no penalty."""
        views = layer_views(self.network, parameters) if self.alpha else []
        return [W.reshape(-1) for W, _ in views]

    def summands(self, n_iterations):
        """Return what is added to the summed loss: 0, or an array of shape (n_iterations,)."""
        if not self.alpha:
            return 0.0
        return 0.5 * self.alpha * self.squares[:n_iterations].sum(axis=-1, dtype=np.float64)


def side_by_side(data, dtype):
    """Lay out an output's targets side by side, as its scores are."""
    return replace(data, targets=np.asfortranarray(data.targets, dtype))


def is_our_own(network):
    """Tell whether all functions are skinit's: others may not stand being called by two threads."""
    return all(
        type(part).__module__ in ("skinit.activations", "skinit.losses")
        and not isinstance(part, Activation)
        and not any(map(callable, vars(part).values()))
        for part in (*network.activations, network.loss)
    )


def affordable(network, n_samples):
    """Return how many iterations may go by before somebody looks at them."""
    return max(1, min(BLOCK_LENGTH, BLOCK_OPERATIONS // operations(network, n_samples)))


def operations(network, n_samples, filled=1.0):
    """Count the multiplications and additions of an iteration, in its products.

    `filled` is the share of the input that is not zero, where the input is sparse.
    """
    missing = (1 - filled) * network.widths[0] * network.widths[1]
    return int(6 * n_samples * (network.n_parameters - missing))


def compile_steps(
    network, parameters, source, data, layout, plan, memory, rng, *, traces, penalty, rates, total
):
    """Bind the calls of whole iterations, each of a gradient and a step.

    Parameters
    ----------
    network, parameters, source, data, layout
        As in `compile_iterations`; the parameters are changed.
    plan, memory, rng
        As in `Tape`.
    traces : Traces
    penalty : Penalty
    rates : ndarray of shape (n_iterations,)
        Where iterations find their learning rates.
    total : float or ndarray of shape ()
        How much the samples count together; an array may get other values between iterations.

    Returns
    -------
    news : list of callables
        To be called at the beginning, and whenever the targets have got other values.
    iterations : list of lists of callables
    """
    masks, draws = mask_calls(network, len(data.targets), rng, layout.new)
    joint = joint_factor(plan, parameters.dtype, len(data.targets), total)
    if joint is not None:
        # Gradient and step are one product, added to the parameters; a penalty shrinks them before.
        goal, steps = {"into": parameters, "keep": 1.0, "factor": joint}, [[]] * len(rates)
        goal["penalty_calls"] = penalty.shrink_calls(parameters, joint)
    else:
        gradient = np.empty_like(parameters)
        factor = 1 / total if isinstance(total, float) else 1.0
        goal = {"into": gradient, "keep": 0.0, "factor": factor}
        steps = compile_step(
            network, parameters, gradient, plan, memory, penalty=penalty, rates=rates, total=total
        )
    news, iterations = compile_iterations(
        network,
        parameters,
        source,
        data,
        layout,
        scores=traces.scores,
        left=traces.left,
        masks=masks,
        **goal,
    )
    parts = zip(penalty.note_calls(parameters), iterations, steps, strict=True)
    return news, [draws + note + calls + step for note, calls, step in parts]


def joint_factor(plan, dtype, n_samples, total):
    """Return by what derivatives are multiplied to be added to the parameters: gradient and step.

    It is None where that is not all there is to a step, or not exact enough.
    """
    factor = shortcut(plan.solver, BaseSolver, "tape_factor", "step")(plan.schedule.initial)
    # In float32, a penalty by itself is often less than the last digit of the weights.
    exact = dtype == np.float64 or (n_samples <= SAMPLES_OF_ONE_PART and not plan.alpha)
    steady = isinstance(total, float) and plan.schedule.is_constant
    joint = factor is not None and exact and steady and not plan.has_limits
    return factor / total if joint else None


def compile_step(network, parameters, gradient, plan, memory, *, penalty, rates, total):
    """Bind the calls from a gradient to new parameters, for each of some iterations.

    Parameters
    ----------
    gradient : ndarray of shape (n_parameters,)
        Where the gradient of the mean loss lies, still without the penalty; used up. Where
        `total` is an array, it is that of the summed loss.
    network, parameters, plan, memory, penalty, rates, total
        As in `compile_steps`.

    Returns
    -------
    list of lists of callables
    """
    solver, rate = plan.solver, np.empty((), parameters.dtype)
    calls_of = shortcut(solver, BaseSolver, "tape_calls", "step")
    step = calls_of(parameters, gradient, rate, memory)
    if solver.clip_norm is not None:

        def clip():
            gradient[:] = clipped(gradient, solver.clip_norm)

        step.insert(0, clip)
    if solver.max_norm is not None:
        step.append(partial(limit_norms, network, parameters, solver.max_norm))
    steady = isinstance(total, float)
    if not steady:
        step.insert(0, partial(np.divide, gradient, total, gradient))
    step = penalty.gradient_calls(parameters, gradient, 1 / total if steady else 1.0) + step
    return [
        [partial(np.copyto, rate, rates[k : k + 1].reshape(())), *step] for k in range(len(rates))
    ]


def compile_iterations(
    network,
    parameters,
    source,
    data,
    layout,
    *,
    scores,
    left=None,
    masks,
    into,
    keep,
    factor,
    penalty_calls=(),
):
    """Bind the calls of iterations that differ in nothing but where they leave their scores.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Where the calls will find the weights.
    source : (ndarray or sparse matrix, float)
        The input as a signal, and what it is multiplied by, see `SmallArrays.input`.
    data : TrainingData
        Of which the targets are used, an output's side by side, and the sample weights.
    layout : SmallArrays or LargeArrays
        Where arrays come from, and how a layer is computed on them.
    scores : ndarray of shape (n_iterations, n_outputs, n_samples)
        Where each iteration leaves its scores, times `tape_input` of the loss.
    left : ndarray of shape (n_iterations, tape_left, n_samples) or None
        Where each iteration leaves what the losses are computed from, if not from the scores.
    masks : list of ndarray of shape (n_units, n_samples) or None
        Of each hidden layer, see `skinit.core.mask_calls`.
    into : ndarray of shape (n_parameters,)
        Where the derivatives of the summed loss go: it becomes ``keep * into + factor *
        derivatives``, and may be the parameters themselves.
    keep, factor : float
    penalty_calls : sequence of callables
        Of each layer, or none: what is called right before the derivatives by its parameters go
        there, when nothing needs its weights as they are any more.

    Returns
    -------
    news : list of callables
        To be called at the beginning, and whenever the targets have got other values.
    iterations : list of lists of callables
    """
    weights, derivatives = layer_blocks(network, parameters), layer_blocks(network, into)
    loss, (n_samples, n_outputs) = network.loss, data.targets.shape

    # Forward. The units of a signal, z, are a view of it: to activate z in place fills the signal.
    # What belongs to a layer has its index: the signal that arrives there and the scale of that
    # signal, and delta, which is of the shape of what the layer puts out.
    signal, scale = source
    signals, scales, deltas, forward_calls, slope_calls = [signal], [scale], [], [], []
    for W, activation, mask in zip(weights[:-1], network.activations, masks, strict=True):
        signal, z = layout.signal(W.shape[1], n_samples, activation.tape_output)
        delta = layout.new(z.shape)
        calls_of = shortcut(activation, BaseActivation, "tape_calls", "value", "slope")
        to_value, to_slope = calls_of(z, delta, layout.new)
        forward_calls += layout.layer(
            activation.tape_input, W, signals[-1], scales[-1], z, positive_zeros=True
        )
        forward_calls += to_value
        if mask is not None:
            # Apart, as slopes are computed from values that are whole, and may use them up.
            values = z
            signal, z = layout.signal(W.shape[1], n_samples, activation.tape_output)
            forward_calls.append(partial(np.multiply, values, mask, z))
            to_slope = [*to_slope, partial(np.multiply, delta, mask, delta)]
        signals.append(signal)
        scales.append(activation.tape_output)
        deltas.append(delta)
        slope_calls.append(to_slope)

    # The scores of each iteration, and the derivatives of its loss by them.
    deltas.append(layout.new((n_outputs, n_samples)))
    calls_of, _ = calls_of_loss(loss)
    news, gradient_calls = calls_of(scores, data.targets.T, deltas[-1], layout.new, left)
    weighting = []
    if data.sample_weight is not None:
        weighting = [partial(np.multiply, deltas[-1], data.sample_weight, deltas[-1])]
    factor /= loss.tape_output
    loss_calls = [
        layout.layer(loss.tape_input, weights[-1], signals[-1], scales[-1], z) + calls + weighting
        for z, calls in zip(scores, gradient_calls, strict=True)
    ]

    # Backward. A layer's weights may change where its derivatives go, so delta passes them first.
    # The slopes come last, as they may use up the signal that the derivatives are computed from.
    backward_calls = []
    for index in reversed(range(network.n_layers)):
        signal, scale, delta = signals[index], scales[index], deltas[index]
        if index > 0:
            backward_calls += layout.product(
                1.0, weights[index][:-1], delta, 0.0, deltas[index - 1]
            )
        backward_calls += penalty_calls[index : index + 1]
        backward_calls += layout.derivatives(factor, signal, scale, delta, keep, derivatives[index])
        if index > 0:
            backward_calls += slope_calls[index - 1]
    return news, [forward_calls + calls + backward_calls for calls in loss_calls]


def calls_of_loss(loss):
    """Return the `tape_calls` of a loss and the `tape_losses` that go with them."""
    calls = shortcut(loss, BaseLoss, "tape_calls", "gradient", "link", "per_sample")
    by_default = getattr(calls, "func", None) is BaseLoss.tape_calls
    return calls, partial(BaseLoss.tape_losses, loss) if by_default else loss.tape_losses


def shortcut(thing, Base, name, *functions):
    """Return what `thing` does for the tape, if it still does the same as its functions.

    Where a class, or the object itself, has changed one of the functions and not the method called
    `name`, the method of the base class is returned, which calls the functions.
    """

    def distance(method):
        """How far up the method is defined; 0 is the object itself."""
        places = [vars(thing), *map(vars, type(thing).__mro__)]
        return next(k for k, place in enumerate(places) if method in place)

    if distance(name) <= min(map(distance, functions)):
        return getattr(thing, name)
    return partial(getattr(Base, name), thing)
