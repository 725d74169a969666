"""The scores of an evaluation as a table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.scoring import FOREGROUND
from segtopo.evaluation.statistics import Statistic

if TYPE_CHECKING:
    from rich.table import Table


class _Column(NamedTuple):
    """A score in the table.

    Attributes:
        title: Title of the column.
        name: Name of the score in :meth:`CaseScores.numbers`.
        decimals: Decimals for a case.
        summary_decimals: Decimals for statistics.
    """

    title: str
    name: str
    decimals: int = 0
    summary_decimals: int = 2

    def mean(self, statistic: Statistic) -> str:
        """Formats mean and standard error."""
        mean = f"{statistic.mean:.{self.summary_decimals}f}"
        if statistic.standard_error is None:
            return mean
        return f"{mean} ± {statistic.standard_error:.{self.summary_decimals}f}"


def score_table(evaluation: Evaluation) -> Table:
    """Returns a table for ``rich``: the cases, then mean ± standard error and median of each structure."""
    from rich import box
    from rich.table import Table

    dimensions = range(evaluation.cases[0].ndim)
    columns = [
        _Column("Dice", "dice", 4, 4),
        _Column("clDice", "cldice", 4, 4),
        _Column("DIU", "diu"),
        _Column("BM error", "betti_matching_error"),
        *(_Column(f"b{k} error", f"betti_{k}_error") for k in dimensions),
    ]
    labelled = list(evaluation.summary) != [FOREGROUND]
    table = Table(box=box.SIMPLE)
    for title in ["case", "label"] if labelled else ["case"]:
        table.add_column(title, overflow="fold")
    for title in [*(column.title for column in columns), *(f"b{k} (ref.)" for k in dimensions)]:
        table.add_column(title, justify="right")

    def add_row(case: str, label: str, *cells: str) -> None:
        table.add_row(*((case, label) if labelled else (case,)), *cells)

    for scores in evaluation.cases:
        numbers = scores.numbers()
        cells = (f"{numbers[column.name]:.{column.decimals}f}" for column in columns)
        betti = (f"{numbers[f'betti_{k}_prediction']} ({numbers[f'betti_{k}_reference']})" for k in dimensions)
        add_row(scores.case, scores.label, *cells, *betti)
    for label, statistics in evaluation.summary.items():
        table.add_section()
        add_row("mean ± s.e.", label, *(column.mean(statistics[column.name]) for column in columns))
        add_row("median", label, *(f"{statistics[c.name].median:.{c.summary_decimals}f}" for c in columns))
    return table
