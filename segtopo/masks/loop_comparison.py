"""Comparison of the loops of two 3D masks, in homology."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segtopo.masks.diu import MASK, UNION
from segtopo.masks.nearest_pairs import nearest_pairs
from segtopo.persistence.barcodes import Barcodes
from segtopo.persistence.cubical import voxels_at

Voxels = npt.NDArray[np.int64]

_LOOPS = 1  # the dimension of loops


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
    through_prediction: Barcodes, through_reference: Barcodes, shape: tuple[int, ...]
) -> LoopMismatches:
    """Finds the loops of two 3D masks of one shape that only one of them has.

    A loop that the other mask fills is a mismatch. A loop that the other mask does not close is a mismatch unless it is
    displaced: the intersection of two thin loops side by side is in pieces, so the mask closes its loop alone. The
    new loops of the prediction span a subspace of the new loops of the union, and so do those of the reference. The
    two subspaces have at least ``closed + closed - new_in_union`` dimensions in common, so this number of loops is
    displaced. They are the pairs whose closing voxels are nearest.

    Args:
        through_prediction: The bars of intersection, prediction and union.
        through_reference: The bars of intersection, reference and union, see
            :func:`~segtopo.masks.diu.barcodes_through`.
        shape: Shape of the masks.
    """
    of_prediction, of_reference = _loops(through_prediction, shape), _loops(through_reference, shape)
    displaced = max(0, len(of_prediction.closed) + len(of_reference.closed) - of_prediction.new_in_union)
    rows_of_prediction, rows_of_reference = nearest_pairs(of_prediction.closed, of_reference.closed, displaced)
    return LoopMismatches(
        missed=np.concatenate([of_reference.filled, np.delete(of_reference.closed, rows_of_reference, axis=0)]),
        spurious=np.concatenate([of_prediction.filled, np.delete(of_prediction.closed, rows_of_prediction, axis=0)]),
    )


def _loops(bars: Barcodes, shape: tuple[int, ...]) -> _Loops:
    """Selects the loops of a mask that change in the filtration of intersection, mask and union."""
    loops = bars.select(bars.dimension == _LOOPS)
    filled = (loops.births <= MASK) & (loops.deaths == UNION)
    closed = (loops.births == MASK) & loops.essential
    new_in_union = (loops.births >= MASK) & loops.essential
    return _Loops(
        voxels_at(loops.death_index[filled], shape),
        voxels_at(loops.birth_index[closed], shape),
        int(new_in_union.sum()),
    )
