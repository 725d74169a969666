"""Optimal (Wasserstein) matching between two persistence diagrams."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from segtopo.matching.diagram_points import FloatArray, Matching, diagram_points, match_points
from segtopo.matching.ground_cost import GroundCost
from segtopo.matching.partial_matching import match_partially


def match_wasserstein(
    first: ArrayLike, second: ArrayLike, *, order: float = 2.0, internal_p: float = 2.0, match_all: bool = False
) -> Matching:
    """Matches the points of two persistence diagrams at the least total cost, the ``order``-th power of distances.

    A point without a partner goes to the diagonal, at the cost of the way there. Essential points
    (infinite death) cannot go there: they are matched with one another in the order of their births.

    The problem solved is the small one. Sending every point to the diagonal costs a fixed amount; a pair
    ``(p, q)`` changes it by ``|p - q|^order - |p - diagonal|^order - |q - diagonal|^order``. So an ``(n, m)``
    assignment on these changes, where what is not matched costs 0, replaces the ``(n + m, n + m)`` one with
    copies of the diagonal. It is solved among near neighbours first, see
    :func:`~segtopo.matching.partial_matching.match_partially`. If all points of ``second`` coincide, as for a
    binary mask, the changes are sorted instead.

    Args:
        first: ``(n, 2)`` points (birth, death); an infinite death marks an essential class.
        second: ``(m, 2)`` points of the same filtration.
        order: The power of distances in the total, in [1, inf).
        internal_p: The norm of the plane in which distances are measured, in [1, inf].
        match_all: False gives the Wasserstein matching, where a pair is made only if it is cheaper than two
            ways to the diagonal. True makes as many pairs as there can be, ``min(n, m)``, at the least total
            cost; the ``(n, m)`` table is then held in memory, unless the points of ``second`` coincide.

    Returns:
        Two index arrays of equal length: ``first[i]`` is matched with ``second[j]``; all other points go to
        the diagonal. ``i`` is increasing.

    Raises:
        InputError: If an input is not ``(n, 2)`` or holds NaN, an exponent is out of range, or the numbers of
            essential points differ (their distance is infinite).

    Reference:
        Cohen-Steiner, Edelsbrunner, Harer, Mileyko: Lipschitz functions have L_p-stable persistence.
        Foundations of Computational Mathematics 10, 2010.

    Example:
        >>> prediction = [[0.9, 0.1], [0.5, 0.4], [0.6, 0.55]]
        >>> target = [[1.0, 0.0]]
        >>> match_wasserstein(prediction, target)
        (array([0]), array([0]))
    """
    cost = GroundCost(order, internal_p)
    points = diagram_points(first, second)
    return match_points(*points, _match_finite(points[0].finite, points[1].finite, cost, match_all))


def _match_finite(first: FloatArray, second: FloatArray, cost: GroundCost, match_all: bool) -> Matching:
    if len(first) == 0 or len(second) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if (second == second[0]).all():
        change = cost.change(first, second[:1])[:, 0]
        rows = np.argsort(change, kind="stable")[: len(second)]
        rows = rows if match_all else rows[change[rows] < 0.0]
        return rows, np.arange(len(rows))
    if match_all:
        rows, columns = linear_sum_assignment(cost.change(first, second))
        return rows, columns
    return match_partially(first, second, cost)
