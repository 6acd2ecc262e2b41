"""The command line, `skinit`: it reads arguments, prints text and writes pictures.

`main` is what the console script calls: read it first. `parser` describes the commands and their
arguments, `commands` runs them, `progress` shows which run is under way. None of them computes
anything: results and pictures come from the other packages.

To add a command, describe it in `parser.make_parser`, beside the others, and add the function that
runs it to `commands.COMMANDS` under the same name.
"""

from skinit.cli.main import main

__all__ = ["main"]
