"""Optimal bottleneck matching of two persistence diagrams."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow
from scipy.spatial import KDTree

from segtopo.matching.diagram_points import (
    DiagramPoints,
    FloatArray,
    IndexArray,
    Matching,
    diagram_points,
    match_points,
)

_NEIGHBOURS = 16
"""Candidate partners of each point at first."""


def match_bottleneck(first: ArrayLike, second: ArrayLike) -> Matching:
    """Matches the points of two persistence diagrams so that the largest distance is as small as possible.

    Distances are those of the maximum norm. The distance of an unmatched point is its distance from the diagonal, half
    its persistence. Essential points (infinite death) cannot be unmatched; they are matched with one another in the
    order of their births.

    Within a distance ``r``, only points more than ``r`` away from the diagonal need a partner. If one matching covers
    these points of ``first`` and another one those of ``second``, the union of both contains a matching that covers
    all of them (Mendelsohn and Dulmage 1958), so no copies of the diagonal are needed. Bisection finds the smallest
    such ``r``. The candidate pairs are near neighbours from KD-trees; points that compete for too few partners get
    more candidates.

    Args:
        first: ``(n, 2)`` points (birth, death); an infinite death marks an essential point.
        second: ``(m, 2)`` points of the same filtration.

    Returns:
        Two index arrays of equal length: ``first[i]`` is matched with ``second[j]``, and all other points are
        unmatched. ``i`` is ascending.

    Raises:
        InputError: A diagram is not ``(n, 2)``, or holds NaN or an infinite birth; deaths are infinite with both
            signs; or the numbers of essential points differ (the distance is then infinite).
        TypeError: A diagram is not an array of real numbers.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, "Stability of persistence diagrams", Discrete & Computational
        Geometry 37, 2007. A. Efrat, A. Itai, M. J. Katz, "Geometry helps in bottleneck matching and related problems",
        Algorithmica 31, 2001.

    Example:
        >>> match_bottleneck([[0.9, 0.1], [0.5, 0.4]], [[0.6, 0.55], [1.0, 0.0]])
        (array([0]), array([1]))
    """
    return match_bottleneck_points(*diagram_points(first, second))


def match_bottleneck_points(first: DiagramPoints, second: DiagramPoints) -> Matching:
    """Matches checked points as :func:`match_bottleneck` does."""
    return match_points(first, second, _match_finite)


class _Cover:
    """Matchings that cover all points of one diagram that are too far from the diagonal.

    Their partners are any points of the other diagram.
    """

    def __init__(self, points: FloatArray, others: FloatArray) -> None:
        self._points = points
        self._tree = KDTree(others)
        self._num_others = len(others)
        self.to_diagonal = 0.5 * np.abs(points[:, 0] - points[:, 1])
        distances, partners = self._tree.query(points, range(1, min(_NEIGHBOURS, len(others)) + 1), p=np.inf)
        self._nodes = np.repeat(np.arange(len(points)), distances.shape[1])
        self._partners, self._distances = partners.ravel(), distances.ravel()
        self._counts = np.full(len(points), distances.shape[1])
        self._reach = distances[:, -1] if distances.shape[1] < len(others) else np.full(len(points), np.inf)
        # Every point is at least as far away as its nearest partner or the diagonal.
        self.lower_bound = float(np.minimum(self.to_diagonal, distances[:, 0]).max())

    def within(self, radius: float) -> IndexArray | float:
        """Returns the partner of each point within the radius, -1 for unmatched points near the diagonal.

        If there is no such matching, returns the smallest larger radius that may have one.

        The nearest neighbours are mostly enough. If not, points that compete for too few partners get more candidates,
        until they are covered or all partners within the radius are candidates (Hall's condition).
        """
        required = self.to_diagonal > radius
        while True:
            mates, competing = self._flow(radius, required)
            if len(competing) == 0:
                return mates
            incomplete = competing[self._reach[competing] <= radius]
            if len(incomplete) == 0:
                return self._next_radius(competing, radius)
            self._double_partners(incomplete)

    def longest_within(self, radius: float) -> float:
        """Returns the largest candidate distance up to the radius, an upper bound of the distances of a matching."""
        distances = np.concatenate([self._distances, self.to_diagonal])
        return float(distances[distances <= radius].max(initial=0.0))

    def _next_radius(self, competing: IndexArray, radius: float) -> float:
        further = self._distances[np.isin(self._nodes, competing) & (self._distances > radius)]
        return float(min(further.min(initial=np.inf), self.to_diagonal[competing].min(), self._reach[competing].min()))

    def _double_partners(self, chosen: IndexArray) -> None:
        kept = ~np.isin(self._nodes, chosen)
        nodes, partners, lengths = [self._nodes[kept]], [self._partners[kept]], [self._distances[kept]]
        for count in np.unique(self._counts[chosen]):
            group = chosen[self._counts[chosen] == count]
            more = min(2 * int(count), self._num_others)
            near, found = self._tree.query(self._points[group], range(1, more + 1), p=np.inf)
            nodes.append(np.repeat(group, more))
            partners.append(found.ravel())
            lengths.append(near.ravel())
            self._counts[group] = more
            self._reach[group] = near[:, -1] if more < self._num_others else np.inf
        self._nodes, self._partners, self._distances = map(np.concatenate, (nodes, partners, lengths))

    def _flow(self, radius: float, required: NDArray[np.bool_]) -> tuple[IndexArray, IndexArray]:
        """Returns a largest matching of required points, and the points that compete with its unmatched points.

        Maximum flow (Dinic) is used, because ``scipy.sparse.csgraph.maximum_bipartite_matching`` takes 6 to 28 times
        as long on 3,000 points.
        """
        n = len(required)
        source, sink = n + self._num_others, n + self._num_others + 1
        useful = required[self._nodes] & (self._distances <= radius)
        wanted, possible = np.flatnonzero(required), n + np.arange(self._num_others)
        tails = np.concatenate([np.full(len(wanted), source), self._nodes[useful], possible])
        heads = np.concatenate([wanted, n + self._partners[useful], np.full(self._num_others, sink)])
        network = csr_array((np.ones(len(tails), dtype=np.int32), (tails, heads)), shape=(sink + 1, sink + 1))
        result = maximum_flow(network, source, sink)
        flow = result.flow.tocoo()
        used = (flow.data > 0) & (flow.row < n)
        mates = np.full(n, -1, dtype=np.intp)
        mates[flow.row[used]] = flow.col[used] - n
        if result.flow_value == len(wanted):
            return mates, np.empty(0, dtype=np.intp)
        residual = csr_array(network - result.flow)
        residual.eliminate_zeros()
        reached = breadth_first_order(residual, source, return_predecessors=False)
        return mates, reached[reached < n].astype(np.intp)


def _match_finite(first: FloatArray, second: FloatArray) -> Matching:
    if len(first) == 0 or len(second) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    covers = _Cover(first, second), _Cover(second, first)
    # No radius below `low` has a matching. `high` has one, because all points may be unmatched.
    low = max(cover.lower_bound for cover in covers)
    high = float(max(cover.to_diagonal.max() for cover in covers))
    middle = low
    while low < high:
        larger = _least_larger(covers, middle)
        if larger is None:
            high = max(cover.longest_within(middle) for cover in covers)
        else:
            low = max(larger, float(np.nextafter(middle, np.inf)))
        middle = min(0.5 * (low + high), 1.25 * low)
        middle = middle if middle < high else low
    mates, others = covers[0].within(high), covers[1].within(high)
    assert not isinstance(mates, float)
    assert not isinstance(others, float)
    return _unite(mates, others)


def _least_larger(covers: tuple[_Cover, _Cover], radius: float) -> float | None:
    """Returns None if both diagrams can be covered within the radius, else the smallest larger radius that may do."""
    for cover in covers:
        found = cover.within(radius)
        if isinstance(found, float):
            return found
    return None


def _unite(mates: IndexArray, others: IndexArray) -> Matching:
    """Unites a matching that covers some rows and one that covers some columns into a matching that covers all of them.

    The pairs of the two matchings form paths and cycles. On each of these, the pairs of the first matching are taken,
    unless they miss a column that the second matching covers; then the pairs of the second matching are taken.

    Args:
        mates: ``(n,)`` partner of each row in the first matching, or -1.
        others: ``(m,)`` partner of each column in the second matching, or -1.
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
