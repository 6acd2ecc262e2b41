"""Time epochs of minibatches beside the peers, and small data beside scikit-learn.

All peers have the same initial weights and take the same batches in the same order; nothing is
timed before all have ended at the same weights in float64. In float32, where rounding decides
whether a ReLU is on or off, weights differ in the end, and the tables show the losses instead.

    python benchmarks/bench_minibatch.py --repeats 5
    python benchmarks/bench_minibatch.py --case sgd --peer JAX
"""

import argparse
from functools import partial
from statistics import median

import numpy as np
from measuring import by_kernels, check_agreement, finish, ratio_table, take_turns
from minibatch_peers import MINIBATCH_PEERS, MinibatchProblem, make_minibatch_problem
from peers import draw_initial_weights, installed_peers
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

from skinit._support import text_table

LARGE = partial(make_minibatch_problem, "large", (784, 256, 128, 10), 20_000, max_iter=10)
MEDIUM = partial(make_minibatch_problem, "medium", (50, 128, 64, 10), 20_000, max_iter=10)
CASES = {
    "sgd": partial(LARGE, learning_rate=0.05),
    "momentum": partial(LARGE, learning_rate=0.01, momentum=0.9),
    "adam": partial(MEDIUM, learning_rate=0.001, solver="adam"),
}

# Loader and number of samples; None is all of them.
SMALL = {
    "iris": (load_iris, None),
    "wine": (load_wine, None),
    "breast cancer": (load_breast_cancer, None),
    "digits": (load_digits, 900),
}
# Settings other than these are scikit-learn's defaults, for the solver as well.
SMALL_SOLVERS = {
    "sgd": {"momentum": 0.9, "max_iter": 200},
    "adam": {"max_iter": 200},
    # On iris, L-BFGS amplifies rounding: after 100 iterations, weights no longer agree to 1e-8.
    "lbfgs": {"max_iter": 60},
}


def small_problem(name, solver):
    """Return a standardized data set and a network with one hidden layer of 100 units."""
    load, n_samples = SMALL[name]
    X, y = load(return_X_y=True)
    X, y = scale(X)[:n_samples], y[:n_samples]
    n_classes = len(np.unique(y))
    initial = draw_initial_weights(
        (X.shape[1], 100, 1 if n_classes == 2 else n_classes), np.random.RandomState(0)
    )
    settings = {"learning_rate": 0.001, "alpha": 1e-4, **SMALL_SOLVERS[solver]}
    return MinibatchProblem(name, X, y, initial, solver=solver, **settings)


def measure(problem, peers, repeats):
    """Return the results of the fits and their seconds, two dicts by the names of the peers."""
    exact = problem.in_float64()
    check_agreement({name: peer(exact)().coefs for name, peer in peers.items()}, exact.X.dtype)
    fits = {name: peer(problem) for name, peer in peers.items()}
    ends = {name: fit() for name, fit in fits.items()}
    prepare = {name: lambda fit=fit: fit for name, fit in fits.items()}
    # A fit of scikit-learn's network continues the one before, so each turn builds a new network.
    for name in prepare.keys() & {"scikit-learn", "one thread"}:
        prepare[name] = partial(peers[name], problem)
    return ends, take_turns(prepare, repeats)


def compare_peers(case, peers, missing, repeats):
    """Run a case, and return its table."""
    problem = CASES[case]()
    ends, seconds = measure(problem, peers, repeats)
    losses = {name: f"{end.loss:.4f}" for name, end in ends.items()}
    absent = f"\nnot installed: {', '.join(missing)}" if missing else ""
    return f"{problem}\n{ratio_table(seconds, loss=losses)}{absent}"


def compare_small(repeats):
    """Return a table of microseconds per iteration and of scikit-learn's time over skinit's."""
    peers = {name: MINIBATCH_PEERS[name][0] for name in ("skinit", "scikit-learn")}
    peers["one thread"] = in_one_thread(peers["scikit-learn"])
    rows = []
    for name in SMALL:
        for solver in SMALL_SOLVERS:
            problem = small_problem(name, solver)
            ends, seconds = measure(problem, peers, repeats)
            n_iter = ends["skinit"].n_iter
            assert {end.n_iter for end in ends.values()} == {n_iter}
            ours, *theirs = (1e6 * median(times) / n_iter for times in seconds.values())
            widths = "-".join(map(str, problem.widths))
            numbers = [f"{time:.0f}" for time in (ours, *theirs)]
            ratios = [f"{time / ours:.1f}" for time in theirs]
            rows.append([name, widths, str(len(problem.X)), solver, str(n_iter), *ratios, *numbers])
    headings = ["", "widths", "samples", "solver", "iterations"]
    headings += ["ratio", "one thread", "skinit", "scikit-learn", "one thread"]
    return (
        "microseconds per iteration on small data, float64, batches of 200; scikit-learn as it "
        f"is,\nand with its matrix products in one thread\n{text_table(headings, rows)}"
    )


def in_one_thread(peer):
    """Return a peer that computes its matrix products in one thread."""

    def prepare(problem):
        fit = peer(problem)

        def fit_in_one_thread():
            with threadpool_limits(1, "blas"):
                return fit()

        return fit_in_one_thread

    return prepare


def main():
    """Run the cases that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=[*CASES, "small"])
    parser.add_argument("--peer", action="append", choices=list(MINIBATCH_PEERS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--publish", action="store_true", help="write it for the documentation")
    arguments = parser.parse_args()
    wanted = arguments.peer and ["skinit", *arguments.peer]
    peers, missing = installed_peers(wanted, MINIBATCH_PEERS)

    for case in arguments.case or [*CASES, "small"]:
        if case == "small":
            text = compare_small(arguments.repeats)
        else:
            text = compare_peers(case, peers, missing, arguments.repeats)
        finish(by_kernels(f"minibatch_{case}"), text, arguments.publish)


if __name__ == "__main__":
    main()
