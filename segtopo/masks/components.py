"""Connected components of masks, and the neighbours that connect voxels of a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
import numpy.typing as npt

from segtopo.persistence import Construction

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.integer[Any]]

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


def label_components(mask: Mask, connectivity: int) -> tuple[Labels, int]:
    """Labels the components of a mask.

    cc3d gets bytes: with booleans of odd size its labels of connectivity 8 also cover single voxels of the
    background, and it raises on some arrays that are one voxel wide (version 4.1.1). It gets a copy of a read-only
    mask, which it refuses.

    Args:
        mask: 2D or 3D boolean array.
        connectivity: Number of neighbours of a voxel: 4 or 8 in 2D, 6 or 26 in 3D.

    Returns:
        An array of the mask's shape with the labels 1, 2, ... and 0 for the background; the number of components.
    """
    voxels = np.require(mask, requirements="W").view(np.uint8)
    labels, count = cc3d.connected_components(voxels, connectivity=connectivity, return_N=True)
    return labels, int(count)


@dataclass(frozen=True)
class Components:
    """The components of a mask, by their labels 1, 2, ...; the entries of label 0 stand for the background.

    Attributes:
        labels: ``(voxels,)`` label of each voxel in C order.
        sizes: ``(labels,)`` number of voxels of each component; 0 for the background.
        first: ``(labels,)`` linear index of the first voxel of each component; -1 for the background.
    """

    labels: Labels
    sizes: Indices
    first: Indices

    @classmethod
    def of(cls, mask: Mask, connectivity: int) -> Components:
        """Finds the components of a mask; for the connectivity see :func:`label_components`."""
        array, count = label_components(mask, connectivity)
        labels = array.reshape(-1)
        # Voxels in a row of one label are one run. There are far fewer runs than voxels.
        starts = np.concatenate([[0], np.flatnonzero(labels[1:] != labels[:-1]) + 1])
        label_of_run = labels[starts]
        sizes = np.bincount(label_of_run, np.diff(starts, append=labels.size), count + 1).astype(np.int64)
        first = np.empty(count + 1, np.int64)
        first[label_of_run[::-1]] = starts[::-1]  # of several runs of one label the last written remains
        sizes[0], first[0] = 0, -1
        return cls(labels, sizes, first)


def bounding_box(mask: Mask) -> tuple[slice, ...]:
    """Returns the smallest box that holds the foreground; its slices are empty if there is none."""
    box = []
    for axis in range(mask.ndim):
        occupied = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1) if occupied.size else slice(0, 0))
    return tuple(box)
