"""What a repair does not depend on: the axes, a stretching of the probabilities, the number of threads."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from oracles.repair_examples import described, distinct_map
from oracles.repair_rules import rules_of
from segtopo.persistence import Construction
from segtopo.repair import Repair, RepairRules, repair_mask

SEEDS = st.integers(0, 2**32 - 1)
NDIM = st.sampled_from([2, 3])
CONSTRUCTION = st.sampled_from(["T", "V"])


def turned(image: np.ndarray, number: int) -> np.ndarray:
    """One of several mirrored, reversed and transposed views."""
    mirrored = image[:, ::-1] if number % 2 else image
    reversed_ = mirrored[::-1] if number % 3 else mirrored
    return np.moveaxis(reversed_, 0, number % image.ndim)


def partition(repair: Repair, index: np.ndarray, construction: Construction) -> set[frozenset[int]]:
    """The sets of voxels of the first mask, named by ``index``, that are in one piece of the repaired mask."""
    ndim = index.ndim
    labels, count = ndimage.label(
        repair.mask, ndimage.generate_binary_structure(ndim, ndim if construction == "T" else 1)
    )
    return {frozenset(index[repair.before & (labels == label)].tolist()) for label in range(1, count + 1)}


@given(SEEDS, NDIM, CONSTRUCTION, st.integers(1, 6))
def test_joins_do_not_depend_on_the_axes(seed: int, ndim: int, construction: Construction, number: int) -> None:
    probability = distinct_map(seed, ndim)
    rules = rules_of(threshold=0.7, connect_above=0.2, construction=construction)
    one, other = repair_mask(probability, rules), repair_mask(turned(probability, number), rules)
    saddles = [edit.probability for edit in one.edits]
    assert [edit.probability for edit in other.edits] == saddles == sorted(saddles, reverse=True)
    index = np.arange(probability.size).reshape(probability.shape)
    assert partition(other, turned(index, number), construction) == partition(one, index, construction)


@given(SEEDS, NDIM, CONSTRUCTION, st.integers(1, 6))
def test_removing_and_filling_do_not_depend_on_the_axes(
    seed: int, ndim: int, construction: Construction, number: int
) -> None:
    probability = distinct_map(seed, ndim)
    rules = RepairRules(
        threshold=0.4,
        connect_above=None,
        min_piece_size=3,
        min_piece_peak=0.8,
        min_hole_size=4,
        max_hole_floor=0.3,
        construction=construction,
    )
    one, other = repair_mask(probability, rules), repair_mask(turned(probability, number), rules)
    assert np.array_equal(turned(one.mask, number), other.mask)
    assert sorted(edit.probability for edit in one.edits) == sorted(edit.probability for edit in other.edits)


KNOTS = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)


def stretched(probability: np.ndarray) -> np.ndarray:
    """An increasing map of the probabilities that fixes the knots."""
    piece = np.clip(np.searchsorted(KNOTS, probability, side="right") - 1, 0, len(KNOTS) - 2)
    low, high = np.array(KNOTS)[piece], np.array(KNOTS)[piece + 1]
    return low + (high - low) * ((probability - low) / (high - low)) ** 2


@given(SEEDS, NDIM, CONSTRUCTION)
def test_only_the_order_of_probabilities_matters(seed: int, ndim: int, construction: Construction) -> None:
    probability = distinct_map(seed, ndim)
    rules = RepairRules(
        threshold=0.5,
        connect_above=0.1,
        min_piece_size=3,
        min_piece_peak=0.7,
        min_hole_size=3,
        max_hole_floor=0.3,
        construction=construction,
    )
    one, other = repair_mask(probability, rules), repair_mask(stretched(probability), rules)
    assert not np.array_equal(probability, stretched(probability)) or probability.size == 1
    assert [(e.kind, e.voxel, e.voxels.tolist()) for e in one.edits] == [
        (e.kind, e.voxel, e.voxels.tolist()) for e in other.edits
    ]
    assert np.array_equal(one.mask, other.mask)


@given(SEEDS, NDIM, CONSTRUCTION)
def test_a_mask_repaired_by_sizes_needs_no_second_repair(seed: int, ndim: int, construction: Construction) -> None:
    rules = rules_of(min_piece_size=4, min_hole_size=4, construction=construction)
    mask = distinct_map(seed, ndim) > 0.6
    repaired = repair_mask(mask, rules).mask
    assert repair_mask(repaired, rules).edits == ()


@given(SEEDS, NDIM, CONSTRUCTION, st.integers(2, 5))
def test_threads_do_not_change_a_repair(seed: int, ndim: int, construction: Construction, num_threads: int) -> None:
    probability = distinct_map(seed, ndim)
    rules = RepairRules(
        threshold=0.5,
        connect_above=0.1,
        min_piece_size=2,
        min_piece_peak=0.6,
        min_hole_size=2,
        max_hole_floor=0.3,
        betti_numbers=(1, *[1] * (ndim - 1)),
        construction=construction,
    )
    one, other = (repair_mask(probability, rules, num_threads=n) for n in (1, num_threads))
    assert [described(edit) for edit in one.edits] == [described(edit) for edit in other.edits]
    assert one.remarks == other.remarks
