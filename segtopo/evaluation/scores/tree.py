"""Scores of trees: vessels and airways. A tree is judged by its branches, as the challenges ATM'22 and AIIB23 do."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks.components import FULL_CONNECTIVITY, Mask, connectivities, label_components

ATM = "Zhang et al. 2023 (ATM'22)"
AIIB = "Nan et al. 2024 (AIIB23)"
LARGEST = "_largest"
DETECTED = 0.8  # share of a branch inside the prediction
SHORTEST = 3  # voxels; shorter pieces of a skeleton belong to a junction


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of trees: of the whole prediction, and of its largest component as the challenges compute."""
    found = []
    for ending, title, of in (("", "", "P"), (LARGEST, ", largest", "the largest component of P")):
        length = f"share of the voxels of the skeleton of R inside {of}"
        branches = f"share of the branches of the skeleton of R of which at least 80 % is inside {of}"
        found += [
            Score(f"length_detected{ending}", f"Length detected{title}", length, ATM, "higher", 0.0),
            Score(f"branches_detected{ending}", f"Branches detected{title}", branches, ATM, "higher", 0.0),
            Score(
                f"leakage{ending}", f"Leakage{title}", f"volume of {of} outside R, divided by |R|", AIIB, "lower", None
            ),
        ]
    text = "share of the voxels of the skeleton of P inside R"
    return (*found, Score("length_precision", "Length precision", text, "", "higher", 0.0))


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of trees."""
    (prediction, reference), (of_prediction, of_reference) = pair.cropped, pair.skeletons
    branches = branches_of(of_reference)
    found = _tree_scores(prediction, reference, of_reference, branches)
    largest = _largest_component(prediction, connectivities(pair.construction, pair.ndim)[0])
    of_largest = _tree_scores(largest, reference, of_reference, branches)
    found |= {f"{name}{LARGEST}": value for name, value in of_largest.items()}
    found["length_precision"] = _share(reference[of_prediction])
    return found


def branches_of(skeleton: Mask) -> npt.NDArray[np.int64]:
    """Finds the branches of a skeleton: its pieces between junctions and ends.

    A junction is a voxel with more than two neighbours (8 in 2D, 26 in 3D). Pieces of fewer than 3 voxels between
    junctions are no branches. A skeleton without a branch is one branch.

    Returns:
        For each voxel of the skeleton, in the order of the array, the number of its branch from 1, and 0 on junctions.
    """
    pieces = skeleton.copy()
    pieces[skeleton] = _neighbour_counts(skeleton) <= 2
    labels, count = label_components(pieces, FULL_CONNECTIVITY[skeleton.ndim])
    of_voxels = labels[skeleton]
    is_branch = np.bincount(of_voxels, minlength=count + 1) >= SHORTEST
    is_branch[0] = False
    if not is_branch.any():
        return np.ones(len(of_voxels), np.int64)
    return np.asarray((np.cumsum(is_branch) * is_branch)[of_voxels], np.int64)


def _neighbour_counts(mask: Mask) -> npt.NDArray[np.int64]:
    """Counts the neighbours of each voxel of a mask in the mask, in the order of the array."""
    padded = np.pad(mask, 1)
    strides = np.cumprod((1, *padded.shape[:0:-1]))[::-1]
    steps = [int(np.dot(shift, strides)) for shift in product((-1, 0, 1), repeat=mask.ndim) if any(shift)]
    flat = padded.ravel()
    voxels = np.flatnonzero(flat)
    return np.asarray(sum(flat[voxels + step].astype(np.int64) for step in steps))


def _tree_scores(
    prediction: Mask, reference: Mask, skeleton: Mask, branches: npt.NDArray[np.int64]
) -> dict[str, float]:
    is_inside = prediction[skeleton]
    lengths = np.bincount(branches)[1:]
    inside = np.bincount(branches[is_inside], minlength=len(lengths) + 1)[1:]
    return {
        "length_detected": _share(is_inside),
        "branches_detected": float(np.mean(inside >= DETECTED * lengths)) if lengths.size else 0.0,
        "leakage": _ratio(np.count_nonzero(prediction & ~reference), np.count_nonzero(reference)),
    }


def _largest_component(mask: Mask, connectivity: int) -> Mask:
    """Returns the largest component of a mask, of equal ones the first."""
    labels, count = label_components(mask, connectivity)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest: Mask = labels == sizes.argmax()
    return largest


def _share(is_inside: Mask) -> float:
    return _ratio(np.count_nonzero(is_inside), is_inside.size)


def _ratio(part: int | np.integer[Any], whole: int | np.integer[Any]) -> float:
    return float(part / whole) if whole else 0.0
