"""The command line, `skinit`: words in, words out, and no logic of its own.

`main` has a function for each command; what it prints and draws comes from the packages that have
the logic. A command is added there, beside the others.
"""

from skinit.cli.main import main

__all__ = ["main"]
