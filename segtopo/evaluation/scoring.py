"""The scores of single cases, on one core or several."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import torch
from monai.metrics import compute_dice

from segtopo.evaluation.cases import Case
from segtopo.metrics import compute_betti_numbers, compute_cldice
from segtopo.metrics.betti import Construction
from segtopo.volumes import check_same_geometry, read_mask

Progress = Callable[[int, int, str], None]
"""Called after each step with the number done, the number in all, and the name of the step."""

WORKERS_PAY_AFTER = 20.0  # seconds of work left; starting workers that import torch takes about a third of that


@dataclass(frozen=True)
class Task:
    """One structure of one case.

    Attributes:
        case: the masks' files.
        label: value of the structure in label maps; None for binary masks.
    """

    case: Case
    label: int | None

    @property
    def structure(self) -> str:
        """What the structure is called in reports."""
        return "foreground" if self.label is None else str(self.label)


@dataclass(frozen=True)
class CaseScores:
    """How well a prediction agrees with its reference.

    Attributes:
        case: name of the case.
        label: ``"foreground"``, or the value of the structure in label maps.
        dice: Dice coefficient in [0, 1]; 1 where both masks are empty.
        cldice: centreline Dice in [0, 1]; 1 where both masks are empty.
        betti_prediction: Betti numbers of the prediction, one per dimension.
        betti_reference: Betti numbers of the reference, one per dimension.
    """

    case: str
    label: str
    dice: float
    cldice: float
    betti_prediction: tuple[int, ...]
    betti_reference: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.betti_reference)

    @property
    def betti_errors(self) -> tuple[int, ...]:
        """Absolute differences of the Betti numbers, one per dimension."""
        return tuple(abs(p - r) for p, r in zip(self.betti_prediction, self.betti_reference, strict=True))

    def numbers(self) -> dict[str, float]:
        """Every number by the name it has in reports; ``betti_error`` is the sum over the dimensions."""
        return {
            "dice": self.dice,
            "cldice": self.cldice,
            **{f"betti_{k}_error": error for k, error in enumerate(self.betti_errors)},
            "betti_error": sum(self.betti_errors),
            **{f"betti_{k}_prediction": betti for k, betti in enumerate(self.betti_prediction)},
            **{f"betti_{k}_reference": betti for k, betti in enumerate(self.betti_reference)},
        }


def score_case(case: Case, label: int | None = None, construction: Construction = "T") -> CaseScores:
    """Read the two masks of a case and score one structure.

    Args:
        case: the masks' files.
        label: value of the structure in label maps; None for binary masks.
        construction: see :func:`segtopo.metrics.compute_betti_numbers`.

    Raises:
        InputError: a file cannot be used as a mask, or the two differ in shape or affine.
    """
    prediction, reference = (read_mask(path, label) for path in (case.prediction, case.reference))
    check_same_geometry(prediction, reference, str(case.prediction), str(case.reference))
    y_pred, y = (torch.from_numpy(volume.array)[None, None] for volume in (prediction, reference))
    betti_prediction, betti_reference = (
        tuple(compute_betti_numbers(mask, construction)[0, 0].tolist()) for mask in (y_pred, y)
    )
    return CaseScores(
        case=case.name,
        label=Task(case, label).structure,
        dice=float(compute_dice(y_pred, y, ignore_empty=False)),
        cldice=float(compute_cldice(y_pred, y)),
        betti_prediction=betti_prediction,
        betti_reference=betti_reference,
    )


def score_tasks(
    tasks: Sequence[Task],
    construction: Construction = "T",
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[CaseScores]:
    """Score tasks in their order, the same with any number of workers.

    Args:
        tasks: what to score.
        construction: see :func:`segtopo.metrics.compute_betti_numbers`.
        workers: processes to start; 1 scores here; None starts one per core where that is faster.
        progress: called after each task.

    Raises:
        InputError: as :func:`score_case`; the tasks that follow are not begun.
    """
    scores: list[CaseScores] = []
    for task, result in zip(tasks, _results(tasks, construction, workers), strict=True):
        scores.append(result)
        if progress is not None:
            progress(len(scores), len(tasks), task.case.name)
    return scores


def _results(
    tasks: Sequence[Task], construction: Construction, workers: int | None
) -> Iterator[CaseScores]:
    score = partial(_score_task, construction=construction)
    if workers is None:
        started = perf_counter()
        yield score(tasks[0])
        tasks = tasks[1:]
        left = (perf_counter() - started) * len(tasks)
        workers = len(os.sched_getaffinity(0)) if left > WORKERS_PAY_AFTER else 1
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(score, tasks)
        return
    # Forking a process that has used torch's threads can deadlock, so the workers start afresh.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(score, tasks)


def _score_task(task: Task, construction: Construction) -> CaseScores:
    return score_case(task.case, task.label, construction)


def tasks_of(cases: Iterable[Case], labels: Sequence[int] | None) -> list[Task]:
    """Every structure of every case."""
    return [Task(case, label) for case in cases for label in (labels or [None])]
