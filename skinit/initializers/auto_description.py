"""The sentences in ``init_resolved_`` that describe what `Auto` has done with a layer, and why."""

from skinit.initializers.layer import Layer
from skinit.initializers.linear_regime import OperatingPoint, is_odd
from skinit.initializers.mirrored import n_outputs_of_pairs
from skinit.initializers.signal import is_mirrored, n_signals

__all__ = ["describe_auto"]


def describe_auto(
    layer: Layer,
    point: OperatingPoint | None,
    before: OperatingPoint | None,
    size: float,
    saturated: bool,
) -> str:
    """Describe a layer: its units, the signal that they receive, and its size.

    Parameters
    ----------
    layer : Layer
    point, before : OperatingPoint or None
        That of the layer, and of the layer before, as `Auto` has them.
    size : float
        Root mean square of the signal that enters the units.
    saturated : bool
        Whether the units are saturated because of unscaled features.

    Returns
    -------
    str
    """
    parts = (
        describe_units(layer, point),
        describe_signal(layer, point, before),
        describe_size(layer, point, size, saturated),
    )
    return "; ".join(parts)


def describe_units(layer: Layer, point: OperatingPoint | None) -> str:
    """Describe the units: outputs, single units or pairs."""
    if point is None or layer.activation is None:
        return counted(layer.fan_out, "output")
    name = type(layer.activation).__name__
    if not point.mirrored:
        return counted(layer.fan_out, f"{name} unit")
    pairs = counted(n_outputs_of_pairs(layer.fan_out), "mirrored pair")
    reason = f" ({name} is not linear enough)" if is_odd(layer.activation) else ""
    return f"{counted(layer.fan_out, 'unit')} as {pairs}{reason}"


def describe_signal(
    layer: Layer, point: OperatingPoint | None, before: OperatingPoint | None
) -> str:
    """Describe the signal that arrives, and how much of it is kept."""
    source = "mirrored pair" if is_mirrored(before) else "unit"
    if before is None:
        source = f"standardized {'unit' if layer.index else 'feature'}"
    n_in, n_out = n_signals(layer.fan_in, before), n_signals(layer.fan_out, point)
    kept = ""
    if n_out < n_in:
        number = f"{n_out} " if n_out > 1 else ""
        kept = f"the {number}leading principal component{'s' * (n_out > 1)} of "
    return f"orthogonal on {kept}{counted(n_in, source)}"


def describe_size(layer: Layer, point: OperatingPoint | None, size: float, saturated: bool) -> str:
    """Describe the size of the signal and the bias, and the reason for them."""
    if point is None:
        return f"RMS {size:g} around the best constant prediction"
    if saturated:
        return f"signal RMS {size:g}, so that units are saturated, as the features are not scaled"
    reason = f", nearly linear through {layer.n_layers - 1} layers"
    bias = f" at bias {point.bias:.2g}" if point.bias else ""
    return f"signal RMS {size:g}{bias}{reason if bias or size < 1 else ''}"


def counted(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number} {noun}{'s' * (number != 1)}"
