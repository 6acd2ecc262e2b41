"""Where the tape's arrays come from, and how a layer is computed on them.

All are seen as (n_units, n_samples). How they lie in memory, whether a constant row carries the
bias, and which function multiplies them depends on how many samples there are.
"""

from functools import partial

import numpy as np
from scipy.linalg.blas import dgemm, sgemm
from scipy.sparse import csr_array, hstack, issparse

__all__ = [
    "LargeArrays",
    "SmallArrays",
    "blas_matmul",
    "run",
    "sparse_product",
]

# A sum of more bytes is not transposed, which takes longer than it saves.
TRANSPOSED_BYTES = 2**17


class SmallArrays:
    """Arrays for as few calls as can be: X is copied once, and a layer is one BLAS call.

    Every signal has one more row, a constant that carries the bias. An input may be without.
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
        if signal.shape[0] < W.shape[0]:
            # Without a constant row. Added to a bias or subtracted from it, as what is multiplied
            # by -1 may be -0.0.
            bias = self.new((len(z),))[:, np.newaxis]
            return [
                *self.product(abs(factor / scale), W[:-1].T, signal, 0.0, z),
                partial(np.multiply, W[-1:].T, factor, bias),
                partial(np.add, bias, 0, bias),
                partial(np.add if factor / scale > 0 else np.subtract, bias, z, z),
            ]
        calls = self.product(factor / scale, W.T, signal, 0.0, z)
        if positive_zeros and factor / scale < 0:  # which has made -0.0 of 0.0
            calls.append(partial(np.add, z, self.new(z.shape, 0), z))
        return calls

    def derivatives(self, factor, signal, scale, delta, keep, goal):
        """Bind the calls that compute a layer's derivatives by weights and biases."""
        calls = []
        if signal.shape[0] < goal.shape[0]:
            ones = self.new((delta.shape[1], 1), 1)
            calls, goal = self.product(factor, delta, ones, keep, goal[-1:].T), goal[:-1]
        return calls + self.product(factor / scale, signal, delta.T, keep, goal)

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


class LargeArrays(SmallArrays):
    """Arrays for many samples, of which the tiles of a thread use the same, one after the other.

    Products let other threads work. What is constant is shared with the arrays of other threads.
    """

    def __init__(self, dtype, constants):
        super().__init__(dtype)
        self.constants, self.scratch, self.taken = constants, [], 0
        self.summand = super().new(0)

    def rewound(self):
        """Start again with the first array."""
        self.taken = 0
        return self

    def new(self, shape, value=None):
        """Return an array, filled with a value or with anything."""
        if value is not None:
            size, array = int(np.prod(shape)), self.constants.get(value)
            if array is None or array.size < size:
                array = self.constants[value] = super().new(size, value)
            return array[:size].reshape(shape)
        if self.taken == len(self.scratch):
            self.scratch.append(super().new(shape))
        array = self.scratch[self.taken]
        assert array.shape == shape  # all tiles are alike
        self.taken += 1
        return array

    def signal(self, n_units, n_samples, scale):
        """Return a signal and the part of it that holds the units."""
        signal = self.new((n_units + 1, n_samples))
        signal[-1] = scale
        return signal, signal[:-1]

    def product(self, factor, left, right, keep, out):
        """Bind the calls for ``out = factor * left @ right + keep * out``, in place."""
        if issparse(left) or issparse(right):
            return [partial(sparse_product, factor, left, right, keep, out)]
        if keep == 1 and left.shape[0] < right.shape[1] and out.nbytes <= TRANSPOSED_BYTES:
            # BLAS is faster with the larger one first.
            left, right, out = right.T, left.T, out.T
        # Unlike the functions of scipy.linalg.blas, np.dot lets other threads work meanwhile.
        direct = keep == 0 and out.flags.c_contiguous
        result = out if direct else self.shared(out.shape)
        calls, add = [partial(np.dot, left, right, result)], np.add
        if keep == 1 and factor < 0:
            factor, add = -factor, np.subtract
        if factor != 1:
            calls.append(partial(np.multiply, result, factor, result))
        if keep == 1:
            calls.append(partial(add, out, result, out))
        elif not direct:
            calls.append(partial(np.copyto, out, result))
        return calls

    def shared(self, shape):
        """Return an array for what is used at once and never again."""
        size = int(np.prod(shape))
        if self.summand.size < size:
            self.summand = super().new(size)
        return self.summand[:size].reshape(shape)


def blas_matmul(left, right):
    """Do as ``left @ right``, in the dtype of the right one, by the BLAS of the tape."""
    if not issparse(left):  # what somebody's own activation has returned may lie in any way
        left = np.require(left, right.dtype, None if left.flags.f_contiguous else "C")
    out = np.empty((left.shape[0], right.shape[1]), right.dtype)
    run(SmallArrays(out.dtype).product(1.0, left, right, 0.0, out))
    return out


def run(calls):
    """Do one call after the other."""
    for call in calls:
        call()


def sparse_product(factor, left, right, keep, out):
    """Compute ``out = factor * left @ right + keep * out``, where one side is sparse."""
    summed = left @ right
    summed *= factor
    if keep != 0:
        summed += keep * out
    out[...] = summed
