"""The pieces of a mask, its holes (2D) and its cavities (3D), as groups of voxels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask, bounding_box, connectivities, label_components
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import Indices


@dataclass(frozen=True, eq=False)
class Regions:
    """Disjoint sets of voxels of an image, counted from 0.

    Attributes:
        index: ``(k,)`` linear indices of the voxels of all regions, one region after the other.
        sizes: ``(n,)`` numbers of voxels of the regions.
    """

    index: Indices
    sizes: Indices

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def ends(self) -> Indices:
        """``(n,)`` the end of each region in ``index``."""
        return np.cumsum(self.sizes)

    def voxels(self, region: int) -> Indices:
        """Returns the linear indices of the voxels of a region."""
        return self.index[self.ends[region] - self.sizes[region] : self.ends[region]]

    def parts(self) -> list[Indices]:
        """Returns the linear indices of the voxels of each region."""
        return [self.voxels(region) for region in range(len(self))]

    def select(self, chosen: npt.NDArray[np.bool_]) -> Regions:
        """Returns the chosen ``(n,)`` regions."""
        return Regions(self.index[np.repeat(chosen, self.sizes)], self.sizes[chosen])

    def at(self, voxels: Indices) -> Indices:
        """Returns the region of each voxel, given by linear indices; all of them must be in regions."""
        order = np.argsort(self.index)
        positions = order[np.searchsorted(self.index[order], voxels)]
        return np.searchsorted(self.ends, positions, side="right")

    def sums(self, values: npt.NDArray[np.floating[Any] | np.bool_]) -> npt.NDArray[np.float64]:
        """Returns the sum ``(n,)`` of an image's values in each region."""
        chosen = values.ravel()[self.index].astype(np.float64)
        return np.add.reduceat(chosen, self.ends - self.sizes) if len(self) else np.empty(0)

    def largest(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Returns the largest value ``(n,)`` of an image in each region."""
        return np.maximum.reduceat(values.ravel()[self.index], self.ends - self.sizes) if len(self) else np.empty(0)


def find_pieces(mask: Mask, construction: Construction) -> Regions:
    """Finds the components of a mask."""
    box = bounding_box(mask)
    labels, _ = label_components(np.ascontiguousarray(mask[box]), connectivities(construction, mask.ndim)[0])
    return _regions(labels, labels != 0, box, mask.shape)


def find_holes(mask: Mask, construction: Construction) -> Regions:
    """Finds the components of the background that do not reach the outside of the image: holes or cavities."""
    box = bounding_box(mask)
    # A layer around the mask makes the outside one component, whose first voxel is the corner.
    background = np.pad(~mask[box], 1, constant_values=True)
    labels, _ = label_components(background, connectivities(construction, mask.ndim)[1])
    outside = labels.flat[0]
    labels = labels[(slice(1, -1),) * mask.ndim]
    return _regions(labels, (labels != 0) & (labels != outside), box, mask.shape)


def _regions(
    labels: npt.NDArray[np.integer[Any]], chosen: Mask, box: tuple[slice, ...], shape: tuple[int, ...]
) -> Regions:
    """Groups the chosen voxels by their labels in a box of the image."""
    # Most voxels belong to no region: only the others are counted and sorted.
    places = np.nonzero(chosen)
    index = np.ravel_multi_index([p + b.start for p, b in zip(places, box, strict=True)], shape).astype(np.int64)
    found = labels[places]
    order = np.argsort(found, kind="stable")
    _, sizes = np.unique(found, return_counts=True)
    return Regions(index[order], sizes)
