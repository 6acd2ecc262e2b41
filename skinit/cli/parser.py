"""The commands and their arguments: how they are described, parsed and checked.

`make_parser` describes them. `parse_arguments` parses a command line, and answers a mistake with
one line that names the way out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from skinit import __version__
from skinit.activations import ACTIVATIONS
from skinit.catalogue import did_you_mean
from skinit.datasets import BUILT_IN
from skinit.initializers import INITIALIZERS
from skinit.solvers import SOLVERS

__all__ = ["join_names", "make_parser", "parse_arguments", "widths"]


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line, without the usage message."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(2, f"{self.prog}: error: {line} (see '{self.prog} --help')\n")


def parse_arguments(parser: Parser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; errors come from the parser of the command that was given."""
    arguments, unknown = parser.parse_known_args(join_names(argv))
    if unknown:
        takes_initializers = getattr(arguments, "init", None) is not None
        hint = initializer_hint(unknown[0]) if takes_initializers else ""
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return arguments


def initializer_hint(word: str) -> str:
    """Say what to do about an unrecognized argument that looks like an initializer."""
    if "(" in word:
        return f"; {NO_SETTINGS}"
    if word in INITIALIZERS:
        return "; the names of all initializers follow --init, as in --init he glorot"
    return "" if word in BUILT_IN or word.startswith("-") else did_you_mean(word, INITIALIZERS)


# The answer to an initializer that is written as in Python.
NO_SETTINGS = (
    "settings of an initializer can be given in Python only, as in "
    "InitMLPClassifier(init=He(gain=2)); --init takes the names that 'skinit list' shows"
)


def join_names(argv: Sequence[str]) -> list[str]:
    """Join names of initializers that follow ``--init`` by commas.

    argparse could collect them by ``nargs="+"``, but would then take DATA, where it comes last,
    for one of them.
    """
    joined, follows_name = [], False
    for word in argv:
        if follows_name and set(split_names(word)) <= set(INITIALIZERS):
            joined[-1] += f",{word}"
        else:
            # The first name is either part of "--init=NAME" or the word after "--init".
            follows_name = word.startswith("--init=") or joined[-1:] == ["--init"]
            joined.append(word)
    return joined


LAYOUT = argparse.RawDescriptionHelpFormatter


def make_parser() -> Parser:
    """Describe the commands and their arguments."""
    parser = Parser(
        prog="skinit",
        formatter_class=LAYOUT,
        description="Train the same neural network from several initializations, and see what\n"
        "difference they make.",
        epilog="examples:\n  skinit demo\n  skinit list\n"
        "  skinit compare iris --init zeros he\n  skinit compare --help",
    )
    parser.add_argument("--version", action="version", version=f"skinit {__version__}")
    parser.set_defaults(command=None, parser=parser)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_demo(subparsers)
    add_compare(subparsers)
    add_diagnose(subparsers)
    add_list(subparsers)
    return parser


def add_demo(subparsers):
    """Describe the command that repeats the tutorials."""
    demo = subparsers.add_parser(
        "demo",
        formatter_class=LAYOUT,
        help="the tutorials' experiments: zeros, random and He on circles and moons",
        description="Train the tutorials' networks from zeros, large random weights and He\n"
        "initialization, on two circles and on two moons; print the results beside\n"
        "the published ones, and draw them.",
        epilog="examples:\n  skinit demo\n  skinit demo --output pictures --max-iter 2000",
    )
    demo.add_argument("--max-iter", type=positive_integer, default=15000, metavar="N",
                      help="iterations of each run (default: the tutorials' 15000)")  # fmt: skip
    demo.set_defaults(command="demo", parser=demo)
    add_output(demo)


def add_compare(subparsers):
    """Describe the command that compares initializers on a data set."""
    compare = subparsers.add_parser(
        "compare",
        formatter_class=LAYOUT,
        help="compare initializers on a data set of yours",
        description="Train one network from several initializers and seeds, and print how each\n"
        "run ended. Features are standardized, and the target of a regression too.",
        epilog="examples:\n"
        "  skinit compare moons --init zeros random he\n"
        "  skinit compare digits --init he glorot --hidden 64,32 --seeds 5\n"
        "  skinit compare houses.csv --target price --init he lecun",
    )
    add_data(compare)
    compare.add_argument("--init", action="extend", type=names, metavar="NAME", required=True,
                         help="one initializer or several (see 'skinit list')")  # fmt: skip
    add_network(compare)
    compare.add_argument("--max-iter", type=positive_integer, metavar="N",
                         help="iterations (default: 2000; 200 for solvers that take "
                         "minibatches)")  # fmt: skip
    compare.add_argument("--seeds", type=positive_integer, default=3, metavar="N",
                         help="seeds 0 to N-1 for each initializer (default: 3)")  # fmt: skip
    compare.set_defaults(command="compare", parser=compare)
    add_output(compare)


def add_diagnose(subparsers):
    """Describe the command that diagnoses initial weights."""
    diagnose = subparsers.add_parser(
        "diagnose",
        formatter_class=LAYOUT,
        help="what is wrong with initial weights, before any training",
        description="Draw the initial weights of a network, send the data and the gradient\n"
        "through it, and say what is wrong. Features are standardized, and the target\n"
        "of a regression too.",
        epilog="examples:\n"
        "  skinit diagnose digits --hidden 64x20 --activation tanh --init glorot\n"
        "  skinit diagnose houses.csv --target price --init zeros",
    )
    add_data(diagnose)
    diagnose.add_argument("--init", action="extend", type=names, metavar="NAME",
                          help="the initializer (default: he; see 'skinit list')")  # fmt: skip
    add_network(diagnose)
    diagnose.add_argument("--seed", type=int, default=0, metavar="N",
                          help="seed of the initial weights (default: 0)")  # fmt: skip
    diagnose.set_defaults(command="diagnose", parser=diagnose)
    add_output(diagnose)


def add_data(command):
    """Describe the data of a command."""
    command.add_argument("data", metavar="DATA",
                         help=f"{', '.join(BUILT_IN)}, or a CSV file with a header; columns "
                         "of text are one-hot encoded")  # fmt: skip
    command.add_argument("--target", metavar="COLUMN", help="the column of the CSV to predict")
    command.add_argument("--task", choices=["classification", "regression"],
                         help="default: decided by the values of the target")  # fmt: skip


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
                         help="default: 0.1; 0.01 for solvers that take minibatches")  # fmt: skip


def add_output(command):
    """Describe where the pictures of a command go."""
    command.add_argument("--output", type=Path, default=Path("skinit-output"), metavar="FOLDER",
                         help="where the pictures go (default: skinit-output)")  # fmt: skip


def add_list(subparsers):
    """Describe the command that lists the initializers."""
    listing = subparsers.add_parser(
        "list",
        formatter_class=LAYOUT,
        help="the initializers: what they draw, and when to use which",
        description="Show every initializer: its names, its formula and when to use it. With a\n"
        "name, show everything about that one, including its cost, its references and\n"
        "its results in the benchmark of trainability. With other words, show those\n"
        "that have all of them in their name, formula or use, or else anywhere.",
        epilog="examples:\n  skinit list\n  skinit list he\n  skinit list relu deep",
    )
    listing.add_argument("words", nargs="*", metavar="WORD",
                         help="what to look for, such as a name or an activation")  # fmt: skip
    listing.add_argument("--long", action="store_true",
                         help="show everything about each of them")  # fmt: skip
    listing.set_defaults(command="list", parser=listing)


def positive_integer(text: str) -> int:
    """Read a positive integer from the command line."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def positive_number(text: str) -> float:
    """Read a positive number from the command line."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def names(text: str) -> list[str]:
    """Read names of initializers from the command line: one, or several separated by commas."""
    if "(" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a name; {NO_SETTINGS}")
    return split_names(text)


def split_names(text: str) -> list[str]:
    """Split a text at its commas, without the empty parts; nothing but commas is one bad name."""
    return [name.strip() for name in text.split(",") if name.strip()] or [text]


def widths(text: str) -> tuple[int, ...]:
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
