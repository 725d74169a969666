"""Optimal (Wasserstein) matching of two persistence diagrams."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from segtopo.matching.diagram_points import DiagramPoints, FloatArray, Matching, diagram_points, match_points
from segtopo.matching.ground_cost import GroundCost
from segtopo.matching.partial_matching import match_partially

_LARGEST_EXPONENT = 500
"""Coordinates are cut off at 2**500, so that their squares do not overflow."""


def match_wasserstein(
    first: ArrayLike, second: ArrayLike, *, order: float = 2.0, internal_p: float = 2.0, match_all: bool = False
) -> Matching:
    """Matches the points of two persistence diagrams at the least total cost, the ``order``-th powers of distances.

    An unmatched point costs the power of its distance from the diagonal. Essential points (infinite death) cannot be
    unmatched; they are matched with one another in the order of their births.

    If all points are unmatched, the total cost is known. Matching a pair ``(p, q)`` changes it by
    ``|p - q|^order - |p - diagonal|^order - |q - diagonal|^order``. So an ``(n, m)`` assignment problem on these
    changes, in which unmatched points cost 0, replaces the usual ``(n + m, n + m)`` problem with copies of the
    diagonal. It is solved among near neighbours first, see
    :func:`~segtopo.matching.partial_matching.match_partially`. If all points of ``second`` coincide, as for a binary
    mask, sorting the changes is enough.

    Args:
        first: ``(n, 2)`` points (birth, death); an infinite death marks an essential point.
        second: ``(m, 2)`` points of the same filtration.
        order: Power of the distances in the total cost, in [1, inf).
        internal_p: Norm of the plane in which distances are measured, in [1, inf].
        match_all: False: a pair is matched only if it costs less than two unmatched points (the Wasserstein
            matching). True: as many pairs as possible, ``min(n, m)``, are matched at the least total cost; this
            stores the ``(n, m)`` table of changes unless the points of ``second`` coincide.

    Returns:
        Two index arrays of equal length: ``first[i]`` is matched with ``second[j]``, and all other points are
        unmatched. ``i`` is ascending.

    Raises:
        InputError: A diagram is not ``(n, 2)``, or holds NaN or an infinite birth; deaths are infinite with both
            signs; an exponent is out of its range; or the numbers of essential points differ (the distance is then
            infinite).
        TypeError: A diagram is not an array of real numbers, or an exponent is not a number.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, Y. Mileyko, "Lipschitz functions have L_p-stable persistence",
        Foundations of Computational Mathematics 10, 2010.

    Example:
        >>> prediction = [[0.9, 0.1], [0.5, 0.4], [0.6, 0.55]]
        >>> target = [[1.0, 0.0]]
        >>> match_wasserstein(prediction, target)
        (array([0]), array([0]))
    """
    points = diagram_points(first, second)
    return match_wasserstein_points(*points, order=order, internal_p=internal_p, match_all=match_all)


def match_wasserstein_points(
    first: DiagramPoints,
    second: DiagramPoints,
    *,
    order: float = 2.0,
    internal_p: float = 2.0,
    match_all: bool = False,
) -> Matching:
    """Matches checked points as :func:`match_wasserstein` does, for other packages that know which are essential."""
    cost = GroundCost(order, internal_p)
    return match_points(first, second, partial(_match_finite, cost=cost, match_all=match_all))


def _match_finite(first: FloatArray, second: FloatArray, *, cost: GroundCost, match_all: bool) -> Matching:
    if len(first) == 0 or len(second) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if not match_all:
        first, second = _magnified(first, second, cost)
    if (second == second[0]).all():
        change = cost.change(first, second[:1])[:, 0]
        rows = np.argsort(change, kind="stable")[: len(second)]
        rows = rows if match_all else rows[change[rows] < 0.0]
        return rows, np.arange(len(rows))
    if match_all:
        rows, columns = linear_sum_assignment(cost.change(first, second))
        return rows, columns
    return match_partially(first, second, cost)


def _magnified(first: FloatArray, second: FloatArray, cost: GroundCost) -> tuple[FloatArray, FloatArray]:
    """Scales points so that the largest distance to the diagonal lies between 1/2 and 1.

    Only pairs of at most twice this distance can be matched, so powers of all distances that matter are in range.
    Points whose coordinates are cut off lie on the diagonal, because the differences of such large floats are 0 or
    larger than 1. They stay on the diagonal, where they are never matched.
    """
    largest = max(cost.distances_to_diagonal(points).max() for points in (first, second))
    exponent = int(np.frexp(largest)[1])
    bound = np.ldexp(1.0, exponent + _LARGEST_EXPONENT)
    return np.ldexp(first.clip(-bound, bound), -exponent), np.ldexp(second.clip(-bound, bound), -exponent)
