"""Count how often the verdicts of `diagnose` are right: what became of the starts it accuses.

The networks are those of ``trainability.py``, whose results are read: each start is diagnosed
before its training, with the learning rate that it was trained at, and has trained if it got close
to the best start of its cell. Thresholds were chosen by the first 200 cells. By those that follow,
nothing was chosen; there, the starts that are recommended are counted, too.

    python benchmarks/trainability.py --cells 260
    python benchmarks/verdicts.py --publish
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from measuring import RESULTS, finish
from trainability import (
    SUCCESS,
    by_start,
    mean_accuracies,
    of_best_rate,
    read,
    refuses,
    those_that_count,
)
from trainable_networks import STRATEGIES, all_cells, load, network_of

from skinit import diagnose
from skinit._support import text_table
from skinit.diagnosis import SEVERITIES
from skinit.solvers import resolve_solver

# All starts of a cell meet the same data, so that the best of them cannot tell how much these cost.
OF_DATA = ("inputs", "targets", "samples")
VERDICTS = ("ok", "warning", "severe")
# What can be recommended, of the starts that were trained.
CANDIDATES = ("he", "glorot_uniform", "orthogonal", "lsuv", "auto")


@dataclass(frozen=True)
class Judged:
    """A start, what was said of it, and whether it has trained.

    Parameters
    ----------
    scale_free : bool
        Whether the solver is.
    findings : tuple of (str, str)
        Severity and subject of each.
    reached : float
        Its accuracy, as a part of that of the best start of its cell.
    advised : float or None
        The same of the start that is recommended in its place; None where it is to be kept.
    """

    scale_free: bool
    findings: tuple
    reached: float
    advised: float | None

    @property
    def trained(self):
        """Whether that is close to the best."""
        return self.reached >= SUCCESS

    @property
    def verdict(self):
        """The worst that is said of the start itself; "ok" where there are no more than notes."""
        worst = max((SEVERITIES.index(severity) for severity, _ in self.findings), default=0)
        return VERDICTS[worst]


def judge(cell, strategy, learning_rate, reached, candidates):
    """Diagnose a start; `reached` is that of all starts of the cell."""
    model = network_of(cell, strategy, 0, learning_rate)
    diagnosis = diagnose(model, *load(cell.data)[0], candidates=candidates)
    told = {
        (each.severity, each.subject) for each in diagnosis.findings if each.subject not in OF_DATA
    }
    found = diagnosis.recommendation
    return Judged(
        resolve_solver(model.solver).scale_free,
        tuple(sorted(told)),
        reached[strategy],
        None if found is None or found.keeps else reached[found.init],
    )


def judge_all(path, cells, candidates, n_jobs):
    """Diagnose all starts of the cells that count, at the learning rates that suited them."""
    runs, n_rates = read(path), 2
    collected = by_start(runs)
    complete = [
        cell
        for cell in cells
        if all(of_best_rate(collected[cell, strategy], n_rates) for strategy in STRATEGIES)
    ]
    if not complete:
        raise SystemExit(f"{path} has no cell with all starts; run trainability.py first")
    accuracies = those_that_count(mean_accuracies(runs, complete, n_rates))
    tasks = [
        (
            cell,
            strategy,
            of_best_rate(collected[cell, strategy], n_rates)[0].learning_rate,
            {name: mean / max(means.values()) for name, mean in means.items()},
            candidates,
        )
        for cell, means in accuracies.items()
        for strategy in STRATEGIES
        if not refuses(strategy, cell.activation)
    ]
    return len(accuracies), Parallel(n_jobs)(delayed(judge)(*task) for task in tasks)


def report(known, new):
    """Lay out what became of the starts, by verdict and by finding, in known cells and new ones."""
    lines = [
        f"trained is what reaches {SUCCESS:.0%} of the best start's accuracy in its cell; findings "
        "about the data, which\nare the same for all starts, are left out"
    ]
    for (n_cells, judged), which in ((new, CHOSEN_BY_NOTHING), (known, CHOSEN_BY)):
        lines.append(f"\n{len(judged)} starts in {n_cells} {which}")
        for scale_free, solvers in ((False, "gradient descent and sgd"), (True, "adam")):
            some = [each for each in judged if each.scale_free == scale_free]
            lines.append(f"\n{solvers}: verdicts\n{table_of_verdicts(some)}")
            if which == CHOSEN_BY:
                lines.append(f"\n{solvers}: findings, where they are the worst of a start\n"
                             f"{table_of_findings(some)}")  # fmt: skip
            else:
                lines.append(f"\n{solvers}: what is recommended\n{table_of_advice(some)}")
    return "\n".join(lines)


CHOSEN_BY = "cells by which the thresholds were chosen"
CHOSEN_BY_NOTHING = "cells by which nothing was chosen"


def table_of_advice(judged):
    """Say how often starts that are kept train, and others before and after they are changed."""
    kept = [each.reached for each in judged if each.advised is None]
    changed = [(each.reached, each.advised) for each in judged if each.advised is not None]
    rows = [
        ["keep the start", str(len(kept)), percent(kept), ""],
        ["use another one", str(len(changed)), *map(percent, zip(*changed, strict=True))],
    ]
    return text_table(["", "starts", "% trained as it is", "% trained as advised"], rows)


def percent(reached):
    """Write how many of some starts have trained."""
    return f"{100 * np.mean(np.array(reached) >= SUCCESS):.0f}" if reached else "-"


def table_of_verdicts(judged):
    """Say of each verdict what became of the starts."""
    rows = [row_of(verdict, [each for each in judged if each.verdict == verdict])
            for verdict in VERDICTS]  # fmt: skip
    return text_table(HEADINGS, [*rows, row_of("all", judged)])


def table_of_findings(judged):
    """Say of each finding what became of the starts of which nothing worse is said."""
    groups = defaultdict(list)
    for each in judged:
        for severity, subject in each.findings:
            if severity == each.verdict:
                groups[subject, severity].append(each)
    rows = [row_of(", ".join(finding), groups[finding]) for finding in sorted(groups)]
    return text_table(HEADINGS, rows)


HEADINGS = ["", "starts", "trained", "failed", "% failed"]


def row_of(name, judged):
    """Count what became of some starts."""
    trained = sum(each.trained for each in judged)
    failed = len(judged) - trained
    share = f"{100 * failed / len(judged):.0f}" if judged else "-"
    return [name, str(len(judged)), str(trained), str(failed), share]


def main():
    """Diagnose, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=260)
    parser.add_argument("--known", type=int, default=200, help="the first of them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS / "trainability.csv")
    parser.add_argument("--publish", action="store_true", help="show it in the documentation")
    arguments = parser.parse_args()
    cells, known = all_cells()[: arguments.cells], arguments.known
    found = [
        judge_all(arguments.results, some, candidates, arguments.jobs)
        for some, candidates in ((cells[:known], ()), (cells[known:], CANDIDATES))
    ]
    finish("verdicts", report(*found), arguments.publish)


if __name__ == "__main__":
    main()
