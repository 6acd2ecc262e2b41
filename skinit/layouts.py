"""Where the tape's arrays come from, and how a layer is computed on them.

All are seen as (n_units, n_samples). How they lie in memory, whether a constant row carries the
bias, and which function multiplies them depends on how many samples there are.
"""

from functools import partial

import numpy as np
from scipy.linalg.blas import dgemm, sgemm
from scipy.sparse import csr_array, hstack, issparse

__all__ = [
    "HalfArrays",
    "LargeArrays",
    "SmallArrays",
    "run",
    "shared_derivatives",
    "sparse_product",
]

# So many multiplications are worth a second thread.
SHARED_PRODUCT = 10**6

# A sum of more bytes is not transposed, which takes longer than it saves.
TRANSPOSED_BYTES = 2**17


class SmallArrays:
    """Arrays for as few calls as can be: X is copied once, and a layer is one BLAS call.

    Every signal has one more row, a constant that carries the bias. An input may be without.
    """

    # Whether the derivatives are left for later: then nothing may use up a signal that they are
    # computed from, and their factor is not for their products.
    postpones_derivatives = False

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


class HalfArrays(LargeArrays):
    """Arrays for some samples of a batch, as parts of arrays for all of them.

    A sample's units lie side by side, so that a part is one piece of memory, and the bias, which
    has no row here, is added. The derivatives by the weights are left to be computed from the
    arrays for all samples.

    Parameters
    ----------
    dtype : dtype
    rows : slice
        Which samples.
    wholes : list of ndarray of shape (n_units, n_samples of the batch)
        The arrays for all samples: other parts have made some of them, or will use them.
    n_samples : int
        Of the batch.

    Attributes
    ----------
    left : list of tuple
        For each layer, from last to first: signal and scale, delta and the goal of the derivatives.
    """

    postpones_derivatives = True

    def __init__(self, dtype, rows, wholes, n_samples):
        super().__init__(dtype, {})
        self.rows, self.wholes, self.n_samples = rows, wholes, n_samples
        self.n_taken, self.whole_of, self.left = 0, {}, []

    def new(self, shape, value=None):
        """Return an array, filled with a value or with anything."""
        if np.size(shape) < 2 or shape[1] != self.rows.stop - self.rows.start:
            return super().new(shape, value)
        if self.n_taken == len(self.wholes):
            self.wholes.append(super().new((self.n_samples, shape[0])).T)
        whole = self.wholes[self.n_taken]
        self.n_taken += 1
        return self.part(whole, value)

    def part(self, whole, value=None):
        """Return the part of an array for all samples."""
        part = whole[:, self.rows]
        if value is not None:
            part[...] = value
        self.whole_of[id(part)] = part, whole  # kept, so that nothing else gets its id
        return part

    def signal(self, n_units, n_samples, scale):
        """Return a signal, all of which are units."""
        signal = self.new((n_units, n_samples))
        return signal, signal

    def derivatives(self, factor, signal, scale, delta, keep, goal):
        """Leave them to `shared_derivatives`; the factor is 1."""
        wholes = [self.whole_of[id(part)][1] for part in (signal, delta)]
        self.left.append((wholes[0], scale, wholes[1], keep, goal))
        return []

    def product(self, factor, left, right, keep, out):
        """Bind the calls for ``out = factor * left @ right + keep * out``, in place."""
        if out.flags.f_contiguous:
            left, right, out = right.T, left.T, out.T
        return super().product(factor, left, right, keep, out)


def shared_derivatives(left, dtype):
    """Bind the calls that compute derivatives that were left, for each of two threads.

    Each gets half of the rows of the larger weight matrices, and one of them what is small.
    """
    threads = [LargeArrays(dtype, {}) for _ in range(2)]
    shares = [[], []]
    for signal, scale, delta, keep, goal in left:
        rows, biases = goal[:-1], goal[-1:]
        ones = threads[1].new((delta.shape[1], 1), 1)
        shares[1] += threads[1].product(1.0, ones.T, delta.T, keep, biases)
        is_large = signal.size * len(delta) >= SHARED_PRODUCT
        middle = len(rows) // 2 if is_large else 0
        for share, layout, part in zip(
            shares, threads, (slice(middle), slice(middle, None)), strict=True
        ):
            if len(rows[part]):
                share += layout.product(1 / scale, signal[part], delta.T, keep, rows[part])
    return shares


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
