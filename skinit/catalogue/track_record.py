"""Results of the trainability benchmark for each initializer, read from a file and put into words.

``benchmarks/trainability.py`` trains networks of many kinds from several initializers, counts in
what share of them each comes close to the best one, and writes the shares to the file
``trainability.csv`` of this package.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from importlib.resources import files
from typing import Any

__all__ = [
    "PUBLISHED",
    "TrackRecord",
    "TrainableShare",
    "read_shares",
    "track_record",
    "write_shares",
]

PUBLISHED: Any = files("skinit.catalogue") / "trainability.csv"

# Phrases for the groups of networks, the most informative grouping first.
PLACES = {
    "depth": "at depth {}",
    "family": "with {} activations",
    "shape": "with {} widths",
    "data": "on {}",
    "solver": "with {}",
}
# Shares of fewer networks are not reported, as they are too uncertain.
FEWEST = 10


@dataclass(frozen=True)
class TrainableShare:
    """Share of a group of networks in which an initializer comes close to the best one.

    Parameters
    ----------
    strategy : str
        Name of the initializer.
    grouping, group : str
        The group of networks: ``"depth"`` and ``"100"``, or ``"all"`` twice.
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
    """Results of the benchmark for an initializer, in words.

    Parameters
    ----------
    overall : str
        Its share of all networks, and its rank.
    strength, weakness : str
        Where its share was largest and smallest; empty if it is the same everywhere.
    """

    overall: str = ""
    strength: str = ""
    weakness: str = ""


def read_shares(path: Any = PUBLISHED) -> list[TrainableShare]:
    """Read the shares from a file.

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
                row["strategy"],
                row["grouping"],
                row["group"],
                int(row["cells"]),
                float(row["share"]),
            )
            for row in csv.DictReader(file)
        ]


def write_shares(shares: Iterable[TrainableShare], path: Any = PUBLISHED) -> None:
    """Write the shares to a file, for `read_shares`.

    Parameters
    ----------
    shares : list of TrainableShare
    path : path-like
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(TrainableShare))
        writer.writerows(map(astuple, shares))


def track_record(names: Sequence[str], shares: list[TrainableShare]) -> TrackRecord:
    """Put the results for an initializer into words.

    Parameters
    ----------
    names : sequence of str
        The names of the initializer.
    shares : list of TrainableShare
        Of all initializers.

    Returns
    -------
    TrackRecord

    Examples
    --------
    >>> shares = [
    ...     TrainableShare("he", "all", "all", 180, 0.43),
    ...     TrainableShare("he", "depth", "1", 26, 1.0),
    ...     TrainableShare("he", "depth", "100", 26, 0.0),
    ... ]
    >>> track_record(["he", "kaiming"], shares)
    TrackRecord(overall='close to the best in 43% of 180 networks, rank 1 of 1',
            strength='at depth 1 (100%)', weakness='at depth 100 (0%)')
    >>> track_record(["glorot"], shares).overall
    'not in the trainability benchmark'
    """
    if not shares:
        return TrackRecord()
    overall = {each.strategy: each for each in shares if each.group == "all"}
    own = next((overall[name] for name in names if name in overall), None)
    if own is None:
        return TrackRecord("not in the trainability benchmark")
    rank = 1 + sum(other.share > own.share for other in overall.values())
    places = [
        each
        for grouping in PLACES
        for each in shares
        if (each.strategy, each.grouping) == (own.strategy, grouping) and each.cells >= FEWEST
    ]
    return TrackRecord(
        f"close to the best in {own.share:.0%} of {own.cells} networks, "
        f"rank {rank} of {len(overall)}",
        extreme_place(places, max),
        extreme_place(places, min),
    )


def extreme_place(places: list[TrainableShare], extreme: Callable[..., TrainableShare]) -> str:
    """Name the groups with the largest or the smallest share; empty if all shares are equal."""
    if len({percent(each) for each in places}) < 2:
        return ""
    end = percent(extreme(places, key=lambda each: each.share))
    at_end = [each for each in places if percent(each) == end]
    grouping = at_end[0].grouping
    groups = [each.group.replace("_", " ") for each in at_end if each.grouping == grouping]
    *first, last = groups
    alternatives = f"{', '.join(first)} or {last}" if first else last
    return f"{PLACES[grouping].format(alternatives)} ({end})"


def percent(each: TrainableShare) -> str:
    """Write a share in percent."""
    return f"{each.share:.0%}"
