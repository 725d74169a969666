"""``segtopo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import existing

EXAMPLE = "segtopo export runs/example/best.pt --out runs/example/export"


def export(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="Checkpoint of a training: best.pt or last.pt.",
            callback=existing("a checkpoint (best.pt or last.pt)"),
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="New or empty folder for the exported files.")],
) -> None:
    """Writes a network as ONNX, TorchScript and MONAI bundle.

    A model card lies beside them. The files are checked: their probabilities equal those of the checkpoint.
    """
    from segtopo.inference.export import export as run_export

    with show_progress("export") as progress:
        written = run_export(checkpoint, out, progress=progress)
    for path in written:
        typer.echo(path)
