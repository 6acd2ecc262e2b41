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

from functools import partial

import numpy as np
from scipy.linalg.blas import dgemm, sgemm
from scipy.sparse import csr_array, hstack, issparse

from skinit.activations import BaseActivation
from skinit.losses import Loss
from skinit.network import layer_blocks, mean_loss
from skinit.solvers import BaseSolver

__all__ = [
    "GRADIENT_AND_LOSS",
    "SmallArrays",
    "Tape",
    "compile_iterations",
    "shortcut",
    "sparse_product",
]

# So many iterations at most go by before their losses are looked at. Fewer if their scores take
# more bytes than these, or if they take longer than it should take to answer to Ctrl-C.
BLOCK_LENGTH = 32
BLOCK_BYTES = 2**18
BLOCK_OPERATIONS = 10**9

# BLAS sums over more samples in parts. Added straight to the weights, each part would be rounded to
# the last digit of the weights, which float32 cannot spare.
SAMPLES_OF_ONE_PART = 256

# The functions of a loss that its calls stand for.
GRADIENT_AND_LOSS = ("gradient", "link", "per_sample")


class Tape:
    """A training run that is played on, some iterations at a time.

    Parameters
    ----------
    network, parameters, data, solver, learning_rate
        As in `skinit.training.train`.
    state : object
        What the solver remembers, see `BaseSolver.step`.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
        The current ones; playing changes them in place.
    memory : list
        Its one entry is what the solver remembers now.
    block_length : int
        The most iterations that can be played at a time.
    """

    def __init__(self, network, parameters, data, solver, learning_rate, state):
        self.network, self.data = network, data
        self.parameters, self.memory = parameters.copy(), [state]
        n_samples, n_outputs = data.targets.shape
        bytes_of_scores = n_samples * n_outputs * parameters.itemsize
        affordable = min(
            BLOCK_BYTES // bytes_of_scores, BLOCK_OPERATIONS // operations(network, n_samples)
        )
        self.block_length = max(1, min(affordable, BLOCK_LENGTH))
        self.scores = np.empty((self.block_length, n_outputs, n_samples), parameters.dtype)

        total = data.total_weight
        factor = shortcut(solver, BaseSolver, "tape_factor", "step")(learning_rate)
        exact = parameters.dtype == np.float64 or n_samples <= SAMPLES_OF_ONE_PART
        if factor is not None and exact:
            # Gradient and step are one product, added to the parameters.
            into, keep, factor, step_calls = self.parameters, 1.0, factor / total, []
        else:
            into, keep, factor = np.empty_like(parameters), 0.0, 1 / total
            calls_of = shortcut(solver, BaseSolver, "tape_calls", "step")
            step_calls = calls_of(self.parameters, into, learning_rate, self.memory)
        layout = SmallArrays(parameters.dtype)
        iterations = compile_iterations(
            network,
            self.parameters,
            layout.input(network, data.X),
            data,
            layout,
            scores=self.scores,
            into=into,
            keep=keep,
            factor=factor,
        )
        self.calls = [call for calls in iterations for call in calls + step_calls]
        self.calls_per_iteration = len(self.calls) // self.block_length

    def play(self, n_iter):
        """Do some iterations, and return the mean loss before each, of shape (n_iter,)."""
        for call in self.calls[: n_iter * self.calls_per_iteration]:
            call()
        # To the loss, one iteration after the other is a stack of networks.
        scores = self.scores[:n_iter].swapaxes(-1, -2) * (1 / self.network.loss.tape_input)
        return mean_loss(self.network, scores, self.data)

    def close(self):
        """Do nothing: unlike `TiledTape`, this one has no threads to let go."""


def operations(network, n_samples, filled=1.0):
    """Count the multiplications and additions of an iteration, in its products.

    `filled` is the share of the input that is not zero, where the input is sparse.
    """
    missing = (1 - filled) * network.widths[0] * network.widths[1]
    return int(6 * n_samples * (network.n_parameters - missing))


def compile_iterations(
    network, parameters, source, data, layout, *, scores, left=None, into, keep, factor
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
        Of which the targets are used, and the sample weights.
    layout : SmallArrays or LargeArrays
        Where arrays come from, and how a layer is computed on them.
    scores : ndarray of shape (n_iterations, n_outputs, n_samples)
        Where each iteration leaves its scores, times `tape_input` of the loss.
    left : ndarray of shape (n_iterations, tape_left, n_samples) or None
        Where each iteration leaves what the losses are computed from, if not from the scores.
    into : ndarray of shape (n_parameters,)
        Where the derivatives of the summed loss go: it becomes ``keep * into + factor *
        derivatives``, and may be the parameters themselves.
    keep, factor : float

    Returns
    -------
    list of lists of callables
    """
    weights, derivatives = layer_blocks(network, parameters), layer_blocks(network, into)
    loss, (n_samples, n_outputs) = network.loss, data.targets.shape

    # Forward. The units of a signal, z, are a view of it: to activate z in place fills the signal.
    # What belongs to a layer has its index: the signal that arrives there and the scale of that
    # signal, and delta, which is of the shape of what the layer puts out.
    signal, scale = source
    signals, scales, deltas, forward_calls, slope_calls = [signal], [scale], [], [], []
    for W, activation in zip(weights[:-1], network.activations, strict=True):
        signal, z = layout.signal(W.shape[1], n_samples, activation.tape_output)
        delta = layout.new(z.shape)
        calls_of = shortcut(activation, BaseActivation, "tape_calls", "value", "slope")
        to_value, to_slope = calls_of(z, delta, layout.new)
        forward_calls += layout.layer(
            activation.tape_input, W, signals[-1], scales[-1], z, positive_zeros=True
        )
        forward_calls += to_value
        signals.append(signal)
        scales.append(activation.tape_output)
        deltas.append(delta)
        slope_calls.append(to_slope)

    # The scores of each iteration, and the derivatives of its loss by them.
    deltas.append(layout.new((n_outputs, n_samples)))
    calls_of = shortcut(loss, Loss, "tape_calls", *GRADIENT_AND_LOSS)
    calls_of_loss = calls_of(scores, data.targets.T, deltas[-1], layout.new, left)
    weighting = []
    if data.sample_weight is not None:
        sample_weight = np.tile(data.sample_weight, (n_outputs, 1))
        weighting = [partial(np.multiply, deltas[-1], sample_weight, deltas[-1])]
    loss_calls = [
        layout.layer(loss.tape_input, weights[-1], signals[-1], scales[-1], z) + calls + weighting
        for z, calls in zip(scores, calls_of_loss, strict=True)
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
        backward_calls += layout.derivatives(
            factor / loss.tape_output, signal, scale, delta, keep, derivatives[index]
        )
        if index > 0:
            backward_calls += slope_calls[index - 1]
    return [forward_calls + calls + backward_calls for calls in loss_calls]


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


class SmallArrays:
    """Arrays for as few calls as can be: X is copied once, and a layer is one BLAS call.

    Every signal has one more row, a constant that carries the bias.
    """

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)
        self.gemm = {"f": sgemm, "d": dgemm}[self.dtype.char]

    def new(self, shape, value=None):
        """Return an array, filled with a value or with anything."""
        # Vector instructions are fastest on addresses that are multiples of 64.
        n_bytes = self.dtype.itemsize * int(np.prod(shape))
        memory = np.empty(n_bytes + 64, np.uint8)
        start = -memory.ctypes.data % 64
        array = memory[start : start + n_bytes].view(self.dtype).reshape(shape)
        if value is not None:
            array[...] = value
        return array

    def input(self, network, X):
        """Return X as a signal, and what it is multiplied by: the sign of the factor it meets."""
        first = (*network.activations, network.loss)[0]
        scale = 1.0 if first.tape_input > 0 else -1.0
        if issparse(X):
            ones = csr_array(np.ones((X.shape[0], 1), X.dtype))
            return (hstack([X, ones], dtype=X.dtype) * scale).T.tocsr(), scale
        signal, features = self.signal(X.shape[1], X.shape[0], scale)
        np.multiply(X.T, scale, out=features)
        return signal, scale

    def signal(self, n_units, n_samples, scale):
        """Return a signal and the part of it that holds the units."""
        signal = self.new((n_units + 1, n_samples), scale)
        return signal, signal[:-1]

    def layer(self, factor, W, signal, scale, z, positive_zeros=False):
        """Bind the calls that compute a layer's pre-activations, times a factor.

        Where an activation takes its slope from the sign bit, z must not hold -0.0.
        """
        calls = self.product(factor / scale, W.T, signal, 0.0, z)
        if positive_zeros and factor / scale < 0:  # which has made -0.0 of 0.0
            calls.append(partial(np.add, z, self.new(z.shape, 0), z))
        return calls

    def derivatives(self, factor, signal, scale, delta, keep, goal):
        """Bind the calls that compute a layer's derivatives by weights and biases."""
        return self.product(factor / scale, signal, delta.T, keep, goal)

    def product(self, factor, left, right, keep, out):
        """Bind the calls for ``out = factor * left @ right + keep * out``, in place."""
        if issparse(left) or issparse(right):
            return [partial(sparse_product, factor, left, right, keep, out)]
        # BLAS wants Fortran order, in which C order is the transpose: out.T = right.T @ left.T.
        # What is in neither order, or of another dtype, it would copy, and the result be lost.
        a, trans_a = (right.T, 0) if right.flags.c_contiguous else (right, 1)
        b, trans_b = (left.T, 0) if left.flags.c_contiguous else (left, 1)
        assert all(array.flags.f_contiguous for array in (a, b, out.T))
        assert all(array.dtype == self.dtype for array in (a, b, out))
        # By position, as arguments by name take three times as long to pass; the last one says
        # that the result goes where out.T is.
        return [partial(self.gemm, factor, a, b, keep, out.T, trans_a, trans_b, 1)]


def sparse_product(factor, left, right, keep, out):
    """Compute ``out = factor * left @ right + keep * out``, where one side is sparse."""
    summed = left @ right
    summed *= factor
    if keep != 0:
        summed += keep * out
    out[...] = summed
