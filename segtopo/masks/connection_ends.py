"""The two ends of the connections by which a mask joins components of another mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from segtopo.masks.components import Indices, Labels

Voxels = npt.NDArray[np.int64]


def connection_ends(voxels: Voxels, touched: Voxels, pieces: Indices, components: Labels, joins: Indices) -> Voxels:
    """Finds the voxels between which pieces of a mask join components of the other mask.

    A join is a contact of a piece with a component. The piece also touches other components. The far end is the voxel
    of those that is nearest to the join; the near end is the voxel of the component itself that is nearest to the far
    end.

    Args:
        voxels: ``(contacts, ndim)`` voxels of the pieces.
        touched: ``(contacts, ndim)`` voxels of the other mask beside them.
        pieces: ``(contacts,)`` piece of each contact.
        components: ``(contacts,)`` component of the other mask that contains the touched voxel.
        joins: ``(joins,)`` rows of contacts.

    Returns:
        ``(joins, 2, ndim)`` near ends and far ends.
    """
    if not len(joins):
        return np.empty((0, 2, voxels.shape[1]), np.int64)
    apart = 2 * int(touched.max() + 2) * touched.shape[1]  # more than any distance: separates pieces and components
    rows = np.flatnonzero(np.isin(pieces, pieces[joins]))
    # A voxel touched by several voxels of a piece counts once.
    codes = np.ravel_multi_index((pieces[rows], *touched[rows].T), (int(pieces.max()) + 1, *touched.max(axis=0) + 1))
    rows = rows[np.unique(codes, return_index=True)[1]]
    far_ends = rows[
        _nearest_of_another_kind(
            np.column_stack([apart * pieces[rows], touched[rows]]),
            components[rows],
            np.column_stack([apart * pieces[joins], voxels[joins]]),
            components[joins],
        )
    ]
    tree = KDTree(np.column_stack([apart * pieces[rows], apart * components[rows], touched[rows]]))
    wanted = np.column_stack([apart * pieces[joins], apart * components[joins], touched[far_ends]])
    near_ends = rows[tree.query(wanted)[1]]
    return np.stack([touched[near_ends], touched[far_ends]], axis=1)


def _nearest_of_another_kind(points: Voxels, kinds: Labels, queries: Voxels, own_kinds: Labels) -> Indices:
    """Returns for each query the row of the nearest point of another kind than its own; there is at least one."""
    tree = KDTree(points)
    nearest = np.empty(len(queries), np.int64)
    searching, count = np.arange(len(queries)), 0
    while len(searching) and count < tree.n:
        count = min(4 * count + 8, tree.n)
        near = tree.query(queries[searching], np.arange(1, count + 1))[1]
        is_other = kinds[near] != own_kinds[searching, None]
        nearest[searching] = near[np.arange(len(near)), is_other.argmax(axis=1)]
        searching = searching[~is_other.any(axis=1)]
    return nearest
