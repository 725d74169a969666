"""The epochs of a training: iterations, validation, reports and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer

from segtopo.inference.checkpoint import BEST, LAST, Checkpoint
from segtopo.training.case_cache import CachedCase
from segtopo.training.data import PatchDataset, patch_loader
from segtopo.training.epoch_rows import EPOCH, LEARNING_RATE, LOSS, Row, goodness
from segtopo.training.interruption import StopRequest, TrainingInterruptedError
from segtopo.training.processes import Processes
from segtopo.training.reporting import LOGGER, Report, say
from segtopo.training.run_folder import has_stalled
from segtopo.training.state import TrainingState
from segtopo.training.step import NonFiniteLossError, Step
from segtopo.training.validation import Validator


@dataclass(frozen=True)
class TrainingResult:
    """The files of a training and the rows of metrics.csv; ``best`` is None without validation."""

    out: Path
    last: Path
    best: Path | None
    history: list[Row]


class TrainingRun:
    """Runs a training from its state to its last epoch.

    Args:
        state: The state to begin with.
        train_cases: Cases to train on.
        validation_cases: Cases to validate on; there may be none.
        stop: Whether a signal was received.
        report: The history, which grows.
        processes: The processes that share the work.
    """

    def __init__(
        self,
        state: TrainingState,
        train_cases: Sequence[CachedCase],
        validation_cases: Sequence[CachedCase],
        *,
        stop: StopRequest,
        report: Report,
        processes: Processes,
    ) -> None:
        self.state = state
        self.config = state.config
        self.stop = stop
        self.report = report
        self.processes = processes
        self.step = Step(state, processes)
        # Processes that stop at different windows would wait for each other.
        before_window = stop.raise_if_received if processes.size == 1 else lambda: None
        self.validator = (
            Validator(validation_cases, self.config, state.predicting, processes, before_window)
            if validation_cases
            else None
        )
        self.trainer = self._build_trainer(PatchDataset(train_cases, self.config))

    def _build_trainer(self, patches: PatchDataset) -> SupervisedTrainer:
        state, config, processes = self.state, self.config, self.processes
        trainer = SupervisedTrainer(
            device=state.device,
            max_epochs=config.epochs,
            train_data_loader=patch_loader(patches, state.iteration, processes.rank, processes.size),
            epoch_length=config.iterations_per_epoch,
            network=state.network,
            optimizer=state.optimizer,
            loss_function=state.loss,
            iteration_update=self.step,
            decollate=False,
        )
        trainer.logger = LOGGER
        trainer.state.iteration = state.iteration
        trainer.state.epoch = state.iteration // config.iterations_per_epoch
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._finish_iteration)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._finish_epoch)
        return trainer

    @property
    def best(self) -> Path | None:
        """``best.pt``, if there is one."""
        path = self.config.out / BEST
        return path if path.exists() else None

    def run(self) -> TrainingResult:
        """Trains to the last epoch.

        Raises:
            TrainingInterruptedError: A signal was received, and the state is saved.
            NonFiniteLossError: The loss became NaN or infinite.
        """
        engine, length, last = self.trainer.state, self.config.iterations_per_epoch, self.config.out / LAST
        try:
            if engine.iteration > len(self.report.history) * length and engine.iteration % length == 0:
                self._finish_epoch(self.trainer)  # it was stopped after the last iteration, before or in its validation
            if engine.epoch < self.config.epochs and not has_stalled(self.config, self.report.history):
                self.trainer.run()
        except TrainingInterruptedError as error:
            self._save(LAST)
            raise TrainingInterruptedError(
                f"{error} in epoch {engine.epoch}, iteration {engine.iteration}; saved {last}, continue with --resume"
            ) from None
        except NonFiniteLossError as error:
            kept = f"; {last} keeps the epoch before" if self.report.history else ""
            raise NonFiniteLossError(f"{error}{kept}") from None
        return TrainingResult(self.config.out, last, self.best, self.report.history)

    def _finish_iteration(self, engine: Engine) -> None:
        losses: Row = engine.state.output
        sums = self.state.epoch_sums
        self.state.epoch_sums = {key: sums.get(key, 0.0) + value for key, value in losses.items()}
        self.report.iteration(engine.state.iteration, engine.state.epoch, losses[LOSS])
        self.processes.agree(self.stop)
        self.stop.raise_if_received()

    def _finish_epoch(self, engine: Engine) -> None:
        config, state = self.config, self.state
        epoch = state.iteration // config.iterations_per_epoch
        row: Row = {EPOCH: epoch}
        row |= {column: total / config.iterations_per_epoch for column, total in state.epoch_sums.items()}
        row[LEARNING_RATE] = self.step.learning_rate(state.iteration - 1)
        if self.validator and (epoch % config.validation.interval == 0 or epoch == config.epochs):
            row |= self.validator.run().columns
        is_best = self._is_best(row)
        self.report.epoch(row)
        state.epoch_sums = {}
        if is_best:
            self._save(BEST)
        self._save(LAST)
        if has_stalled(config, self.report.history):
            say(self.report.console, f"stopped early: {config.validation.best} has not improved any more")
            engine.terminate()

    def _is_best(self, row: Row) -> bool:
        value = goodness(row, self.config.validation.best)
        if value is None or (self.state.best_score is not None and value <= self.state.best_score):
            return False
        self.state.best_score = value
        return True

    def _save(self, name: str) -> None:
        if self.processes.is_first:
            self._checkpoint().save(self.config.out / name)

    def _checkpoint(self) -> Checkpoint:
        return self.state.checkpoint(self.report.history)
