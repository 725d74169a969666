"""Timing and reporting for the benchmarks: runs in turns, here or in fresh processes, with median and peak memory."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

Run = Callable[[], Any]
Key = TypeVar("Key")


class Measurement(NamedTuple):
    """The time of a run, and how far its peak memory exceeds the memory in use before it."""

    seconds: float
    peak_mb: float


def measure(run: Run) -> Measurement:
    """Measures one run in this process (Linux)."""
    before = _reset_peak_memory()
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    return Measurement(seconds, _memory("VmHWM") - before)


def report_measurement(run: Run) -> None:
    """Measures one run and prints the measurement for :func:`measure_in_fresh_process`."""
    time.sleep(0.05)  # the threads of libraries stay busy for a while after the warm-up
    print(json.dumps(measure(run)))


def measure_in_fresh_process(script: str, *arguments: str) -> Measurement:
    """Starts a script that ends with :func:`report_measurement`, and returns its measurement."""
    done = subprocess.run([sys.executable, script, *arguments], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return Measurement(*json.loads(done.stdout.splitlines()[-1]))


def medians_in_turns(
    measures: Mapping[Key, Callable[[], Measurement]], rounds: int, *, once_above: float = float("inf")
) -> dict[Key, Measurement]:
    """Takes ``rounds`` measurements of each entry in turns, and returns the medians.

    An entry whose first measurement exceeds ``once_above`` seconds is measured only once.
    """
    measured: dict[Key, list[Measurement]] = {key: [] for key in measures}
    for _ in range(rounds):
        for key, measurements in measured.items():
            if not measurements or measurements[0].seconds < once_above:
                measurements.append(measures[key]())
    return {key: Measurement(*map(median, zip(*runs, strict=True))) for key, runs in measured.items()}


def compare_times(
    runs: Sequence[Run], rounds: int, check: Callable[..., None] = lambda *results: None
) -> tuple[float, ...]:
    """Times several runs in turns in this process.

    Args:
        runs: The computations to compare.
        rounds: Number of timed runs of each.
        check: Called with the results of a first, untimed run of each. It raises an error if they differ.

    Returns:
        The median seconds of each.
    """
    check(*[run() for run in runs])
    medians = medians_in_turns({number: partial(measure, run) for number, run in enumerate(runs)}, rounds)
    return tuple(measurement.seconds for measurement in medians.values())


def use_cores(count: int) -> None:
    """Restricts this process to ``count`` cores, because some libraries use all and have no option (Linux)."""
    import torch

    torch.set_num_threads(count)  # torch has counted the cores when it was imported
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def argument_parser(description: str | None, *, rounds: int, files: str) -> argparse.ArgumentParser:
    """Returns a parser with the options of all benchmarks: ``--rounds`` and ``--out``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"timed runs of each program (default: {rounds})")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help=f"folder for {files}")
    return parser


def parse_shape(text: str) -> tuple[int, ...]:
    """Returns the shape that a text such as ``64,64,64`` stands for."""
    return tuple(int(n) for n in text.split(","))


def write_json(path: Path, content: Any) -> None:
    """Writes the results of a benchmark, and makes the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table. A column whose title begins with ``>`` is aligned right."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for title in titles:
        table.add_column(title.removeprefix(">"), justify="right" if title.startswith(">") else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


def coloured_ratio(ratio: float, limit: float = 1.0) -> str:
    """Returns the ratio in green up to the limit, and in red above it."""
    return f"[{'green' if ratio <= limit else 'red'}]{ratio:.2f}[/]"


def _reset_peak_memory() -> float:
    """Sets the peak memory to the memory in use, and returns that in MB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return _memory("VmRSS")


def _memory(field: str) -> float:
    """Returns a field of the status of this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024
