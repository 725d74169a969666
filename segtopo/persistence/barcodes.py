"""Barcodes of a batch of images: a bar joins the voxel that creates a feature to the voxel that destroys it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo import _native
from segtopo.errors import InputError
from segtopo.persistence.inputs import (
    ImageArray,
    check_complex,
    check_not_negative,
    describe_nan,
    thread_count,
)
from segtopo.persistence.pairs import Construction, Filtration

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Barcodes:
    """The ``n`` bars of ``N`` images of one shape, in the order of their images and, for each image, of dimensions.

    Attributes:
        image: ``(n,)`` number of the bar's image in the batch.
        dimension: ``(n,)`` dimension of the feature.
        birth_index: ``(n,)`` linear index of the birth voxel in its image.
        death_index: ``(n,)`` linear index of the death voxel in its image; -1 where the bar is essential.
        births: ``(n,)`` values of the birth voxels.
        deaths: ``(n,)`` values of the death voxels; for essential bars the value that :meth:`ending_at` sets.
    """

    image: Indices
    dimension: Indices
    birth_index: Indices
    death_index: Indices
    births: npt.NDArray[Any]
    deaths: npt.NDArray[Any]

    @classmethod
    def of_columns(cls, images: ImageArray, columns: _native.PairColumns, essential_death: float) -> Barcodes:
        """Builds barcodes from the kernel's columns of pairs and the ``(N, *spatial)`` images they belong to."""
        image, dimension, birth_index, death_index = columns
        # The index -1 of an essential bar takes the voxel before its image's first; `ending_at` replaces the value.
        values, first = images.reshape(-1), image * math.prod(images.shape[1:])
        births, deaths = values.take(first + birth_index), values.take(first + death_index)
        if births.dtype == np.uint8:
            births, deaths = births.astype(np.float64), deaths.astype(np.float64)
        return cls(image, dimension, birth_index, death_index, births, deaths).ending_at(essential_death)

    def __len__(self) -> int:
        return len(self.image)

    @property
    def essential(self) -> npt.NDArray[np.bool_]:
        """``(n,)`` True for essential bars: their feature is never destroyed."""
        return self.death_index < 0

    @property
    def lengths(self) -> npt.NDArray[Any]:
        """``(n,)`` lengths ``|birth - death|`` of the bars."""
        lengths: npt.NDArray[Any] = np.abs(self.births - self.deaths)
        return lengths

    @property
    def ranks(self) -> Indices:
        """``(n,)`` rank of each bar by length within its image and dimension; the longest bar has rank 0."""
        ranks = np.empty(len(self), np.int64)
        order = np.lexsort((-self.lengths, self.dimension, self.image))
        changes = (np.diff(self.image[order]) != 0) | (np.diff(self.dimension[order]) != 0)
        starts = np.flatnonzero(np.concatenate([[True], changes]))
        sizes = np.diff(np.append(starts, len(self)))
        ranks[order] = np.arange(len(self)) - np.repeat(starts, sizes) if len(self) else 0
        return ranks

    def ending_at(self, death: float) -> Barcodes:
        """Returns the same bars with this death value for essential bars."""
        return replace(self, deaths=np.where(self.essential, self.deaths.dtype.type(death), self.deaths))

    def select(self, chosen: npt.NDArray[np.bool_]) -> Barcodes:
        """Returns the bars where ``chosen`` is True."""
        return Barcodes(*(column[chosen] for column in vars(self).values()))

    def of(self, image: int, dimension: int) -> slice:
        """Returns the rows of the bars of one image and dimension."""
        begin, end = np.searchsorted(self.image, [image, image + 1])
        first, last = np.searchsorted(self.dimension[begin:end], [dimension, dimension + 1])
        return slice(int(begin + first), int(begin + last))


def cubical_barcodes(
    images: ImageArray,
    filtration: Filtration,
    construction: Construction,
    *,
    min_persistence: float = 0.0,
    last_value: float | None = None,
    num_threads: int | None = None,
) -> Barcodes:
    """Computes the barcodes of a batch of images over threads.

    Args:
        images: ``(N, H, W[, D])``, of the dtypes that :func:`~segtopo.persistence.inputs.as_image_array` returns.
        filtration: ``"superlevel"`` or ``"sublevel"``.
        construction: ``"T"`` or ``"V"``.
        min_persistence: Only bars longer than this are returned; in units of the images' values.
        last_value: Value of the images at which the filtration ends. Features that exist there are essential. None:
            the filtration contains all voxels.
        num_threads: Threads to use; by default the number of CPUs.

    Returns:
        The bars of all images. Essential bars have the death ``-inf`` under superlevel and ``inf`` under sublevel.

    Raises:
        InputError: An image holds NaN, or an option is out of its range.
        TypeError: An option has a wrong type.
    """
    check_complex(filtration, construction)
    check_not_negative(min_persistence, "min_persistence")
    try:
        columns = _native.cubical_persistence(
            np.ascontiguousarray(images),
            superlevel=filtration == "superlevel",
            top_cells=construction == "T",
            # No difference of two bytes exceeds 255, and the kernel compares in the images' own type.
            min_persistence=min(min_persistence, 255) if images.dtype == np.uint8 else min_persistence,
            last_value=last_value,
            num_threads=thread_count(num_threads),
        )
    except _native.NanError:
        raise InputError(describe_nan(images)) from None
    except ValueError as error:
        raise InputError(str(error)) from None
    return Barcodes.of_columns(images, columns, essential_death(filtration))


def essential_death(filtration: Filtration) -> float:
    """Returns the death value of essential features: the end of the filtration."""
    return -np.inf if filtration == "superlevel" else np.inf
