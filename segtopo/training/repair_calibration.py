"""Repair rules, chosen on validation cases at the end of a training or of all its folds, and kept in checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from segtopo.inference.checkpoint import Checkpoint
from segtopo.repair import Calibration
from segtopo.repair.calibration import Calibrator
from segtopo.training.reporting import say
from segtopo.training.validation import Validator

REPAIR = "repair_rules"


def has_rules(out: Path) -> bool:
    """Returns whether the rules of a folder have been chosen."""
    return any(out.glob(f"{REPAIR}*.json"))


def calibrate_checkpoints(
    checkpoints: Sequence[Path], validators: Sequence[Validator], out: Path, console: Console
) -> None:
    """Chooses repair rules for each foreground class, writes them to a folder and stores them in checkpoints.

    Args:
        checkpoints: The checkpoints that get the rules.
        validators: The validation cases, each with a network that was not trained on it.
        out: The folder of ``repair_rules.json``, or of a file for each of several classes.
        console: Where to print.
    """
    number = sum(len(validator.cases) for validator in validators)
    say(console, f"calibrating the repair on {number} validation cases")
    calibrations, names = _calibrate(validators), validators[0].class_names
    for path in checkpoints:
        checkpoint = Checkpoint.load(path)
        checkpoint.repair_rules = [asdict(calibration.rules) for calibration in calibrations]
        checkpoint.save(path)
    for label, (calibration, class_name) in enumerate(zip(calibrations, names, strict=True), start=1):
        several = len(calibrations) > 1
        name = f"{REPAIR}_{label}" if several else REPAIR
        calibration.save(out / f"{name}.json")  # after the checkpoints: the file says that they have the rules
        say(console, f"{name}.json{f' ({class_name})' if several else ''}: {calibration.summary}")


def _calibrate(validators: Sequence[Validator]) -> list[Calibration]:
    """Chooses the rules of each class. The probabilities of a case are computed once for all of them."""
    calibrators = [Calibrator() for _ in range(1, validators[0].classes)]
    for validator in validators:
        for case in validator.cases:
            maps = zip(calibrators, validator.probabilities(case), strict=True)
            for label, (calibrator, probability) in enumerate(maps, start=1):
                calibrator.add(probability, case.reference[0] == label, case.spacing)
    return [calibrator.calibration() for calibrator in calibrators]
