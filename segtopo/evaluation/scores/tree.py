"""Scores of trees: vessels and airways. A tree is judged by its branches, as the challenges ATM'22 and AIIB23 do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve

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
    found["length_precision"] = _share(of_prediction, reference)
    return found


def branches_of(skeleton: Mask) -> npt.NDArray[np.integer[Any]]:
    """Labels the branches of a skeleton: its pieces between junctions and ends.

    A junction is a voxel with more than two neighbours (8 in 2D, 26 in 3D). Pieces of fewer than 3 voxels between
    junctions are no branches. A skeleton without a branch is one branch.

    Returns:
        An array of the shape of the skeleton with the labels 1, 2, ... and 0 elsewhere.
    """
    neighbours = convolve(skeleton.astype(np.uint8), np.ones((3,) * skeleton.ndim, np.uint8), mode="constant") - 1
    labels, count = label_components(skeleton & (neighbours <= 2), FULL_CONNECTIVITY[skeleton.ndim])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    is_branch = sizes >= SHORTEST
    is_branch[0] = False
    if not is_branch.any():
        return np.asarray(skeleton, np.int64)
    numbers = np.cumsum(is_branch) * is_branch
    return np.asarray(numbers[labels], np.int64)


def _tree_scores(
    prediction: Mask, reference: Mask, skeleton: Mask, branches: npt.NDArray[np.integer[Any]]
) -> dict[str, float]:
    on_branch = branches > 0
    lengths = np.bincount(branches[on_branch])[1:]
    inside = np.bincount(branches[on_branch & prediction], minlength=len(lengths) + 1)[1:]
    return {
        "length_detected": _share(skeleton, prediction),
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


def _share(skeleton: Mask, mask: Mask) -> float:
    return _ratio(np.count_nonzero(skeleton & mask), np.count_nonzero(skeleton))


def _ratio(part: int | np.integer[Any], whole: int | np.integer[Any]) -> float:
    return float(part / whole) if whole else 0.0
