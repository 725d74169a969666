"""Betti matching from the definition: image persistence by dense reduction over Z2, then the induced matching.

It shares nothing with segtopo. Prediction P, target G and their union C = min(P, G) filter one complex, cell by
cell, all by sublevels (superlevel images are negated). The image of P in C pairs cells as the boundary matrix with its
columns in the order of C and its rows in the order of P (Bauer and Schmahl, "Efficient computation of image
persistence", SoCG 2023). A bar of P and a bar of G match when their images in C die at one cell (Bauer and Lesnick,
"Induced matchings and the algebraic stability of persistence barcodes", 2015; Stucki et al., "Topologically faithful
image segmentation via induced matching of persistence barcodes", ICML 2023).

Where voxels tie the matching depends on the order, so the order is part of the definition:

* voxels enter P by (P, index), G by (G, P, index) and C by (C, G, P, index);
* cells that enter with one voxel follow a coreduction of its star under V, and under T, where all is dual, the
  reverse of a coreduction of the dual star.

A threshold restricts all three to the complex of the voxels with C <= threshold (1 + C under superlevel): under T a
cell enters with the first of the top cells that are kept. A cone over that complex ends all three, so that essential
classes die too, at cells of the cone, and image persistence pairs every one of C with exactly one of P and one of G.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from oracles.naive_persistence import Bar, Cell, boundary, cells, dimension, unravel, voxels_around

Displacement = tuple[int, ...]


@dataclass(frozen=True)
class InducedMatching:
    """For every dimension 0 .. ndim - 1 the bars of both images and those matched; equal bars may occur repeatedly."""

    prediction: list[list[Bar]]
    target: list[list[Bar]]
    matched: list[list[tuple[Bar, Bar]]]


class FilteredComplex(NamedTuple):
    """The setting voxel of every cell, in the order in which cells enter, and the sublevel value of every voxel."""

    setters: dict[Cell, int]
    values: list[float]

    def value(self, cell: Cell) -> float:
        return self.values[self.setters[cell]]


class Killer(NamedTuple):
    """Where a class dies: at a cell of the complex, or, if it is essential, at the cone over one."""

    cell: Cell
    in_cone: bool


NEVER = Killer((), in_cone=True)  # without a cone a single class survives, so it may die at a place of its own


def induced_matching(
    prediction: np.ndarray, target: np.ndarray, filtration: str, construction: str, threshold: float | None = None
) -> InducedMatching:
    """The bars of both images, those of zero length left out, essential ones included, and which of them match."""
    complexes = filtered_complexes(prediction, target, filtration, construction, threshold)
    own, union = complexes[:2], complexes[2]
    coned = threshold is not None
    of_prediction, of_target = (bars(one, filtration, prediction.shape, coned) for one in own)
    into_prediction, into_target = (image_killers(one, union, coned) for one in own)

    birth_in_target = {killer: birth for birth, killer in into_target.items()}
    matched: list[list[tuple[Bar, Bar]]] = [[] for _ in prediction.shape]
    for birth, killer in into_prediction.items():
        if killer in birth_in_target:
            matched[dimension(birth)].append((of_prediction[birth], of_target[birth_in_target[killer]]))
    return InducedMatching(by_dimension(of_prediction, prediction.ndim), by_dimension(of_target, target.ndim), matched)


def filtered_complexes(
    prediction: np.ndarray, target: np.ndarray, filtration: str, construction: str, threshold: float | None = None
) -> tuple[FilteredComplex, FilteredComplex, FilteredComplex]:
    """The complex of the voxels kept, filtered by the prediction, by the target and by their union."""
    sign = -1 if filtration == "superlevel" else 1
    p, g = ([sign * value for value in image.ravel().tolist()] for image in (prediction, target))
    c = list(map(min, p, g))
    certain = -1 if filtration == "superlevel" else 0  # the sublevel value from which the threshold is measured
    kept = [v for v in range(len(c)) if threshold is None or c[v] - certain <= threshold]
    by_prediction = sorted(kept, key=lambda v: (p[v], v))
    by_target = sorted(kept, key=lambda v: (g[v], p[v], v))
    by_union = sorted(kept, key=lambda v: (c[v], g[v], p[v], v))
    return (
        FilteredComplex(enter_cells(by_prediction, prediction.shape, construction), p),
        FilteredComplex(enter_cells(by_target, prediction.shape, construction), g),
        FilteredComplex(enter_cells(by_union, prediction.shape, construction), c),
    )


def enter_cells(voxels: list[int], shape: tuple[int, ...], construction: str) -> dict[Cell, int]:
    """The setting voxel of every cell, in the order of cells that the order of the voxels kept gives."""
    rank = {voxel: place for place, voxel in enumerate(voxels)}
    stars: dict[int, dict[Displacement, Cell]] = {voxel: {} for voxel in voxels}
    for cell in cells(shape, construction):
        around = voxels_around(cell, shape, construction)
        entered = [voxel for voxel in around if voxel in rank]
        if construction == "V" and len(entered) == len(around):
            setter = max(entered, key=rank.__getitem__)
            stars[setter][tuple(c - 2 * x for c, x in zip(cell, unravel(setter, shape), strict=True))] = cell
        elif construction == "T" and entered:
            setter = min(entered, key=rank.__getitem__)
            # Minus: the dual grid is mirrored, so that among ties larger indices enter first.
            stars[setter][tuple(2 * x + 1 - c for c, x in zip(cell, unravel(setter, shape), strict=True))] = cell
    direction = 1 if construction == "V" else -1
    return {star[d]: voxel for voxel, star in stars.items() for d in coreduction(star)[::direction]}


def coreduction(star: Iterable[Displacement]) -> list[Displacement]:
    """The order in which coreduction takes the cells of a star, each named by its displacement from the voxel."""
    left = sorted(star, key=code)
    order: list[Displacement] = []
    while left:
        closures = ([*(facet for facet in facets(cell) if facet in left), cell] for cell in left)
        taken = next((closure for closure in closures if len(closure) == 2), left[:1])
        order += taken
        left = [cell for cell in left if cell not in taken]
    return order


def code(displacement: Displacement) -> tuple[int, int]:
    return sum(map(abs, displacement)), sum((d + 1) * 3**axis for axis, d in enumerate(displacement))


def facets(displacement: Displacement) -> Iterator[Displacement]:
    """The facets that contain the voxel."""
    for axis, d in enumerate(displacement):
        if d:
            yield (*displacement[:axis], 0, *displacement[axis + 1 :])


def bars(one: FilteredComplex, filtration: str, shape: tuple[int, ...], coned: bool) -> dict[Cell, Bar]:
    """The bars of one filtration, by the cell that gives birth."""
    sign = -1 if filtration == "superlevel" else 1
    killers = pair_cells(one, one, coned)
    negative = {killer.cell for killer in killers.values() if not killer.in_cone}
    found = {}
    for birth in one.setters:
        if birth in negative:
            continue
        killer = killers.get(birth, NEVER)
        death, death_voxel = math.inf, (-1,) * len(shape)
        if not killer.in_cone:
            death, death_voxel = one.value(killer.cell), unravel(one.setters[killer.cell], shape)
        if killer.in_cone or one.value(birth) != death:
            birth_voxel = unravel(one.setters[birth], shape)
            found[birth] = Bar(dimension(birth), sign * one.value(birth), sign * death, birth_voxel, death_voxel)
    return found


def image_killers(one: FilteredComplex, union: FilteredComplex, coned: bool) -> dict[Cell, Killer]:
    """The non-empty bars of the image of one filtration in the union: the cells that give birth, and where they die."""
    killers = pair_cells(union, one, coned)
    lasting = {
        birth: killer
        for birth, killer in killers.items()
        if killer.in_cone or one.value(birth) < union.value(killer.cell)
    }
    if not coned:
        lasting[next(iter(one.setters))] = NEVER
    return lasting


def pair_cells(columns: FilteredComplex, rows: FilteredComplex, coned: bool) -> dict[Cell, Killer]:
    """Reduce the boundary matrix from left to right: birth cell, the latest row of its column -> where it dies."""
    births = list(rows.setters)
    reduced: dict[int, int] = {}
    killers: dict[Cell, Killer] = {}
    for killer, boundary_column in boundary_matrix(columns, rows, coned):
        column = boundary_column
        while column and column.bit_length() - 1 in reduced:
            column ^= reduced[column.bit_length() - 1]
        if column:
            pivot = column.bit_length() - 1
            reduced[pivot] = column
            if pivot < len(births):
                killers[births[pivot]] = killer
    return killers


def boundary_matrix(columns: FilteredComplex, rows: FilteredComplex, coned: bool) -> list[tuple[Killer, int]]:
    """The boundaries in the order of the columns; bit i of a boundary tells whether it has the cell of row i.

    The cone comes after the complex. Its apex has no row, so that the cone over a vertex bounds that vertex alone.
    """
    row = {cell: place for place, cell in enumerate(rows.setters)}
    boundaries = {cell: sum(1 << row[face] for face in boundary(cell)) for cell in columns.setters}
    matrix = [(Killer(cell, in_cone=False), faces) for cell, faces in boundaries.items()]
    if coned:
        matrix += [
            (Killer(cell, in_cone=True), 1 << row[cell] | faces << len(row)) for cell, faces in boundaries.items()
        ]
    return matrix


def by_dimension(found: dict[Cell, Bar], ndim: int) -> list[list[Bar]]:
    return [[bar for bar in found.values() if bar.dimension == k] for k in range(ndim)]
