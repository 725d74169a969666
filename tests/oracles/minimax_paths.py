"""Minimax paths by a best-first search, voxel by voxel."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from itertools import product

import numpy as np

Voxel = tuple[int, ...]


def steps_of(ndim: int, connectivity: int) -> list[Voxel]:
    """The displacements to the neighbours of a voxel: 4 or 8 of them in 2D, 6 or 26 in 3D."""
    steps = [step for step in product((-1, 0, 1), repeat=ndim) if any(step)]
    steps = [step for step in steps if connectivity == 3**ndim - 1 or sum(map(abs, step)) == 1]
    assert len(steps) == connectivity
    return steps


def are_adjacent(one: int, other: int, shape: tuple[int, ...], connectivity: int) -> bool:
    """Tells whether two voxels, given by linear indices, are neighbours."""
    a, b = np.unravel_index(one, shape), np.unravel_index(other, shape)
    return tuple(int(y - x) for x, y in zip(a, b, strict=True)) in steps_of(len(shape), connectivity)


def largest_smallest_value(image: np.ndarray, start: np.ndarray, goal: np.ndarray, connectivity: int) -> float:
    """The largest number that all values of some path from ``start`` to ``goal``, two masks, reach; -inf if none is."""
    values = dict(np.ndenumerate(image))
    goals = voxels_of(goal)
    steps = steps_of(image.ndim, connectivity)
    open_voxels = [(-values[voxel], voxel) for voxel in voxels_of(start)]
    heapq.heapify(open_voxels)
    reached: set[Voxel] = set()
    while open_voxels:
        negative, voxel = heapq.heappop(open_voxels)
        if voxel in goals:
            return -negative
        if voxel in reached:
            continue
        reached.add(voxel)
        for neighbour in neighbours(voxel, steps):
            if neighbour in values and neighbour not in reached:
                heapq.heappush(open_voxels, (max(negative, -values[neighbour]), neighbour))
    return -math.inf


def voxels_of(mask: np.ndarray) -> set[Voxel]:
    return {tuple(voxel) for voxel in np.argwhere(mask).tolist()}


def neighbours(voxel: Voxel, steps: list[Voxel]) -> Iterable[Voxel]:
    return (tuple(x + d for x, d in zip(voxel, step, strict=True)) for step in steps)
