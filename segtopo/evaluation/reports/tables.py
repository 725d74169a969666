"""Tables of an evaluation as CSV files: the scores of every case, and every topological error."""

from __future__ import annotations

import csv
from pathlib import Path

from segtopo.evaluation.results import Evaluation


def write_cases(path: Path, evaluation: Evaluation) -> None:
    """Writes one row for each case and structure; the columns are those of :meth:`CaseScores.numbers`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["case", "label", *evaluation.cases[0].numbers()])
        writer.writeheader()
        writer.writerows({"case": s.case, "label": s.label, **s.numbers()} for s in evaluation.cases)


def write_errors(path: Path, evaluation: Evaluation) -> None:
    """Writes one row for each topological error: kind, dimension, voxel, position in mm (RAS+), size of its region."""
    axes = ("i", "j", "k")[: evaluation.cases[0].ndim]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "label", "kind", "dimension", *axes, "x_mm", "y_mm", "z_mm", "region_size"])
        for scores in evaluation.cases:
            for placed in scores.errors:
                error, world = placed.error, (round(c, 3) for c in placed.world)
                row = [error.kind, error.dimension, *error.voxel, *world, error.region_size]
                writer.writerow([scores.case, scores.label, *row])
