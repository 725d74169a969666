"""Scores of a case, statistics over cases, and the reports of an evaluation."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.evaluation import CasePair, Statistic, evaluate, score_case
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


def test_scores_by_hand(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluation = evaluate(*folders, tmp_path / "out")
    whole, cut, missing = evaluation.cases
    assert [s.case for s in evaluation.cases] == ["a", "b.1", "c"]
    assert (whole.dice, whole.cldice, whole.betti_errors) == (1, 1, (0, 0))
    assert whole.betti_prediction == whole.betti_reference == (1, 1)
    n, removed = RING.sum(), 1
    assert cut.dice == pytest.approx(2 * (n - removed) / (2 * n - removed))
    assert 0.8 < cut.cldice < 1
    assert (cut.betti_prediction, cut.betti_errors) == ((1, 0), (0, 1))
    assert (missing.dice, missing.cldice, missing.betti_errors) == (0, 0, (1, 1))
    assert (whole.diu, cut.diu, missing.diu) == ((0, 0), (0, 1), (1, 1))
    assert [s.betti_matching.error for s in evaluation.cases] == [(0, 0), (0, 1), (1, 1)]
    assert (cut.betti_matching.precision, cut.betti_matching.recall) == ((1, 0), (1, 0))
    assert evaluation.summary["foreground"]["betti_matching_error"].mean == 1
    assert [placed.error.kind for placed in missing.errors] == ["missed_component", "missed_loop"]
    errors = evaluation.summary["foreground"]["betti_1_error"]
    assert errors == Statistic(mean=pytest.approx(2 / 3), standard_error=pytest.approx(1 / 3), median=1)
    assert evaluation.summary["foreground"]["betti_error"].mean == 1


def test_files_hold_what_was_found(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluation = evaluate(*folders, tmp_path / "out")
    with (tmp_path / "out/cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, scores in zip(rows, evaluation.cases, strict=True):
        assert (row.pop("case"), row.pop("label")) == (scores.case, "foreground")
        assert {name: float(value) for name, value in row.items()} == scores.numbers()
    report = json.loads((tmp_path / "out/summary.json").read_text())
    assert (report["cases"], report["construction"]) == (3, "T")
    mean = report["summary"]["foreground"]["betti_0_error"]["mean"]
    assert mean == evaluation.summary["foreground"]["betti_0_error"].mean == pytest.approx(1 / 3)


def test_single_case_has_no_standard_error(folders: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, references = folders
    evaluation = evaluate(predictions / "a.png", references / "c.tif", tmp_path / "out")
    assert evaluation.summary["foreground"]["dice"] == Statistic(mean=1, standard_error=None, median=1)
    report = json.loads((tmp_path / "out/summary.json").read_text())
    assert report["summary"]["foreground"]["dice"]["standard_error"] is None


def test_empty_against_empty_agrees(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty.png", np.zeros((5, 7), dtype=bool))
    (scores,) = score_case(CasePair("empty", empty, empty))
    assert (scores.dice, scores.cldice, scores.betti_errors) == (1, 1, (0, 0))


def test_volumes_have_three_betti_numbers_and_follow_the_construction(tmp_path: Path) -> None:
    shell = np.ones((5, 6, 7), dtype=bool)
    shell[2, 2:4, 3] = False
    corner = np.zeros((5, 6, 7), dtype=bool)
    corner[0, 0, 0] = corner[1, 1, 1] = True
    affine = np.diag([0.5, 0.7, 2.0, 1.0])
    case = CasePair("x", write(tmp_path / "p.nii.gz", corner, affine), write(tmp_path / "r.mha", shell, affine))
    (scores,), (scores_v,) = score_case(case), score_case(case, construction="V")
    assert scores.betti_reference == (1, 0, 1)
    assert scores.betti_prediction == (1, 0, 0)
    assert scores_v.betti_prediction == (2, 0, 0)


def test_each_label_is_a_mask_of_its_own(tmp_path: Path) -> None:
    reference = np.zeros((6, 9), dtype=np.uint8)
    reference[1:5, 1:4], reference[1:5, 5:8] = 1, 3
    prediction = np.where(reference == 3, 0, reference)
    pair = write(tmp_path / "p.nii.gz", prediction), write(tmp_path / "r.nii.gz", reference)
    evaluation = evaluate(*pair, tmp_path / "out", labels=[1, 3])
    assert [(s.label, s.dice, s.betti_errors) for s in evaluation.cases] == [("1", 1, (0, 0)), ("3", 0, (1, 0))]
    assert list(evaluation.summary) == ["1", "3"]
    assert evaluation.summary["3"]["betti_0_reference"].mean == 1


@pytest.mark.parametrize("labels", [[], [0, 1], [2, 2]])
def test_refuses_labels_that_name_no_structures(labels: list[int], folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="distinct values"):
        evaluate(*folders, tmp_path / "out", labels=labels)


def test_refuses_a_label_that_is_nowhere(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels: got 7, expected a value in at least one of the 3 pairs"):
        evaluate(*folders, tmp_path / "out", labels=[255, 7])
    assert not (tmp_path / "out").exists()


def test_statistics_equal_their_formulas() -> None:
    values = [0.1, 0.4, 0.4, 0.9, 0.2]
    mean = sum(values) / 5
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / 4 / 5)
    found = Statistic.of(values)
    assert (found.mean, found.standard_error) == (pytest.approx(mean), pytest.approx(error))
    assert found.median == 0.4


def test_errors_are_listed_with_voxel_and_millimetres(tmp_path: Path) -> None:
    reference = np.zeros((9, 6, 5), dtype=bool)
    reference[:, 3, 2] = True
    prediction = reference.copy()
    prediction[4, 3, 2] = False
    affine = np.array([[0, 2, 0, 10], [-0.5, 0, 0, 20], [0, 0, 3, -5], [0, 0, 0, 1.0]])
    write(tmp_path / "prediction.nii.gz", prediction, affine)
    write(tmp_path / "reference.nii.gz", reference, affine)
    evaluate(tmp_path / "prediction.nii.gz", tmp_path / "reference.nii.gz", tmp_path / "out")
    with (tmp_path / "out/errors.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["case"], row["kind"], row["dimension"]) == ("prediction", "missed_connection", "0")
    assert [int(row[axis]) for axis in "ijk"] == [4, 3, 2]
    assert [float(row[f"{axis}_mm"]) for axis in "xyz"] == [16, 18, 1]
    assert row["region_size"] == "1"


def test_errors_of_images_have_two_indices(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate(*folders, tmp_path / "out")
    with (tmp_path / "out/errors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["missed_loop", "missed_component", "missed_loop"]
    assert (rows[0]["i"], rows[0]["j"], rows[0]["z_mm"]) == ("2", "4", "0.0")
    assert "k" not in rows[0]
