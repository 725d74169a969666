"""Optimal (Wasserstein-2) matching between two persistence diagrams."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from segtopo.errors import InputError

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]


def match_diagrams(first: ArrayLike, second: ArrayLike, *, match_all: bool = False) -> tuple[IndexArray, IndexArray]:
    """Matches the points of two persistence diagrams at the least total squared distance.

    A point without a partner goes to the diagonal, at half its squared persistence. Essential points
    (infinite death) cannot go there: they are matched with one another in the order of their births.

    The problem solved is the small one. Sending every point to the diagonal costs a fixed amount; a pair
    ``(p, q)`` changes it by ``|p - q|^2 - |p - diagonal|^2 - |q - diagonal|^2``. So an ``(n, m)`` assignment
    on these changes replaces the ``(n + m, n + m)`` one with copies of the diagonal. If all points of
    ``second`` coincide, as for a binary mask, the changes are sorted instead.

    Args:
        first: ``(n, 2)`` points (birth, death); an infinite death marks an essential class.
        second: ``(m, 2)`` points of the same filtration.
        match_all: False gives the Wasserstein-2 matching, where a pair is made only if it is cheaper than two
            ways to the diagonal. True makes as many pairs as there can be, ``min(n, m)``, at the least total
            cost.

    Returns:
        Two index arrays of equal length: ``first[i]`` is matched with ``second[j]``; all other points go to
        the diagonal. ``i`` is increasing.

    Raises:
        InputError: If an input is not ``(n, 2)``, or the numbers of essential points differ (their distance
            is infinite).

    Reference:
        Cohen-Steiner, Edelsbrunner, Harer, Mileyko: Lipschitz functions have L_p-stable persistence.
        Foundations of Computational Mathematics 10, 2010.

    Example:
        >>> prediction = [[0.9, 0.1], [0.5, 0.4], [0.6, 0.55]]
        >>> target = [[1.0, 0.0]]
        >>> match_diagrams(prediction, target)
        (array([0]), array([0]))
    """
    points = _as_points(first, "first"), _as_points(second, "second")
    essential = [np.isinf(p[:, 1]) for p in points]
    finite_rows, finite_columns = (np.flatnonzero(~e) for e in essential)
    i, j = _match_finite(points[0][finite_rows], points[1][finite_columns], match_all)
    essential_rows, essential_columns = (_by_birth(p, e) for p, e in zip(points, essential, strict=True))
    if len(essential_rows) != len(essential_columns):
        raise InputError(
            f"the diagrams have {len(essential_rows)} and {len(essential_columns)} essential points, expected "
            "equal numbers: their distance is infinite."
        )
    rows = np.concatenate([finite_rows[i], essential_rows])
    columns = np.concatenate([finite_columns[j], essential_columns])
    order = np.argsort(rows)
    return rows[order], columns[order]


def _as_points(diagram: ArrayLike, name: str) -> FloatArray:
    points = np.asarray(diagram, dtype=np.float64)
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"`{name}` has shape {points.shape}, expected (n, 2): one (birth, death) per row.")
    return points


def _by_birth(points: FloatArray, selected: NDArray[np.bool_]) -> IndexArray:
    """Indices of the selected points in the order of their births, the optimal order on a line."""
    indices = np.flatnonzero(selected)
    return indices[np.argsort(points[indices, 0], kind="stable")]


def _match_finite(first: FloatArray, second: FloatArray, match_all: bool) -> tuple[IndexArray, IndexArray]:
    if len(first) == 0 or len(second) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if (second == second[0]).all():
        change = _cost_change(first, second[:1])[:, 0]
        rows = np.argsort(change, kind="stable")[: len(second)]
        columns = np.arange(len(rows))
        changes = change[rows]
    else:
        table = _cost_change(first, second)
        # A pair that saves nothing is worth as much as two ways to the diagonal: clipped, it is dropped
        # below.
        rows, columns = linear_sum_assignment(table if match_all else np.minimum(table, 0.0))
        changes = table[rows, columns]
    kept = np.full(len(rows), True) if match_all else changes < 0.0
    return rows[kept], columns[kept]


def _cost_change(first: FloatArray, second: FloatArray) -> FloatArray:
    """The ``(n, m)`` changes of total cost when a pair is matched instead of both going to the diagonal.

    ``|p - q|^2`` splits into its parts along and across the diagonal; the squared parts across cancel with
    the two ways to the diagonal and leave the product of the persistences.
    """
    along: FloatArray = first.sum(axis=1)[:, None] - second.sum(axis=1)[None, :]
    persistence = np.outer(first[:, 0] - first[:, 1], second[:, 0] - second[:, 1])
    return 0.5 * along**2 - persistence
