"""Persistence of the cubical complex of an image: checks and conversions around the compiled kernel."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from segtopo import _native
from segtopo.persistence.pairs import Construction, Filtration, PersistencePairs

if TYPE_CHECKING:
    import torch

LARGEST_EXACT_INTEGER = 2**53  # in float64


@dataclass(frozen=True)
class CriticalVoxels:
    """The pairs of one image by dimension: linear indices and positions of their voxels, -1 for the death of none."""

    dimensions: npt.NDArray[np.int64]
    births: npt.NDArray[np.int64]
    deaths: npt.NDArray[np.int64]
    birth_voxels: npt.NDArray[np.int64]
    death_voxels: npt.NDArray[np.int64]

    @property
    def essential(self) -> npt.NDArray[np.bool_]:
        """True for features that never vanish."""
        return self.deaths < 0

    def of_dimension(self, dimension: int) -> CriticalVoxels:
        """The pairs of one dimension."""
        begin, end = np.searchsorted(self.dimensions, [dimension, dimension + 1])
        return self[slice(int(begin), int(end))]

    def __getitem__(self, chosen: slice) -> CriticalVoxels:
        return CriticalVoxels(*(column[chosen] for column in vars(self).values()))

    @classmethod
    def concatenate(cls, parts: Sequence[CriticalVoxels]) -> CriticalVoxels:
        """The pairs of several images, one image after the other."""
        return cls(*(np.concatenate(columns) for columns in zip(*(vars(p).values() for p in parts), strict=True)))


def compute_persistence(
    image: npt.ArrayLike | torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    min_persistence: float = 0.0,
    num_threads: int | None = None,
) -> PersistencePairs:
    """Persistent homology of a 2D or 3D image, exact, with the voxels that create and destroy each feature.

    A discrete gradient cancels the pairs of zero persistence; union-find pairs components and, by duality, cavities;
    column reduction pairs what is left of the loops in 3D. Ties are broken by the total order (value, linear index).

    Args:
        image: 2D or 3D image, NumPy array or torch tensor of any real dtype, in any memory layout.
        filtration: ``"superlevel"``: bright voxels enter first, features are born at a high value and die at a lower
            one. ``"sublevel"``: dark voxels enter first.
        construction: ``"T"``: voxels are top-dimensional cells, the foreground is 8- or 26-connected. ``"V"``: voxels
            are vertices, the foreground is 4- or 6-connected.
        min_persistence: Only pairs with ``|birth - death| > min_persistence`` are kept; in units of the image's values.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The pairs, grouped by dimension, the essential component first. Births and deaths have the image's dtype if
        that is float32 or float64, float32 for half precision, and float64 for integers.

    Raises:
        ValueError: The image holds NaN, is empty, or is neither 2D nor 3D; or an option has no such value.
        TypeError: The image is complex or not numeric.

    References:
        V. Robins, P. J. Wood, A. P. Sheppard, "Theory and algorithms for constructing discrete Morse complexes from
        grayscale digital images", IEEE TPAMI 2011. P. Guillou, J. Vidal, J. Tierny, "Discrete Morse Sandwich",
        IEEE TVCG 2023. A. Garin et al., "Duality in persistent homology of images", 2020.

    Example:
        >>> import numpy as np
        >>> ring = np.array([[0, 8, 8, 8, 0], [0, 9, 2, 7, 0], [0, 8, 8, 8, 0]])
        >>> pairs = compute_persistence(ring)
        >>> pairs
        PersistencePairs(2 pairs, by dimension [1, 1], shape=(3, 5), filtration='superlevel', construction='T')
        >>> pairs.births.tolist(), pairs.deaths.tolist()
        ([9.0, 7.0], [-inf, 2.0])
        >>> pairs.birth_voxels[1].tolist(), pairs.death_voxels[1].tolist()  # the weakest voxel of the ring, its hole
        ([1, 3], [1, 2])
    """
    values = as_float_array(image)
    check_shape(values.shape)
    (critical,) = critical_voxels(values[None], filtration, construction, min_persistence, num_threads)
    return pairs_of(values, critical, filtration, construction)


def pairs_of(
    image: npt.NDArray[np.floating[Any]], critical: CriticalVoxels, filtration: Filtration, construction: Construction
) -> PersistencePairs:
    """The pairs of an image with the values at their voxels."""
    flat = image.ravel()
    deaths = flat[critical.deaths]
    deaths[critical.essential] = essential_death(filtration)
    return PersistencePairs(
        critical.dimensions,
        flat[critical.births],
        deaths,
        critical.birth_voxels,
        critical.death_voxels,
        critical.essential,
        image.shape,
        filtration,
        construction,
    )


def critical_voxels(
    images: npt.NDArray[Any],
    filtration: Filtration,
    construction: Construction,
    min_persistence: float,
    num_threads: int | None,
    threshold: float | None = None,
) -> list[CriticalVoxels]:
    """The pairs of each image of a batch (N, H, W[, D]) of float32, float64 or uint8, computed over threads.

    With a threshold only voxels that enter by then take part, and classes that are alive then are essential.
    """
    check_complex(filtration, construction)
    if not min_persistence >= 0:
        raise ValueError(f"min_persistence: got {min_persistence}, expected a number >= 0")
    try:
        offsets, *columns = _native.cubical_persistence(
            np.ascontiguousarray(images),
            superlevel=filtration == "superlevel",
            top_cells=construction == "T",
            min_persistence=min_persistence,
            threshold=threshold,
            num_threads=thread_count(num_threads),
        )
    except _native.NanError:
        raise ValueError(describe_nan(images)) from None
    batch = CriticalVoxels(*columns)
    return [batch[begin:end] for begin, end in pairwise(offsets)]


def check_complex(filtration: Filtration, construction: Construction) -> None:
    """Raises ValueError unless both are known."""
    if filtration not in get_args(Filtration):
        raise ValueError(f"filtration: got {filtration!r}, expected one of {get_args(Filtration)}")
    if construction not in get_args(Construction):
        raise ValueError(f"construction: got {construction!r}, expected one of {get_args(Construction)}")


def essential_death(filtration: Filtration) -> float:
    """The death value of a feature that never vanishes."""
    return -np.inf if filtration == "superlevel" else np.inf


def as_float_array(image: npt.ArrayLike | torch.Tensor, name: str = "image") -> npt.NDArray[np.floating[Any]]:
    """The image as a float32 or float64 array with exactly the same values.

    Raises:
        TypeError: The dtype is complex, not numeric, or wider than float64.
        ValueError: An integer is too large for float64.
    """
    if hasattr(image, "detach"):
        tensor = image.detach().cpu()
        image = (tensor.float() if tensor.is_floating_point() and tensor.element_size() == 2 else tensor).numpy()
    array = np.asarray(image)
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)
    if array.dtype.kind not in "biu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected a real one of at most 64 bits")
    if array.dtype.itemsize == 8 and array.size and int(max(array.max(), -int(array.min()))) > LARGEST_EXACT_INTEGER:
        raise ValueError(
            f"{name}: got integers from {array.min()} to {array.max()}, expected at most 2**53 in magnitude, which "
            "float64 holds exactly"
        )
    return array.astype(np.float64)


def check_shape(shape: Sequence[int], name: str = "image") -> None:
    """Raises ValueError unless it is the shape of a 2D or 3D image that is not empty."""
    if len(shape) not in (2, 3):
        raise ValueError(f"{name}: got {len(shape)} dimensions (shape {tuple(shape)}), expected 2 or 3")
    if 0 in shape:
        raise ValueError(f"{name}: got the empty shape {tuple(shape)}, expected at least one voxel along each axis")


def thread_count(num_threads: int | None) -> int:
    """The number of threads to use, by default one for each CPU this process may run on."""
    if num_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if operator.index(num_threads) < 1:
        raise ValueError(f"num_threads: got {num_threads}, expected at least 1")
    return num_threads


def describe_nan(images: npt.NDArray[np.floating[Any]], name: str = "image") -> str:
    """What to tell of the NaN in a batch: how many, and where the first is."""
    positions = np.argwhere(np.isnan(images))
    item, *voxel = positions[0].tolist()
    place = f"{tuple(voxel)}" + (f" of image {item}" if len(images) > 1 else "")
    return f"{name}: got {len(positions)} NaN, the first at {place}, expected numbers"
