"""Comparison of the loops of two 3D masks, in homology."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask
from segtopo.masks.nearest_pairs import nearest_pairs
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import cubical_barcodes
from segtopo.persistence.cubical import voxels_at

Voxels = npt.NDArray[np.int64]

_LOOPS = 1  # the dimension of loops
_INTERSECTION, _MASK, _UNION, _OUTSIDE = (np.uint8(level) for level in range(4))


class LoopMismatches(NamedTuple):
    """Voxels ``(n, 3)``, one for each loop that only one of two masks has.

    Attributes:
        missed: For each loop of the reference alone, a voxel that closes it or fills it in the prediction.
        spurious: For each loop of the prediction alone, a voxel that closes it or fills it in the reference.
    """

    missed: Voxels
    spurious: Voxels


class _Loops(NamedTuple):
    """The loops of one mask that differ from those of the intersection and of the union.

    Attributes:
        filled: Voxels ``(n, 3)`` of the other mask that fill a loop.
        closed: Voxels ``(n, 3)`` of the mask that close a loop, which the intersection does not have and the union has.
        new_in_union: Number of loops of the union that do not come from the intersection.
    """

    filled: Voxels
    closed: Voxels
    new_in_union: int


def loop_mismatches(
    prediction: Mask, reference: Mask, construction: Construction, num_threads: int | None = None
) -> LoopMismatches:
    """Finds the loops of two 3D masks that only one of them has.

    A loop that the other mask fills is a mismatch. A loop that the other mask does not close is a mismatch unless it is
    displaced: the intersection of two thin loops side by side is in pieces, so the mask closes its loop alone. The
    new loops of the prediction span a subspace of the new loops of the union, and so do those of the reference. The
    two subspaces have at least ``closed + closed - new_in_union`` dimensions in common, so this number of loops is
    displaced. They are the pairs whose closing voxels are nearest.
    """
    of_prediction = _loops(prediction, reference, construction, num_threads)
    of_reference = _loops(reference, prediction, construction, num_threads)
    displaced = max(0, len(of_prediction.closed) + len(of_reference.closed) - of_prediction.new_in_union)
    rows_of_prediction, rows_of_reference = nearest_pairs(of_prediction.closed, of_reference.closed, displaced)
    return LoopMismatches(
        missed=np.concatenate([of_reference.filled, np.delete(of_reference.closed, rows_of_reference, axis=0)]),
        spurious=np.concatenate([of_prediction.filled, np.delete(of_prediction.closed, rows_of_prediction, axis=0)]),
    )


def _loops(mask: Mask, other_mask: Mask, construction: Construction, num_threads: int | None) -> _Loops:
    """Finds the loops of a mask in the filtration of intersection, mask and union."""
    levels = np.full(mask.shape, _OUTSIDE)
    levels[other_mask], levels[mask], levels[mask & other_mask] = _UNION, _MASK, _INTERSECTION
    bars = cubical_barcodes(levels[None], "sublevel", construction, last_value=float(_UNION), num_threads=num_threads)
    loops = bars.select(bars.dimension == _LOOPS)
    filled = (loops.births <= _MASK) & (loops.deaths == _UNION)
    closed = (loops.births == _MASK) & loops.essential
    new_in_union = (loops.births >= _MASK) & loops.essential
    return _Loops(
        voxels_at(loops.death_index[filled], mask.shape),
        voxels_at(loops.birth_index[closed], mask.shape),
        int(new_in_union.sum()),
    )
