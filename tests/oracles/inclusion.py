"""The map that an inclusion of masks induces in homology, by linear algebra over Z2 on all cells."""

from __future__ import annotations

import numpy as np

from oracles.betti import Cell, boundary, dimension, rank, vertex_cells, voxel_cells


def kernel_and_cokernel(smaller: np.ndarray, larger: np.ndarray, construction: str) -> tuple[list[int], list[int]]:
    """Computes the dimensions of kernel and cokernel of H_k(smaller) -> H_k(larger) for k from 0 to ndim - 1."""
    cells_of = voxel_cells if construction == "T" else vertex_cells
    inside, cells = cells_of(smaller), sorted(cells_of(larger))
    number = {cell: i for i, cell in enumerate(cells)}
    kernel, cokernel = [], []
    for k in range(smaller.ndim):
        of_dimension = [cell for cell in cells if dimension(cell) == k]
        larger_cycles = cycles(of_dimension, number)
        smaller_cycles = cycles([cell for cell in of_dimension if cell in inside], number)
        higher = [cell for cell in cells if dimension(cell) == k + 1]
        boundaries = [boundary(cell, number) for cell in higher]
        smaller_boundaries = [boundary(cell, number) for cell in higher if cell in inside]
        image = rank(smaller_cycles + boundaries) - rank(boundaries)
        kernel.append(len(smaller_cycles) - rank(smaller_boundaries) - image)
        cokernel.append(len(larger_cycles) - rank(boundaries) - image)
    return kernel, cokernel


def cycles(cells: list[Cell], number: dict[Cell, int]) -> list[int]:
    """Returns a basis of the cycles of these cells; the bits of an integer are the cells of a cycle."""
    basis: dict[int, tuple[int, int]] = {}
    found = []
    for cell in cells:
        column, chain = boundary(cell, number), 1 << number[cell]
        while column and column.bit_length() in basis:
            other_column, other_chain = basis[column.bit_length()]
            column, chain = column ^ other_column, chain ^ other_chain
        if column:
            basis[column.bit_length()] = column, chain
        else:
            found.append(chain)
    return found
