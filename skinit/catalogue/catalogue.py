"""All starts in one searchable list, with what is known of each.

`catalogue` collects what stands in the code and in the docstrings, and what a benchmark found;
``skinit list`` and the documentation show it.
"""

import inspect
import math
import re
import textwrap
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import zip_longest

from skinit import initializers
from skinit._support import WIDTH, data_frame
from skinit.activations import ACTIVATIONS
from skinit.catalogue.track_record import PUBLISHED, read_shares, track_record
from skinit.initializers import INITIALIZERS

__all__ = ["FAMILIES", "Catalogue", "Entry", "catalogue"]

# The files that the classes are in, in the order of the catalogue: what serves most networks first.
FAMILIES = {
    "For any network": ("auto",),
    "Independent draws of a chosen spread": ("variance_scaling",),
    "Of a size that follows the activation": ("mean_field",),
    "Built as a whole": ("structured", "mirrored"),
    "Measured on the data": ("data_dependent",),
    "Placed where the data is": ("placement",),
    "Without randomness": ("constant",),
    "Made of others": ("composite",),
}
# Those which have none, as they need settings, and what users have registered themselves.
NAMELESS, OTHERS = ("Given", "PerLayer", "Scaled", "WithBias"), "Others"

# The column of the names.
NAMES = 24


@dataclass(frozen=True)
class Entry:
    """One start, and what is known of it; ``str(entry)`` lays it out.

    Parameters
    ----------
    names : tuple of str
        What ``init`` may be; empty for a class that takes other initializers or arrays.
    spelt : str
        The object that the names stand for, or the class and its settings.
    family : str
        The key of ``FAMILIES`` that it stands under.
    formula, advice, cost : str
        What is drawn, when to use it, and what it takes to compute.
    references : str
        Where it comes from.
    overall, strength, weakness : str
        What the benchmark of trainability found, see `skinit.catalogue.track_record.TrackRecord`.
    """

    names: tuple
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
    def name(self):
        """The first name or, where there is none, that of the class."""
        return self.names[0] if self.names else self.spelt.partition("(")[0]

    @property
    def title(self):
        """The names or, where there is none, the class."""
        return ", ".join(self.names) or self.spelt

    @property
    def texts(self):
        """All that a search looks at, from what says most to what says least."""
        told = [self.cost, self.references, self.overall, self.strength, self.weakness]
        return (
            f"{self.title} {self.spelt}",
            f"{self.family} {self.formula}",
            self.advice,
            " ".join(told),
        )

    def distance(self, word):
        """Return how far from the names a word is: 0 for a whole name, infinite if it is nowhere.

        It is found at the start of a word only.
        """
        if word.lower() in self.names:
            return 0
        start = re.compile(rf"(?<![a-z0-9]){re.escape(word)}", re.IGNORECASE)
        found = (place for place, text in enumerate(self.texts, 1) if start.search(text))
        return next(found, math.inf)

    def __str__(self):
        told = {
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
        for key, text in told.items():
            lines += [f"    {line}" for line in wrapped(f"{key}: {text}", WIDTH - 4) if text]
        return "\n".join(lines)


def wrapped(text, width):
    """Cut a text into lines; those after the first are indented."""
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


@dataclass(frozen=True, repr=False)
class Catalogue:
    """What `catalogue` found; its ``repr`` is an overview.

    Parameters
    ----------
    entries : tuple of Entry
        Family by family.
    """

    entries: tuple

    def __iter__(self):
        return iter(self.entries)

    def __len__(self):
        return len(self.entries)

    def search(self, *words):
        """Keep the entries in which all words are found, at the start of a word of theirs.

        Parameters
        ----------
        *words : str
            Upper and lower case are the same; a string may hold several words.

        Returns
        -------
        Catalogue
            First those of which the words are whole names, then those that have them in a name, in
            the formula, in the advice, and anywhere else.

        Raises
        ------
        ValueError
            If there is none.

        Examples
        --------
        >>> [entry.name for entry in catalogue().search("normal")][:3]
        ['normal', 'he', 'glorot']
        """
        words = " ".join(words).split()
        distances = {entry: entry_distance(entry, words) for entry in self}
        found = [entry for entry in self if distances[entry] < math.inf]
        if not found:
            raise ValueError(self.nothing_found(words))
        return Catalogue(tuple(sorted(found, key=distances.get)))

    def closest(self, *words):
        """Keep of what was found by some words what they most likely mean.

        Parameters
        ----------
        *words : str
            As in `search`.

        Returns
        -------
        Catalogue
            The entry of that name; if there is none, those that have the words in their names,
            formula or advice; if there is none either, all.

        Examples
        --------
        >>> [entry.name for entry in catalogue().search("he").closest("he")]
        ['he']
        """
        words = " ".join(words).split()
        for limit in (0, 3):
            near = tuple(entry for entry in self if entry_distance(entry, words) <= limit)
            if near:
                return Catalogue(near)
        return self

    def check_name(self, name):
        """Refuse what is no name of a start, and say what may have been meant."""
        known = [known for entry in self for known in entry.names]
        if name not in known:
            meant = did_you_mean(name, known) or ";"
            raise ValueError(f"init={name!r} is not a known name{meant} 'skinit list' shows all")

    def nothing_found(self, words):
        """Say which word is not in any entry, and what may have been meant."""
        for word in words:
            if not any(entry.distance(word) < math.inf for entry in self):
                known = [part for entry in self for name in entry.names for part in parts(name)]
                way_out = did_you_mean(word, [*known, *ACTIVATIONS])
                return f"no initializer has the word {word!r}{way_out}"
        return f"no initializer has all of the words {', '.join(map(repr, words))}; leave one out"

    def to_dict(self):
        """Return the catalogue as columns, one entry for each start."""
        names = [field.name for field in fields(Entry)]
        return {name: [getattr(entry, name) for entry in self] for name in names}

    def to_frame(self):
        """Return the catalogue as a pandas DataFrame, one row for each start (extra ``pandas``)."""
        return data_frame(self.to_dict())

    def __repr__(self):
        families = dict.fromkeys(entry.family for entry in self)
        return "\n\n".join(
            "\n".join([family, *(overview(entry) for entry in self if entry.family == family)])
            for family in families
        )


def entry_distance(entry, words):
    """Return the `distance` of the word that is furthest from the names."""
    return max((entry.distance(word) for word in words), default=0)


def parts(name):
    """List a name and the words that it is made of."""
    return [name, *name.split("_")]


def did_you_mean(word, known):
    """Ask for what is spelt like a word, the closest first; nothing where nothing is."""
    typed = word.lower().replace("-", "_")
    close = [repr(each) for each in get_close_matches(typed, sorted(set(known)), n=3)]
    if not close:
        return ""
    *others, last = close
    return f"; did you mean {', '.join(others) + ' or ' if others else ''}{last}?"


def overview(entry):
    """Lay out an entry in two columns: its names; what is drawn, and when to use it."""
    left = wrapped(entry.title, NAMES)
    right = wrapped(entry.formula, WIDTH - NAMES - 4)
    right += wrapped(f"use: {entry.advice}", WIDTH - NAMES - 4)
    return "\n".join(
        f"  {names:<{NAMES}}  {text}".rstrip()
        for names, text in zip_longest(left, right, fillvalue="")
    )


def catalogue():
    """Collect all starts: those with a name, and those that take other initializers or arrays.

    Returns
    -------
    Catalogue

    Examples
    --------
    >>> print(catalogue().search("logistic", "layers"))
    Of a size that follows the activation
      kumar                     Var W = 1 / (fan_in phi'(0)^2 (1 + phi(0)^2)),
                                  normal
                                use: networks of a few layers of logistic units
    """
    named = {}
    for name, strategy in INITIALIZERS.items():
        named.setdefault(repr(strategy), []).append(name)
    starts = [(INITIALIZERS[names[0]], tuple(names)) for names in named.values()]
    starts += [(getattr(initializers, name), ()) for name in NAMELESS]

    order = [*FAMILIES, OTHERS]
    starts.sort(key=lambda start: order.index(family_of(class_of(start[0]))))
    shares = read_shares(PUBLISHED)
    return Catalogue(tuple(make_entry(*start, shares) for start in starts))


def class_of(start):
    """Return the class of an initializer; one that needs settings is given as a class."""
    return start if isinstance(start, type) else type(start)


def family_of(kind):
    """Return the family of a class, by the file that it is in."""
    package, _, file = kind.__module__.rpartition(".")
    ours = package == initializers.__name__
    return next((title for title, files in FAMILIES.items() if ours and file in files), OTHERS)


def make_entry(start, names, shares):
    """Look up what is known of a start."""
    kind = class_of(start)
    found = track_record(names, shares)
    return Entry(
        names=names,
        spelt=repr(start) if names else f"{kind.__name__}{plain_signature(kind)}",
        family=family_of(kind),
        formula=start.formula,
        advice=start.advice,
        cost=start.cost,
        references=references_of(kind),
        overall=found.overall,
        strength=found.strength,
        weakness=found.weakness,
    )


def plain_signature(kind: type) -> str:
    """Write the parameters of a class with their defaults, without annotations."""
    parameters = inspect.signature(kind).parameters.values()
    return f"({', '.join(str(each.replace(annotation=each.empty)) for each in parameters)})"


def references_of(kind):
    """Read the references in the docstring of a class, as one line."""
    _, _, rest = (inspect.getdoc(kind) or "").partition("\nReferences\n----------\n")
    section = re.split(r"\n\n\w[\w ]*\n---", rest)[0]
    return " ".join(section.replace("`", "").split())
