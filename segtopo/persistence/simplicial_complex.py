"""Simplicial complexes as tables: the simplices of each dimension and the indices of their facets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from segtopo.errors import InputError, mismatch
from segtopo.persistence.inputs import as_numpy

Indices: TypeAlias = npt.NDArray[np.int64]
VertexArray: TypeAlias = npt.NDArray[np.integer[Any]] | torch.Tensor
Simplices: TypeAlias = Sequence[Sequence[int]] | Sequence[VertexArray] | VertexArray


class SimplexTable(NamedTuple):
    """The simplices of one dimension.

    Attributes:
        vertices: ``(n, k + 1)`` vertices of the simplices, ascending in each row.
        positions: ``(n,)`` position of each simplex in the list of all simplices.
    """

    vertices: Indices
    positions: Indices


def read_simplices(simplices: Simplices) -> list[SimplexTable]:
    """Sorts simplices into one table for each dimension from 0 on, in the order in which they are given.

    Args:
        simplices: Tuples of vertices, or arrays ``(n, k + 1)`` with one simplex in each row, or one such array.

    Raises:
        InputError: There are no simplices, or a vertex is negative or repeated in its simplex.
        TypeError: The vertices are not integers.
    """
    tables: dict[int, list[SimplexTable]] = {}
    count = 0
    for vertices, positions in _blocks(simplices):
        _check_vertices(vertices)
        tables.setdefault(vertices.shape[1], []).append(SimplexTable(np.sort(vertices, axis=1), positions))
        count += len(vertices)
    if count == 0:
        raise InputError(mismatch("simplices", got="none", expected="at least one"))
    return [_concatenate(tables.get(width, []), width) for width in range(1, max(tables) + 1)]


def closure(tables: Sequence[SimplexTable]) -> list[Indices]:
    """Returns the simplices and all their faces, for each dimension in lexicographic order."""
    closed: list[Indices] = []
    faces = np.empty((0, len(tables)), dtype=np.int64)
    for table in reversed(tables):
        vertices = _unique_rows(np.concatenate([table.vertices, faces]))
        faces = np.concatenate([np.delete(vertices, j, axis=1) for j in range(vertices.shape[1])])
        closed.append(vertices)
    return closed[::-1]


def facet_numbers(simplices: Sequence[Indices]) -> list[Indices]:
    """Finds the facets of all simplices.

    As in a simplex tree, the key of a simplex is its last vertex and the index of its face without that vertex.

    Args:
        simplices: For each dimension k, ``(n, k + 1)`` vertices, ascending in each row.

    Returns:
        For each dimension k >= 1, ``(n, k + 1)`` indices of facets among the simplices of dimension k - 1. Facet j is
        the face without vertex j.

    Raises:
        InputError: A simplex is given twice, or without one of its facets.
    """
    labels = np.unique(simplices[0])
    levels = [_Level(np.searchsorted(labels, simplices[0][:, 0]), simplices[0])]
    facets: list[Indices] = []
    for vertices in simplices[1:]:
        ranks = np.searchsorted(labels, vertices)
        ranks[~np.isin(vertices, labels)] = len(labels)  # the rank of no vertex
        without = [_find(levels, np.delete(ranks, j, axis=1), len(labels)) for j in range(vertices.shape[1])]
        index = np.stack(without, axis=1)
        _check_facets(index, vertices)
        levels.append(_Level(index[:, -1] * (len(labels) + 1) + ranks[:, -1], vertices))
        facets.append(index)
    return facets


class _Level:
    """Finds the simplices of one dimension by their keys."""

    def __init__(self, keys: Indices, vertices: Indices) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        repeated = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(repeated) > 0:
            simplex = _named(vertices[self._order[repeated[0]]])
            raise InputError(mismatch("simplices", got=f"{simplex} twice", expected="it once"))

    def find(self, keys: Indices) -> Indices:
        """Returns the index of the simplex with each key, -1 if there is none."""
        if len(self._keys) == 0:
            return np.full(len(keys), -1)
        candidates = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[candidates] == keys, self._order[candidates], -1)


def _find(levels: Sequence[_Level], ranks: Indices, vertex_count: int) -> Indices:
    """Returns the indices of simplices with vertices of these ranks; -1 if a simplex is not in the complex."""
    index = levels[0].find(ranks[:, 0])
    for level, rank in zip(levels[1:], ranks.T[1:], strict=False):
        # The index -1 gives a negative key, which no simplex has.
        index = level.find(index * (vertex_count + 1) + rank)
    return index


def _check_facets(facets: Indices, vertices: Indices) -> None:
    missing = np.argwhere(facets < 0)
    if len(missing) > 0:
        simplex, j = missing[0]
        facet = np.delete(vertices[simplex], j)
        raise InputError(
            mismatch(
                "simplices",
                got=f"{_named(vertices[simplex])} without its face {_named(facet)}",
                expected="all faces of each simplex",
            )
        )


def _blocks(simplices: Simplices) -> Iterator[tuple[Indices, Indices]]:
    """Yields arrays ``(n, k + 1)`` of simplices of one dimension, with the positions of the simplices in the list."""
    listed = [simplices] if isinstance(simplices, np.ndarray | torch.Tensor) else _as_list(simplices)
    if all(isinstance(item, np.ndarray | torch.Tensor) and item.ndim == 2 for item in listed):
        begin = 0
        for block in listed:
            yield _as_vertices(block), np.arange(begin, begin + len(block))
            begin += len(block)
        return
    positions_by_size: dict[int, list[int]] = {}
    for position, simplex in enumerate(listed):
        positions_by_size.setdefault(len(_as_list(simplex)), []).append(position)
    for positions in positions_by_size.values():
        yield _as_vertices([listed[position] for position in positions]), np.array(positions)


def _as_list(items: Any) -> Sequence[Any]:
    if not hasattr(items, "__len__") or isinstance(items, str):
        raise TypeError(mismatch("simplices", got=type(items).__name__, expected="tuples or arrays of vertices"))
    return items  # type: ignore[no-any-return]


def _as_vertices(block: Any) -> Indices:
    array = as_numpy(block, "simplices")
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(
            mismatch("simplices", got=f"vertices of shape {array.shape}", expected="(n, k + 1) with k >= 0")
        )
    return as_indices(array, "simplices")


def as_indices(array: npt.NDArray[Any], name: str) -> Indices:
    """Converts integers to int64; raises TypeError for other dtypes."""
    if array.dtype.kind not in "iu":
        raise TypeError(mismatch(name, got=f"vertices of dtype {array.dtype}", expected="integers"))
    return array.astype(np.int64)


def _check_vertices(vertices: Indices) -> None:
    if (vertices < 0).any():
        raise InputError(mismatch("simplices", got=f"the vertex {vertices.min()}", expected="numbers >= 0"))
    ordered = np.sort(vertices, axis=1)
    repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if len(repeated) > 0:
        simplex = _named(vertices[repeated[0]])
        raise InputError(mismatch("simplices", got=simplex, expected="different vertices in a simplex"))


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
