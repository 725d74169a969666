"""Trains on MONAI's engines. A training can be stopped and resumed at any iteration with the same result."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from rich.console import Console

from segtopo.config import TrainingConfig, load_config
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.initial_weights import initialize
from segtopo.inference.sliding_windows import choose_device
from segtopo.losses.schedules import ScheduledLoss
from segtopo.training.case_cache import CachedCase
from segtopo.training.case_sources import TrainingCase
from segtopo.training.data import CASE, PatchDataset, load_cases, patch_loader
from segtopo.training.epoch_rows import EPOCH, LEARNING_RATE, LOSS, Row, ValidationScores
from segtopo.training.interruption import StopRequest, TrainingInterruptedError
from segtopo.training.labels import check_all_present
from segtopo.training.reporting import LOGGER, Report, say
from segtopo.training.run_folder import BEST, LAST, REPAIR, check_out, check_same_config
from segtopo.training.spacing import describe_grids, resolve_spacing, resumed_spacing
from segtopo.training.training_cases import find_cases
from segtopo.training.validation import Validator


class NonFiniteLossError(RuntimeError):
    """The loss or its gradient became NaN or infinite."""


@dataclass(frozen=True)
class TrainingResult:
    """The files of a training and the rows of metrics.csv; ``best`` is None without validation."""

    out: Path
    last: Path
    best: Path | None
    history: list[Row]


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
    a resumed training are identical to those of an uninterrupted one.

    Args:
        config_path: A YAML file, see :class:`~segtopo.config.TrainingConfig`. Paths in it are relative to the
            current directory.
        overrides: Values that replace those of the file, as ``key.path=value``.
        resume: Continue from ``last.pt`` in the folder ``out``, with the same config. Only ``epochs``, ``device``,
            ``workers``, ``out`` and ``cache`` may differ.
        console: Where to print, by default standard output.

    Returns:
        The paths of the checkpoints and the history.

    Raises:
        InputError: The config or the data cannot be used, or ``out`` already has a training, or none to resume.
        NonFiniteLossError: The loss became NaN or infinite. The message names the cases of the batch.
        TrainingInterruptedError: SIGTERM or SIGINT was received. ``last.pt`` holds the state to resume from.
    """
    console = console or Console()
    config = load_config(Path(config_path), overrides)
    device = choose_device(config.device)
    check_out(config.out, resume)
    checkpoint = Checkpoint.load(config.out / LAST) if resume else None
    if checkpoint is not None:
        earlier = checkpoint.training_config(config.out / LAST)
        config = resumed_spacing(config, earlier)
        check_same_config(earlier, config, config.out / LAST)
    history = [] if checkpoint is None else checkpoint.history
    report = Report(config.out, config.epochs, config.iterations_per_epoch, console, history)
    with StopRequest() as stop, torch.random.fork_rng():
        found, found_held_out = find_cases(config.data)
        config = resolve_spacing(config, found, stop.raise_if_received)
        cases, held_out = _read_cases(config, found, found_held_out, console, stop)
        training = Training(config, cases, held_out, device=device, stop=stop, report=report, checkpoint=checkpoint)
        with report:
            return training.run()


def _read_cases(
    config: TrainingConfig,
    cases: list[TrainingCase],
    held_out: list[TrainingCase],
    console: Console,
    stop: StopRequest,
) -> tuple[list[CachedCase], list[CachedCase]]:
    say(console, f"reading {len(cases)} training and {len(held_out)} validation cases")
    loaded = load_cases([*cases, *held_out], config, lambda case, number, total: stop.raise_if_received())
    check_all_present([case.voxels for case in loaded[: len(cases)]], config.data)
    if line := describe_grids(config, loaded):
        say(console, line)
    return loaded[: len(cases)], loaded[len(cases) :]


class Training:
    """A network in training, with its optimiser and the number of iterations done."""

    def __init__(
        self,
        config: TrainingConfig,
        train_cases: Sequence[CachedCase],
        validation_cases: Sequence[CachedCase],
        *,
        device: torch.device,
        stop: StopRequest,
        report: Report,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.config = config
        self.stop = stop
        self.report = report
        self.in_channels = train_cases[0].channels
        torch.manual_seed(config.seed)
        self.network = config.network.build(config.dimensions, self.in_channels, config.data.classes)
        if checkpoint is None and config.initialize_from is not None:
            for line in initialize(self.network, config.initialize_from):
                say(report.console, line)
        self.network.to(device)
        self.loss = config.build_loss().to(device)
        self.optimizer = config.optimizer.build(self.network.parameters())
        self.validator = Validator(validation_cases, config, self.network, device, stop) if validation_cases else None
        self.epoch_sums: Row = {}
        self.best_score: float | None = None
        self.scaler_state: dict[str, Any] = {}
        iteration = 0
        if checkpoint is not None:
            iteration = checkpoint.iteration
            self._restore(checkpoint)
        self.trainer = self._build_trainer(PatchDataset(train_cases, config), iteration, device)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.network.load_state_dict(checkpoint.network)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.loss.load_state_dict(checkpoint.loss)
        self.scaler_state = checkpoint.scaler
        self.epoch_sums = checkpoint.epoch_sums
        self.best_score = checkpoint.best_score

    def _build_trainer(self, patches: PatchDataset, iteration: int, device: torch.device) -> SupervisedTrainer:
        trainer = SupervisedTrainer(
            device=device,
            max_epochs=self.config.epochs,
            train_data_loader=patch_loader(patches, iteration),
            epoch_length=self.config.iterations_per_epoch,
            network=self.network,
            optimizer=self.optimizer,
            loss_function=self.loss,
            amp=self.config.amp and device.type == "cuda",
            decollate=False,
        )
        trainer.logger = LOGGER
        trainer.state.iteration = iteration
        trainer.state.epoch = iteration // self.config.iterations_per_epoch
        trainer.add_event_handler(Events.STARTED, self._restore_scaler)
        trainer.add_event_handler(Events.ITERATION_STARTED, self._prepare_iteration)
        trainer.add_event_handler(IterationEvents.LOSS_COMPLETED, self._check_loss)
        trainer.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self._check_gradient)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._finish_iteration)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._finish_epoch)
        return trainer

    def run(self) -> TrainingResult:
        """Trains to the last epoch. After a signal, saves the state and raises TrainingInterruptedError."""
        state, length = self.trainer.state, self.config.iterations_per_epoch
        try:
            if state.iteration > len(self.report.history) * length and state.iteration % length == 0:
                self._finish_epoch()  # it was stopped after the last iteration of an epoch, before or in its validation
            if state.epoch < self.config.epochs:
                self.trainer.run()
            if self.config.validation.repair and (self.config.out / BEST).exists():
                self._calibrate_repair()
        except TrainingInterruptedError as error:
            self._checkpoint().save(self.config.out / LAST)
            raise TrainingInterruptedError(
                f"{error} in epoch {state.epoch}, iteration {state.iteration}; saved {self.config.out / LAST}, "
                "continue with --resume"
            ) from None
        out, best = self.config.out, self.config.out / BEST
        return TrainingResult(out, out / LAST, best if best.exists() else None, self.report.history)

    def _calibrate_repair(self) -> None:
        """Chooses repair rules for the weights of best.pt on the validation cases, and stores them there."""
        best = Checkpoint.load(self.config.out / BEST)
        if self.validator is None or best.repair_rules:
            return
        say(self.report.console, "calibrating the repair on the validation cases")
        last = deepcopy(self.network.state_dict())
        self.network.load_state_dict(best.network)
        try:
            calibrations = self.validator.calibrate()
        finally:
            self.network.load_state_dict(last)  # an interruption saves last.pt
        for label, calibration in enumerate(calibrations, start=1):
            name = REPAIR if len(calibrations) == 1 else f"{REPAIR}_{label}"
            calibration.save(self.config.out / f"{name}.json")
            say(self.report.console, f"{name}.json: {calibration.summary}")
        best.repair_rules = [asdict(calibration.rules) for calibration in calibrations]
        best.save(self.config.out / BEST)

    def _restore_scaler(self) -> None:
        if self.trainer.scaler is not None and self.scaler_state:
            self.trainer.scaler.load_state_dict(self.scaler_state)

    def _learning_rate(self, iteration: int) -> float:
        config = self.config
        return config.optimizer.lr * config.schedule.factor(iteration, config.iterations_per_epoch, config.epochs)

    def _prepare_iteration(self) -> None:
        iteration = self.trainer.state.iteration - 1
        # The random numbers of the network (dropout) depend only on seed and iteration, like the patches.
        torch.manual_seed(self.config.seed + iteration)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(iteration)
        if isinstance(self.loss, ScheduledLoss):
            self.loss.set_epoch(iteration // self.config.iterations_per_epoch)

    def _check_loss(self) -> None:
        if not torch.isfinite(self.trainer.state.output["loss"]):
            raise self._not_finite(f"the loss is {self.trainer.state.output['loss'].item()}")

    def _check_gradient(self) -> None:
        # With mixed precision this is no error: the scaler skips the step and lowers its scale.
        if self.trainer.scaler is None:
            gradients = [weight.grad for weight in self.network.parameters() if weight.grad is not None]
            if not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
                raise self._not_finite("the gradient of the loss is not finite")

    def _not_finite(self, problem: str) -> NonFiniteLossError:
        state, cases = self.trainer.state, ", ".join(self.trainer.state.batch[CASE])
        kept = f"; {self.config.out / LAST} keeps the epoch before" if self.report.history else ""
        return NonFiniteLossError(
            f"{problem} in epoch {state.epoch}, iteration {state.iteration}, for the cases {cases}{kept}"
        )

    def _finish_iteration(self) -> None:
        state = self.trainer.state
        losses = {LOSS: state.output["loss"].item()}
        if isinstance(self.loss, ScheduledLoss):
            losses |= {f"loss_{name}": value.item() for name, value in self.loss.components.items()}
        self.epoch_sums = {key: self.epoch_sums.get(key, 0.0) + value for key, value in losses.items()}
        self.report.iteration(state.iteration, state.epoch, losses[LOSS])
        self.stop.raise_if_received()

    def _finish_epoch(self) -> None:
        config, iteration = self.config, self.trainer.state.iteration
        epoch = iteration // config.iterations_per_epoch
        row: Row = {EPOCH: epoch}
        row |= {column: total / config.iterations_per_epoch for column, total in self.epoch_sums.items()}
        row[LEARNING_RATE] = self._learning_rate(iteration - 1)
        best = False
        if self.validator and (epoch % config.validation.interval == 0 or epoch == config.epochs):
            scores = self.validator.run()
            row |= scores.columns
            best = self._is_best(scores)
        self.report.epoch(row)
        self.epoch_sums = {}
        self._save(best)

    def _is_best(self, scores: ValidationScores) -> bool:
        value = scores.goodness(self.config.validation.best)
        if self.best_score is not None and value <= self.best_score:
            return False
        self.best_score = value
        return True

    def _save(self, best: bool) -> None:
        checkpoint = self._checkpoint()
        if best:
            checkpoint.save(self.config.out / BEST)
        checkpoint.save(self.config.out / LAST)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            config=self.config.model_dump(mode="json"),
            in_channels=self.in_channels,
            network=self.network.state_dict(),
            optimizer=self.optimizer.state_dict(),
            loss=self.loss.state_dict(),
            scaler=self.trainer.scaler.state_dict() if self.trainer.scaler is not None else {},
            iteration=self.trainer.state.iteration,
            epoch_sums=self.epoch_sums,
            history=self.report.history,
            best_score=self.best_score,
        )
