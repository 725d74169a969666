"""Skeletons as graphs of neighbouring voxels: their length in mm, and their branches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from segtopo.masks.components import Mask

Indices = npt.NDArray[np.int64]
Step = tuple[int, ...]

SHORTEST_BRANCH = 5  # voxels, as in ATM'22


@dataclass(frozen=True)
class SkeletonGraph:
    """The ``n`` voxels of a skeleton; neighbours share a corner.

    Attributes:
        voxels: ``(n, ndim)`` indices of the voxels.
        lengths: ``(n,)`` length of the skeleton at each voxel in mm: half the way to each neighbour. A step that two
            shorter steps replace does not count, so a staircase is as long as its steps. A voxel without neighbours has
            the mean of the spacing.
        branches: ``(n,)`` branch of each voxel; -1 if it is in none. A voxel with more than two neighbours is a
            junction, and a connected piece of at least five other voxels is a branch.
    """

    voxels: Indices
    lengths: npt.NDArray[np.float64]
    branches: Indices

    @classmethod
    def of(cls, skeleton: Mask, spacing: tuple[float, ...]) -> SkeletonGraph:
        """Builds the graph of a skeleton.

        Example:
            >>> import numpy as np
            >>> graph = SkeletonGraph.of(np.eye(6, dtype=bool), spacing=(3, 4))
            >>> graph.lengths
            array([2.5, 5. , 5. , 5. , 5. , 2.5])
            >>> graph.branches
            array([0, 0, 0, 0, 0, 0])
        """
        voxels = np.argwhere(skeleton)
        lookup = _Lookup(voxels, skeleton.shape)
        lengths, ends = np.zeros(len(voxels)), []
        for step in _half_of(_steps(skeleton.ndim)):
            first, second = edges = lookup.edges(step)
            ends.append(edges)
            direct = np.ones(len(first), dtype=bool)
            for part in _shorter_parts(step, spacing):
                direct &= ~lookup.has(first, part)
            for end in (first[direct], second[direct]):
                lengths[end] += _length(step, spacing) / 2
        neighbours = np.concatenate(ends, axis=1)
        degrees = np.bincount(neighbours.ravel(), minlength=len(voxels))
        lengths[degrees == 0] = np.mean(spacing)
        return cls(voxels, lengths, _branches(neighbours, degrees <= 2))

    def inside(self, mask: Mask) -> Mask:
        """Returns ``(n,)`` True for the voxels of the skeleton in a mask."""
        voxels: Mask = mask[tuple(self.voxels.T)]
        return voxels


class _Lookup:
    """Finds the neighbours of voxels; their linear indices count a border of one voxel around the image."""

    def __init__(self, voxels: Indices, shape: tuple[int, ...]) -> None:
        self._strides = np.cumprod((1, *(n + 2 for n in shape[:0:-1])))[::-1]
        self._codes = (voxels + 1) @ self._strides

    def has(self, voxels: Indices, step: Step) -> Mask:
        """Tells which voxels have a neighbour at a step."""
        found: Mask = self._find(voxels, step)[1]
        return found

    def edges(self, step: Step) -> tuple[Indices, Indices]:
        """Returns the voxels that have a neighbour at a step, and these neighbours."""
        position, found = self._find(np.arange(len(self._codes)), step)
        return np.flatnonzero(found), position[found]

    def _find(self, voxels: Indices, step: Step) -> tuple[Indices, Mask]:
        codes = self._codes[voxels] + int(np.dot(step, self._strides))
        position = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        return position, self._codes[position] == codes


def _branches(neighbours: Indices, chosen: Mask) -> Indices:
    """Numbers the connected pieces of the chosen voxels that are long enough."""
    kept = neighbours[:, chosen[neighbours].all(axis=0)]
    size = len(chosen)
    _, pieces = connected_components(coo_array((np.ones(kept.shape[1]), tuple(kept)), shape=(size, size)), False)
    long_enough = np.bincount(pieces, minlength=size) >= SHORTEST_BRANCH
    is_branch = chosen & long_enough[pieces]
    branches = np.full(size, -1)
    branches[is_branch] = np.unique(pieces[is_branch], return_inverse=True)[1]
    return branches


def _steps(ndim: int) -> list[Step]:
    return [step for step in product((-1, 0, 1), repeat=ndim) if any(step)]


def _half_of(steps: list[Step]) -> list[Step]:
    """Keeps one of each two opposite steps."""
    return [step for step in steps if step > (0,) * len(step)]


def _shorter_parts(step: Step, spacing: tuple[float, ...]) -> list[Step]:
    """Returns each first part of two steps that lead to the same voxel and are both shorter."""
    parts = _steps(len(step))
    rests = [tuple(whole - part for whole, part in zip(step, first, strict=True)) for first in parts]
    longest = _length(step, spacing)
    return [
        first
        for first, rest in zip(parts, rests, strict=True)
        if rest in parts and max(_length(first, spacing), _length(rest, spacing)) < longest
    ]


def _length(step: Step, spacing: tuple[float, ...]) -> float:
    return float(np.linalg.norm(np.multiply(step, spacing)))
