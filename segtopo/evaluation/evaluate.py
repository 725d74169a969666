"""Evaluation of predictions against references, from folders to reports."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.case_scores import CaseScores
from segtopo.evaluation.reports import REPORTS, open_reports
from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.scoring import Progress, score_cases
from segtopo.evaluation.statistics import summarise
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction, thread_count
from segtopo.volumes.case_pairs import pair_cases

MOST_WORKERS = 8  # scoring a volume of 512^3 voxels takes more than a gigabyte


def evaluate(
    predictions: str | Path,
    references: str | Path,
    out: str | Path,
    *,
    labels: Sequence[int] | None = None,
    construction: Construction = "T",
    reports: Sequence[str] = tuple(REPORTS),
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress = lambda name, number, total: None,
) -> Evaluation:
    """Scores predicted masks against references and writes reports.

    Each case gets Dice, clDice, DIU (Discrepancy between Intersection and Union), the Betti matching error with
    precision, recall and F1 of the features, the Betti numbers of both masks and their absolute differences. Every
    topological error is listed with its position. The summary has mean, standard error and median over the cases.

    Args:
        predictions: Folder of predicted masks, or one mask.
        references: Folder of reference masks of the same names (extensions may differ), or one mask.
        out: Folder for the reports. Earlier reports in it are replaced and other files are kept. Nothing is written
            unless every case can be scored.
        labels: Values of the structures in label maps, each scored as a mask; None for binary masks.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        reports: Reports to write: ``"cases"`` (``cases.csv``), ``"errors"`` (``errors.csv``), ``"summary"``
            (``summary.json``).
        workers: Number of cases that are scored at once; by default one per CPU, at most 8. The threads of each case
            are the CPUs divided by this number.
        executor: Runs the cases, for example a ``ProcessPoolExecutor`` or Dask's ``client.get_executor()``; by default
            threads. It decides how many cases run at once, and ``workers`` only sets the threads of each case.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Returns:
        The scores and their summary.

    Raises:
        InputError: Files are missing, unpaired or unreadable, masks differ in shape or affine, label maps are given
            without ``labels``, no mask has a label, an option has no such value, or ``out`` cannot be written.

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
    check_construction(construction)
    cpus = thread_count(None)
    workers = min(cpus, MOST_WORKERS) if workers is None else workers
    if workers < 1:
        raise InputError(mismatch("workers", got=workers, expected="at least 1"))
    cases = pair_cases(predictions, references)
    with ExitStack() as stack:
        writers = open_reports(Path(out), reports, stack)
        if executor is None:
            executor = stack.enter_context(ThreadPoolExecutor(workers))
        scores = score_cases(cases, executor, labels, construction, max(1, cpus // workers), progress)
        _check_one_ndim(scores)
        _check_labels_found(scores, labels, len(cases))
        evaluation = Evaluation(str(predictions), str(references), construction, scores, summarise(scores))
        for write in writers:
            write(evaluation)
    return evaluation


def _check_labels(labels: Sequence[int] | None) -> None:
    if labels is not None and (not labels or min(labels) < 1 or len(set(labels)) < len(labels)):
        raise InputError(
            mismatch("labels", got=list(labels), expected="distinct values of at least 1 (0 is the background)")
        )


def _check_one_ndim(scores: Sequence[CaseScores]) -> None:
    first = scores[0]
    for score in scores:
        if score.ndim != first.ndim:
            raise InputError(
                mismatch(f"case {score.case}", got=f"{score.ndim}D", expected=f"{first.ndim}D as case {first.case}")
            )


def _check_labels_found(scores: Sequence[CaseScores], labels: Sequence[int] | None, cases: int) -> None:
    """Raises InputError for a mistyped label, which would get perfect scores because both masks are empty."""
    found = {score.label for score in scores if score.betti_prediction[0] or score.betti_reference[0]}
    for label in labels or ():
        if str(label) not in found:
            raise InputError(
                mismatch("labels", got=label, expected=f"a value in at least one of the {cases} pairs of masks")
            )
