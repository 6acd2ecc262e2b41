"""Calling an initializer, for a layer or for a whole network, and checking what it returns."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from skinit._support import Array
from skinit.core import Network, TrainingData, layer_views
from skinit.initializers.base import LayerFunction, name_of
from skinit.initializers.layer import Layer

__all__ = ["draw_layer", "draw_layers", "refine_network"]


def draw_layers(
    strategies: Sequence[LayerFunction], first: Layer, rng: np.random.RandomState
) -> None:
    """Draw a layer and all layers after it, and write them into ``first.parameters``.

    Parameters
    ----------
    strategies : list of callable
        One for each layer of the network.
    first : Layer
        The first layer to draw; the layers before it are drawn already.
    rng : RandomState
    """
    layers = layer_views(first.network, first.parameters)
    for index in range(first.index, first.n_layers):
        W, b = layers[index]
        W[...], b[...] = draw_layer(strategies[index], replace(first, index=index), rng)


def draw_layer(
    strategy: LayerFunction, layer: Layer, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Draw one layer with an initializer or a function, and check the result.

    Parameters
    ----------
    strategy : callable
        As returned by `resolve_init`.
    layer : Layer
    rng : RandomState

    Returns
    -------
    W : ndarray of shape (fan_in, fan_out)
    b : ndarray of shape (fan_out,)

    Raises
    ------
    TypeError
        If the result is not a pair.
    ValueError
        If an array has the wrong shape or values that are not finite.
    """
    # Values that overflow raise an error below, which names the layer.
    with named_in_errors(strategy), np.errstate(over="ignore", invalid="ignore"):
        result = strategy(layer, rng)
    where = f"init={name_of(strategy)} for layer {layer.index + 1} of {layer.n_layers}"
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise TypeError(
            f"{where} returned {type(result).__name__}, expected a pair (W, b): the weights of "
            f"shape {(layer.fan_in, layer.fan_out)} and the biases of shape {(layer.fan_out,)}"
        )
    W = check_array_of("W", result[0], (layer.fan_in, layer.fan_out), layer.dtype, where)
    b = check_array_of("b", result[1], (layer.fan_out,), layer.dtype, where)
    return W, b


@contextmanager
def named_in_errors(strategy: Callable[..., Any]) -> Iterator[None]:
    """Prefix errors of skinit's initializers with their repr; leave those of users unchanged."""
    try:
        yield
    except (TypeError, ValueError) as error:
        is_builtin = type(strategy).__module__.startswith("skinit.")
        is_plain = type(error) in (TypeError, ValueError)
        # An error that names an init already comes from a nested initializer, the more exact place.
        if not is_builtin or not is_plain or str(error).startswith("init="):
            raise
        raise type(error)(f"init={name_of(strategy)}: {error}") from error


def check_array_of(
    letter: str, array: Any, expected: tuple[int, ...], dtype: type, where: str
) -> Array:
    """Return the weights or the biases as an array, or raise an error that says what is wrong."""
    try:
        array = np.asarray(array)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{where} returned {letter} that is no array: {error}") from error
    if array.shape != expected:
        transposed = array.shape == expected[::-1] and letter == "W"
        column = array.shape == (*expected, 1) and letter == "b"
        hint = "; return its transpose, W.T" if transposed else "; return b[:, 0]" if column else ""
        raise ValueError(
            f"{where} returned {letter} of shape {array.shape}, expected {expected}{hint}"
        )
    if not is_finite_as(dtype, array):
        raise ValueError(
            f"{where} returned {letter} with values that are not finite numbers in "
            f"{np.dtype(dtype)}; check the formula and its settings"
        )
    return array


def is_finite_as(dtype: Any, array: Array) -> bool:
    """Tell whether an array holds numbers that are still finite once rounded to a dtype."""
    if array.dtype.kind not in "iuf":
        return False
    with np.errstate(over="ignore"):  # the cast may overflow, which isfinite then detects
        return bool(np.isfinite(array.astype(dtype)).all())


def refine_network(
    strategy: LayerFunction,
    parameters: Array,
    network: Network,
    data: TrainingData | None,
    rng: np.random.RandomState,
) -> Array:
    """Call the ``refine`` method of an initializer, if it has one, and check the result.

    Parameters
    ----------
    strategy : callable
        As returned by `resolve_init`.
    parameters : ndarray of shape (n_parameters,)
    network : Network
    data : TrainingData or None
    rng : RandomState

    Returns
    -------
    ndarray of shape (n_parameters,)

    Raises
    ------
    ValueError
        If the result has the wrong shape or values that are not finite.
    """
    refine = getattr(strategy, "refine", None)
    if refine is None:
        return parameters
    with named_in_errors(strategy):
        refined = np.asarray(refine(parameters, network, data, rng))
    where = f"init={name_of(strategy)}: refine returned"
    if refined.shape != parameters.shape:
        raise ValueError(
            f"{where} an array of shape {refined.shape}, expected all parameters of the network, "
            f"of shape {parameters.shape}"
        )
    if not is_finite_as(parameters.dtype, refined):
        raise ValueError(
            f"{where} values that are not finite numbers in {parameters.dtype}; check the formula "
            "and its settings"
        )
    return refined.astype(parameters.dtype)
