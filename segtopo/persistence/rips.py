"""Persistent homology of Vietoris-Rips complexes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from segtopo import _native
from segtopo.persistence.simplicial_complex import Indices
from segtopo.persistence.simplicial_diagram import (
    Floats,
    SimplicialDiagram,
    float_tensor,
    rows_or_none,
    simplicial_diagram,
)


class _Graph(NamedTuple):
    """A weighted graph; ``lengths_of`` computes the lengths of some edges, by their numbers, with their gradient."""

    vertex_count: int
    edges: Indices
    lengths: Floats
    lengths_of: Callable[[Indices], torch.Tensor]


def rips_persistence(
    points: npt.ArrayLike | torch.Tensor | None = None,
    *,
    distances: npt.ArrayLike | torch.Tensor | None = None,
    graph: tuple[npt.ArrayLike | torch.Tensor, npt.ArrayLike | torch.Tensor] | None = None,
    num_vertices: int | None = None,
    max_dimension: int = 1,
    max_edge: float = np.inf,
) -> list[SimplicialDiagram]:
    """Persistent homology over Z2 of a Vietoris-Rips complex, differentiable with respect to its points or lengths.

    Vertices enter at 0, edges with their lengths, every other simplex with the last of its edges. Edges are totally
    ordered by (length, first end, second end), those of a graph by (weight, place in the list). The coboundary
    matrix is implicit; apparent pairs, clearing and emergent pairs leave few columns to reduce.

    Args:
        points: (n, d) points, with Euclidean distances.
        distances: (n, n) distances, symmetric and with a zero diagonal. An infinite distance is no edge.
        graph: ``(edges, weights)``: (m, 2) vertices, numbered from 0, and (m,) weights >= 0. The complex is the
            graph's flag complex.
        num_vertices: Of the graph, where vertices after the last that has an edge are to count; else it is left out.
        max_dimension: The highest dimension of the diagrams.
        max_edge: Longer edges do not enter, and classes alive then are essential. By default all enter.

    Returns:
        One diagram for each dimension 0 .. max_dimension, the pairs in the order of their births (components: of their
        vertices). Pairs of zero persistence are left out. Births and deaths keep the dtype of what is given (integers
        become float64).

    Raises:
        ValueError: Not exactly one of points, distances and graph is given; it is empty, or of another shape; there is
            NaN, an infinite coordinate, a negative length, an asymmetric matrix, or a diagonal that is not zero; an
            edge is a loop, is given twice or has a vertex that is not there; there are more simplices than 63 bits
            number.
        TypeError: Vertices are not integers, or other numbers not real.

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
    if sum(given is not None for given in (points, distances, graph)) != 1:
        raise ValueError("got not exactly one of points, distances and graph, expected one")
    if num_vertices is not None and graph is None:
        raise ValueError(f"num_vertices: got {num_vertices} without a graph, expected None")
    if operator.index(max_dimension) < 0:
        raise ValueError(f"max_dimension: got {max_dimension}, expected at least 0")
    if not max_edge >= 0:
        raise ValueError(f"max_edge: got {max_edge}, expected a number >= 0")
    if points is not None:
        complex_ = _graph_of_points(points, max_edge)
    elif distances is not None:
        complex_ = _graph_of_distances(distances, max_edge)
    else:
        assert graph is not None
        complex_ = _graph_of_edges(*graph, num_vertices, max_edge)
    pairs = _native.rips_persistence(
        complex_.vertex_count, complex_.edges, complex_.lengths.astype(np.float64), max_dimension=max_dimension
    )
    return [_diagram(complex_, births, deaths, k) for k, (births, deaths) in enumerate(pairs)]


def _diagram(graph: _Graph, births: Indices, deaths: Indices, dimension: int) -> SimplicialDiagram:
    finite_deaths = graph.lengths_of(deaths[deaths >= 0])
    if dimension == 0:
        birth_values, birth_simplices = finite_deaths.new_zeros(len(births)), np.stack([births, births], axis=1)
    else:
        birth_values, birth_simplices = graph.lengths_of(births), graph.edges[births]
    death_simplices = rows_or_none(graph.edges, deaths)
    return simplicial_diagram(birth_values, finite_deaths, birth_simplices, death_simplices, dimension, np.inf)


def _graph_of_points(points: npt.ArrayLike | torch.Tensor, max_edge: float) -> _Graph:
    tensor, array = float_tensor(points, "points")
    if array.ndim != 2 or len(array) == 0:
        raise ValueError(f"points: got shape {array.shape}, expected (n, d) with n >= 1")
    if not np.isfinite(array).all():
        raise ValueError(f"points: got {np.count_nonzero(np.isinf(array))} infinite coordinates, expected finite ones")
    from scipy.spatial.distance import pdist, squareform

    # Rounded to the dtype of the points, as the values of the diagram are.
    matrix = squareform(pdist(array.astype(np.float64)).astype(array.dtype))
    edges, lengths = _edges_up_to(matrix, max_edge)

    def lengths_of(numbers: Indices) -> torch.Tensor:
        first, second = torch.from_numpy(edges[numbers].T).to(tensor.device)
        norms: torch.Tensor = torch.linalg.vector_norm(tensor[first] - tensor[second], dim=1)
        # Exactly the values that the edges were ordered by, whose last bits may differ; the gradient is the norm's.
        return norms + (torch.from_numpy(lengths[numbers]).to(norms) - norms).detach()

    return _Graph(len(array), edges, lengths, lengths_of)


def _graph_of_distances(distances: npt.ArrayLike | torch.Tensor, max_edge: float) -> _Graph:
    tensor, array = float_tensor(distances, "distances")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) == 0:
        raise ValueError(f"distances: got shape {array.shape}, expected (n, n) with n >= 1")
    _check_not_negative(array, "distances")
    if (array.diagonal() != 0).any():
        point = np.flatnonzero(array.diagonal())[0]
        raise ValueError(f"distances: got {array[point, point]} at ({point}, {point}), expected 0 on the diagonal")
    if (array != array.T).any():
        u, v = np.argwhere(array != array.T)[0]
        raise ValueError(
            f"distances: got {array[u, v]} at ({u}, {v}) and {array[v, u]} at ({v}, {u}), expected a symmetric "
            "matrix; (d + d.T) / 2 is one"
        )
    edges, lengths = _edges_up_to(array, max_edge)

    def lengths_of(numbers: Indices) -> torch.Tensor:
        first, second = torch.from_numpy(edges[numbers].T).to(tensor.device)
        # Half the gradient for either entry: the matrix stays symmetric under a step along it.
        return tensor[first, second] / 2 + tensor[second, first] / 2

    return _Graph(len(array), edges, lengths, lengths_of)


def _graph_of_edges(
    edges: npt.ArrayLike | torch.Tensor,
    weights: npt.ArrayLike | torch.Tensor,
    num_vertices: int | None,
    max_edge: float,
) -> _Graph:
    tensor, array = float_tensor(weights, "weights")
    ends = np.sort(_as_edges(edges), axis=1)
    if array.shape != (len(ends),):
        raise ValueError(f"weights: got shape {array.shape}, expected ({len(ends)},): one for each edge")
    _check_not_negative(array, "weights")
    vertex_count = int(ends.max(initial=-1)) + 1 if num_vertices is None else operator.index(num_vertices)
    if vertex_count < 1:
        raise ValueError(f"graph: got {vertex_count} vertices, expected at least one")
    _check_edges(ends, vertex_count)
    kept = np.flatnonzero((array <= max_edge) & np.isfinite(array))

    def lengths_of(numbers: Indices) -> torch.Tensor:
        return tensor[torch.from_numpy(kept[numbers]).to(tensor.device)]

    return _Graph(vertex_count, np.ascontiguousarray(ends[kept]), array[kept], lengths_of)


def _edges_up_to(distances: Floats, max_edge: float) -> tuple[Indices, Floats]:
    """The edges that enter, from the first to the last pair of points, and their lengths.

    After the enclosing radius, the least at which one point has an edge to all others, the complex is a cone.
    """
    enclosing_radius = distances.max(axis=1).min()
    first, second = np.triu_indices(len(distances), 1)
    lengths = distances[first, second]
    kept = (lengths <= min(max_edge, enclosing_radius)) & np.isfinite(lengths)
    return np.stack([first[kept], second[kept]], axis=1), lengths[kept]


def _as_edges(edges: npt.ArrayLike | torch.Tensor) -> Indices:
    array = np.asarray(edges.detach().cpu() if isinstance(edges, torch.Tensor) else edges)
    if array.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"edges: got shape {array.shape}, expected (m, 2)")
    if array.dtype.kind not in "iu":
        raise TypeError(f"edges: got dtype {array.dtype}, expected integers")
    return array.astype(np.int64)


def _check_edges(edges: Indices, vertex_count: int) -> None:
    def refuse(wrong: Any, expected: str) -> None:
        if wrong.any():
            raise ValueError(f"edges: got {tuple(edges[wrong][0].tolist())}, expected {expected}")

    refuse(((edges < 0) | (edges >= vertex_count)).any(axis=1), f"vertices from 0 to {vertex_count - 1}")
    refuse(edges[:, 0] == edges[:, 1], "two different vertices")
    order = np.lexsort(edges.T)
    repeated = np.zeros(len(edges), dtype=np.bool_)
    repeated[order[1:]] = (edges[order[1:]] == edges[order[:-1]]).all(axis=1)
    refuse(repeated, "each edge once")


def _check_not_negative(values: Floats, name: str) -> None:
    if (values < 0).any():
        place = tuple(np.argwhere(values < 0)[0].tolist())
        raise ValueError(f"{name}: got {values[place]} at {place}, expected numbers >= 0")
