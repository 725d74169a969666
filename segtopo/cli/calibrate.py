"""``segtopo calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from segtopo.cli.console import print_table, show_progress
from segtopo.cli.parameters import BettiNumbersOption, ConstructionOption, existing, numbers, numbers_or_none

EXAMPLE = (
    "segtopo calibrate runs/example/masks/probabilities data_samples/vessels2d/test/labels "
    "--out runs/example/rules.json"
)


def calibrate(
    probabilities: Annotated[
        Path,
        typer.Argument(
            metavar="PROBABILITIES",
            help="A folder of probability maps of validation cases, or one map; or the folder of a trained nnU-Net.",
            callback=existing("a probability map or a folder of maps"),
        ),
    ],
    references: Annotated[
        Path,
        typer.Argument(
            metavar="REFERENCES",
            help="A folder of reference masks of the same names, or one mask.",
            callback=existing("a mask or a folder of masks"),
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option(help="JSON file for the rules and the figures of all rules tried; a picture lies beside it.")
    ],
    channel: Annotated[
        int | None, typer.Option(min=1, help="The class, if the maps have several; counted from 1.")
    ] = None,
    label: Annotated[
        int | None,
        typer.Option(
            help="Value of the structure in label maps [default: that of --channel, or of nnU-Net's dataset]."
        ),
    ] = None,
    thresholds: Annotated[str, typer.Option(help="Thresholds to try, for instance 0.3,0.5.")] = "0.5",
    betti_numbers: BettiNumbersOption = None,
    tolerance: Annotated[
        float, typer.Option(help="The mean Dice coefficient that the choice may lose against the best rules.")
    ] = 0.002,
    criterion: Annotated[
        Literal["betti_matching_error", "diu"],
        typer.Option(help="The error to reduce; DIU also counts joins beside the vessels, so it joins less."),
    ] = "betti_matching_error",
    construction: ConstructionOption = "T",
    ignore_label: Annotated[
        int | None,
        typer.Option(help="Value of undecided voxels of the references [default: that of nnU-Net's dataset]."),
    ] = None,
    skip_missing: Annotated[bool, typer.Option("--skip-missing", help="Leave out references without a map.")] = False,
) -> None:
    """Chooses the rules of segtopo repair on validation cases.

    The rules with the least error are chosen, among those whose Dice coefficient is close to the best.
    The limits of joins and the sizes of pieces and holes are tried in all combinations.
    """
    tried = numbers("--thresholds", thresholds)
    limits = None if betti_numbers is None else numbers_or_none("--betti-numbers", betti_numbers, int, most=3)
    from segtopo.repair import RepairRules, RuleGrid, calibrate_files
    from segtopo.repair.calibration_table import calibration_table

    rules = RepairRules(betti_numbers=None if limits == (None,) else limits, construction=construction)
    grid = RuleGrid(thresholds=tried)
    with show_progress("calibrate") as progress:
        calibration = calibrate_files(
            probabilities,
            references,
            out,
            channel=channel,
            label=label,
            rules=rules,
            grid=grid,
            tolerance=tolerance,
            criterion=criterion,
            ignore_label=ignore_label,
            skip_missing=skip_missing,
            progress=progress,
        )
    print_table(calibration_table(calibration))
    typer.echo(f"rules: {out}")
