"""The scores of single cases, on one core or several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from segtopo.evaluation.case_pairs import Case
from segtopo.masks import TopologyError, compare_masks
from segtopo.metrics import compute_betti_matching_scores, compute_betti_numbers, compute_cldice
from segtopo.persistence import Construction
from segtopo.volumes import check_same_geometry, read_mask

Progress = Callable[[str, int, int], None]
"""Told each case's name, its number (from 1) and how many there are, before its scores are awaited."""

FOREGROUND = "foreground"
"""What reports call the structure of binary masks."""

MOST_WORKERS = 8  # a volume of 512^3 voxels takes more than a gigabyte while it is scored


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
        return FOREGROUND if self.label is None else str(self.label)


@dataclass(frozen=True)
class PlacedError:
    """A topological error of a case and where it is in space.

    Attributes:
        error: what it is, and its voxel.
        world: RAS+ coordinates of the voxel in mm.
    """

    error: TopologyError
    world: tuple[float, float, float]

    @classmethod
    def of(cls, error: TopologyError, affine: npt.NDArray[np.float64]) -> PlacedError:
        """Place an error by the affine of its mask; the third index of a 2D mask is 0."""
        index = np.array([*error.voxel, 0, 0][:3])
        x, y, z = (float(c) for c in affine[:3, :3] @ index + affine[:3, 3])
        return cls(error, (x, y, z))


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
        diu: features that the masks do not share, one count per dimension, see :func:`segtopo.metrics.compute_diu`.
        errors: topological errors with their places; displacement alone counts in ``diu`` and is none of them.
        betti_matching: ``"error"``, ``"precision"``, ``"recall"`` and ``"f1"`` of the matched features, each one score
            per dimension, see :func:`segtopo.metrics.compute_betti_matching_scores`.
    """

    case: str
    label: str
    dice: float
    cldice: float
    betti_prediction: tuple[int, ...]
    betti_reference: tuple[int, ...]
    diu: tuple[int, ...]
    errors: tuple[PlacedError, ...]
    betti_matching: dict[str, tuple[float, ...]]

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.betti_reference)

    @property
    def betti_errors(self) -> tuple[int, ...]:
        """Absolute differences of the Betti numbers, one per dimension."""
        return tuple(abs(p - r) for p, r in zip(self.betti_prediction, self.betti_reference, strict=True))

    def numbers(self) -> dict[str, float]:
        """Every number by the name it has in reports; without a dimension in its name, an error is their sum."""
        return {
            "dice": self.dice,
            "cldice": self.cldice,
            **{f"betti_{k}_error": error for k, error in enumerate(self.betti_errors)},
            "betti_error": sum(self.betti_errors),
            **{f"diu_{k}": error for k, error in enumerate(self.diu)},
            "diu": sum(self.diu),
            **{
                f"betti_matching_{k}_{name}": score
                for name, scores in self.betti_matching.items()
                for k, score in enumerate(scores)
            },
            "betti_matching_error": sum(self.betti_matching["error"]),
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
    comparison = compare_masks(prediction.array, reference.array, construction)
    matching = compute_betti_matching_scores(y_pred, y, construction=construction)
    return CaseScores(
        case=case.name,
        label=Task(case, label).structure,
        dice=_dice(prediction.array, reference.array),
        cldice=float(compute_cldice(y_pred, y)),
        betti_prediction=betti_prediction,
        betti_reference=betti_reference,
        diu=comparison.diu,
        errors=tuple(PlacedError.of(error, reference.affine) for error in comparison.errors),
        betti_matching={name: tuple(scores[0, 0].tolist()) for name, scores in matching._asdict().items()},
    )


def _dice(prediction: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> float:
    """MONAI's takes a hundred times longer on the masks of a CT."""
    size = int(np.count_nonzero(prediction)) + int(np.count_nonzero(reference))
    return 2 * int(np.count_nonzero(prediction & reference)) / size if size else 1.0


def score_tasks(
    tasks: Sequence[Task],
    construction: Construction = "T",
    workers: int | None = None,
    progress: Progress = lambda name, number, total: None,
) -> list[CaseScores]:
    """Score tasks in their order, the same with any number of workers.

    Args:
        tasks: what to score.
        construction: see :func:`segtopo.metrics.compute_betti_numbers`.
        workers: how many tasks are scored at once; None for one per core, at most 8. They are threads: reading
            and skeletons, which take most of the time, run without the interpreter's lock.
        progress: told which task comes next.

    Raises:
        InputError: as :func:`score_case`; the tasks that follow are not begun.
    """
    scores: list[CaseScores] = []
    with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, MOST_WORKERS)) as pool:
        results = pool.map(lambda task: score_case(task.case, task.label, construction), tasks)
        for number, task in enumerate(tasks, start=1):
            progress(task.case.name, number, len(tasks))
            scores.append(next(results))
    return scores


def tasks_of(cases: Iterable[Case], labels: Sequence[int] | None) -> list[Task]:
    """Every structure of every case."""
    return [Task(case, label) for case in cases for label in labels or (None,)]
