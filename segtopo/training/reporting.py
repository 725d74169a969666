"""Reports on a training: a progress bar or plain lines, metrics.csv, curves.png and trackers."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from segtopo.atomic_output import atomic_output
from segtopo.config import TrainingConfig
from segtopo.errors import OutputError
from segtopo.training.epoch_rows import (
    BETTI_ERRORS,
    DICE,
    EPOCH,
    LEARNING_RATE,
    OF,
    REPAIRED_BETTI_ERRORS,
    REPAIRED_DICE,
    SECONDS,
    Row,
    columns_of,
    loss_columns,
)
from segtopo.training.trackers import open_trackers

#: For MONAI's engines, which log each exception: it is reported where it is caught.
LOGGER = logging.getLogger("segtopo.training")
LOGGER.addHandler(logging.NullHandler())


def describe(row: Row, epochs: int) -> str:
    """Describes an epoch in one line, without the scores of single classes or regions.

    Example:
        >>> describe({"epoch": 3, "loss": 0.5123, "lr": 1e-3, "val_dice": 0.8, "seconds": 2.04}, 40)
        'epoch 3/40  loss 0.5123  lr 0.001  val_dice 0.8000  (2.0 s)'
    """
    values = [
        f"{column} {value:.4g}" if column == LEARNING_RATE else f"{column} {value:.4f}"
        for column, value in row.items()
        if column not in (EPOCH, SECONDS) and OF not in column
    ]
    return "  ".join([f"epoch {row[EPOCH]:.0f}/{epochs}", *values, f"({row[SECONDS]:.1f} s)"])


def write_metrics(path: Path, history: Sequence[Row]) -> None:
    """Writes one line per epoch. A value that was not measured in an epoch is empty."""
    with atomic_output(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns_of(history))
        writer.writeheader()
        writer.writerows(history)


def draw_curves(path: Path, history: Sequence[Row]) -> None:
    """Draws the losses, the Dice score and the Betti errors over the epochs, each in a panel of its own."""
    from matplotlib.figure import Figure

    measured = columns_of(history)
    panels = {
        "loss": loss_columns(history),
        "Dice score": [DICE, REPAIRED_DICE],
        "Betti number error": list(BETTI_ERRORS),
        "Betti number error, repaired": list(REPAIRED_BETTI_ERRORS),
    }
    panels = {title: [column for column in shown if column in measured] for title, shown in panels.items()}
    panels = {title: shown for title, shown in panels.items() if shown}
    figure = Figure(figsize=(4.5 * len(panels), 3.5), layout="constrained")
    for axes, (title, shown) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for column in shown:
            rows = [row for row in history if column in row]
            axes.plot([row[EPOCH] for row in rows], [row[column] for row in rows], marker=".", label=column)
        axes.set(xlabel=EPOCH, title=title)
        axes.legend()
    with atomic_output(path) as part:
        figure.savefig(part, dpi=120)


class Report:
    """The history of a training, shown and written as it grows.

    Use it in a ``with`` statement. The curves are drawn at its end.

    Args:
        config: The config of the training.
        console: Where to print: a progress bar on a terminal, plain lines elsewhere.
        history: The rows of the epochs before a training was resumed.
        writes: Whether this process writes files.
    """

    def __init__(
        self, config: TrainingConfig, console: Console, history: Sequence[Row] = (), *, writes: bool = True
    ) -> None:
        self.config = config
        self.console = console
        self.history = list(history)
        self.writes = writes
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.progress.add_task("training", total=config.epochs * config.iterations_per_epoch)

    def __enter__(self) -> Report:
        self.trackers = open_trackers(self.config, len(self.history)) if self.writes else []
        self.progress.start()
        self.epoch_began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        # After an error, for instance a full disk, the curves fail too: the first error is the one to tell.
        with suppress(OutputError) if error is not None else nullcontext():
            for tracker in self.trackers:
                tracker.close()
            if self.history and self.writes:
                draw_curves(self.config.out / "curves.png", self.history)

    def iteration(self, done: int, epoch: int, loss: float) -> None:
        """Shows the loss of an iteration, the ``done``-th of the training."""
        self.progress.update(
            self.task, completed=done, description=f"epoch {epoch}/{self.config.epochs}  loss {loss:.4f}"
        )

    def epoch(self, row: Row) -> None:
        """Adds the row of an epoch and its duration to the history, then prints and writes it."""
        now = time.monotonic()
        row = row | {SECONDS: round(now - self.epoch_began, 2)}
        self.epoch_began = now
        self.history.append(row)
        if self.writes:
            write_metrics(self.config.out / "metrics.csv", self.history)
        for tracker in self.trackers:
            tracker.log(row)
        say(self.console, describe(row, self.config.epochs))


def say(console: Console, line: str) -> None:
    """Prints a plain line, unwrapped and without markup."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
