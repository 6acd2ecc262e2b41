"""Initialize a whole network: draw its layers one after another, and describe each of them."""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skinit._support import Array, RandomStateLike, check_widths
from skinit.activations import resolve_activations
from skinit.core import Network, TrainingData, layer_views
from skinit.initializers.base import (
    Initializer,
    InitLike,
    LayerFunction,
    name_of,
    resolve_init,
)
from skinit.initializers.composite import resolve_for_layer
from skinit.initializers.drawing import draw_layers, refine_network
from skinit.initializers.layer import Layer
from skinit.losses import LOSSES

__all__ = ["build_parameters", "initialize_parameters", "initializer_expression"]


def build_parameters(
    init: InitLike,
    network: Network,
    rng: np.random.RandomState,
    *,
    dtype: Any = np.float64,
    data: TrainingData | None = None,
) -> tuple[Array, list[str]]:
    """Draw the initial parameters of a network.

    Parameters
    ----------
    init : str, Initializer, callable or sequence of these
        The initializer, or one for each layer.
    network : Network
    rng : RandomState
        Source of all random numbers; layers are drawn from first to last.
    dtype : dtype, default=float64
        Of the parameters. Numbers are drawn in float64 and rounded, so that a float32 network has
        the same initial weights as its float64 twin, up to rounding.
    data : TrainingData or None, default=None
        For initializers that use the data.

    Returns
    -------
    parameters : ndarray of shape (n_parameters,)
        See `layer_views`.
    resolved : list of str
        How each layer was initialized, with all settings.

    Raises
    ------
    ValueError
        If an initializer returns arrays of the wrong shape or values that are not finite.
    TypeError
        If `init` is not an initializer, or returns something else than a pair (W, b).

    Examples
    --------
    >>> import numpy as np
    >>> from skinit.activations import ReLU
    >>> from skinit.losses import LOSSES
    >>> from skinit.core import Network
    >>> network = Network((2, 3, 1), (ReLU(),), LOSSES["squared_error"])
    >>> build_parameters(["identity", "ones"], network, np.random.RandomState(0))
    (array([1., 0., 0., 0., 1., 0., 0., 0., 0., 1., 1., 1., 0.]), ['Identity()', 'Ones()'])
    """
    strategies = one_per_layer(init, network)
    parameters = np.zeros(network.n_parameters, dtype)
    first = Layer(network, 0, np.dtype(dtype).type, parameters, data)
    draw_layers(strategies, first, rng)
    # Compared by identity, as a user's callable need not be hashable.
    for strategy in {id(strategy): strategy for strategy in strategies}.values():
        parameters = refine_network(strategy, parameters, network, data, rng)
    layers = (replace(first, index=index) for index in range(network.n_layers))
    resolved = [explained(*pair) for pair in zip(strategies, layers, strict=True)]
    return parameters, resolved


def explained(strategy: LayerFunction, layer: Layer) -> str:
    """Describe how a layer was initialized."""
    drawn_by = resolve_for_layer(strategy, layer)
    return drawn_by.explain(layer) if isinstance(drawn_by, Initializer) else name_of(drawn_by)


def initializer_expression(description: str) -> str:
    """Return the Python expression that a description in ``init_resolved_`` begins with.

    Examples
    --------
    >>> initializer_expression("Auto(): 4 Tanh units; orthogonal on 4 units; signal RMS 1")
    'Auto()'
    >>> initializer_expression("WithBias(base='he', value={'a': 1})")
    "WithBias(base='he', value={'a': 1})"
    """
    ends = [match.start() for match in re.finditer(": ", description)]
    return next(
        (description[:end] for end in ends if is_expression(description[:end])), description
    )


def is_expression(text: str) -> bool:
    """Tell whether a text is a Python expression; one cut within brackets or quotes is not."""
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def one_per_layer(init: InitLike, network: Network) -> list[LayerFunction]:
    """Resolve `init` to one callable for each layer: the same object for all unless a sequence."""
    if not isinstance(init, (list, tuple)):
        return [resolve_init(init)] * network.n_layers
    if len(init) != network.n_layers:
        raise ValueError(
            f"init has {len(init)} entries, but a network of widths {network.widths} has "
            f"{network.n_layers} layers, the output layer included; give one entry for each, or "
            "one initializer for all"
        )
    return [resolve_init(entry) for entry in init]


def initialize_parameters(
    layer_dims: Sequence[int],
    init: InitLike = "he",
    random_state: RandomStateLike = None,
    *,
    activation: Any = "relu",
) -> dict[str, Array]:
    """Initialize a network, in the functional form of the tutorials.

    Parameters
    ----------
    layer_dims : sequence of int
        Number of units of each layer, with the number of inputs first: ``[2, 10, 5, 1]``.
    init : str, Initializer, callable or sequence of these, default="he"
        The initializer, or one for each layer.
    random_state : int, RandomState or None, default=None
        With 3, the weights have the digits that the tutorials print.
    activation : str, BaseActivation or sequence of these, default="relu"
        Activation of the hidden layers, or one for each, for initializers that depend on it.

    Returns
    -------
    dict of str to ndarray
        ``"W1"`` of shape (layer_dims[1], layer_dims[0]), ``"b1"`` of shape (layer_dims[1], 1),
        and so on. These are transposes of ``coefs_``, whose arrays are (fan_in, fan_out).

    Raises
    ------
    ValueError
        If `layer_dims` has fewer than two entries or one that is not a positive integer, or if
        the initializer is not known or returns something unusable.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> parameters = initialize_parameters([2, 4, 1], init="he", random_state=3)
    >>> parameters["W2"]
    array([[-0.03098412, -0.33744411, -0.92904268,  0.62552248]])
    >>> parameters["b2"]
    array([[0.]])
    """
    widths = check_widths(layer_dims, "layer_dims")
    if len(widths) < 2:
        raise ValueError(
            f"layer_dims={layer_dims!r} needs two entries or more: the inputs, the hidden layers "
            "and the outputs, as in [2, 10, 5, 1]"
        )
    hidden = resolve_activations(activation, len(widths) - 2)
    network = Network(widths, hidden, LOSSES["binary_cross_entropy"])
    parameters, _ = build_parameters(init, network, check_random_state(random_state))
    return {
        f"{letter}{number}": np.ascontiguousarray(array.T)
        for number, layer in enumerate(layer_views(network, parameters), start=1)
        for letter, array in zip("Wb", layer, strict=True)
    }
