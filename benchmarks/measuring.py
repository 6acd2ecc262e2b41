"""What all benchmarks share: timing in turns, tables of ratios, a footer about the machine.

OpenBLAS, the linear-algebra library in the wheels of NumPy and SciPy, picks its kernels by the
processor. The environment variable ``OPENBLAS_CORETYPE`` overrides the choice: ``Haswell`` stands
for processors without AVX-512. The footer names the kernels, and timings that were taken with an
override are published in a file of their own.
"""

import datetime
import importlib.metadata
import os
import platform
import time
from pathlib import Path
from statistics import median

import joblib
import numpy as np
import scipy.linalg  # noqa: F401  (loads SciPy's BLAS, so that the footer can name its kernels)
from threadpoolctl import threadpool_info

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
            time.sleep(0.2)  # threads of the previous function still spin for a while
            began = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - began)
        names.append(names.pop(0))  # the next repeat begins with another one
    return seconds


def check_agreement(weights, dtype):
    """Stop unless all runs end at the same weights, to rounding."""
    (reference, expected), *others = weights.items()
    tolerance = 1e-8 if dtype == np.float64 else 1e-3
    for name, coefs in others:
        for W, right in zip(coefs, expected, strict=True):
            difference = np.abs(W - right).max() / np.abs(right).max()
            if not difference < tolerance:
                raise SystemExit(f"{name} ends {difference:.1g} away from {reference}'s weights")


def ratio_table(seconds, unit="s", scale=1.0, **columns):
    """Make a table of medians, ranges and ratios to skinit, with further columns as given."""
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


def describe_run():
    """Return the footer: date, processor, BLAS kernels and versions of this run."""
    packages = ["numpy", "scipy", "scikit-learn", "torch", "jax"]
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return (
        f"{datetime.date.today()}, {processor()}, {joblib.cpu_count()} cores, "
        f"{blas_kernels()}, Python {platform.python_version()}, {', '.join(versions)}"
    )


def processor():
    """Return the name of the processor, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def blas_kernels():
    """Name the kernels of every BLAS library that is loaded and tells them."""
    kernels = [
        f"{library['internal_api']} {library['version']} {library['architecture']}"
        for library in threadpool_info()
        if library["user_api"] == "blas" and "architecture" in library
    ]
    return f"kernels of {', '.join(sorted(kernels))}" if kernels else "kernels unknown"


def by_kernels(name):
    """Return the name under which timings are published: with the kernels, if these were set."""
    kernels = os.environ.get("OPENBLAS_CORETYPE", "").lower()
    return f"{name}_{kernels}" if kernels else name


def finish(name, text, publish):
    """Print a text with the footer, and write it to where the documentation shows it if asked."""
    text = f"{text}\n\n{describe_run()}\n"
    print(text)
    if publish:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.txt").write_text(text)
