"""Scores of the partition of the foreground into components."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.stats import entropy

from segtopo.evaluation.scores.mask_pair import Labels, MaskPair
from segtopo.evaluation.scores.score import Score

_CHALLENGES = "Arganda-Carreras et al. 2015 (ISBI 2012); CREMI"
_SEGMENTS = (
    "Segments are the components of the masks; only voxels of the reference count, and those that the prediction "
    "misses are one segment."
)
_ONE_EMPTY = "If only {} is empty, it is log2 of the voxels of the other mask."

_SLAB_VOXELS = 2**24


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""
    return (
        Score(
            "adapted_rand_error",
            "Adapted Rand error",
            "1 minus the harmonic mean of precision and recall of the pairs of voxels in one segment. " + _SEGMENTS,
            _CHALLENGES,
            "lower",
            1.0,
        ),
        Score(
            "adjusted_rand_index",
            "Adjusted Rand index",
            "Agreement of the pairs of voxels, corrected for chance; for a reference of one component it is 1 if the "
            "prediction keeps it whole, else 0. " + _SEGMENTS,
            "Hubert and Arabie 1985",
            "higher",
            0.0,
        ),
        Score(
            "voi_split",
            "VOI split",
            "Conditional entropy of the prediction's segments given those of the reference, in bits. "
            f"{_SEGMENTS} {_ONE_EMPTY.format('the prediction')}",
            "Meila 2007; CREMI",
            "lower",
        ),
        Score(
            "voi_merge",
            "VOI merge",
            "Conditional entropy of the reference's segments given those of the prediction, in bits. "
            f"{_SEGMENTS} {_ONE_EMPTY.format('the reference')}",
            "Meila 2007; CREMI",
            "lower",
        ),
        Score("voi", "VOI", "Variation of information: the sum of VOI split and VOI merge.", "Meila 2007", "lower"),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of a pair in which at least one mask is not empty."""
    prediction, reference, _ = pair.sizes
    if not (prediction and reference):
        split, merge = (0.0, math.log2(prediction)) if prediction else (math.log2(reference), 0.0)
        return {"adapted_rand_error": 1.0, "adjusted_rand_index": 0.0, **_voi(split, merge)}
    overlap = SegmentOverlap.of(*pair.labels)
    return {
        "adapted_rand_error": overlap.adapted_rand_error,
        "adjusted_rand_index": overlap.adjusted_rand_index,
        **_voi(*overlap.variation_of_information),
    }


def _voi(split: float, merge: float) -> dict[str, float]:
    return {"voi_split": split, "voi_merge": merge, "voi": split + merge}


@dataclass(frozen=True)
class SegmentOverlap:
    """Numbers of voxels of the reference's foreground.

    Attributes:
        both: Numbers of voxels of each overlap of a segment of the prediction with one of the reference.
        prediction: Numbers of voxels of the prediction's segments.
        reference: Numbers of voxels of the reference's segments.
    """

    both: npt.NDArray[np.int64]
    prediction: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]

    @classmethod
    def of(cls, prediction: Labels, reference: Labels) -> SegmentOverlap:
        """Counts the voxels of label maps of one shape; the label 0 of the reference does not count."""
        shape = int(reference.max()) + 1, int(prediction.max()) + 1
        table = csr_array(shape, dtype=np.int64)
        slabs = math.ceil(reference.size / _SLAB_VOXELS)
        for ours, theirs in zip(np.array_split(prediction, slabs), np.array_split(reference, slabs), strict=True):
            inside = theirs > 0
            rows, columns = theirs[inside].astype(np.int32), ours[inside].astype(np.int32)
            table += csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape)
        return cls(table.data, table.sum(axis=0), table.sum(axis=1))

    @property
    def adapted_rand_error(self) -> float:
        """The adapted Rand error; 0 if no two voxels are in one segment of either mask."""
        both, prediction, reference = self._pairs()
        return 1 - 2 * both / (prediction + reference) if prediction + reference else 0.0

    @property
    def adjusted_rand_index(self) -> float:
        """The adjusted Rand index; 1 if chance alone gives the same partition."""
        both, prediction, reference = self._pairs()
        every = _pairs(self.reference.sum(keepdims=True))
        # Whole numbers, times 2 * every: no rounding may hide a difference.
        chance = 2 * prediction * reference
        best = (prediction + reference) * every
        return (2 * both * every - chance) / (best - chance) if best != chance else 1.0

    @property
    def variation_of_information(self) -> tuple[float, float]:
        """The conditional entropies of prediction given reference and of reference given prediction, in bits."""
        both, prediction, reference = (
            float(entropy(sizes, base=2)) for sizes in (self.both, self.prediction, self.reference)
        )
        return max(0.0, both - reference), max(0.0, both - prediction)

    def _pairs(self) -> tuple[int, int, int]:
        return _pairs(self.both), _pairs(self.prediction), _pairs(self.reference)


def _pairs(sizes: npt.NDArray[np.int64]) -> int:
    """Counts the pairs of voxels in one segment."""
    return int((sizes * (sizes - 1) // 2).sum())
