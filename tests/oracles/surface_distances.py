"""Distances between the surfaces of masks by comparing every voxel with every other."""

from __future__ import annotations

import itertools
import math

import numpy as np


def surface(mask: np.ndarray) -> list[tuple[int, ...]]:
    """The voxels with a neighbour across a face that is not in the mask; outside of the image nothing is."""
    voxels = {tuple(voxel) for voxel in np.argwhere(mask).tolist()}
    steps = [tuple(sign * (a == axis) for a in range(mask.ndim)) for axis in range(mask.ndim) for sign in (-1, 1)]
    return sorted(v for v in voxels if any(tuple(np.add(v, step).tolist()) not in voxels for step in steps))


def distances(start: np.ndarray, end: np.ndarray, spacing: tuple[float, ...]) -> list[float]:
    """The distance from each voxel of the surface of ``start`` to the surface of ``end``."""
    target = surface(end)
    return [
        min(math.sqrt(sum((s * (a - b)) ** 2 for s, a, b in zip(spacing, p, q, strict=True))) for q in target)
        for p in surface(start)
    ]


def hausdorff(one: np.ndarray, other: np.ndarray, spacing: tuple[float, ...], percent: float) -> float:
    """The larger of the two percentiles, with linear interpolation between neighbouring distances."""
    return max(_percentile(distances(*pair, spacing), percent) for pair in itertools.permutations((one, other)))


def _percentile(values: list[float], percent: float) -> float:
    values = sorted(values)
    rank = (len(values) - 1) * percent / 100
    below, above = values[math.floor(rank)], values[math.ceil(rank)]
    return below + (above - below) * (rank - math.floor(rank))
