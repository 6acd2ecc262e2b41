"""The documented idioms run, and whatever is public has annotations.

Whether a type checker accepts the idioms is tested by `make lint`.
"""

import importlib
import inspect
import pkgutil
from importlib.resources import files

import pytest
import typing_idioms
from sklearn.datasets import load_diabetes

import skinit
from skinit import InitMLPClassifier, InitMLPRegressor, load_circles

IDIOMS = [
    function
    for name, function in inspect.getmembers(typing_idioms, inspect.isfunction)
    if function.__module__ == typing_idioms.__name__ and name != "unit_columns"
]


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda function: function.__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_documented_idioms_run(idiom, tmp_path):
    idiom(*[tmp_path] * len(inspect.signature(idiom).parameters))


def test_the_package_says_that_it_is_typed():
    assert files("skinit").joinpath("py.typed").is_file()


# The packages and modules at the top: what these list in `__all__` is public.
DOORS = ["skinit", *(f"skinit.{m.name}" for m in pkgutil.iter_modules(skinit.__path__))]
DOORS.remove("skinit.__main__")


def is_ours(thing):
    return getattr(thing, "__module__", "").partition(".")[0] == "skinit"


def callables_of(name, thing):
    """Yield the function, or every public method and property of the class, with its name."""
    if inspect.isfunction(thing):
        yield name, thing
    if not inspect.isclass(thing):
        return
    owners = list(filter(is_ours, thing.__mro__))
    for k, owner in enumerate(owners):
        for attribute, member in vars(owner).items():
            # An override has the annotations of what it overrides, for a type checker too.
            if attribute != "__init__" and any(attribute in vars(base) for base in owners[k + 1 :]):
                continue
            if isinstance(member, property):
                member = member.fget
            member = inspect.unwrap(getattr(member, "__func__", member))
            is_public = not attribute.startswith("_") or attribute in ("__init__", "__call__")
            if inspect.isfunction(member) and is_public and is_ours(member):
                yield f"{owner.__name__}.{attribute}", member


def unannotated(function):
    """List the parameters without annotation, and "return"; not self and cls."""
    signature = inspect.signature(function)
    missing = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    return missing + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("door", DOORS)
def test_public_signatures_are_annotated(door):
    module = importlib.import_module(door)
    public = {name: getattr(module, name) for name in module.__all__}
    missing = {
        name: unannotated(function)
        for called, thing in public.items()
        if is_ours(thing)
        for name, function in callables_of(called, thing)
    }
    assert {name: what for name, what in missing.items() if what} == {}


X_circles, y_circles, X_val, y_val = load_circles()
X_diabetes, y_diabetes = load_diabetes(return_X_y=True)
FITS = {
    "classifier": lambda: InitMLPClassifier(max_iter=2).fit(X_circles, y_circles),
    "regressor": lambda: InitMLPRegressor(max_iter=2).fit(X_diabetes, y_diabetes / 100),
    "early stopping": lambda: InitMLPClassifier(max_iter=2, early_stopping=True).fit(
        X_circles, y_circles, X_val=X_val, y_val=y_val
    ),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fitted_attributes_are_declared_in_the_class(fit):
    model = fit()
    fitted = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    declared = {
        name
        for owner in filter(is_ours, type(model).__mro__)
        for name in inspect.get_annotations(owner)
    }
    assert fitted - declared == set()
