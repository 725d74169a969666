"""Predictions against references, from folders to a report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from segtopo.errors import InputError
from segtopo.evaluation.case_pairs import pair_cases
from segtopo.evaluation.report import CASES, ERRORS, SUMMARY, open_outputs, write_cases, write_errors, write_summary
from segtopo.evaluation.scoring import CaseScores, Progress, score_tasks, tasks_of
from segtopo.evaluation.statistics import Statistic, summarise
from segtopo.persistence import Construction


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` found.

    Attributes:
        cases: scores of every case and structure.
        summary: for each structure (``"foreground"``, or the label) the statistics of each score over the cases.
    """

    cases: list[CaseScores]
    summary: dict[str, dict[str, Statistic]]


def evaluate(
    predictions: str | Path,
    references: str | Path,
    out: str | Path,
    *,
    labels: Sequence[int] | None = None,
    construction: Construction = "T",
    workers: int | None = None,
    progress: Progress = lambda name, number, total: None,
) -> Evaluation:
    """Score predicted masks against references and write ``cases.csv``, ``errors.csv`` and ``summary.json``.

    Dice, clDice, DIU, Betti matching error with the features' precision, recall and F1, the Betti numbers of both masks
    and their absolute differences, for each case; mean, standard error and median over the cases; every topological
    error with its place.

    Args:
        predictions: folder of predicted masks, or one mask.
        references: folder of reference masks of the same names (extensions may differ), or one mask.
        out: folder for the reports; earlier reports in it are replaced. Nothing is written unless every case can
            be scored.
        labels: values of the structures in label maps, each scored as a mask of its own; None for binary masks.
        construction: ``"T"`` for a foreground of full connectivity (8, 26), ``"V"`` for face connectivity (4, 6).
        workers: how many cases are scored at once; None for one per core, at most 8.
        progress: told each case's name, its number (from 1) and how many there are, before it is scored.

    Returns:
        The scores and their summary.

    Raises:
        InputError: missing, unpaired or unreadable files, masks of differing shape or affine, label maps without
            ``labels``, labels that no mask has, or an ``out`` that cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from segtopo.volumes import write_volume
        >>> folder = Path(tempfile.mkdtemp())
        >>> whole = np.ones((3, 7), dtype=bool)
        >>> write_volume(folder / "references/vessel.png", whole)
        >>> broken = whole.copy()
        >>> broken[:, 3] = False
        >>> write_volume(folder / "predictions/vessel.png", broken)
        >>> evaluation = evaluate(folder / "predictions", folder / "references", folder / "evaluation")
        >>> evaluation.cases[0].betti_errors
        (1, 0)
        >>> round(evaluation.summary["foreground"]["dice"].mean, 3)
        0.923
    """
    _check_labels(labels)
    tasks = tasks_of(pair_cases(predictions, references), labels)
    with ExitStack() as outputs:
        places = open_outputs(Path(out), outputs)
        scores = score_tasks(tasks, construction, workers, progress)
        _check_one_ndim(scores)
        _check_labels_found(scores, labels)
        summary = summarise(scores)
        facts = {
            "predictions": str(predictions),
            "references": str(references),
            "construction": construction,
            "cases": len({s.case for s in scores}),
        }
        write_cases(places[CASES], scores)
        write_errors(places[ERRORS], scores)
        write_summary(places[SUMMARY], facts, summary)
    return Evaluation(scores, summary)


def _check_labels(labels: Sequence[int] | None) -> None:
    if labels is None:
        return
    if not labels or min(labels) < 1 or len(set(labels)) < len(labels):
        raise InputError(f"labels are {list(labels)}, expected distinct values of at least 1 (0 is background)")


def _check_one_ndim(scores: Sequence[CaseScores]) -> None:
    first = scores[0]
    for score in scores:
        if score.ndim != first.ndim:
            raise InputError(
                f"case {first.case} is {first.ndim}D and case {score.case} is {score.ndim}D, "
                "expected the same for all cases"
            )


def _check_labels_found(scores: Sequence[CaseScores], labels: Sequence[int] | None) -> None:
    """A mistyped label is empty everywhere, and empty against empty would score as perfect."""
    found = {s.label for s in scores if s.betti_prediction[0] or s.betti_reference[0]}
    for label in labels or ():
        if str(label) not in found:
            raise InputError(f"label {label} is in none of the {len(scores)} pairs of masks, expected it in one")
