"""Scores of trees, vessels and airways: the length and the branches found, and the leakage.

The scores with ``_largest`` are those of the challenges ATM'22 and AIIB23, which judge the largest component of the
prediction. Three details differ from the programs of the challenges:

* They also reduce the reference to its largest component; airways have one. Here the whole reference counts.
* They add the voxels of junctions and of short pieces to the nearest branch, and some versions join branches after
  that. Here these voxels count for the length only, so that the result does not depend on ties.
* They find the largest component of 6-connected voxels. Here the connectivity is that of the construction.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks.components import Mask, connectivities, label_components

ATM = "Zhang et al. 2023 (ATM'22)"
AIIB = "Nan et al. 2024 (AIIB23)"
LARGEST = "_largest"
DETECTED = 0.8  # share of a branch inside the prediction
SHORTEST = 5  # voxels; shorter pieces of a skeleton belong to a junction or are spurs

Indices = npt.NDArray[np.int64]


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of trees: of the whole prediction, and of its largest component as the challenges compute."""
    found = []
    for ending, title, of in (("", "", "P"), (LARGEST, ", largest", "the largest component of P")):
        length = f"share of the skeleton of R inside {of}"
        branches = f"share of the branches of the skeleton of R that are inside {of} for at least 80 % of their length"
        leakage = f"volume of {of} outside R, divided by the volume of R"
        found += [
            Score(f"length_detected{ending}", f"Length detected{title}", length, ATM, "higher", 0.0),
            Score(f"branches_detected{ending}", f"Branches detected{title}", branches, ATM, "higher", 0.0),
            Score(f"leakage{ending}", f"Leakage{title}", leakage, AIIB, "lower"),
        ]
    return (
        *found,
        Score("length_precision", "Length precision", "share of the skeleton of P inside R", "", "higher", 0.0),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of trees. Without a reference, leakage is not defined: NaN."""
    (prediction, reference), (of_prediction, of_reference) = pair.cropped, pair.skeletons
    largest = _largest_component(prediction, connectivities(pair.construction, pair.ndim)[0])
    branches = branches_of(of_reference)
    found: dict[str, float] = {}
    for ending, mask in (("", prediction), (LARGEST, largest)):
        inside = mask[of_reference]
        found[f"length_detected{ending}"] = _share(inside)
        found[f"branches_detected{ending}"] = _share(_detected(branches, inside))
        leaked = np.count_nonzero(mask) - np.count_nonzero(mask & reference)
        found[f"leakage{ending}"] = float(leaked / pair.sizes[1]) if pair.sizes[1] else float("nan")
    found["length_precision"] = _share(reference[of_prediction])
    return found


def branches_of(skeleton: Mask) -> Indices:
    """Labels the branches of a skeleton: its pieces between junctions and ends.

    A junction is a voxel with more than two neighbours (8 in 2D, 26 in 3D). Pieces of fewer than 5 voxels are no
    branches, as in the programs of ATM'22 and AIIB23. A skeleton without a branch is one branch.

    Args:
        skeleton: 2D or 3D boolean array.

    Returns:
        The branch of each voxel of the skeleton, in the order of ``numpy.argwhere``: 1, 2, ..., and 0 for voxels that
        belong to none.

    Example:
        >>> letter = np.zeros((12, 13), bool)
        >>> letter[0, :] = letter[:, 6] = True  # a T
        >>> np.bincount(branches_of(letter)).tolist()  # three voxels of the bar and one of the stem form the junction
        [4, 5, 5, 10]
    """
    first, second, count = _neighbours(skeleton)
    degrees = np.bincount(first, minlength=count) + np.bincount(second, minlength=count)
    within = (degrees[first] <= 2) & (degrees[second] <= 2)
    links = coo_array((np.ones(np.count_nonzero(within), bool), (first[within], second[within])), (count, count))
    pieces = connected_components(links, directed=False)[1]
    long_enough = (np.bincount(pieces, minlength=1) >= SHORTEST)[pieces]  # a voxel of a junction has no link
    if not long_enough.any():
        return np.ones(count, np.int64)
    branches = np.zeros(count, np.int64)
    branches[long_enough] = np.unique(pieces[long_enough], return_inverse=True)[1] + 1
    return branches


def _neighbours(skeleton: Mask) -> tuple[Indices, Indices, int]:
    """Returns the pairs of neighbours among the voxels of a skeleton, each pair once, and the number of voxels."""
    padded = np.ascontiguousarray(np.pad(skeleton, 1))
    voxels = np.flatnonzero(padded)
    first, second = [], []
    steps = np.asarray(padded.strides)  # of bytes, so in voxels
    for offset in itertools.product((-1, 0, 1), repeat=skeleton.ndim):
        step = int(steps @ offset)
        if step > 0:
            beside = np.flatnonzero(padded.ravel()[voxels + step])
            first.append(beside)
            second.append(np.searchsorted(voxels, voxels[beside] + step))
    return np.concatenate(first), np.concatenate(second), len(voxels)


def _detected(branches: Indices, inside: Mask) -> Mask:
    """Tells for each branch whether at least 80 % of its voxels are inside."""
    lengths, found = np.bincount(branches)[1:], np.bincount(branches, weights=inside)[1:]
    detected: Mask = found / lengths >= DETECTED
    return detected


def _largest_component(mask: Mask, connectivity: int) -> Mask:
    """Returns the largest component of a mask, of equal ones the first."""
    labels, count = label_components(mask, connectivity)
    if count <= 1:
        return mask
    largest: Mask = labels == np.bincount(labels[mask]).argmax()
    return largest


def _share(inside: Mask) -> float:
    return float(inside.mean()) if inside.size else 0.0
