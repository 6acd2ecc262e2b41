"""Progress on standard error: which of several training runs is under way."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

__all__ = ["show_progress"]


@contextmanager
def show_progress(title: str) -> Iterator[Callable[[int, int, str], object]]:
    """Show progress while the block runs: a bar on a terminal that has rich, otherwise lines.

    Parameters
    ----------
    title : str
        Written before the description of each run.

    Yields
    ------
    callable
        To be called before each run with the number of finished runs, the number of all runs, and
        a description of the next one.
    """
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
