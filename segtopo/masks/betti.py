"""Betti numbers of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segtopo.masks.inputs import as_mask
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import cubical_barcodes

if TYPE_CHECKING:
    import torch


def betti_numbers(
    mask: npt.ArrayLike | torch.Tensor, construction: Construction = "T", num_threads: int | None = None
) -> tuple[int, ...]:
    """Counts the components, loops and (3D) cavities of a mask.

    Args:
        mask: 2D or 3D binary mask of any dtype.
        construction: ``"T"``: the foreground is 8- or 26-connected, the background 4- or 6-connected. ``"V"``: the
            foreground is 4- or 6-connected, the background 8- or 26-connected.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The Betti numbers in dimensions 0 to ``ndim - 1``. The outside of the image is background and no cavity. An
        empty mask has Betti numbers 0.

    Raises:
        InputError: The mask is not binary, neither 2D nor 3D, or has an axis of length 0; or the construction is
            unknown.

    Example:
        >>> ring = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
        >>> betti_numbers(ring)
        (1, 1)
    """
    voxels = np.ascontiguousarray(as_mask(mask, "mask")).view(np.uint8)
    # The filtration ends with the foreground, so each bar is a class of the mask.
    bars = cubical_barcodes(voxels[None], "superlevel", construction, last_value=1, num_threads=num_threads)
    return tuple(np.bincount(bars.dimension, minlength=voxels.ndim).tolist())
