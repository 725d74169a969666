"""``segtopo persistence``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from segtopo.cli.parameters import ConstructionOption, existing
from segtopo.errors import InputError, mismatch

if TYPE_CHECKING:
    import numpy.typing as npt

EXAMPLE = "segtopo persistence data_samples/vessels2d/test/images/vessels_00.png --out runs/example/pairs.csv"


def persistence(
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="A 2D or 3D image.", callback=existing("a 2D or 3D image"))
    ],
    *,
    out: Annotated[Path, typer.Option(help="File to write: .csv, .json or .npz.")],
    filtration: Annotated[
        Literal["superlevel", "sublevel"],
        typer.Option(help="superlevel: bright voxels enter first; sublevel: dark voxels enter first."),
    ] = "superlevel",
    construction: ConstructionOption = "T",
    min_persistence: Annotated[float, typer.Option(min=0, help="Leave out pairs of a smaller persistence.")] = 0.0,
    channel: Annotated[int | None, typer.Option(min=0, help="Channel of a colour image, from 0.")] = None,
) -> None:
    """Writes the persistence pairs of an image.

    Each row is a component (dimension 0), a loop (1) or a cavity (2). It holds the values at birth and death, and the
    voxels that create and destroy the feature.
    """
    from segtopo.atomic_output import atomic_output
    from segtopo.persistence import compute_persistence, write_pairs
    from segtopo.persistence.pair_files import check_pair_file

    check_pair_file(out)
    array = _single_channel(image, channel)
    with atomic_output(out) as part:  # a path that cannot be written is reported before the computation
        try:
            pairs = compute_persistence(
                array, filtration=filtration, construction=construction, min_persistence=min_persistence
            )
        except (TypeError, InputError) as error:
            raise InputError(f"{image}: {error}") from error
        write_pairs(part, pairs)
    for dimension in range(array.ndim):
        of_dimension = pairs.of_dimension(dimension)
        typer.echo(
            f"dimension {dimension}: {len(of_dimension)} pairs, {of_dimension.essential.sum()} of them essential"
        )
    typer.echo(f"pairs: {out}")


def _single_channel(path: Path, channel: int | None) -> npt.NDArray[Any]:
    """Reads an image of one channel, or one channel of a colour image."""
    from segtopo.volumes import read_volume

    volume = read_volume(path)
    given = "no --channel" if channel is None else f"--channel {channel}"
    if not volume.has_channels:
        if channel:
            raise InputError(mismatch(path, got=f"one channel and {given}", expected="no --channel"))
        return volume.array
    channels = len(volume.array)
    if channel is None or channel >= channels:
        expected = f"--channel 0 to {channels - 1}"
        raise InputError(mismatch(path, got=f"{channels} channels and {given}", expected=expected))
    chosen: npt.NDArray[Any] = volume.array[channel]
    return chosen
