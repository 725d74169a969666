"""What a training shows and leaves behind: a progress bar or plain lines, metrics.csv, curves.png, TensorBoard."""

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

Row = dict[str, float]

#: For the engines: an exception is reported by whoever catches it, not by a log line as well.
LOGGER = logging.getLogger("segtopo.training")
LOGGER.addHandler(logging.NullHandler())


def describe(row: Row, epochs: int) -> str:
    """An epoch in one line.

    Example:
        >>> describe({"epoch": 3, "loss": 0.5123, "lr": 1e-3, "val_dice": 0.8, "seconds": 2.04}, 40)
        'epoch 3/40  loss 0.5123  lr 0.001  val_dice 0.8000  (2.0 s)'
    """
    values = [
        f"{key} {value:.4g}" if key == "lr" else f"{key} {value:.4f}"
        for key, value in row.items()
        if key not in ("epoch", "seconds")
    ]
    return "  ".join([f"epoch {row['epoch']:.0f}/{epochs}", *values, f"({row['seconds']:.1f} s)"])


def write_metrics(path: Path, history: Sequence[Row]) -> None:
    """Writes one line per epoch; what was not measured in an epoch is left empty."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    with atomic_output(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(history)


def draw_curves(path: Path, history: Sequence[Row]) -> None:
    """Draws the losses, the Dice score and the Betti errors over the epochs, each in a panel of its own."""
    from matplotlib.figure import Figure

    keys = list(dict.fromkeys(key for row in history for key in row))
    panels = {
        "loss": [key for key in keys if key.startswith("loss")],
        "Dice score": [key for key in keys if key == "val_dice"],
        "Betti number error": [key for key in keys if key.startswith("val_betti")],
    }
    panels = {title: shown for title, shown in panels.items() if shown}
    figure = Figure(figsize=(4.5 * len(panels), 3.5), layout="constrained")
    for axes, (title, shown) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for key in shown:
            rows = [row for row in history if key in row]
            axes.plot([row["epoch"] for row in rows], [row[key] for row in rows], marker=".", label=key)
        axes.set(xlabel="epoch", title=title)
        axes.legend()
    with atomic_output(path) as part:
        figure.savefig(part, dpi=120)


class Report:
    """Follows a training; use it in a ``with`` statement, at whose end the curves are drawn.

    Args:
        out: The training's folder.
        epochs: How many there will be.
        epoch_length: Iterations per epoch.
        console: Where to print: a progress bar on a terminal, plain lines elsewhere.
        history: The epochs so far, when a training is resumed.
    """

    def __init__(
        self, out: Path, epochs: int, epoch_length: int, console: Console, history: Sequence[Row] = ()
    ) -> None:
        self.out = out
        self.epochs = epochs
        self.console = console
        self.history = list(history)
        self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=len(self.history) + 1)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.progress.add_task("training", total=epochs * epoch_length)
        self.epoch_began = time.monotonic()

    def __enter__(self) -> Report:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        self.writer.close()
        if self.history:
            draw_curves(self.out / "curves.png", self.history)

    def iteration(self, done: int, epoch: int, loss: float) -> None:
        """An iteration is over, the ``done``-th of the training."""
        self.progress.update(self.task, completed=done, description=f"epoch {epoch}/{self.epochs}  loss {loss:.4f}")

    def epoch(self, row: Row) -> Row:
        """An epoch is over; gives back its row with the time it took."""
        now = time.monotonic()
        row = row | {"seconds": round(now - self.epoch_began, 2)}
        self.epoch_began = now
        self.history.append(row)
        write_metrics(self.out / "metrics.csv", self.history)
        for key, value in row.items():
            if key != "epoch":
                self.writer.add_scalar(key, value, int(row["epoch"]))
        say(self.console, describe(row, self.epochs))
        return row


def say(console: Console, line: str) -> None:
    """Prints a plain line, whatever its length and characters."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
