"""The dimensions of features that a loss compares, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segtopo.errors import InputError, mismatch
from segtopo.persistence.inputs import check_dimensions


@dataclass(frozen=True)
class Dimensions:
    """The dimensions compared in images with ``ndim`` axes.

    Args:
        ndim: Number of axes, 2 or 3.
        dimensions: The dimensions compared. None: all, 0 to ``ndim - 1``.
        dimension_weights: One weight for each of ``dimensions``. None: all 1.

    Raises:
        InputError: If images with this many axes have no such dimensions, or there are not as many weights.

    Example:
        >>> Dimensions(3, dimensions=[0, 2], dimension_weights=[1.0, 0.5]).weights()
        array([1. , 0. , 0.5])
    """

    ndim: int
    dimensions: Sequence[int] | None = None
    dimension_weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self.weights()

    @property
    def compared(self) -> tuple[int, ...]:
        """The dimensions compared, in the order of the weights."""
        return check_dimensions(self.dimensions, self.ndim)

    def weights(self) -> NDArray[np.float64]:
        """Returns the weight ``(ndim,)`` of each dimension, 0 where it is not compared."""
        return self.spread("dimension_weights", 1.0 if self.dimension_weights is None else self.dimension_weights)

    def spread(self, name: str, values: Sequence[float] | float) -> NDArray[np.float64]:
        """Returns one value for each dimension, ``(ndim,)``, 0 where it is not compared.

        Args:
            name: Name of the option that holds the values.
            values: One value for all dimensions compared, or one for each of them.

        Raises:
            InputError: If there are not as many values as dimensions.
        """
        compared, result = list(self.compared), np.zeros(self.ndim)
        if np.ndim(values) and np.size(values) != len(compared):
            expected = f"one value for each of the dimensions {compared}"
            raise InputError(mismatch(name, got=f"{np.size(values)} values", expected=expected))
        result[compared] = values
        return result
