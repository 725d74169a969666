"""``segtopo phantom``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import NoiseOption, SeedOption, integers

EXAMPLE = "segtopo phantom --out runs/example/phantoms --train 4 --test 2"


def phantom(
    *,
    out: Annotated[Path, typer.Option(help="New or empty folder for images and labels.")],
    ndim: Annotated[int, typer.Option(min=2, max=3, help="Number of dimensions.")] = 2,
    shape: Annotated[
        str | None, typer.Option(help="Size in voxels, for instance 128,160 [default: 128,160 or 64,56,48].")
    ] = None,
    train: Annotated[int, typer.Option(min=0, help="Number of cases for training.")] = 12,
    test: Annotated[int, typer.Option(min=0, help="Number of cases for testing.")] = 6,
    trees: Annotated[int, typer.Option(help="Number of components of each label.")] = 1,
    loops: Annotated[int, typer.Option(help="Number of loops of each label.")] = 1,
    gaps: Annotated[int, typer.Option(help="Number of positions where a vessel nearly vanishes in the image.")] = 6,
    noise: NoiseOption = 0.08,
    seed: SeedOption = 0,
) -> None:
    """Writes simulated vessels with labels of known topology."""
    size = integers("--shape", shape)
    from segtopo.phantoms import write_phantom_dataset

    with show_progress("phantom") as progress:
        write_phantom_dataset(
            out,
            ndim=ndim,
            shape=size,
            train=train,
            test=test,
            trees=trees,
            loops=loops,
            gaps=gaps,
            noise=noise,
            seed=seed,
            progress=progress,
        )
    typer.echo(f"phantoms: {out}")
