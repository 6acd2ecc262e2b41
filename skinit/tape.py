"""The maths of `network.py`, compiled: an iteration as a flat list of bound calls on buffers.

On small arrays most of the time goes into calling, not into computing. So whatever can be settled
before the first iteration is settled then: every buffer is allocated, every argument bound, and an
iteration is ``for call in calls: call()``.

Arrays lie with the units first, (n_units, n_samples), and each signal has one more row, a constant
that carries the bias: a layer's weights and biases follow each other in the parameter vector, are
one matrix of shape (fan_in + 1, fan_out), and the layer is one product. Activations, losses and
solvers bring their own calls. They may ask for what they take times their `tape_input`, and hand on
what they give times their `tape_output`; the products, which scale at no cost, put that right.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from scipy.linalg.blas import dgemm, sgemm
from scipy.sparse import csr_array, hstack, issparse

from skinit.activations import BaseActivation
from skinit.losses import Loss
from skinit.network import mean_loss
from skinit.solvers import BaseSolver

__all__ = ["SmallArrays", "Tape", "compile_iterations", "shortcut", "sparse_product"]

# So many iterations at most go by before their losses are looked at. Less if their scores take more
# bytes than these, or if they take longer than it should take to answer to Ctrl-C.
BLOCK_LENGTH = 32
BLOCK_BYTES = 2**18
BLOCK_OPERATIONS = 10**9

# A product over more samples is added up in parts, and weights in float32 would round each part.
SAMPLES_OF_ONE_PART = 256


class Tape:
    """A training run that is played on, some iterations at a time.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Where to start; left as it is.
    data : TrainingData
    solver : BaseSolver
    learning_rate : float
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

        factor = shortcut(solver, BaseSolver, "tape_factor", "step")(learning_rate)
        in_parts = parameters.dtype == np.float32 and n_samples > SAMPLES_OF_ONE_PART
        if factor is not None and not in_parts:
            # Gradient and step are one product, added to the parameters.
            goal, keep, step_calls = self.parameters, 1.0, []
        else:
            goal, keep, factor = np.empty_like(parameters), 0.0, 1.0
            bring = shortcut(solver, BaseSolver, "tape_calls", "step")
            step_calls = bring(self.parameters, goal, learning_rate, self.memory)
        iterations = compile_iterations(
            network,
            self.parameters,
            data,
            self.scores,
            goal,
            keep,
            factor / data.total_weight,
            SmallArrays(parameters.dtype),
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
        """Give back nothing: there is nothing but memory."""


def operations(network, n_samples):
    """Count the multiplications and additions of an iteration, in its products."""
    return 6 * n_samples * network.n_parameters


def compile_iterations(network, parameters, data, scores, goal, keep, factor, arrays):
    """Bind the calls of iterations that differ in nothing but where they leave their scores.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        Where the calls will find the weights.
    data : TrainingData
    scores : ndarray of shape (n_iterations, n_outputs, n_samples)
        Where each iteration leaves its scores, times `tape_input` of the loss.
    goal : ndarray of shape (n_parameters,)
        What the derivatives go to: it becomes ``keep * goal + factor * derivatives``, where the
        derivatives are those of the summed loss.
    keep, factor : float
    arrays : SmallArrays or LargeArrays
        Where arrays come from, and how a layer is computed on them.

    Returns
    -------
    list of lists of callables
    """
    weights, goals = layer_blocks(network, parameters), layer_blocks(network, goal)
    loss, (n_samples, n_outputs) = network.loss, data.targets.shape

    # Forward. A signal is what arrives at a layer, and its scale what it is multiplied by.
    signal, scale = arrays.input(data.X, (*network.activations, loss)[0].tape_input)
    signals, scales, deltas, slopes, forward = [signal], [scale], [None], [None], []
    for activation, W in zip(network.activations, weights[:-1], strict=True):
        signal, z = arrays.hidden(W.shape[1], n_samples, activation.tape_output)
        delta = arrays.new(z.shape)
        forward += arrays.layer(activation.tape_input, W, signals[-1], scales[-1], z, hidden=True)
        bring = shortcut(activation, BaseActivation, "tape_calls", "value", "slope")
        to_value, to_slope = bring(z, delta, arrays.new)
        forward += to_value
        signals.append(signal), scales.append(activation.tape_output)
        deltas.append(delta), slopes.append(to_slope)

    # The scores, and the derivatives of the loss by them.
    delta, targets = arrays.new((n_outputs, n_samples)), np.ascontiguousarray(data.targets.T)
    deltas.append(delta)
    outputs = []
    for z in scores:
        output = arrays.layer(
            loss.tape_input, weights[-1], signals[-1], scales[-1], z, hidden=False
        )
        output += shortcut(loss, Loss, "tape_calls", "gradient")(z, targets, delta, arrays.new)
        if data.sample_weight is not None:
            every_row = np.tile(data.sample_weight, (n_outputs, 1))
            output.append(partial(np.multiply, delta, every_row, delta))
        outputs.append(output)

    # Backward. A layer passes the derivatives on before its own weights may change.
    backward = []
    for index in reversed(range(network.n_layers)):
        signal, scale, delta = signals[index], scales[index], deltas[index + 1]
        if index > 0:
            backward += arrays.product(1.0, weights[index][:-1], delta, 0.0, deltas[index])
        backward += arrays.derivatives(
            factor / loss.tape_output, signal, scale, delta, keep, goals[index]
        )
        if index > 0:
            backward += slopes[index]
    return [forward + output + backward for output in outputs]


def layer_blocks(network, parameters):
    """Look at a flat parameter vector as one matrix per layer, biases in the last row."""
    blocks, start = [], 0
    for fan_in, fan_out in pairwise(network.widths):
        end = start + (fan_in + 1) * fan_out
        blocks.append(parameters[start:end].reshape(fan_in + 1, fan_out))
        start = end
    return blocks


def shortcut(thing, Base, name, *functions):
    """Return a method for the tape, or the base class's, which calls the functions themselves.

    The latter where a class has inherited the method from one whose functions it has changed.
    """

    def ancestor(method):
        return next(k for k, cls in enumerate(type(thing).__mro__) if method in vars(cls))

    if ancestor(name) <= min(map(ancestor, functions)):
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

    def input(self, X, factor):
        """Return X as a signal, and what it is multiplied by: the sign of the factor it meets."""
        scale = 1.0 if factor > 0 else -1.0
        if issparse(X):
            ones = csr_array(np.ones((X.shape[0], 1), X.dtype))
            return (hstack([X, ones], dtype=X.dtype) * scale).T.tocsr(), scale
        signal, features = self.hidden(X.shape[1], X.shape[0], scale)
        np.multiply(X.T, scale, out=features)
        return signal, scale

    def hidden(self, n_units, n_samples, scale):
        """Return a signal and the part of it that holds the units."""
        signal = self.new((n_units + 1, n_samples), scale)
        return signal, signal[:-1]

    def layer(self, factor, W, signal, scale, z, hidden):
        """Bind the calls that compute a layer's pre-activations, times a factor."""
        calls = self.product(factor / scale, W.T, signal, 0.0, z)
        if hidden and factor / scale < 0:
            # Turns -0.0 into 0.0: an activation may take its slope from the sign bit.
            calls.append(partial(np.add, z, self.new(z.shape, 0), z))
        return calls

    def derivatives(self, factor, signal, scale, delta, keep, goal):
        """Bind the calls that compute a layer's derivatives by weights and biases."""
        return self.product(factor / scale, signal, delta.T, keep, goal)

    def product(self, factor, left, right, keep, out):
        """Bind the calls for ``out = factor * left @ right + keep * out``, in place."""
        if issparse(left) or issparse(right):
            return [partial(sparse_product, factor, left, right, keep, out)]
        # Arrays are in C order and BLAS wants Fortran order, in which they are transposed. What is
        # not in place or not of one dtype would be copied without a word, and the result lost.
        a, trans_a = (right.T, 0) if right.flags.c_contiguous else (right, 1)
        b, trans_b = (left.T, 0) if left.flags.c_contiguous else (left, 1)
        assert all(array.flags.f_contiguous for array in (a, b, out.T))
        assert all(array.dtype == self.dtype for array in (a, b, out))
        # By position, as arguments by name take three times as long to pass.
        return [partial(self.gemm, factor, a, b, keep, out.T, trans_a, trans_b, 1)]


def sparse_product(factor, left, right, keep, out):
    """Compute ``out = factor * left @ right + keep * out``, where one side is sparse."""
    summed = left @ right
    summed *= factor
    if keep != 0:
        summed += keep * out
    out[...] = summed
