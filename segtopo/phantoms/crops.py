"""Boxes around the foreground of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError
from segtopo.phantoms.appearance import Seed


def crops_around_foreground(
    mask: npt.NDArray[Any], size: Sequence[int], count: int, *, seed: Seed = 0
) -> list[tuple[slice, ...]]:
    """Chooses boxes centred on foreground voxels, moved inside the image where they would leave it.

    The centres are spread over the space that the foreground passes through, so that thick parts, which hold
    most of its voxels, do not get most of the boxes.

    Args:
        mask: 2D or 3D mask, foreground is not zero.
        size: Size of the boxes along each axis, in voxels; an axis of the mask that is shorter is taken
            whole.
        count: Number of boxes.
        seed: Seed of the random generator.

    Returns:
        For each box one slice per axis, with which ``mask`` can be indexed.

    Raises:
        InputError: If the mask has no foreground, or ``size`` or ``count`` is out of range.

    Example:
        >>> mask = np.zeros((40, 30), bool)
        >>> mask[20, 4:8] = True
        >>> crops_around_foreground(mask, (16, 12), count=1)
        [(slice(12, 28, None), slice(0, 12, None))]
    """
    if len(size) != mask.ndim or min(size) < 1:
        raise InputError(f"crop size is {tuple(size)}; expected {mask.ndim} positive numbers of voxels")
    if count < 1:
        raise InputError(f"number of crops is {count}; expected at least 1")
    if not mask.any():
        raise InputError(f"mask of shape {mask.shape} has no foreground; expected a structure to crop around")
    shape, box = np.array(mask.shape), np.minimum(size, mask.shape)
    centres = _spread_voxels(np.argwhere(mask), np.maximum(box // 4, 1), count, np.random.default_rng(seed))
    starts = np.clip(centres - box // 2, 0, shape - box)
    return [tuple(slice(int(a), int(a + n)) for a, n in zip(start, box, strict=True)) for start in starts]


def _spread_voxels(
    voxels: npt.NDArray[np.intp], cell: npt.NDArray[np.intp], count: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Random voxels, each from a cell of a coarse grid of its own as long as there are such."""
    voxels = rng.permutation(voxels)
    _, first_in_cell = np.unique(voxels // cell, axis=0, return_index=True)
    chosen = rng.permutation(first_in_cell)[:count]
    more = rng.choice(len(voxels), count - len(chosen))
    return np.asarray(voxels[np.concatenate([chosen, more])])
