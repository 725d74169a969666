"""Contacts of the part of a mask outside another mask with that mask, and the contacts that join its components."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from segtopo.masks.components import FULL_CONNECTIVITY, Components, Indices, Labels, Mask


@dataclass(frozen=True)
class Contacts:
    """Pairs of neighbouring voxels, one of a mask outside the other mask, one of the other mask.

    A piece is a component of the mask outside the other mask.

    Attributes:
        voxels: ``(contacts,)`` linear index of the mask's voxel.
        pieces: ``(contacts,)`` label of the piece that contains it.
        components: ``(contacts,)`` label of the component of the mask that contains it.
        neighbours: ``(contacts,)`` linear index of the other mask's voxel.
        neighbour_components: ``(contacts,)`` label of the component of the other mask that contains it.
        overlaps: ``(contacts,)`` size of the component of the intersection that contains the neighbour; 0 if it is
            outside the intersection.
        piece_sizes: ``(labels,)`` size of each piece.
    """

    voxels: Indices
    pieces: Indices
    components: Labels
    neighbours: Indices
    neighbour_components: Labels
    overlaps: Indices
    piece_sizes: Indices

    def can_join(self, pairs: Indices) -> npt.NDArray[np.bool_]:
        """Tells which contacts can join pairs.

        They are those of components that form a pair. If a piece touches the intersection, only those with the
        intersection count.

        Args:
            pairs: ``(contacts,)`` pair of the components in contact, -1 if they form no pair.
        """
        touches_intersection = np.zeros(len(self.piece_sizes), bool)
        touches_intersection[self.pieces[self.overlaps > 0]] = True
        can_join: npt.NDArray[np.bool_] = (pairs >= 0) & ((self.overlaps > 0) | ~touches_intersection[self.pieces])
        return can_join

    def select(self, rows: Indices) -> Contacts:
        """Returns the contacts of these rows."""
        return replace(self, **{name: column[rows] for name, column in vars(self).items() if name != "piece_sizes"})


def find_contacts(
    alone: Mask, components: Components, other_components: Components, shared: Components, connectivity: int
) -> Contacts:
    """Finds the contacts of a mask, of which ``alone`` is the part outside the other mask.

    The masks have a border of background, so every voxel has all its neighbours.
    """
    pieces = Components.of(alone, connectivity)
    outside = np.flatnonzero(alone)
    voxels, neighbours = [], []
    for step in _steps_to_neighbours(alone.shape, connectivity):
        touching = outside[other_components.labels[outside + step] > 0]
        voxels.append(touching)
        neighbours.append(touching + step)
    voxel, neighbour = np.concatenate(voxels), np.concatenate(neighbours)
    return Contacts(
        voxel,
        pieces.labels[voxel].astype(np.int64),
        components.labels[voxel],
        neighbour,
        other_components.labels[neighbour],
        shared.sizes[shared.labels[neighbour]],
        pieces.sizes,
    )


def _steps_to_neighbours(shape: tuple[int, ...], connectivity: int) -> list[int]:
    """Returns the differences between the linear indices of a voxel's neighbours and its own."""
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    full = connectivity == FULL_CONNECTIVITY[len(shape)]
    shifts = (s for s in product((-1, 0, 1), repeat=len(shape)) if any(s) and (full or np.abs(s).sum() == 1))
    return [int(np.dot(shift, strides)) for shift in shifts]


def joining_contacts(contacts: Contacts, pairs: Indices, matched: npt.NDArray[np.bool_]) -> Indices:
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
        contacts: Contacts of the mask that joins, for which :meth:`Contacts.can_join` is True.
        pairs: ``(contacts,)`` pair of the components in contact.
        matched: ``(pairs,)`` True for matched pairs.

    Returns:
        The rows of contacts, one for each join.
    """
    piece_sizes = contacts.piece_sizes[contacts.pieces]
    rows = np.lexsort((contacts.voxels, contacts.pieces, -piece_sizes, -contacts.overlaps))
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
