"""Betti numbers by brute force: every cell of the cubical complex, ranks of its boundary matrices over Z2."""

from __future__ import annotations

from itertools import product

import numpy as np

Cell = tuple[int, ...]  # doubled coordinates: even along an axis where the cell is a point, odd where it has length


def betti_numbers(mask: np.ndarray, construction: str) -> tuple[int, ...]:
    """Computes the Betti numbers of a small mask in dimensions 0 to ndim - 1."""
    by_dimension: list[list[Cell]] = [[] for _ in range(mask.ndim + 2)]
    for cell in sorted(voxel_cells(mask) if construction == "T" else vertex_cells(mask)):
        by_dimension[dimension(cell)].append(cell)
    ranks = [0] + [boundary_rank(by_dimension[k], by_dimension[k - 1]) for k in range(1, mask.ndim + 1)] + [0]
    return tuple(len(by_dimension[k]) - ranks[k] - ranks[k + 1] for k in range(mask.ndim))


def dimension(cell: Cell) -> int:
    return sum(c % 2 for c in cell)


def voxel_cells(mask: np.ndarray) -> set[Cell]:
    """T: the voxels are closed cubes with all their faces."""
    return {
        tuple(2 * i + 1 + o for i, o in zip(voxel, offsets, strict=True))
        for voxel in np.argwhere(mask).tolist()
        for offsets in product((-1, 0, 1), repeat=mask.ndim)
    }


def vertex_cells(mask: np.ndarray) -> set[Cell]:
    """V: the voxels are vertices; a cell is in the complex if all its vertices are."""
    cells = product(*(range(2 * n - 1) for n in mask.shape))
    return {cell for cell in cells if all(mask[v] for v in product(*((c // 2, (c + 1) // 2) for c in cell)))}


def boundary_rank(cells: list[Cell], faces: list[Cell]) -> int:
    """Computes the rank over Z2 of the boundary matrix."""
    number = {face: i for i, face in enumerate(faces)}
    return rank([boundary(cell, number) for cell in cells])


def boundary(cell: Cell, number: dict[Cell, int]) -> int:
    """Returns the facets of a cell as the bits of an integer."""
    facets = 0
    for axis, c in enumerate(cell):
        if c % 2:
            for shift in (-1, 1):
                facets ^= 1 << number[(*cell[:axis], c + shift, *cell[axis + 1 :])]
    return facets


def rank(columns: list[int]) -> int:
    """Computes the rank over Z2 of a matrix; the bits of an integer are the rows of a column."""
    pivots: dict[int, int] = {}
    for column in columns:
        rest = column
        while rest and rest.bit_length() in pivots:
            rest ^= pivots[rest.bit_length()]
        if rest:
            pivots[rest.bit_length()] = rest
    return len(pivots)
