"""Persistent homology of Vietoris-Rips complexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from segtopo import _native
from segtopo.errors import InputError, mismatch
from segtopo.persistence.inputs import as_numpy, check_integer, check_not_negative
from segtopo.persistence.row_norms import row_norms
from segtopo.persistence.simplicial_complex import Indices, as_indices
from segtopo.persistence.simplicial_diagram import (
    Floats,
    SimplicialDiagram,
    float_tensor,
    rows_or_none,
    simplicial_diagram,
)


class _Graph(NamedTuple):
    """A weighted graph."""

    vertex_count: int
    edges: Indices
    """``(m, 2)`` vertices, the smaller one first."""
    lengths: Floats
    """``(m,)``"""
    lengths_of: Callable[[Indices], torch.Tensor]
    """Computes the lengths of edges from their indices, with their gradient."""


def rips_persistence(
    points: npt.ArrayLike | torch.Tensor | None = None,
    *,
    distances: npt.ArrayLike | torch.Tensor | None = None,
    graph: tuple[npt.ArrayLike | torch.Tensor, npt.ArrayLike | torch.Tensor] | None = None,
    num_vertices: int | None = None,
    max_dimension: int = 1,
    max_edge: float = np.inf,
) -> list[SimplicialDiagram]:
    """Computes the persistent homology over Z2 of a Vietoris-Rips complex, differentiable in its points or lengths.

    Vertices enter at 0, edges at their lengths, and every other simplex with the last of its edges. Edges are ordered
    by (length, first end, second end), the edges of a graph by (weight, position in the list). The coboundary matrix
    is implicit. Apparent pairs, clearing and emergent pairs leave few columns to reduce.

    Args:
        points: ``(n, d)`` points; edges have their Euclidean lengths.
        distances: ``(n, n)`` symmetric matrix with a zero diagonal. An infinite distance means that there is no edge.
        graph: ``(edges, weights)``: ``(m, 2)`` vertices, numbered from 0, and ``(m,)`` weights of at least 0. The
            complex is the flag complex of the graph.
        num_vertices: Number of vertices of the graph. None: the vertices from 0 to the last one with an edge.
        max_dimension: Highest dimension of the diagrams.
        max_edge: Edges longer than this do not enter; features that exist then are essential. In the units of the
            lengths. By default all edges enter.

    Returns:
        One diagram for each dimension from 0 to ``max_dimension``, with the pairs in the order of their births, for
        components in the order of their vertices, and without pairs of zero persistence. Births and deaths have the
        dtype of the points, distances or weights; integers become float64, float8 becomes float32.

    Raises:
        InputError: Not exactly one of points, distances and graph is given. A shape is wrong or there is no point. A
            number is NaN, a coordinate infinite, or a length negative. The matrix is asymmetric or its diagonal is not
            zero. An edge has twice the same vertex, is given twice, or has a vertex that does not exist. The complex
            has more simplices than 63 bits can number. An option is out of its range.
        TypeError: The vertices are not integers, other numbers are not real, or an option has a wrong type.

    References:
        U. Bauer, "Ripser: efficient computation of Vietoris-Rips persistence barcodes", Journal of Applied and
        Computational Topology 2021.

    Example:
        >>> import torch
        >>> square = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 4.0]], requires_grad=True)
        >>> components, loops = rips_persistence(square)
        >>> components.deaths.tolist(), loops.births.tolist(), loops.deaths.tolist()
        ([inf, 3.0, 4.0, 3.0], [4.0], [5.0])
        >>> loops.birth_simplices.tolist(), loops.death_simplices.tolist()
        ([[1, 2]], [[0, 2]])
        >>> loops.deaths.sum().backward()
        >>> square.grad[0]
        tensor([-0.6000, -0.8000])
    """
    count = sum(given is not None for given in (points, distances, graph))
    if count != 1:
        raise InputError(mismatch("rips_persistence", got=f"{count} of points, distances and graph", expected="one"))
    if num_vertices is not None and graph is None:
        raise InputError(mismatch("num_vertices", got=f"{num_vertices} without a graph", expected="None"))
    max_dimension = check_integer(max_dimension, "max_dimension", 0)
    check_not_negative(max_edge, "max_edge")
    if points is not None:
        complex_ = _graph_of_points(points, max_edge)
    elif distances is not None:
        complex_ = _graph_of_distances(distances, max_edge)
    else:
        complex_ = _graph_of_edges(graph, num_vertices, max_edge)
    try:
        pairs = _native.rips_persistence(
            complex_.vertex_count, complex_.edges, complex_.lengths.astype(np.float64), max_dimension=max_dimension
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    return [_diagram(complex_, birth_index, death_index, k) for k, (birth_index, death_index) in enumerate(pairs)]


def _diagram(graph: _Graph, birth_index: Indices, death_index: Indices, dimension: int) -> SimplicialDiagram:
    """Builds a diagram from the indices of the edges of births and deaths; components have vertices as births."""
    finite_deaths = graph.lengths_of(death_index[death_index >= 0])
    if dimension == 0:
        births, birth_simplices = finite_deaths.new_zeros(len(birth_index)), np.stack([birth_index] * 2, axis=1)
    else:
        births, birth_simplices = graph.lengths_of(birth_index), graph.edges[birth_index]
    death_simplices = rows_or_none(graph.edges, death_index)
    return simplicial_diagram(births, finite_deaths, birth_simplices, death_simplices, dimension, np.inf)


def _graph_of_points(points: npt.ArrayLike | torch.Tensor, max_edge: float) -> _Graph:
    tensor, array = float_tensor(points, "points")
    if array.ndim != 2 or len(array) == 0:
        raise InputError(mismatch("points", got=f"shape {array.shape}", expected="(n, d) with n >= 1"))
    if not np.isfinite(array).all():
        raise InputError(
            mismatch("points", got=f"{np.count_nonzero(np.isinf(array))} infinite coordinates", expected="finite ones")
        )
    edges, lengths = _edges_up_to(_distance_matrix(array), max_edge)

    def lengths_of(index: Indices) -> torch.Tensor:
        first, second = torch.from_numpy(edges[index].T).to(tensor.device)
        norms = row_norms(tensor[first] - tensor[second])
        # The values are exactly those by which the edges were ordered; the gradient is the norm's.
        return norms + (torch.from_numpy(lengths[index]).to(norms) - norms).detach()

    return _Graph(len(array), edges, lengths, lengths_of)


def _distance_matrix(points: Floats) -> Floats:
    """Computes the ``(n, n)`` distances of ``(n, d)`` points, rounded to their dtype."""
    from scipy.spatial.distance import pdist, squareform

    # Scaled by a power of two, which is exact, so that squares neither overflow nor vanish.
    exponent = np.frexp(np.abs(points).max(initial=0.0))[1]
    scaled = np.ldexp(points.astype(np.float64), -exponent)
    matrix: Floats = squareform(np.ldexp(pdist(scaled), exponent).astype(points.dtype))
    return matrix


def _graph_of_distances(distances: npt.ArrayLike | torch.Tensor, max_edge: float) -> _Graph:
    tensor, array = float_tensor(distances, "distances")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) == 0:
        raise InputError(mismatch("distances", got=f"shape {array.shape}", expected="(n, n) with n >= 1"))
    _check_not_negative(array, "distances")
    if (array.diagonal() != 0).any():
        point = np.flatnonzero(array.diagonal())[0]
        raise InputError(
            mismatch("distances", got=f"{array[point, point]} at ({point}, {point})", expected="0 on the diagonal")
        )
    if (array != array.T).any():
        u, v = np.argwhere(array != array.T)[0]
        raise InputError(
            mismatch(
                "distances",
                got=f"{array[u, v]} at ({u}, {v}) and {array[v, u]} at ({v}, {u})",
                expected="a symmetric matrix, such as (d + d.T) / 2",
            )
        )
    edges, lengths = _edges_up_to(array, max_edge)

    def lengths_of(index: Indices) -> torch.Tensor:
        first, second = torch.from_numpy(edges[index].T).to(tensor.device)
        # Each of the two entries has half the gradient, so a gradient step leaves the matrix symmetric.
        return tensor[first, second] / 2 + tensor[second, first] / 2

    return _Graph(len(array), edges, lengths, lengths_of)


def _graph_of_edges(graph: object, num_vertices: int | None, max_edge: float) -> _Graph:
    if not isinstance(graph, tuple | list) or len(graph) != 2:
        raise TypeError(mismatch("graph", got=type(graph).__name__, expected="a tuple (edges, weights)"))
    tensor, array = float_tensor(graph[1], "weights")
    edges = np.sort(_as_edges(graph[0]), axis=1)
    if array.shape != (len(edges),):
        raise InputError(
            mismatch("weights", got=f"shape {array.shape}", expected=f"({len(edges)},): one weight for each edge")
        )
    _check_not_negative(array, "weights")
    if num_vertices is None:
        vertex_count = int(edges.max(initial=-1)) + 1
        if vertex_count == 0:
            raise InputError(mismatch("graph", got="no edges and no num_vertices", expected="at least one vertex"))
    else:
        vertex_count = check_integer(num_vertices, "num_vertices", 1)
    _check_edges(edges, vertex_count)
    kept = np.flatnonzero((array <= max_edge) & np.isfinite(array))

    def lengths_of(index: Indices) -> torch.Tensor:
        return tensor[torch.from_numpy(kept[index]).to(tensor.device)]

    return _Graph(vertex_count, np.ascontiguousarray(edges[kept]), array[kept], lengths_of)


def _edges_up_to(distances: Floats, max_edge: float) -> tuple[Indices, Floats]:
    """Returns the edges up to a length and their lengths, in the order of their vertices.

    Edges longer than the enclosing radius are left out. It is the smallest radius at which one point has edges to all
    others, so the complex is a cone from there on.
    """
    enclosing_radius = distances.max(axis=1).min()
    first, second = np.triu_indices(len(distances), 1)
    lengths = distances[first, second]
    kept = (lengths <= min(max_edge, enclosing_radius)) & np.isfinite(lengths)
    return np.stack([first[kept], second[kept]], axis=1), lengths[kept]


def _as_edges(edges: npt.ArrayLike | torch.Tensor) -> Indices:
    array = as_numpy(edges, "edges")
    if array.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(mismatch("edges", got=f"shape {array.shape}", expected="(m, 2)"))
    return as_indices(array, "edges")


def _check_edges(edges: Indices, vertex_count: int) -> None:
    def refuse(is_wrong: Any, expected: str) -> None:
        if is_wrong.any():
            raise InputError(mismatch("edges", got=tuple(edges[is_wrong][0].tolist()), expected=expected))

    refuse(((edges < 0) | (edges >= vertex_count)).any(axis=1), f"vertices from 0 to {vertex_count - 1}")
    refuse(edges[:, 0] == edges[:, 1], "two different vertices")
    order = np.lexsort(edges.T)
    repeated = np.zeros(len(edges), dtype=np.bool_)
    repeated[order[1:]] = (edges[order[1:]] == edges[order[:-1]]).all(axis=1)
    refuse(repeated, "each edge once")


def _check_not_negative(values: Floats, name: str) -> None:
    if (values < 0).any():
        position = tuple(np.argwhere(values < 0)[0].tolist())
        raise InputError(mismatch(name, got=f"{values[position]} at {position}", expected="numbers >= 0"))
