"""The catalogue of starts as a table that can be searched, with a picture of each start's weights.

One small network is started on one data set from every entry, and all pictures are drawn by one
rule for the colors.
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

# Now, as autodoc will tamper with the signatures, from which objects are spelt.
CATALOGUE = catalogue()


def setup(app):
    """Register the table."""
    app.add_directive("initializer-table", InitializerTable)
    app.add_js_file("table_search.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class InitializerTable(TableDirective):
    """Every start: its weights and names, what is drawn, when to use it and what was found."""

    headings = ("Start", "What is drawn", "When to use it")
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
    """Write a paragraph of some class."""
    return f".. rst-class:: {css_class}\n\n\\{escaped(text)}"


def escaped(text):
    """Keep the characters of a text from being markup."""
    return re.sub(r"([\\`*_|])", r"\\\1", text)


def capitalized(sentence):
    """Write the first letter as a capital and leave the others: ReLU stays ReLU."""
    return sentence[:1].upper() + sentence[1:]


WIDTHS = (8, 16, 16, 3)
# A weight of this size, or more, has full color.
FULL = 1.0
POSITIVE, NEGATIVE, GRAY = np.array([[224, 112, 16], [32, 120, 224], [128, 128, 128]]) / 255
# How much of the page a zero hides, be it a light or a dark one.
FAINT = 0.15


def picture_of(entry):
    """Draw the weights of a start, and write it as an image whose address holds the picture."""
    if not entry.names:  # what it draws is up to its parts
        return ""
    file = BytesIO()
    matplotlib.image.imsave(file, colored(side_by_side(start_of(entry.names[0]))), format="png")
    return (
        f".. image:: data:image/png;base64,{b64encode(file.getvalue()).decode()}\n"
        "   :class: weights dark-light\n"
        f"   :alt: Weights and biases of the small network, started by {entry.name}"
    )


def start_of(name):
    """Start the network of the pictures; return the weights and biases of each layer."""
    network = Network(WIDTHS, (ReLU(), ReLU()), LOSSES["multinomial_cross_entropy"])
    X, y = load_wine(return_X_y=True)
    data = TrainingData(scale(X)[:, : WIDTHS[0]], LabelBinarizer().fit_transform(y))
    parameters, _ = build_parameters(name, network, np.random.RandomState(0), data=data)
    return layer_views(network, parameters)


def side_by_side(layers):
    """Lay out all layers in one array, a row for each input and the biases below; nan between."""
    height, panels = max(len(W) for W, _ in layers) + 2, []
    for W, b in layers:
        panel = np.full((height, W.shape[1] + 2), np.nan)
        panel[: len(W), :-2] = W
        panel[len(W) + 1, :-2] = b
        panels.append(panel)
    return np.hstack(panels)[:, :-2]


def colored(values):
    """Turn numbers into red, green, blue and opacity: the color of their sign over a faint gray."""
    strength = np.minimum(np.abs(values) / FULL, 1.0)[..., np.newaxis]
    color = np.where(values[..., np.newaxis] > 0, POSITIVE, NEGATIVE)
    opacity = strength + FAINT * (1 - strength)
    mixed = (strength * color + FAINT * (1 - strength) * GRAY) / opacity
    return np.nan_to_num(np.concatenate([mixed, opacity], axis=-1))
