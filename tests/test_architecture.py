"""Which package may import which, what CONTRIBUTING says of them, what public names must have."""

import ast
import graphlib
import importlib
import importlib.util
import inspect
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

import skinit

# A package imports from the rows above its own, and inside a row only from those before it. The
# table in CONTRIBUTING has the same rows.
ORDER = [
    ["_support"],
    ["activations", "losses", "solvers", "schedules", "mean_field", "datasets"],
    ["core"],
    ["engine", "initializers"],
    ["training"],
    ["catalogue"],
    ["estimators"],
    ["interop", "drop_in"],
    ["comparison"],
    ["diagnosis"],
    ["teaching"],
    ["displays"],
    ["skinit"],
    ["cli"],
    ["__main__"],
]
PLACES = [name for row in ORDER for name in row]

ROOT = Path(skinit.__file__).parent
SOURCES = {
    ".".join(["skinit", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(
        ".__init__"
    ): path
    for path in sorted(ROOT.rglob("*.py"))
}
MODULES = [name for name in SOURCES if not name.endswith(".__main__")]


def imported_names(module):
    """List what a module imports anywhere in its code, as absolute dotted names."""
    is_package = SOURCES[module].name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            origin = importlib.util.resolve_name(relative, package)
            names.update(f"{origin}.{alias.name}" for alias in node.names)
    return names


def imported_modules(module):
    """List the modules of skinit that a module imports."""
    found = set()
    for name in imported_names(module):
        if name.partition(".")[0] == "skinit":
            # The last part may be a function or a class, also where a module is called the same.
            origin, _, last = name.rpartition(".")
            is_module = name in SOURCES and last not in public_names(origin)
            found.add(name if is_module else origin)
    return found


@cache
def public_names(module):
    return getattr(importlib.import_module(module), "__all__", ())


def place(module):
    """Return the part of skinit that a module belongs to: a module or package at the top."""
    return module.split(".")[1] if "." in module else module


def position(name):
    if name not in PLACES:
        pytest.fail(
            f"{name!r} has no place in the order of imports; add it to ORDER in "
            "tests/test_architecture.py and to CONTRIBUTING.md, below all that it imports"
        )
    return PLACES.index(name)


@pytest.mark.parametrize("module", SOURCES)
def test_packages_import_only_from_rows_above(module):
    own = position(place(module))
    others = {place(name) for name in imported_modules(module)} - {place(module)}
    assert [name for name in others if position(name) >= own] == []


@pytest.mark.parametrize("module", SOURCES)
def test_packages_are_entered_by_their_front_doors(module):
    """From outside, import ``skinit.package``, not ``skinit.package.module``."""
    others = {name for name in imported_modules(module) if place(name) != place(module)}
    assert [name for name in others if name.count(".") > 1] == []


def test_the_order_of_imports_lists_what_there_is():
    assert sorted(PLACES) == sorted({place(module) for module in SOURCES})


def table_rows(markdown, heading):
    """Return the cells of a Markdown table's rows, as they are written."""
    lines = iter(markdown.splitlines())
    assert heading in lines
    assert next(lines).startswith("|--")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in takewhile(lambda line: line.startswith("|"), lines)
    ]


def test_contributing_shows_every_package_in_the_order_of_imports():
    contributing = ROOT.parent / "CONTRIBUTING.md"
    if not contributing.exists():
        pytest.skip("there is no CONTRIBUTING.md beside an installed package")
    rows = table_rows(
        contributing.read_text(encoding="utf-8"), "| row | package | what lives there |"
    )
    shown = [(int(row), name.strip("`")) for row, name, _ in rows]
    assert shown == [(n, name) for n, row in enumerate(ORDER, start=1) for name in row]
    assert all(what for *_, what in rows)


PACKAGES = [name for name, path in SOURCES.items() if path.name == "__init__.py"]


@pytest.mark.parametrize("package", PACKAGES)
def test_front_doors_describe_their_packages(package):
    """A summary, then what is where, in which order to read it, and where to add something."""
    loaded = importlib.import_module(package)
    assert len(loaded.__doc__.splitlines()) >= 3
    assert loaded.__all__


def test_imports_have_no_circle():
    graph = {module: imported_modules(module) for module in SOURCES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", SOURCES)
def test_only_displays_import_matplotlib(module):
    libraries = {name.partition(".")[0] for name in imported_names(module)}
    assert place(module) == "displays" or "matplotlib" not in libraries


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_uses_a_global_random_generator(module):
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = attributes | imported_names(module)
    drawn_from = ("np.random.", "numpy.random.", "random.", "scipy.stats.qmc.")
    used = {name for name in names if name.startswith(drawn_from) or name == "random"}
    assert {name for name in used if not name.endswith(".RandomState")} == set()


@pytest.mark.parametrize("module", MODULES)
def test_public_names_exist(module):
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []


def is_documentable(thing):
    return inspect.isclass(thing) or inspect.isfunction(thing)


@pytest.mark.parametrize("module", MODULES)
def test_public_classes_and_functions_have_docstrings(module):
    loaded = importlib.import_module(module)
    public = {name: getattr(loaded, name) for name in loaded.__all__}
    assert [n for n, thing in public.items() if is_documentable(thing) and not thing.__doc__] == []


@pytest.mark.parametrize("module", ["skinit", "skinit.initializers", "skinit.activations"])
def test_names_that_users_import_have_examples(module):
    loaded = importlib.import_module(module)
    public = {name: getattr(loaded, name) for name in loaded.__all__}
    documented = {name: thing.__doc__ for name, thing in public.items() if is_documentable(thing)}
    assert [name for name, doc in documented.items() if "\n    Examples\n    ---" not in doc] == []


def test_public_names_are_sorted():
    """Constants, then classes, then functions, each by name."""

    def constants_classes_functions(name):
        return not name.isupper(), name[0].islower(), name

    assert skinit.__all__ == sorted(skinit.__all__, key=constants_classes_functions)
