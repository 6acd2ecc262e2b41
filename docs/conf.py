"""Settings of the documentation site; its own Sphinx directives are in `site_extension.py`."""

import sys
from importlib.metadata import metadata
from pathlib import Path

import skinit

sys.path.insert(0, str(Path(__file__).parent))

package = metadata("skinit")
project = package["Name"]
author = package["Author"]
version = release = skinit.__version__
copyright = author
links = dict(line.split(", ") for line in package.get_all("Project-URL"))

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "site_extension",
    "initializer_table",
]
exclude_patterns = ["_build", "changes"]
templates_path = ["_templates"]
# `name` is a link where there is such an object, and code where there is none.
default_role = "py:obj"
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
# Quotes are mostly those of Python strings.
smartquotes = False

# Docstrings describe types and shapes in words.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "inherited-members": True}
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "doc_module": ("skinit",),
    "reference_url": {"skinit": None},
    "backreferences_dir": "generated/backreferences",
    "within_subsection_order": "site_extension.reading_order",
    # Examples print what they show.
    "capture_repr": (),
    "thumbnail_size": (400, 280),
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "github_url": links["Source"],
    "show_prev_next": False,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Only the API has enough pages to need a list of them at the side.
pages = {page.stem for page in Path(__file__).parent.glob("*.rst")} - {"api"}
html_sidebars = {name: [] for name in [*sorted(pages), "auto_examples/*", "search"]}
