"""What each command does: load the data, let the other packages work, print and draw the results.

Each function of `COMMANDS` takes the parsed arguments and returns the exit code; what several of
them share follows below.
"""

import textwrap
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sklearn.base import is_regressor

from skinit._support import WIDTH, Array, format_score, text_table
from skinit.activations import resolve_activation
from skinit.catalogue import Catalogue, catalogue
from skinit.cli.progress import show_progress
from skinit.comparison import InitComparison, InitRun, compare_inits
from skinit.datasets import load_split
from skinit.diagnosis import diagnose
from skinit.displays import (
    ActivationHistogramDisplay,
    DecisionBoundaryPanel,
    JacobianSpectrumDisplay,
    LossCurveDisplay,
    SignalPropagationDisplay,
    save_display,
)
from skinit.estimators import InitMLPClassifier, InitMLPRegressor
from skinit.solvers import resolve_solver
from skinit.teaching import EXPERIMENTS, run_experiment

__all__ = ["COMMANDS", "print_outcomes"]


def run_demo(arguments: Namespace) -> int:
    """Repeat both tutorials, and print the results beside the published ones."""
    make_folder(arguments.output)
    pictures = []
    for name, experiment in EXPERIMENTS.items():
        with show_progress(name) as announce:
            comparison = run_experiment(experiment, max_iter=arguments.max_iter, announce=announce)
        if comparison.runs:
            print(f"\n{experiment.title}, {arguments.max_iter:,} iterations of gradient descent")
            print("(the tutorial's results in parentheses)\n")
            print(demo_table(comparison, experiment))
            print_outcomes(comparison)
            print("\n" + textwrap.fill(experiment.remark, WIDTH))
            X_train, y_train, _, _ = experiment.load()
            pictures += draw(comparison, X_train, y_train, arguments.output, name)
        if comparison.interrupted:
            break
    return finish(comparison, pictures)


def demo_table(comparison: InitComparison, experiment) -> str:
    """Lay out the results of an experiment, each with the tutorial's in parentheses."""
    rows = []
    for run in comparison.runs:
        published = experiment.published[run.init]
        rows.append([
            run.init,
            f"{run.initial_loss:.4f} ({published.initial_cost or '-'})",
            f"{run.final_loss:.4f} ({published.final_cost or '-'})",
            f"{run.train_score:.0%} ({published.train})",
            f"{run.test_score:.0%} ({published.test})",
        ])  # fmt: skip
    return text_table(["init", "initial loss", "final loss", "train", "test"], rows)


def run_compare(arguments: Namespace) -> int:
    """Train one network from each initializer and seed, print how it went and draw it."""
    check_network(arguments)
    split, task, columns = load_data(arguments)
    make_folder(arguments.output)
    usual_length = 200 if resolve_solver(arguments.solver).takes_minibatches else 2000
    model = make_model(arguments, task, max_iter=arguments.max_iter or usual_length)
    name, seeds, pictures = Path(arguments.data).stem, range(arguments.seeds), []
    with show_progress(name) as announce:
        comparison = compare_inits(
            model, arguments.init, *split, random_states=seeds, announce=announce
        )
    if comparison.runs:
        X_train, y_train, X_test, _ = split
        score = "accuracy" if task == "classification" else "R^2"
        spread = "; mean ± standard deviation over the seeds" if len(seeds) > 1 else ""
        samples = f"{len(X_train)} training and {len(X_test)} test samples"
        features = columns or f"{X_train.shape[1]} features"
        print("\n" + textwrap.fill(f"{name}: {task}, {samples}, {features}", WIDTH))
        print(textwrap.fill(comparison.trained, WIDTH))
        print(f"(the score is {score}{spread})\n")
        print(comparison)
        print_outcomes(comparison)
        pictures = draw(comparison, X_train, y_train, arguments.output, name)
    return finish(comparison, pictures)


def run_diagnose(arguments: Namespace) -> int:
    """Diagnose the initial weights of a network, print what is found and draw it."""
    check_network(arguments)
    init, *more = arguments.init or ["he"]
    if more:
        raise ValueError("diagnose takes one initializer in --init; 'skinit compare' takes several")
    (X, y, _, _), task, columns = load_data(arguments)
    make_folder(arguments.output)
    model = make_model(arguments, task, init=init, random_state=arguments.seed)
    diagnosis, name = diagnose(model, X, y), Path(arguments.data).stem
    if columns:
        print(textwrap.fill(f"{name}: {task}, {len(X)} training samples, {columns}", WIDTH) + "\n")
    print(diagnosis)
    displays = {
        "signal": SignalPropagationDisplay({init: diagnosis}),
        "jacobian": JacobianSpectrumDisplay({init: diagnosis}),
        "activations": ActivationHistogramDisplay(diagnosis),
    }
    pictures = [arguments.output / f"{name}_{init}_{kind}.png" for kind in displays]
    for display, path in zip(displays.values(), pictures, strict=True):
        save_display(display.plot(), path)
    print_paths(pictures)
    return 0


def run_list(arguments: Namespace) -> int:
    """Print an overview of the catalogue, or the full entries that match the words."""
    found = catalogue().search(*arguments.words)
    if arguments.long:
        print(*found, sep="\n\n")
    elif arguments.words:
        print_closest(found, arguments.words)
    else:
        print(found)
        print("\nFull entry of one: 'skinit list he'. Search: 'skinit list relu deep'.")
    return 0


COMMANDS = {
    "demo": run_demo,
    "compare": run_compare,
    "diagnose": run_diagnose,
    "list": run_list,
}


def check_network(arguments: Namespace) -> None:
    """Refuse names and settings that make no network, before data are loaded or files written."""
    known = catalogue()
    for name in arguments.init or ():
        known.check_name(name)
    resolve_activation(arguments.activation)
    solver = resolve_solver(arguments.solver)
    if arguments.learning_rate and not solver.takes_steps:
        raise ValueError(
            f"--learning-rate does not apply to --solver {arguments.solver}, which chooses its "
            "own step lengths; leave one of them out"
        )


def load_data(arguments: Namespace) -> tuple[list[Array], str, str]:
    """Load the data of a command.

    Returns
    -------
    split : list of ndarray
        X_train, y_train, X_test, y_test.
    task : str
    columns : str
        Which columns of a CSV file became features; empty for built-in data.
    """
    messages = []
    *split, task = load_split(
        arguments.data, target=arguments.target, task=arguments.task, announce=messages.append
    )
    return split, task, "".join(messages)


def make_model(
    arguments: Namespace, task: str, **settings: Any
) -> InitMLPClassifier | InitMLPRegressor:
    """Make the network of a command."""
    Estimator = InitMLPClassifier if task == "classification" else InitMLPRegressor
    usual_rate = 0.01 if resolve_solver(arguments.solver).takes_minibatches else 0.1
    return Estimator(
        arguments.hidden,
        activation=arguments.activation,
        solver=arguments.solver,
        learning_rate=arguments.learning_rate or usual_rate,
        **settings,
    )


def make_folder(path: Path) -> None:
    """Make the folder for the pictures, and check that it can be written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path).close()
    except OSError as error:
        raise ValueError(
            f"--output {str(path)!r} must be a new folder, or one that can be written to: "
            f"{error.strerror}"
        ) from error


def print_outcomes(comparison: InitComparison) -> None:
    """Print for each initializer what happened in its run, or in its run of median final loss."""
    margin = max(map(len, comparison.inits)) + 4
    print("\nWhat happened")
    for init in comparison.inits:
        run, seed = median_run(comparison, init)
        which = f" ({seed}, the median{other_verdicts(comparison, init, run)})" if seed else ""
        lines = textwrap.wrap(run.outcome + which, WIDTH - margin)
        print(f"  {init:<{margin - 2}}" + f"\n{' ' * margin}".join(lines))


def median_run(comparison: InitComparison, init: str) -> tuple[InitRun, str]:
    """Return the run of median final loss and, where there are several, words for its seed."""
    runs = sorted(comparison.of(init), key=lambda run: run.final_loss)
    median = runs[(len(runs) - 1) // 2]
    return median, f"seed {median.random_state}" if len(runs) > 1 else ""


def other_verdicts(comparison: InitComparison, init: str, median: InitRun) -> str:
    """List the seeds whose verdict differs from that of the median run."""
    seeds = {}
    for run in comparison.of(init):
        if run.verdict != median.verdict:
            seeds.setdefault(run.verdict, []).append(str(run.random_state))
    return "".join(
        f"; seed{'s' * (len(each) > 1)} {', '.join(each)}: {verdict}"
        for verdict, each in seeds.items()
    )


def draw(comparison: InitComparison, X: Array, y: Array, folder: Path, name: str) -> list[Path]:
    """Write the loss curves and, where there are two features, the decision boundaries."""
    curves = LossCurveDisplay.from_estimators(comparison.estimators())
    pictures = [folder / f"{name}_loss.png"]
    save_display(curves, pictures[0])
    if X.shape[1] == 2:
        models = {}
        for init in comparison.inits:
            run, seed = median_run(comparison, init)
            if is_regressor(run.estimator):
                train, test = format_score(run.train_score, 2), format_score(run.test_score, 2)
                scores = f"R^2: train {train}, test {test}"
            else:
                scores = f"train {run.train_score:.0%}, test {run.test_score:.0%}"
            title = ", ".join(filter(None, (init, seed)))
            models[f"{title}\n{scores}"] = run.estimator
        panel = DecisionBoundaryPanel.from_estimators(models, X, y)
        pictures.append(folder / f"{name}_boundaries.png")
        save_display(panel, pictures[1])
    return pictures


def finish(comparison: InitComparison, pictures: list[Path]) -> int:
    """Say where the pictures are; after an interrupt, raise it again now that they are written."""
    if pictures:
        print_paths(pictures)
    if comparison.interrupted:
        raise KeyboardInterrupt
    return 0


def print_paths(pictures: list[Path]) -> None:
    """Say where the pictures are."""
    print(f"\nPictures in {pictures[0].parent.resolve()}:")
    print(textwrap.fill(", ".join(path.name for path in pictures), WIDTH))


def print_closest(found: Catalogue, words: list[str]) -> None:
    """Print the entries that the words most likely mean, and the names of the other matches."""
    closest = found.closest(*words)
    print(*closest, sep="\n\n")
    others = [entry.name for entry in found if entry not in closest]
    if others:
        command = f"skinit list {' '.join(words)} --long"
        text = f"Also mentioned by ({command!r} shows them): {', '.join(others)}"
        print("\n" + textwrap.fill(text, WIDTH, break_on_hyphens=False))
