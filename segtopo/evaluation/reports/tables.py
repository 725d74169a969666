"""Tables of an evaluation as CSV files: the scores of every case, and every topological error."""

from __future__ import annotations

import csv
from math import isnan
from pathlib import Path

from segtopo.evaluation.results import Evaluation


def write_cases(path: Path, evaluation: Evaluation) -> None:
    """Writes one row for each case and structure, and one for each case that failed, with the reason.

    The columns are those of :attr:`CaseScores.numbers`. A score that is not defined is an empty cell.
    """
    names = list(evaluation.cases[0].numbers)
    failed = ["failure"] if evaluation.failures else []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "structure", *names, *failed])
        for scores in evaluation.cases:
            cells = [_cell(scores.numbers[name]) for name in names]
            writer.writerow([scores.case, scores.structure, *cells, *("" for _ in failed)])
        for case, reason in evaluation.failures.items():
            writer.writerow([case, "", *("" for _ in names), reason])


def write_errors(path: Path, evaluation: Evaluation) -> None:
    """Writes one row for each topological error: kind, dimension, voxel, position in mm (RAS+), sizes and gap."""
    axes = ("i", "j", "k")[: evaluation.cases[0].ndim]
    size = "region_mm2" if evaluation.cases[0].ndim == 2 else "region_mm3"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        places = [*axes, "x_mm", "y_mm", "z_mm"]
        writer.writerow(["case", "structure", "kind", "dimension", *places, "region_size", size, "gap_mm"])
        for scores in evaluation.cases:
            for error in scores.errors:
                world = (round(c, 3) for c in error.world)
                gap = "" if error.gap_mm is None else round(error.gap_mm, 3)
                sizes = [error.region_size, f"{error.region_mm:.6g}", gap]
                writer.writerow(
                    [scores.case, scores.structure, error.kind, error.dimension, *error.voxel, *world, *sizes]
                )


def _cell(number: float) -> float | str:
    """Returns counts as whole numbers, and nothing for NaN."""
    if isnan(number):
        return ""
    return int(number) if number.is_integer() else number
