"""``segtopo simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import NoiseOption, SeedOption, existing, integers

EXAMPLE = (
    "segtopo simulate data_samples/vessels2d/test/labels --out runs/example/simulated --crop 96 --crops-per-mask 2"
)


def simulate(
    masks: Annotated[
        list[Path],
        typer.Argument(
            metavar="MASK", help="Masks, or folders of masks.", callback=existing("a mask or a folder of masks")
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="New or empty folder for images and labels.")],
    label: Annotated[
        int | None, typer.Option(help="Value of the structure in label maps [default: masks are binary].")
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(help="Size of the crops in voxels, for instance 96 or 96,96,64 [default: 128 in 2D, 96 in 3D]."),
    ] = None,
    crops_per_mask: Annotated[int, typer.Option(help="Number of crops of each mask.")] = 8,
    whole: Annotated[bool, typer.Option("--whole", help="Write one image of each entire mask, without crops.")] = False,
    noise: NoiseOption = 0.08,
    seed: SeedOption = 0,
) -> None:
    """Writes simulated images of real masks.

    By default the images are crops around the foreground of the masks. The simulation has partial volume, blur, noise,
    a bias field and positions where a branch nearly vanishes.
    """
    size = integers("--crop", crop)
    from segtopo.phantoms import write_simulated_dataset

    if size is not None and len(size) == 1:
        size *= _ndim_of(masks)
    with show_progress("simulate") as progress:
        write_simulated_dataset(
            out,
            masks,
            label=label,
            crop=size,
            crops_per_mask=crops_per_mask,
            whole=whole,
            noise=noise,
            seed=seed,
            progress=progress,
        )
    typer.echo(f"images: {out}")


def _ndim_of(masks: list[Path]) -> int:
    from segtopo.phantoms import mask_files
    from segtopo.volumes import read_volume

    return read_volume(mask_files(masks)[0]).ndim
