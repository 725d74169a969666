"""Persistent homology of filtered simplicial complexes: one value for each simplex, or lower stars of vertices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from segtopo import _native
from segtopo.errors import InputError, mismatch
from segtopo.persistence.barcodes import essential_death
from segtopo.persistence.inputs import check_filtration
from segtopo.persistence.pairs import Filtration
from segtopo.persistence.simplicial_complex import Indices, Simplices, closure, facet_numbers, read_simplices
from segtopo.persistence.simplicial_diagram import (
    Floats,
    SimplicialDiagram,
    float_tensor,
    rows_or_none,
    simplicial_diagram,
)


class _Pairs(NamedTuple):
    """The pairs of dimension k: indices of simplices among those of their dimension."""

    birth_index: Indices
    """``(n,)`` simplices of dimension k."""
    death_index: Indices
    """``(n,)`` simplices of dimension k + 1; -1 for essential features."""


def filtered_complex_persistence(
    simplices: Simplices, values: npt.ArrayLike | torch.Tensor, *, filtration: Filtration = "sublevel"
) -> list[SimplicialDiagram]:
    """Computes the persistent homology over Z2 of a filtered simplicial complex, differentiable in its values.

    Union-find pairs the components; column reduction of the coboundary matrix with clearing pairs the other features.
    Ties are broken by the total order (value, dimension, position in the list).

    Args:
        simplices: All simplices of the complex, each as the tuple of its vertices in any order. Vertices are integers
            of at least 0. A list of integer arrays ``(n, k + 1)`` with one simplex in each row is faster. The faces of
            every simplex must also be in the list, and no simplex may be in it twice.
        values: ``(n,)`` value at which each simplex enters, in the order of ``simplices``; for a list of arrays, first
            the values of the rows of the first array, then those of the second, and so on.
        filtration: ``"sublevel"``: low values enter first, and no simplex has a lower value than its faces.
            ``"superlevel"``: high values enter first, and no simplex has a higher value than its faces.

    Returns:
        One diagram for each dimension from 0 to the dimension of the complex, with the pairs in the order of their
        births and without pairs of zero persistence. Births and deaths have the dtype of the values; integers become
        float64, float8 becomes float32.

    Raises:
        InputError: There are no simplices; a simplex is repeated, has a repeated vertex or is given without one of its
            faces; a simplex enters before one of its faces; a value is NaN; or the numbers of values and simplices
            differ.
        TypeError: The vertices are not integers, or the values are not real numbers.

    References:
        V. de Silva, D. Morozov, M. Vejdemo-Johansson, "Dualities in persistent (co)homology", Inverse Problems 2011.

    Example:
        >>> import torch
        >>> triangle = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]
        >>> values = torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 5.0], requires_grad=True)
        >>> components, loops, _ = filtered_complex_persistence(triangle, values)
        >>> components.deaths.tolist()
        [inf, 1.0, 2.0]
        >>> loops.birth_simplices.tolist(), loops.death_simplices.tolist()
        ([[0, 2]], [[0, 1, 2]])
        >>> (loops.deaths - loops.births).sum().backward()  # the lifetime of the loop
        >>> values.grad
        tensor([ 0.,  0.,  0.,  0.,  0., -1.,  1.])
    """
    check_filtration(filtration)
    tables = read_simplices(simplices)
    tensor, array = float_tensor(values, "values")
    count = sum(len(table.positions) for table in tables)
    if array.shape != (count,):
        raise InputError(
            mismatch("values", got=f"shape {array.shape}", expected=f"({count},): one value for each simplex")
        )
    vertices = [table.vertices for table in tables]
    value_index = [table.positions for table in tables]
    facets = facet_numbers(vertices)
    by_dimension = [array[index] for index in value_index]
    _check_monotone(vertices, facets, by_dimension, filtration)

    order = [_order(values_of_k, filtration) for values_of_k in by_dimension]
    pairs = _persistence_pairs(facets, order)
    return _diagrams(tensor, array, value_index, vertices, pairs, essential_death(filtration))


def lower_star_persistence(
    simplices: Simplices, vertex_values: npt.ArrayLike | torch.Tensor, *, filtration: Filtration = "sublevel"
) -> list[SimplicialDiagram]:
    """Computes the persistent homology over Z2 of a complex filtered by its vertices, differentiable in their values.

    Vertices enter in the order (value, number), and every other simplex enters with the last of its vertices.

    Args:
        simplices: Simplices whose faces make up the complex, so the faces of given simplices need not be given. Either
            tuples of vertices, or a list of integer arrays ``(n, k + 1)`` with one simplex in each row, or one such
            array.
        vertex_values: ``(n,)`` value of each vertex. The values of vertices without a simplex are not used.
        filtration: ``"sublevel"``: low values enter first, and a simplex enters with its highest vertex (lower stars).
            ``"superlevel"``: high values enter first, and a simplex enters with its lowest vertex (upper stars).

    Returns:
        One diagram for each dimension from 0 to the dimension of the complex, with the pairs in the order of their
        births and without pairs of zero persistence. Births and deaths have the dtype of the values; integers become
        float64, float8 becomes float32.

    Raises:
        InputError: There are no simplices; a simplex has a repeated vertex or a vertex without a value; or a value is
            NaN.
        TypeError: The vertices are not integers, or the values are not real numbers.

    References:
        H. Edelsbrunner, J. Harer, "Computational topology: an introduction", 2010, section VI.3.

    Example:
        >>> import torch
        >>> heights = torch.tensor([0.0, 3.0, 1.0, 2.0], requires_grad=True)
        >>> components, loops = lower_star_persistence([(0, 1), (1, 2), (2, 3), (3, 0)], heights)
        >>> components.births.tolist(), components.deaths.tolist(), loops.births.tolist()
        ([0.0, 1.0], [inf, 2.0], [3.0])
        >>> loops.birth_simplices.tolist()  # the vertex that closes the loop
        [[1]]
    """
    check_filtration(filtration)
    complex_ = closure(read_simplices(simplices))
    tensor, array = float_tensor(vertex_values, "vertex_values")
    if array.ndim != 1:
        raise InputError(
            mismatch("vertex_values", got=f"shape {array.shape}", expected="(n,): one value for each vertex")
        )
    last = complex_[0].max()
    if last >= len(array):
        raise InputError(
            mismatch("vertex_values", got=f"{len(array)} values", expected=f"at least {last + 1}, for vertex {last}")
        )

    rank = _ranks(_order(array, filtration))
    last_vertex = [vertices[np.arange(len(vertices)), rank[vertices].argmax(axis=1)] for vertices in complex_]
    order = [np.argsort(rank[last], kind="stable") for last in last_vertex]
    pairs = _persistence_pairs(facet_numbers(complex_), order)
    vertices = [last[:, None] for last in last_vertex]
    return _diagrams(tensor, array, last_vertex, vertices, pairs, essential_death(filtration))


def _persistence_pairs(facets: Sequence[Indices], order: Sequence[Indices]) -> list[_Pairs]:
    """Computes the pairs of each dimension.

    Args:
        facets: For each dimension k >= 1, ``(n, k + 1)`` indices of the facets of its simplices.
        order: For each dimension, the indices of its simplices in the order in which they enter.
    """
    ranks = [_ranks(indices) for indices in order]
    sorted_facets = [
        np.ascontiguousarray(rank[table[indices]], dtype=np.uint32)
        for rank, table, indices in zip(ranks, facets, order[1:], strict=False)
    ]
    pairs = _native.filtered_complex_persistence(len(order[0]), sorted_facets)
    above = [*order[1:], np.empty(0, dtype=np.int64)]
    return [
        _Pairs(order[k][births], rows_or_none(above[k][:, None], deaths)[:, 0])
        for k, (births, deaths) in enumerate(pairs)
    ]


def _diagrams(
    values: torch.Tensor,
    array: Floats,
    value_index: Sequence[Indices],
    vertices: Sequence[Indices],
    pairs: Sequence[_Pairs],
    infinity: float,
) -> list[SimplicialDiagram]:
    """Builds the diagrams, without the pairs of zero persistence.

    Args:
        values: The values of the filtration, with their gradient.
        array: The same values as an array.
        value_index: For each dimension, ``(n,)`` index in ``values`` of the value of each simplex.
        vertices: For each dimension, ``(n, m)`` vertices that stand for each simplex in the diagram.
        pairs: The pairs of each dimension.
        infinity: Death value of essential features.
    """
    # No simplex is above the top dimension. Its empty table has the width that its simplices would have.
    width = 1 if vertices[-1].shape[1] < len(vertices) else len(vertices) + 1
    value_index = [*value_index, np.empty(0, dtype=np.int64)]
    vertices = [*vertices, np.empty((0, width), dtype=np.int64)]
    diagrams = []
    for k, of_k in enumerate(pairs):
        kept = _without_zero_persistence(of_k, array[value_index[k]], array[value_index[k + 1]])
        diagrams.append(
            simplicial_diagram(
                _gather(values, value_index[k][kept.birth_index]),
                _gather(values, value_index[k + 1][kept.death_index[kept.death_index >= 0]]),
                vertices[k][kept.birth_index],
                rows_or_none(vertices[k + 1], kept.death_index),
                k,
                infinity,
            )
        )
    return diagrams


def _without_zero_persistence(pairs: _Pairs, values: Floats, values_above: Floats) -> _Pairs:
    """Returns the pairs that last, from the values of the simplices of dimensions k and, above, k + 1."""
    is_kept = pairs.death_index < 0
    finite = np.flatnonzero(~is_kept)
    is_kept[finite] = values[pairs.birth_index[finite]] != values_above[pairs.death_index[finite]]
    return _Pairs(pairs.birth_index[is_kept], pairs.death_index[is_kept])


def _gather(values: torch.Tensor, index: Indices) -> torch.Tensor:
    return values[torch.from_numpy(index).to(values.device)]


def _order(values: Floats, filtration: Filtration) -> Indices:
    """Returns the indices of the values in the order in which they enter; equal values enter by index."""
    return np.argsort(values if filtration == "sublevel" else -values, kind="stable")


def _ranks(order: Indices) -> Indices:
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return ranks


def _check_monotone(
    vertices: Sequence[Indices], facets: Sequence[Indices], values: Sequence[Floats], filtration: Filtration
) -> None:
    """Raises InputError if a simplex enters before one of its facets."""
    for k, table in enumerate(facets, start=1):
        of_simplices, of_facets = values[k][:, None], values[k - 1][table]
        conflicts = np.argwhere(of_simplices < of_facets if filtration == "sublevel" else of_simplices > of_facets)
        if len(conflicts) > 0:
            i, j = conflicts[0]
            simplex, face = tuple(vertices[k][i].tolist()), tuple(vertices[k - 1][table[i, j]].tolist())
            bound = "no less" if filtration == "sublevel" else "no more"
            raise InputError(
                mismatch(
                    "values",
                    got=f"{of_simplices[i, 0]} for {simplex} and {of_facets[i, j]} for its face {face}",
                    expected=f"{bound} than the face's value under {filtration}",
                )
            )
