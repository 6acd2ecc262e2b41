"""Time whole fits beside the peers, on small and large networks.

All peers have the same initial weights and take the same steps; nothing is timed before all have
ended at the same weights. They run in turns, so ratios are more reliable than seconds.

    python benchmarks/bench_fit.py --repeats 5
    python benchmarks/bench_fit.py --case tutorial --peer scikit-learn
"""

import argparse
import multiprocessing
from functools import partial
from pathlib import Path
from statistics import median

from measuring import by_kernels, check_agreement, finish, ratio_table, take_turns
from peers import PEERS, Problem, installed_peers, make_problem

from skinit import InitMLPClassifier, load_circles
from skinit._support import text_table


def tutorial():
    """Return the circles experiment of the tutorials, with He's initial weights."""
    X, y, _, _ = load_circles()
    model = InitMLPClassifier(max_iter=1, random_state=3).fit(X, y)
    initial = tuple(zip(model.initial_coefs_, model.initial_intercepts_, strict=True))
    return Problem("tutorial", X, y, initial, max_iter=15_000)


CASES = {
    "tutorial": tutorial,
    "medium": lambda: make_problem(
        "medium", (50, 128, 64, 10), 20_000, "float32", max_iter=50, learning_rate=0.1
    ),
}

# Networks from tiny to large, for all activations of scikit-learn: widths, samples, iterations.
SIZES = {
    "tiny": ((2, 10, 5, 1), 300, 2000),
    "small": ((20, 50, 1), 1000, 300),
    "wide": ((30, 400, 3), 2000, 20),
    "tall": ((8, 16, 16, 1), 50_000, 20),
    "large": ((100, 256, 128, 10), 10_000, 5),
}
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]


def peak_memory(name, problem, answer):
    """Put into a queue how many MB a fit adds to this process at its peak."""
    fit = PEERS[name][0](problem)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak of this process
    before = kilobytes("VmRSS")
    fit()
    answer.put((kilobytes("VmHWM") - before) / 1024)


def kilobytes(field):
    """Read a field of the status that Linux gives of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def memory_column(problem, peers):
    """Measure each peer in a new process; return nothing on systems other than Linux."""
    column = {}
    if not Path("/proc/self/clear_refs").exists():
        return column
    for name in peers:
        context = multiprocessing.get_context("spawn")
        answer = context.Queue()
        process = context.Process(target=peak_memory, args=(name, problem, answer))
        process.start()
        column[name] = f"{answer.get():.0f}"
        process.join()
    return column


def compare_peers(case, peers, missing, repeats):
    """Run a case, and return its table."""
    problem = CASES[case]()
    # A fit of scikit-learn's network continues the one before, so each turn builds a new network.
    fits = {name: peer(problem) for name, peer in peers.items()}
    check_agreement({name: fit() for name, fit in fits.items()}, problem.X.dtype)
    prepare = {name: lambda fit=fit: fit for name, fit in fits.items()}
    if "scikit-learn" in prepare:
        prepare["scikit-learn"] = lambda: peers["scikit-learn"](problem)
    seconds = take_turns(prepare, repeats)
    per_iteration = {
        name: f"{1e6 * median(times) / problem.max_iter:.3g}" for name, times in seconds.items()
    }
    memory = memory_column(problem, peers)
    columns = {"us/iteration": per_iteration, "peak MB above the data": memory}
    absent = f"\nnot installed: {', '.join(missing)}" if missing else ""
    return f"{problem}\n{ratio_table(seconds, **columns)}{absent}"


def compare_activations(repeats):
    """Return a table of scikit-learn's time over skinit's, for every activation and size."""
    peers, _ = installed_peers(["skinit", "scikit-learn"])
    rows = []
    for name, (widths, n_samples, max_iter) in SIZES.items():
        for dtype in ("float32", "float64"):
            row = [name, "-".join(map(str, widths)), f"{n_samples:,}", dtype]
            for activation in ACTIVATIONS:
                problem = make_problem(
                    name, widths, n_samples, dtype, activation=activation, max_iter=max_iter
                )
                weights = {peer: build(problem)() for peer, build in peers.items()}
                check_agreement(weights, problem.X.dtype)
                prepare = {peer: partial(build, problem) for peer, build in peers.items()}
                seconds = take_turns(prepare, repeats)
                ratio = median(seconds["scikit-learn"]) / median(seconds["skinit"])
                row.append(f"{ratio:.1f}")
            rows.append(row)
    table = text_table(["", "widths", "samples", "", *ACTIVATIONS], rows)
    return f"scikit-learn's time over skinit's, by activation and size\n{table}"


def main():
    """Run the cases that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=[*CASES, "activations"])
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="besides skinit")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--publish", action="store_true", help="write it for the documentation")
    arguments = parser.parse_args()
    peers, missing = installed_peers(arguments.peer and ["skinit", *arguments.peer])

    for case in arguments.case or [*CASES, "activations"]:
        if case == "activations":
            text = compare_activations(arguments.repeats)
        else:
            text = compare_peers(case, peers, missing, arguments.repeats)
        finish(by_kernels(f"fit_{case}"), text, arguments.publish)


if __name__ == "__main__":
    main()
