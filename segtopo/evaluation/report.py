"""What an evaluation leaves on disk and shows on the terminal."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segtopo.atomic_output import atomic_output
from segtopo.evaluation.scoring import FOREGROUND, CaseScores
from segtopo.evaluation.statistics import Statistic

if TYPE_CHECKING:
    from rich.table import Table

CASES = "cases.csv"
ERRORS = "errors.csv"
SUMMARY = "summary.json"
REPORTS = (CASES, ERRORS, SUMMARY)


def open_outputs(out: Path, stack: ExitStack) -> dict[str, Path]:
    """Where to write each report, so that all of them appear in ``out`` together when the stack closes.

    Reports of an earlier evaluation are replaced; whatever else the folder holds stays.

    Raises:
        InputError: ``out`` cannot be written.
    """
    if out.exists():
        return {name: stack.enter_context(atomic_output(out / name)) for name in REPORTS}
    folder = stack.enter_context(atomic_output(out))
    folder.mkdir()
    return {name: folder / name for name in REPORTS}


def write_cases(path: Path, scores: Sequence[CaseScores]) -> None:
    """One row per case and structure, the columns named as in :meth:`CaseScores.numbers`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["case", "label", *scores[0].numbers()])
        writer.writeheader()
        writer.writerows({"case": s.case, "label": s.label, **s.numbers()} for s in scores)


def write_errors(path: Path, scores: Sequence[CaseScores]) -> None:
    """One row per topological error: what it is, its voxel, where that is in mm (RAS+), and how large its region."""
    axes = ("i", "j", "k")[: scores[0].ndim]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "label", "kind", "dimension", *axes, "x_mm", "y_mm", "z_mm", "region_size"])
        for s in scores:
            for placed in s.errors:
                error, world = placed.error, (round(c, 3) for c in placed.world)
                row = [error.kind, error.dimension, *error.voxel, *world, error.region_size]
                writer.writerow([s.case, s.label, *row])


def write_summary(path: Path, facts: dict[str, Any], summary: dict[str, dict[str, Statistic]]) -> None:
    """The statistics per structure and score, after what is known about the evaluation."""
    statistics = {label: {name: asdict(s) for name, s in scores.items()} for label, scores in summary.items()}
    path.write_text(json.dumps({**facts, "summary": statistics}, indent=2) + "\n", encoding="utf-8")


def score_table(scores: Sequence[CaseScores], summary: dict[str, dict[str, Statistic]]) -> Table:
    """The cases, and under them mean ± standard error and median of each structure, for ``rich``."""
    from rich import box
    from rich.table import Table

    dimensions = range(scores[0].ndim)
    names = ["dice", "cldice", "diu", "betti_matching_error", *(f"betti_{k}_error" for k in dimensions)]
    titles = [
        "Dice",
        "clDice",
        "DIU",
        "BM error",
        *(f"b{k} error" for k in dimensions),
        *(f"b{k} (ref.)" for k in dimensions),
    ]
    labelled = list(summary) != [FOREGROUND]
    table = Table(box=box.SIMPLE)
    for title in ["case", "label"] if labelled else ["case"]:
        table.add_column(title, overflow="fold")
    for title in titles:
        table.add_column(title, justify="right")

    def add_row(case: str, label: str, *cells: str) -> None:
        table.add_row(*((case, label) if labelled else (case,)), *cells)

    for s in scores:
        betti = zip(s.betti_prediction, s.betti_reference, strict=True)
        errors, numbers = map(str, s.betti_errors), (f"{p} ({r})" for p, r in betti)
        matching = f"{sum(s.betti_matching['error']):.0f}"
        add_row(s.case, s.label, f"{s.dice:.4f}", f"{s.cldice:.4f}", str(sum(s.diu)), matching, *errors, *numbers)
    for label, statistics in summary.items():
        table.add_section()
        add_row("mean ± s.e.", label, *(_mean(statistics[name], name) for name in names))
        add_row("median", label, *(f"{statistics[name].median:.{_digits(name)}f}" for name in names))
    return table


def _digits(name: str) -> int:
    return 2 if name.startswith(("betti", "diu")) else 4


def _mean(statistic: Statistic, name: str) -> str:
    mean = f"{statistic.mean:.{_digits(name)}f}"
    if statistic.standard_error is None:
        return mean
    return f"{mean} ± {statistic.standard_error:.{_digits(name)}f}"
