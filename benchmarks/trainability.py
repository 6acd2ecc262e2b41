"""Count from which initializers networks train: activations x depths x shapes x data x solvers.

Results are kept in a CSV file, and a run continues where the last one stopped. The cells have a
fixed random order, so that the first ones are a sample of all.

    python benchmarks/trainability.py --cells 260
    python benchmarks/trainability.py --cells 200 --rates 3 --publish
    python benchmarks/trainability.py --cells 10000 --output full.csv

The file does not record the version of skinit: begin a new file after a change of an initializer.
"""

import argparse
import csv
import time
from collections import defaultdict
from dataclasses import astuple
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from measuring import RESULTS, finish
from trainable_networks import (
    DATA,
    DEPTHS,
    FAMILIES,
    LEARNING_RATES,
    SHAPES,
    SOLVERS,
    STRATEGIES,
    Cell,
    Run,
    all_cells,
    base_rate,
    best_rate,
    hidden_activation,
    init_of,
    train_from,
)

from skinit import initialize_parameters
from skinit._support import text_table
from skinit.catalogue.track_record import TrainableShare, write_shares

FIELDS = ("activation", "depth", "shape", "data", "solver",
          "strategy", "seed", "learning_rate", "validation", "accuracy")  # fmt: skip
# A strategy (an initializer) succeeds if its accuracy is at least this part of the best one's.
SUCCESS = 0.9


def read(path):
    """Read the runs done so far."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Run(
            Cell(row["activation"], int(row["depth"]), row["shape"], row["data"], row["solver"]),
            row["strategy"],
            int(row["seed"]),
            *(float(row[name]) for name in ("learning_rate", "validation", "accuracy")),
        )
        for row in rows
    ]


def complete(path, cells, n_seeds, n_rates, n_jobs):
    """Do the runs that are missing, and append each to the file."""
    done = runs_by_strategy(read(path))
    missing = [
        (cell, strategy)
        for cell in cells
        for strategy in STRATEGIES
        if len(of_best_rate(done[cell, strategy], n_rates)) < n_seeds
    ]
    is_new, began = not path.exists(), time.perf_counter()
    work = Parallel(n_jobs, return_as="generator_unordered")(
        delayed(train_from)(*each, n_seeds, n_rates, done[each]) for each in missing
    )
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(FIELDS)
        for number, runs in enumerate(work, start=1):
            new = set(runs).difference(done[runs[0].cell, runs[0].strategy])
            writer.writerows(
                (*astuple(run.cell), *astuple(run)[1:4], round(run.validation, 5),
                 round(run.accuracy, 5)) for run in sorted(new)
            )  # fmt: skip
            file.flush()
            if number % 100 == 0:
                minutes = (time.perf_counter() - began) / 60
                print(f"{number} of {len(missing)}, {minutes:.1f} minutes", flush=True)


def runs_by_strategy(runs):
    """Collect the runs of each cell and strategy: {(cell, strategy): runs}."""
    collected = defaultdict(list)
    for run in runs:
        collected[run.cell, run.strategy].append(run)
    return collected


def of_best_rate(runs, n_rates):
    """Keep the runs at the best of the first n_rates rates; none if not all of them were tried."""
    if not runs:
        return []
    rates = LEARNING_RATES[runs[0].cell.solver][:n_rates]
    tried = [run for rate in rates for run in runs if (run.seed, run.learning_rate) == (0, rate)]
    if len(tried) < n_rates:
        return []
    return [run for run in runs if run.learning_rate == best_rate(tried)]


def mean_accuracies(runs, cells, n_rates):
    """Average over the seeds: {cell: {strategy: accuracy}}."""
    collected = runs_by_strategy(runs)
    return {
        cell: {
            name: np.mean([run.accuracy for run in of_best_rate(collected[cell, name], n_rates)])
            for name in STRATEGIES
        }
        for cell in cells
    }


def done_after(n_cells, path):
    """Return the accuracies in further cells, after the first n_cells, that are done."""
    runs = read(path)
    done = runs_by_strategy(runs)
    following = [
        cell
        for cell in all_cells()[n_cells:]
        if all(of_best_rate(done[cell, strategy], 2) for strategy in STRATEGIES)
    ]
    return mean_accuracies(runs, following, 2)


def bar(cell):
    """Return the accuracy above which a network has learned something.

    It is twice the share of the largest class or, if that is less, halfway from there to 1.
    """
    untrained = base_rate(cell.data)
    return min(2 * untrained, (1 + untrained) / 2)


def those_that_count(accuracies):
    """Keep the cells in which at least one strategy gets over the bar."""
    return {cell: means for cell, means in accuracies.items() if max(means.values()) >= bar(cell)}


def refuses(strategy, activation):
    """Tell whether a strategy refuses an activation, which counts as a failure."""
    try:
        init = init_of(strategy, activation)
        initialize_parameters([4, 4, 4], init, 0, activation=hidden_activation(activation))
    except ValueError as error:
        return "edge of chaos" in str(error)
    return False


def successes(means):
    """Tell for each strategy whether it comes close to the best in a cell."""
    best = max(means.values())
    return {name: accuracy >= SUCCESS * best for name, accuracy in means.items()}


def shares(accuracies, cells):
    """Compute the share of cells in which each strategy succeeds."""
    found = [successes(accuracies[cell]) for cell in cells]
    return [np.mean([each[name] for each in found]) if found else np.nan for name in STRATEGIES]


def grouped(accuracies):
    """Group the cells that count: {title: {group: cells}}."""
    groups = {
        "all": {"all": list(accuracies)},
        "data": {name: [c for c in accuracies if c.data == name] for name in DATA},
        "family": {
            family: [c for c in accuracies if c.activation in members]
            for family, members in FAMILIES.items()
        },
        "depth": {str(depth): [c for c in accuracies if c.depth == depth] for depth in DEPTHS},
        "shape": {name: [c for c in accuracies if c.shape == name] for name in SHAPES},
        "solver": {name: [c for c in accuracies if c.solver == name] for name in SOLVERS},
    }
    groups["all"]["all but digits"] = [c for c in accuracies if c.data != "digits"]
    return groups


def condensed(accuracies):
    """List the shares of success for the catalogue of initializers."""
    return [
        TrainableShare(strategy, title, name, len(cells), round(float(share), 4))
        for title, members in grouped(accuracies).items()
        for name, cells in members.items()
        if cells
        for strategy, share in zip(STRATEGIES, shares(accuracies, cells), strict=True)
    ]


def report(every_cell, n_seeds, with_a_third, further):
    """Lay out the shares of success, the exceptions, and all cells in which Auto fails.

    Parameters
    ----------
    every_cell, with_a_third : dict of Cell to dict of str to float
        Accuracies at the better of two learning rates, and at the best of three if those were
        tried.
    n_seeds : int
    further : dict of Cell to dict of str to float
        Accuracies in further cells that are done.
    """
    accuracies = those_that_count(every_cell)
    n_cells = len(every_cell)
    lines = [
        f"{n_cells} cells, {len(accuracies)} of which count; {n_seeds} seeds; in how many percent "
        f"a strategy\nreaches {SUCCESS:.0%} of the best one's accuracy\n"
    ]
    rows = []
    for title, members in grouped(accuracies).items():
        for name, cells in members.items():
            label = name if title == "all" else f"{title}: {name}"
            rows.append([label, str(len(cells)), *percents(accuracies, cells)])
    short = [name.replace("_uniform", "").replace("_", " ") for name in STRATEGIES]
    if with_a_third:
        count = those_that_count(with_a_third)
        rows.append(["all, of three rates", str(len(count)), *percents(count, count)])
    if further:
        count = those_that_count(further)
        label = f"of the {len(further)} that follow"
        rows.append([label, str(len(count)), *percents(count, count)])
    over = [
        np.mean([means[name] >= bar(cell) for cell, means in every_cell.items()])
        for name in STRATEGIES
    ]
    rows.append(["over the bar, of all", str(n_cells), *(f"{100 * share:.0f}" for share in over)])
    lines.append(text_table(["", "cells", *short], rows))
    lines.append(describe_exceptions(every_cell, accuracies))
    lost = [cell for cell, means in accuracies.items() if not successes(means)["auto"]]
    lines.append(f"\nwhere auto stays below {SUCCESS:.0%} of the best: {len(lost)} cells")
    rows = []
    for cell in sorted(lost):
        means = accuracies[cell]
        best = max(means, key=means.get)
        rows.append([
            *map(str, astuple(cell)), f"{means['auto']:.2f}", f"{means[best]:.2f}", best
        ])  # fmt: skip
    if rows:
        lines.append(text_table([*FIELDS[:5], "auto", "best", "by"], rows))
    return "\n".join(lines)


def percents(accuracies, cells):
    """Format the shares of success of all strategies in these cells."""
    return ["-" if np.isnan(s) else f"{100 * s:.0f}" for s in shares(accuracies, cells)]


def describe_exceptions(every_cell, accuracies):
    """Describe which cells do not count, and which activations a strategy refuses."""
    left_out = [
        f"{name} {number}"
        for name in DATA
        if (number := sum(cell.data == name for cell in every_cell.keys() - accuracies.keys()))
    ]
    refused = [
        f"{strategy} in {number}"
        for strategy in STRATEGIES
        if (number := sum(refuses(strategy, cell.activation) for cell in accuracies))
    ]
    return (
        f"\nno initializer gets over the bar, so that a cell does not count: {', '.join(left_out)}"
        f"\nrefuses the activation, which counts as a failure: {', '.join(refused)}"
    )


def draw(accuracies, path):
    """Draw the shares of success as a heat map, strategies across and groups down."""
    groups = [
        (f"{'depth ' * (title == 'depth')}{name} ({len(cells)})", cells)
        for title, members in grouped(accuracies).items()
        for name, cells in members.items()
    ]
    table = np.array([shares(accuracies, cells) for _, cells in groups])
    figure, ax = plt.subplots(figsize=(8, 8), layout="constrained")
    ax.imshow(table, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    ax.set_xticks(range(len(STRATEGIES)), STRATEGIES, rotation=40, ha="right")
    ax.set_yticks(range(len(groups)), [name for name, _ in groups])
    for (row, column), share in np.ndenumerate(table):
        text = "" if np.isnan(share) else f"{100 * share:.0f}"
        color = "black" if share > 0.6 else "white"
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    ax.set_title("Percentage of networks in which an initializer comes close to the best")
    figure.savefig(path, dpi=120)


def main():
    """Do the missing runs, print the report and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=int, choices=(2, 3), default=2)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS / "trainability.csv")
    parser.add_argument(
        "--publish", action="store_true", help="update the documentation and the catalogue"
    )
    arguments = parser.parse_args()

    cells = all_cells()[: arguments.cells]
    complete(arguments.output, cells, arguments.seeds, 2, arguments.jobs)
    every_cell, with_a_third = mean_accuracies(read(arguments.output), cells, 2), {}
    if arguments.rates == 3:
        complete(arguments.output, cells, arguments.seeds, 3, arguments.jobs)
        with_a_third = mean_accuracies(read(arguments.output), cells, 3)
    further = done_after(arguments.cells, arguments.output)
    text = report(every_cell, arguments.seeds, with_a_third, further)
    finish("trainability", text, arguments.publish)
    accuracies = those_that_count(every_cell)
    if arguments.publish:
        write_shares(condensed(accuracies))
    draw(accuracies, arguments.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
