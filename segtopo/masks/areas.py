"""The areas of two masks: the components of the voxels that one has, that the other has, and that both have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from segtopo import _native
from segtopo.masks.components import FULL_CONNECTIVITY, Indices, Labels, Mask, label_components

PREDICTION, REFERENCE, BOTH = (np.uint8(code) for code in (1, 2, 3))


class NeighbourColumns(NamedTuple):
    """Pairs of neighbouring voxels, one of an area of one mask alone, one of an area that the other mask has.

    Attributes:
        voxels: ``(n,)`` linear index of the voxel of one mask alone.
        neighbours: ``(n,)`` linear index of the voxel of the other mask.
        counts: ``(n,)`` number of pairs for which the row stands.
    """

    voxels: Indices
    neighbours: Indices
    counts: Indices


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas of a prediction and a reference, with a border of background, by their labels 1, 2, ...

    The components of both masks follow from the areas and their contacts, so one labelling is enough. An area of one
    mask alone is a piece: it joins components of the other mask, or it is a component of its own.

    Attributes:
        shape: Shape of the masks with their border.
        connectivity: See :func:`~segtopo.masks.components.label_components`.
        labels: ``(voxels,)`` label of each voxel in C order; 0 for voxels of neither mask.
        masks: ``(labels,)`` ``PREDICTION`` or ``REFERENCE`` for areas of one mask alone, ``BOTH``, or 0 for label 0.
        sizes: ``(labels,)`` number of voxels of each area; 0 for label 0.
        first: ``(labels,)`` linear index of the first voxel of each area; -1 for label 0.
    """

    shape: tuple[int, ...]
    connectivity: int
    labels: Labels
    masks: npt.NDArray[np.uint8]
    sizes: Indices
    first: Indices

    @classmethod
    def of(cls, prediction: Mask, reference: Mask, connectivity: int) -> Areas:
        """Finds the areas of two masks of one shape."""
        image = np.pad(prediction * PREDICTION + reference * REFERENCE, 1)
        array, count = label_components(image, connectivity)
        labels, voxels = array.reshape(-1), image.reshape(-1)
        # Voxels in a row of one label are one run. There are far fewer runs than voxels.
        starts = np.concatenate([[0], np.flatnonzero(labels[1:] != labels[:-1]) + 1])
        label_of_run = labels[starts]
        sizes = np.bincount(label_of_run, np.diff(starts, append=labels.size), count + 1).astype(np.int64)
        first = np.empty(count + 1, np.int64)
        first[label_of_run[::-1]] = starts[::-1]  # of several runs of one label the last written remains
        masks = voxels[first]
        sizes[0], first[0] = 0, -1
        return cls(image.shape, connectivity, labels, masks, sizes, first)

    @cached_property
    def touching(self) -> NeighbourColumns:
        """One row for each two areas that touch, one of a mask alone, the other of the other mask."""
        return NeighbourColumns(*_native.find_contacts(self.labels, self.masks, self._steps))

    @cached_property
    def in_prediction(self) -> Indices:
        """``(labels,)`` component of the prediction that contains each area; 0 for areas outside it."""
        return self._components(PREDICTION)

    @cached_property
    def in_reference(self) -> Indices:
        """``(labels,)`` component of the reference that contains each area; 0 for areas outside it."""
        return self._components(REFERENCE)

    def neighbours_of(self, areas: Indices) -> NeighbourColumns:
        """Finds all pairs of neighbouring voxels between some areas of one mask alone and areas of the other mask."""
        other_mask = np.zeros(len(self.masks), np.uint8)
        other_mask[areas] = BOTH - self.masks[areas]
        inside = np.flatnonzero(self.labels)
        inside = inside[other_mask[self.labels[inside]] > 0]
        wanted = other_mask[self.labels[inside]]
        touching = [inside[self.masks[self.labels[inside + step]] & wanted > 0] for step in self._steps]
        voxels = np.concatenate(touching)
        neighbours = voxels + np.repeat(self._steps, [len(rows) for rows in touching])
        return NeighbourColumns(voxels, neighbours, np.ones(len(voxels), np.int64))

    def voxels_at(self, indices: Indices) -> Indices:
        """Converts linear indices to ``(n, ndim)`` voxels of the masks without their border."""
        voxels: Indices = np.stack(np.unravel_index(indices, self.shape), axis=-1) - 1
        return voxels

    def sizes_at(self, voxels: Indices) -> Indices:
        """Returns the sizes of the areas that contain ``(n, ndim)`` voxels of the masks without their border."""
        sizes: Indices = self.sizes[self.labels[np.ravel_multi_index(tuple(voxels.T + 1), self.shape)]]
        return sizes

    def _components(self, mask: np.uint8) -> Indices:
        """Joins the areas of a mask that touch: areas of the mask alone and areas of both masks."""
        area, neighbour_area = self.labels[self.touching.voxels], self.labels[self.touching.neighbours]
        rows = (self.masks[area] == mask) & (self.masks[neighbour_area] == BOTH)
        edges = coo_array((rows[rows], (area[rows], neighbour_area[rows])), (len(self.masks),) * 2)
        components = connected_components(edges, directed=False)[1]
        inside = (self.masks & mask) > 0
        found = np.zeros(len(self.masks), np.int64)
        found[inside] = np.unique(components[inside], return_inverse=True)[1] + 1
        return found

    @cached_property
    def _steps(self) -> Indices:
        """The differences between the linear indices of a voxel's neighbours and its own."""
        ndim = len(self.shape)
        strides = np.cumprod((1, *self.shape[:0:-1]))[::-1]
        full = self.connectivity == FULL_CONNECTIVITY[ndim]
        shifts = (s for s in product((-1, 0, 1), repeat=ndim) if any(s) and (full or np.abs(s).sum() == 1))
        return np.array([np.dot(shift, strides) for shift in shifts])
