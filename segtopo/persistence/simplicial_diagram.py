"""Differentiable persistence diagrams of filtered simplicial complexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from segtopo.persistence.diagram import Diagram
from segtopo.persistence.inputs import as_tensor_and_array, check_no_nan
from segtopo.persistence.simplicial_complex import Indices

Floats: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class SimplicialDiagram(Diagram):
    """The persistence diagram of a filtered simplicial complex in one dimension, on the device of its values.

    Births and deaths are values of critical simplices, gathered or computed again by torch. A loss of the diagram is
    therefore piecewise a function of these values, with gradients of any order.

    Attributes:
        births: ``(n,)`` birth values.
        deaths: ``(n,)`` death values; for essential features ``+inf`` under sublevel and ``-inf`` under superlevel,
            without gradient.
        birth_simplices: ``(n, m)`` vertices that determine the birth values. If each simplex has its own value: the
            vertices of the simplex (m = dimension + 1). In lower and upper stars: its last vertex (m = 1). In
            Vietoris-Rips complexes: the ends of its longest edge (m = 2), and ``(v, v)`` for components, which are
            born at 0.
        death_simplices: ``(n, m')`` vertices that determine the death values, in the same way; -1 for essential
            features.
        dimension: 0 components, 1 loops, 2 cavities, and so on.
    """

    births: torch.Tensor
    deaths: torch.Tensor
    birth_simplices: torch.Tensor
    death_simplices: torch.Tensor
    dimension: int

    @property
    def essential(self) -> torch.Tensor:
        """``(n,)`` True for features that never vanish."""
        return self.death_simplices[:, 0] < 0


def float_tensor(values: npt.ArrayLike | torch.Tensor, name: str) -> tuple[torch.Tensor, Floats]:
    """Converts values to a floating tensor that keeps their gradient, and to an array of the same values.

    Raises:
        InputError: A value is NaN, or an integer is too large for float64.
        TypeError: The values are not real numbers of at most 64 bits.
    """
    tensor, array = as_tensor_and_array(values, name)
    check_no_nan(array, name)
    return tensor, array


def simplicial_diagram(
    births: torch.Tensor,
    finite_deaths: torch.Tensor,
    birth_simplices: Indices,
    death_simplices: Indices,
    dimension: int,
    infinity: float,
) -> SimplicialDiagram:
    """Builds a diagram from the births of all features and the deaths of those with a death simplex, in their order.

    Essential features, which have no death simplex, have the death ``infinity``.
    """
    device = births.device
    deaths = torch.from_numpy(death_simplices).to(device)
    is_finite = deaths[:, 0] >= 0
    return SimplicialDiagram(
        births,
        births.new_full(births.shape, infinity).masked_scatter(is_finite, finite_deaths),
        torch.from_numpy(birth_simplices).to(device),
        deaths,
        dimension,
    )


def rows_or_none(table: Indices, rows: Indices) -> Indices:
    """Returns some rows of a table, and a row of -1 for each row number -1."""
    result = np.full((len(rows), table.shape[1]), -1, dtype=np.int64)
    result[rows >= 0] = table[rows[rows >= 0]]
    return result
