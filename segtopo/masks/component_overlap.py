"""Components of two masks, matched by their overlap; the components that one mask joins or has alone."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.masks.areas import BOTH, PREDICTION, REFERENCE, Areas
from segtopo.masks.components import Indices
from segtopo.masks.connection_ends import connection_ends
from segtopo.masks.contacts import Contacts, can_join, joining_contacts

Ends: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Mismatch:
    """A component or a connection that only one of two masks has.

    Attributes:
        in_prediction: True if the prediction has it, False if the reference has it.
        joins: True if it joins components that the other mask separates, False for a component without a partner.
        voxel: A voxel of that mask alone.
        ends: For a connection, if wanted: voxels of the two components that it joins, see
            :func:`~segtopo.masks.connection_ends.connection_ends`.
    """

    in_prediction: bool
    joins: bool
    voxel: tuple[int, ...]
    ends: Ends | None = None


def component_mismatches(areas: Areas, *, with_ends: bool = False) -> Iterator[Mismatch]:
    """Matches the components of two masks and yields the differences.

    Each component is matched with the component of the other mask that it overlaps most, so a small overlap of
    displaced neighbours matches nothing. Two components that touch each other and overlap no other component are
    displaced and match too. In a group of m components of the prediction matched with n of the reference, the
    prediction joins components of the reference n - 1 times, and the reference joins components of the prediction
    m - 1 times. So the balance of the mismatches is exactly the difference of the numbers of components.

    Args:
        areas: The areas of the two masks.
        with_ends: Whether to find the ends of the connections.
    """
    shared = np.flatnonzero(areas.masks == BOTH)
    shared = shared[np.argsort(areas.first[shared])]
    contacts = {mask: Contacts.of(areas, mask, areas.touching) for mask in (PREDICTION, REFERENCE)}
    touching = contacts[PREDICTION]
    graph = PairGraph(
        areas.in_prediction[shared],
        areas.in_reference[shared],
        areas.sizes[shared],
        touching.in_prediction,
        touching.in_reference,
        touching.counts,
    )
    for mask, component_of_area, paired in (
        (PREDICTION, areas.in_prediction, graph.in_prediction),
        (REFERENCE, areas.in_reference, graph.in_reference),
    ):
        in_prediction = mask == PREDICTION
        alone = ~np.isin(component_of_area, paired) & (component_of_area > 0)
        for voxel in areas.voxels_at(_first_of_each(component_of_area[alone], areas.first[alone])).tolist():
            yield Mismatch(in_prediction, False, tuple(voxel))
        joining, pairs = _contacts_that_can_join(contacts[mask], graph)
        joins = joining.select(joining_contacts(joining, areas.sizes, pairs, graph.matched))
        ends = _ends(joins, areas, mask, graph) if with_ends else [None] * len(joins.voxels)
        for voxel, both in zip(areas.voxels_at(joins.voxels).tolist(), ends, strict=True):
            yield Mismatch(in_prediction, True, tuple(voxel), both)


def _first_of_each(components: Indices, first: Indices) -> Indices:
    """Returns the first voxel of each component, from the first voxels of its areas."""
    order = np.argsort(first)
    rows: Indices = order[np.unique(components[order], return_index=True)[1]]
    return first[rows]


def _contacts_that_can_join(contacts: Contacts, graph: PairGraph) -> tuple[Contacts, Indices]:
    """Returns the contacts that can join pairs of components, and their pairs."""
    pairs = graph.pair_of(contacts.in_prediction, contacts.in_reference)
    rows = np.flatnonzero(can_join(contacts, pairs))
    return contacts.select(rows), pairs[rows]


def _ends(joins: Contacts, areas: Areas, mask: np.uint8, graph: PairGraph) -> list[Ends | None]:
    """Finds the ends of the connections of a mask: voxels of components of the other mask."""
    contacts, _ = _contacts_that_can_join(Contacts.of(areas, mask, areas.neighbours_of(joins.pieces)), graph)
    other_components = operator.attrgetter("in_reference" if mask == PREDICTION else "in_prediction")
    ends = connection_ends(
        areas.voxels_at(contacts.neighbours),
        contacts.pieces,
        other_components(contacts),
        areas.voxels_at(joins.voxels),
        joins.pieces,
        other_components(joins),
    )
    return [(tuple(near), tuple(far)) for near, far in ends.tolist()]


class PairGraph:
    """The pairs of a component of the prediction and a component of the reference that can be matched.

    Components that overlap form a pair. Components that touch form a pair if neither overlaps another component.

    Args:
        prediction: ``(areas,)`` component of the prediction that contains each component of the intersection.
        reference: ``(areas,)`` component of the reference that contains it.
        sizes: ``(areas,)`` its number of voxels. The components of the intersection are sorted by their first voxels.
        touching_prediction: ``(contacts,)`` component of the prediction at each contact.
        touching_reference: ``(contacts,)`` component of the reference at each contact.
        counts: ``(contacts,)`` number of pairs of neighbouring voxels for which each contact stands.

    Attributes:
        in_prediction: ``(pairs,)`` component of the prediction.
        in_reference: ``(pairs,)`` component of the reference.
        matched: ``(pairs,)`` True for pairs in which one component is the best partner of the other. They form no
            cycle, because no two pairs have the same rank.
    """

    def __init__(
        self,
        prediction: Indices,
        reference: Indices,
        sizes: Indices,
        touching_prediction: Indices,
        touching_reference: Indices,
        counts: Indices,
    ) -> None:
        self._base = int(max(reference.max(initial=0), touching_reference.max(initial=0))) + 1
        overlapping, first, pair_of_area = np.unique(
            self._codes(prediction, reference), return_index=True, return_inverse=True
        )
        overlaps = np.bincount(pair_of_area, sizes, len(overlapping)).astype(np.int64)
        touching = self._codes(touching_prediction, touching_reference)
        is_displaced = ~np.isin(touching_prediction, prediction) & ~np.isin(touching_reference, reference)
        displaced, contact_pair = np.unique(touching[is_displaced], return_inverse=True)
        lengths = np.bincount(contact_pair, counts[is_displaced], len(displaced)).astype(np.int64)
        codes = np.concatenate([overlapping, displaced])
        # Of equal overlaps the one with the first voxel is better, so the result does not depend on the masks' order.
        best_first = np.lexsort((np.concatenate([first, displaced]), -np.concatenate([overlaps, lengths])))
        by_code = np.argsort(codes)
        self._sorted_codes = codes[by_code]
        self.in_prediction, self.in_reference = np.divmod(self._sorted_codes, self._base)
        self.matched = self._best_of_either(np.argsort(by_code)[best_first])

    def pair_of(self, prediction: Indices, reference: Indices) -> Indices:
        """Returns for each component of the prediction and the reference beside it their pair; -1 if there is none."""
        codes = self._codes(prediction, reference)
        if not len(self._sorted_codes):
            return np.full(len(codes), -1)
        pairs = np.minimum(np.searchsorted(self._sorted_codes, codes), len(self._sorted_codes) - 1)
        return np.where(self._sorted_codes[pairs] == codes, pairs, -1)

    def _codes(self, prediction: Indices, reference: Indices) -> Indices:
        """Returns one integer for each pair of components."""
        codes: Indices = prediction * self._base + reference
        return codes

    def _best_of_either(self, best_first: Indices) -> npt.NDArray[np.bool_]:
        """Selects the pairs that are the best pair of at least one of their two components."""
        chosen = np.zeros(len(best_first), bool)
        for components in (self.in_prediction, self.in_reference):
            _, first = np.unique(components[best_first], return_index=True)
            chosen[best_first[first]] = True
        return chosen
