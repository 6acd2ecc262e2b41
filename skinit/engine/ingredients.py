"""What the engine asks of activations, losses and solvers: compiled calls, and thread safety.

Each ingredient has plain methods, such as ``value`` and ``slope``, and may have bound calls that
compute the same faster. `fast_path` decides whether these calls still match the plain methods.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from skinit.activations import Activation
from skinit.core import Network
from skinit.losses import BaseLoss

__all__ = ["fast_path", "is_builtin", "loss_methods"]


def fast_path(ingredient: Any, Base: type, name: str, *formulas: str) -> Callable[..., Any]:
    """Return a fast method of an ingredient, if it still agrees with the formulas behind it.

    Parameters
    ----------
    ingredient : BaseActivation, BaseLoss or BaseSolver
    Base : type
        The base class, whose method of the same name calls the formulas.
    name : str
        The fast method, such as "compiled_calls".
    *formulas : str
        The plain methods that it must agree with, such as "value" and "slope".

    Returns
    -------
    callable
        ``ingredient.name``, unless a subclass or the object itself has overridden one of the
        formulas but not the fast method: then the method of `Base`.
    """

    def depth(method):
        """Count the classes up to the one that defines a method; 0 is the object itself."""
        namespaces = [vars(ingredient), *map(vars, type(ingredient).__mro__)]
        return next(k for k, namespace in enumerate(namespaces) if method in namespace)

    if depth(name) <= min(map(depth, formulas)):
        return getattr(ingredient, name)
    return partial(getattr(Base, name), ingredient)


def loss_methods(loss: BaseLoss) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the `compiled_calls` of a loss and the `compiled_losses` that belong to them."""
    calls = fast_path(loss, BaseLoss, "compiled_calls", "gradient", "link", "per_sample")
    is_default = getattr(calls, "func", None) is BaseLoss.compiled_calls
    return calls, partial(BaseLoss.compiled_losses, loss) if is_default else loss.compiled_losses


def is_builtin(network: Network) -> bool:
    """Check that activations and loss are skinit's: other functions may not be thread-safe."""
    return all(
        type(part).__module__ in ("skinit.activations", "skinit.losses")
        and not isinstance(part, Activation)
        and not any(map(callable, vars(part).values()))
        for part in (*network.activations, network.loss)
    )
