"""Differentiable persistence diagrams of filtered simplicial complexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from segtopo.errors import InputError
from segtopo.persistence.diagram import Diagram
from segtopo.persistence.inputs import as_dense_tensor, as_float_array, describe_nan
from segtopo.persistence.simplicial_complex import Indices

Floats: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class SimplicialDiagram(Diagram):
    """The persistence diagram of a filtered simplicial complex in one dimension, on the device of its values.

    Births and deaths are values at the critical simplices, gathered or computed anew by torch: a loss of the diagram
    has the gradient of a function of these simplices, piecewise, to any order.

    Attributes:
        births: (n,) birth values.
        deaths: (n,) death values; for essential classes ``+inf`` under sublevel and ``-inf`` under superlevel, without
            gradient.
        birth_simplices: (n, m) vertices of what sets the birth values: the simplex itself (m = dimension + 1) where
            each simplex has a value of its own, the vertex (m = 1) in lower and upper stars, the edge (m = 2) in
            Vietoris-Rips complexes, ``(v, v)`` for components, which are born at 0.
        death_simplices: (n, m') vertices of what sets the death values, in the same way; -1 where essential.
        dimension: 0 components, 1 loops, 2 cavities, and so on.
    """

    births: torch.Tensor
    deaths: torch.Tensor
    birth_simplices: torch.Tensor
    death_simplices: torch.Tensor
    dimension: int

    @property
    def essential(self) -> torch.Tensor:
        """(n,) True for features that never vanish."""
        return self.death_simplices[:, 0] < 0


def float_tensor(values: npt.ArrayLike | torch.Tensor, name: str) -> tuple[torch.Tensor, Floats]:
    """Values as a tensor that keeps their gradient, integers as float64, and as the array that they are ordered by.

    Raises:
        TypeError: The dtype is complex, not numeric, or wider than float64.
        ValueError: There is NaN.
    """
    array = as_float_array(values, name)
    if np.isnan(array).any():
        raise InputError(describe_nan(array[None], name))
    if not isinstance(values, torch.Tensor):
        return torch.tensor(array), array
    tensor = as_dense_tensor(values, name)
    return tensor if tensor.is_floating_point() else tensor.double(), array


def simplicial_diagram(
    births: torch.Tensor,
    finite_deaths: torch.Tensor,
    birth_simplices: Indices,
    death_simplices: Indices,
    dimension: int,
    infinity: float,
) -> SimplicialDiagram:
    """The diagram with some births and, in their order, the deaths of those that have a death simplex."""
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
    """Some rows of a table, for row -1 a row of -1."""
    result = np.full((len(rows), table.shape[1]), -1, dtype=np.int64)
    result[rows >= 0] = table[rows[rows >= 0]]
    return result
