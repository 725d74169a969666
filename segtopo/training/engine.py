"""Trains on MONAI's engines. A training can be stopped and resumed at any iteration with the same result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from segtopo.config import TrainingConfig, load_config
from segtopo.inference.checkpoint import LAST, Checkpoint
from segtopo.inference.sliding_windows import choose_device
from segtopo.training.case_cache import CachedCase
from segtopo.training.case_sources import TrainingCase
from segtopo.training.data import load_cases
from segtopo.training.interruption import StopRequest
from segtopo.training.labels import check_all_present
from segtopo.training.processes import processes_of
from segtopo.training.repair_calibration import calibrate_checkpoints, has_rules
from segtopo.training.reporting import Report, say
from segtopo.training.run_folder import check_out, check_same_config
from segtopo.training.spacing import describe_grids, resolve_spacing, resumed_spacing
from segtopo.training.state import TrainingState
from segtopo.training.trackers import check_installed
from segtopo.training.training_cases import find_cases
from segtopo.training.training_run import TrainingResult, TrainingRun
from segtopo.training.validation import Validator


def train(
    config_path: str | Path,
    overrides: Sequence[str] = (),
    *,
    resume: bool = False,
    console: Console | None = None,
) -> TrainingResult:
    """Trains a network from a config file.

    Writes ``last.pt``, ``metrics.csv``, ``curves.png`` and ``tensorboard/`` to the folder ``out`` of the config, and
    ``best.pt`` if the config has validation cases. The prepared cases are kept in ``cache/``. On the CPU, the losses of
    a resumed training are identical to those of an uninterrupted one. Started by ``torchrun``, the processes share each
    batch and the validation cases.

    Args:
        config_path: A YAML file, see :class:`~segtopo.config.TrainingConfig`. Paths in it are relative to the
            current directory.
        overrides: Values that replace those of the file, as ``key.path=value``.
        resume: Continue from ``last.pt`` in the folder ``out``, with the same config. Only ``epochs``, ``device``,
            ``workers``, ``early_stopping``, ``trackers``, ``out``, ``cache`` and ``data.class_names``
            may differ.
        console: Where to print, by default standard output.

    Returns:
        The paths of the checkpoints and the history.

    Raises:
        InputError: The config or the data cannot be used, or ``out`` already has a training, or none to resume.
        OutputError: ``out`` cannot be written, or the disk is full.
        NonFiniteLossError: The loss became NaN or infinite. The message names the cases of the batch.
        TrainingInterruptedError: SIGTERM or SIGINT was received. ``last.pt`` holds the state to resume from.
    """
    return run_training(load_config(Path(config_path), overrides), resume, console or Console())


def run_training(config: TrainingConfig, resume: bool, console: Console) -> TrainingResult:
    """Trains a network from a checked config, see :func:`train`."""
    with processes_of(choose_device(config.device)) as (processes, device), torch.random.fork_rng():
        if not processes.is_first:
            console = Console(quiet=True)
        processes.check(config.batch_size)
        check_installed(config.trackers)
        check_out(config.out, resume)
        checkpoint = Checkpoint.load(config.out / LAST) if resume else None
        if checkpoint is not None:
            earlier = checkpoint.training_config(config.out / LAST)
            config = resumed_spacing(config, earlier)
            check_same_config(earlier, config, config.out / LAST)
        processes.wait()  # the first process makes the folder
        found = find_cases(config.data)
        config = resolve_spacing(config, found[0])
        with processes.first_alone():  # it prepares the cases
            cases, held_out = _read_cases(config, *found, console)
        torch.manual_seed(config.seed)
        state = TrainingState(config, cases[0].channels, device)
        for line in state.begin(checkpoint, config.out / LAST):
            say(console, line)
        history = [] if checkpoint is None else checkpoint.history
        report = Report(config, console, history, writes=processes.is_first)
        with StopRequest() as stop:
            run = TrainingRun(state, cases, held_out, stop=stop, report=report, processes=processes)
            with report:
                result = run.run()
    if config.validation.repair and result.best is not None and processes.is_first:
        _calibrate(result.best, held_out, device, console)
    return result


def _read_cases(
    config: TrainingConfig, cases: list[TrainingCase], held_out: list[TrainingCase], console: Console
) -> tuple[list[CachedCase], list[CachedCase]]:
    say(console, f"reading {len(cases)} training and {len(held_out)} validation cases")
    loaded = load_cases([*cases, *held_out], config)
    check_all_present([case.voxels for case in loaded[: len(cases)]], config.data)
    if line := describe_grids(config, loaded):
        say(console, line)
    return loaded[: len(cases)], loaded[len(cases) :]


def _calibrate(best: Path, cases: list[CachedCase], device: torch.device, console: Console) -> None:
    """Chooses repair rules for the weights of best.pt on the validation cases, and stores them there."""
    checkpoint = Checkpoint.load(best)
    if checkpoint.repair_rules and has_rules(best.parent):
        return
    network = checkpoint.build_network(best).to(device)
    validator = Validator(cases, checkpoint.training_config(best), network)
    calibrate_checkpoints([best], [validator], best.parent, console)
