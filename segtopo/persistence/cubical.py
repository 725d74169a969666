"""Persistence of the cubical complex of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segtopo.persistence.barcodes import Barcodes, cubical_barcodes
from segtopo.persistence.inputs import as_image_array, check_shape
from segtopo.persistence.pairs import Construction, Filtration, PersistencePairs

if TYPE_CHECKING:
    import torch


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
    array = as_image_array(image)
    check_shape(array.shape)
    barcode = cubical_barcodes(
        array[None], filtration, construction, min_persistence=min_persistence, num_threads=num_threads
    )
    return pairs_of(barcode, array.shape, filtration, construction)


def pairs_of(
    barcode: Barcodes, shape: tuple[int, ...], filtration: Filtration, construction: Construction
) -> PersistencePairs:
    """Returns the bars of one image as pairs with the coordinates of their voxels."""
    return PersistencePairs(
        barcode.dimension,
        barcode.births,
        barcode.deaths,
        voxels_at(barcode.birth_index, shape),
        voxels_at(barcode.death_index, shape),
        barcode.essential,
        shape,
        filtration,
        construction,
    )


def voxels_at(index: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Returns the coordinates ``(n, ndim)`` of voxels with linear indices ``(n,)``; -1 for the index -1."""
    voxels = np.stack(np.unravel_index(np.maximum(index, 0), shape), axis=1)
    voxels[index < 0] = -1
    return voxels
