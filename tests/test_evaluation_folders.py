"""From folders to reports: refusals that leave nothing behind, cases that fail alone, workers, progress."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.evaluation import EvaluationOptions, evaluate
from segtopo.volumes import Volume, write_volume

MASK = np.eye(6, 9, dtype=bool)
REPORTS = ["cases", "cases.csv", "errors.csv", "notes.txt", "report.html", "summary.json"]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "two"):
        write_volume(tmp_path / "p" / f"{name}.nii.gz", MASK)
        write_volume(tmp_path / "r" / f"{name}.mha", MASK)
    return tmp_path / "p", tmp_path / "r"


def refuse(predictions: Path, references: Path, match: str, **options: object) -> None:
    """Expect one line of complaint and no trace of a report."""
    out = predictions.parent / "new" / "out"
    with pytest.raises(InputError, match=match) as caught:
        evaluate(predictions, references, out, **options)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert not list(out.parent.glob(".*"))


def failure(predictions: Path, references: Path, match: str, **options: Any) -> None:
    """Expect that one case fails with one line of complaint, in result and table, and the other is scored."""
    out = predictions.parent / "failure"
    evaluation = evaluate(predictions, references, out, EvaluationOptions(**options))
    assert [scores.case for scores in evaluation.cases] == ["one"]
    (reason,) = evaluation.failures.values()
    assert list(evaluation.failures) == ["two"]
    assert re.search(match, reason)
    assert "\n" not in reason
    with (out / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["failure"]) for row in rows] == [("one", ""), ("two", reason)]
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["failures"] == {"two": reason}
    (predictions / "one.nii.gz").unlink()
    (references / "one.mha").unlink()
    refuse(predictions, references, match, options=EvaluationOptions(**options))


def test_missing_empty_and_mixed_paths(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refuse(folders[0], tmp_path / "empty", "empty: got no image")
    refuse(folders[0], tmp_path / "nowhere", "nowhere: got no such file or folder")
    refuse(folders[0], folders[1] / "one.mha", r"one\.mha: got one image, expected a folder")


def test_differing_shape(folders: tuple[Path, Path]) -> None:
    write_volume(folders[0] / "two.nii.gz", MASK[1:])
    failure(*folders, r"two.nii.gz: got shape \(5, 9\), expected .* of .*two.mha")


def test_differing_spacing(folders: tuple[Path, Path]) -> None:
    write_volume(folders[0] / "two.nii.gz", MASK, Volume(MASK, np.diag([2.0, 1, 1, 1])))
    failure(*folders, "two.nii.gz: got .*, expected .* of .*two.mha")


def test_label_map_where_a_mask_is_expected(folders: tuple[Path, Path]) -> None:
    write_volume(folders[1] / "two.mha", np.arange(54, dtype=np.uint8).reshape(6, 9))
    failure(*folders, "two.mha: got .*expected a binary mask")


def test_truncated_masks(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "two.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    failure(*folders, "two.nii.gz")


def test_nan_masks(folders: tuple[Path, Path]) -> None:
    write_volume(folders[0] / "two.nii.gz", np.where(MASK, np.nan, 0).astype(np.float32))
    failure(*folders, "two.nii.gz: got NaN in 6 of 54 voxels")


def test_2d_beside_3d(folders: tuple[Path, Path]) -> None:
    for folder, extension in zip(folders, (".nii.gz", ".mha"), strict=True):
        write_volume(folder / f"two{extension}", np.ones((3, 4, 5), dtype=bool))
    evaluation = evaluate(*folders, folders[0].parent / "out")
    assert evaluation.failures == {"two": "case two: got 3D, expected 2D as case one"}
    assert [scores.case for scores in evaluation.cases] == ["one"]


def test_out_that_cannot_be_written_is_refused_before_any_scoring(folders: tuple[Path, Path], tmp_path: Path) -> None:
    begun: list[str] = []
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(InputError, match="file"):
            evaluate(*folders, out, progress=lambda name, number, total: begun.append(name))
    assert not begun


def test_reports_of_an_earlier_evaluation_are_replaced_and_the_rest_kept(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    evaluate(*folders, out)
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    before = (out / "cases.csv").read_text(encoding="utf-8")
    write_volume(folders[0] / "one.nii.gz", np.zeros_like(MASK))
    evaluate(*folders, out)
    assert (out / "cases.csv").read_text(encoding="utf-8") != before
    assert sorted(p.name for p in out.iterdir()) == REPORTS
    for name in ("one", "two"):
        write_volume(folders[0] / f"{name}.nii.gz", MASK.T)
    kept = (out / "cases.csv").read_text(encoding="utf-8"), (out / "summary.json").read_text(encoding="utf-8")
    with pytest.raises(InputError):
        evaluate(*folders, out)
    assert kept == ((out / "cases.csv").read_text(encoding="utf-8"), (out / "summary.json").read_text(encoding="utf-8"))
    assert sorted(p.name for p in out.iterdir()) == REPORTS


def test_progress_names_every_case(folders: tuple[Path, Path], tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    evaluate(*folders, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert steps == [("one", 1, 2), ("two", 2, 2)]


def test_workers_find_the_same_and_complain_alike(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_volume(folders[0] / "one.nii.gz", np.zeros_like(MASK))
    for number in range(6):
        for folder in folders:
            write_volume(folder / f"more{number}.png", np.roll(MASK, number))
    found = evaluate(*folders, tmp_path / "a", workers=3)
    assert repr(found) == repr(evaluate(*folders, tmp_path / "b", workers=1))
    assert (tmp_path / "a/cases.csv").read_bytes() == (tmp_path / "b/cases.csv").read_bytes()
    write_volume(folders[0] / "two.nii.gz", MASK.T)
    for workers in (1, 2):
        assert list(evaluate(*folders, tmp_path / f"failed{workers}", workers=workers).failures) == ["two"]
