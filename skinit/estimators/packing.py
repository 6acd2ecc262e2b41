"""Convert between scikit-learn's lists ``coefs_``, ``intercepts_`` and a flat parameter vector."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, layer_views

__all__ = ["coefs_and_intercepts", "packed"]


def coefs_and_intercepts(network: Network, parameters: Array) -> tuple[list[Array], list[Array]]:
    """Split a flat parameter vector into scikit-learn's two lists, of views."""
    layers = layer_views(network, parameters)
    return [W for W, _ in layers], [b[0] for _, b in layers]


def packed(
    network: Network, coefs: Sequence[Array], intercepts: Sequence[Array], dtype: Any
) -> Array:
    """Join the weights and biases of a fitted model into a flat parameter vector.

    Raises
    ------
    ValueError
        If their shapes are not those of the network.
    """
    parameters = np.empty(network.n_parameters, dtype)
    found = [(np.shape(W), np.shape(b)) for W, b in zip(coefs, intercepts, strict=True)]
    wanted = [((m, n), (n,)) for m, n in pairwise(network.widths)]
    if found != wanted:
        raise ValueError(
            f"coefs_ and intercepts_ have the shapes {found}, and a network of the widths "
            f"{network.widths} has {wanted}; set hidden_layer_sizes back, or begin anew with a "
            "clone of the model"
        )
    layers = layer_views(network, parameters)
    for (W, b), coef, intercept in zip(layers, coefs, intercepts, strict=True):
        W[...], b[...] = coef, intercept
    return parameters
