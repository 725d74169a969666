"""Repair of several classes: each as if alone, and no voxel given to two."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import ndimage

from oracles.repair_rules import rules_of
from segtopo.errors import InputError
from segtopo.masks import betti_numbers
from segtopo.repair import RepairRules, repair_classes, repair_mask
from segtopo.repair.classes import class_masks

RULES = rules_of(connect_above=0.02, min_piece_size=4, min_hole_size=6)


def softmax_maps(rng: np.random.Generator, classes: int, shape: tuple[int, ...]) -> np.ndarray:
    """Smooth random probabilities of the foreground classes."""
    logits = ndimage.gaussian_filter(rng.normal(size=(classes + 1, *shape)), (0, *[1.0] * len(shape))) * 12
    exponentials = np.exp(logits - logits.max(axis=0))
    return (exponentials / exponentials.sum(axis=0))[1:].astype(np.float32)


@pytest.mark.parametrize("shape", [(24, 30), (9, 10, 8)])
@pytest.mark.parametrize("limits", [None, (1, 1, 0)])
def test_no_voxel_is_in_two_classes_and_edits_do_what_they_say(
    shape: tuple[int, ...], limits: tuple[int, ...] | None
) -> None:
    rng = np.random.default_rng(len(shape))
    rules = rules_of(
        connect_above=0.02, min_piece_size=4, min_hole_size=6, betti_numbers=limits and limits[-len(shape) :]
    )
    kinds = set()
    for _ in range(40):
        maps = softmax_maps(rng, 3, shape)
        repaired = repair_classes(maps, rules)
        assert sum(repair.mask.astype(int) for repair in repaired.repairs).max() <= 1
        for label, repair in enumerate(repaired.repairs, start=1):
            np.testing.assert_array_equal(repair.mask, repaired.labels == label)
            joins = [edit for edit in repair.edits if edit.kind == "joined"]
            joined = repair.without(*(edit for edit in repair.edits if edit not in joins))
            assert betti_numbers(joined.before)[0] - len(joins) == betti_numbers(joined.mask)[0]
            kinds |= {edit.kind for edit in repair.edits}
    assert {"joined", "piece removed"} <= kinds


def test_the_masks_before_are_those_of_the_most_probable_class() -> None:
    maps = softmax_maps(np.random.default_rng(0), 3, (40, 50))
    every = np.concatenate([1 - maps.sum(axis=0, keepdims=True), maps])
    repaired = repair_classes(maps, rules_of(connect_above=None))
    np.testing.assert_array_equal(repaired.labels, every.argmax(axis=0))
    assert repaired.labels.dtype == np.uint8


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_one_class_is_repaired_as_by_repair_mask(threshold: float) -> None:
    probability = ndimage.gaussian_filter(np.random.default_rng(1).random((30, 30), dtype=np.float32), 1)
    probability = (probability - probability.min()) / np.ptp(probability)
    rules = rules_of(threshold=threshold, connect_above=0.1, min_piece_size=5, min_hole_size=5)
    alone = repair_mask(probability, rules)
    (repair,) = repair_classes(probability[None], rules).repairs
    np.testing.assert_array_equal(repair.mask, alone.mask)
    assert list(map(repr, repair.edits)) == list(map(repr, alone.edits))
    (mask,) = class_masks([probability], [threshold])
    assert (mask != alone.before).mean() < 0.002  # rounding


def test_classes_far_apart_are_repaired_as_if_alone() -> None:
    rng = np.random.default_rng(2)
    maps = np.zeros((2, 20, 40), np.float32)
    for k in range(2):
        noise = ndimage.gaussian_filter(rng.random((20, 18), dtype=np.float32), 1)
        maps[k, :, 22 * k : 22 * k + 18] = (noise - noise.min()) / np.ptp(noise)
    repaired = repair_classes(maps, RULES)
    for values, repair in zip(maps, repaired.repairs, strict=True):
        np.testing.assert_array_equal(repair.mask, repair_mask(values, RULES).mask)


@pytest.mark.parametrize("shape", [(24, 30), (13, 14, 15)])
def test_edits_touch_no_other_class_if_they_must_not(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape))
    rules = RepairRules(connect_above=0.02, min_piece_size=4, min_hole_size=6, betti_numbers=(2, 2, 0)[: len(shape)])
    around = np.ones((3,) * len(shape))
    added = 0
    for _ in range(40):
        repairs = repair_classes(softmax_maps(rng, 3, shape), rules, touching=False).repairs
        for repair in repairs:
            others = np.logical_or.reduce([other.mask for other in repairs if other is not repair])
            new = repair.mask & ~repair.before
            assert not (ndimage.binary_dilation(others, around) & new).any()
            added += new.sum()
            joins = [edit for edit in repair.edits if edit.kind == "joined"]
            joined = repair.without(*(edit for edit in repair.edits if edit not in joins))
            assert betti_numbers(joined.before)[0] - len(joins) == betti_numbers(joined.mask)[0]
    assert added > 100


def test_a_join_that_is_left_out_is_remarked() -> None:
    maps = np.zeros((2, 4, 5), np.float32)
    maps[0, 0], maps[1, 2] = [0.9, 0.9, 0.3, 0.9, 0.9], 0.9
    maps[0, 1, 2], maps[0, 0, 2] = 0.3, 0
    assert [len(r.edits) for r in repair_classes(maps, RULES).repairs] == [1, 0]
    first, second = repair_classes(maps, RULES, touching=False).repairs
    assert not first.edits or all(edit.kind != "joined" for edit in first.edits)
    assert first.remarks == ("Not joined, because the path would touch another class: 1 of 1.",)
    assert not second.remarks


def crossing() -> np.ndarray:
    """Two broken lines whose gaps cross in one voxel, where the first is more probable."""
    maps = np.zeros((2, 7, 7), np.float32)
    maps[0, 3], maps[1, :, 3] = 0.9, 0.9
    maps[:, 2:5, 2:5] = 0
    maps[0, 3, 2:5], maps[1, 2:5, 3] = 0.3, 0.2
    return maps


def test_where_paths_cross_the_more_probable_class_has_the_voxel() -> None:
    repaired = repair_classes(crossing(), rules_of(connect_above=0.1))
    assert [[edit.kind for edit in repair.edits] for repair in repaired.repairs] == [["joined"], []]
    assert repaired.labels[3].tolist() == [1] * 7
    swapped = repair_classes(crossing()[::-1], rules_of(connect_above=0.1))
    assert [len(repair.edits) for repair in swapped.repairs] == [0, 1]


def test_the_other_class_takes_another_path_if_there_is_one() -> None:
    maps = np.zeros((2, 5, 9), np.float32)
    maps[0, 2], maps[0, 2, 3:6] = 0.9, 0.3  # a line with a gap
    maps[1, :, 4], maps[1, 1:4, 4] = 0.0, 0.2  # another would pass through the gap
    maps[1, 0, 4] = maps[1, 4, 4] = 0.6
    maps[1, 1:4, 0] = maps[1, 0, :4] = maps[1, 4, :4] = 0.05  # and has a way round the end of the first
    maps[0, 2, 0] = 0
    repaired = repair_classes(maps, rules_of(connect_above=0.05))
    second = repaired.repairs[1]
    assert betti_numbers(repaired.repairs[0].mask)[0] == betti_numbers(second.mask)[0] == 1
    assert second.mask[1:4, 0].all()


def ring_around(middle: float) -> np.ndarray:
    """A ring of the first class; its hole of 9 voxels holds one voxel of the second class."""
    maps = np.zeros((2, 7, 7), np.float32)
    maps[0, 1:6, 1:6] = 0.9
    maps[0, 2:5, 2:5] = 0.1
    maps[1, 3, 3] = middle
    return maps


def test_a_hole_that_holds_another_class_remains_open() -> None:
    repaired = repair_classes(ring_around(0.8), [rules_of(min_hole_size=10), rules_of()])
    assert not repaired.repairs[0].edits
    assert repaired.labels[3].tolist() == [0, 1, 0, 2, 0, 1, 0]
    limited = repair_classes(ring_around(0.8), [rules_of(betti_numbers=(1, 0)), rules_of()])
    assert [edit.kind for edit in limited.repairs[0].edits] == ["loop opened"]


@pytest.mark.parametrize("second", [rules_of(min_piece_size=2), rules_of(betti_numbers=(0, None))])
def test_a_hole_is_filled_once_the_piece_in_it_is_removed(second: RepairRules) -> None:
    repaired = repair_classes(ring_around(0.8), [rules_of(min_hole_size=10), second])
    assert repaired.labels[3].tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_masks_have_no_paths() -> None:
    repaired = repair_classes(crossing() > 0.5, rules_of(min_piece_size=3))
    assert not any(repair.edits and repair.edits[0].kind == "joined" for repair in repaired.repairs)
    assert "mask without probabilities" in repaired.repairs[0].remarks[0]


@pytest.mark.parametrize(
    ("maps", "rules", "message"),
    [
        (np.zeros((4, 5)), RULES, "probabilities: got shape (4, 5), expected (classes, H, W) or (classes, H, W, D)"),
        (np.zeros((0, 4, 5)), RULES, "probabilities: got shape (0, 4, 5)"),
        (np.full((2, 4, 5), 0.7), RULES, "probabilities: got a sum of 1.4, expected classes that exclude each other"),
        (np.zeros((2, 4, 5)), [RULES] * 3, "rules: got 3 rules, expected one, or 2"),
        (np.zeros((2, 4, 5)), rules_of(betti_numbers=(1, 0, 0)), "betti_numbers: got 3 numbers, expected 2"),
        (np.full((2, 4, 5), 1.7), RULES, "probability: got values from 1.7 to 1.7"),
    ],
)
def test_wrong_input(maps: np.ndarray, rules: RepairRules | list[RepairRules], message: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(message)):
        repair_classes(maps, rules)


@pytest.mark.parametrize("shape", [(24, 30), (13, 14, 15)])
def test_the_union_of_the_classes_has_at_most_the_given_components(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3 + len(shape))
    for _ in range(20):
        maps = softmax_maps(rng, 3, shape)
        free = repair_classes(maps, rules_of(connect_above=0.05))
        one = repair_classes(maps, rules_of(connect_above=0.05), union_components=1)
        assert betti_numbers(one.labels > 0)[0] == min(1, betti_numbers(free.labels > 0)[0])
        kept = one.labels > 0
        np.testing.assert_array_equal(one.labels[kept], free.labels[kept])


def test_the_union_keeps_its_heaviest_component_across_classes() -> None:
    artery = np.zeros((3, 12), np.float32)
    vein = artery.copy()
    artery[1, 0:3], vein[1, 3:6] = 0.6, 0.6  # together heavier than the third piece
    artery[1, 7:12] = 0.6
    repair = repair_classes([artery, vein], rules_of(connect_above=None), union_components=1)
    assert repair.labels[1].tolist() == [1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0]
    assert [edit.kind for edit in repair.repairs[0].edits] == ["piece removed"]
    with pytest.raises(InputError, match="union_components: got -1, expected at least 0"):
        repair_classes([artery, vein], union_components=-1)


def test_the_union_of_one_class_is_the_class() -> None:
    probability = np.zeros((1, 3, 9), np.float32)
    probability[0, 1, :3], probability[0, 1, 5:] = 0.6, 0.6
    rules = rules_of(connect_above=None)
    assert repair_classes(probability, rules, union_components=1).labels[1].tolist() == [0] * 5 + [1] * 4
    assert repair_classes(probability, rules, union_components=2).labels[1].tolist() == [1] * 3 + [0] * 2 + [1] * 4


def test_a_tie_with_the_background_is_background_despite_the_rounding_of_its_sum() -> None:
    background, first, second = np.array([0.35986748, 0.28026506, 0.35986748], np.float32)
    assert 1 - (float(first) + float(second)) < background  # the rest to 1 is less than what nnU-Net compared
    repair = repair_classes(np.full((2, 3, 4), 0, np.float32) + np.array([first, second]).reshape(2, 1, 1))
    assert not repair.labels_before.any()
