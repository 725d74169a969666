"""``segtopo evaluate``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segtopo.cli.console import complain, print_table, show_progress
from segtopo.cli.parameters import ConstructionOption, existing
from segtopo.errors import InputError, mismatch

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from segtopo.evaluation import Evaluation

EXAMPLE = "segtopo evaluate runs/example/masks data_samples/vessels2d/test/labels --out runs/example/report"

_exists = existing("a mask, a folder of masks, or a CSV file of pairs")
_exists_beside = existing("an image, or a folder of images")


def evaluate(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="A predicted mask, or a folder of masks; or a CSV file with the columns prediction and reference.",
            callback=_exists,
        ),
    ],
    references: Annotated[
        Path | None,
        typer.Argument(
            metavar="[REFERENCES]",
            help="A reference mask, or a folder of masks of the same names; none with a CSV file.",
            callback=_exists,
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder for report.html, cases.csv, errors.csv and summary.json.")],
    labels: Annotated[
        str | None,
        typer.Option(
            help="Structures of label maps, each scored separately: 1,2,3; with names and unions: vein=1,tree=1+2; "
            "or a JSON file of labels, for instance a dataset.json."
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="The predictions are maps; the voxels above this value are the mask.")
    ] = None,
    ignore_label: Annotated[
        int | None,
        typer.Option(
            help="Value of the references that marks undecided voxels; they do not count "
            "[default: the label ignore of a dataset.json]."
        ),
    ] = None,
    roi: Annotated[
        Path | None,
        typer.Option(help="A mask of the voxels that count, or a folder of masks.", callback=_exists_beside),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="An image, or a folder of images, for the pictures of the report.", callback=_exists_beside),
    ] = None,
    prediction_pattern: Annotated[
        str | None,
        typer.Option(
            help="Path of a prediction from its folder, for instance {case}/pred_*.nii.gz.", metavar="PATTERN"
        ),
    ] = None,
    reference_pattern: Annotated[
        str | None, typer.Option(help="Path of a reference from its folder.", metavar="PATTERN")
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out references without a prediction.")
    ] = False,
    missing_as_empty: Annotated[
        bool, typer.Option("--missing-as-empty", help="Score references without a prediction against an empty mask.")
    ] = False,
    trust_grid: Annotated[
        bool,
        typer.Option(
            "--trust-grid", help="Masks of one shape lie on one grid; the positions in their headers do not count."
        ),
    ] = False,
    construction: ConstructionOption = "T",
    scores: Annotated[
        str | None, typer.Option(help="Groups of scores, for instance overlap,topology [default: all].")
    ] = None,
    surface_tolerance: Annotated[float, typer.Option(help="Tolerance of the surface Dice (NSD) in mm.")] = 1.0,
    patch_size: Annotated[int, typer.Option(min=1, help="Size of the patches of the patch-wise Betti error.")] = 64,
    patch_stride: Annotated[
        int | None, typer.Option(min=1, help="Distance of the patches [default: their size].")
    ] = None,
    min_error_size: Annotated[
        int, typer.Option(min=1, help="Errors whose region has fewer voxels are not listed.")
    ] = 1,
    label_map: Annotated[
        bool, typer.Option("--label-map", help="Also write an image of the errors of each case, to OUT/cases.")
    ] = False,
    markups: Annotated[
        bool, typer.Option("--markups", help="Also write the places of the errors for 3D Slicer, to OUT/cases.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of cases scored in parallel [default: one per core, at most 8].")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, whose workers score the cases.", metavar="ADDRESS")
    ] = None,
) -> None:
    """Scores predicted masks against reference masks.

    The scores are those of papers and challenges: overlap, surface distances, centrelines, Betti errors, Betti
    matching, DIU, trees. The report shows every topological error at its place. A rerun scores only the cases that
    have changed.
    """
    if skip_missing and missing_as_empty:
        got = "--skip-missing and --missing-as-empty"
        raise InputError(mismatch("segtopo evaluate", got=got, expected="one of them"))
    from segtopo.evaluation import SCORE_GROUPS, EvaluationOptions, ScoreOptions, parse_labels, score_table
    from segtopo.evaluation import evaluate as run_evaluation
    from segtopo.evaluation.reports.terminal import remarks

    groups = tuple(SCORE_GROUPS) if scores is None else tuple(name.strip() for name in scores.split(","))
    structures, ignored = (None, None) if labels is None else parse_labels(labels)
    options = EvaluationOptions(
        labels=structures,
        threshold=threshold,
        ignore_label=ignored if ignore_label is None else ignore_label,
        trust_grid=trust_grid,
        construction=construction,
        score_options=ScoreOptions(surface_tolerance, patch_size, patch_stride),
        min_error_size=min_error_size,
        label_map=label_map,
        markups=markups,
        scores=groups,
    )
    with _executor(workers, scheduler) as executor, show_progress("evaluate") as progress:
        evaluation = run_evaluation(
            predictions,
            references,
            out,
            options,
            prediction_pattern=prediction_pattern,
            reference_pattern=reference_pattern,
            missing="skip" if skip_missing else "empty" if missing_as_empty else "error",
            roi=roi,
            images=images,
            workers=workers,
            executor=executor,
            progress=progress,
            command=shlex.join(["segtopo", *sys.argv[1:]]),
        )
    print_table(score_table(evaluation))
    for line in (*remarks(evaluation), f"reports: {out}"):
        typer.echo(line)
    if evaluation.failures:
        complain(_describe_failures(evaluation))
        raise typer.Exit(2)


def _executor(workers: int | None, scheduler: str | None) -> AbstractContextManager[Executor]:
    """Returns processes, which an interrupt ends at once, or the workers of a cluster."""
    from segtopo.parallel import WorkerProcesses, dask_executor, share_processors
    from segtopo.persistence.inputs import thread_count

    if scheduler is not None:
        return dask_executor(scheduler)
    return WorkerProcesses(share_processors(workers, thread_count(None))[0])


def _describe_failures(evaluation: Evaluation) -> str:
    count, total = len(evaluation.failures), len(evaluation.failures) + evaluation.number_of_cases
    first = next(iter(evaluation.failures.values()))
    return f"{count} of {total} cases failed, see cases.csv: {first}"
