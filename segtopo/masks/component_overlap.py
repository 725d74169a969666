"""Components of two masks matched by their overlap: what joins or stands alone in one of them only, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import FULL_CONNECTIVITY, Mask, label_components

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mismatch:
    """What one mask has and the other has not.

    Attributes:
        side: which mask has it, 0 or 1.
        joins: True where it joins components that the other keeps apart, False for a component without a partner.
        voxel: a voxel of that mask alone.
    """

    side: int
    joins: bool
    voxel: tuple[int, ...]


@dataclass(frozen=True)
class Contacts:
    """Where the pieces in which one mask leaves the other touch that other mask, one row per neighbouring pair.

    ``overlaps`` are the sizes of the components of the masks' intersection that are touched, 0 for a voxel outside it.
    """

    voxels: Indices
    pieces: Indices
    pairs: Indices
    overlaps: Indices
    sizes: Indices


def component_mismatches(first: Mask, second: Mask, connectivity: int) -> Iterator[Mismatch]:
    """Match the components of two masks and list what is left over.

    Every component goes with the one of the other mask that it overlaps most, so a few voxels in which neighbours
    overlap by displacement match nothing. Two components that overlap nothing but touch each other are displaced and
    match as well. In a group of m components of the first mask matched with n of the second, the first joins what
    the second keeps apart n - 1 times and the second what the first keeps apart m - 1 times. So the signed number of
    mismatches is the difference of the numbers of components, exactly.
    """
    masks = np.pad(first, 1), np.pad(second, 1)
    labels, counts = zip(*(label_components(mask, connectivity) for mask in masks), strict=True)
    flat = [numbers.ravel().astype(np.int64) for numbers in labels]
    base = counts[1] + 1
    contacts = [touching(masks, flat, side, connectivity, base) for side in (0, 1)]
    pairs, ranks = matchable_pairs(flat, contacts[0], base)
    matched = largest_of_either(pairs, ranks, base)

    def voxel(index: int) -> tuple[int, ...]:
        return tuple(int(c) - 1 for c in np.unravel_index(index, masks[0].shape))

    for side, of_side in enumerate((pairs // base, pairs % base)):
        present, where = np.unique(flat[side], return_index=True)
        alone = (present > 0) & ~np.isin(present, of_side)
        yield from (Mismatch(side, False, voxel(i)) for i in where[alone])
        yield from (Mismatch(side, True, voxel(i)) for i in joining_voxels(contacts[side], pairs, matched))


def touching(masks: tuple[Mask, Mask], flat: list[Indices], side: int, connectivity: int, base: int) -> Contacts:
    """The contacts of one mask's pieces outside the other."""
    own, other = masks[side], masks[1 - side].ravel()
    pieces, count = label_components(own & ~masks[1 - side], connectivity)
    outside = np.flatnonzero(pieces)
    piece_of = pieces.ravel()[outside].astype(np.int64)
    found: list[tuple[Indices, Indices]] = []
    for step in neighbour_steps(own.shape, connectivity):
        rows = np.flatnonzero(other[outside + step])
        found.append((rows, outside[rows] + step))
    rows, neighbours = (np.concatenate(column) for column in zip(*found, strict=True))
    numbers = flat[side][outside[rows]], flat[1 - side][neighbours]
    pairs = numbers[side] * base + numbers[1 - side]
    sizes = np.bincount(piece_of, minlength=count + 1)
    overlaps = component_sizes(own & masks[1 - side], connectivity, neighbours)
    return Contacts(outside[rows], piece_of[rows], pairs, overlaps, sizes)


def component_sizes(mask: Mask, connectivity: int, voxels: Indices) -> Indices:
    """Of the components that voxels lie in, 0 for those of the background."""
    labels, count = label_components(mask, connectivity)
    sizes: Indices = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    of_voxels: Indices = sizes[labels.ravel()[voxels]]
    return of_voxels


def neighbour_steps(shape: tuple[int, ...], connectivity: int) -> list[int]:
    """Distances in memory from a voxel to its neighbours."""
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    full = connectivity == FULL_CONNECTIVITY[len(shape)]
    shifts = (s for s in product((-1, 0, 1), repeat=len(shape)) if any(s) and (full or np.abs(s).sum() == 1))
    return [int(np.dot(shift, strides)) for shift in shifts]


def matchable_pairs(flat: list[Indices], contacts: Contacts, base: int) -> tuple[Indices, Indices]:
    """Pairs (first * base + second) of components that overlap, or touch and overlap none; their ranks by how much."""
    both = np.flatnonzero((flat[0] > 0) & (flat[1] > 0))
    overlapping, seen, sizes = np.unique(flat[0][both] * base + flat[1][both], return_index=True, return_counts=True)
    beside = contacts.pairs
    alone = ~np.isin(beside // base, overlapping // base) & ~np.isin(beside % base, overlapping % base)
    displaced, lengths = np.unique(beside[alone], return_counts=True)
    pairs, weights = np.concatenate([overlapping, displaced]), np.concatenate([sizes, lengths])
    # Of equal overlaps the one seen first counts as larger, whichever mask is called the first.
    ranks = np.empty(len(pairs), np.int64)
    ranks[np.lexsort((-np.concatenate([both[seen], displaced]), weights))] = np.arange(len(pairs))
    order = np.argsort(pairs)
    return pairs[order], ranks[order]


def largest_of_either(pairs: Indices, ranks: Indices, base: int) -> npt.NDArray[np.bool_]:
    """Which pairs are the largest of one of their components: a forest, as no two rank the same."""
    order = np.argsort(-ranks)
    chosen = np.zeros(len(pairs), bool)
    for components in (pairs // base, pairs % base):
        chosen[order[np.unique(components[order], return_index=True)[1]]] = True
    return chosen


def joining_voxels(contacts: Contacts, pairs: Indices, matched: npt.NDArray[np.bool_]) -> Iterator[int]:
    """Where pieces of one mask join matched pairs: at the largest parts that the pairs share, by the largest piece.

    Walls displaced by less than their thickness cross in small pieces; if by more, only a sliver lies between them.
    """
    if not len(pairs):
        return
    places = np.minimum(np.searchsorted(pairs, contacts.pairs), len(pairs) - 1)
    known = pairs[places] == contacts.pairs
    rows = np.flatnonzero(known & ((contacts.overlaps > 0) | displaced_pairs(contacts, places, len(pairs))))
    pieces = contacts.pieces[rows]
    rows = rows[np.lexsort((contacts.voxels[rows], pieces, -contacts.sizes[pieces], -contacts.overlaps[rows]))]
    keys = contacts.pieces[rows] * len(pairs) + places[rows]
    rows = rows[np.sort(np.unique(keys, return_index=True)[1])]
    parents = list(range(len(pairs) + len(contacts.sizes)))
    has_matched = [*matched.tolist(), *[False] * len(contacts.sizes)]

    def root(node: int) -> int:
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for row in rows:
        piece, pair = root(len(pairs) + int(contacts.pieces[row])), root(int(places[row]))
        if piece == pair:
            continue
        if has_matched[piece] and has_matched[pair]:
            yield int(contacts.voxels[row])
        parents[piece] = pair
        has_matched[pair] = has_matched[pair] or has_matched[piece]


def displaced_pairs(contacts: Contacts, places: Indices, count: int) -> npt.NDArray[np.bool_]:
    """Contacts of pairs that touch and never overlap: their pieces reach no voxel of both masks."""
    reached = np.zeros(len(contacts.sizes), bool)
    reached[contacts.pieces[contacts.overlaps > 0]] = True
    return ~reached[contacts.pieces]
