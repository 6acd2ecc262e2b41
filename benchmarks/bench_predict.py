"""Measure time and memory of predictions beside scikit-learn and the bare matrix products.

python benchmarks/bench_predict.py --repeats 7
"""

import argparse
import tracemalloc
import warnings

import numpy as np
from measuring import by_kernels, finish, ratio_table, take_turns
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skinit import InitMLPClassifier

HIDDEN = (128, 64)


def fitted_models(dtype):
    """Return both models with the same weights, and 100,000 samples."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(100_000, 50)).astype(dtype)
    y = rng.randint(0, 10, len(X))
    ours = InitMLPClassifier(HIDDEN, max_iter=1, random_state=0).fit(X[:2000], y[:2000])
    theirs = MLPClassifier(HIDDEN, max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X[:2000], y[:2000])
    theirs.coefs_, theirs.intercepts_ = ours.coefs_, ours.intercepts_
    return ours, theirs, X


def bare_products(coefs, X):
    """Multiply the samples by the weights of each layer, without biases and activations."""
    for W in coefs:
        X = X @ W
    return X


def peak_megabytes(function):
    """Return the memory of a call at its peak, with its result, in MB of NumPy arrays."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return f"{peak / 1e6:.0f}"


def compare(n_samples, dtype, repeats):
    """Time one case, and return its table."""
    ours, theirs, X = fitted_models(dtype)
    X = X[:n_samples]
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    functions = {
        "skinit": lambda: ours.predict_proba(X),
        "scikit-learn": lambda: theirs.predict_proba(X),
        "bare products": lambda: bare_products(ours.coefs_, X),
    }
    memory = {name: peak_megabytes(function) for name, function in functions.items()}
    times = 1000 if n_samples == 1 else 1
    several = {name: lambda f=f: [f() for _ in range(times)] for name, f in functions.items()}
    seconds = take_turns({name: lambda f=f: f for name, f in several.items()}, repeats)
    title = f"predict_proba of {n_samples:,} rows, 50-128-64-10, {dtype}"
    scale = 1e6 / times if n_samples == 1 else 1e3
    unit = "us" if n_samples == 1 else "ms"
    columns = {} if n_samples == 1 else {"peak MB": memory}
    return f"{title}\n{ratio_table(seconds, unit, scale, **columns)}\n"


def main():
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--publish", action="store_true", help="write it for the documentation")
    arguments = parser.parse_args()
    cases = [(n, dtype) for n in (1, 100_000) for dtype in ("float32", "float64")]
    tables = [compare(n, dtype, arguments.repeats) for n, dtype in cases]
    finish(by_kernels("predict"), "\n".join(tables), arguments.publish)


if __name__ == "__main__":
    main()
