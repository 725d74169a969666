"""``segtopo evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import print_table, show_progress
from segtopo.cli.parameters import ConstructionOption, existing, integers

EXAMPLE = "segtopo evaluate runs/example/masks data_samples/vessels2d/test/labels --out runs/example/report"

_exists = existing("a mask or a folder of masks")


def evaluate(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help="A predicted mask, or a folder of masks.", callback=_exists)
    ],
    references: Annotated[
        Path,
        typer.Argument(
            metavar="REFERENCES", help="A reference mask, or a folder of masks of the same names.", callback=_exists
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder for cases.csv, errors.csv and summary.json.")],
    labels: Annotated[
        str | None,
        typer.Option(help="Values of the structures in label maps, for instance 1,2,3. Each is scored separately."),
    ] = None,
    construction: ConstructionOption = "T",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of cases scored in parallel [default: one per core, at most 8].")
    ] = None,
) -> None:
    """Scores predicted masks against reference masks.

    The scores are Dice, clDice, DIU, Betti errors and Betti matching errors, for each case and in summary. The report
    lists every topological error with its position.
    """
    values = integers("--labels", labels)
    from segtopo.evaluation import evaluate as run_evaluation
    from segtopo.evaluation import score_table

    with show_progress("evaluate") as progress:
        evaluation = run_evaluation(
            predictions,
            references,
            out,
            labels=values,
            construction=construction,
            workers=workers,
            progress=progress,
        )
    print_table(score_table(evaluation))
    typer.echo(f"reports: {out}")
