"""The command line: words in, words and pictures out.

``skinit demo`` runs the tutorials' experiments, ``skinit compare`` does the same on other data,
``skinit diagnose`` looks at one start before any training, ``skinit list`` shows what there is.
"""

import argparse
import os
import sys
import textwrap
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile

from sklearn.base import is_regressor

from skinit import __version__
from skinit._support import WIDTH, format_score, text_table
from skinit.activations import ACTIVATIONS, resolve_activation
from skinit.catalogue import catalogue, did_you_mean
from skinit.comparison import compare_inits
from skinit.datasets import BUILT_IN, load_split
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
from skinit.initializers import INITIALIZERS
from skinit.solvers import SOLVERS, resolve_solver
from skinit.teaching import EXPERIMENTS, run_experiment

__all__ = ["main"]


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str or None, default=None
        The words after ``skinit``; None takes them from the command line.

    Returns
    -------
    int
        Exit code: 0 when all went well, 2 for bad arguments, 130 when interrupted.

    Examples
    --------
    >>> main(["--version"])
    Traceback (most recent call last):
    ...
    SystemExit: 0
    """
    # Pictures go to files: a window system, if there is one, has no part in it.
    os.environ.setdefault("MPLBACKEND", "Agg")
    parser = make_parser()
    arguments = read_words(parser, sys.argv[1:] if argv is None else argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        code = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; Python must not flush to it at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, ImportError, OSError, MemoryError) as error:
        arguments.parser.error(str(error))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a mistake with one line."""

    def error(self, message):
        line = " ".join(message.split())
        self.exit(2, f"{self.prog}: error: {line} (see '{self.prog} --help')\n")


def read_words(parser, words):
    """Parse the words of the command line; the command in question answers a mistake."""
    arguments, unknown = parser.parse_known_args(join_names(words))
    if unknown:
        takes_starts = getattr(arguments, "init", None) is not None
        way_out = start_meant(unknown[0]) if takes_starts else ""
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}{way_out}")
    return arguments


def start_meant(word):
    """Say what to do about a word that stands alone, if it looks like the name of a start."""
    if "(" in word:
        return f"; {NO_SETTINGS}"
    if word in INITIALIZERS:
        return "; the names of several starts go together, as in --init he,glorot"
    return "" if word in BUILT_IN or word.startswith("-") else did_you_mean(word, INITIALIZERS)


# What to do where a start is given as in Python.
NO_SETTINGS = (
    "settings of a start can be given in Python only, as in InitMLPClassifier(init=He(gain=2)); "
    "here it is a name of 'skinit list'"
)


def join_names(words):
    """Join by commas the names of starts that follow ``--init``, and nothing else, such as DATA."""
    joined, follows = [], False
    for word in words:
        if follows and set(split_names(word)) <= set(INITIALIZERS):
            joined[-1] += f",{word}"
        else:
            # A name follows another one, the first of which is part of --init=NAME or after --init.
            follows = word.startswith("--init=") or joined[-1:] == ["--init"]
            joined.append(word)
    return joined


LAYOUT = argparse.RawDescriptionHelpFormatter


def make_parser():
    """Describe the commands and their arguments."""
    parser = Parser(
        prog="skinit",
        formatter_class=LAYOUT,
        description="Train the same neural network from several starts, and see what they change.",
        epilog="examples:\n  skinit demo\n  skinit list\n"
        "  skinit compare iris --init zeros he\n  skinit compare --help",
    )
    parser.add_argument("--version", action="version", version=f"skinit {__version__}")
    parser.set_defaults(command=None, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_demo(commands)
    add_compare(commands)
    add_diagnose(commands)
    add_list(commands)
    return parser


def add_demo(commands):
    """Describe the command that repeats the tutorials."""
    demo = commands.add_parser(
        "demo",
        formatter_class=LAYOUT,
        help="the tutorials' experiments: zeros, random and He on circles and moons",
        description="Train the tutorials' networks from zeros, large random values and He's\n"
        "start, on two circles and on two moons; print the figures beside the\n"
        "published ones and draw the pictures.",
        epilog="examples:\n  skinit demo\n  skinit demo --output pictures --max-iter 2000",
    )
    demo.add_argument("--max-iter", type=positive_integer, default=15000, metavar="N",
                      help="iterations of each run (default: the tutorials' 15000)")  # fmt: skip
    demo.set_defaults(command=demo_command, parser=demo)
    add_output(demo)


def add_compare(commands):
    """Describe the command that compares starts on a data set."""
    compare = commands.add_parser(
        "compare",
        formatter_class=LAYOUT,
        help="compare initializations on a data set of yours",
        description="Train one network from several starts and seeds, and print what became of\n"
        "them. The features are standardized, and for regression the target too.",
        epilog="examples:\n"
        "  skinit compare moons --init zeros random he\n"
        "  skinit compare digits --init he glorot --hidden 64,32 --seeds 5\n"
        "  skinit compare houses.csv --target price --init he lecun",
    )
    add_data(compare)
    compare.add_argument("--init", action="extend", type=names, metavar="NAME", required=True,
                         help="one start or several (see 'skinit list')")  # fmt: skip
    add_network(compare)
    compare.add_argument("--max-iter", type=positive_integer, metavar="N",
                         help="iterations (default: 2000, with minibatches 200)")  # fmt: skip
    compare.add_argument("--seeds", type=positive_integer, default=3, metavar="N",
                         help="seeds 0 to N-1 for each start (default: 3)")  # fmt: skip
    compare.set_defaults(command=compare_command, parser=compare)
    add_output(compare)


def add_diagnose(commands):
    """Describe the command that looks at a start."""
    look = commands.add_parser(
        "diagnose",
        formatter_class=LAYOUT,
        help="what is wrong with a start, before any training",
        description="Draw the start of a network, send the data and the gradient through it, and\n"
        "say what is wrong. The features are standardized, and for regression the\n"
        "target too.",
        epilog="examples:\n"
        "  skinit diagnose digits --hidden 64x20 --activation tanh --init glorot\n"
        "  skinit diagnose houses.csv --target price --init zeros",
    )
    add_data(look)
    look.add_argument("--init", action="extend", type=names, metavar="NAME",
                      help="the start (default: he; see 'skinit list')")  # fmt: skip
    add_network(look)
    look.add_argument("--seed", type=int, default=0, metavar="N",
                      help="what the start is drawn from (default: 0)")  # fmt: skip
    look.set_defaults(command=diagnose_command, parser=look)
    add_output(look)


def add_data(command):
    """Describe what a command runs on."""
    command.add_argument("data", metavar="DATA",
                         help=f"{', '.join(BUILT_IN)}, or a CSV file with a header; its columns "
                         "of text become a feature for each of their values")  # fmt: skip
    command.add_argument("--target", metavar="COLUMN", help="the column of the CSV to predict")
    command.add_argument("--task", choices=["classification", "regression"],
                         help="what to do with the target (default: by its values)")  # fmt: skip


def add_network(command):
    """Describe the network of a command, and how it is trained."""
    command.add_argument("--hidden", type=widths, default=(10, 5), metavar="N,N",
                         help="units of the hidden layers; 64x20,8 is 20 layers of 64 and one of 8 "
                         "(default: 10,5)")  # fmt: skip
    command.add_argument("--activation", default="relu", metavar="NAME",
                         help=f"{', '.join(ACTIVATIONS)} (default: relu)")  # fmt: skip
    command.add_argument("--solver", default="gd", metavar="NAME",
                         help=f"{', '.join(SOLVERS)} (default: gd)")  # fmt: skip
    command.add_argument("--learning-rate", type=positive_number, metavar="RATE",
                         help="step length (default: 0.1, with minibatches 0.01)")  # fmt: skip


def add_output(command):
    """Describe where the pictures of a command go."""
    command.add_argument("--output", type=Path, default=Path("skinit-output"), metavar="FOLDER",
                         help="where the pictures go (default: skinit-output)")  # fmt: skip


def add_list(commands):
    """Describe the command that lists the initializers."""
    listing = commands.add_parser(
        "list",
        formatter_class=LAYOUT,
        help="the initializers: what they draw, and when to use which",
        description="Show every initializer: its names, formula and when to use it. A name shows\n"
        "all about one: also its cost, its references, and what the benchmark of\n"
        "trainability found for and against it. Other words show all about those that\n"
        "have them in their names, their formula or their use, or else anywhere.",
        epilog="examples:\n  skinit list\n  skinit list he\n  skinit list relu deep",
    )
    listing.add_argument("words", nargs="*", metavar="WORD",
                         help="what to look for, such as a name or an activation")  # fmt: skip
    listing.add_argument("--long", action="store_true", help="all about every initializer")
    listing.set_defaults(command=list_command, parser=listing)


def positive_integer(text):
    """Read a positive integer from the command line."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def positive_number(text):
    """Read a positive number from the command line."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def names(text):
    """Read names of initializers from the command line, one or several with commas."""
    if "(" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no name; {NO_SETTINGS}")
    return split_names(text)


def split_names(text):
    """Split a text at its commas; one at its end says no more than a space would."""
    return [name.strip() for name in text.split(",") if name.strip()] or [text]


def widths(text):
    """Read the widths of the hidden layers from the command line, such as 64x3,32."""
    found = []
    for part in text.split(","):
        width, times, n_layers = part.strip().lower().partition("x")
        try:
            found += [positive_integer(width)] * (positive_integer(n_layers) if times else 1)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(
                f"{text!r} must be widths, positive integers such as 64,32, where 64x20 stands "
                f"for 20 layers of 64, but {part.strip()!r} is neither"
            ) from error
    return tuple(found)


def demo_command(arguments):
    """Run both experiments and show them beside the published figures."""
    make_folder(arguments.output)
    pictures = []
    for name, experiment in EXPERIMENTS.items():
        with progress(name) as announce:
            comparison = run_experiment(experiment, max_iter=arguments.max_iter, announce=announce)
        if comparison.runs:
            print(f"\n{experiment.title}, {arguments.max_iter:,} iterations of gradient descent")
            print("(the tutorial's figures in brackets)\n")
            print(demo_table(comparison, experiment))
            print_outcomes(comparison)
            print("\n" + textwrap.fill(experiment.remark, WIDTH))
            X_train, y_train, _, _ = experiment.load()
            pictures += draw(comparison, X_train, y_train, arguments.output, name)
        if comparison.interrupted:
            break
    return finish(comparison, pictures)


def demo_table(comparison, experiment):
    """Lay out the figures of an experiment, each with the tutorial's in brackets."""
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
    return text_table(["init", "start cost", "final cost", "train", "test"], rows)


def compare_command(arguments):
    """Compare starts on a data set."""
    check_network(arguments)
    split, task, features = load_data(arguments)
    make_folder(arguments.output)
    usual_length = 200 if resolve_solver(arguments.solver).takes_minibatches else 2000
    model = make_model(arguments, task, max_iter=arguments.max_iter or usual_length)
    name, seeds, pictures = Path(arguments.data).stem, range(arguments.seeds), []
    with progress(name) as announce:
        comparison = compare_inits(
            model, arguments.init, *split, random_states=seeds, announce=announce
        )
    if comparison.runs:
        X_train, y_train, X_test, _ = split
        score = "accuracy" if task == "classification" else "R^2"
        spread = "; mean ± standard deviation over the seeds" if len(seeds) > 1 else ""
        samples = f"{len(X_train)} training and {len(X_test)} test samples"
        features = features or f"{X_train.shape[1]} features"
        print("\n" + textwrap.fill(f"{name}: {task}, {samples}, {features}", WIDTH))
        print(textwrap.fill(comparison.trained, WIDTH))
        print(f"(the score is {score}{spread})\n")
        print(comparison)
        print_outcomes(comparison)
        pictures = draw(comparison, X_train, y_train, arguments.output, name)
    return finish(comparison, pictures)


def diagnose_command(arguments):
    """Look at a start, print what is found and draw it."""
    check_network(arguments)
    init, *others = arguments.init or ["he"]
    if others:
        raise ValueError("--init is for one start here; 'skinit compare' takes several")
    (X, y, _, _), task, features = load_data(arguments)
    make_folder(arguments.output)
    model = make_model(arguments, task, init=init, random_state=arguments.seed)
    found, name = diagnose(model, X, y), Path(arguments.data).stem
    if features:
        print(textwrap.fill(f"{name}: {task}, {len(X)} training samples, {features}", WIDTH) + "\n")
    print(found)
    displays = {
        "signal": SignalPropagationDisplay({init: found}),
        "jacobian": JacobianSpectrumDisplay({init: found}),
        "activations": ActivationHistogramDisplay(found),
    }
    pictures = [arguments.output / f"{name}_{init}_{what}.png" for what in displays]
    for display, path in zip(displays.values(), pictures, strict=True):
        save_display(display.plot(), path)
    tell_pictures(pictures)
    return 0


def check_network(arguments):
    """Refuse what makes no network before anything is loaded or written."""
    known = catalogue()
    for name in arguments.init or ():
        known.check_name(name)
    resolve_activation(arguments.activation)
    solver = resolve_solver(arguments.solver)
    if arguments.learning_rate and not solver.takes_steps:
        raise ValueError(
            f"--learning-rate is not for --solver {arguments.solver}, which finds its steps by "
            "itself; leave one of them out"
        )


def load_data(arguments):
    """Load the data of a command: its split, its task and, of a CSV file, what was read."""
    told = []
    *split, task = load_split(
        arguments.data, target=arguments.target, task=arguments.task, announce=told.append
    )
    return split, task, "".join(told)


def make_model(arguments, task, **settings):
    """Make the network of a command."""
    estimator = InitMLPClassifier if task == "classification" else InitMLPRegressor
    usual_rate = 0.01 if resolve_solver(arguments.solver).takes_minibatches else 0.1
    return estimator(
        arguments.hidden,
        activation=arguments.activation,
        solver=arguments.solver,
        learning_rate=arguments.learning_rate or usual_rate,
        **settings,
    )


def make_folder(path):
    """Make the folder for the pictures, and see before the work that they can be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path).close()
    except OSError as error:
        raise ValueError(
            f"--output {str(path)!r} must be a folder that can be written to, or a new one: "
            f"{error.strerror}"
        ) from error


def print_outcomes(comparison):
    """Say for each start what happened, taking the run of median loss where there are several."""
    margin = max(map(len, comparison.inits)) + 4
    print("\nWhat happened")
    for init in comparison.inits:
        run, seed = median_run(comparison, init)
        which = f" ({seed}, the median{other_verdicts(comparison, init, run)})" if seed else ""
        lines = textwrap.wrap(run.outcome + which, WIDTH - margin)
        print(f"  {init:<{margin - 2}}" + f"\n{' ' * margin}".join(lines))


def median_run(comparison, init):
    """Return the run of median loss, and its seed in words where there are several runs."""
    runs = sorted(comparison.of(init), key=lambda run: run.final_loss)
    median = runs[(len(runs) - 1) // 2]
    return median, f"seed {median.random_state}" if len(runs) > 1 else ""


def other_verdicts(comparison, init, told):
    """Name the seeds from which something else happened than in the run that is told."""
    seeds = {}
    for run in comparison.of(init):
        if run.verdict != told.verdict:
            seeds.setdefault(run.verdict, []).append(str(run.random_state))
    return "".join(
        f"; seed{'s' * (len(each) > 1)} {', '.join(each)}: {verdict}"
        for verdict, each in seeds.items()
    )


def draw(comparison, X, y, folder, name):
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


def finish(comparison, pictures):
    """Say where the pictures are, and pass on an interrupt now that nothing is lost."""
    if pictures:
        tell_pictures(pictures)
    if comparison.interrupted:
        raise KeyboardInterrupt
    return 0


def tell_pictures(pictures):
    """Say where the pictures are."""
    print(f"\nPictures in {pictures[0].parent.resolve()}:")
    print(textwrap.fill(", ".join(path.name for path in pictures), WIDTH))


@contextmanager
def progress(title):
    """Show on standard error which run is under way: a bar where it can move, else lines."""
    if not (sys.stderr.isatty() and find_spec("rich")):
        yield lambda done, total, what: print(
            f"{title}: run {done + 1} of {total}, {what}", file=sys.stderr, flush=True
        )
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    text = TextColumn("{task.description}")
    columns = [SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total, description=f"{title}: {what}"
        )


def list_command(arguments):
    """Print an overview of the catalogue, or all about some entries."""
    found = catalogue().search(*arguments.words)
    if arguments.long:
        print(*found, sep="\n\n")
    elif arguments.words:
        print_closest(found, arguments.words)
    else:
        print(found)
        print("\nMore of one: 'skinit list he'. Those for a purpose: 'skinit list relu deep'.")
    return 0


def print_closest(found, words):
    """Print what the words most likely mean, and the names of what has them elsewhere."""
    closest = found.closest(*words)
    print(*closest, sep="\n\n")
    others = [entry.name for entry in found if entry not in closest]
    if others:
        command = f"skinit list {' '.join(words)} --long"
        text = f"Found in what is told of these as well ({command!r}): {', '.join(others)}"
        print("\n" + textwrap.fill(text, WIDTH, break_on_hyphens=False))
