"""Dropout: in each step, every hidden unit is silent for some of the samples, drawn anew.

A mask says for which, and makes up for them: it is 0 where a unit is dropped and one over the keep
rate where it is not, so that on average a signal stays what it was and nothing is left to do when
predicting.
"""

from functools import partial

import numpy as np

__all__ = ["draw_masks", "mask_calls"]

# Units are kept or not by random numbers of 16 bits: half as many to draw as with 32.
NUMBERS = 2**16


def draw_masks(network, n_samples, rng, dtype=np.float64):
    """Draw for each hidden layer which of its units are dropped for which samples.

    Parameters
    ----------
    network : Network
        Of which the keep rates are used.
    n_samples : int
    rng : RandomState
    dtype : dtype, default=float64
        Of the masks.

    Returns
    -------
    list of ndarray of shape (n_samples, n_units) or None
        None for a layer that keeps all of its units.

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


def mask_calls(network, n_samples, rng, new):
    """Allocate masks, and bind the calls that draw them, for `skinit.engine.compile`.

    Parameters
    ----------
    network, n_samples, rng
        As in `draw_masks`.
    new : callable
        ``new(shape)`` returns an array.

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


def draw_mask(mask, keep_rate, rng):
    """Draw a mask in place, whose keep rate is rounded to 16 bits."""
    numbers = np.frombuffer(rng.bytes(2 * mask.size), "<u2").reshape(mask.shape)
    kept = max(1, round(keep_rate * NUMBERS))
    np.multiply(numbers < kept, mask.dtype.type(NUMBERS / kept), out=mask)
