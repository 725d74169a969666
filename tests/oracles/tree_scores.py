"""Scores of trees from the formulas of ATM'22 and AIIB23, with a graph of the skeleton walked voxel by voxel."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

Voxel = tuple[int, ...]


def branches(skeleton: np.ndarray) -> list[set[Voxel]]:
    """The pieces of a skeleton between junctions with at least 5 voxels, in the order of their first voxels."""
    voxels = _voxels(skeleton)
    junctions = {voxel for voxel in voxels if sum(1 for _ in _neighbours(voxel, voxels)) > 2}
    found = [piece for piece in components(voxels - junctions) if len(piece) >= 5]
    return sorted(found, key=min) or [voxels]


def components(voxels: set[Voxel], faces_only: bool = False) -> list[set[Voxel]]:
    """The connected pieces of a set of voxels."""
    left, found = set(voxels), []
    while left:
        piece = {min(left)}
        front = set(piece)
        while front:
            front = {n for voxel in front for n in _neighbours(voxel, left, faces_only)} - piece
            piece |= front
        left -= piece
        found.append(piece)
    return found


def length_detected(skeleton: np.ndarray, prediction: np.ndarray) -> float:
    voxels = _voxels(skeleton)
    return len(voxels & _voxels(prediction)) / len(voxels)


def branches_detected(skeleton: np.ndarray, prediction: np.ndarray) -> float:
    found = branches(skeleton)
    return sum(10 * len(branch & _voxels(prediction)) >= 8 * len(branch) for branch in found) / len(found)


def leakage(prediction: np.ndarray, reference: np.ndarray) -> float:
    return len(_voxels(prediction) - _voxels(reference)) / len(_voxels(reference))


def largest_component(mask: np.ndarray, construction: str) -> np.ndarray:
    largest = np.zeros_like(mask)
    pieces = components(_voxels(mask), faces_only=construction == "V")
    for voxel in max(pieces, key=lambda piece: (len(piece), [-i for i in min(piece)])):
        largest[voxel] = True
    return largest


def _voxels(mask: np.ndarray) -> set[Voxel]:
    return {tuple(voxel) for voxel in np.argwhere(mask).tolist()}


def _neighbours(voxel: Voxel, among: set[Voxel], faces_only: bool = False) -> Iterator[Voxel]:
    for step in itertools.product((-1, 0, 1), repeat=len(voxel)):
        neighbour = tuple(i + s for i, s in zip(voxel, step, strict=True))
        if any(step) and (not faces_only or sum(map(abs, step)) == 1) and neighbour in among:
            yield neighbour
