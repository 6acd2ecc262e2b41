"""What the site adds to Sphinx: tables that are read off the library, and formulas as MathML."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sklearn.base import BaseEstimator
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from skinit.activations import ACTIVATIONS

logger = logging.getLogger(__name__)


def setup(app):
    """Register all that is below."""
    app.add_directive("activation-table", ActivationTable)
    app.add_directive("command-output", CommandOutput)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("source-read", insert_unreleased_changes)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", unlink_foreign_labels)
    app.connect("autodoc-process-docstring", keep_initials)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def reading_order(filename):
    """Sort the gallery: the classic experiments first."""
    return "experiment" not in filename, filename


class TableDirective(SphinxDirective):
    """A table whose rows are computed when the site is built."""

    headings = ()
    widths = "auto"
    classes = "stacked"

    def rows(self):
        """Return a list of rows, each a list of cells, of one line or more, in reStructuredText."""
        raise NotImplementedError

    def run(self):
        lines = [
            ".. list-table::",
            f"   :class: {self.classes}",
            f"   :widths: {self.widths}",
            "   :header-rows: 1",
            "",
        ]
        for row in [self.headings, *self.rows()]:
            for number, cell in enumerate(row):
                start = f"   {' ' if number else '*'} - "
                lines.append(start + cell.replace("\n", "\n" + " " * len(start)))
        return self.parse_text_to_nodes("\n".join(lines))


class ActivationTable(TableDirective):
    """Every named activation: its names, and the first line of its documentation."""

    headings = ("Names", "Class", "Value")

    def rows(self):
        names = {}
        for name, activation in ACTIVATIONS.items():
            names.setdefault(type(activation), []).append(name)
        for activation, aliases in names.items():
            yield [
                ", ".join(f'``"{name}"``' for name in aliases),
                f":class:`~skinit.activations.{activation.__name__}`",
                activation.__doc__.partition("\n")[0],
            ]


class CommandOutput(SphinxDirective):
    """A ``skinit`` command and what it prints, run when the site is built."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        command = self.arguments[0]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-m", *command.split()], capture_output=True, text=True, cwd=folder
            )
            printed = done.stdout.replace(str(Path(folder).resolve()), "~")
        if done.returncode != 0:
            raise ExtensionError(f"{command!r} failed: {done.stderr}")
        text = f"$ {command}\n{printed}"
        return [nodes.literal_block(text, text, language="console")]


def insert_unreleased_changes(app, docname, source):
    """Show the fragments of the next release where towncrier will insert them."""
    marker = ".. towncrier release notes start\n"
    if docname != "changelog" or marker not in source[0]:
        return
    draft = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "Unreleased"],
        capture_output=True, text=True, check=True, cwd=Path(app.srcdir).parent,
    ).stdout  # fmt: skip
    draft = re.sub(r".*Unreleased.*\n=+", "Unreleased\n==========", draft, count=1)
    source[0] = source[0].replace(marker, f"{marker}\n{draft}")


def skip_member(app, what, name, member, skip, options):
    """Leave out what would say nothing about the class at hand."""
    # What every estimator has from scikit-learn, and every exception from Python.
    is_common = (
        getattr(BaseEstimator, name, None) is member
        or re.fullmatch("set_.*_request", name)
        or getattr(member, "__objclass__", None) is BaseException
    )
    # Sphinx would show the documentation of the value's type.
    is_bare = isinstance(member, type) or (isinstance(member, property) and not member.__doc__)
    return True if is_common or is_bare else None


def unlink_foreign_labels(app, what, name, member, options, lines):
    """Turn links into scikit-learn's user guide to text, in methods inherited from there."""
    if (getattr(member, "__module__", None) or "").startswith("sklearn."):
        lines[:] = [re.sub(r":ref:`([^<`]+) <\w+>`", r"\1", line) for line in lines]


def keep_initials(app, what, name, member, options, lines):
    """Keep "C. M. Bishop" from becoming item C of a list."""
    lines[:] = [re.sub(r"^(\s*)(?=[A-Z]\. )", r"\1\\", line) for line in lines]


# Every browser shows MathML, without a script and without a network.
def visit_math(translator, node):
    """Write an inline formula."""
    write_math(translator, node, as_block=False)


def visit_math_block(translator, node):
    """Write a displayed formula."""
    write_math(translator, node, as_block=True)


def write_math(translator, node, as_block):
    """Convert a formula from LaTeX to MathML."""
    try:
        mathml = str(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        logger.warning(
            "formula %s: %s (write what docutils can convert)", node.astext(), error, location=node
        )
        mathml = translator.encode(node.astext())
    translator.body.append(f'<div class="formula">{mathml}</div>' if as_block else mathml)
    raise nodes.SkipNode
