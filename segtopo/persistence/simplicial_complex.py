"""Simplicial complexes as tables: the simplices of each dimension and the numbers of their facets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

Indices: TypeAlias = npt.NDArray[np.int64]
VertexArray: TypeAlias = npt.NDArray[np.integer[Any]] | torch.Tensor
Simplices: TypeAlias = Sequence[Sequence[int]] | Sequence[VertexArray] | VertexArray


class SimplexTable(NamedTuple):
    """The simplices of one dimension.

    Attributes:
        vertices: (n, k + 1), in rising order in each row.
        positions: (n,) the place of each simplex among all that were given.
    """

    vertices: Indices
    positions: Indices


def read_simplices(simplices: Simplices) -> list[SimplexTable]:
    """The simplices of each dimension from 0 on, in the order they are given in.

    Args:
        simplices: Tuples of vertices, or arrays (n, k + 1) of them, or one such array.

    Raises:
        TypeError: Vertices are not integers.
        ValueError: There are no simplices, or a vertex is negative or repeated in its simplex.
    """
    tables: dict[int, list[SimplexTable]] = {}
    count = 0
    for vertices, positions in _blocks(simplices):
        _check_vertices(vertices)
        tables.setdefault(vertices.shape[1], []).append(SimplexTable(np.sort(vertices, axis=1), positions))
        count += len(vertices)
    if count == 0:
        raise ValueError("simplices: got none, expected at least one")
    return [_concatenate(tables.get(width, []), width) for width in range(1, max(tables) + 1)]


def closure(tables: Sequence[SimplexTable]) -> list[Indices]:
    """The simplices and all their faces, for each dimension in lexicographic order."""
    closed: list[Indices] = []
    faces = np.empty((0, len(tables)), dtype=np.int64)
    for table in reversed(tables):
        vertices = _unique_rows(np.concatenate([table.vertices, faces]))
        faces = np.concatenate([np.delete(vertices, j, axis=1) for j in range(vertices.shape[1])])
        closed.append(vertices)
    return closed[::-1]


def facet_numbers(simplices: Sequence[Indices]) -> list[Indices]:
    """For each dimension k >= 1, the (n, k + 1) numbers of the simplices' facets within their dimension.

    Facet j lacks the vertex j. As in a simplex tree, a simplex is known by the number of its face without the last
    vertex, and that vertex.

    Raises:
        ValueError: A simplex is given twice, or without one of its facets.
    """
    labels = np.unique(simplices[0])
    levels = [_Level(np.searchsorted(labels, simplices[0][:, 0]), simplices[0])]
    facets: list[Indices] = []
    for vertices in simplices[1:]:
        ranks = np.searchsorted(labels, vertices)
        ranks[~np.isin(vertices, labels)] = len(labels)  # no vertex has this rank
        without = [_find(levels, np.delete(ranks, j, axis=1), len(labels)) for j in range(vertices.shape[1])]
        numbers = np.stack(without, axis=1)
        _check_facets(numbers, vertices)
        levels.append(_Level(numbers[:, -1] * (len(labels) + 1) + ranks[:, -1], vertices))
        facets.append(numbers)
    return facets


class _Level:
    """Finds the simplices of one dimension by their keys."""

    def __init__(self, keys: Indices, vertices: Indices) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        repeated = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(repeated) > 0:
            raise ValueError(f"simplices: got {_named(vertices[self._order[repeated[0]]])} twice, expected it once")

    def find(self, keys: Indices) -> Indices:
        """The number of the simplex with each key, -1 if there is none."""
        if len(self._keys) == 0:
            return np.full(len(keys), -1)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._order[places], -1)


def _find(levels: Sequence[_Level], ranks: Indices, vertex_count: int) -> Indices:
    """The numbers of simplices with these vertices; -1 where there is no such simplex or first face of it."""
    numbers = levels[0].find(ranks[:, 0])
    for level, rank in zip(levels[1:], ranks.T[1:], strict=False):
        numbers = level.find(numbers * (vertex_count + 1) + rank)  # negative, and therefore of none, below none
    return numbers


def _check_facets(numbers: Indices, vertices: Indices) -> None:
    missing = np.argwhere(numbers < 0)
    if len(missing) > 0:
        simplex, lacking = missing[0]
        facet = np.delete(vertices[simplex], lacking)
        raise ValueError(
            f"simplices: got {_named(vertices[simplex])} without its face {_named(facet)}, expected all faces of "
            "each simplex"
        )


def _blocks(simplices: Simplices) -> Iterator[tuple[Indices, Indices]]:
    """The given simplices as arrays, with their positions."""
    listed: Sequence[Any] = [simplices] if isinstance(simplices, np.ndarray | torch.Tensor) else simplices
    if all(isinstance(item, np.ndarray | torch.Tensor) and item.ndim == 2 for item in listed):
        begin = 0
        for block in listed:
            yield _as_vertices(block), np.arange(begin, begin + len(block))
            begin += len(block)
        return
    positions_by_size: dict[int, list[int]] = {}
    for position, simplex in enumerate(listed):
        positions_by_size.setdefault(len(simplex), []).append(position)
    for positions in positions_by_size.values():
        yield _as_vertices([listed[position] for position in positions]), np.array(positions)


def _as_vertices(block: Any) -> Indices:
    array = np.asarray(block.detach().cpu() if isinstance(block, torch.Tensor) else block)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"simplices: got vertices of shape {array.shape}, expected (n, k + 1) with k >= 0")
    if array.dtype.kind not in "iu":
        raise TypeError(f"simplices: got vertices of dtype {array.dtype}, expected integers")
    return array.astype(np.int64)


def _check_vertices(vertices: Indices) -> None:
    if (vertices < 0).any():
        raise ValueError(f"simplices: got the vertex {vertices.min()}, expected numbers >= 0")
    ordered = np.sort(vertices, axis=1)
    repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if len(repeated) > 0:
        raise ValueError(f"simplices: got {_named(vertices[repeated[0]])}, expected different vertices in a simplex")


def _concatenate(tables: Sequence[SimplexTable], width: int) -> SimplexTable:
    empty = SimplexTable(np.empty((0, width), dtype=np.int64), np.empty(0, dtype=np.int64))
    vertices, positions = zip(empty, *tables, strict=True)
    order = np.argsort(np.concatenate(positions), kind="stable")
    return SimplexTable(np.concatenate(vertices)[order], np.concatenate(positions)[order])


def _unique_rows(rows: Indices) -> Indices:
    ordered = rows[np.lexsort(rows.T[::-1])]
    is_new = np.ones(len(ordered), dtype=np.bool_)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[is_new]


def _named(vertices: Indices) -> str:
    return str(tuple(vertices.tolist()))
