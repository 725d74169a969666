"""Reports on a training: a progress bar or plain lines, metrics.csv, curves.png and TensorBoard."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from segtopo.atomic_output import atomic_output
from segtopo.training.epoch_rows import (
    BETTI_ERRORS,
    DICE,
    EPOCH,
    LEARNING_RATE,
    REPAIRED_BETTI_ERRORS,
    REPAIRED_DICE,
    SECONDS,
    Row,
    columns_of,
    loss_columns,
)

#: For MONAI's engines, which log each exception: it is reported where it is caught.
LOGGER = logging.getLogger("segtopo.training")
LOGGER.addHandler(logging.NullHandler())


def describe(row: Row, epochs: int) -> str:
    """Describes an epoch in one line.

    Example:
        >>> describe({"epoch": 3, "loss": 0.5123, "lr": 1e-3, "val_dice": 0.8, "seconds": 2.04}, 40)
        'epoch 3/40  loss 0.5123  lr 0.001  val_dice 0.8000  (2.0 s)'
    """
    values = [
        f"{column} {value:.4g}" if column == LEARNING_RATE else f"{column} {value:.4f}"
        for column, value in row.items()
        if column not in (EPOCH, SECONDS)
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
        out: The training's folder.
        epochs: The number of epochs.
        epoch_length: Iterations per epoch.
        console: Where to print: a progress bar on a terminal, plain lines elsewhere.
        history: The rows of the epochs before a training was resumed.
    """

    def __init__(
        self, out: Path, epochs: int, epoch_length: int, console: Console, history: Sequence[Row] = ()
    ) -> None:
        self.out = out
        self.epochs = epochs
        self.console = console
        self.history = list(history)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.progress.add_task("training", total=epochs * epoch_length)

    def __enter__(self) -> Report:
        self.writer = SummaryWriter(str(self.out / "tensorboard"), purge_step=len(self.history) + 1)
        self.progress.start()
        self.epoch_began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        self.writer.close()
        if self.history:
            draw_curves(self.out / "curves.png", self.history)

    def iteration(self, done: int, epoch: int, loss: float) -> None:
        """Shows the loss of an iteration, the ``done``-th of the training."""
        self.progress.update(self.task, completed=done, description=f"epoch {epoch}/{self.epochs}  loss {loss:.4f}")

    def epoch(self, row: Row) -> None:
        """Adds the row of an epoch and its duration to the history, then prints and writes it."""
        now = time.monotonic()
        row = row | {SECONDS: round(now - self.epoch_began, 2)}
        self.epoch_began = now
        self.history.append(row)
        write_metrics(self.out / "metrics.csv", self.history)
        for column, value in row.items():
            if column != EPOCH:
                self.writer.add_scalar(column, value, int(row[EPOCH]))
        say(self.console, describe(row, self.epochs))


def say(console: Console, line: str) -> None:
    """Prints a plain line, unwrapped and without markup."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
