"""Time one fit of the tutorials' network beside textbook NumPy and scikit-learn's MLP.

All of them start from the same weights, take the same steps and must end at the same weights, or
no figure is printed. They run in turns, so that a slow moment of the machine hits all of them:
trust the ratios more than the seconds.

    python benchmarks/bench_fit.py --max-iter 15000 --repeats 5
"""

import argparse
import platform
import time
import warnings
from statistics import median

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skinit import InitMLPClassifier, load_circles
from skinit.comparison import text_table

LEARNING_RATE = 0.01


def fit_skinit(X, y, start, max_iter):
    """Fit by skinit's public estimator, with its loss curve."""
    return InitMLPClassifier(max_iter=max_iter, random_state=3).fit(X, y).coefs_


def fit_textbook(X, y, start, max_iter):
    """Fit as a textbook writes it, the loss of every iteration included."""
    layers = [(W.copy(), b.copy()) for W, b in start]
    Y = y[:, np.newaxis]
    for _ in range(max_iter):
        signals = [X]
        for W, b in layers[:-1]:
            signals.append(np.maximum(signals[-1] @ W + b, 0))
        W, b = layers[-1]
        scores = signals[-1] @ W + b
        np.mean(np.logaddexp(0, scores) - Y * scores)
        delta = (expit(scores) - Y) / len(X)
        for index in range(len(layers) - 1, -1, -1):
            W, b = layers[index]
            gradients = signals[index].T @ delta, delta.sum(axis=0)
            delta = (delta @ W.T) * (signals[index] > 0)
            layers[index] = W - LEARNING_RATE * gradients[0], b - LEARNING_RATE * gradients[1]
    return [W for W, _ in layers]


def fit_scikit_learn(X, y, start, max_iter):
    """Fit by scikit-learn's MLP, set to full-batch gradient descent."""
    mlp = MLPClassifier(
        (10, 5), solver="sgd", momentum=0, nesterovs_momentum=False, batch_size=len(X),
        shuffle=False, alpha=0, learning_rate_init=LEARNING_RATE, max_iter=max_iter,
        n_iter_no_change=max_iter + 1, tol=0, warm_start=True,
    )  # fmt: skip
    mlp.max_iter = 1
    mlp.partial_fit(X, y, classes=np.unique(y))
    mlp.coefs_ = [W.copy() for W, _ in start]
    mlp.intercepts_ = [b.copy() for _, b in start]
    mlp.max_iter = max_iter
    with warnings.catch_warnings():
        # That it runs through all iterations is what is wanted here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mlp.fit(X, y).coefs_


PEERS = {
    "skinit": fit_skinit,
    "textbook NumPy": fit_textbook,
    "scikit-learn": fit_scikit_learn,
}


def main():
    """Run the peers in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=15000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    X, y, _, _ = load_circles()
    first = InitMLPClassifier(max_iter=1, random_state=3).fit(X, y)
    start = list(zip(first.initial_coefs_, first.initial_intercepts_, strict=True))

    seconds = {name: [] for name in PEERS}
    for _ in range(arguments.repeats):
        weights = {}
        for name, fit in PEERS.items():
            began = time.perf_counter()
            weights[name] = fit(X, y, start, arguments.max_iter)
            seconds[name].append(time.perf_counter() - began)
        for name, coefs in weights.items():
            for W, expected in zip(coefs, weights["textbook NumPy"], strict=True):
                np.testing.assert_allclose(W, expected, rtol=1e-8, atol=1e-10, err_msg=name)

    print(f"2-10-5-1 on 300 samples, float64, {arguments.max_iter} iterations, "
          f"{arguments.repeats} repeats; {platform.processor() or platform.machine()}, "
          f"Python {platform.python_version()}, NumPy {np.__version__}\n")  # fmt: skip
    ours = median(seconds["skinit"])
    rows = [
        [name, f"{median(times):.2f}", f"{median(times) / arguments.max_iter * 1e6:.0f}",
         f"{median(times) / ours:.2f}"]
        for name, times in seconds.items()
    ]  # fmt: skip
    print(text_table(["", "median s", "us/iteration", "skinit = 1"], rows))


if __name__ == "__main__":
    main()
