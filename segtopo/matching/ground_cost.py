"""What it costs to move one point of a persistence diagram onto another or onto the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from segtopo.errors import InputError
from segtopo.matching.diagram_points import FloatArray


@dataclass(frozen=True)
class GroundCost:
    """Powers of distances in the plane of births and deaths.

    Raises:
        InputError: If an exponent is out of its range.
    """

    order: float
    """The power, in [1, inf)."""
    internal_p: float
    """The norm of the plane, in [1, inf]."""

    def __post_init__(self) -> None:
        if not 1 <= self.order < np.inf:
            raise InputError(
                f"`order` is {self.order}, expected a number in [1, inf); its limit is the bottleneck distance."
            )
        if not self.internal_p >= 1:
            raise InputError(f"`internal_p` is {self.internal_p}, expected a number in [1, inf].")

    @property
    def diagonal_factor(self) -> float:
        """The distance of a point of persistence 1 from the diagonal, to (1/2, 1/2) away in both coordinates."""
        return float(2 ** (1 / self.internal_p - 1))

    def to_diagonal(self, points: FloatArray) -> FloatArray:
        """``(n,)`` cost of moving each point to the diagonal."""
        distances: FloatArray = self.diagonal_factor * np.abs(points[:, 0] - points[:, 1])
        return distances**self.order

    def change(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """``(n, m)`` changes of the total cost when a pair is matched instead of both going to the diagonal."""
        table: FloatArray
        if self.internal_p == 2:
            table = cdist(first, second, "sqeuclidean")
            table **= self.order / 2
        else:
            table = cdist(first, second, "minkowski", p=self.internal_p)
            table **= self.order
        table -= self.to_diagonal(first)[:, None]
        table -= self.to_diagonal(second)
        return table

    def change_of_pairs(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """``(n,)`` the same for each point of ``first`` with that of ``second`` in the same row."""
        distances: FloatArray = np.linalg.norm(first - second, ord=self.internal_p, axis=1)
        return distances**self.order - self.to_diagonal(first) - self.to_diagonal(second)
