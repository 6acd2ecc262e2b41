"""What the benchmark of trainability found for and against each start, read and put into words.

``benchmarks/trainability.py`` trains networks of many kinds from some starts, counts in what share
of them a start gets close to the best one, and writes the shares to a file that comes with skinit.
"""

import csv
from dataclasses import astuple, dataclass, fields
from importlib.resources import files

__all__ = [
    "PUBLISHED",
    "TrackRecord",
    "TrainableShare",
    "read_shares",
    "track_record",
    "write_shares",
]

PUBLISHED = files("skinit.catalogue") / "trainability.csv"

# How to say where a share was found, the most telling grouping first.
PLACES = {
    "depth": "at depth {}",
    "family": "with units that are {}",
    "shape": "with {} widths",
    "data": "on {}",
    "solver": "with {}",
}
# A share of fewer networks says little.
FEWEST = 10


@dataclass(frozen=True)
class TrainableShare:
    """In what share of some networks a start comes close to the best one.

    Parameters
    ----------
    strategy : str
        Name of the start.
    grouping, group : str
        Which networks: ``"depth"`` and ``"100"``, or ``"all"`` twice.
    cells : int
        Number of networks.
    share : float
        From 0 to 1.
    """

    strategy: str
    grouping: str
    group: str
    cells: int
    share: float


@dataclass(frozen=True)
class TrackRecord:
    """What was found about a start, in words.

    Parameters
    ----------
    overall : str
        How it did on the whole.
    strength, weakness : str
        Where it did best and worst; empty where there is too little to tell.
    """

    overall: str = ""
    strength: str = ""
    weakness: str = ""


def read_shares(path=PUBLISHED):
    """Read what was found.

    Parameters
    ----------
    path : path-like
        A CSV file with the fields of `TrainableShare`.

    Returns
    -------
    list of TrainableShare
        Empty if there is no such file.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            TrainableShare(
                **row | {"cells": int(row["cells"]), "share": float(row["share"])},
            )
            for row in csv.DictReader(file)
        ]


def write_shares(shares, path=PUBLISHED):
    """Write what was found, for `read_shares`.

    Parameters
    ----------
    shares : list of TrainableShare
    path : path-like
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(TrainableShare))
        writer.writerows(map(astuple, shares))


def track_record(names, shares):
    """Put what was found about a start into words.

    Parameters
    ----------
    names : sequence of str
        The names of the start.
    shares : list of TrainableShare
        Of all starts.

    Returns
    -------
    TrackRecord

    Examples
    --------
    >>> found = [
    ...     TrainableShare("he", "all", "all", 180, 0.43),
    ...     TrainableShare("he", "depth", "1", 26, 1.0),
    ...     TrainableShare("he", "depth", "100", 26, 0.0),
    ... ]
    >>> track_record(["he", "kaiming"], found)
    TrackRecord(overall='close to the best in 43% of 180 networks, rank 1 of 1 starts',
            strength='at depth 1 (100%)', weakness='at depth 100 (0%)')
    >>> track_record(["glorot"], found).overall
    'not in the benchmark of trainability'
    """
    if not shares:
        return TrackRecord()
    overall = {each.strategy: each for each in shares if each.group == "all"}
    own = next((overall[name] for name in names if name in overall), None)
    if own is None:
        return TrackRecord("not in the benchmark of trainability")
    rank = 1 + sum(other.share > own.share for other in overall.values())
    places = [
        each
        for grouping in PLACES
        for each in shares
        if (each.strategy, each.grouping) == (own.strategy, grouping) and each.cells >= FEWEST
    ]
    return TrackRecord(
        f"close to the best in {own.share:.0%} of {own.cells} networks, "
        f"rank {rank} of {len(overall)} starts",
        extreme_place(places, max),
        extreme_place(places, min),
    )


def extreme_place(places, extreme):
    """Say where the largest or the smallest share was found."""
    if len({percent(each) for each in places}) < 2:  # the same everywhere
        return ""
    end = percent(extreme(places, key=lambda each: each.share))
    there = [each for each in places if percent(each) == end]
    grouping = there[0].grouping
    groups = [each.group.replace("_", " ") for each in there if each.grouping == grouping]
    *first, last = groups
    alternatives = f"{', '.join(first)} or {last}" if first else last
    return f"{PLACES[grouping].format(alternatives)} ({end})"


def percent(each):
    """Write a share in percent."""
    return f"{each.share:.0%}"
