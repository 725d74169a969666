"""``segtopo predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import existing
from segtopo.errors import InputError, mismatch

EXAMPLE = (
    "segtopo predict runs/example/best.pt data_samples/vessels2d/test/images --out runs/example/masks --probabilities"
)


def predict(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            metavar="CHECKPOINT...",
            help="Checkpoint of a training (best.pt or last.pt), or its folder, or that of a cross-validation. "
            "The probabilities of several are averaged.",
            callback=existing("a checkpoint (best.pt or last.pt) or the folder of a training"),
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
    out: Annotated[
        Path, typer.Option(help="Folder for the masks: new or empty, or one that the same command has begun to fill.")
    ],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write the probabilities, to OUT/probabilities.")
    ] = False,
    overlap: Annotated[
        float,
        typer.Option(help="Overlap of neighbouring windows, from 0 to less than 1. More is smoother and slower."),
    ] = 0.5,
    mirror: Annotated[
        bool,
        typer.Option("--mirror", help="Average over all mirror images: 4 times as long in 2D, 8 times in 3D."),
    ] = False,
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
    dicom_seg: Annotated[
        bool, typer.Option("--dicom-seg", help="Also write DICOM segmentations of DICOM series, to OUT/dicom_seg.")
    ] = False,
    segment_names: Annotated[
        str | None,
        typer.Option(
            help="Names of their segments, for instance artery,vein [default: those of the training's classes].",
            metavar="NAMES",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Segments images with a trained network.

    Each mask has the name and the geometry of its image. A run that was stopped goes on where it stopped, with the same
    command. An image that cannot be used does not stop the others.
    """
    if segment_names is not None and not dicom_seg:
        raise InputError(mismatch("--segment-names", got="names", expected="--dicom-seg beside them"))
    names = segment_names.split(",") if segment_names is not None else dicom_seg
    from segtopo.inference import predict as run_prediction
    from segtopo.repair import RepairRules

    with show_progress("predict") as progress:
        masks = run_prediction(
            checkpoints,
            images,
            out,
            probabilities=probabilities,
            overlap=overlap,
            mirror=mirror,
            repair=RepairRules.load(rules) if rules else repair,
            dicom_seg=names,
            device=device,
            progress=progress,
        )
    typer.echo(f"masks ({len(masks)}): {out}")
