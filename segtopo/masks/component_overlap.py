"""Components of two masks, matched by their overlap; the components that one mask joins or has alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from segtopo.masks.components import FULL_CONNECTIVITY, Components, Indices, Labels, Mask


@dataclass(frozen=True)
class Mismatch:
    """A component or a connection that only one of two masks has.

    Attributes:
        in_prediction: True if the prediction has it, False if the reference has it.
        joins: True if it joins components that the other mask separates, False for a component without a partner.
        voxel: A voxel of that mask alone.
    """

    in_prediction: bool
    joins: bool
    voxel: tuple[int, ...]


def component_mismatches(prediction: Mask, reference: Mask, connectivity: int) -> Iterator[Mismatch]:
    """Matches the components of two masks of one shape and yields the differences.

    Each component is matched with the component of the other mask that it overlaps most, so a small overlap of
    displaced neighbours matches nothing. Two components that touch each other and overlap no other component are
    displaced and match too. In a group of m components of the prediction matched with n of the reference, the
    prediction joins components of the reference n - 1 times, and the reference joins components of the prediction
    m - 1 times. So the balance of the mismatches is exactly the difference of the numbers of components.
    """
    prediction, reference = np.pad(prediction, 1), np.pad(reference, 1)
    predicted, referred, shared = (
        Components.of(mask, connectivity) for mask in (prediction, reference, prediction & reference)
    )
    of_prediction = _find_contacts(prediction & ~reference, predicted, referred, shared, connectivity)
    of_reference = _find_contacts(reference & ~prediction, referred, predicted, shared, connectivity)
    areas = np.sort(shared.first[1:])
    graph = PairGraph(
        predicted.labels[areas],
        referred.labels[areas],
        shared.sizes[shared.labels[areas]],
        of_prediction.components,
        of_prediction.neighbours,
    )
    pairs_of_prediction = graph.pair_of(of_prediction.components, of_prediction.neighbours)
    pairs_of_reference = graph.pair_of(of_reference.neighbours, of_reference.components)
    for in_prediction, components, paired, contacts, pairs in (
        (True, predicted, graph.in_prediction, of_prediction, pairs_of_prediction),
        (False, referred, graph.in_reference, of_reference, pairs_of_reference),
    ):
        alone = np.delete(components.first, np.append(paired, 0)).tolist()
        joining = _joining_voxels(contacts, pairs, graph.matched).tolist()
        for joins, index in [(False, index) for index in alone] + [(True, index) for index in joining]:
            voxel = tuple(int(i) - 1 for i in np.unravel_index(index, prediction.shape))
            yield Mismatch(in_prediction, joins, voxel)


class PairGraph:
    """The pairs of a component of the prediction and a component of the reference that can be matched.

    Components that overlap form a pair. Components that touch form a pair if neither overlaps another component.

    Args:
        prediction: ``(areas,)`` component of the prediction that contains each component of the intersection.
        reference: ``(areas,)`` component of the reference that contains it.
        sizes: ``(areas,)`` its number of voxels. The components of the intersection are sorted by their first voxels.
        touching_prediction: ``(contacts,)`` component of the prediction for each pair of neighbouring voxels.
        touching_reference: ``(contacts,)`` component of the reference for each pair of neighbouring voxels.

    Attributes:
        in_prediction: ``(pairs,)`` component of the prediction.
        in_reference: ``(pairs,)`` component of the reference.
        matched: ``(pairs,)`` True for pairs in which one component is the best partner of the other. They form no
            cycle, because no two pairs have the same rank.
    """

    def __init__(
        self,
        prediction: Labels,
        reference: Labels,
        sizes: Indices,
        touching_prediction: Labels,
        touching_reference: Labels,
    ) -> None:
        self._base = int(max(reference.max(initial=0), touching_reference.max(initial=0))) + 1
        overlapping, first, pair_of_area = np.unique(
            self._codes(prediction, reference), return_index=True, return_inverse=True
        )
        overlaps = np.bincount(pair_of_area, sizes, len(overlapping)).astype(np.int64)
        touching = self._codes(touching_prediction, touching_reference)
        displaced, lengths = np.unique(
            touching[
                ~np.isin(touching // self._base, overlapping // self._base)
                & ~np.isin(touching % self._base, overlapping % self._base)
            ],
            return_counts=True,
        )
        codes = np.concatenate([overlapping, displaced])
        # Of equal overlaps the one with the first voxel is better, so the result does not depend on the masks' order.
        best_first = np.lexsort((np.concatenate([first, displaced]), -np.concatenate([overlaps, lengths])))
        by_code = np.argsort(codes)
        self._sorted_codes = codes[by_code]
        self.in_prediction, self.in_reference = np.divmod(self._sorted_codes, self._base)
        self.matched = self._best_of_either(np.argsort(by_code)[best_first])

    def pair_of(self, prediction: Labels, reference: Labels) -> Indices:
        """Returns for each component of the prediction and the reference beside it their pair; -1 if there is none."""
        codes = self._codes(prediction, reference)
        if not len(self._sorted_codes):
            return np.full(len(codes), -1)
        pairs = np.minimum(np.searchsorted(self._sorted_codes, codes), len(self._sorted_codes) - 1)
        return np.where(self._sorted_codes[pairs] == codes, pairs, -1)

    def _codes(self, prediction: Labels, reference: Labels) -> Indices:
        """Returns one integer for each pair of components."""
        codes: Indices = prediction.astype(np.int64) * self._base + reference
        return codes

    def _best_of_either(self, best_first: Indices) -> npt.NDArray[np.bool_]:
        """Selects the pairs that are the best pair of at least one of their two components."""
        chosen = np.zeros(len(best_first), bool)
        for components in (self.in_prediction, self.in_reference):
            _, first = np.unique(components[best_first], return_index=True)
            chosen[best_first[first]] = True
        return chosen


@dataclass(frozen=True)
class _Contacts:
    """Pairs of neighbouring voxels, one of a mask outside the other mask, one of the other mask.

    A piece is a component of the mask outside the other mask.

    Attributes:
        voxels: ``(contacts,)`` linear index of the mask's voxel.
        pieces: ``(contacts,)`` label of the piece that contains it.
        components: ``(contacts,)`` label of the component of the mask that contains it.
        neighbours: ``(contacts,)`` label of the component of the other mask that contains the neighbour.
        overlaps: ``(contacts,)`` size of the component of the intersection that contains the neighbour; 0 if it is
            outside the intersection.
        piece_sizes: ``(labels,)`` size of each piece.
    """

    voxels: Indices
    pieces: Indices
    components: Labels
    neighbours: Labels
    overlaps: Indices
    piece_sizes: Indices


def _find_contacts(
    alone: Mask, components: Components, other_components: Components, shared: Components, connectivity: int
) -> _Contacts:
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
    return _Contacts(
        voxel,
        pieces.labels[voxel].astype(np.int64),
        components.labels[voxel],
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


def _joining_voxels(contacts: _Contacts, pairs: Indices, matched: npt.NDArray[np.bool_]) -> Indices:
    """Finds the voxels at which pieces of a mask join matched pairs.

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
        contacts: Contacts of the mask that joins.
        pairs: ``(contacts,)`` pair of the components in contact, -1 if they form no pair.
        matched: ``(pairs,)`` True for matched pairs.

    Returns:
        Linear indices of voxels of the mask, one for each join.
    """
    touches_intersection = np.zeros(len(contacts.piece_sizes), bool)
    touches_intersection[contacts.pieces[contacts.overlaps > 0]] = True
    displaced = ~touches_intersection[contacts.pieces]
    rows = np.flatnonzero((pairs >= 0) & ((contacts.overlaps > 0) | displaced))
    piece_sizes = contacts.piece_sizes[contacts.pieces]
    keys = contacts.voxels, contacts.pieces, -piece_sizes, -contacts.overlaps
    rows = rows[np.lexsort(tuple(key[rows] for key in keys))]
    _, first = np.unique(contacts.pieces[rows] * len(matched) + pairs[rows], return_index=True)
    rows = rows[np.sort(first)]

    root = len(matched)
    pieces = root + contacts.pieces[rows]  # their labels begin with 1
    ties = np.flatnonzero(matched)
    forest = _spanning_forest(pairs[rows], pieces)
    tied_forest = _spanning_forest(
        np.concatenate([ties, pairs[rows]]), np.concatenate([np.full(len(ties), root), pieces])
    )
    joins: Indices = contacts.voxels[rows[np.setdiff1d(forest, tied_forest - len(ties))]]
    return joins


def _spanning_forest(ends: Indices, other_ends: Indices) -> Indices:
    """Returns the numbers of the edges that Kruskal's algorithm accepts in their order."""
    nodes = int(other_ends.max(initial=0)) + 1
    order = np.arange(1, len(ends) + 1, dtype=np.float64)  # 0 means no edge
    edges = coo_array((order, (ends.astype(np.int32), other_ends.astype(np.int32))), shape=(nodes, nodes))
    accepted: Indices = minimum_spanning_tree(edges).data.astype(np.int64) - 1
    return accepted
