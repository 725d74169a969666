"""Scores of cases: one case after the reading of its two files, or many cases on an executor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeAlias

from segtopo.evaluation.case_scores import CaseScores, PlacedError
from segtopo.masks import compare_masks
from segtopo.masks.dice import cldice, dice
from segtopo.metrics import match_features
from segtopo.persistence import Construction
from segtopo.volumes import Volume, check_same_geometry, mask_of, read_volume
from segtopo.volumes.case_pairs import CasePair

Progress: TypeAlias = Callable[[str, int, int], None]
"""A function called before each case with its name, its number (from 1) and the number of cases."""

FOREGROUND = "foreground"
"""Name of the structure of binary masks in reports."""


def score_case(
    case: CasePair,
    labels: Sequence[int] | None = None,
    construction: Construction = "T",
    num_threads: int | None = None,
) -> list[CaseScores]:
    """Reads the two files of a case and scores its structures.

    Args:
        case: The files.
        labels: Values of the structures in label maps, each scored as a mask; None for binary masks.
        construction: See :func:`segtopo.masks.betti_numbers`.
        num_threads: Threads to use; by default the number of CPUs. The scores do not depend on it.

    Returns:
        The scores of each structure, in the order of ``labels``.

    Raises:
        InputError: A file cannot be used as a mask, or the two differ in shape or affine.
    """
    prediction, reference = read_volume(case.prediction), read_volume(case.reference)
    check_same_geometry(prediction, reference, str(case.prediction), str(case.reference))
    return [
        _score(
            case.name,
            FOREGROUND if label is None else str(label),
            mask_of(prediction, case.prediction, None if label is None else [label]),
            mask_of(reference, case.reference, None if label is None else [label]),
            construction,
            num_threads,
        )
        for label in labels or (None,)
    ]


def _score(
    case: str, label: str, prediction: Volume, reference: Volume, construction: Construction, num_threads: int | None
) -> CaseScores:
    """Scores two masks."""
    masks = prediction.array, reference.array
    comparison = compare_masks(*masks, construction, num_threads=num_threads)
    return CaseScores(
        case,
        label,
        dice(*masks),
        cldice(*masks),
        comparison.diu,
        match_features(*masks, construction, num_threads),
        tuple(PlacedError.of(error, reference.affine) for error in comparison.errors),
    )


def score_cases(
    cases: Sequence[CasePair],
    executor: Executor,
    labels: Sequence[int] | None = None,
    construction: Construction = "T",
    num_threads: int | None = None,
    progress: Progress = lambda name, number, total: None,
) -> list[CaseScores]:
    """Scores cases on an executor.

    Args:
        cases: The cases.
        executor: Runs :func:`score_case`, whose arguments and result can be pickled.
        labels: See :func:`score_case`.
        construction: See :func:`score_case`.
        num_threads: Threads for each case.
        progress: Called before each case.

    Returns:
        The scores in the order of the cases; they do not depend on the executor.

    Raises:
        InputError: As :func:`score_case`. Cases that have not begun are cancelled.
    """
    futures = [executor.submit(score_case, case, labels, construction, num_threads) for case in cases]
    scores: list[CaseScores] = []
    try:
        for number, (case, future) in enumerate(zip(cases, futures, strict=True), start=1):
            progress(case.name, number, len(cases))
            scores += future.result()
    finally:
        for future in futures:
            future.cancel()
    return scores
