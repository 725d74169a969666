"""Persistence of a cubical complex from the definition: every cell and the whole boundary matrix.

It shares nothing with segtopo. A cell is a point of the doubled grid; it extends along the axes where its
coordinate is odd:

* V, voxels are vertices: coordinates 0 .. 2n - 2, and a cell enters with the last of its vertices;
* T, voxels are top cells: coordinates 0 .. 2n, and a cell enters with the first of the top cells around it.

Voxels enter one by one, by (value, index) under sublevel and (-value, index) under superlevel. Therefore the
pairs of voxels are unique: they do not depend on how the cells that enter with one voxel are ordered.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

Cell = tuple[int, ...]


class Bar(NamedTuple):
    """One class: where it is born and dies. An essential class has the death voxel (-1, ...)."""

    dimension: int
    birth: float
    death: float
    birth_voxel: tuple[int, ...]
    death_voxel: tuple[int, ...]

    @property
    def essential(self) -> bool:
        return self.death_voxel[0] == -1


def naive_persistence(image: np.ndarray, filtration: str, construction: str) -> list[list[Bar]]:
    """The bars of every dimension 0 .. ndim - 1, those of zero length left out, essential ones included."""
    values = image.ravel().tolist()
    rank = voxel_ranks(values, filtration)
    setters = {cell: setting_voxel(cell, image.shape, rank, construction) for cell in cells(image.shape, construction)}
    order = sorted(setters, key=lambda cell: (rank[setters[cell]], dimension(cell), cell))
    partner = reduce_boundary_matrix(order)

    bars: list[list[Bar]] = [[] for _ in image.shape]
    never = -math.inf if filtration == "superlevel" else math.inf
    for birth_position, death_position in partner.items():
        born = setters[order[birth_position]]
        birth_voxel = unravel(born, image.shape)
        k = dimension(order[birth_position])
        if death_position is None:
            bars[k].append(Bar(k, values[born], never, birth_voxel, (-1,) * image.ndim))
            continue
        killed = setters[order[death_position]]
        if values[born] != values[killed]:
            bars[k].append(Bar(k, values[born], values[killed], birth_voxel, unravel(killed, image.shape)))
    return bars


def voxel_ranks(values: list[float], filtration: str) -> list[int]:
    """The place of every voxel in the order of entry."""
    sign = -1 if filtration == "superlevel" else 1
    order = sorted(range(len(values)), key=lambda voxel: (sign * values[voxel], voxel))
    rank = [0] * len(values)
    for place, voxel in enumerate(order):
        rank[voxel] = place
    return rank


def cells(shape: tuple[int, ...], construction: str) -> Iterator[Cell]:
    lengths = [2 * n - 1 if construction == "V" else 2 * n + 1 for n in shape]
    return itertools.product(*map(range, lengths))


def dimension(cell: Cell) -> int:
    return sum(c % 2 for c in cell)


def setting_voxel(cell: Cell, shape: tuple[int, ...], rank: list[int], construction: str) -> int:
    """The voxel with which a cell enters, as a linear index."""
    choose = max if construction == "V" else min
    return choose(voxels_around(cell, shape, construction), key=rank.__getitem__)


def voxels_around(cell: Cell, shape: tuple[int, ...], construction: str) -> list[int]:
    """The vertices of a cell under V, the top cells that have it as a face under T, as linear indices."""
    if construction == "V":
        around = itertools.product(*({c // 2, (c + 1) // 2} for c in cell))
    else:
        around = itertools.product(
            *([v for v in {(c - 1) // 2, c // 2} if 0 <= v < n] for c, n in zip(cell, shape, strict=True))
        )
    return [linear(voxel, shape) for voxel in around]


def boundary(cell: Cell) -> Iterator[Cell]:
    for axis, c in enumerate(cell):
        if c % 2:
            yield (*cell[:axis], c - 1, *cell[axis + 1 :])
            yield (*cell[:axis], c + 1, *cell[axis + 1 :])


def reduce_boundary_matrix(order: list[Cell]) -> dict[int, int | None]:
    """The standard column reduction over Z/2: place of each creating cell -> place of its destroyer, or None.

    A column is an integer whose bit i tells whether it has cell i: adding is `^`, the pivot is the top bit.
    """
    position = {cell: place for place, cell in enumerate(order)}
    reduced: dict[int, int] = {}
    partner: dict[int, int | None] = {}
    for place, cell in enumerate(order):
        column = sum(1 << position[face] for face in boundary(cell))
        while column and (column.bit_length() - 1) in reduced:
            column ^= reduced[column.bit_length() - 1]
        if column:
            pivot = column.bit_length() - 1
            reduced[pivot] = column
            partner[pivot] = place
        else:
            partner[place] = None
    return partner


def linear(voxel: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(voxel, shape))


def unravel(voxel: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(c) for c in np.unravel_index(voxel, shape))
