"""Persistence pairs: the topological features of an image, each with the voxels that create and destroy it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Filtration: TypeAlias = Literal["superlevel", "sublevel"]
Construction: TypeAlias = Literal["T", "V"]


@dataclass(frozen=True, eq=False)
class PersistencePairs:
    """The persistence pairs of one image.

    Attributes:
        dimensions: ``(n,)`` integers; 0 components, 1 loops, 2 cavities.
        births: ``(n,)`` values at which the features appear.
        deaths: ``(n,)`` values at which the features vanish; for essential features ``-inf`` under superlevel and
            ``+inf`` under sublevel.
        birth_voxels: ``(n, ndim)`` coordinates of the voxels that create the features: ``image[birth_voxel] == birth``.
        death_voxels: ``(n, ndim)`` coordinates of the voxels that destroy the features; -1 for essential features.
        essential: ``(n,)`` True for features that never vanish.
        shape: Shape of the image.
        filtration: ``"superlevel"`` or ``"sublevel"``.
        construction: ``"T"`` or ``"V"``.
    """

    dimensions: npt.NDArray[np.int64]
    births: npt.NDArray[np.floating[Any]]
    deaths: npt.NDArray[np.floating[Any]]
    birth_voxels: npt.NDArray[np.int64]
    death_voxels: npt.NDArray[np.int64]
    essential: npt.NDArray[np.bool_]
    shape: tuple[int, ...]
    filtration: Filtration
    construction: Construction

    def __len__(self) -> int:
        return len(self.dimensions)

    @property
    def persistence(self) -> npt.NDArray[np.floating[Any]]:
        """``(n,)`` lifetimes ``|birth - death|``; ``inf`` for essential features."""
        lifetimes: npt.NDArray[np.floating[Any]] = np.full_like(self.births, np.inf)
        np.subtract(self.births, self.deaths, out=lifetimes, where=~self.essential)
        np.abs(lifetimes, out=lifetimes)
        return lifetimes

    def of_dimension(self, dimension: int) -> PersistencePairs:
        """Returns the pairs of one dimension, in the same order.

        Args:
            dimension: 0 for components, 1 for loops, 2 for cavities.
        """
        return self.select(self.dimensions == dimension)

    def select(self, chosen: npt.NDArray[np.bool_ | np.integer[Any]]) -> PersistencePairs:
        """Returns some of the pairs.

        Args:
            chosen: ``(n,)`` booleans: the pairs where it is True, in the same order. Or ``(k,)`` integers: the pairs
                of these indices, in the order of the indices.
        """
        return PersistencePairs(
            self.dimensions[chosen],
            self.births[chosen],
            self.deaths[chosen],
            self.birth_voxels[chosen],
            self.death_voxels[chosen],
            self.essential[chosen],
            self.shape,
            self.filtration,
            self.construction,
        )

    def __repr__(self) -> str:
        counts = np.bincount(self.dimensions, minlength=len(self.shape))
        return (
            f"PersistencePairs({len(self)} pairs, by dimension {counts.tolist()}, shape={self.shape}, "
            f"filtration={self.filtration!r}, construction={self.construction!r})"
        )
