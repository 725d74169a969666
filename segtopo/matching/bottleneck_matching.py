"""Optimal bottleneck matching between two persistence diagrams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, maximum_flow
from scipy.spatial import KDTree

from segtopo.matching.diagram_points import FloatArray, IndexArray, Matching, diagram_points, match_points


def match_bottleneck(first: ArrayLike, second: ArrayLike) -> Matching:
    """Matches the points of two persistence diagrams so that the longest way is the shortest.

    Distances are those of the maximum norm. A point without a partner goes to the diagonal, half its persistence
    away. Essential points (infinite death) cannot go there: they are matched with one another in the order of
    their births.

    Within a distance ``r`` only points more than ``r`` away from the diagonal need a partner. If one matching covers
    those of ``first`` and another those of ``second``, their union holds one that covers both (Mendelsohn and Dulmage
    1958); so no copies of the diagonal are needed. The least such ``r`` is sought among the distances that occur
    between two bounds, where the pairs come from KD-trees.

    Args:
        first: ``(n, 2)`` points (birth, death); an infinite death marks an essential class.
        second: ``(m, 2)`` points of the same filtration.

    Returns:
        Two index arrays of equal length: ``first[i]`` is matched with ``second[j]``; all other points go to
        the diagonal. ``i`` is increasing.

    Raises:
        InputError: If an input is not ``(n, 2)`` or holds NaN, or the numbers of essential points differ (their
            distance is infinite).

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, "Stability of persistence diagrams", Discrete & Computational
        Geometry 37, 2007. A. Efrat, A. Itai, M. J. Katz, "Geometry helps in bottleneck matching and related problems",
        Algorithmica 31, 2001.

    Example:
        >>> match_bottleneck([[0.9, 0.1], [0.5, 0.4]], [[0.6, 0.55], [1.0, 0.0]])
        (array([0]), array([1]))
    """
    points = diagram_points(first, second)
    return match_points(*points, _match_finite(points[0].finite, points[1].finite))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of points and their distances, in the order of rows; with each point's distance from the diagonal."""

    rows: IndexArray
    columns: IndexArray
    distances: FloatArray
    to_diagonal: tuple[FloatArray, FloatArray]

    def cover(self, radius: float) -> tuple[IndexArray, IndexArray] | None:
        """Mates, or -1, for the points of ``first``, and for those of ``second``, by pairs no longer than the radius.

        Those of each diagram cover its points that are further than the radius from the diagonal. None if that cannot
        be. The two matchings are independent of each other.
        """
        near = self.distances <= radius
        rows, columns = self.rows[near], self.columns[near]
        mates = _cover(rows, columns, self.to_diagonal[0] > radius, len(self.to_diagonal[1]))
        if mates is None:
            return None
        others = _cover(columns, rows, self.to_diagonal[1] > radius, len(self.to_diagonal[0]))
        return None if others is None else (mates, others)


def _match_finite(first: FloatArray, second: FloatArray) -> Matching:
    if len(first) == 0 or len(second) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    pairs, radii = _bracket(first, second)
    # The last of the radii is long enough; the first that is, is the distance.
    low, high = 0, len(radii) - 1
    while low < high:
        middle = (low + high) // 2
        if pairs.cover(radii[middle]) is None:
            low = middle + 1
        else:
            high = middle
    covers = pairs.cover(radii[low])
    assert covers is not None
    return _unite(*covers)


def _bracket(first: FloatArray, second: FloatArray) -> tuple[_Pairs, FloatArray]:
    """Candidates for the distance, increasing, of which the last is long enough; and the pairs that are no longer."""
    to_diagonal = _to_diagonal(first), _to_diagonal(second)
    trees = KDTree(first), KDTree(second)
    # Every point has to go to its nearest partner or to the diagonal, at least.
    low = max(
        np.minimum(to_diagonal[i], trees[1 - i].query(points, p=np.inf)[0]).max()
        for i, points in enumerate((first, second))
    )
    all_to_diagonal = max(to_diagonal[0].max(), to_diagonal[1].max())
    high = low
    while (pairs := _pairs_within(high, trees, to_diagonal)).cover(high) is None:
        low, high = high, min(all_to_diagonal, max(1.25 * high, all_to_diagonal / 1024))
    candidates = np.concatenate([pairs.distances, *to_diagonal])
    return pairs, np.unique(candidates[(low <= candidates) & (candidates <= high)])


def _to_diagonal(points: FloatArray) -> FloatArray:
    distances: FloatArray = 0.5 * np.abs(points[:, 0] - points[:, 1])
    return distances


def _pairs_within(radius: float, trees: tuple[KDTree, KDTree], to_diagonal: tuple[FloatArray, FloatArray]) -> _Pairs:
    near = trees[0].sparse_distance_matrix(trees[1], radius, p=np.inf, output_type="ndarray")
    return _Pairs(near["i"], near["j"], near["v"], to_diagonal)


def _cover(
    nodes: IndexArray, partners: IndexArray, required: NDArray[np.bool_], num_partners: int
) -> IndexArray | None:
    """For each required node a partner of its own among the pairs, -1 for all others; None if there are too few.

    By maximum flow (Dinic): ``scipy.sparse.csgraph.maximum_bipartite_matching`` takes 10 to 50 times as long here.
    """
    useful = required[nodes]
    source, sink = len(required) + num_partners, len(required) + num_partners + 1
    wanted, possible = np.flatnonzero(required), len(required) + np.arange(num_partners)
    tails = np.concatenate([np.full(len(wanted), source), nodes[useful], possible])
    heads = np.concatenate([wanted, len(required) + partners[useful], np.full(num_partners, sink)])
    network = csr_array((np.ones(len(tails), dtype=np.int32), (tails, heads)), shape=(sink + 1, sink + 1))
    result = maximum_flow(network, source, sink)
    if result.flow_value < len(wanted):
        return None
    flow = result.flow.tocoo()
    used = (flow.data > 0) & (flow.row < len(required))
    mates = np.full(len(required), -1, dtype=np.intp)
    mates[flow.row[used]] = flow.col[used] - len(required)
    return mates


def _unite(mates: IndexArray, others: IndexArray) -> Matching:
    """From a matching of some rows and one of some columns, a matching of all of these.

    The pairs of both form paths and cycles. On each, either all pairs of the first are taken or all of the second:
    those of the first, unless they miss a column that the second covers.
    """
    n, m = len(mates), len(others)
    rows, columns = np.flatnonzero(mates >= 0), np.flatnonzero(others >= 0)
    ends = np.concatenate([rows, others[columns]]), n + np.concatenate([mates[rows], columns])
    graph = coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(n + m, n + m))
    _, path = connected_components(graph, directed=False)
    missed = np.setdiff1d(columns, mates[rows])
    takes_second = np.zeros(n + m, dtype=np.bool_)
    takes_second[path[n + missed]] = True
    rows, columns = rows[~takes_second[path[rows]]], columns[takes_second[path[n + columns]]]
    i, j = np.concatenate([rows, others[columns]]), np.concatenate([mates[rows], columns])
    order = np.argsort(i)
    return i[order], j[order]
