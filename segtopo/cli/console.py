"""Output on the terminal or into a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, TypeAlias

import typer

if TYPE_CHECKING:
    from rich.table import Table

ProgressCallback: TypeAlias = Callable[[str, int, int], None]
"""Called before each case with its name, its number from 1, and the number of cases."""

#: A pipe has no width: no line of a table is cut or folded.
PIPE_WIDTH = 10_000


def complain(error: object) -> None:
    """Prints an error as one line on standard error."""
    typer.echo("error: " + " ".join(str(error).split()), err=True)


def replace_unknown_characters() -> None:
    """Prints a question mark for a character that the terminal or pipe has no code for, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def show_progress(title: str, *, on_stderr: bool = False) -> Iterator[ProgressCallback]:
    """Gives a callback that shows the progress: as a bar on a terminal, as plain lines in a pipe.

    Args:
        title: The name of the work.
        on_stderr: Show it on standard error, for a command whose result goes to standard output.

    Yields:
        A callback for the functions of segtopo that take ``progress``.

    Example:
        >>> with show_progress("evaluate") as progress:
        ...     progress("case_07", 1, 3)
        evaluate 1/3: case_07
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=on_stderr)
    if not console.is_terminal:
        yield lambda name, number, total: typer.echo(f"{title} {number}/{total}: {name}", err=on_stderr)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda name, number, total: bar.update(
            task, description=f"{title}: {name}", completed=number - 1, total=total
        )


def print_table(table: Table) -> None:
    """Prints a table; in a pipe without lines and never cut to a width."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
        table.box = None
    console.print(table)
