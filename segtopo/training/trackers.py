"""Trackers of experiments: TensorBoard files, Weights & Biases, MLflow. Each gets one row of numbers for each epoch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch.utils.tensorboard import SummaryWriter

from segtopo.atomic_output import atomic_output, output_errors
from segtopo.config import TrainingConfig
from segtopo.training.epoch_rows import EPOCH, Row

PROJECT = "segtopo"
RUNS = "tracked_runs.json"  # the names that the services have given to this training


class Tracker(Protocol):
    """A place that keeps the numbers of a training."""

    def log(self, row: Row) -> None:
        """Keeps the numbers of an epoch."""

    def close(self) -> None:
        """Ends the run."""


class TensorBoard:
    """Event files in the folder ``tensorboard``."""

    def __init__(self, config: TrainingConfig, epochs_done: int) -> None:
        self.folder = config.out / "tensorboard"
        with output_errors(self.folder):
            self.writer = SummaryWriter(str(self.folder), purge_step=epochs_done + 1)

    def log(self, row: Row) -> None:
        """Keeps the numbers of an epoch."""
        with output_errors(self.folder):
            for column, value in _numbers(row).items():
                self.writer.add_scalar(column, value, int(row[EPOCH]))
            self.writer.flush()

    def close(self) -> None:
        """Closes the files."""
        with output_errors(self.folder):
            self.writer.close()


class WeightsAndBiases:
    """A run of the project ``segtopo`` on Weights & Biases, of the account that ``wandb login`` has set."""

    def __init__(self, config: TrainingConfig, epochs_done: int) -> None:
        import wandb

        self.run: Any = wandb.init(
            project=PROJECT,
            name=config.out.name,
            dir=str(config.out),
            config=config.model_dump(mode="json"),
            id=_earlier_run(config.out, "wandb") if epochs_done else None,
            resume="allow",
        )
        _keep_run(config.out, "wandb", self.run.id)

    def log(self, row: Row) -> None:
        """Keeps the numbers of an epoch."""
        self.run.log(_numbers(row), step=int(row[EPOCH]))

    def close(self) -> None:
        """Ends the run."""
        self.run.finish()


class MLflow:
    """A run of the experiment ``segtopo`` on the server that ``MLFLOW_TRACKING_URI`` names, by default in files."""

    def __init__(self, config: TrainingConfig, epochs_done: int) -> None:
        import mlflow

        self.mlflow: Any = mlflow
        earlier = _earlier_run(config.out, "mlflow") if epochs_done else None
        mlflow.set_experiment(PROJECT)
        run = mlflow.start_run(run_id=earlier, run_name=None if earlier else config.out.name)
        if earlier is None:
            mlflow.log_dict(config.model_dump(mode="json"), "config.json")
        _keep_run(config.out, "mlflow", run.info.run_id)

    def log(self, row: Row) -> None:
        """Keeps the numbers of an epoch."""
        self.mlflow.log_metrics(_numbers(row), step=int(row[EPOCH]))

    def close(self) -> None:
        """Ends the run."""
        self.mlflow.end_run()


TRACKERS: dict[str, Callable[[TrainingConfig, int], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


def check_installed(trackers: Sequence[str]) -> None:
    """Imports the modules of trackers, so that a missing one is reported before the work.

    Raises:
        ModuleNotFoundError: A module is not installed.
    """
    for name in trackers:
        import_module(name)


def open_trackers(config: TrainingConfig, epochs_done: int) -> Sequence[Tracker]:
    """Opens the trackers of a config.

    Args:
        config: The config.
        epochs_done: The number of epochs before a training was resumed; its runs are continued.

    Raises:
        OutputError: The files of TensorBoard cannot be written.
    """
    return [TRACKERS[name](config, epochs_done) for name in dict.fromkeys(config.trackers)]


def _numbers(row: Row) -> Row:
    return {column: value for column, value in row.items() if column != EPOCH}


def _earlier_run(out: Path, tracker: str) -> str | None:
    try:
        runs: dict[str, str] = json.loads((out / RUNS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return runs.get(tracker)


def _keep_run(out: Path, tracker: str, run: str) -> None:
    runs = {name: kept for name in TRACKERS if (kept := _earlier_run(out, name)) is not None}
    with atomic_output(out / RUNS) as part:
        part.write_text(json.dumps(runs | {tracker: run}, indent=1) + "\n", encoding="utf-8")
