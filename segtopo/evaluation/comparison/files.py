"""The files of a comparison: a table of the differences, a table of the rankings and a page."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from segtopo.atomic_output import atomic_output
from segtopo.evaluation.comparison.comparison import Comparison
from segtopo.evaluation.comparison.differences import Difference
from segtopo.evaluation.comparison.page import render_comparison

DIFFERENCE_COLUMNS = (
    "structure", "score", "better", "first", "second", "cases", "mean_first", "mean_second", "mean_difference",
    "interval_low", "interval_high", "second_larger", "equal", "second_smaller", "p", "p_holm", "note",
)  # fmt: skip
RANKING_COLUMNS = ("structure", "score", "better", "report", "cases", "mean", "rank")


def write_comparison(comparison: Comparison, out: str | Path) -> None:
    """Writes ``comparison.csv``, ``ranking.csv`` and ``comparison.html`` into a folder.

    Earlier files of these names are replaced, and other files are kept.

    Args:
        comparison: The comparison.
        out: The folder; it is created if it does not exist.

    Raises:
        InputError: The folder cannot be written.
    """
    page = render_comparison(comparison)
    with ExitStack() as stack:
        table, ranking, html = (
            stack.enter_context(atomic_output(Path(out) / name))
            for name in ("comparison.csv", "ranking.csv", "comparison.html")
        )
        _write_table(table, DIFFERENCE_COLUMNS, map(_difference_row, comparison.differences))
        ranks = [f"share_rank_{rank}" for rank in range(1, len(comparison.names) + 1)]
        _write_table(ranking, (*RANKING_COLUMNS, *ranks), _ranking_rows(comparison))
        html.write_text(page, encoding="utf-8")


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> object:
    """Leaves the cell of an undefined value empty."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _difference_row(found: Difference) -> Sequence[object]:
    low, high = found.interval or (None, None)
    return (
        found.structure, found.score, found.better, found.first, found.second, found.pairs, found.mean_first,
        found.mean_second, found.mean, low, high, found.larger, found.equal, found.smaller, found.p, found.p_holm,
        found.note,
    )  # fmt: skip


def _ranking_rows(comparison: Comparison) -> Iterable[Sequence[object]]:
    for found in comparison.rankings:
        for name, mean, rank, shares in zip(found.names, found.means, found.ranks, found.shares, strict=True):
            yield (found.structure, found.score, found.better, name, found.cases, mean, rank, *shares)
