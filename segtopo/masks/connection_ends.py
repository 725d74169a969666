"""The two ends of the connections by which a mask joins components of another mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from segtopo.masks.components import Indices

Voxels = npt.NDArray[np.int64]


def connection_ends(
    touched: Voxels, pieces: Indices, components: Indices, joins: Voxels, of_piece: Indices, to_component: Indices
) -> Voxels:
    """Finds the voxels between which pieces of a mask join components of the other mask.

    A join is a voxel of a piece beside a component. The piece also touches other components. The far end is the voxel
    of those that is nearest to the join; the near end is the voxel of the component itself that is nearest to the far
    end.

    Args:
        touched: ``(contacts, ndim)`` voxels of the other mask beside the pieces.
        pieces: ``(contacts,)`` piece beside each of them.
        components: ``(contacts,)`` component of the other mask that contains it.
        joins: ``(joins, ndim)`` voxels of the pieces.
        of_piece: ``(joins,)`` piece of each join.
        to_component: ``(joins,)`` component beside it.

    Returns:
        ``(joins, 2, ndim)`` near ends and far ends.
    """
    if not len(joins):
        return np.empty((0, 2, touched.shape[1]), np.int64)
    # A voxel touched by several voxels of a piece counts once.
    codes = np.ravel_multi_index((pieces, *touched.T), (int(pieces.max()) + 1, *touched.max(axis=0) + 1))
    rows = np.unique(codes, return_index=True)[1]
    touched, pieces, components = touched[rows], pieces[rows], components[rows]
    apart = 2 * int(touched.max() + 2) * touched.shape[1]  # more than any distance: separates pieces and components
    far_ends = _nearest_of_another_kind(
        np.column_stack([apart * pieces, touched]),
        components,
        np.column_stack([apart * of_piece, joins]),
        to_component,
    )
    tree = KDTree(np.column_stack([apart * pieces, apart * components, touched]))
    near_ends = tree.query(np.column_stack([apart * of_piece, apart * to_component, touched[far_ends]]))[1]
    return np.stack([touched[near_ends], touched[far_ends]], axis=1)


def _nearest_of_another_kind(points: Voxels, kinds: Indices, queries: Voxels, own_kinds: Indices) -> Indices:
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
