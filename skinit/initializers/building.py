"""The one loop over the layers: from a strategy to the parameters of a whole network."""

import ast
import re
from dataclasses import replace

import numpy as np
from sklearn.utils import check_random_state

from skinit._support import check_widths
from skinit.activations import resolve_activations
from skinit.core import Network, layer_views
from skinit.initializers.base import (
    Initializer,
    Layer,
    draw_layers,
    name_of,
    refine_network,
    resolve_init,
)
from skinit.initializers.composite import serving
from skinit.losses import LOSSES

__all__ = ["build_parameters", "initialize_parameters", "without_reasons"]


def build_parameters(init, network, rng, *, dtype=np.float64, data=None):
    """Start a network.

    Parameters
    ----------
    init : str, Initializer, callable or sequence of these
        The strategy, or one for each layer.
    network : Network
    rng : RandomState
        Weights are drawn from it layer after layer.
    dtype : dtype, default=float64
        Of the parameters. Draws are made in float64 and rounded, so that a network in float32
        starts where its float64 twin does.
    data : TrainingData or None, default=None
        For strategies that look at the data.

    Returns
    -------
    parameters : ndarray of shape (n_parameters,)
        See `layer_views`.
    resolved : list of str
        What each layer was started with, spelt out.

    Raises
    ------
    ValueError
        If a strategy answers with the wrong shape or with values that are not finite.
    TypeError
        If `init` is not a strategy, or answers with something else than a pair (W, b).

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
    # Told apart by identity: a user's callable need not be hashable.
    for strategy in {id(strategy): strategy for strategy in strategies}.values():
        parameters = refine_network(strategy, parameters, network, data, rng)
    layers = (replace(first, index=index) for index in range(network.n_layers))
    resolved = [explained(*pair) for pair in zip(strategies, layers, strict=True)]
    return parameters, resolved


def explained(strategy, layer):
    """Say what a layer was started with."""
    server = serving(strategy, layer)
    return server.explain(layer) if isinstance(server, Initializer) else name_of(server)


def without_reasons(told):
    """Return the strategy alone of what `build_parameters` tells of a layer.

    Examples
    --------
    >>> without_reasons("Auto(): a rotation of 2 features, of size 1")
    'Auto()'
    >>> without_reasons("WithBias(base='he', value={'a': 1})")
    "WithBias(base='he', value={'a': 1})"
    """
    ends = [match.start() for match in re.finditer(": ", told)]
    return next((told[:end] for end in ends if is_expression(told[:end])), told)


def is_expression(text):
    """Tell whether a text can be read as Python: what ends within brackets or quotes cannot."""
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def one_per_layer(init, network):
    """Resolve `init` for every layer; one object serves all of them unless a sequence came."""
    if not isinstance(init, (list, tuple)):
        return [resolve_init(init)] * network.n_layers
    if len(init) != network.n_layers:
        raise ValueError(
            f"init has {len(init)} entries, but a network of widths {network.widths} has "
            f"{network.n_layers} layers, the output layer included; give one entry for each, or "
            "one strategy for all"
        )
    return [resolve_init(entry) for entry in init]


def initialize_parameters(layer_dims, init="he", random_state=None, *, activation="relu"):
    """Start a network in the tutorials' functional form.

    Parameters
    ----------
    layer_dims : sequence of int
        Units of each layer, the inputs first: ``[2, 10, 5, 1]``.
    init : str, Initializer, callable or sequence of these, default="he"
        The strategy, or one for each layer.
    random_state : int, RandomState or None, default=None
        With 3, the digits that the tutorials print.
    activation : str, BaseActivation or sequence of these, default="relu"
        Of the hidden layers, or one for each, for the strategies that ask for it.

    Returns
    -------
    dict of str to ndarray
        ``"W1"`` of shape (layer_dims[1], layer_dims[0]), ``"b1"`` of shape (layer_dims[1], 1),
        and so on. This is the transpose of ``coefs_``, which is (fan_in, fan_out).

    Raises
    ------
    ValueError
        If `layer_dims` has fewer than two entries or one that is not a positive integer, or if
        the strategy is not known or answers with something unusable.

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
