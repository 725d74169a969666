"""``segtopo calibrate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from segtopo.cli.console import print_table, show_progress
from segtopo.cli.parameters import BettiNumbersOption, ConstructionOption, existing, numbers, numbers_or_none
from segtopo.errors import InputError, mismatch

EXAMPLE = (
    "segtopo calibrate runs/example/masks/probabilities data_samples/vessels2d/test/labels "
    "--out runs/example/rules.json"
)


def calibrate(
    probabilities: Annotated[
        Path,
        typer.Argument(
            metavar="PROBABILITIES",
            help="A folder of probability maps of validation cases, or one map; or the folder of a trained nnU-Net. "
            "A folder of segtopo train knows its references.",
            callback=existing("a probability map, a folder of maps, or the folder of a training"),
        ),
    ],
    references: Annotated[
        Path | None,
        typer.Argument(
            metavar="REFERENCES",
            help="A folder of reference masks of the same names, or one mask.",
            callback=existing("a mask or a folder of masks"),
        ),
    ] = None,
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
    if _is_training(probabilities):
        of_references = {"REFERENCES": references, "--label": label, "--ignore-label": ignore_label}
        _check_left_out(of_references | {"--skip-missing": skip_missing or None})
    elif references is None:
        raise InputError(mismatch("REFERENCES", got="no value", expected="reference masks of the probability maps"))
    from segtopo.repair import RepairRules, RuleGrid, calibrate_files
    from segtopo.repair.calibration_table import calibration_table

    options: dict[str, Any] = {
        "channel": channel,
        "rules": RepairRules(betti_numbers=None if limits == (None,) else limits, construction=construction),
        "grid": RuleGrid(thresholds=tried),
        "tolerance": tolerance,
        "criterion": criterion,
    }
    with show_progress("calibrate") as progress:
        if references is None:
            from segtopo.training import calibrate_training

            calibration = calibrate_training(probabilities, out, progress=progress, **options)
        else:
            options |= {"label": label, "ignore_label": ignore_label, "skip_missing": skip_missing}
            calibration = calibrate_files(probabilities, references, out, progress=progress, **options)
    print_table(calibration_table(calibration))
    typer.echo(f"rules: {out}")


def _is_training(path: Path) -> bool:
    """Returns whether a path is a checkpoint, or the folder of a training or of a cross-validation."""
    return path.suffix == ".pt" or any(path.glob("*.pt")) or any(path.glob("fold_*/*.pt"))


def _check_left_out(given: Mapping[str, object]) -> None:
    """Refuses arguments that say something about files of references, which a training knows."""
    for name, value in given.items():
        if value is not None:
            expected = "no value: a training knows its validation cases"
            raise InputError(mismatch(name, got=f"{value} beside a training", expected=expected))
