"""Optimal bottleneck matching of two persistence diagrams."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from segtopo import _native
from segtopo.matching.diagram_points import DiagramPoints, FloatArray, Matching, diagram_points, match_points


def match_bottleneck(first: ArrayLike, second: ArrayLike) -> Matching:
    """Matches the points of two persistence diagrams so that the largest distance is as small as possible.

    Distances are those of the maximum norm. The distance of an unmatched point is its distance from the diagonal, half
    its persistence. Essential points (infinite death) cannot be unmatched; they are matched with one another in the
    order of their births.

    Within a distance ``r``, only points more than ``r`` away from the diagonal need a partner. If one matching covers
    these points of ``first`` and another one those of ``second``, the union of both contains a matching that covers
    all of them (Mendelsohn and Dulmage 1958), so no copies of the diagonal are needed. Bisection finds the smallest
    such ``r``; the matching of one step is the start of the next. A KD-tree finds the partners within a distance that
    the search for an augmenting path has not seen yet, so no step stores pairs.

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


def _match_finite(first: FloatArray, second: FloatArray) -> Matching:
    partners = _native.bottleneck_matching(np.ascontiguousarray(first), np.ascontiguousarray(second))
    rows = np.flatnonzero(partners >= 0)
    return rows, partners[rows].astype(np.intp, copy=False)
