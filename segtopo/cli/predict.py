"""``segtopo predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import existing

EXAMPLE = (
    "segtopo predict runs/example/best.pt data_samples/vessels2d/test/images --out runs/example/masks --probabilities"
)


def predict(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="Checkpoint of a training: best.pt or last.pt.",
            callback=existing("a checkpoint (best.pt or last.pt)"),
        ),
    ],
    images: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGES",
            help="An image, or a folder of images.",
            callback=existing("an image or a folder of images"),
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="New or empty folder for the masks.")],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write the probabilities, to OUT/probabilities.")
    ] = False,
    overlap: Annotated[
        float,
        typer.Option(help="Overlap of neighbouring windows, from 0 to less than 1. More is smoother and slower."),
    ] = 0.5,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair the masks, by the rules of the checkpoint or by default rules.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Repair the masks by the rules of this JSON file, see segtopo calibrate.",
            callback=existing("a JSON file of repair rules"),
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Segments images with a trained network.

    Each mask has the name and the geometry of its image.
    """
    from segtopo.inference import predict as run_prediction
    from segtopo.repair import RepairRules

    with show_progress("predict") as progress:
        masks = run_prediction(
            checkpoint,
            images,
            out,
            probabilities=probabilities,
            overlap=overlap,
            repair=RepairRules.load(rules) if rules else repair,
            device=device,
            progress=progress,
        )
    typer.echo(f"masks ({len(masks)}): {out}")
