"""The contract between a network and the strategies that start it.

A strategy is any callable ``strategy(layer, rng) -> (W, b)``. `Layer` is what it may know,
`Initializer` what a tunable one derives from, `resolve_init` how a name becomes one.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.base import BaseEstimator, clone

from skinit._support import look_up, refuse_class
from skinit.core import Network, TrainingData, layer_views

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "Layer",
    "draw_layer",
    "draw_layers",
    "refine_network",
    "resolve_init",
]

# The names and what they stand for are written in `skinit/initializers/__init__.py`.
INITIALIZERS = {}

# Initializers that look at the data square it.
LARGEST_SIGNAL = 1e150


@dataclass(frozen=True)
class Layer:
    """What a strategy may know about the layer that it starts.

    Parameters
    ----------
    network : Network
        The whole network: its widths, activations and loss.
    index : int
        Which layer, the first hidden one being 0.
    dtype : type
        What the weights will be stored as, such as ``np.float32``.
    parameters : ndarray of shape (n_parameters,) or None
        Parameters of the network as far as they are drawn.
    data : TrainingData or None
        What the network will be trained on, where there is any yet.
    memo : dict
        Where `inputs`, and layers that are drawn ahead, wait to be asked for; the layers of a
        network share one.

    Examples
    --------
    >>> from skinit import initialize_parameters
    >>> def fading(layer, rng):
    ...     W = rng.normal(0, 0.5**layer.index, (layer.fan_in, layer.fan_out))
    ...     return W, np.zeros(layer.fan_out)
    >>> sorted(initialize_parameters([2, 3, 1], init=fading, random_state=0))
    ['W1', 'W2', 'b1', 'b2']
    """

    network: Network
    index: int
    dtype: type = np.float64
    parameters: np.ndarray | None = None
    data: TrainingData | None = None
    memo: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def widths(self):
        """Units of every layer of the network, the inputs first."""
        return self.network.widths

    @property
    def n_layers(self):
        """Number of weight layers of the network."""
        return self.network.n_layers

    @property
    def fan_in(self):
        """Number of inputs of this layer."""
        return self.widths[self.index]

    @property
    def fan_out(self):
        """Number of units of this layer."""
        return self.widths[self.index + 1]

    @property
    def is_output(self):
        """Whether this is the last layer, which is linear."""
        return self.index == self.n_layers - 1

    @property
    def activation(self):
        """Activation that follows this layer; None after the output layer."""
        return None if self.is_output else self.network.activations[self.index]

    @property
    def keep_rate(self):
        """Share of this layer's units that dropout keeps in training."""
        return 1.0 if self.is_output else self.network.keep_rates[self.index]

    @property
    def incoming_activation(self):
        """Activation that this layer's inputs come from; None at the first layer."""
        return None if self.index == 0 else self.network.activations[self.index - 1]

    @property
    def incoming_keep_rate(self):
        """Share of this layer's inputs that dropout keeps in training."""
        return 1.0 if self.index == 0 else self.network.keep_rates[self.index - 1]

    @property
    def loss(self):
        """Loss that the network is trained with."""
        return self.network.loss

    @property
    def inputs(self):
        """Data arriving at this layer, of shape (n_samples, fan_in); computed when asked for.

        At the first layer it is X itself, and sparse where X is.
        """
        layers = layer_views(self.network, self.parameters_or_error("inputs"))
        reached, signal = self.memo.get("last", (0, self.data.X))
        if reached > self.index:
            reached, signal = 0, self.data.X
        for index in range(reached, self.index):
            W, b = layers[index]
            signal = self.network.activations[index].value(signal @ W + b)
        self.memo["last"] = self.index, signal
        return self.measurable(signal)

    def measurable(self, signal):
        """Return a signal, or say that it is too large for its squares to be numbers."""
        largest = float(max(signal.max(), -signal.min()))  # float32 would not reach the limit
        if not largest < LARGEST_SIGNAL:  # also where it is nan
            what = f"the signal from layer {self.index}" if self.index else "X"
            raise ValueError(
                f"the initializer measures the data that arrive at layer {self.index + 1}, but "
                f"{what} reaches {largest:.3g}; scale X, or choose a start that does not look at "
                "the data, such as 'he'"
            )
        return signal

    @property
    def targets(self):
        """Targets of the network, of shape (n_samples, n_outputs)."""
        self.parameters_or_error("targets")
        return self.data.targets

    @property
    def sample_weight(self):
        """Sample weights, of shape (n_samples,), or None."""
        self.parameters_or_error("sample_weight")
        return self.data.sample_weight

    def parameters_or_error(self, wanted):
        """Return the parameters drawn so far, or say that there is no data to send through."""
        if self.data is None:
            raise ValueError(
                f"the initializer looks at the data (layer.{wanted}), and there is none here; give "
                "it as init to an InitMLPClassifier or InitMLPRegressor, whose fit(X, y) has data "
                "and keeps the start in initial_coefs_"
            )
        return self.parameters


class Initializer(BaseEstimator):
    """Base class of the initializers: settings that answer with the weights of a layer.

    A strategy of your own overrides `weights`, and `bias` where its biases are not zero; one that
    draws both together overrides ``__call__`` instead. Its ``__init__`` only stores its settings,
    so that scikit-learn can clone and tune it. One that looks at the whole network also has
    ``refine(parameters, network, data, rng)``, which is called once all layers are drawn and
    returns the parameters that the network starts with.

    Attributes
    ----------
    formula : str
        What is drawn, in one line.
    advice : str
        When to use it, in one line.
    cost : str
        What it takes to compute, in one line.

    Examples
    --------
    >>> from skinit import InitMLPClassifier
    >>> class Alternating(Initializer):
    ...     def __init__(self, size=0.5):
    ...         self.size = size
    ...
    ...     def weights(self, layer, rng):
    ...         signs = (-1.0) ** np.add.outer(np.arange(layer.fan_in), np.arange(layer.fan_out))
    ...         return self.size * signs
    >>> InitMLPClassifier(init=Alternating(size=0.1)).get_params()["init__size"]
    0.1
    """

    formula = ""
    advice = ""
    cost = "a draw for each weight"

    def __call__(self, layer, rng):
        """Answer with the weights and the biases of a layer."""
        return self.weights(layer, rng), self.bias(layer, rng)

    def weights(self, layer, rng):
        """Draw the weights of a layer.

        Parameters
        ----------
        layer : Layer
            What is known about the layer.
        rng : RandomState
            The only source of randomness.

        Returns
        -------
        ndarray of shape (fan_in, fan_out)
        """
        raise NotImplementedError(f"{type(self).__name__} has to define weights(layer, rng)")

    def bias(self, layer, rng):
        """Draw the biases of a layer, after its weights; zeros unless a strategy says otherwise.

        Parameters
        ----------
        layer : Layer
        rng : RandomState

        Returns
        -------
        ndarray of shape (fan_out,)
        """
        return np.zeros(layer.fan_out)

    def set_params(self, **params):
        """Set parameters, also those of the initializers within this one."""
        for key in params:
            setting, nested, parameter = key.partition("__")
            current = params.get(setting, getattr(self, setting, None))
            if nested and hasattr(self, setting) and not hasattr(current, "set_params"):
                raise ValueError(
                    f"{setting}={current!r} has no parameter {parameter!r} to set; pass an object "
                    "that has it, such as He()"
                )
        return super().set_params(**params)

    def for_layer(self, layer):
        """Return what draws this layer in the end, to name it: itself, unless it asks others."""
        return self

    def explain(self, layer):
        """Say what a layer is started with; a strategy that decides says why, behind a colon."""
        return repr(self)


def resolve_init(init):
    """Turn a name, an object or a function into a strategy.

    Parameters
    ----------
    init : str, Initializer or callable
        A name of ``INITIALIZERS``, an initializer, or a function ``(layer, rng) -> (W, b)``.

    Returns
    -------
    callable
        A fresh copy of an initializer; a function as it came.

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If it is none of the three.

    Examples
    --------
    >>> from skinit.initializers import resolve_init
    >>> resolve_init("kaiming_uniform")
    He(distribution='uniform')
    >>> resolve_init("he_norml")
    Traceback (most recent call last):
    ...
    ValueError: init='he_norml' is not a known name; did you mean 'he_normal'?
    """
    if isinstance(init, str):
        return clone(look_up(init, INITIALIZERS, "init"))
    refuse_class(init, "init")
    if isinstance(init, Initializer):
        return clone(init)
    if callable(init):
        return init
    raise TypeError(
        f"init={init!r} is not an initializer; give a name such as 'he', an object such as "
        "He(gain=0.5), or a function (layer, rng) -> (W, b)"
    )


def draw_layers(strategies, first, rng):
    """Draw a layer and all that follow it, into the parameters that they are views of.

    Parameters
    ----------
    strategies : list of callable
        One for each layer of the network.
    first : Layer
        The layer to begin with; the layers before it are drawn already.
    rng : RandomState
    """
    layers = layer_views(first.network, first.parameters)
    for index in range(first.index, first.n_layers):
        W, b = layers[index]
        W[...], b[...] = draw_layer(strategies[index], replace(first, index=index), rng)


def draw_layer(strategy, layer, rng):
    """Ask a strategy for a layer, and check what it answers.

    Parameters
    ----------
    strategy : callable
        As `resolve_init` returns it.
    layer : Layer
    rng : RandomState

    Returns
    -------
    W : ndarray of shape (fan_in, fan_out)
    b : ndarray of shape (fan_out,)

    Raises
    ------
    TypeError
        If the answer is not a pair.
    ValueError
        If an array has the wrong shape or values that are not finite.
    """
    # Numbers that overflow are told below.
    with named_in_errors(strategy), np.errstate(over="ignore", invalid="ignore"):
        answer = strategy(layer, rng)
    where = f"init={name_of(strategy)} for layer {layer.index + 1} of {layer.n_layers}"
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise TypeError(
            f"{where} returned {type(answer).__name__}, expected a pair (W, b): the weights of "
            f"shape {(layer.fan_in, layer.fan_out)} and the biases of shape {(layer.fan_out,)}"
        )
    W = check_array_of("W", answer[0], (layer.fan_in, layer.fan_out), layer.dtype, where)
    b = check_array_of("b", answer[1], (layer.fan_out,), layer.dtype, where)
    return W, b


@contextmanager
def named_in_errors(strategy):
    """Let the errors of a strategy of skinit's say whose they are; those of a user's pass by."""
    try:
        yield
    except (TypeError, ValueError) as error:
        is_ours = type(strategy).__module__.startswith("skinit.")
        is_plain = type(error) in (TypeError, ValueError)
        # One that names an init has come from a part, and says more than the whole would.
        if not is_ours or not is_plain or str(error).startswith("init="):
            raise
        raise type(error)(f"init={name_of(strategy)}: {error}") from error


def check_array_of(letter, array, expected, dtype, where):
    """Return the weights or the biases as an array, or say what is wrong with them."""
    try:
        array = np.asarray(array)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{where} returned {letter} that is no array: {error}") from error
    if array.shape != expected:
        turned = array.shape == expected[::-1] and letter == "W"
        column = array.shape == (*expected, 1) and letter == "b"
        hint = "; return its transpose, W.T" if turned else "; return b[:, 0]" if column else ""
        raise ValueError(
            f"{where} returned {letter} of shape {array.shape}, expected {expected}{hint}"
        )
    if not is_finite_as(dtype, array):
        raise ValueError(
            f"{where} returned {letter} with values that are not finite numbers in "
            f"{np.dtype(dtype)}; check the formula and its settings"
        )
    return array


def is_finite_as(dtype, array):
    """Tell whether an array holds numbers that are still finite once rounded to a dtype."""
    if array.dtype.kind not in "iuf":
        return False
    with np.errstate(over="ignore"):  # an overflow is what is looked for
        return bool(np.isfinite(array.astype(dtype)).all())


def refine_network(strategy, parameters, network, data, rng):
    """Let a strategy look at the whole network, if it wants to, and check what it answers.

    Parameters
    ----------
    strategy : callable
        As `resolve_init` returns it.
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
        If the answer has the wrong shape or values that are not finite.
    """
    if not hasattr(strategy, "refine"):
        return parameters
    with named_in_errors(strategy):
        refined = np.asarray(strategy.refine(parameters, network, data, rng))
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


def name_of(strategy):
    """Spell a strategy: its repr, or the name of a function."""
    if isinstance(strategy, Initializer):
        return repr(strategy)
    return getattr(strategy, "__name__", repr(strategy))
