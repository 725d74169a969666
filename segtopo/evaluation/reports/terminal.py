"""The scores of an evaluation as a table on the terminal."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, NamedTuple

from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.statistics import Statistic
from segtopo.volumes.case_pairs import shown
from segtopo.volumes.mask_files import FOREGROUND

if TYPE_CHECKING:
    from rich.table import Table

UNDEFINED = "-"


class _Column(NamedTuple):
    """A score in the table.

    Attributes:
        title: Title of the column.
        name: Name of the score in :attr:`CaseScores.numbers`.
        decimals: Decimals for a case.
        summary_decimals: Decimals for statistics.
    """

    title: str
    name: str
    decimals: int = 0
    summary_decimals: int = 2

    def value(self, number: float) -> str:
        """Formats the score of a case."""
        return UNDEFINED if isnan(number) else f"{number:.{self.decimals}f}"

    def mean(self, statistic: Statistic) -> str:
        """Formats mean and standard error."""
        if statistic.mean is None:
            return UNDEFINED
        mean = f"{statistic.mean:.{self.summary_decimals}f}"
        if statistic.standard_error is None:
            return mean
        return f"{mean} ± {statistic.standard_error:.{self.summary_decimals}f}"

    def median(self, statistic: Statistic) -> str:
        """Formats the median."""
        return UNDEFINED if statistic.median is None else f"{statistic.median:.{self.summary_decimals}f}"


def score_table(evaluation: Evaluation) -> Table:
    """Returns a table for ``rich``: the cases, then mean ± standard error and median of each structure."""
    from rich import box
    from rich.table import Table

    columns = _columns(evaluation)
    several = list(evaluation.summary) != [FOREGROUND]
    table = Table(box=box.SIMPLE)
    for title in ["case", "structure"] if several else ["case"]:
        table.add_column(title, overflow="fold")
    for column in columns:
        table.add_column(column.title, justify="right")

    def add_row(case: str, structure: str, *cells: str) -> None:
        table.add_row(*((case, structure) if several else (case,)), *cells)

    for scores in evaluation.cases:
        add_row(scores.case, scores.structure, *(column.value(scores.numbers[column.name]) for column in columns))
    for structure, statistics in evaluation.summary.items():
        table.add_section()
        add_row("mean ± s.e.", structure, *(column.mean(statistics[column.name]) for column in columns))
        add_row("median", structure, *(column.median(statistics[column.name]) for column in columns))
    return table


def remarks(evaluation: Evaluation) -> list[str]:
    """Returns sentences about structures, files and cases that are not in the means."""
    lines = []
    for structure in evaluation.summary:
        of_structure = [scores for scores in evaluation.cases if scores.structure == structure]
        present = sum(scores.present for scores in of_structure)
        if present < len(of_structure):
            lines.append(
                f"{structure}: scored in {present} of {len(of_structure)} cases; the others have no such structure."
            )
    if evaluation.missing:
        lines.append(f"no prediction: {shown(evaluation.missing)}")
    if evaluation.extra:
        lines.append(f"no reference: {shown(evaluation.extra)}")
    by_text: dict[str, list[str]] = {}
    for case, texts in evaluation.remarks.items():
        for text in texts:
            by_text.setdefault(text, []).append(case)
    return lines + [f"{shown(cases)}: {text}" for text, cases in by_text.items()]


def _columns(evaluation: Evaluation) -> list[_Column]:
    """Returns the columns of the scores that the evaluation has."""
    dimensions = range(evaluation.cases[0].ndim)
    columns = [
        _Column("Dice", "dice", 4, 4),
        _Column("clDice", "cldice", 4, 4),
        _Column("HD95", "hd95_mm", 2),
        _Column("length", "length_detected", 4, 4),
        _Column("DIU", "diu"),
        _Column("BM error", "betti_matching_error"),
        *(_Column(f"b{k} error", f"betti_{k}_error") for k in dimensions),
    ]
    return [column for column in columns if column.name in evaluation.cases[0].numbers]
