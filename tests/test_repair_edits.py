"""Edits by hand: kind, voxel and size; undoing them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracles.repair_examples import described, distinct_map, hollow_cube, ring, two_pieces, wide_pieces
from oracles.repair_rules import rules_of
from segtopo.errors import InputError
from segtopo.masks import betti_numbers
from segtopo.persistence import Construction
from segtopo.repair import Repair, RepairRules, repair_mask
from segtopo.repair.draft import Draft
from segtopo.repair.regions import find_holes, find_pieces

SPECK = ("piece removed", 0, (2, 2), 0.6, [[2, 2]])
BRIDGE = ("joined", 0, (0, 2), 0.1, [[0, 2], [0, 3]])


@pytest.mark.parametrize(
    ("probability", "rules", "edits"),
    [
        (two_pieces(), rules_of(connect_above=0.1), [BRIDGE]),
        (two_pieces(), rules_of(connect_above=0.1, construction="V"), [BRIDGE]),
        (two_pieces(), rules_of(connect_above=0.11), []),
        (two_pieces(), rules_of(connect_above=0.1, min_piece_size=2), [BRIDGE, SPECK]),
        (two_pieces(), rules_of(connect_above=0.1, min_piece_peak=0.61), [BRIDGE, SPECK]),
        (two_pieces(), rules_of(connect_above=0.1, min_piece_peak=0.6), [BRIDGE]),
        (two_pieces(), rules_of(connect_above=0.1, betti_numbers=(1, None)), [BRIDGE, SPECK]),
        (two_pieces(), rules_of(connect_above=0.6), []),
        (ring(0.2, 0.55), rules_of(min_hole_size=1), []),
        (ring(0.2, 0.55), rules_of(min_hole_size=2), [("hole filled", 1, (2, 2), 0.2, [[2, 2]])]),
        (ring(0.2, 0.55), rules_of(max_hole_floor=0.2), []),
        (ring(0.2, 0.55), rules_of(max_hole_floor=0.19), [("hole filled", 1, (2, 2), 0.2, [[2, 2]])]),
        (ring(0.2, 0.55), rules_of(betti_numbers=(1, 1)), []),
        (ring(0.2, 0.55), rules_of(betti_numbers=(1, 0)), [("loop opened", 1, (1, 2), 0.55, [[1, 2]])]),
        (
            ring(0.2, 0.55),
            rules_of(betti_numbers=(1, 0), construction="V"),
            [("loop opened", 1, (1, 2), 0.55, [[1, 2]])],
        ),
        (ring(0.48, 0.55), rules_of(betti_numbers=(1, 0)), [("hole filled", 1, (2, 2), 0.48, [[2, 2]])]),
        (
            np.pad(ring(0.2, 0.55)[None], ((1, 1), (0, 0), (0, 0)), constant_values=0.1),
            rules_of(betti_numbers=(1, 0, 0)),
            [("loop opened", 1, (1, 1, 2), 0.55, [[1, 1, 2]])],
        ),
        (hollow_cube(0.2), rules_of(min_hole_size=2), [("cavity filled", 2, (2, 2, 2), 0.2, [[2, 2, 2]])]),
        (hollow_cube(0.2), rules_of(max_hole_floor=0.1), [("cavity filled", 2, (2, 2, 2), 0.2, [[2, 2, 2]])]),
        (
            hollow_cube(0.2),
            rules_of(betti_numbers=(None, None, 0)),
            [("cavity filled", 2, (2, 2, 2), 0.2, [[2, 2, 2]])],
        ),
    ],
)
def test_edits_by_hand(probability: np.ndarray, rules: RepairRules, edits: list[Any]) -> None:
    repair = repair_mask(probability, rules)
    assert [described(edit) for edit in repair.edits] == edits
    assert repair.remarks == ()
    changed = np.zeros(probability.shape, bool)
    for *_, voxels in edits:
        changed[tuple(np.transpose(voxels))] = True
    assert np.array_equal(repair.mask, (probability > 0.5) ^ changed)
    for edit in repair.edits:
        undone = repair.without(edit).mask ^ repair.mask
        assert np.argwhere(undone).tolist() == sorted(edit.voxels.tolist())


def test_a_label_for_each_kind_of_edit() -> None:
    bridge_and_speck = repair_mask(two_pieces(), rules_of(connect_above=0.1, min_piece_size=2))
    assert bridge_and_speck.label_map().tolist() == [[0, 0, 1, 1, 0], [0] * 5, [0, 0, 2, 0, 0]]
    filled = repair_mask(ring(0.2, 0.55), rules_of(min_hole_size=2))
    opened = repair_mask(ring(0.2, 0.55), rules_of(betti_numbers=(1, 0)))
    assert np.argwhere(filled.label_map()).tolist() == [[2, 2]]
    assert filled.label_map()[2, 2] == repair_mask(hollow_cube(0), rules_of(min_hole_size=2)).label_map().max() == 3
    assert np.argwhere(opened.label_map()).tolist() == [[1, 2]]
    assert opened.label_map()[1, 2] == 4
    assert opened.label_map().dtype == np.uint8


def test_an_edit_says_what_it_is() -> None:
    (edit,) = repair_mask(two_pieces(), rules_of(connect_above=0.1)).edits
    assert repr(edit) == "Edit('joined' at (0, 2), probability 0.1, size 2)"
    assert (edit.adds, edit.size, edit.size_mm) == (True, 2, 2.0)
    (edit,) = repair_mask(two_pieces(), rules_of(connect_above=None, min_piece_size=2), spacing=(2, 0.75)).edits[1:]
    assert (edit.adds, edit.size, edit.size_mm) == (False, 1, 1.5)


@pytest.mark.parametrize(("limit", "kinds"), [(0.75, []), (0.76, ["piece removed"])])
def test_sizes_of_pieces_are_in_mm(limit: float, kinds: list[str]) -> None:
    probability = np.zeros((4, 5))
    probability[1, 1:4] = 0.9
    repair = repair_mask(probability, rules_of(min_piece_size=limit), spacing=(0.5, 0.5))
    assert [edit.kind for edit in repair.edits] == kinds
    assert [edit.size_mm for edit in repair.edits] == [0.75] * len(kinds)


@pytest.mark.parametrize(("limit", "kinds"), [(1.5, []), (1.6, ["cavity filled"])])
def test_sizes_of_cavities_are_in_mm(limit: float, kinds: list[str]) -> None:
    repair = repair_mask(hollow_cube(0.1), rules_of(min_hole_size=limit), spacing=np.array([3, 1, 0.5]))
    assert [edit.kind for edit in repair.edits] == kinds
    assert [(edit.size, edit.size_mm, edit.spacing) for edit in repair.edits] == [(1, 1.5, (3, 1, 0.5))] * len(kinds)


def fork() -> np.ndarray:
    """A piece at each end of the top row and one below: both joining paths share voxels of the row."""
    return np.array(
        [
            [0.9, 0.4, 0.3, 0.35, 0.8],
            [0.0, 0.0, 0.25, 0.0, 0.0],
            [0.0, 0.0, 0.2, 0.0, 0.0],
            [0.0, 0.0, 0.7, 0.0, 0.0],
        ]
    )


def test_undoing_one_of_two_joins_that_share_voxels_keeps_the_other_whole() -> None:
    repair = repair_mask(fork(), rules_of(connect_above=0.1, construction="V"))
    row, column = repair.edits
    assert described(row) == ("joined", 0, (0, 2), 0.3, [[0, 1], [0, 2], [0, 3]])
    assert described(column) == ("joined", 0, (2, 2), 0.2, [[0, 1], [0, 2], [1, 2], [2, 2]])
    assert betti_numbers(repair.mask, "V") == (1, 0)
    assert repair.without(column).mask.astype(int).tolist() == [[1] * 5, [0] * 5, [0] * 5, [0, 0, 1, 0, 0]]
    assert repair.without(row).mask.astype(int).tolist() == [
        [1, 1, 1, 0, 1],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
    ]
    assert np.array_equal(repair.without(row, column).mask, repair.before)
    assert np.array_equal(repair.without(row).without(column).mask, repair.before)


def test_undoing_nothing_changes_nothing() -> None:
    repair = repair_mask(fork(), rules_of(connect_above=0.1))
    assert np.array_equal(repair.without().mask, repair.mask)
    assert repair.without().edits == repair.edits


def test_an_edit_of_another_repair_cannot_be_undone() -> None:
    rules = rules_of(connect_above=0.1)
    one, other = repair_mask(two_pieces(), rules), repair_mask(two_pieces(), rules)
    with pytest.raises(InputError, match=r"^edit: got Edit\('joined' at .*, expected an edit of this repair$"):
        one.without(other.edits[0])
    undone = one.without(one.edits[0])
    with pytest.raises(InputError, match="expected an edit of this repair"):
        undone.without(one.edits[0])


def test_a_mask_that_a_caller_changes_is_a_copy() -> None:
    repair = repair_mask(two_pieces(), rules_of(connect_above=0.1))
    repair.mask[:] = False
    assert repair.mask.sum() == 6


def test_joins_of_a_piece_that_is_removed_go_with_it() -> None:
    probability = two_pieces()
    repair = repair_mask(probability, rules_of(connect_above=0.1, min_piece_size=6))
    assert [described(edit) for edit in repair.edits] == [
        ("piece removed", 0, (0, 0), 0.9, [[0, 0], [0, 1], [0, 4]]),
        SPECK,
    ]
    assert not repair.mask.any()
    assert np.array_equal(repair.without(*repair.edits).mask, probability > 0.5)


def test_a_wish_that_cannot_be_met_is_a_remark() -> None:
    repair = repair_mask(two_pieces(), rules_of(connect_above=None, betti_numbers=(5, 1)))
    assert repair.edits == ()
    assert repair.remarks == (
        "The result has 3 components, the rules ask for 5.",
        "The result has 0 loops, the rules ask for 1.",
    )


class CheckedDraft(Draft):
    """A draft whose edits must lead to its mask."""

    def repair(self) -> Repair:
        repair = super().repair()
        assert np.array_equal(repair.mask, self.mask)
        assert np.array_equal(repair.without(*repair.edits).mask, self.probability > 0.5)
        return repair


def random_rules(rng: np.random.Generator, ndim: int, construction: Construction) -> RepairRules:
    return RepairRules(
        connect_above=float(rng.choice([0.01, 0.1])),
        min_piece_size=int(rng.integers(0, 40)),
        min_piece_peak=float(rng.choice([0, 0.6])),
        min_hole_size=int(rng.integers(0, 9)),
        max_hole_floor=float(rng.choice([1, 0.4])),
        betti_numbers=None if rng.random() < 0.5 else tuple(rng.integers(0, 3, ndim).tolist()),
        construction=construction,
    )


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("shape", [(40, 50), (14, 16, 15)])
def test_edits_lead_to_a_mask_that_obeys_the_rules(
    shape: tuple[int, ...], construction: Construction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segtopo.repair.mask_repair.Draft", CheckedDraft)
    rng = np.random.default_rng(len(shape))
    kinds = set()
    for seed in range(120):
        rules = random_rules(rng, len(shape), construction)
        probability = distinct_map(seed, len(shape)) if seed % 3 == 0 else wide_pieces(shape, seed)
        repair = repair_mask(probability, rules, spacing=(0.5,) + (1.0,) * (len(shape) - 1))
        kinds |= {edit.kind for edit in repair.edits}
        pieces, holes = find_pieces(repair.mask, construction), find_holes(repair.mask, construction)
        if rules.betti_numbers is None:
            assert np.all(pieces.sizes * 0.5 >= rules.min_piece_size)
            assert np.all(pieces.largest(probability) >= rules.min_piece_peak)
            assert np.all(holes.sizes * 0.5 >= rules.min_hole_size)
            assert np.all(-holes.largest(-probability) <= rules.max_hole_floor)
        else:
            assert len(pieces) <= (rules.betti_numbers[0] or 0)
    assert len(kinds) >= 3
