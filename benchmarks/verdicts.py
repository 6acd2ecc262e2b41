"""Count how often the verdicts of `diagnose` are right: what became of the starts it accuses.

The networks are those of ``trainability.py``, whose results are read: each start is diagnosed
before its training, with the learning rate that it was trained at, and has trained if it got close
to the best start of its cell.

    python benchmarks/verdicts.py --cells 20
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
from skinit.solvers import resolve_solver
from skinit.tables import text_table
from skinit.verdicts import SEVERITIES

# All starts of a cell meet the same data, so that the best of them cannot tell how much these cost.
OF_DATA = ("inputs", "targets", "samples")
VERDICTS = ("ok", "warning", "severe")


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
    """

    scale_free: bool
    findings: tuple
    reached: float

    @property
    def trained(self):
        """Whether that is close to the best."""
        return self.reached >= SUCCESS

    @property
    def verdict(self):
        """The worst that is said of the start itself; "ok" where there are no more than notes."""
        worst = max((SEVERITIES.index(severity) for severity, _ in self.findings), default=0)
        return VERDICTS[worst]


def judge(cell, strategy, learning_rate, reached):
    """Diagnose a start."""
    model = network_of(cell, strategy, 0, learning_rate)
    findings = diagnose(model, *load(cell.data)[0], candidates=()).findings
    told = {(each.severity, each.subject) for each in findings if each.subject not in OF_DATA}
    return Judged(resolve_solver(model.solver).scale_free, tuple(sorted(told)), reached)


def judge_all(path, n_cells, n_rates, n_jobs):
    """Diagnose all starts of the cells that count, at the learning rates that suited them."""
    runs = read(path)
    collected = by_start(runs)
    complete = [
        cell
        for cell in all_cells()[:n_cells]
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
            means[strategy] / max(means.values()),
        )
        for cell, means in accuracies.items()
        for strategy in STRATEGIES
        if not refuses(strategy, cell.activation)
    ]
    return len(accuracies), Parallel(n_jobs)(delayed(judge)(*task) for task in tasks)


def report(n_cells, judged):
    """Lay out what became of the starts, by verdict and by finding."""
    lines = [
        f"{len(judged)} starts in {n_cells} cells; trained is what reaches {SUCCESS:.0%} of the "
        "best start's accuracy in its\ncell; findings about the data, which are the same for all "
        "starts, are left out"
    ]
    for scale_free in (False, True):
        solvers = "adam" if scale_free else "gradient descent and sgd"
        some = [each for each in judged if each.scale_free == scale_free]
        lines.append(f"\n{solvers}: verdicts\n{table_of_verdicts(some)}")
        lines.append(f"\n{solvers}: findings, where they are the worst of a start\n"
                     f"{table_of_findings(some)}")  # fmt: skip
    missed = [each.reached for each in judged if each.verdict == "ok" and not each.trained]
    if missed:
        lines.append(
            f"\nstarts that are ok and failed reach {np.median(missed):.0%} of the best start's "
            "accuracy, in the median"
        )
    return "\n".join(lines)


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
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--rates", type=int, default=2, help="as many as were tried")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS / "trainability.csv")
    parser.add_argument("--publish", action="store_true", help="show it in the documentation")
    arguments = parser.parse_args()
    found = judge_all(arguments.results, arguments.cells, arguments.rates, arguments.jobs)
    finish("verdicts", report(*found), arguments.publish)


if __name__ == "__main__":
    main()
