"""The points of two persistence diagrams, checked, and the matching of whole diagrams from that of finite points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segtopo.errors import InputError, mismatch
from segtopo.persistence.barcodes import Barcodes
from segtopo.persistence.inputs import as_float_array

FloatArray: TypeAlias = NDArray[np.float64]
IndexArray: TypeAlias = NDArray[np.intp]
Matching: TypeAlias = tuple[IndexArray, IndexArray]
"""Indices of matched points: row ``i[k]`` of one diagram is matched with row ``j[k]`` of the other."""


@dataclass(frozen=True, eq=False)
class DiagramPoints:
    """The points of one diagram.

    Attributes:
        points: ``(n, 2)`` births and deaths. The deaths of essential points are not used.
        essential: ``(n,)`` True for essential points, which can only be matched with one another.
    """

    points: FloatArray
    essential: NDArray[np.bool_]

    @classmethod
    def of_barcodes(cls, barcodes: Barcodes, rows: slice) -> DiagramPoints:
        """Takes the bars of some rows as points, for instance of the rows ``barcodes.of(image, dimension)``."""
        births, deaths = barcodes.births[rows], barcodes.deaths[rows]
        return cls(np.stack([births, deaths], axis=1).astype(np.float64), barcodes.essential[rows])

    @property
    def essential_index(self) -> IndexArray:
        """Indices of the essential points, in the order of their births."""
        index = np.flatnonzero(self.essential)
        return index[np.argsort(self.points[index, 0], kind="stable")]


def diagram_points(first: ArrayLike, second: ArrayLike) -> tuple[DiagramPoints, DiagramPoints]:
    """Checks the points of two diagrams. Points with an infinite death are essential.

    Args:
        first: ``(n, 2)`` points (birth, death).
        second: ``(m, 2)`` points of the same filtration.

    Raises:
        InputError: A diagram is not ``(n, 2)``, or holds NaN or an infinite birth; or deaths are infinite with both
            signs.
        TypeError: A diagram is not an array of real numbers.
    """
    points = _as_points(first, "first"), _as_points(second, "second")
    infinite = {death for p in points for death in p[np.isinf(p[:, 1]), 1].tolist()}
    if len(infinite) > 1:
        raise InputError(mismatch("diagrams", got="deaths at both -inf and inf", expected="those of one filtration"))
    return DiagramPoints(points[0], np.isinf(points[0][:, 1])), DiagramPoints(points[1], np.isinf(points[1][:, 1]))


def match_points(
    first: DiagramPoints, second: DiagramPoints, match_finite: Callable[[FloatArray, FloatArray], Matching]
) -> Matching:
    """Matches the finite points of two diagrams by a function, and their essential points by the order of their births.

    The order of births gives an optimal matching of essential points, because their births lie on a line.

    Args:
        first: The points of one diagram.
        second: The points of the other diagram.
        match_finite: Matches two arrays ``(n, 2)`` and ``(m, 2)`` of finite points. Both are scaled by the same power
            of two, so that all coordinates lie between -1/4 and 1/4.

    Returns:
        Two index arrays into the diagrams, the first ascending.

    Raises:
        InputError: The numbers of essential points differ.
    """
    essential = first.essential_index, second.essential_index
    if len(essential[0]) != len(essential[1]):
        raise InputError(
            mismatch(
                "diagrams",
                got=f"{len(essential[0])} and {len(essential[1])} essential points",
                expected="equal numbers, because the distance is infinite otherwise",
            )
        )
    finite = np.flatnonzero(~first.essential), np.flatnonzero(~second.essential)
    i, j = match_finite(*_scaled(first.points[finite[0]], second.points[finite[1]]))
    rows = np.concatenate([finite[0][i], essential[0]])
    columns = np.concatenate([finite[1][j], essential[1]])
    order = np.argsort(rows)
    return rows[order], columns[order]


def _scaled(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scales points to coordinates of at most 1/4, so that no distance overflows.

    Scaling by a power of two is exact, so the same points are matched.
    """
    largest = max(np.abs(points).max(initial=0.0) for points in (first, second))
    exponent = np.frexp(largest)[1] + 2
    return np.ldexp(first, -exponent), np.ldexp(second, -exponent)


def _as_points(diagram: ArrayLike, name: str) -> FloatArray:
    points = as_float_array(diagram, name).astype(np.float64, copy=False)
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(
            mismatch(name, got=f"shape {points.shape}", expected="(n, 2): one birth and death in each row")
        )
    wrong = np.flatnonzero(np.isnan(points).any(axis=1) | np.isinf(points[:, 0]))
    if len(wrong) > 0:
        point = tuple(points[wrong[0]].tolist())
        raise InputError(
            mismatch(
                name,
                got=f"{len(wrong)} points with a NaN or an infinite birth, the first is {point} in row {wrong[0]}",
                expected="finite births, and deaths that are finite or infinite",
            )
        )
    return points
