"""The figures of a calibration as a table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segtopo.repair.calibration import Calibration
from segtopo.repair.figures import Figures
from segtopo.repair.rules import RepairRules

if TYPE_CHECKING:
    from rich.table import Table


def calibration_table(calibration: Calibration) -> Table:
    """Returns a table for ``rich``: mean figures as predicted, with small pieces removed, repaired, and left out."""
    from rich import box
    from rich.table import Table

    rows = {"as predicted": (calibration.as_predicted, "")}
    if calibration.removal_only is not None:
        rules, figures = calibration.removal_only
        rows["small pieces removed"] = (figures, _describe(rules))
    rows["repaired"] = (calibration.repaired, _describe(calibration.rules))
    if calibration.leave_one_out is not None:
        rows["repaired, leave one out"] = (calibration.leave_one_out, "chosen on the other cases")
    table = Table(box=box.SIMPLE)
    count = len(calibration.cases)
    table.add_column("1 case" if count == 1 else f"{count} cases")
    for title in ("Dice", "tree length", "BM error", "DIU", *(f"b{k} error" for k in range(_ndim(calibration)))):
        table.add_column(title, justify="right")
    table.add_column("rules", overflow="fold")
    for name, (figures, text) in rows.items():
        table.add_row(name, *_cells(figures), text)
    return table


def _ndim(calibration: Calibration) -> int:
    return len(calibration.as_predicted.betti_errors)


def _cells(figures: Figures) -> list[str]:
    errors = (figures.betti_matching_error, figures.diu, *figures.betti_errors)
    return [f"{figures.dice:.4f}", f"{figures.tree_length:.4f}", *(f"{error:.2f}" for error in errors)]


def _describe(rules: RepairRules) -> str:
    joined = "" if rules.connect_above is None else f"joined above {rules.connect_above:g}, "
    sizes = f"pieces below {rules.min_piece_size:g} removed, holes below {rules.min_hole_size:g} filled"
    return f"{joined}{sizes}" + (f", threshold {rules.threshold:g}" if rules.threshold != 0.5 else "")
