"""Persistent homology of filtered simplicial complexes: of a value for each simplex, or of lower stars of vertices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch

from segtopo import _native
from segtopo.persistence.barcodes import essential_death
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
    """Numbers of simplices of dimensions k and k + 1; -1 for the death of none."""

    births: Indices
    deaths: Indices


def filtered_complex_persistence(
    simplices: Simplices, values: npt.ArrayLike | torch.Tensor, *, filtration: Filtration = "sublevel"
) -> list[SimplicialDiagram]:
    """Persistent homology over Z2 of any filtered simplicial complex, differentiable with respect to its values.

    Persistent cohomology with clearing, by column reduction; union-find pairs the components. Ties are broken by the
    total order (value, dimension, place in the list).

    Args:
        simplices: All simplices of the complex, each as the tuple of its vertices, which are numbers >= 0, in any
            order; or, which is faster, a list of integer arrays (n, k + 1), one simplex a row. With each simplex, all
            its faces must be there, once.
        values: (n,) the value at which each simplex enters, in the order of ``simplices``: for arrays, the values of
            the rows of the first, then of the second, and so on.
        filtration: ``"sublevel"``: low values enter first, and no simplex has a lower value than its faces.
            ``"superlevel"``: high values enter first, and no simplex has a higher value than its faces.

    Returns:
        One diagram for each dimension from 0 to that of the complex, the pairs in the order of their births. Pairs of
        zero persistence are left out. Births and deaths keep the dtype of the values (integers become float64).

    Raises:
        ValueError: There are no simplices; one is repeated, has a repeated vertex or lacks a face; a simplex enters
            before a face of it; there is NaN, or another number of values than of simplices.
        TypeError: Vertices are not integers, or values not real.

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
    infinity = _check_filtration(filtration)
    tables = read_simplices(simplices)
    tensor, array = float_tensor(values, "values")
    count = sum(len(table.positions) for table in tables)
    if array.shape != (count,):
        raise ValueError(f"values: got shape {array.shape}, expected ({count},): one for each simplex")
    vertices = [table.vertices for table in tables]
    facets = facet_numbers(vertices)
    by_dimension = [array[table.positions] for table in tables]
    _check_monotone(vertices, facets, by_dimension, filtration)

    order = [_order(values_of_k, filtration) for values_of_k in by_dimension]
    places = [table.positions for table in tables]
    return _diagrams(tensor, array, places, vertices, _persistence_pairs(facets, order), infinity)


def lower_star_persistence(
    simplices: Simplices, vertex_values: npt.ArrayLike | torch.Tensor, *, filtration: Filtration = "sublevel"
) -> list[SimplicialDiagram]:
    """Persistent homology over Z2 of the lower stars of the vertices, differentiable with respect to their values.

    Each simplex enters with the last of its vertices, which enter by (value, number). The complex is made of the given
    simplices and all their faces.

    Args:
        simplices: Simplices that make up the complex; those that are faces of others may be left out. Either tuples
            of vertices, or a list of integer arrays (n, k + 1), one simplex a row, or one such array.
        vertex_values: (n,) the value of each vertex. Those of vertices that are in no simplex are not used.
        filtration: ``"sublevel"``: low values enter first. ``"superlevel"``: high values enter first, a simplex enters
            with the vertex of its lowest value (upper stars).

    Returns:
        One diagram for each dimension from 0 to that of the complex, the pairs in the order of their births. Pairs of
        zero persistence are left out. Births and deaths keep the dtype of the values (integers become float64).

    Raises:
        ValueError: There are no simplices, one has a repeated vertex or one without a value, or there is NaN.
        TypeError: Vertices are not integers, or values not real.

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
    infinity = _check_filtration(filtration)
    complex_ = closure(read_simplices(simplices))
    tensor, array = float_tensor(vertex_values, "vertex_values")
    if array.ndim != 1:
        raise ValueError(f"vertex_values: got shape {array.shape}, expected (n,): one for each vertex")
    last = complex_[0].max()
    if last >= len(array):
        raise ValueError(f"vertex_values: got {len(array)} values, expected at least {last + 1}, for vertex {last}")

    rank = _ranks(_order(array, filtration))
    setters = [vertices[np.arange(len(vertices)), rank[vertices].argmax(axis=1)] for vertices in complex_]
    order = [np.argsort(rank[setter], kind="stable") for setter in setters]
    pairs = _persistence_pairs(facet_numbers(complex_), order)
    return _diagrams(tensor, array, setters, [setter[:, None] for setter in setters], pairs, infinity)


def _persistence_pairs(facets: Sequence[Indices], order: Sequence[Indices]) -> list[_Pairs]:
    """The pairs of each dimension, given the facets' numbers and the numbers in the order of the filtration."""
    ranks = [_ranks(numbers) for numbers in order]
    sorted_facets = [
        np.ascontiguousarray(rank[table[numbers]], dtype=np.uint32)
        for rank, table, numbers in zip(ranks, facets, order[1:], strict=False)
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
    places: Sequence[Indices],
    names: Sequence[Indices],
    pairs: Sequence[_Pairs],
    infinity: float,
) -> list[SimplicialDiagram]:
    """The diagrams, given for each simplex the place of its value and the vertices that it is named by."""
    top = len(places)
    places = [*places, np.empty(0, dtype=np.int64)]
    names = [*names, np.empty((0, 1 if names[-1].shape[1] < top else top + 1), dtype=np.int64)]
    diagrams = []
    for k, of_k in enumerate(pairs):
        births, deaths = places[k][of_k.births], rows_or_none(places[k + 1][:, None], of_k.deaths)[:, 0]
        is_kept = (deaths < 0) | (array[births] != array[deaths])  # -1 is the place of some value, of no account
        births, deaths = births[is_kept], deaths[is_kept]
        diagrams.append(
            simplicial_diagram(
                values[torch.from_numpy(births).to(values.device)],
                values[torch.from_numpy(deaths[deaths >= 0]).to(values.device)],
                names[k][of_k.births[is_kept]],
                rows_or_none(names[k + 1], of_k.deaths[is_kept]),
                k,
                infinity,
            )
        )
    return diagrams


def _check_filtration(filtration: Filtration) -> float:
    """The death value of classes that never vanish."""
    if filtration not in get_args(Filtration):
        raise ValueError(f"filtration: got {filtration!r}, expected one of {get_args(Filtration)}")
    return essential_death(filtration)


def _order(values: Floats, filtration: Filtration) -> Indices:
    """The numbers of the values in the order they enter in, equal ones in theirs."""
    return np.argsort(values if filtration == "sublevel" else -values, kind="stable")


def _ranks(order: Indices) -> Indices:
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return ranks


def _check_monotone(
    vertices: Sequence[Indices], facets: Sequence[Indices], values: Sequence[Floats], filtration: Filtration
) -> None:
    for k, table in enumerate(facets, start=1):
        own, of_facets = values[k][:, None], values[k - 1][table]
        conflicts = np.argwhere(own < of_facets if filtration == "sublevel" else own > of_facets)
        if len(conflicts) > 0:
            simplex, facet = conflicts[0]
            named, face = (
                tuple(row.tolist()) for row in (vertices[k][simplex], vertices[k - 1][table[simplex, facet]])
            )
            bound = "no less" if filtration == "sublevel" else "no more"
            raise ValueError(
                f"values: got {own[simplex, 0]} for {named} and {of_facets[simplex, facet]} for its face {face}, "
                f"expected {bound} than the face's under {filtration}"
            )
