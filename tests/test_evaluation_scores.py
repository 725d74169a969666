"""Scores of a case, statistics over cases, and the reports of an evaluation."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.evaluation import Case, CasePair, CaseScores, EvaluationOptions, Statistic, evaluate, score_case
from segtopo.evaluation.reports.terminal import remarks
from segtopo.volumes import Volume, write_volume

RING = np.pad(np.pad(np.zeros((2, 4), dtype=bool), 1, constant_values=True), 2)


def write(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    write_volume(path, array, Volume(array, np.eye(4) if affine is None else affine))
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three rings; the first predicted whole, the second cut, the third not at all, and in other formats."""
    cut = RING.copy()
    cut[2, 4] = False
    for name, prediction in {"a": RING, "b.1": cut, "c": np.zeros_like(RING)}.items():
        write(tmp_path / "predictions" / f"{name}.png", prediction)
        write(tmp_path / "references" / f"{name}.tif", RING)
    return tmp_path / "predictions", tmp_path / "references"


def scores_of(prediction: Path | None, reference: Path, **options: Any) -> CaseScores:
    (scores,) = score_case(Case(CasePair("x", prediction, reference)), EvaluationOptions(**options)).scores
    return scores


def numbers_of(scores: CaseScores, *names: str) -> tuple[float, ...]:
    return tuple(scores.numbers[name] for name in names)


def test_scores_by_hand(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluation = evaluate(*folders, tmp_path / "out")
    whole, cut, missing = evaluation.cases
    assert [s.case for s in evaluation.cases] == ["a", "b.1", "c"]
    names = "dice", "cldice", "betti_0_error", "betti_1_error", "diu_0", "diu_1"
    assert numbers_of(whole, *names) == (1, 1, 0, 0, 0, 0)
    n, removed = RING.sum(), 1
    assert cut.numbers["dice"] == pytest.approx(2 * (n - removed) / (2 * n - removed))
    assert 0.8 < cut.numbers["cldice"] < 1
    assert numbers_of(cut, *names[2:]) == (0, 1, 0, 1)
    assert numbers_of(missing, *names) == (0, 0, 1, 1, 1, 1)
    assert [numbers_of(s, "betti_matching_0_error", "betti_matching_1_error") for s in evaluation.cases] == [
        (0, 0),
        (0, 1),
        (1, 1),
    ]
    assert numbers_of(cut, "betti_matching_0_precision", "betti_matching_1_recall") == (1, 0)
    assert evaluation.summary["foreground"]["betti_matching_error"].mean == 1
    assert [error.kind for error in missing.errors] == ["missed_component", "missed_loop"]
    errors = evaluation.summary["foreground"]["betti_1_error"]
    assert (errors.count, errors.median) == (3, 1)
    assert (errors.mean, errors.standard_error) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert evaluation.summary["foreground"]["betti_error"].mean == 1


def test_files_hold_what_was_found(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluation = evaluate(*folders, tmp_path / "out")
    with (tmp_path / "out/cases.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, scores in zip(rows, evaluation.cases, strict=True):
        assert (row.pop("case"), row.pop("structure")) == (scores.case, "foreground")
        found = {name: float(value or "nan") for name, value in row.items()}
        assert found == pytest.approx(dict(scores.numbers), nan_ok=True)
    report = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert (report["cases"], report["settings"]["construction"]) == (3, "T")
    mean = report["summary"]["foreground"]["betti_0_error"]["mean"]
    assert mean == evaluation.summary["foreground"]["betti_0_error"].mean == pytest.approx(1 / 3)


def test_single_case_has_no_standard_error(folders: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, references = folders
    evaluation = evaluate(predictions / "a.png", references / "c.tif", tmp_path / "out")
    expected = Statistic(count=1, mean=1, standard_error=None, median=1, interval=None, median_interval=None)
    assert evaluation.summary["foreground"]["dice"] == expected
    report = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert report["summary"]["foreground"]["dice"]["standard_error"] is None


def test_a_structure_that_neither_mask_has_is_left_out_of_the_means(tmp_path: Path) -> None:
    one = np.zeros((6, 9), np.uint8)
    one[1:5, 1:4] = 1
    both = one.copy()
    both[1:5, 5:8] = 2
    for name, label_map in (("a", one), ("b", both), ("c", both)):
        write(tmp_path / "r" / f"{name}.nii.gz", label_map)
        write(tmp_path / "p" / f"{name}.nii.gz", one if name == "c" else label_map)
    evaluation = evaluate(tmp_path / "p", tmp_path / "r", tmp_path / "out", EvaluationOptions(labels=[1, 2]))
    absent, right, missed = [scores for scores in evaluation.cases if scores.structure == "2"]
    assert [scores.present for scores in (absent, right, missed)] == [False, True, True]
    assert math.isnan(absent.numbers["dice"])
    assert numbers_of(right, "dice", "betti_0_error") == (1, 0)
    assert numbers_of(missed, "dice", "betti_0_error") == (0, 1)
    statistic = evaluation.summary["2"]["dice"]
    assert (statistic.count, statistic.mean) == (2, 0.5)
    assert remarks(evaluation) == ["2: scored in 2 of 3 cases; the others have no such structure."]


def test_volumes_have_three_betti_numbers_and_follow_the_construction(tmp_path: Path) -> None:
    shell = np.ones((5, 6, 7), dtype=bool)
    shell[2, 2:4, 3] = False
    corner = np.zeros((5, 6, 7), dtype=bool)
    corner[0, 0, 0] = corner[1, 1, 1] = True
    affine = np.diag([0.5, 0.7, 2.0, 1.0])
    pair = write(tmp_path / "p.nii.gz", corner, affine), write(tmp_path / "r.mha", shell, affine)
    scores, scores_v = scores_of(*pair), scores_of(*pair, construction="V")
    names = [f"betti_{k}_{mask}" for mask in ("reference", "prediction") for k in range(3)]
    assert numbers_of(scores, *names) == (1, 0, 1, 1, 0, 0)
    assert numbers_of(scores_v, *names[3:]) == (2, 0, 0)


def test_each_label_is_a_mask_of_its_own(tmp_path: Path) -> None:
    reference = np.zeros((6, 9), dtype=np.uint8)
    reference[1:5, 1:4], reference[1:5, 5:8] = 1, 3
    prediction = np.where(reference == 3, 0, reference)
    pair = write(tmp_path / "p.nii.gz", prediction), write(tmp_path / "r.nii.gz", reference)
    labels = {"one": 1, "three": 3, "both": (1, 3)}
    evaluation = evaluate(*pair, tmp_path / "out", EvaluationOptions(labels=labels))
    found = [(s.structure, *numbers_of(s, "dice", "betti_0_error")) for s in evaluation.cases]
    assert found == [("one", 1, 0), ("three", 0, 1), ("both", pytest.approx(2 / 3), 1)]
    assert list(evaluation.summary) == ["one", "three", "both"]
    assert evaluation.summary["three"]["betti_0_reference"].mean == 1


def test_labels_of_no_structure_are_said(tmp_path: Path) -> None:
    label_map = np.arange(24, dtype=np.uint8).reshape(4, 6) % 4
    path = write(tmp_path / "r.nii.gz", label_map)
    evaluation = evaluate(path, path, tmp_path / "out", EvaluationOptions(labels=[2]))
    assert remarks(evaluation) == ["r: The files have labels of no structure: 1, 3."]
    assert not remarks(evaluate(path, path, tmp_path / "out", EvaluationOptions(labels={"all": (1, 2, 3)})))


def test_undecided_voxels_and_voxels_outside_the_region_do_not_count(tmp_path: Path) -> None:
    reference = np.zeros((8, 20), np.uint8)
    reference[3:5, 2:10], reference[3:5, 10:18] = 1, 255
    prediction = (reference > 0).astype(np.uint8)
    pair = write(tmp_path / "p.png", prediction), write(tmp_path / "r.png", reference)
    for options in ({}, {"labels": [1]}):
        scores = scores_of(*pair, ignore_label=255, **options)
        assert numbers_of(scores, "dice", "cldice", "betti_error", "diu") == (1, 1, 0, 0)
    assert numbers_of(scores_of(*pair, labels=[1]), "dice") == (pytest.approx(2 * 16 / 48),)
    region = np.zeros_like(reference)
    region[:, :10] = 1
    case = Case(CasePair("x", *pair), roi=write(tmp_path / "roi.png", region))
    (scores,) = score_case(case, EvaluationOptions(labels=[1])).scores
    assert numbers_of(scores, "dice", "betti_error") == (1, 0)


def test_maps_are_scored_at_a_threshold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    reference = rng.random((9, 12)) < 0.4
    probability = rng.random((9, 12)).astype(np.float32)
    path = write(tmp_path / "r.nii.gz", reference)
    for stored, threshold in ((probability, 0.3), ((255 * probability).astype(np.uint8), 90)):
        found = scores_of(write(tmp_path / "p.nii.gz", stored), path, threshold=threshold)
        mask = stored > threshold
        assert found.numbers["dice"] == pytest.approx(2 * (mask & reference).sum() / (mask.sum() + reference.sum()))
    with pytest.raises(InputError, match=r"p\.nii\.gz: got"):
        scores_of(write(tmp_path / "p.nii.gz", probability), path)
    with pytest.raises(InputError, match="threshold: got 2 structures, expected one structure"):
        EvaluationOptions(labels=[1, 2], threshold=0.5)


@pytest.mark.parametrize(("values", "accepted"), [((1, 1), True), ((255, 1), True), ((1, 255), True), ((2, 1), False)])
def test_the_foreground_of_both_masks_is_one_value(values: tuple[int, int], accepted: bool, tmp_path: Path) -> None:
    pair = [write(tmp_path / f"{n}.png", RING * np.uint8(value)) for n, value in enumerate(values)]
    if accepted:
        assert scores_of(*pair).numbers["dice"] == 1
        return
    with pytest.raises(InputError, match=r"0\.png: got the foreground 2, expected 1 as in .*1\.png, or the labels"):
        scores_of(*pair)


def test_a_missing_prediction_counts_as_empty(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[0] / "a.png").unlink()
    evaluation = evaluate(*folders, tmp_path / "out", missing="empty")
    assert numbers_of(evaluation.cases[0], "dice", "betti_0_error", "betti_1_error") == (0, 1, 1)
    assert remarks(evaluation) == ["no prediction: a", "a: There is no prediction; it counts as empty."]


def test_small_errors_are_not_listed_and_counted_all_the_same(tmp_path: Path) -> None:
    reference = np.zeros((9, 20), bool)
    reference[2:5, 1:19] = True
    prediction = reference.copy()
    prediction[2:5, 6:10] = False  # 12 pixels
    prediction[8, 3] = True
    pair = write(tmp_path / "p.png", prediction), write(tmp_path / "r.png", reference)
    everything, large = scores_of(*pair), scores_of(*pair, min_error_size=5)
    assert [error.kind for error in everything.errors] == ["missed_connection", "spurious_component"]
    assert [error.kind for error in large.errors] == ["missed_connection"]
    assert dict(everything.numbers) == pytest.approx(dict(large.numbers), nan_ok=True)


@pytest.mark.parametrize("labels", [[], [0, 1], [2, 2]])
def test_refuses_labels_that_name_no_structures(labels: list[int]) -> None:
    with pytest.raises(InputError, match=r"^labels: got"):
        EvaluationOptions(labels=labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": ("dice",)}, "^scores: got 'dice', expected some of overlap, "),
        ({"scores": ()}, "^scores: got no group"),
        ({"min_error_size": 0}, "^min_error_size: got 0"),
        ({"construction": "X"}, "^construction: got 'X'"),
    ],
)
def test_refuses_options_out_of_their_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluationOptions(**options)


def test_refuses_a_label_that_is_nowhere(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels: got 7, expected a structure in at least one of the 3 pairs"):
        evaluate(*folders, tmp_path / "out", EvaluationOptions(labels=[255, 7]))
    assert not (tmp_path / "out/cases.csv").exists()


def test_statistics_equal_their_formulas() -> None:
    values = [0.1, 0.4, 0.4, 0.9, 0.2]
    mean = sum(values) / 5
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / 4 / 5)
    found = Statistic.of([*values[:2], math.nan, *values[2:]])
    assert (found.mean, found.standard_error) == (pytest.approx(mean), pytest.approx(error))
    assert (found.count, found.median) == (5, 0.4)
    means = np.random.default_rng(1).choice(values, (20000, 5)).mean(axis=1)
    assert found.interval == pytest.approx(
        tuple(np.percentile(means, [2.5, 97.5])), abs=0.06
    )  # BCa corrects the percentiles
    assert Statistic.of([math.nan]) == Statistic(0, None, None, None, None, None)
    assert Statistic.of([0.5, 0.5]).interval == (0.5, 0.5)


def test_errors_are_listed_with_voxel_and_millimetres(tmp_path: Path) -> None:
    reference = np.zeros((9, 6, 5), dtype=bool)
    reference[:, 3, 2] = True
    prediction = reference.copy()
    prediction[4, 3, 2] = False
    affine = np.array([[0, 2, 0, 10], [-0.5, 0, 0, 20], [0, 0, 3, -5], [0, 0, 0, 1.0]])
    write(tmp_path / "prediction.nii.gz", prediction, affine)
    write(tmp_path / "reference.nii.gz", reference, affine)
    evaluate(tmp_path / "prediction.nii.gz", tmp_path / "reference.nii.gz", tmp_path / "out")
    with (tmp_path / "out/errors.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["case"], row["kind"], row["dimension"]) == ("prediction", "missed_connection", "0")
    assert [int(row[axis]) for axis in "ijk"] == [4, 3, 2]
    assert [float(row[f"{axis}_mm"]) for axis in "xyz"] == [16, 18, 1]
    assert (row["region_size"], row["region_mm3"], row["gap_mm"]) == ("1", "3", "1.0")


def test_errors_of_images_have_two_indices(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate(*folders, tmp_path / "out")
    with (tmp_path / "out/errors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["missed_loop", "missed_component", "missed_loop"]
    assert (rows[0]["i"], rows[0]["j"], rows[0]["z_mm"]) == ("2", "4", "0.0")
    assert "k" not in rows[0]
