"""The searchable catalogue of initializers, with what is known of each.

`catalogue` collects formulas, advice and references from the classes and their docstrings, and
results from the trainability benchmark; ``skinit list`` and the documentation show it.
"""

import inspect
import math
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

from skinit import initializers
from skinit._support import WIDTH, data_frame
from skinit.activations import ACTIVATIONS
from skinit.catalogue.track_record import (
    PUBLISHED,
    TrainableShare,
    read_shares,
    track_record,
)
from skinit.initializers import INITIALIZERS, Initializer

__all__ = ["FAMILIES", "Catalogue", "Entry", "catalogue"]

# The modules of each family, in the order of the catalogue: the most widely useful family first.
FAMILIES = {
    "For any network": ("auto",),
    "Independent draws with a given variance": ("variance_scaling",),
    "Scaled to the activation": ("mean_field",),
    "Structured matrices": ("structured", "mirrored"),
    "Scaled to the data": ("data_dependent",),
    "Units placed within the data": ("placement",),
    "Without randomness": ("constant",),
    "Combinations of initializers": ("composite",),
}
# Classes that have no name, as they need arguments; the family of what users have registered.
NAMELESS, OTHERS = ("Given", "PerLayer", "Scaled", "WithBias"), "Others"

# The column of the names.
NAMES = 24


@dataclass(frozen=True)
class Entry:
    """One initializer, and what is known of it; ``str(entry)`` lays it out.

    Parameters
    ----------
    names : tuple of str
        Names to give as ``init``; empty for a class that takes other initializers or arrays.
    spelt : str
        The object that the names stand for, or the class and its parameters.
    family : str
        Its key in ``FAMILIES``.
    formula, advice, cost : str
        How the weights are drawn, when to use it, and what it costs to compute.
    references : str
        The papers or libraries that it comes from.
    overall, strength, weakness : str
        Results of the trainability benchmark, see `skinit.catalogue.track_record.TrackRecord`.
    """

    names: tuple[str, ...]
    spelt: str
    family: str
    formula: str
    advice: str
    cost: str
    references: str
    overall: str = ""
    strength: str = ""
    weakness: str = ""

    @property
    def name(self) -> str:
        """The first name; without names, that of the class."""
        return self.names[0] if self.names else self.spelt.partition("(")[0]

    @property
    def title(self) -> str:
        """All names; without names, the class and its parameters."""
        return ", ".join(self.names) or self.spelt

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that are searched, the most specific first."""
        details = [self.cost, self.references, self.overall, self.strength, self.weakness]
        return (
            f"{self.title} {self.spelt}",
            f"{self.family} {self.formula}",
            self.advice,
            " ".join(details),
        )

    def distance(self, word: str) -> float:
        """Return the rank of the first text that contains a word: 0 for a name, infinite for none.

        The word must stand at the beginning of a word of the text.
        """
        if word.lower() in self.names:
            return 0
        pattern = re.compile(rf"(?<![a-z0-9]){re.escape(word)}", re.IGNORECASE)
        found = (rank for rank, text in enumerate(self.texts, 1) if pattern.search(text))
        return next(found, math.inf)

    def __str__(self) -> str:
        labeled = {
            "object": self.spelt if self.names else "",
            "family": self.family,
            "formula": self.formula,
            "use": self.advice,
            "cost": self.cost,
            "found": self.overall,
            "for": self.strength,
            "against": self.weakness,
            "reference": self.references,
        }
        lines = wrapped(self.title, WIDTH)
        for key, text in labeled.items():
            lines += [f"    {line}" for line in wrapped(f"{key}: {text}", WIDTH - 4) if text]
        return "\n".join(lines)


def wrapped(text: str, width: int) -> list[str]:
    """Wrap a text into lines; those after the first are indented."""
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


@dataclass(frozen=True, repr=False)
class Catalogue:
    """Entries of the catalogue, all or those found by a search; its ``repr`` is an overview.

    Parameters
    ----------
    entries : tuple of Entry
        In the order of families, or of search results.
    """

    entries: tuple[Entry, ...]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def search(self, *words: str) -> "Catalogue":
        """Keep the entries that contain all words, each at the beginning of a word.

        Parameters
        ----------
        *words : str
            Case does not matter; a string may hold several words.

        Returns
        -------
        Catalogue
            First the entries with these names, then those with the words within a name, in the
            formula, in the advice, and anywhere else.

        Raises
        ------
        ValueError
            If no entry contains them.

        Examples
        --------
        >>> [entry.name for entry in catalogue().search("normal")][:3]
        ['normal', 'he', 'glorot']
        """
        split = " ".join(words).split()
        distances = {entry: entry_distance(entry, split) for entry in self}
        found = [entry for entry in self if distances[entry] < math.inf]
        if not found:
            raise ValueError(self.nothing_found(split))
        return Catalogue(tuple(sorted(found, key=lambda entry: distances[entry])))

    def closest(self, *words: str) -> "Catalogue":
        """Keep the entries that a search for these words most likely meant.

        Parameters
        ----------
        *words : str
            As in `search`.

        Returns
        -------
        Catalogue
            The entry of that name; if there is none, those with the words in their names, formula
            or advice; if there are none either, all.

        Examples
        --------
        >>> [entry.name for entry in catalogue().search("he").closest("he")]
        ['he']
        """
        split = " ".join(words).split()
        for limit in (0, 3):
            near = tuple(entry for entry in self if entry_distance(entry, split) <= limit)
            if near:
                return Catalogue(near)
        return self

    def check_name(self, name: str) -> None:
        """Raise an error that suggests similar names if this is not the name of an initializer."""
        known = [known for entry in self for known in entry.names]
        if name not in known:
            meant = did_you_mean(name, known) or ";"
            raise ValueError(f"init={name!r} is not a known name{meant} 'skinit list' shows all")

    def nothing_found(self, words: list[str]) -> str:
        """Return the message for a search without results, with similar words if there are any."""
        for word in words:
            if not any(entry.distance(word) < math.inf for entry in self):
                known = [part for entry in self for name in entry.names for part in parts(name)]
                way_out = did_you_mean(word, [*known, *ACTIVATIONS])
                return f"no initializer has the word {word!r}{way_out}"
        return f"no initializer has all of the words {', '.join(map(repr, words))}; leave one out"

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the catalogue as columns, with one value for each initializer."""
        names = [field.name for field in fields(Entry)]
        return {name: [getattr(entry, name) for entry in self] for name in names}

    def to_frame(self) -> Any:
        """Return the catalogue as a pandas DataFrame, a row per initializer (extra ``pandas``)."""
        return data_frame(self.to_dict())

    def __repr__(self) -> str:
        families = dict.fromkeys(entry.family for entry in self)
        return "\n\n".join(
            "\n".join([family, *(overview(entry) for entry in self if entry.family == family)])
            for family in families
        )


def entry_distance(entry: Entry, words: list[str]) -> float:
    """Return the largest `distance` of the words."""
    return max((entry.distance(word) for word in words), default=0)


def parts(name: str) -> list[str]:
    """List a name and the words in it."""
    return [name, *name.split("_")]


def did_you_mean(word: str, known: list[str]) -> str:
    """Suggest known words that are spelt similarly, the closest first; empty if there are none."""
    typed = word.lower().replace("-", "_")
    close = [repr(each) for each in get_close_matches(typed, sorted(set(known)), n=3)]
    if not close:
        return ""
    *others, last = close
    return f"; did you mean {', '.join(others) + ' or ' if others else ''}{last}?"


def overview(entry: Entry) -> str:
    """Lay out an entry in two columns: its names; its formula and when to use it."""
    left = wrapped(entry.title, NAMES)
    right = wrapped(entry.formula, WIDTH - NAMES - 4)
    right += wrapped(f"use: {entry.advice}", WIDTH - NAMES - 4)
    return "\n".join(
        f"  {names:<{NAMES}}  {text}".rstrip()
        for names, text in zip_longest(left, right, fillvalue="")
    )


def catalogue() -> Catalogue:
    """Collect all initializers: those with a name, and those that take initializers or arrays.

    Returns
    -------
    Catalogue

    Examples
    --------
    >>> print(catalogue().search("logistic", "layers"))
    Scaled to the activation
      kumar                     Var W = 1 / (fan_in phi'(0)^2 (1 + phi(0)^2)),
                                  normal
                                use: networks of a few layers of logistic units
    """
    named = {}
    for name, strategy in INITIALIZERS.items():
        named.setdefault(repr(strategy), []).append(name)
    listed: list[tuple[Initializer | type[Initializer], tuple[str, ...]]] = [
        (INITIALIZERS[names[0]], tuple(names)) for names in named.values()
    ]
    listed += [(getattr(initializers, name), ()) for name in NAMELESS]

    order = [*FAMILIES, OTHERS]
    listed.sort(key=lambda pair: order.index(family_of(class_of(pair[0]))))
    shares = read_shares(PUBLISHED)
    return Catalogue(tuple(make_entry(*pair, shares) for pair in listed))


def class_of(initializer: Initializer | type[Initializer]) -> type[Initializer]:
    """Return the class of an initializer; those without a name are given as a class."""
    return initializer if isinstance(initializer, type) else type(initializer)


def family_of(kind: type) -> str:
    """Return the family of a class, by the module that defines it."""
    package, _, file = kind.__module__.rpartition(".")
    is_builtin = package == initializers.__name__
    families = (title for title, files in FAMILIES.items() if is_builtin and file in files)
    return next(families, OTHERS)


def make_entry(
    initializer: Initializer | type[Initializer],
    names: tuple[str, ...],
    shares: list[TrainableShare],
) -> Entry:
    """Collect what is known of an initializer."""
    kind = class_of(initializer)
    found = track_record(names, shares)
    return Entry(
        names=names,
        spelt=repr(initializer) if names else f"{kind.__name__}{plain_signature(kind)}",
        family=family_of(kind),
        formula=initializer.formula,
        advice=initializer.advice,
        cost=initializer.cost,
        references=references_of(kind),
        overall=found.overall,
        strength=found.strength,
        weakness=found.weakness,
    )


def plain_signature(kind: type) -> str:
    """Write the parameters of a class with their defaults, without annotations."""
    parameters = inspect.signature(kind).parameters.values()
    return f"({', '.join(str(each.replace(annotation=each.empty)) for each in parameters)})"


def references_of(kind: type) -> str:
    """Return the references in the docstring of a class as one line."""
    _, _, rest = (inspect.getdoc(kind) or "").partition("\nReferences\n----------\n")
    section = re.split(r"\n\n\w[\w ]*\n---", rest)[0]
    return " ".join(section.replace("`", "").split())
