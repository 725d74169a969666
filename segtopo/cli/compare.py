"""``segtopo compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import print_table
from segtopo.cli.parameters import existing

EXAMPLE = (
    "segtopo compare data_samples/reports/dice_ce data_samples/reports/topo_loss "
    "data_samples/reports/topo_loss_repaired --out runs/example/comparison"
)


def compare(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT",
            help="Two or more folders that segtopo evaluate has written.",
            callback=existing("a folder of segtopo evaluate"),
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder for comparison.csv, ranking.csv and comparison.html.")],
    names: Annotated[
        str | None, typer.Option(help="Names of the reports, separated by commas [default: those of the folders].")
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(help="Scores to compare, for instance dice,betti_matching_1_error [default: the main scores]."),
    ] = None,
) -> None:
    """Compares evaluations of the same cases.

    Each score gets the mean difference of every pair of reports with a bootstrap interval, a Wilcoxon signed-rank test
    with Holm's correction, and a ranking of the reports with its stability.
    """
    from segtopo.evaluation.comparison import compare_reports, difference_table, write_comparison

    comparison = compare_reports(reports, _words(names), _words(scores))
    write_comparison(comparison, out)
    for name, missing in zip(comparison.names, comparison.missing, strict=True):
        if missing:
            cases = ", ".join(dict.fromkeys(case for case, _ in missing))
            typer.echo(f"missing in {name}: {cases}")
    print_table(difference_table(comparison))
    typer.echo(f"comparison: {out}")


def _words(text: str | None) -> list[str] | None:
    """Splits a list that is separated by commas."""
    return None if text is None else [word.strip() for word in text.split(",")]
