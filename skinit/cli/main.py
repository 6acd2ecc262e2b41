"""The entry point of the command line: parse the arguments, run the command, report errors."""

import os
import sys
from collections.abc import Sequence

from skinit.cli.commands import COMMANDS
from skinit.cli.parser import make_parser, parse_arguments

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str or None, default=None
        The arguments after ``skinit``; None takes them from ``sys.argv``.

    Returns
    -------
    int
        Exit code: 0 for success, 2 for bad arguments, 130 when interrupted.

    Examples
    --------
    >>> main(["--version"])
    Traceback (most recent call last):
    ...
    SystemExit: 0
    """
    # Pictures are only written to files: do not let matplotlib look for a window system.
    os.environ.setdefault("MPLBACKEND", "Agg")
    parser = make_parser()
    arguments = parse_arguments(parser, sys.argv[1:] if argv is None else argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        code = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The program that reads the output, such as `head`, has closed the pipe. Without this,
        # Python would flush to the closed pipe on exit and report a second error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, ImportError, OSError, MemoryError) as error:
        arguments.parser.error(str(error))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
