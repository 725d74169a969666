"""Contacts of the part of a mask outside another mask with that mask, and the contacts that join its components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from segtopo.masks.areas import BOTH, Areas, NeighbourColumns
from segtopo.masks.components import Indices


@dataclass(frozen=True)
class Contacts:
    """Pairs of neighbouring voxels, one of a mask outside the other mask, one of the other mask.

    A piece is an area of the mask outside the other mask.

    Attributes:
        voxels: ``(contacts,)`` linear index of the mask's voxel.
        neighbours: ``(contacts,)`` linear index of the other mask's voxel.
        counts: ``(contacts,)`` number of pairs of voxels for which the contact stands.
        pieces: ``(contacts,)`` label of the piece that contains the mask's voxel.
        in_prediction: ``(contacts,)`` component of the prediction that contains the voxel of the prediction.
        in_reference: ``(contacts,)`` component of the reference that contains the voxel of the reference.
        overlaps: ``(contacts,)`` size of the area of both masks that contains the neighbour; 0 if it is in none.
    """

    voxels: Indices
    neighbours: Indices
    counts: Indices
    pieces: Indices
    in_prediction: Indices
    in_reference: Indices
    overlaps: Indices

    @classmethod
    def of(cls, areas: Areas, mask: np.uint8, columns: NeighbourColumns) -> Contacts:
        """Returns the contacts of the areas of one mask alone."""
        rows = areas.masks[areas.labels[columns.voxels]] == mask
        voxels, neighbours, counts = (column[rows] for column in columns)
        piece, beside = areas.labels[voxels].astype(np.int64), areas.labels[neighbours]
        return cls(
            voxels,
            neighbours,
            counts,
            piece,
            # Areas of one mask that touch are in one component; an area outside the mask has the number 0.
            np.maximum(areas.in_prediction[piece], areas.in_prediction[beside]),
            np.maximum(areas.in_reference[piece], areas.in_reference[beside]),
            np.where(areas.masks[beside] == BOTH, areas.sizes[beside], 0),
        )

    def select(self, rows: Indices) -> Contacts:
        """Returns the contacts of these rows."""
        return Contacts(*(column[rows] for column in vars(self).values()))


def can_join(contacts: Contacts, pairs: Indices) -> npt.NDArray[np.bool_]:
    """Tells which contacts can join pairs.

    They are those of components that form a pair. If a piece touches the intersection, only its contacts with the
    intersection count.

    Args:
        contacts: Contacts of some pieces, at least one for each area that they touch.
        pairs: ``(contacts,)`` pair of the components in contact, -1 if they form no pair.
    """
    touches_intersection = np.zeros(int(contacts.pieces.max(initial=0)) + 1, bool)
    touches_intersection[contacts.pieces[contacts.overlaps > 0]] = True
    joining: npt.NDArray[np.bool_] = (pairs >= 0) & ((contacts.overlaps > 0) | ~touches_intersection[contacts.pieces])
    return joining


def joining_contacts(
    contacts: Contacts, area_sizes: Indices, pairs: Indices, matched: npt.NDArray[np.bool_]
) -> Indices:
    """Finds the contacts at which pieces of a mask join matched pairs.

    A wall that one mask has at another position, and a wall that only one mask has, both give a piece between the same
    two components. Seen across the wall, from a hole on the left to the outside on the right (``.`` neither mask,
    ``P`` prediction alone, ``R`` reference alone, ``X`` both)::

        displaced by less than its thickness   . . . R X P . . .   P touches one side: it joins nothing
        displaced by more                      . . R R . P P . .   P touches the sliver between the walls
        in the prediction alone                . . . P P . . . .   P touches the hole itself

    The error is the wall in the prediction alone, and the sliver is a small component of what the masks share. So the
    contacts are ordered by the size of that component, then by the size of the piece, the largest first.

    Kruskal's algorithm takes the contacts in this order as edges between pieces and pairs. An edge that joins two trees
    with a matched pair each is a join. If all matched pairs are tied together first, exactly these edges close a
    cycle. So the joins are the edges of the spanning forest that are not in the spanning forest of the tied graph.

    Args:
        contacts: Contacts of the mask that joins, for which :func:`can_join` is True.
        area_sizes: ``(labels,)`` size of each area.
        pairs: ``(contacts,)`` pair of the components in contact.
        matched: ``(pairs,)`` True for matched pairs.

    Returns:
        The rows of contacts, one for each join.
    """
    rows = np.lexsort((contacts.voxels, contacts.pieces, -area_sizes[contacts.pieces], -contacts.overlaps))
    _, first = np.unique(contacts.pieces[rows] * len(matched) + pairs[rows], return_index=True)
    rows = rows[np.sort(first)]

    root = len(matched)
    pieces = root + contacts.pieces[rows]  # their labels begin with 1
    ties = np.flatnonzero(matched)
    forest = _spanning_forest(pairs[rows], pieces)
    tied_forest = _spanning_forest(
        np.concatenate([ties, pairs[rows]]), np.concatenate([np.full(len(ties), root), pieces])
    )
    joins: Indices = rows[np.setdiff1d(forest, tied_forest - len(ties))]
    return joins


def _spanning_forest(ends: Indices, other_ends: Indices) -> Indices:
    """Returns the numbers of the edges that Kruskal's algorithm accepts in their order."""
    nodes = int(other_ends.max(initial=0)) + 1
    order = np.arange(1, len(ends) + 1, dtype=np.float64)  # 0 means no edge
    edges = coo_array((order, (ends.astype(np.int32), other_ends.astype(np.int32))), shape=(nodes, nodes))
    accepted: Indices = minimum_spanning_tree(edges).data.astype(np.int64) - 1
    return accepted
