"""What both directions of the conversion share: names on either side, and what is lost between.

A setting without a counterpart that affects only training is an error for a model that is not
fitted, and a warning for a fitted one, whose predictions stay the same.
"""

import warnings
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from skinit.activations import Identity, Logistic, ReLU, Tanh

__all__ = ["ACTIVATION_NAMES", "copy_attributes", "report_lost_settings"]

# scikit-learn's names of the activations that it has.
ACTIVATION_NAMES = {Identity: "identity", Logistic: "logistic", Tanh: "tanh", ReLU: "relu"}

# Fitted attributes with the same name and meaning in scikit-learn and skinit.
SHARED_ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "classes_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "coefs_",
    "intercepts_",
)


def copy_attributes(source: Any, target: Any) -> None:
    """Copy the fitted attributes that have the same name and meaning on both sides."""
    for name in SHARED_ATTRIBUTES:
        if hasattr(source, name):
            setattr(target, name, deepcopy(getattr(source, name)))


def report_lost_settings(lost: Sequence[str], is_fitted: bool, library: str) -> None:
    """Raise an error for settings that a library lacks, or warn if the model is fitted.

    Call it from the public function itself: the warning points at that function's caller.
    """
    if not lost:
        return
    message = f"{library} has no counterpart of {'; '.join(lost)}"
    if not is_fitted:
        raise ValueError(f"{message}. Choose settings that both have, then convert")
    warnings.warn(
        f"{message}. The predictions are the same, but further training will differ", stacklevel=3
    )
