"""The differences of a comparison as a table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segtopo.evaluation.comparison.comparison import Comparison
from segtopo.evaluation.reports.html.rendering import DASH, number, p_value

if TYPE_CHECKING:
    from rich.table import Table


def difference_table(comparison: Comparison) -> Table:
    """Returns a table for ``rich``: the mean difference of each score between each pair of reports."""
    from rich import box
    from rich.table import Table

    several = len(comparison.structures) > 1
    table = Table(box=box.SIMPLE)
    for title in [*(["structure"] if several else []), "score", "first", "second"]:
        table.add_column(title, overflow="fold")
    for title in ("cases", "mean 1", "mean 2", "difference", "95 % interval", "p (Holm)"):
        table.add_column(title, justify="right")
    table.add_column("better")
    for found in comparison.differences:
        digits = comparison.decimals(found.score)
        low, high = (number(end, digits, signed=True) for end in found.interval or (None, None))
        table.add_row(
            *([found.structure] if several else []),
            found.score,
            found.first,
            found.second,
            str(found.pairs),
            number(found.mean_first, digits),
            number(found.mean_second, digits),
            number(found.mean, digits, signed=True),
            f"{low} to {high}" if found.interval else DASH,
            p_value(found.p_holm),
            found.favoured or DASH,
        )
    return table
