"""Components of two masks, matched by their overlap; the components that one mask joins or has alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Components, Indices, Labels, Mask
from segtopo.masks.connection_ends import Voxels, connection_ends
from segtopo.masks.contacts import Contacts, find_contacts, joining_contacts

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


def component_mismatches(
    prediction: Mask, reference: Mask, connectivity: int, *, with_ends: bool = False
) -> Iterator[Mismatch]:
    """Matches the components of two masks of one shape and yields the differences.

    Each component is matched with the component of the other mask that it overlaps most, so a small overlap of
    displaced neighbours matches nothing. Two components that touch each other and overlap no other component are
    displaced and match too. In a group of m components of the prediction matched with n of the reference, the
    prediction joins components of the reference n - 1 times, and the reference joins components of the prediction
    m - 1 times. So the balance of the mismatches is exactly the difference of the numbers of components.

    Args:
        prediction: 2D or 3D boolean array.
        reference: Boolean array of the same shape.
        connectivity: See :func:`~segtopo.masks.components.label_components`.
        with_ends: Whether to find the ends of the connections.
    """
    prediction, reference = np.pad(prediction, 1), np.pad(reference, 1)
    predicted, referred, shared = (
        Components.of(mask, connectivity) for mask in (prediction, reference, prediction & reference)
    )
    of_prediction = find_contacts(prediction & ~reference, predicted, referred, shared, connectivity)
    of_reference = find_contacts(reference & ~prediction, referred, predicted, shared, connectivity)
    areas = np.sort(shared.first[1:])
    graph = PairGraph(
        predicted.labels[areas],
        referred.labels[areas],
        shared.sizes[shared.labels[areas]],
        of_prediction.components,
        of_prediction.neighbour_components,
    )
    pairs_of_prediction = graph.pair_of(of_prediction.components, of_prediction.neighbour_components)
    pairs_of_reference = graph.pair_of(of_reference.neighbour_components, of_reference.components)

    for in_prediction, components, paired, contacts, pairs in (
        (True, predicted, graph.in_prediction, of_prediction, pairs_of_prediction),
        (False, referred, graph.in_reference, of_reference, pairs_of_reference),
    ):
        for voxel in _voxels_at(np.delete(components.first, np.append(paired, 0)), prediction.shape).tolist():
            yield Mismatch(in_prediction, False, tuple(voxel))
        can_join = np.flatnonzero(contacts.can_join(pairs))
        joining = contacts.select(can_join)
        joins = joining_contacts(joining, pairs[can_join], graph.matched)
        ends = _ends(joining, joins, prediction.shape) if with_ends else repeat(None, len(joins))
        for voxel, both in zip(_voxels_at(joining.voxels[joins], prediction.shape).tolist(), ends, strict=True):
            yield Mismatch(in_prediction, True, tuple(voxel), both)


def _ends(contacts: Contacts, joins: Indices, shape: tuple[int, ...]) -> list[Ends]:
    """Finds the ends of the connections of a mask."""
    ends = connection_ends(
        _voxels_at(contacts.voxels, shape),
        _voxels_at(contacts.neighbours, shape),
        contacts.pieces,
        contacts.neighbour_components.astype(np.int64),
        joins,
    )
    return [(tuple(near), tuple(far)) for near, far in ends.tolist()]


def _voxels_at(indices: Indices, padded_shape: tuple[int, ...]) -> Voxels:
    """Converts linear indices in padded masks to ``(n, ndim)`` voxels of the masks without their border."""
    voxels: Voxels = np.stack(np.unravel_index(indices, padded_shape), axis=-1) - 1
    return voxels


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
