"""The costs of matching two points of persistence diagrams and of leaving a point unmatched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from segtopo.matching.diagram_points import FloatArray
from segtopo.persistence.inputs import check_number

_LARGEST_COST = 4.0
"""Costs are cut off here. A pair of this cost is never matched if two unmatched points cost at most 2 together."""

_CDIST_METRICS = {1.0: "cityblock", np.inf: "chebyshev"}


@dataclass(frozen=True)
class GroundCost:
    """Powers of distances in the plane of births and deaths.

    Attributes:
        order: The power, in [1, inf).
        internal_p: The norm of the plane, in [1, inf].

    Raises:
        InputError: An exponent is out of its range.
        TypeError: An exponent is not a number.
    """

    order: float
    internal_p: float

    def __post_init__(self) -> None:
        largest = float(np.finfo(np.float64).max)
        expected = "a number in [1, inf); the limit inf is the bottleneck distance"
        object.__setattr__(self, "order", check_number(self.order, "order", 1, largest, expected))
        expected = "a number in [1, inf]"
        object.__setattr__(self, "internal_p", check_number(self.internal_p, "internal_p", 1, np.inf, expected))

    @property
    def diagonal_factor(self) -> float:
        """Distance from the diagonal of a point with persistence 1. The nearest diagonal point differs by 1/2 twice."""
        return float(2 ** (1 / self.internal_p - 1))

    def distances_to_diagonal(self, points: FloatArray) -> FloatArray:
        """Computes the distance ``(n,)`` of each point from the diagonal."""
        distances: FloatArray = self.diagonal_factor * np.abs(points[:, 0] - points[:, 1])
        return distances

    def to_diagonal(self, points: FloatArray) -> FloatArray:
        """Computes the cost ``(n,)`` of each point if it is unmatched."""
        costs: FloatArray = self.distances_to_diagonal(points) ** self.order
        return costs

    def change(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Computes the changes ``(n, m)`` of the total cost if a pair is matched instead of both points unmatched."""
        table: FloatArray
        if self.internal_p == 2:
            table = self._powers(cdist(first, second, "sqeuclidean"), squared=True)
        elif self.internal_p in _CDIST_METRICS:
            table = self._powers(cdist(first, second, _CDIST_METRICS[self.internal_p]))
        else:
            table = self._powers(self._norms(first[:, None] - second))
        table -= self.to_diagonal(first)[:, None]
        table -= self.to_diagonal(second)
        return table

    def change_of_pairs(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Computes the changes ``(n,)`` of the total cost for the pairs of points in the same rows."""
        costs = self._powers(self._norms(first - second))
        return costs - self.to_diagonal(first) - self.to_diagonal(second)

    def _powers(self, distances: FloatArray, *, squared: bool = False) -> FloatArray:
        """Turns distances, or their squares, into costs in place."""
        exponent = self.order / 2 if squared else self.order
        np.minimum(distances, _LARGEST_COST ** (1 / exponent), out=distances)
        distances **= exponent
        return distances

    def _norms(self, differences: FloatArray) -> FloatArray:
        """Computes the norms over the last axis, of length 2."""
        if self.internal_p == 2 or self.internal_p in _CDIST_METRICS:
            norms: FloatArray = np.linalg.norm(differences, ord=self.internal_p, axis=-1)
            return norms
        # High powers of small numbers vanish, powers of their ratio to the largest one do not matter then.
        larger, smaller = np.abs(differences).max(axis=-1), np.abs(differences).min(axis=-1)
        ratio = np.divide(smaller, larger, out=np.zeros_like(larger), where=larger > 0)
        scaled: FloatArray = larger * (1 + ratio**self.internal_p) ** (1 / self.internal_p)
        return scaled
