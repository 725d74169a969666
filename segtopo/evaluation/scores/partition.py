"""Agreement of the components of the masks, as partitions of the voxels of the reference.

The parts are the components of R, and of P. A voxel of R that P misses is a part of its own, as in the programs of the
ISBI 2012 and SNEMI3D challenges. If all missed voxels were one part, a prediction beside the reference would be right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks.components import connectivities, label_components

RAND = "Arganda-Carreras et al. 2015"
HUBERT = "Hubert and Arabie 1985"
VI = "Meilă 2007"

Labels = npt.NDArray[np.integer[Any]]


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of partitions."""
    rand = (
        "1 - F-score of the pairs of voxels of R that are in one component of P, against those in one component of R; "
        "a voxel that P misses forms no pair"
    )
    adjusted = (
        "agreement on the pairs of voxels of R, corrected for chance: 1 for the same parts, 0 for chance, and 0 if P "
        "breaks an R of one component; each voxel that P misses is a part"
    )
    split = "how far P splits the components of R: H(P | R) over the voxels of R; each voxel that P misses is a part"
    merge = "how far P merges the components of R: H(R | P) over the voxels of R; each voxel that P misses is a part"
    return (
        Score("adapted_rand_error", "Adapted Rand error", rand, RAND, "lower", 1.0),
        Score("adjusted_rand_index", "Adjusted Rand index", adjusted, HUBERT, "higher", 0.0),
        Score("vi_split", "VI split (bits)", split, VI, "lower"),
        Score("vi_merge", "VI merge (bits)", merge, VI, "lower"),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of partitions. Without a reference there is no voxel to divide, and they are NaN."""
    if not pair.sizes[1]:
        return dict.fromkeys((score.name for score in scores(pair.ndim)), float("nan"))
    connectivity, _ = connectivities(pair.construction, pair.ndim)
    prediction, reference = pair.cropped
    known, predicted = (label_components(mask, connectivity)[0][reference] for mask in (reference, prediction))
    return agreement(known, predicted)


def agreement(known: Labels, predicted: Labels) -> dict[str, float]:
    """Computes the Rand scores and the conditional entropies of two partitions of the same voxels.

    Args:
        known: ``(voxels,)`` component of the reference.
        predicted: ``(voxels,)`` component of the prediction; 0 for voxels that it misses.

    Example:
        >>> agreement(np.array([1, 1, 1, 1]), np.array([1, 1, 2, 2]))
        {'adapted_rand_error': 0.5, 'adjusted_rand_index': 0.0, 'vi_split': 1.0, 'vi_merge': 0.0}
    """
    of_reference, of_prediction, sizes = _overlaps(known, predicted)
    parts, wholes = np.bincount(of_prediction, weights=sizes), np.bincount(of_reference, weights=sizes)
    is_part = of_prediction > 0
    part, whole, overlap = parts[of_prediction], wholes[of_reference], sizes
    joint = _pairs(overlap[is_part])
    total = _pairs(parts[1:]) + _pairs(wholes)
    split = np.log2(whole / np.where(is_part, overlap, 1))
    merge = np.log2(part / overlap) * is_part
    return {
        "adapted_rand_error": float(1 - 2 * joint / total) if total else 0.0,
        "adjusted_rand_index": _adjusted_rand_index(joint, _pairs(parts[1:]), _pairs(wholes), float(overlap.sum())),
        "vi_split": float(overlap @ split / overlap.sum()),
        "vi_merge": float(overlap @ merge / overlap.sum()),
    }


def _overlaps(known: Labels, predicted: Labels) -> tuple[Labels, Labels, npt.NDArray[np.float64]]:
    """Returns the pairs of components that share voxels, and the number of these voxels.

    Neighbouring voxels mostly have the same labels, so runs of them are counted: that needs little memory.
    """
    changes = np.flatnonzero((known[1:] != known[:-1]) | (predicted[1:] != predicted[:-1])) + 1
    starts = np.concatenate([[0], changes])
    lengths = np.diff(starts, append=len(known)).astype(np.float64)
    table = coo_array((lengths, (known[starts].astype(np.int64), predicted[starts].astype(np.int64))))
    table.sum_duplicates()
    of_reference, of_prediction = table.coords
    return of_reference, of_prediction, table.data


def _pairs(sizes: npt.NDArray[Any]) -> float:
    """Counts the ordered pairs of different voxels in one part."""
    return float(sizes @ (sizes - 1))


def _adjusted_rand_index(joint: float, predicted: float, known: float, voxels: float) -> float:
    """Corrects the pairs that both partitions join for those that chance joins; 1 if chance alone joins as many."""
    chance = predicted * known / (voxels * (voxels - 1)) if voxels > 1 else 0.0
    best = (predicted + known) / 2
    return (joint - chance) / (best - chance) if best != chance else 1.0
