"""Count how reliable the verdicts of `diagnose` are: how initial weights with findings trained.

The networks are those of ``trainability.py``, whose results are read. Each init of a cell (a
network and its data) is diagnosed before its training, with the learning rate that it was trained
at. It has trained if it got close to the best init of its cell. The first 200 cells were used to
choose the thresholds of `diagnose`. The cells after these were not used to choose anything; there,
the recommended inits are counted, too.

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
    mean_accuracies,
    of_best_rate,
    read,
    refuses,
    runs_by_strategy,
    those_that_count,
)
from trainable_networks import STRATEGIES, all_cells, load, network_of

from skinit import diagnose
from skinit._support import text_table
from skinit.diagnosis import SEVERITIES
from skinit.solvers import resolve_solver

# All inits of a cell have the same data, so that comparing them does not show what bad data cost.
OF_DATA = ("inputs", "targets", "samples")
VERDICTS = ("ok", "warning", "severe")
# The inits that were trained and can be recommended.
CANDIDATES = ("he", "glorot_uniform", "orthogonal", "lsuv", "auto")


@dataclass(frozen=True)
class Judged:
    """An init, its findings, and whether it has trained.

    Parameters
    ----------
    scale_free : bool
        Whether the solver is.
    findings : tuple of (str, str)
        Severity and subject of each.
    reached : float
        Its accuracy, as a part of that of the best init of its cell.
    advised : float or None
        The same of the init that is recommended instead; None where it is to be kept.
    """

    scale_free: bool
    findings: tuple
    reached: float
    advised: float | None

    @property
    def trained(self):
        """Whether its accuracy is close to the best."""
        return self.reached >= SUCCESS

    @property
    def verdict(self):
        """Severity of the worst finding about the init; "ok" where there are only notes or none."""
        worst = max((SEVERITIES.index(severity) for severity, _ in self.findings), default=0)
        return VERDICTS[worst]


def judge(cell, strategy, learning_rate, reached, candidates):
    """Diagnose an init; `reached` has the accuracies of all inits of the cell."""
    model = network_of(cell, strategy, 0, learning_rate)
    diagnosis = diagnose(model, *load(cell.data)[0], candidates=candidates)
    findings = {
        (each.severity, each.subject) for each in diagnosis.findings if each.subject not in OF_DATA
    }
    found = diagnosis.recommendation
    return Judged(
        resolve_solver(model.solver).scale_free,
        tuple(sorted(findings)),
        reached[strategy],
        None if found is None or found.keeps else reached[found.init],
    )


def judge_all(path, cells, candidates, n_jobs):
    """Diagnose all inits of the cells that count, each at its best learning rate."""
    runs, n_rates = read(path), 2
    collected = runs_by_strategy(runs)
    complete = [
        cell
        for cell in cells
        if all(of_best_rate(collected[cell, strategy], n_rates) for strategy in STRATEGIES)
    ]
    if not complete:
        raise SystemExit(f"{path} has no cell with all inits; run trainability.py first")
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
    """Lay out how the inits trained, by verdict and by finding, in known cells and new ones."""
    lines = [
        f"an init has trained if it reaches {SUCCESS:.0%} of the best accuracy in its cell; "
        "findings about the\ndata, which are the same for all inits, are left out"
    ]
    for (n_cells, judged), which in ((new, NEW_CELLS), (known, KNOWN_CELLS)):
        lines.append(f"\n{len(judged)} inits in {n_cells} {which}")
        for scale_free, solvers in ((False, "gradient descent and sgd"), (True, "adam")):
            subset = [each for each in judged if each.scale_free == scale_free]
            lines.append(f"\n{solvers}: verdicts\n{table_of_verdicts(subset)}")
            if which == KNOWN_CELLS:
                lines.append(f"\n{solvers}: findings, where they are the worst of an init\n"
                             f"{table_of_findings(subset)}")  # fmt: skip
            else:
                lines.append(f"\n{solvers}: recommendations\n{table_of_advice(subset)}")
    return "\n".join(lines)


KNOWN_CELLS = "cells that were used to choose the thresholds"
NEW_CELLS = "cells that were not used to choose the thresholds"


def table_of_advice(judged):
    """Count how often inits train that are kept, and others before and after they are changed."""
    kept = [each.reached for each in judged if each.advised is None]
    changed = [(each.reached, each.advised) for each in judged if each.advised is not None]
    rows = [
        ["keep the init", str(len(kept)), percent(kept), ""],
        ["use another init", str(len(changed)), *map(percent, zip(*changed, strict=True))],
    ]
    return text_table(["", "inits", "% trained as it is", "% trained as advised"], rows)


def percent(reached):
    """Format the percentage of inits that have trained."""
    return f"{100 * np.mean(np.array(reached) >= SUCCESS):.0f}" if reached else "-"


def table_of_verdicts(judged):
    """Count for each verdict how many inits trained."""
    rows = [row_of(verdict, [each for each in judged if each.verdict == verdict])
            for verdict in VERDICTS]  # fmt: skip
    return text_table(HEADINGS, [*rows, row_of("all", judged)])


def table_of_findings(judged):
    """Count for each finding how many inits trained that have no worse one."""
    groups = defaultdict(list)
    for each in judged:
        for severity, subject in each.findings:
            if severity == each.verdict:
                groups[subject, severity].append(each)
    rows = [row_of(", ".join(finding), groups[finding]) for finding in sorted(groups)]
    return text_table(HEADINGS, rows)


HEADINGS = ["", "inits", "trained", "failed", "% failed"]


def row_of(name, judged):
    """Count how many inits have trained and how many have failed."""
    trained = sum(each.trained for each in judged)
    failed = len(judged) - trained
    share = f"{100 * failed / len(judged):.0f}" if judged else "-"
    return [name, str(len(judged)), str(trained), str(failed), share]


def main():
    """Diagnose, and print how the inits trained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=260)
    parser.add_argument("--known", type=int, default=200, help="the first of them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS / "trainability.csv")
    parser.add_argument("--publish", action="store_true", help="show it in the documentation")
    arguments = parser.parse_args()
    cells, known = all_cells()[: arguments.cells], arguments.known
    found = [
        judge_all(arguments.results, subset, candidates, arguments.jobs)
        for subset, candidates in ((cells[:known], ()), (cells[known:], CANDIDATES))
    ]
    finish("verdicts", report(*found), arguments.publish)


if __name__ == "__main__":
    main()
