"""Betti errors of patches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.persistence.barcodes import cubical_barcodes

_PAPER = "Hu et al. 2019"

Patch = tuple[slice, ...]

_BATCH_VOXELS = 2**23  # of each mask, so that a batch takes little memory


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""
    each = tuple(
        Score(
            f"patch_betti_{k}_error",
            f"Patch Betti {k} error",
            "Mean over patches of the absolute difference of the Betti numbers in dimension k; patches start at "
            "multiples of the stride, the last is moved inward to the border of the image, and an image smaller than a "
            "patch is one patch.",
            _PAPER,
            "lower",
        )
        for k in range(ndim)
    )
    total = "Sum of the patch Betti errors of all dimensions."
    return (*each, Score("patch_betti_error", "Patch Betti error", total, _PAPER, "lower"))


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of any pair."""
    patches = list(patches_of(pair.prediction.shape, pair.options.patch_size, pair.options.stride))
    # Patches that agree, among them all that are empty in both masks, count 0.
    differing = [patch for patch in patches if (pair.prediction[patch] != pair.reference[patch]).any()]
    errors = _summed_errors(pair, differing) / len(patches)
    each = {f"patch_betti_{k}_error": error for k, error in enumerate(errors.tolist())}
    return {**each, "patch_betti_error": float(errors.sum())}


def patches_of(shape: tuple[int, ...], size: int, stride: int) -> Iterator[Patch]:
    """Yields patches of one shape that cover an image.

    Example:
        >>> list(patches_of((5, 2), size=3, stride=3))
        [(slice(0, 3, None), slice(0, 2, None)), (slice(2, 5, None), slice(0, 2, None))]
    """
    sides = [min(size, n) for n in shape]
    starts = [[*range(0, n - side, stride), n - side] for n, side in zip(shape, sides, strict=True)]
    for corner in product(*starts):
        yield tuple(slice(start, start + side) for start, side in zip(corner, sides, strict=True))


def _summed_errors(pair: MaskPair, patches: list[Patch]) -> npt.NDArray[np.float64]:
    """Sums the Betti errors of patches, for each dimension."""
    total = np.zeros(pair.ndim)
    batch = max(1, _BATCH_VOXELS // pair.options.patch_size**pair.ndim)
    for first in range(0, len(patches), batch):
        chosen = patches[first : first + batch]
        images = np.stack([mask[patch] for mask in (pair.prediction, pair.reference) for patch in chosen])
        prediction, reference = np.split(_betti_numbers(images.view(np.uint8), pair), 2)
        total += np.abs(prediction - reference).sum(axis=0)
    return total


def _betti_numbers(images: npt.NDArray[np.uint8], pair: MaskPair) -> npt.NDArray[np.int64]:
    """Computes the Betti numbers ``(images, ndim)`` of a batch of masks."""
    bars = cubical_barcodes(images, "superlevel", pair.construction, last_value=1, num_threads=pair.num_threads)
    numbers = np.bincount(bars.image * pair.ndim + bars.dimension, minlength=len(images) * pair.ndim)
    return numbers.reshape(-1, pair.ndim)
