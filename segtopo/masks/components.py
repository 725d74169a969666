"""Connected components of masks, and the neighbours that connect voxels of a mask."""

from __future__ import annotations

import cc3d
import numpy as np
import numpy.typing as npt

from segtopo.persistence import Construction

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.uint32]

FULL_CONNECTIVITY = {2: 8, 3: 26}
FACE_CONNECTIVITY = {2: 4, 3: 6}


def connectivities(construction: Construction, ndim: int) -> tuple[int, int]:
    """Returns the numbers of neighbours that connect voxels of the foreground and of the background.

    Example:
        >>> connectivities("T", ndim=3), connectivities("V", ndim=3)
        ((26, 6), (6, 26))
    """
    full, face = FULL_CONNECTIVITY[ndim], FACE_CONNECTIVITY[ndim]
    return (full, face) if construction == "T" else (face, full)


def label_components(image: Mask | npt.NDArray[np.uint8], connectivity: int) -> tuple[Labels, int]:
    """Labels the components of a mask, or those of equal values in an image.

    cc3d gets bytes: with booleans of odd size its labels of connectivity 8 also cover single voxels of the
    background, and it raises on some arrays that are one voxel wide (version 4.1.1). It gets a copy of a read-only
    mask, which it refuses.

    Args:
        image: 2D or 3D array of booleans or bytes; 0 is the background.
        connectivity: Number of neighbours of a voxel: 4 or 8 in 2D, 6 or 26 in 3D.

    Returns:
        An array of the same shape with the labels 1, 2, ... and 0 for the background; the number of components.
    """
    voxels = np.require(image, requirements="W").view(np.uint8)
    labels, count = cc3d.connected_components(voxels, connectivity=connectivity, return_N=True, out_dtype=np.uint32)
    return labels, int(count)


def bounding_box(mask: Mask) -> tuple[slice, ...]:
    """Returns the smallest box that holds the foreground; its slices are empty if there is none."""
    box = []
    for axis in range(mask.ndim):
        occupied = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1) if occupied.size else slice(0, 0))
    return tuple(box)
