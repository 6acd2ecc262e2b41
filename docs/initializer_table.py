"""The catalogue of initializers as a searchable table, with a picture of the weights of each.

Every initializer initializes the same small network on the same data set, and all pictures have the
same color scale.
"""

import re
from base64 import b64encode
from io import BytesIO

import matplotlib.image
import numpy as np
from site_extension import TableDirective
from sklearn.datasets import load_wine
from sklearn.preprocessing import LabelBinarizer, scale

from skinit.activations import ReLU
from skinit.catalogue import catalogue
from skinit.core import Network, TrainingData, layer_views
from skinit.initializers import build_parameters
from skinit.losses import LOSSES

# Computed on import, before autodoc changes the signatures, which the catalogue shows.
CATALOGUE = catalogue()


def setup(app):
    """Register the table."""
    app.add_directive("initializer-table", InitializerTable)
    app.add_js_file("table_search.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class InitializerTable(TableDirective):
    """Every initializer: its weights and names, formula, use and benchmark results."""

    headings = ("Initializer", "Formula", "When to use it")
    widths = "28 39 33"
    classes = "stacked searchable"

    def rows(self):
        for entry in CATALOGUE:
            class_name = entry.spelt.partition("(")[0]
            found = {"Found": entry.overall, "For": entry.strength, "Against": entry.weakness}
            yield [
                blocks(
                    picture_of(entry),
                    ", ".join(f'``"{name}"``' for name in entry.names),
                    f":class:`{entry.spelt} <skinit.initializers.{class_name}>`",
                    styled("family", entry.family),
                ),
                blocks(
                    f"``{entry.formula}``",
                    f"Cost: {escaped(entry.cost)}.",
                    styled("source", entry.references),
                ),
                blocks(
                    escaped(capitalized(entry.advice)) + ".",
                    *(f"*{label}*: {escaped(text)}." for label, text in found.items() if text),
                ),
            ]


def blocks(*paragraphs):
    """Join paragraphs, leaving out empty ones."""
    return "\n\n".join(filter(None, paragraphs))


def styled(css_class, text):
    """Write a paragraph with a CSS class."""
    return f".. rst-class:: {css_class}\n\n\\{escaped(text)}"


def escaped(text):
    """Escape the characters of a text that would be markup."""
    return re.sub(r"([\\`*_|])", r"\\\1", text)


def capitalized(sentence):
    """Capitalize the first letter only: ReLU stays ReLU."""
    return sentence[:1].upper() + sentence[1:]


WIDTHS = (8, 16, 16, 3)
# Weights of this size, or larger, have a saturated color.
FULL = 1.0
POSITIVE, NEGATIVE, GRAY = np.array([[224, 112, 16], [32, 120, 224], [128, 128, 128]]) / 255
# Opacity of a zero, visible on light and on dark pages.
FAINT = 0.15


def picture_of(entry):
    """Draw the weights of an initializer as an image directive with the picture as data URI."""
    if not entry.names:  # its weights depend on its arguments
        return ""
    file = BytesIO()
    matplotlib.image.imsave(file, colored(side_by_side(layers_of(entry.names[0]))), format="png")
    return (
        f".. image:: data:image/png;base64,{b64encode(file.getvalue()).decode()}\n"
        "   :class: weights dark-light\n"
        f"   :alt: Weights and biases of a small network, initialized by {entry.name}"
    )


def layers_of(name):
    """Initialize the network of the pictures; return the weights and biases of each layer."""
    network = Network(WIDTHS, (ReLU(), ReLU()), LOSSES["multinomial_cross_entropy"])
    X, y = load_wine(return_X_y=True)
    data = TrainingData(scale(X)[:, : WIDTHS[0]], LabelBinarizer().fit_transform(y))
    parameters, _ = build_parameters(name, network, np.random.RandomState(0), data=data)
    return layer_views(network, parameters)


def side_by_side(layers):
    """Lay out all layers in one array, a row per input and the biases below, separated by nan."""
    height, panels = max(len(W) for W, _ in layers) + 2, []
    for W, b in layers:
        panel = np.full((height, W.shape[1] + 2), np.nan)
        panel[: len(W), :-2] = W
        panel[len(W) + 1, :-2] = b
        panels.append(panel)
    return np.hstack(panels)[:, :-2]


def colored(values):
    """Turn numbers into RGBA colors: the color of the sign over a faint gray."""
    strength = np.minimum(np.abs(values) / FULL, 1.0)[..., np.newaxis]
    color = np.where(values[..., np.newaxis] > 0, POSITIVE, NEGATIVE)
    opacity = strength + FAINT * (1 - strength)
    mixed = (strength * color + FAINT * (1 - strength) * GRAY) / opacity
    return np.nan_to_num(np.concatenate([mixed, opacity], axis=-1))
