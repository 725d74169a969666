"""The Euler characteristic of a mask by counting cells."""

from __future__ import annotations

import itertools

import numpy as np


def euler_characteristic(mask: np.ndarray, construction: str) -> int:
    """Counts vertices minus edges plus squares minus cubes of the complex of a mask."""
    return sum(
        (-1) ** sum(extent) * int(_cells_along(mask, extent, construction).sum())
        for extent in itertools.product((0, 1), repeat=mask.ndim)
    )


def _cells_along(mask: np.ndarray, extent: tuple[int, ...], construction: str) -> np.ndarray:
    """Marks the cells of the complex that extend along exactly the axes with extent 1."""
    present = np.asarray(mask, bool)
    for axis, extends in enumerate(extent):
        if construction == "V" and extends:  # an edge needs both of its vertices
            present = _neighbours(present, axis, np.logical_and)
        if construction == "T" and not extends:  # a facet needs one of its two voxels
            padding = [(int(a == axis),) * 2 for a in range(mask.ndim)]
            present = _neighbours(np.pad(present, padding), axis, np.logical_or)
    return present


def _neighbours(present: np.ndarray, axis: int, combine: np.ufunc) -> np.ndarray:
    n = present.shape[axis]
    return combine(present.take(range(n - 1), axis), present.take(range(1, n), axis))
