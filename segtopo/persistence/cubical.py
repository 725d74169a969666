"""Persistence pairs of the cubical complex of an image."""

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
    """Computes the persistent homology of a 2D or 3D image, with the voxels that create and destroy each feature.

    The result is exact. A discrete gradient cancels the pairs of zero persistence. Union-find then pairs the
    components and, by duality, the cavities. Column reduction pairs the remaining loops in 3D. Ties are broken by the
    total order (value, linear index).

    Args:
        image: ``(H, W)`` or ``(H, W, D)`` image: a NumPy array, nested lists of numbers or a torch tensor, of any real
            dtype of at most 64 bits, in any memory layout and on any device.
        filtration: ``"superlevel"``: bright voxels enter first, features are born at a high value and die at a lower
            one. ``"sublevel"``: dark voxels enter first.
        construction: ``"T"``: voxels are top-dimensional cells, the foreground is 8- or 26-connected. ``"V"``: voxels
            are vertices, the foreground is 4- or 6-connected.
        min_persistence: Only pairs with ``|birth - death| > min_persistence`` are returned; in units of the image's
            values.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The pairs in the order of their dimensions, the essential component first. Births and deaths are float32 for
        images of float32, half precision and float8, and float64 for float64 and integers.

    Raises:
        InputError: The image holds NaN, is empty, or is neither 2D nor 3D; its integers exceed ``2**53``; or an
            option is out of its range.
        TypeError: The image is not an array of real numbers, or a tensor without values on its device (sparse,
            nested, quantized or meta); or an option has a wrong type.

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
    """Converts the bars of one image to pairs with the coordinates of their voxels."""
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
    """Converts linear indices ``(n,)`` of voxels to coordinates ``(n, ndim)``; the index -1 has the coordinates -1."""
    # Noise has a pair for every third voxel: a row per axis takes a third of the time of np.unravel_index.
    rows, rest = np.empty((len(shape), len(index)), np.int64), index
    for axis in reversed(range(len(shape))):
        quotient = rest // shape[axis]
        np.subtract(rest, quotient * shape[axis], out=rows[axis])
        rest = quotient
    rows[:, index < 0] = -1
    voxels: npt.NDArray[np.int64] = rows.T
    return voxels
