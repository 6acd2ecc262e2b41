"""Where the engine's arrays come from, and how a layer is computed on them.

All arrays have the shape (n_units, n_samples). How they lie in memory, whether a constant row
carries the bias, and which function multiplies them depends on the number of samples: `DenseLayout`
needs the fewest calls, `TiledLayout` the least memory.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg.blas import dgemm, sgemm
from scipy.sparse import csr_array, hstack, issparse

from skinit._support import Array
from skinit.core import Network, TrainingData

__all__ = [
    "Calls",
    "DenseLayout",
    "Signal",
    "TiledLayout",
    "blas_matmul",
    "call_all",
    "sparse_product",
    "with_contiguous_targets",
]

Calls: TypeAlias = list[Callable[[], Any]]

# A product of more bytes is not computed as its transpose: adding it would take longer than the
# faster product saves.
TRANSPOSED_BYTES = 2**17


@dataclass(frozen=True)
class Signal:
    """The input of a layer, for all samples.

    Parameters
    ----------
    values : ndarray or sparse matrix of shape (n_units + 1, n_samples) or (n_units, n_samples)
        The signal times `scale`; the last row of n_units + 1 rows is the constant `scale`.
    scale : float
    """

    values: Any
    scale: float

    @property
    def units(self) -> Array:
        """A view of the values without the constant row."""
        return self.values[:-1]


class DenseLayout:
    """Arrays for as few calls as possible: X is copied once, and a layer is one BLAS call.

    Every signal has a constant row that carries the bias; that of the network's input is optional.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.gemm = {"f": sgemm, "d": dgemm}[self.dtype.char]

    def new(self, shape: Any, value: float | None = None) -> Array:
        """Allocate an array, filled with a value or, with None, uninitialized."""
        # Vector instructions are fastest on addresses that are multiples of 64.
        n_bytes = self.dtype.itemsize * int(np.prod(shape))
        buffer = np.empty(n_bytes + 64, np.uint8)
        start = -buffer.ctypes.data % 64
        array = buffer[start : start + n_bytes].view(self.dtype).reshape(shape)
        if value is not None:
            array[...] = value
        return array

    def input(self, network: Network, X: Any) -> Signal:
        """Copy X, with a constant row and the sign of the factor of the product it goes into."""
        first = (*network.activations, network.loss)[0]
        scale = 1.0 if first.input_factor > 0 else -1.0
        if issparse(X):
            ones = csr_array(np.ones((X.shape[0], 1), X.dtype))
            return Signal((hstack([X, ones], dtype=X.dtype) * scale).T.tocsr(), scale)
        signal = self.signal(X.shape[1], X.shape[0], scale)
        np.multiply(X.T, scale, out=signal.units)
        return signal

    def signal(self, n_units: int, n_samples: int, scale: float) -> Signal:
        """Allocate a signal with its constant row."""
        return Signal(self.new((n_units + 1, n_samples), scale), scale)

    def layer(
        self, factor: float, block: Array, source: Signal, z: Array, positive_zeros: bool = False
    ) -> Calls:
        """Bind the calls that compute the pre-activations of a layer, times a factor.

        Parameters
        ----------
        factor : float
        block : ndarray of shape (fan_in + 1, fan_out)
            Weights and biases.
        source : Signal
        z : ndarray of shape (fan_out, n_samples)
            Receives the result.
        positive_zeros : bool, default=False
            Whether `z` must not contain -0.0, as for activations that take their slope from the
            sign bit.
        """
        factor_of_product = factor / source.scale
        if source.values.shape[0] < block.shape[0]:
            # There is no constant row: the product is added to the bias, or subtracted from it.
            # Multiplying by -1 instead could make -0.0.
            bias = self.new((len(z),))[:, np.newaxis]
            return [
                *self.product(abs(factor_of_product), block[:-1].T, source.values, 0.0, z),
                partial(np.multiply, block[-1:].T, factor, bias),
                partial(np.add, bias, 0, bias),
                partial(np.add if factor_of_product > 0 else np.subtract, bias, z, z),
            ]
        calls = self.product(factor_of_product, block.T, source.values, 0.0, z)
        if positive_zeros and factor_of_product < 0:
            # The negative factor turns 0.0 into -0.0, and adding 0 turns it back.
            calls.append(partial(np.add, z, self.new(z.shape, 0), z))
        return calls

    def derivatives(
        self, factor: float, source: Signal, delta: Array, keep: float, out: Array
    ) -> Calls:
        """Bind the calls that compute the derivatives with respect to weights and biases.

        Parameters
        ----------
        factor, keep : float
            See `product`.
        source : Signal
            The input of the layer.
        delta : ndarray of shape (fan_out, n_samples)
            Derivatives with respect to the pre-activations.
        out : ndarray of shape (fan_in + 1, fan_out)
            Receives the result.
        """
        calls = []
        if source.values.shape[0] < out.shape[0]:
            ones = self.new((delta.shape[1], 1), 1)
            calls, out = self.product(factor, delta, ones, keep, out[-1:].T), out[:-1]
        return calls + self.product(factor / source.scale, source.values, delta.T, keep, out)

    def product(self, factor: float, left: Any, right: Any, keep: float, out: Array) -> Calls:
        """Bind the calls for ``out = factor * left @ right + keep * out``, in place."""
        if issparse(left) or issparse(right):
            return [partial(sparse_product, factor, left, right, keep, out)]
        # BLAS expects Fortran order, in which C order is the transpose: out.T = right.T @ left.T.
        # It would copy an array of neither order, or of another dtype, and the result would be
        # lost.
        a, trans_a = (right.T, 0) if right.flags.c_contiguous else (right, 1)
        b, trans_b = (left.T, 0) if left.flags.c_contiguous else (left, 1)
        assert all(array.flags.f_contiguous for array in (a, b, out.T))
        assert all(array.dtype == self.dtype for array in (a, b, out))
        # Positional arguments, as keywords take three times as long to pass; the last one is
        # overwrite_c, which puts the result into out.T.
        return [partial(self.gemm, factor, a, b, keep, out.T, trans_a, trans_b, 1)]


class TiledLayout(DenseLayout):
    """Arrays for many samples: all tiles of a thread use the same arrays, one tile after the other.

    Products release the GIL, so that threads compute in parallel.

    Parameters
    ----------
    dtype : dtype
    constants : dict of float to ndarray
        Constant arrays by their value, shared with the layouts of other threads.
    """

    def __init__(self, dtype: Any, constants: dict[float, Array]) -> None:
        super().__init__(dtype)
        self.constants, self.scratch, self.n_used = constants, [], 0
        self.temporary = super().new(0)

    def reset(self) -> "TiledLayout":
        """Hand out the same arrays again, from the first one on."""
        self.n_used = 0
        return self

    def new(self, shape: Any, value: float | None = None) -> Array:
        if value is not None:
            size, array = int(np.prod(shape)), self.constants.get(value)
            if array is None or array.size < size:
                array = self.constants[value] = super().new(size, value)
            return array[:size].reshape(shape)
        if self.n_used == len(self.scratch):
            self.scratch.append(super().new(shape))
        array = self.scratch[self.n_used]
        assert array.shape == shape  # all tiles have the same size
        self.n_used += 1
        return array

    def signal(self, n_units: int, n_samples: int, scale: float) -> Signal:
        signal = Signal(self.new((n_units + 1, n_samples)), scale)
        signal.values[-1] = scale
        return signal

    def product(self, factor: float, left: Any, right: Any, keep: float, out: Array) -> Calls:
        if issparse(left) or issparse(right):
            return [partial(sparse_product, factor, left, right, keep, out)]
        if keep == 1 and left.shape[0] < right.shape[1] and out.nbytes <= TRANSPOSED_BYTES:
            # BLAS is faster if the first factor is the larger one.
            left, right, out = right.T, left.T, out.T
        # Unlike the functions of scipy.linalg.blas, np.dot releases the GIL.
        is_direct = keep == 0 and out.flags.c_contiguous
        result = out if is_direct else self.temporary_array(out.shape)
        calls, add = [partial(np.dot, left, right, result)], np.add
        if keep == 1 and factor < 0:
            factor, add = -factor, np.subtract
        if factor != 1:
            calls.append(partial(np.multiply, result, factor, result))
        if keep == 1:
            calls.append(partial(add, out, result, out))
        elif not is_direct:
            calls.append(partial(np.copyto, out, result))
        return calls

    def temporary_array(self, shape: tuple[int, ...]) -> Array:
        """Return an array for a result that is used by the next calls and never again."""
        size = int(np.prod(shape))
        if self.temporary.size < size:
            self.temporary = super().new(size)
        return self.temporary[:size].reshape(shape)


def with_contiguous_targets(data: TrainingData, dtype: Any) -> TrainingData:
    """Copy the targets so that those of each output are contiguous, as its raw predictions are."""
    return replace(data, targets=np.asfortranarray(data.targets, dtype))


def blas_matmul(left: Any, right: Array) -> Array:
    """Compute ``left @ right``, in the dtype of `right`, with the BLAS of `DenseLayout`."""
    if not issparse(left):  # a custom activation may return an array of any memory order
        left = np.require(left, right.dtype, None if left.flags.f_contiguous else "C")
    out = np.empty((left.shape[0], right.shape[1]), right.dtype)
    call_all(DenseLayout(out.dtype).product(1.0, left, right, 0.0, out))
    return out


def call_all(calls: Iterable[Callable[[], Any]]) -> None:
    """Make one call after the other."""
    for call in calls:
        call()


def sparse_product(factor: float, left: Any, right: Any, keep: float, out: Array) -> None:
    """Compute ``out = factor * left @ right + keep * out``, where one side is sparse."""
    summed = left @ right
    summed *= factor
    if keep != 0:
        summed += keep * out
    out[...] = summed
