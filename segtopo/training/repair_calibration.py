"""Repair rules, chosen on validation cases at the end of a training or of all its folds, and kept in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console

from segtopo.errors import InputError, mismatch
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.ensemble import checkpoints_of
from segtopo.inference.sliding_windows import choose_device
from segtopo.parallel import Progress
from segtopo.repair import Calibration, RepairRules, RuleGrid
from segtopo.repair.calibration import Calibrator, Criterion
from segtopo.repair.calibration_files import chosen_channel, rules_file
from segtopo.training.data import load_cases
from segtopo.training.reporting import say
from segtopo.training.training_cases import find_cases
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
    names = validators[0].channels.names
    calibrators = {structure: Calibrator() for structure in range(len(names))}
    _try_rules(validators, calibrators)
    calibrations = [calibrator.calibration() for calibrator in calibrators.values()]
    for path in checkpoints:
        checkpoint = Checkpoint.load(path)
        checkpoint.repair_rules = [asdict(calibration.rules) for calibration in calibrations]
        checkpoint.save(path)
    for label, (calibration, class_name) in enumerate(zip(calibrations, names, strict=True), start=1):
        several = len(calibrations) > 1
        name = f"{REPAIR}_{label}" if several else REPAIR
        calibration.save(out / f"{name}.json")  # after the checkpoints: the file says that they have the rules
        say(console, f"{name}.json{f' ({class_name})' if several else ''}: {calibration.summary}")


def calibrate_training(
    folder: str | Path,
    out: str | Path,
    *,
    channel: int | None = None,
    rules: RepairRules = RepairRules(),  # noqa: B008 -- frozen
    grid: RuleGrid = RuleGrid(),  # noqa: B008 -- frozen
    tolerance: float = 0.002,
    criterion: Criterion = "betti_matching_error",
    progress: Progress = lambda case, number, total: None,
) -> Calibration:
    """Chooses repair rules on the validation cases of a training, or on those of all folds of a cross-validation.

    Each case is predicted by the network that was not trained on it. The checkpoints remain as they are.

    Args:
        folder: A checkpoint, or the folder of a training or of a cross-validation. The images and labels must still be
            where the config says.
        out: The file to write, see :func:`segtopo.repair.calibrate_files`.
        channel: The foreground class or region, counted from 1. None: the only one.
        rules: The rules that the grid does not vary.
        grid: The values to try.
        tolerance: The mean Dice coefficient that the choice may lose against the best rules.
        criterion: The error to reduce, see :func:`segtopo.repair.calibrate_repair`.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Returns:
        The chosen rules and the figures of all rules.

    Raises:
        InputError: A checkpoint or its cases cannot be used, there are no validation cases, ``channel`` does not fit
            the classes or regions, or ``out`` cannot be written.
    """
    calibrator = Calibrator(rules, grid, tolerance=tolerance, criterion=criterion)
    with rules_file(out) as write:
        validators = load_validators(checkpoints_of(Path(folder)), choose_device("auto"))
        if not any(validator.cases for validator in validators):
            raise InputError(
                mismatch(folder, got="no validation cases", expected="a training with data.validation or data.split")
            )
        structure = chosen_channel(
            min(len(validator.channels.names) for validator in validators), channel, Path(folder)
        )
        _try_rules(validators, {structure: calibrator}, progress)
        calibration = calibrator.calibration()
        write(calibration)
    return calibration


def load_validators(checkpoints: Sequence[Path], device: torch.device) -> list[Validator]:
    """Reads trained networks, each with its validation cases."""
    validators = []
    for path in checkpoints:
        checkpoint = Checkpoint.load(path)
        config = checkpoint.training_config(path)
        held_out = load_cases(find_cases(config.data)[1], config)
        validators.append(Validator(held_out, config, checkpoint.build_network(path).to(device)))
    return validators


def _try_rules(
    validators: Sequence[Validator],
    calibrators: Mapping[int, Calibrator],
    progress: Progress = lambda case, number, total: None,
) -> None:
    """Tries the rules of some structures on all cases. The probabilities of a case are computed once for all."""
    pairs = [(validator, case) for validator in validators for case in validator.cases]
    for number, (validator, case) in enumerate(pairs, start=1):
        progress(case.name, number, len(pairs))
        maps = zip(calibrators.items(), validator.probabilities(case, calibrators), strict=True)
        for (structure, calibrator), probability in maps:
            calibrator.add(probability, validator.channels.mask(case.reference[0], structure), case.spacing)
