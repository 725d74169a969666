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
    """Disjoint sets of voxels of an image.

    Attributes:
        labels: The labels 1 to ``len(self)`` of the regions, and 0, in a box of the image.
        sizes: ``(n,)`` numbers of voxels.
        box: The box; the outside of the image may be a part of it.
        shape: Shape of the image.
    """

    labels: npt.NDArray[np.integer[Any]]
    sizes: Indices
    box: tuple[slice, ...]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def _grouped(self) -> tuple[Indices, Indices]:
        """The linear indices in the image of all voxels of regions, sorted by label, and the end of each region."""
        inside = np.flatnonzero(self.labels)
        labels = self.labels.ravel()[inside]
        places = np.unravel_index(inside, self.labels.shape)
        index = np.ravel_multi_index([p + b.start for p, b in zip(places, self.box, strict=True)], self.shape)
        return index[np.argsort(labels, kind="stable")].astype(np.int64), np.cumsum(self.sizes)

    def voxels(self, region: int) -> Indices:
        """Returns the linear indices of the voxels of a region, counted from 0."""
        index, ends = self._grouped
        return index[ends[region] - self.sizes[region] : ends[region]]

    def sums(self, values: npt.NDArray[np.floating[Any] | np.bool_]) -> npt.NDArray[np.float64]:
        """Returns the sum ``(n,)`` of an image's values in each region."""
        index, ends = self._grouped
        return (
            np.add.reduceat(values.ravel()[index].astype(np.float64), ends - self.sizes) if len(self) else np.empty(0)
        )

    def largest(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Returns the largest value ``(n,)`` of an image in each region."""
        index, ends = self._grouped
        return np.maximum.reduceat(values.ravel()[index], ends - self.sizes) if len(self) else np.empty(0)


def find_pieces(mask: Mask, construction: Construction) -> Regions:
    """Finds the components of a mask."""
    box = bounding_box(mask)
    labels, count = label_components(np.ascontiguousarray(mask[box]), connectivities(construction, mask.ndim)[0])
    return Regions(labels, np.bincount(labels.ravel(), minlength=count + 1)[1:], box, mask.shape)


def find_holes(mask: Mask, construction: Construction) -> Regions:
    """Finds the components of the background that do not reach the outside of the image: holes or cavities."""
    box = bounding_box(mask)
    # A layer around the mask makes the outside one component, whose first voxel is the corner.
    background = np.pad(~mask[box], 1, constant_values=True)
    labels, count = label_components(background, connectivities(construction, mask.ndim)[1])
    new_labels = np.arange(count + 1, dtype=labels.dtype)
    outside = int(labels.flat[0])
    new_labels[outside:] -= 1
    new_labels[outside] = 0
    labels = new_labels[labels][(slice(1, -1),) * mask.ndim]
    return Regions(labels, np.bincount(labels.ravel(), minlength=count)[1:], box, mask.shape)
