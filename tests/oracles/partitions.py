"""Agreement of two partitions of the same voxels, by counting pairs of voxels and by entropies."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
from scipy import ndimage


def parts_of_reference(prediction: np.ndarray, reference: np.ndarray, construction: str) -> tuple[list, list]:
    """The component of R and the part of P of each voxel of R. A voxel that P misses is a part of its own."""
    known, predicted = (_components(mask, construction) for mask in (reference, prediction))
    voxels = [tuple(voxel) for voxel in np.argwhere(reference).tolist()]
    return [known[voxel] for voxel in voxels], [predicted.get(voxel, voxel) for voxel in voxels]


def adapted_rand_error(known: list, predicted: list) -> float:
    """1 - F-score of the pairs of voxels in one part of P, against the pairs in one part of R."""
    together = [(known[i] == known[j], predicted[i] == predicted[j]) for i, j in _pairs(len(known))]
    true, of_reference, of_prediction = (
        sum(map(chosen, together)) for chosen in (all, lambda both: both[0], lambda both: both[1])
    )
    return 1 - 2 * true / (of_reference + of_prediction) if of_reference + of_prediction else 0.0


def conditional_entropy(of: list, given: list) -> float:
    """H(of | given) in bits: the mean of -log2 of the share of a voxel's part ``of`` in its part ``given``."""
    joint, whole = Counter(zip(of, given, strict=True)), Counter(given)
    return sum(-math.log2(joint[a, b] / whole[b]) for a, b in zip(of, given, strict=True)) / len(of)


def _components(mask: np.ndarray, construction: str) -> dict[tuple[int, ...], int]:
    structure = ndimage.generate_binary_structure(mask.ndim, mask.ndim if construction == "T" else 1)
    labels, _ = ndimage.label(mask, structure)
    return {tuple(voxel): int(labels[tuple(voxel)]) for voxel in np.argwhere(mask).tolist()}


def _pairs(count: int) -> itertools.combinations:
    return itertools.combinations(range(count), 2)
