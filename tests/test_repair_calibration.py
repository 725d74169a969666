"""The calibration of repair rules: its figures against single repairs, its choice against a naive one, its errors."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from oracles.repair_examples import wide_pieces
from oracles.repair_rules import rules_of
from segtopo.errors import InputError
from segtopo.masks import betti_numbers
from segtopo.masks.skeletons import skeleton
from segtopo.metrics import compute_betti_matching_error, compute_diu
from segtopo.repair import Calibration, Figures, RepairRules, RuleGrid, calibrate_repair, repair_mask

GRID = RuleGrid(
    thresholds=(0.4, 0.5), connect_above=(None, 0.2, 0.02), min_piece_sizes=(0, 6, 30), min_hole_sizes=(0, 8)
)
SHAPES = {2: (34, 41), 3: (13, 16, 19)}


def case(ndim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A map of broken vessels, and the mask of a lower threshold as its reference."""
    probability = wide_pieces(SHAPES[ndim], seed)
    return probability, probability > 0.3


def figures_of(mask: np.ndarray, reference: np.ndarray, construction: Any = "T") -> Figures:
    """The figures by their definitions."""
    centreline = skeleton(reference)
    prediction, target = (torch.from_numpy(m)[None, None] for m in (mask, reference))
    options: dict[str, Any] = {"construction": construction, "reduce_dimensions": False}
    errors = compute_betti_matching_error(prediction, target, **options)[0, 0]
    diu = compute_diu(prediction, target, construction=construction)
    numbers = zip(betti_numbers(mask, construction), betti_numbers(reference, construction), strict=True)
    return Figures(
        2 * float((mask & reference).sum()) / float(mask.sum() + reference.sum()),
        float(mask[centreline].mean()),
        tuple(float(abs(a - b)) for a, b in numbers),
        tuple(errors.tolist()),
        float(diu.sum()),
    )


def assert_equal(found: Figures, expected: Figures) -> None:
    for name in ("dice", "tree_length", "betti_errors", "betti_matching_errors", "diu"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-6), name


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_the_figures_of_every_rule_are_those_of_its_repair(ndim: int, construction: Any) -> None:
    spacing = (0.5, 0.8, 1.5)[:ndim]
    given = RepairRules(construction=construction, betti_numbers=(3, None, 0)[:ndim], min_piece_peak=0.6)
    cases = [case(ndim, seed) for seed in (1, 2)]
    probabilities, references = zip(*cases, strict=True)
    found = calibrate_repair(probabilities, references, spacings=[spacing] * 2, rules=given, grid=GRID)
    assert len(found.grid) == len(set(found.grid)) == 2 * (1 + 2 * 2) * 3 * 2
    assert all(replace(rules, **vary(given)) == given for rules in found.grid)
    for (probability, reference), figures in zip(cases, found.cases, strict=True):
        for rules, of_rules in zip(found.grid, figures, strict=True):
            mask = repair_mask(probability, rules, spacing=spacing).mask
            assert_equal(of_rules, figures_of(mask, reference, construction))
    assert_equal(found.as_predicted, Figures.mean([figures_of(p > given.threshold, r, construction) for p, r in cases]))
    assert found.means == [Figures.mean(column) for column in zip(*found.cases, strict=True)]
    assert found.repaired == found.means[found.grid.index(found.rules)]


def vary(given: RepairRules) -> dict[str, Any]:
    """The values of some rules that the grid varies."""
    names = ("threshold", "connect_above", "max_path_cost", "min_piece_size", "min_hole_size")
    return {name: getattr(given, name) for name in names}


def test_of_rules_that_lead_to_one_mask_one_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = np.zeros((12, 20), bool)
    reference[2:4, 1:19] = True
    probability = np.where(reference, 0.9, 0.0)
    probability[9, 3:6] = 0.6  # three masks: with this speck, without it, and empty
    scored: list[int] = []
    compute = Figures.of

    def count(mask: np.ndarray, *others: Any, **options: Any) -> Figures:
        scored.append(int(mask.sum()))
        return compute(mask, *others, **options)

    monkeypatch.setattr(Figures, "of", count)
    found = calibrate_repair([probability], [reference])
    assert len(found.grid) == 19 * 7 * 3
    assert sorted(scored) == [0, 36, 39, 39]  # the mask as predicted is scored before


def test_thresholds_with_one_mask_keep_the_component_of_their_own_weight() -> None:
    probability = np.zeros((7, 16))
    probability[1, 2:12] = 0.6  # weight 1 above 0.5, and 2 above 0.4
    probability[4, 2:5] = 0.9  # weight 1.2 above 0.5, and 1.5 above 0.4
    grid = RuleGrid(thresholds=(0.4, 0.5), connect_above=(None,), min_piece_sizes=(0,), min_hole_sizes=(0,))
    found = calibrate_repair([probability], [probability > 0.8], rules=RepairRules(betti_numbers=(1, None)), grid=grid)
    assert [figures.dice for figures in found.means] == [0.0, 1.0]


def test_the_result_does_not_depend_on_threads_or_on_the_type_of_the_arrays() -> None:
    probability, reference = case(2, 3)
    one = calibrate_repair([probability], [reference], grid=GRID, num_threads=1)
    tensors = calibrate_repair(
        [torch.from_numpy(probability)], [torch.from_numpy(reference).int()], grid=GRID, num_threads=3
    )
    assert one == tensors


def calibration_of(*cases: list[tuple[float, float]], tolerance: float = 0.002) -> Calibration:
    """A calibration of hand-made figures: for each case the Dice coefficient and the error of every rule."""
    grid = tuple(rules_of(connect_above=None if i < 2 else 0.1, min_piece_size=float(i)) for i in range(len(cases[0])))
    figures = [tuple(Figures(d, 0.5, (0.0, 0.0), (e, 0.0), e) for d, e in of_case) for of_case in cases]
    zero = Figures(0, 0, (0.0, 0.0), (0.0, 0.0), 0)
    return Calibration(grid[0], grid, tuple(figures), zero, tolerance)


def naive_choice(of_cases: list[list[tuple[float, float]]], rules: list[int], tolerance: float) -> int:
    means = {i: np.mean([of_case[i] for of_case in of_cases], axis=0) for i in rules}
    best = max(m[0] for m in means.values())
    allowed = [i for i in rules if means[i][0] >= best - tolerance]
    return min(allowed, key=lambda i: (means[i][1], -means[i][0]))


CASES = [
    [(0.80, 9.0), (0.79, 4.0), (0.78, 3.0), (0.60, 0.0)],
    [(0.90, 8.0), (0.89, 1.0), (0.88, 6.0), (0.60, 0.0)],
    [(0.70, 7.0), (0.69, 9.0), (0.68, 1.0), (0.60, 0.0)],
]


@pytest.mark.parametrize("tolerance", [0.0, 0.011, 0.021, 0.5])
def test_what_is_left_out_is_scored_by_the_choice_of_the_others(tolerance: float) -> None:
    found = calibration_of(*CASES, tolerance=tolerance).leave_one_out
    expected = []
    for number, left_out in enumerate(CASES):
        others = CASES[:number] + CASES[number + 1 :]
        expected.append(left_out[naive_choice(others, [0, 1, 2, 3], tolerance)])
    assert found is not None
    assert (found.dice, found.betti_matching_error) == pytest.approx(tuple(np.mean(expected, axis=0)))
    assert calibration_of(CASES[0]).leave_one_out is None


@pytest.mark.parametrize(("tolerance", "number"), [(0.0, 0), (0.011, 1), (0.5, 1)])
def test_removal_only_is_the_best_of_the_rules_without_joins(tolerance: float, number: int) -> None:
    found = calibration_of(*CASES, tolerance=tolerance)
    assert found.removal_only == (found.grid[number], found.means[number])
    assert naive_choice(CASES, [0, 1], tolerance) == number
    only_joins = replace(found, grid=tuple(replace(rules, connect_above=0.1) for rules in found.grid))
    assert only_joins.removal_only is None


def test_of_equal_errors_the_longer_tree_is_chosen() -> None:
    reference = np.zeros((20, 30), bool)
    reference[3:5, 2:28] = True
    reference[14:17, 4:8] = True
    probability = np.where(reference, 0.9, 0.0)
    probability[14:17, 4:8] = [0.0, 0.9, 0.0, 0.9]  # two pieces of three pixels instead of one of twelve
    probability[10, 2:28:3] = 0.6  # nine specks
    grid = RuleGrid(connect_above=(None,), min_piece_sizes=(0, 2, 4), min_hole_sizes=(0,))
    found = calibrate_repair([probability], [reference], grid=grid, tolerance=0.1)
    # Nine specks and one surplus piece; one surplus piece; one missing piece.
    assert [figures.betti_matching_error for figures in found.means] == [10.0, 1.0, 1.0]
    dice = [2 * 58 / (64 + 67), 2 * 58 / (64 + 58), 2 * 52 / (64 + 52)]
    assert [figures.dice for figures in found.means] == pytest.approx(dice)
    assert found.rules.min_piece_size == 2


def test_diu_refuses_a_join_beside_the_vessel_that_the_betti_matching_error_asks_for() -> None:
    reference = np.zeros((16, 40), bool)
    reference[4:8, 2:38] = True
    probability = np.where(reference, 0.9, 0.0)
    probability[4:8, 18:22] = 0.0  # a gap of which the map shows nothing
    probability[8:13, [15, 24]] = probability[12, 15:25] = 0.1  # and a faint way around it
    grid = RuleGrid(connect_above=(None, 0.05), max_path_costs=(None,), min_piece_sizes=(0,), min_hole_sizes=(0,))
    errors = {"betti_matching_error": [1.0, 0.0], "diu": [1.0, 2.0]}  # the way around adds a loop to the union
    for criterion, number in (("betti_matching_error", 1), ("diu", 0)):
        found = calibrate_repair([probability], [reference], grid=grid, criterion=criterion, tolerance=1.0)
        assert [getattr(figures, criterion) for figures in found.means] == errors[criterion]
        assert found.rules == found.grid[number]


def test_a_larger_tolerance_trades_dice_for_topology() -> None:
    # A piece of the reference's only vessel is a surplus component; without it, Dice is lower.
    reference = np.zeros((16, 40), bool)
    reference[4:8, 2:38] = True
    probability = np.where(reference, 0.9, 0.0)
    probability[4:8, 20:22] = 0.0  # a gap of which the map shows nothing
    probability[4:8, 24:38] = 0.0
    probability[4:8, 22:24] = 0.9  # a piece of 8 pixels behind the gap
    grid = RuleGrid(connect_above=(None,), min_piece_sizes=(0, 9), min_hole_sizes=(0,))
    strict, loose = (calibrate_repair([probability], [reference], grid=grid, tolerance=t) for t in (0.002, 0.1))
    assert [figures.betti_matching_error for figures in strict.means] == [1.0, 0.0]
    assert [figures.dice for figures in strict.means] == pytest.approx([2 * 80 / (144 + 80), 2 * 72 / (144 + 72)])
    assert (strict.rules.min_piece_size, loose.rules.min_piece_size) == (0, 9)
    assert strict.summary == "Betti matching error 1.0 to 1.0, Dice 0.714 to 0.714"
    assert loose.summary == "Betti matching error 1.0 to 0.0, Dice 0.714 to 0.667"


def test_of_equal_rules_the_one_with_the_fewest_joins_is_chosen() -> None:
    reference = np.zeros((6, 20), bool)
    reference[2:4, 1:19] = True
    found = calibrate_repair([reference * 0.9], [reference])
    assert found.rules.connect_above is None
    assert found.repaired.betti_matching_error == 0


def test_sizes_are_in_mm() -> None:
    probability, reference = case(2, 5)
    grid = RuleGrid(connect_above=(None, 0.1), min_piece_sizes=(0, 3, 8), min_hole_sizes=(0, 2))
    half = replace(grid, min_piece_sizes=(0, 0.75, 2), min_hole_sizes=(0, 0.5))
    voxels = calibrate_repair([probability], [reference], grid=grid)
    mm = calibrate_repair([probability], [reference], spacings=[(0.5, 0.5)], grid=half)
    assert voxels.cases == mm.cases
    assert voxels.rules.min_piece_size == 4 * (mm.rules.min_piece_size or 0)
    default = calibrate_repair([probability], [reference], spacings=[(0.5, 0.5)], grid=RuleGrid(connect_above=(None,)))
    assert {rules.min_piece_size for rules in default.grid} == {n / 4 for n in (0, 20, 50, 100, 200, 400, 800)}
    assert {rules.min_hole_size for rules in default.grid} == {n / 4 for n in (0, 20, 50)}


def test_generators_are_read_case_by_case() -> None:
    cases = [case(2, seed) for seed in (1, 2, 3)]
    read: list[str] = []

    def maps() -> Any:
        for number, (probability, _) in enumerate(cases, start=1):
            read.append(f"map {number}")
            yield probability

    lazy = calibrate_repair(
        maps(),
        (reference for _, reference in cases),
        spacings=(None for _ in cases),
        grid=GRID,
        progress=lambda name, number, total: read.append(f"{name} ({number} of {total})"),
    )
    assert read == [f"{text}" for n in (1, 2, 3) for text in (f"map {n}", f"case {n} ({n} of 0)")]
    totals: list[int] = []
    eager = calibrate_repair(
        *(list(column) for column in zip(*cases, strict=True)),
        grid=GRID,
        progress=lambda name, number, total: totals.append(total),
    )
    assert lazy == eager
    assert totals == [3, 3, 3]


def test_a_mask_has_no_joins() -> None:
    mask = np.array([[1, 1, 0, 1, 1]])
    grid = RuleGrid(connect_above=(None, 0.0), min_piece_sizes=(0,), min_hole_sizes=(0,))
    found = calibrate_repair([mask], [np.ones((1, 5), bool)], grid=grid)
    assert found.means[0] == found.means[1]


def test_the_file_holds_all_figures_and_rules_that_repair_reads(tmp_path: Path) -> None:
    cases = [case(2, seed) for seed in (1, 2)]
    found = calibrate_repair(*zip(*cases, strict=True), grid=GRID, rules=RepairRules(betti_numbers=(4, None)))
    found.save(tmp_path / "rules.json")
    assert RepairRules.load(tmp_path / "rules.json") == found.rules
    content = json.loads((tmp_path / "rules.json").read_text(encoding="utf-8"))
    assert set(content) == {"rules", "figures", "cases", "tolerance", "criterion", "grid"}
    assert (content["cases"], content["tolerance"], len(content["grid"])) == (2, 0.002, 60)
    assert content["criterion"] == "betti_matching_error"
    rows = content["figures"]
    assert list(rows) == ["as predicted", "small pieces removed", "repaired", "repaired, leave one out"]
    assert found.removal_only is not None
    assert found.leave_one_out is not None
    figures = (found.as_predicted, found.removal_only[1], found.repaired, found.leave_one_out)
    for row, of_row in zip(rows.values(), figures, strict=True):
        assert row["dice"] == of_row.dice
        assert row["betti_matching_errors"] == list(of_row.betti_matching_errors)
    chosen = content["grid"][found.grid.index(found.rules)]
    assert chosen == json.loads(json.dumps(content["rules"] | rows["repaired"]))

    single = calibrate_repair(*([column] for column in cases[0]), grid=replace(GRID, connect_above=(0.1,)))
    single.save(tmp_path / "single.json")
    rows = json.loads((tmp_path / "single.json").read_text(encoding="utf-8"))["figures"]
    assert rows["small pieces removed"] is rows["repaired, leave one out"] is None


MAP, MASK = np.full((4, 5), 0.7), np.ones((4, 5), bool)
ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "no case": ({"probabilities": [], "references": []}, "probabilities: got no case, expected at least one"),
    "fewer references": ({"references": []}, "references or spacings: got more or fewer than maps, expected one for"),
    "more references": ({"references": [MASK, MASK]}, "references or spacings: got more or fewer than maps"),
    "fewer spacings": ({"spacings": []}, "references or spacings: got more or fewer than maps"),
    "shapes": ({"references": [MASK[:3]]}, r"reference: got shape \(3, 5\), expected the shape \(4, 5\)"),
    "logits": ({"probabilities": [MAP * 4]}, "probability: got values from 2.8 to 2.8, expected probabilities"),
    "NaN": ({"probabilities": [MAP * np.nan]}, "probability: .*NaN"),
    "a reference of labels": ({"references": [MASK * 3]}, "reference"),
    "dimensions": (
        {"probabilities": [MAP, np.full((4, 5, 2), 0.7)], "references": [MASK, np.ones((4, 5, 2), bool)]},
        "case 2: got a 3D map, expected 2D maps, like the first case",
    ),
    "spacing": ({"spacings": [(1.0,)]}, "spacing: got 1 values, expected 2"),
    "betti numbers": ({"rules": RepairRules(betti_numbers=(1, 0, 0))}, "betti_numbers: got 3 numbers, expected 2"),
    "no threshold": ({"grid": RuleGrid(thresholds=())}, "grid: got a rule without values"),
    "no size": ({"grid": RuleGrid(min_piece_sizes=())}, "grid: got a rule without values"),
    "threshold": ({"grid": RuleGrid(thresholds=(1.5,))}, "threshold: got 1.5, expected a probability"),
    "tolerance": ({"tolerance": math.nan}, "tolerance: got nan"),
    "criterion": ({"criterion": "dice"}, "criterion: got 'dice', expected one of"),
    "negative tolerance": ({"tolerance": -0.1}, "tolerance: got -0.1"),
    "threads": ({"num_threads": 0}, "num_threads"),
}


@pytest.mark.parametrize(("arguments", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_wrong_input_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        calibrate_repair(**{"probabilities": [MAP], "references": [MASK], **arguments})


def test_rules_of_validation_images_are_right_on_test_images() -> None:
    folder = Path(__file__).parents[2] / "shared" / "data" / "chase_db1"
    if not (folder / "maps").is_dir():
        pytest.skip(f"no real data in {folder}")

    def read(part: str, labels: str) -> list[tuple[np.ndarray, np.ndarray]]:
        with np.load(folder / "maps" / f"chase_{part}.npz") as maps:
            return [
                (
                    maps[name].astype(np.float32) / 4095,
                    np.asarray(Image.open(folder / labels / "labels" / f"{name}.png")) > 0,
                )
                for name in maps.files
            ]

    grid = RuleGrid(connect_above=(None, 0.01, 0.005), min_piece_sizes=(100, 400), min_hole_sizes=(20, 50))
    calibration = calibrate_repair(*zip(*read("val", "train"), strict=True), grid=grid)
    unseen = read("test", "test")
    before = Figures.mean([figures_of(p > 0.5, r) for p, r in unseen])
    after = Figures.mean([figures_of(repair_mask(p, calibration.rules).mask, r) for p, r in unseen])
    assert before.betti_matching_error > 100
    assert after.betti_matching_error <= 12.6
    assert after.dice >= before.dice - 0.002
