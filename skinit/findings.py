"""What the benchmark of trainability found for and against each start, read and put into words.

``benchmarks/trainability.py`` trains networks of many kinds from some starts, counts in what share
of them a start gets close to the best one, and writes the shares to a file that comes with skinit.
"""

import csv
from dataclasses import astuple, dataclass, fields
from importlib.resources import files

__all__ = ["FINDINGS", "Finding", "Verdict", "read_findings", "verdict", "write_findings"]

FINDINGS = files("skinit") / "trainability.csv"

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
class Finding:
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
class Verdict:
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


def read_findings(path=FINDINGS):
    """Read what was found.

    Parameters
    ----------
    path : path-like
        A CSV file with the fields of `Finding`.

    Returns
    -------
    list of Finding
        Empty if there is no such file.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Finding(row["strategy"], row["grouping"], row["group"], int(row["cells"]),
                    float(row["share"]))
            for row in csv.DictReader(file)
        ]  # fmt: skip


def write_findings(findings, path=FINDINGS):
    """Write what was found, for `read_findings`.

    Parameters
    ----------
    findings : list of Finding
    path : path-like
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Finding))
        writer.writerows(map(astuple, findings))


def verdict(names, findings):
    """Put what was found about a start into words.

    Parameters
    ----------
    names : sequence of str
        The names of the start.
    findings : list of Finding
        Of all starts.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> found = [
    ...     Finding("he", "all", "all", 180, 0.43),
    ...     Finding("he", "depth", "1", 26, 1.0),
    ...     Finding("he", "depth", "100", 26, 0.0),
    ... ]
    >>> verdict(["he", "kaiming"], found)
    Verdict(overall='makes 43% of 180 networks trainable, rank 1 of 1 starts',
            strength='at depth 1 (100%)', weakness='at depth 100 (0%)')
    >>> verdict(["glorot"], found).overall
    'not in the benchmark of trainability'
    """
    if not findings:
        return Verdict()
    overall = {found.strategy: found for found in findings if found.group == "all"}
    own = next((overall[name] for name in names if name in overall), None)
    if own is None:
        return Verdict("not in the benchmark of trainability")
    rank = 1 + sum(other.share > own.share for other in overall.values())
    groups = [
        found
        for grouping in PLACES
        for found in findings
        if (found.strategy, found.grouping) == (own.strategy, grouping) and found.cells >= FEWEST
    ]
    return Verdict(
        f"makes {own.share:.0%} of {own.cells} networks trainable, rank {rank} of {len(overall)} starts",
        place(groups, max),
        place(groups, min),
    )


def place(groups, extreme):
    """Say where the largest or the smallest share was found."""
    if len({written(found) for found in groups}) < 2:  # the same everywhere
        return ""
    end = written(extreme(groups, key=lambda found: found.share))
    there = [found for found in groups if written(found) == end]
    grouping = there[0].grouping
    names = [found.group.replace("_", " ") for found in there if found.grouping == grouping]
    *first, last = names
    alternatives = f"{', '.join(first)} or {last}" if first else last
    return f"{PLACES[grouping].format(alternatives)} ({end})"


def written(found):
    """Write a share in percent."""
    return f"{found.share:.0%}"
