"""Measure how the time of a fit grows with rows, width, depth and iterations.

One of the four grows at a time. The slope is that of log(seconds) against log(size), fitted to the
larger half of the sizes: 1 means proportional, 2 means quadratic.

    python benchmarks/bench_growth.py --repeats 3
"""

import argparse

import matplotlib as mpl
import numpy as np
from measuring import RESULTS, by_kernels, check_agreement, finish, take_turns
from peers import PEERS, installed_peers, make_problem

from skinit._support import text_table

# What grows: the sizes, and a function of the size that returns widths, samples and iterations.
DIRECTIONS = {
    "rows": ([100, 300, 1_000, 3_000, 10_000, 30_000, 100_000], lambda n: ((20, 50, 1), n, 20)),
    "width": ([8, 16, 32, 64, 128, 256, 512], lambda n: ((20, n, n, 1), 2_000, 10)),
    "depth": ([1, 2, 4, 8, 16, 32], lambda n: ((20, *[32] * n, 1), 1_000, 30)),
    "iterations": ([100, 300, 1_000, 3_000, 10_000], lambda n: ((2, 10, 5, 1), 300, n)),
}
SHOWN = ["skinit", "scikit-learn", "PyTorch", "JAX"]


def measure(direction, peers, repeats):
    """Return the median seconds of each peer, of shape (n_sizes,)."""
    sizes, shape = DIRECTIONS[direction]
    medians = {name: [] for name in peers}
    for size in sizes:
        widths, n_samples, max_iter = shape(size)
        problem = make_problem(direction, widths, n_samples, max_iter=max_iter)
        fits = {name: peer(problem) for name, peer in peers.items()}
        check_agreement({name: fit() for name, fit in fits.items()}, problem.X.dtype)
        prepare = {name: lambda fit=fit: fit for name, fit in fits.items()}
        if "scikit-learn" in prepare:
            prepare["scikit-learn"] = lambda problem=problem: peers["scikit-learn"](problem)
        seconds = take_turns(prepare, repeats)
        for name, times in seconds.items():
            medians[name].append(np.median(times))
    return {name: np.array(times) for name, times in medians.items()}


def slope(sizes, seconds):
    """Return the slope of log(seconds) against log(size) over the larger half of the sizes."""
    half = len(sizes) // 2
    return np.polyfit(np.log(sizes[half:]), np.log(seconds[half:]), 1)[0]


def draw(results):
    """Draw one panel for each direction."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(14, 3.6), layout="constrained")
    for ax, (direction, medians) in zip(panels, results.items(), strict=True):
        sizes = DIRECTIONS[direction][0]
        for name, seconds in medians.items():
            ax.loglog(sizes, seconds, "o-", markersize=4, label=name)
        ax.set(xlabel=direction, title=f"growing {direction}")
        ax.grid(alpha=0.3)
    panels[0].set_ylabel("seconds")
    panels[0].legend()
    figure.savefig(RESULTS / f"{by_kernels('growth')}.png", dpi=120)


def main():
    """Measure and print, and draw if the result is published."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="besides skinit")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--publish", action="store_true", help="write it for the documentation")
    arguments = parser.parse_args()
    wanted = ["skinit", *arguments.peer] if arguments.peer else SHOWN
    peers, missing = installed_peers(wanted)

    results, lines = {}, []
    for direction, (sizes, _) in DIRECTIONS.items():
        results[direction] = measure(direction, peers, arguments.repeats)
        rows = [
            [name, *(f"{1e3 * second:.3g}" for second in seconds), f"{slope(sizes, seconds):.2f}"]
            for name, seconds in results[direction].items()
        ]
        header = [f"{direction}", *(f"{size:,}" for size in sizes), "slope"]
        lines.append(f"milliseconds of a fit\n{text_table(header, rows)}\n")
    if missing:
        lines.append(f"not installed: {', '.join(missing)}\n")
    finish(by_kernels("growth"), "\n".join(lines), arguments.publish)
    if arguments.publish:
        draw(results)


if __name__ == "__main__":
    main()
