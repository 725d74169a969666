"""``segtopo repair``."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segtopo.cli.console import show_progress
from segtopo.cli.parameters import BettiNumbersOption, Construction, existing, numbers_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segtopo.repair import RepairedCase

EXAMPLE = "segtopo repair runs/example/masks/probabilities --out runs/example/repaired --pictures"


def repair(
    probabilities: Annotated[
        Path,
        typer.Argument(
            metavar="PROBABILITIES",
            help="A probability map, or a folder of maps: images, or .npz files of nnU-Net (also its trained model).",
            callback=existing("a probability map or a folder of maps"),
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the masks and edits.csv: new or empty, or one that the same command has begun to fill."
        ),
    ],
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON file of rules, repeated for each class if they differ; the options below override it.",
            callback=existing("a JSON file of repair rules"),
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="The mask before the repair holds the voxels above it [default: 0.5].")
    ] = None,
    connect_above: Annotated[
        str | None,
        typer.Option(
            help="Pieces are joined along paths of at least this probability, or none [default: 0.005].",
            metavar="FLOAT|none",
        ),
    ] = None,
    max_path_cost: Annotated[
        float | None,
        typer.Option(help="Largest cost of a join, as a multiple of the lighter piece's weight [default: no limit]."),
    ] = None,
    min_piece_size: Annotated[
        float | None, typer.Option(help="Smaller pieces are removed; in mm^2 or mm^3 [default: 100 voxels].")
    ] = None,
    min_piece_peak: Annotated[
        float | None, typer.Option(help="Pieces whose largest probability is smaller are removed [default: 0].")
    ] = None,
    min_hole_size: Annotated[
        float | None,
        typer.Option(help="Smaller holes and cavities are filled; in mm^2 or mm^3 [default: 20 pixels, 5 voxels]."),
    ] = None,
    max_hole_floor: Annotated[
        float | None, typer.Option(help="Holes whose smallest probability is larger are filled [default: 1].")
    ] = None,
    betti_numbers: BettiNumbersOption = None,
    construction: Annotated[
        Construction | None,
        typer.Option(help="T: foreground of full connectivity (8, 26); V: of face connectivity (4, 6) [default: T]."),
    ] = None,
    touching: Annotated[
        bool, typer.Option(help="With several classes: whether edits may add voxels that touch another class.")
    ] = True,
    union_components: Annotated[
        int | None,
        typer.Option(min=0, help="With several classes: largest number of components of their union."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Also draw the edits of each case, to OUT/pictures.")
    ] = False,
    label_map: Annotated[
        bool, typer.Option("--label-map", help="Also write an image of the edits of each case, to OUT/edits.")
    ] = False,
    markups: Annotated[
        bool, typer.Option("--markups", help="Also write the places of the edits for 3D Slicer, to OUT/markups.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of cases repaired in parallel [default: one per core, at most 8].")
    ] = None,
) -> None:
    """Writes masks with the repaired topology of probability maps.

    Gaps are closed; small pieces are removed and small holes filled, as far as the rules say. Each mask has the name
    and the geometry of its map. The table edits.csv lists every edit with its place, probability and size. A run that
    was stopped goes on where it stopped, with the same command. A map that cannot be used does not stop the others.
    """
    options = {
        "threshold": threshold,
        "max_path_cost": max_path_cost,
        "min_piece_size": min_piece_size,
        "min_piece_peak": min_piece_peak,
        "min_hole_size": min_hole_size,
        "max_hole_floor": max_hole_floor,
        "construction": construction,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if connect_above is not None:
        (given["connect_above"],) = numbers_or_none("--connect-above", connect_above, float, most=1)
    if betti_numbers is not None:
        numbers = numbers_or_none("--betti-numbers", betti_numbers, int, most=3)
        given["betti_numbers"] = None if numbers == (None,) else numbers
    from segtopo.repair import RepairRules, repair_files

    chosen = [replace(own, **given) for own in (map(RepairRules.load, rules) if rules else [RepairRules()])]
    with show_progress("repair") as progress:
        cases = repair_files(
            probabilities,
            out,
            rules=chosen[0] if len(chosen) == 1 else chosen,
            touching=touching,
            union_components=union_components,
            label_map=label_map,
            markups=markups,
            pictures=pictures,
            workers=workers,
            progress=progress,
        )
    for line in (*_remarks(cases), _summary(cases, out)):
        typer.echo(line)


def _remarks(cases: Sequence[RepairedCase]) -> list[str]:
    """Returns a line for each remark; one that many cases share is said once."""
    names: dict[str, list[str]] = {}
    for case in cases:
        for remark in dict.fromkeys(case.remarks):
            names.setdefault(remark, []).append(case.name)
    return [f"{_some(of_cases)}: {remark}" for remark, of_cases in names.items()]


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _summary(cases: Sequence[RepairedCase], out: Path) -> str:
    kinds = Counter(edit.kind for case in cases for edit in case.edits)
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    return f"masks ({len(cases)}): {out}; edits ({kinds.total()}): {listed or 'none'}"
