"""Repair rules, chosen on validation cases at the end of a training or of all its folds, and kept in checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from segtopo.inference.checkpoint import Checkpoint
from segtopo.repair import Calibration, calibrate_repair
from segtopo.training.reporting import say
from segtopo.training.validation import Validator

REPAIR = "repair_rules"


def has_rules(out: Path) -> bool:
    """Returns whether the rules of a folder have been chosen."""
    return any(out.glob(f"{REPAIR}*.json"))


def calibrate_checkpoints(
    checkpoints: Sequence[Path], validators: Sequence[Validator], out: Path, console: Console
) -> None:
    """Chooses repair rules for each class or region, writes them to a folder and stores them in checkpoints.

    Args:
        checkpoints: The checkpoints that get the rules.
        validators: The validation cases, each with a network that was not trained on it.
        out: The folder of ``repair_rules.json``, or of a file for each of several classes or regions.
        console: Where to print.
    """
    number = sum(len(validator.cases) for validator in validators)
    say(console, f"calibrating the repair on {number} validation cases")
    structures = len(validators[0].channels.of_channels)
    calibrations = [_calibrate(structure, validators) for structure in range(structures)]
    for path in checkpoints:
        checkpoint = Checkpoint.load(path)
        checkpoint.repair_rules = [asdict(calibration.rules) for calibration in calibrations]
        checkpoint.save(path)
    for label, calibration in enumerate(calibrations, start=1):
        name = REPAIR if len(calibrations) == 1 else f"{REPAIR}_{label}"
        calibration.save(out / f"{name}.json")  # after the checkpoints: the file says that they have the rules
        say(console, f"{name}.json: {calibration.summary}")


def _calibrate(structure: int, validators: Sequence[Validator]) -> Calibration:
    """Chooses the rules of a structure. Its probabilities alone are computed: those of all need much memory."""
    pairs = [(validator, case) for validator in validators for case in validator.cases]
    return calibrate_repair(
        (validator.probability(case, structure) for validator, case in pairs),
        (validator.channels.mask(case.reference[0], structure) for validator, case in pairs),
        spacings=[case.spacing for _, case in pairs],
    )
