"""Connected components of masks, and which neighbours make voxels of a mask connected."""

from __future__ import annotations

from typing import Any

import cc3d
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

FULL_CONNECTIVITY = {2: 8, 3: 26}
FACE_CONNECTIVITY = {2: 4, 3: 6}


def label_components(mask: Mask, connectivity: int) -> tuple[npt.NDArray[np.integer[Any]], int]:
    """Label the components of a mask 1, 2, ... (4, 8, 6 or 26 neighbours) and count them.

    The bytes go to cc3d as integers: with booleans of odd size its labels of connectivity 8 also cover single
    voxels of background, and on some arrays one voxel wide it raises (version 4.1.1).
    """
    labels, count = cc3d.connected_components(mask.view(np.uint8), connectivity=connectivity, return_N=True)
    return labels, int(count)


def bounding_box(mask: Mask) -> tuple[slice, ...]:
    """The smallest box that holds the foreground; slices of no length if there is none."""
    box = []
    for axis in range(mask.ndim):
        occupied = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1) if occupied.size else slice(0, 0))
    return tuple(box)
