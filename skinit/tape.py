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

__all__ = ["Tape", "compile_iterations"]

# So many iterations at most go by before their losses are looked at. Less if their scores take more
# bytes than these, or if they take longer than it should take to answer to Ctrl-C.
BLOCK_LENGTH = 16
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
    block_length : int
        The most iterations that can be played at a time.
    """

    def __init__(self, network, parameters, data, solver, learning_rate, state):
        self.network, self.data = network, data
        self.parameters, self.memory = parameters.copy(), [state]
        n_samples, n_outputs = data.targets.shape
        operations = 6 * n_samples * network.n_parameters
        bytes_of_scores = n_samples * n_outputs * parameters.itemsize
        affordable = min(BLOCK_BYTES // bytes_of_scores, BLOCK_OPERATIONS // operations)
        self.block_length = max(1, min(affordable, BLOCK_LENGTH))
        self.scores = np.empty((self.block_length, n_outputs, n_samples), parameters.dtype)

        factor = shortcut(solver, BaseSolver, "tape_factor", "step")(learning_rate)
        if factor is not None and (
            parameters.dtype == np.float64 or n_samples <= SAMPLES_OF_ONE_PART
        ):
            # Gradient and step are one product, added to the parameters.
            goal, keep, step_calls = self.parameters, 1.0, []
        else:
            goal, keep, factor = np.empty_like(parameters), 0.0, 1.0
            bring = shortcut(solver, BaseSolver, "tape_calls", "step")
            step_calls = bring(self.parameters, goal, learning_rate, self.memory)
        total = n_samples if data.sample_weight is None else data.sample_weight.sum()
        iterations = compile_iterations(
            network, self.parameters, data, self.scores, goal, keep, factor / total
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


def compile_iterations(network, parameters, data, scores, goal, keep, factor):
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

    Returns
    -------
    list of lists of callables
    """
    weights, goals = layer_blocks(network, parameters), layer_blocks(network, goal)
    n_samples, n_outputs = data.targets.shape

    # What activations that are kept negated read, they read negated: -0.0 passes for negative.
    scale = np.sign([a.tape_input for a in (*network.activations, network.loss)])[0]
    signals, scales = [with_constant_row(data.X, scale)], [scale]
    deltas, slopes, forward = [None], [None], []
    for activation, W in zip(network.activations, weights[:-1], strict=True):
        signal = np.empty((W.shape[1] + 1, n_samples), parameters.dtype)
        signal[-1] = activation.tape_output
        z, delta = signal[:-1], np.empty_like(signal[:-1])
        forward.append(product(activation.tape_input / scales[-1], W.T, signals[-1], 0.0, z))
        if activation.tape_input / scales[-1] < 0:
            forward.append(partial(np.add, z, np.zeros_like(z), z))  # -0.0 becomes 0.0
        to_value, to_slope = shortcut(activation, BaseActivation, "tape_calls", "value", "slope")(
            z, delta
        )
        forward += to_value
        signals.append(signal), scales.append(activation.tape_output)
        deltas.append(delta), slopes.append(to_slope)

    loss, targets = network.loss, np.ascontiguousarray(data.targets.T)
    deltas.append(np.empty_like(targets))
    outputs = []
    for z in scores:
        output = [product(loss.tape_input / scales[-1], weights[-1].T, signals[-1], 0.0, z)]
        output += shortcut(loss, Loss, "tape_calls", "gradient")(z, targets, deltas[-1])
        if data.sample_weight is not None:
            every_row = np.tile(data.sample_weight, (n_outputs, 1))
            output.append(partial(np.multiply, deltas[-1], every_row, deltas[-1]))
        outputs.append(output)

    backward = []
    for index in reversed(range(network.n_layers)):
        signal, delta = signals[index], deltas[index + 1]
        if index > 0:
            backward.append(product(1.0, weights[index][:-1], delta, 0.0, deltas[index]))
        scaled = factor / (loss.tape_output * scales[index])
        backward.append(product(scaled, signal, delta.T, keep, goals[index]))
        if index > 0:
            backward += slopes[index]
    return [forward + output + backward for output in outputs]


def shortcut(thing, Base, name, *functions):
    """Return a method for the tape, or the base class's, which calls the functions themselves.

    The latter where a class has inherited the method from one whose functions it has changed.
    """

    def ancestor(method):
        return next(k for k, cls in enumerate(type(thing).__mro__) if method in vars(cls))

    if ancestor(name) <= min(map(ancestor, functions)):
        return getattr(thing, name)
    return partial(getattr(Base, name), thing)


def layer_blocks(network, parameters):
    """Look at a flat parameter vector as one matrix per layer, biases in the last row."""
    blocks, start = [], 0
    for fan_in, fan_out in pairwise(network.widths):
        end = start + (fan_in + 1) * fan_out
        blocks.append(parameters[start:end].reshape(fan_in + 1, fan_out))
        start = end
    return blocks


def with_constant_row(X, scale):
    """Return [X, 1] transposed and multiplied, of shape (n_features + 1, n_samples)."""
    if issparse(X):
        ones = csr_array(np.ones((X.shape[0], 1), X.dtype))
        return (hstack([X, ones], dtype=X.dtype) * scale).T.tocsr()
    signal = np.empty((X.shape[1] + 1, X.shape[0]), X.dtype)
    np.multiply(X.T, scale, out=signal[:-1])
    signal[-1] = scale
    return signal


def product(factor, left, right, keep, out):
    """Bind ``out = factor * left @ right + keep * out``, in place."""
    if issparse(right):  # the transposed product, as the sparse matrix should stand on the left
        return product(factor, right.T.tocsr(), left.T, keep, out.T)
    if issparse(left):
        return partial(sparse_product, factor, left, right, keep, out)
    # Arrays are in C order and BLAS wants Fortran order, in which they are transposed. What is not
    # in place or not of one dtype would be copied without a word, and the result lost.
    gemm = {np.float32: sgemm, np.float64: dgemm}[out.dtype.type]
    a, trans_a = (right.T, 0) if right.flags.c_contiguous else (right, 1)
    b, trans_b = (left.T, 0) if left.flags.c_contiguous else (left, 1)
    assert out.flags.c_contiguous and a.flags.f_contiguous and b.flags.f_contiguous
    assert left.dtype == right.dtype == out.dtype
    # Arguments by name would take three times as long to pass.
    return partial(gemm, factor, a, b, keep, out.T, trans_a, trans_b, 1)


def sparse_product(factor, left, right, keep, out):
    """Do what `product` binds, with a sparse matrix on the left."""
    summed = left @ right
    summed *= factor
    if keep != 0:
        summed += keep * out
    out[...] = summed
