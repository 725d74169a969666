"""Persistence of filtered simplicial complexes from the definition: every simplex and the whole boundary matrix.

It shares nothing with segtopo. A complex is a dictionary of sorted vertex tuples and their values, with all faces.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from oracles.peers import sort_diagram

Simplex = tuple[int, ...]
Complex = dict[Simplex, float]

OCTAHEDRON = list(itertools.product((0, 1), (2, 3), (4, 5)))
TORUS = [(i, (i + a) % 7, (i + 3) % 7) for i in range(7) for a in (1, 2)]  # Möbius's torus of seven vertices
PROJECTIVE_PLANE = [  # of six vertices
    (0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5), (0, 1, 5), (1, 2, 4), (2, 3, 5), (1, 3, 4), (2, 4, 5), (1, 3, 5),
]  # fmt: skip
SURFACES = {"sphere": (OCTAHEDRON, (1, 0, 1)), "torus": (TORUS, (1, 2, 1)), "plane": (PROJECTIVE_PLANE, (1, 1, 1))}


def all_faces(simplices: Iterable[Simplex]) -> list[Simplex]:
    """The simplices and their faces, by dimension."""
    faces = {
        face
        for simplex in simplices
        for k in range(len(simplex))
        for face in itertools.combinations(sorted(simplex), k + 1)
    }
    return sorted(faces, key=lambda simplex: (len(simplex), simplex))


def flag_complex(distances: np.ndarray, max_dimension: int, max_edge: float = math.inf) -> Complex:
    """The simplices of up to max_dimension whose edges are no longer than max_edge, with their diameters."""
    values = {}
    for k in range(max_dimension + 1):
        for simplex in itertools.combinations(range(len(distances)), k + 1):
            diameter = max((float(distances[pair]) for pair in itertools.combinations(simplex, 2)), default=0.0)
            if diameter <= max_edge:
                values[simplex] = diameter
    return values


def naive_pairs(simplices: Sequence[Simplex], key: Callable[[int], object]) -> list[tuple[int, int | None]]:
    """The indices of what creates and destroys each class; simplices enter by (key, dimension, index)."""
    order = sorted(range(len(simplices)), key=lambda i: (key(i), len(simplices[i]), i))
    row_of = {simplices[i]: row for row, i in enumerate(order)}
    matrix = np.zeros((len(order), len(order)), dtype=bool)
    for column, i in enumerate(order):
        for face in itertools.combinations(simplices[i], len(simplices[i]) - 1):
            if face:
                matrix[row_of[face], column] = True
    return [(order[birth], None if death is None else order[death]) for birth, death in _reduce(matrix)]


def _reduce(matrix: np.ndarray) -> list[tuple[int, int | None]]:
    column_of_low: dict[int, int] = {}
    positive = []
    for j in range(matrix.shape[1]):
        while matrix[:, j].any():
            low = int(np.flatnonzero(matrix[:, j])[-1])
            if low not in column_of_low:
                column_of_low[low] = j
                break
            matrix[:, j] ^= matrix[:, column_of_low[low]]
        else:
            positive.append(j)
    return [(i, column_of_low.get(i)) for i in positive]


def naive_diagrams(complex_: Complex, filtration: str = "sublevel") -> list[np.ndarray]:
    """The sorted (birth, death) pairs of each dimension, those of zero persistence left out."""
    sign = -1 if filtration == "superlevel" else 1
    simplices = list(complex_)
    diagrams: list[list[tuple[float, float]]] = [[] for _ in range(max(map(len, simplices)))]
    for i, j in naive_pairs(simplices, lambda i: sign * complex_[simplices[i]]):
        birth = complex_[simplices[i]]
        death = sign * math.inf if j is None else complex_[simplices[j]]
        if birth != death:
            diagrams[len(simplices[i]) - 1].append((birth, death))
    return [sort_diagram(diagram) for diagram in diagrams]


def euler_characteristic(simplices: Iterable[Simplex]) -> int:
    return sum((-1) ** (len(simplex) - 1) for simplex in simplices)


def random_complex(rng: np.random.Generator, vertices: int = 8, count: int = 14, top: int = 4) -> list[Simplex]:
    """The closure of random simplices of up to ``top`` vertices, in random order."""
    drawn = [tuple(rng.choice(vertices, rng.integers(1, top + 1), replace=False).tolist()) for _ in range(count)]
    faces = all_faces(drawn)
    return [faces[i] for i in rng.permutation(len(faces))]


def random_values(rng: np.random.Generator, simplices: Sequence[Simplex], levels: int) -> Complex:
    """Values that do not fall from faces to cofaces, with many ties for few levels, in the order of the simplices."""
    own = {simplex: int(rng.integers(levels)) for simplex in simplices}
    faces_of = {simplex: all_faces([simplex]) for simplex in simplices}
    return {simplex: float(max(own[face] for face in faces_of[simplex])) for simplex in simplices}
