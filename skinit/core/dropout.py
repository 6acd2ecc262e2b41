"""Dropout: in each step, every hidden unit is dropped for a random part of the samples.

A mask is 0 where a unit is dropped, and 1 / keep_rate elsewhere. So the expected value of
a signal stays the same, and predicting needs no correction.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core.network import Network

__all__ = ["draw_masks", "mask_calls"]

# Random numbers of 16 bits decide which units are kept: with 32, drawing would take twice as long.
NUMBERS = 2**16


def draw_masks(
    network: Network, n_samples: int, rng: np.random.RandomState, dtype: Any = np.float64
) -> list[Array | None]:
    """Draw the dropout mask of each hidden layer.

    Parameters
    ----------
    network : Network
        Its `keep_rates` are used.
    n_samples : int
    rng : RandomState
    dtype : dtype, default=float64
        dtype of the masks.

    Returns
    -------
    list of ndarray of shape (n_samples, n_units) or None
        None for a layer without dropout.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.activations import ReLU
    >>> from skinit.losses import LOSSES
    >>> from skinit.core.network import Network
    >>> network = Network((1, 4, 1), (ReLU(),), LOSSES["squared_error"], keep_rates=(0.5,))
    >>> [mask] = draw_masks(network, 3, np.random.RandomState(3))
    >>> mask
    array([[2., 2., 0., 2.],
           [0., 2., 0., 2.],
           [2., 0., 0., 2.]])
    """
    masks, draws = mask_calls(network, n_samples, rng, partial(np.empty, dtype=dtype))
    for draw in draws:
        draw()
    return [None if mask is None else mask.T for mask in masks]


def mask_calls(
    network: Network,
    n_samples: int,
    rng: np.random.RandomState | None,
    new: Callable[[tuple[int, int]], Array],
) -> tuple[list[Array | None], list[Callable[[], None]]]:
    """Allocate masks, and bind the calls that draw them, for `skinit.engine.compile`.

    Parameters
    ----------
    network, n_samples, rng
        As in `draw_masks`.
    new : callable
        ``new(shape)`` allocates an array.

    Returns
    -------
    masks : list of ndarray of shape (n_units, n_samples) or None
    draws : list of callables
        To be called before each step.
    """
    masks = [
        None if keep_rate == 1 else new((n_units, n_samples))
        for n_units, keep_rate in zip(network.widths[1:-1], network.keep_rates, strict=True)
    ]
    draws = [
        partial(draw_mask, mask, keep_rate, rng)
        for mask, keep_rate in zip(masks, network.keep_rates, strict=True)
        if mask is not None
    ]
    return masks, draws


def draw_mask(mask: Array, keep_rate: float, rng: np.random.RandomState) -> None:
    """Draw a mask in place, with the keep rate rounded to 16 bits."""
    numbers = np.frombuffer(rng.bytes(2 * mask.size), "<u2").reshape(mask.shape)
    kept = max(1, round(keep_rate * NUMBERS))
    np.multiply(numbers < kept, mask.dtype.type(NUMBERS / kept), out=mask)
