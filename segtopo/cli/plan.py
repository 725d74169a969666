"""``segtopo plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import existing

EXAMPLE = "segtopo plan data_samples/vessels2d"


def plan(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with images and labels, a dataset.json, or a CSV file of cases.",
            callback=existing("a folder with images and labels, a dataset.json, or a CSV file of cases"),
        ),
    ],
    *,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB", help="Memory of the GPU in GB [default: that of this machine; without a GPU, for a CPU]."
        ),
    ] = None,
) -> None:
    """Prints a config (YAML) that fits a data set.

    It is for segtopo train, and has the reason of each value. Standard error has one line about the data.
    """
    from segtopo.planning import plan as run_planning

    with show_progress("plan", on_stderr=True) as progress:
        planned = run_planning(data, memory=memory, progress=progress)
    typer.echo(planned.config, nl=False)
    typer.echo(f"found: {planned.summary}", err=True)
