"""The points of two persistence diagrams, checked, with finite and essential points apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segtopo.errors import InputError

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
Matching = tuple[IndexArray, IndexArray]


@dataclass(frozen=True)
class DiagramPoints:
    """The points of one diagram."""

    finite: FloatArray
    """``(n, 2)`` births and deaths of the finite points."""
    finite_indices: IndexArray
    """``(n,)`` where they are in the diagram."""
    essential_indices: IndexArray
    """Where the essential points are, in the order of their births."""


def diagram_points(first: ArrayLike, second: ArrayLike) -> tuple[DiagramPoints, DiagramPoints]:
    """Checks two diagrams and splits each into finite and essential points.

    Args:
        first: ``(n, 2)`` points (birth, death).
        second: ``(m, 2)`` points of the same filtration.

    Raises:
        InputError: If an input is not ``(n, 2)``, holds NaN or an infinite birth, or if deaths of both signs are
            infinite.
    """
    points = _as_points(first, "first"), _as_points(second, "second")
    infinite = {death for p in points for death in p[np.isinf(p[:, 1]), 1].tolist()}
    if len(infinite) > 1:
        raise InputError("the diagrams have deaths at both -inf and inf, expected those of one filtration.")
    return _split(points[0]), _split(points[1])


def match_points(first: DiagramPoints, second: DiagramPoints, finite: Matching) -> Matching:
    """The matching of whole diagrams from that of their finite points.

    Essential points are matched in the order of their births, which is optimal on a line.

    Args:
        first: The points of one diagram.
        second: Those of the other.
        finite: Which finite point of one is matched with which of the other.

    Returns:
        Two index arrays into the diagrams, the first increasing.

    Raises:
        InputError: If the numbers of essential points differ.
    """
    if len(first.essential_indices) != len(second.essential_indices):
        raise InputError(
            f"the diagrams have {len(first.essential_indices)} and {len(second.essential_indices)} essential points, "
            "expected equal numbers: their distance is infinite."
        )
    rows = np.concatenate([first.finite_indices[finite[0]], first.essential_indices])
    columns = np.concatenate([second.finite_indices[finite[1]], second.essential_indices])
    order = np.argsort(rows)
    return rows[order], columns[order]


def _as_points(diagram: ArrayLike, name: str) -> FloatArray:
    points = np.asarray(diagram, dtype=np.float64)
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"`{name}` has shape {points.shape}, expected (n, 2): one (birth, death) per row.")
    wrong = np.flatnonzero(np.isnan(points).any(axis=1) | np.isinf(points[:, 0]))
    if len(wrong) > 0:
        raise InputError(
            f"`{name}` has {len(wrong)} points with a NaN or an infinite birth, the first is "
            f"{tuple(points[wrong[0]].tolist())} in row {wrong[0]}; expected finite births, and deaths that are "
            "numbers or infinite."
        )
    return points


def _split(points: FloatArray) -> DiagramPoints:
    essential = np.isinf(points[:, 1])
    finite, never_die = np.flatnonzero(~essential), np.flatnonzero(essential)
    by_birth = np.argsort(points[never_die, 0], kind="stable")
    return DiagramPoints(points[finite], finite, never_die[by_birth])
