"""Crops around the foreground of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.phantoms.appearance import Seed


def crops_around_foreground(
    mask: npt.NDArray[Any], size: Sequence[int], count: int, *, seed: Seed = 0
) -> list[tuple[slice, ...]]:
    """Chooses random crops of a mask that are centred on foreground voxels.

    A crop that would extend beyond the image is shifted into it. The centres are spread evenly over the region of the
    foreground: a thick vessel has most of the voxels, but does not get most of the crops.

    Args:
        mask: 2D or 3D mask; voxels other than 0 are foreground.
        size: Number of voxels of the crops along each axis, at least 1. If the mask is smaller along an axis, the crop
            is as long as the mask.
        count: Number of crops, at least 1.
        seed: Seed of the random generator, at least 0. The same seed gives the same crops.

    Returns:
        For each crop a tuple with one slice for each axis: ``mask[crop]`` is the crop.

    Raises:
        InputError: The mask has no foreground, or ``size`` or ``count`` is out of range.

    Example:
        >>> mask = np.zeros((40, 30), bool)
        >>> mask[20, 4:8] = True
        >>> crops_around_foreground(mask, (16, 12), count=1)
        [(slice(12, 28, None), slice(0, 12, None))]
    """
    if len(size) != mask.ndim or min(size) < 1:
        raise InputError(mismatch("crop size", got=tuple(size), expected=f"{mask.ndim} positive numbers of voxels"))
    if count < 1:
        raise InputError(mismatch("number of crops", got=count, expected="at least 1"))
    if not mask.any():
        raise InputError(mismatch("mask", got="no foreground", expected="at least one foreground voxel"))
    shape, box = np.array(mask.shape), np.minimum(size, mask.shape)
    centres = _spread_voxels(np.argwhere(mask), np.maximum(box // 4, 1), count, np.random.default_rng(seed))
    starts = np.clip(centres - box // 2, 0, shape - box)
    return [tuple(slice(int(a), int(a + n)) for a, n in zip(start, box, strict=True)) for start in starts]


def _spread_voxels(
    voxels: npt.NDArray[np.intp], cell: npt.NDArray[np.intp], count: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Chooses voxels at random from different cells of a grid, and from all voxels if there are too few cells."""
    voxels = rng.permutation(voxels)
    _, first_in_cell = np.unique(voxels // cell, axis=0, return_index=True)
    chosen = rng.permutation(first_in_cell)[:count]
    more = rng.choice(len(voxels), count - len(chosen))
    return np.asarray(voxels[np.concatenate([chosen, more])])
