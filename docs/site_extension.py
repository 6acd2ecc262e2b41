"""What the site adds to Sphinx: tables made from the library, benchmarks, formulas as MathML."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sklearn.base import BaseEstimator
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from skinit.activations import ACTIVATIONS

logger = logging.getLogger(__name__)


def setup(app):
    """Register the directives and handlers of this module."""
    app.add_directive("activation-table", ActivationTable)
    app.add_directive("benchmark", Benchmark)
    app.add_directive("command-output", CommandOutput)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("source-read", insert_unreleased_changes)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", unlink_foreign_labels)
    app.connect("autodoc-process-docstring", keep_initials)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def reading_order(filename):
    """Return the sort key of an example in the gallery: the classic experiments come first."""
    return "experiment" not in filename, filename


class TableDirective(SphinxDirective):
    """A table whose rows are computed when the site is built."""

    headings = ()
    widths = "auto"
    classes = "stacked"

    def rows(self):
        """Return a list of rows, each a list of cells in reStructuredText, of one line or more."""
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
                bullet = f"   {' ' if number else '*'} - "
                lines.append(bullet + cell.replace("\n", "\n" + " " * len(bullet)))
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


class Benchmark(SphinxDirective):
    """What `make bench` has published under a name, a tab for each class of processors."""

    required_arguments = 1
    option_spec: ClassVar = {"alt": directives.unchanged}
    classes = (("", "This processor's kernels"), ("_haswell", "Haswell kernels"))

    def run(self):
        name, folder = self.arguments[0], Path(self.env.srcdir) / "bench"
        lines = [".. tab-set::", "   :sync-group: kernels", ""]
        for suffix, label in self.classes:
            if suffix and not (folder / f"{name}{suffix}.txt").exists():
                continue  # the timings of this class have not been taken yet
            lines += [f"   .. tab-item:: {label}", f"      :sync: kernels{suffix}", ""]
            if "alt" in self.options:
                alt = " ".join(self.options["alt"].split())
                lines += [f"      .. image:: bench/{name}{suffix}.png", f"         :alt: {alt}", ""]
            lines += [
                f"      .. literalinclude:: bench/{name}{suffix}.txt",
                "         :language: none",
            ]
            lines += [""]
        return self.parse_text_to_nodes("\n".join(lines))


class CommandOutput(SphinxDirective):
    """A ``skinit`` command and its output; the command runs when the site is built."""

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
    """Show the fragments of the next release in the changelog, where towncrier will insert them."""
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
    """Leave out members that say nothing about the class that is documented."""
    # What every estimator inherits from scikit-learn, and every exception from Python.
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


# Browsers show MathML without a script and without a network.
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
