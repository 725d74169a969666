"""Rules and their files, maps in every form, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from oracles.odd_inputs import FORMS
from oracles.repair_examples import described, two_pieces
from oracles.repair_rules import rules_of
from segtopo.errors import InputError
from segtopo.persistence import Construction
from segtopo.repair import RepairRules, repair_mask


@pytest.mark.parametrize(
    "rules",
    [
        RepairRules(),
        RepairRules(connect_above=None),
        RepairRules(
            threshold=0.3,
            connect_above=0.01,
            min_piece_size=20,
            min_piece_peak=0.6,
            min_hole_size=7.5,
            max_hole_floor=0.25,
            betti_numbers=(1, None),
            construction="V",
        ),
        RepairRules(betti_numbers=(None, 0, 2)),
        RepairRules(min_piece_size=float("inf")),
        RepairRules(threshold=np.float32(0.3), betti_numbers=(np.int64(1), 0)),
    ],
)
def test_rules_come_back_from_their_file(rules: RepairRules, tmp_path: Path) -> None:
    rules.save(tmp_path / "rules.json")
    assert RepairRules.load(tmp_path / "rules.json") == rules
    assert RepairRules.load(str(tmp_path / "rules.json")) == rules


def test_rules_are_read_from_the_file_of_a_calibration(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(
        json.dumps({"rules": {"threshold": 0.25, "betti_numbers": [1, None]}, "cases": 4}), encoding="utf-8"
    )
    assert RepairRules.load(path) == RepairRules(threshold=0.25, betti_numbers=(1, None))
    path.write_text("{}", encoding="utf-8")
    assert RepairRules.load(path) == RepairRules()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "rules.json: got Expecting .*, expected a JSON file of repair rules"),
        ("", "rules.json: got Expecting value: .*, expected a JSON file of repair rules"),
        ("[1]", "rules.json: got list, expected rules among threshold, connect_above, .*, construction"),
        ("null", "rules.json: got NoneType, expected rules among threshold, .*"),
        ('{"rules": 3}', "rules.json: got int, expected rules among threshold, .*"),
        ('{"size": 1, "min": 2}', r"rules.json: got \['min', 'size'\], expected rules among threshold, .*"),
        ('{"threshold": 2}', "rules.json: threshold: got 2, expected a probability from 0 to 1"),
        ('{"threshold": NaN}', "rules.json: threshold: got nan, expected a probability from 0 to 1"),
        ('{"threshold": null}', "rules.json: threshold: got None, expected a probability from 0 to 1"),
        ('{"threshold": "high"}', "rules.json: threshold: got 'high', expected a probability from 0 to 1"),
        ('{"connect_above": -0.1}', "rules.json: connect_above: got -0.1, expected a probability from 0 to 1"),
        ('{"min_hole_size": -1}', r"rules.json: min_hole_size: got -1, expected a size in mm\^2 or mm\^3, at least 0"),
        ('{"betti_numbers": [1]}', r"rules.json: betti_numbers: got \[1\], expected one number .*: 2 or 3"),
        ('{"betti_numbers": 1}', "rules.json: betti_numbers: got 1, expected one number .*: 2 or 3"),
        ('{"betti_numbers": [1, -1]}', "rules.json: betti_numbers: got -1, expected at least 0"),
        ('{"betti_numbers": [1.5, 0]}', "rules.json: betti_numbers: got 1.5, expected an integer of at least 0"),
        ('{"construction": "X"}', r"rules.json: construction: got 'X', expected one of \('T', 'V'\)"),
    ],
)
def test_wrong_rules_are_refused_with_the_name_of_their_file(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"{sentence}$"):
        RepairRules.load(tmp_path / "rules.json")


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.json: got .*No such file.*, expected a JSON file of repair rules$"):
        RepairRules.load(tmp_path / "nowhere.json")
    (tmp_path / "rules.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match=r"rules.json: got .*decode.*, expected a JSON file of repair rules$"):
        RepairRules.load(tmp_path / "rules.json")


@pytest.mark.parametrize("threshold", [0.3, np.float64(0.3), np.float32(0.3), torch.tensor(0.3)])
def test_limits_of_any_type_are_compared_in_the_precision_of_the_map(threshold: Any) -> None:
    """The number 0.3 is smaller in float64 than in float32."""
    probability = np.array([[0.3, 0.1, 0.9]], np.float32)
    repair = repair_mask(probability, rules_of(threshold=threshold, connect_above=threshold))
    assert repair.before.tolist() == [[False, False, True]]
    repair = repair_mask(probability.astype(np.float64), rules_of(threshold=float(np.float32(threshold))))
    assert repair.before.tolist() == [[False, False, True]]


def test_rules_of_a_wrong_type_are_refused() -> None:
    with pytest.raises(TypeError, match="threshold: got 'half', expected a probability from 0 to 1"):
        RepairRules(threshold="half")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="betti_numbers: got 'one', expected an integer of at least 0"):
        RepairRules(betti_numbers=("one", 0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spacing", "error", "sentence"),
    [
        (3, TypeError, "spacing: got 3, expected 2 lengths in mm, one for each axis"),
        ((1,), InputError, "spacing: got 1 values, expected 2, one for each axis"),
        ((1, 1, 1), InputError, "spacing: got 3 values, expected 2, one for each axis"),
        ((1, 0), InputError, "spacing: got 0, expected lengths in mm above 0"),
        ((-1, 1), InputError, "spacing: got -1, expected lengths in mm above 0"),
        ((1, np.nan), InputError, "spacing: got nan, expected lengths in mm above 0"),
        ((1, np.inf), InputError, "spacing: got inf, expected lengths in mm above 0"),
        ((1, "1"), TypeError, "spacing: got '1', expected lengths in mm above 0"),
    ],
)
def test_a_wrong_spacing_is_refused(spacing: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{sentence}$"):
        repair_mask(two_pieces(), spacing=spacing)


OUT_OF_RANGE = "expected probabilities from 0 to 1; apply a sigmoid or softmax to logits, divide 8-bit maps by 255"


@pytest.mark.parametrize(
    ("probability", "error", "sentence"),
    [
        (np.array([[-2.5, 4]]), InputError, f"probability: got values from -2.5 to 4, {OUT_OF_RANGE}"),
        (np.array([[0, 1.01]]), InputError, f"probability: got values from 0 to 1.01, {OUT_OF_RANGE}"),
        (np.array([[0, np.inf]]), InputError, f"probability: got values from 0 to inf, {OUT_OF_RANGE}"),
        (np.array([[0, 255]], np.uint8), InputError, f"probability: got values from 0 to 255, {OUT_OF_RANGE}"),
        (np.array([[0, -1]]), InputError, f"probability: got values from -1 to 0, {OUT_OF_RANGE}"),
        (
            np.array([[0, np.nan], [np.nan, 7]]),
            InputError,
            r"probability: got 2 NaN, the first at \(0, 1\), expected numbers",
        ),
        (np.zeros(4), InputError, r"probability: got 1 dimensions \(shape \(4,\)\), expected 2 or 3"),
        (np.zeros((1, 2, 3, 4)), InputError, r"probability: got 4 dimensions .*, expected 2 or 3"),
        (np.zeros((0, 3)), InputError, r"probability: got the empty shape \(0, 3\), .*"),
        ([[0.5], [0.5, 1]], InputError, "probability: got lists of different lengths, .*"),
        (np.array([[1j]]), TypeError, "probability: got dtype complex128, expected real numbers"),
        ([["a"]], TypeError, "probability: got dtype <U1, expected real numbers"),
    ],
)
def test_what_is_no_probability_map_is_refused(probability: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{sentence}$"):
        repair_mask(probability)


@pytest.mark.parametrize(("ndim", "numbers"), [(2, (1, 0, 0)), (3, (1, 0))])
def test_as_many_betti_numbers_as_dimensions(ndim: int, numbers: tuple[int, ...]) -> None:
    sentence = (
        f"^betti_numbers: got {len(numbers)} numbers, expected {ndim}, one for each dimension of a {ndim}D image$"
    )
    with pytest.raises(InputError, match=sentence):
        repair_mask(np.zeros((3,) * ndim), rules_of(betti_numbers=numbers))


def eighths() -> np.ndarray:
    """A map of multiples of 1/8 with ties and plateaus, of which the rules below need edits of all kinds."""
    return np.round(ndimage.gaussian_filter(np.random.default_rng(13).random((18, 23)), 0.6) * 16 - 2).clip(0, 8) / 8


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("construction", ["T", "V"])
def test_the_same_map_in_every_form(form: str, construction: Construction) -> None:
    rules = RepairRules(
        threshold=0.6,
        connect_above=0.4,
        min_piece_size=5,
        min_piece_peak=0.8,
        min_hole_size=2,
        max_hole_floor=0.6,
        betti_numbers=(2, 1),
        construction=construction,
    )
    expected, repair = repair_mask(eighths(), rules), repair_mask(FORMS[form](eighths()), rules)
    assert {edit.kind for edit in expected.edits} == {"joined", "piece removed", "hole filled", "loop opened"}
    assert [described(edit) for edit in repair.edits] == [described(edit) for edit in expected.edits]
    assert np.array_equal(repair.before, eighths() > 0.6)
    assert np.array_equal(repair.mask, expected.mask)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", np.longdouble])
def test_float64_keeps_its_precision(dtype: Any) -> None:
    probability = np.array([[0.3, 0.1, 0.9]]).astype(dtype)
    assert repair_mask(probability, rules_of(threshold=0.3 - 1e-12)).before.tolist() == [[True, False, True]]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_a_mask_is_repaired_by_sizes_alone(dtype: type) -> None:
    mask = np.zeros((8, 9), dtype)
    mask[1:6, 1:6] = 1
    mask[3, 3] = mask[1, 5] = 0
    mask[1, 7] = 1
    rules = rules_of(connect_above=0, min_piece_size=2, min_hole_size=2)
    repair = repair_mask(mask, rules)
    assert repair.remarks == ("The input is a mask without probabilities: no pieces were joined.",)
    assert [described(edit) for edit in repair.edits] == [
        ("piece removed", 0, (1, 7), 1.0, [[1, 7]]),
        ("hole filled", 1, (3, 3), 0.0, [[3, 3]]),
    ]
    assert "joined" in {edit.kind for edit in repair_mask(mask.astype(np.float32), rules).edits}


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 6), (1, 1, 1), (3, 1, 4)])
@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("value", [0.0, 0.3, 0.5])
def test_a_map_without_a_piece_stays_empty(value: float, construction: Construction, shape: tuple[int, ...]) -> None:
    rules = RepairRules(
        threshold=0.5,
        connect_above=0,
        min_piece_size=2,
        min_piece_peak=0.6,
        min_hole_size=2,
        max_hole_floor=0.2,
        betti_numbers=(0,) * len(shape),
        construction=construction,
    )
    repair = repair_mask(np.full(shape, value), rules)
    assert (repair.mask.any(), repair.edits, repair.remarks) == (False, (), ())


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 6), (1, 1, 1), (3, 1, 4)])
@pytest.mark.parametrize("construction", ["T", "V"])
def test_a_full_map_stays_full_or_is_removed(construction: Construction, shape: tuple[int, ...]) -> None:
    size, full = int(np.prod(shape)), np.ones(shape)
    one_piece = (1,) + (0,) * (len(shape) - 1)
    kept = repair_mask(full, rules_of(min_piece_size=size, betti_numbers=one_piece, construction=construction))
    assert (kept.mask.all(), kept.edits) == (True, ())
    (edit,) = repair_mask(full, rules_of(min_piece_size=size + 1, construction=construction)).edits
    assert (edit.kind, edit.size) == ("piece removed", size)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_thresholds_0_and_1(dtype: type) -> None:
    probability = np.array([[0, 0.5, 1, 0, 1]], dtype)
    lowest = repair_mask(probability, rules_of(threshold=0, connect_above=0))
    assert lowest.before.tolist() == [[False, True, True, False, True]]
    assert [described(edit) for edit in lowest.edits] == [("joined", 0, (0, 3), 0.0, [[0, 3]])]
    assert repair_mask(probability, rules_of(threshold=0, connect_above=0.005)).edits == ()
    highest = repair_mask(probability, rules_of(threshold=1, connect_above=0))
    assert (highest.mask.any(), highest.edits) == (False, ())
