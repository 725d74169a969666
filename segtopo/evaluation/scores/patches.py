"""Betti errors in patches, as papers print them: in a whole image, errors in different places cancel.

Hu et al. draw patches at random. Here the patches form a grid, so that the scores repeat. A patch is an image of its
own: its outside is background.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks import betti_numbers

HU = "Hu et al. 2019"


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the patch-wise Betti errors."""
    text = "mean over all patches of the absolute difference of the numbers of {}"
    features = ("components", "holes") if ndim == 2 else ("components", "loops", "cavities")
    return (
        *(
            Score(f"patch_betti_{k}_error", f"Patch Betti-{k} error", text.format(feature), HU, "lower")
            for k, feature in enumerate(features)
        ),
        Score("patch_betti_error", "Patch Betti error", "sum of these means over the dimensions", HU, "lower"),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the mean Betti errors of the patches; patches that are empty in both masks count, with error 0."""
    errors = np.zeros(pair.ndim)
    count = 0
    for patch in patches(pair.reference.shape, pair.options.patch_size, pair.options.patch_stride):
        count += 1
        masks = pair.prediction[patch], pair.reference[patch]
        if any(mask.any() for mask in masks):
            numbers = [betti_numbers(mask, pair.construction, pair.num_threads) for mask in masks]
            errors += np.abs(np.diff(numbers, axis=0)[0])
    errors /= count
    return {
        **{f"patch_betti_{k}_error": float(error) for k, error in enumerate(errors)},
        "patch_betti_error": float(errors.sum()),
    }


def patches(shape: tuple[int, ...], size: int, stride: int | None) -> Iterator[tuple[slice, ...]]:
    """Yields the patches of an image. The last patch of each axis is moved inwards, so that all voxels are covered.

    Args:
        shape: Shape of the image. An axis that is shorter than a patch has one patch of its length.
        size: Length of a patch along each axis.
        stride: Distance of the patches; None: their length.

    Example:
        >>> [(rows.start, rows.stop) for rows, _ in patches((10, 3), 4, None)]
        [(0, 4), (4, 8), (6, 10)]
    """
    starts = []
    for length in shape:
        last = max(0, length - size)
        regular = range(0, last + 1, stride or size)
        starts.append(sorted({*regular, last}))
    for start in product(*starts):
        yield tuple(slice(s, s + min(size, length)) for s, length in zip(start, shape, strict=True))
