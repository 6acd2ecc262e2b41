"""What all benchmarks share: taking turns, ratios, and saying where and when it was."""

import datetime
import importlib.metadata
import platform
import time
from pathlib import Path
from statistics import median

import joblib
import numpy as np

from skinit._support import text_table

# Where the documentation looks for the last results.
RESULTS = Path(__file__).parents[1] / "docs" / "bench"


def take_turns(prepare, repeats):
    """Time functions in turns, so that a slow moment of the machine hits all of them.

    Parameters
    ----------
    prepare : dict of name to callable
        Each returns the function to be timed, and is called before every turn.
    repeats : int

    Returns
    -------
    dict of name to list of float
        Seconds of each repeat.
    """
    seconds, names = {name: [] for name in prepare}, list(prepare)
    for _ in range(repeats):
        for name in names:
            function = prepare[name]()
            time.sleep(0.2)  # the threads of the one before still spin for a while
            began = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - began)
        names.append(names.pop(0))  # another one goes first
    return seconds


def check_agreement(weights, dtype):
    """Refuse to compare runs that have not done the same."""
    (reference, expected), *others = weights.items()
    tolerance = 1e-8 if dtype == np.float64 else 1e-3
    for name, coefs in others:
        for W, right in zip(coefs, expected, strict=True):
            difference = np.abs(W - right).max() / np.abs(right).max()
            if not difference < tolerance:
                raise SystemExit(f"{name} ends {difference:.1g} away from {reference}'s weights")


def ratio_table(seconds, unit="s", scale=1.0, **columns):
    """Lay out medians, the range of the repeats, and ratios to skinit; further columns as given."""
    ours = median(seconds["skinit"])
    rows = [
        [
            name,
            f"{scale * median(times):.3g}",
            f"{scale * min(times):.3g} to {scale * max(times):.3g}",
            f"{median(times) / ours:.2f}",
            *(column.get(name, "") for column in columns.values()),
        ]
        for name, times in seconds.items()
    ]
    return text_table(["", f"median {unit}", "range", "skinit = 1", *columns], rows)


def where_and_when():
    """Say what the figures of this run belong to."""
    packages = ["numpy", "scipy", "scikit-learn", "torch", "jax"]
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return (
        f"{datetime.date.today()}, {processor()}, {joblib.cpu_count()} cores, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )


def processor():
    """Return the name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def finish(name, text, publish):
    """Print a text, and put it where the documentation shows it, if that is asked for."""
    text = f"{text}\n\n{where_and_when()}\n"
    print(text)
    if publish:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.txt").write_text(text)
