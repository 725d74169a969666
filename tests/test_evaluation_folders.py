"""From folders to reports: pairing, refusals that leave nothing behind, workers, progress."""

from pathlib import Path

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.evaluation import evaluate, pair_cases
from segtopo.volumes import Volume, write_volume

MASK = np.eye(6, 9, dtype=bool)


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


def test_pairs_by_name_whatever_the_format(folders: tuple[Path, Path]) -> None:
    (folders[0] / "notes.txt").write_text("no image")
    cases = pair_cases(*folders)
    assert [(c.name, c.prediction.name, c.reference.name) for c in cases] == [
        ("one", "one.nii.gz", "one.mha"),
        ("two", "two.nii.gz", "two.mha"),
    ]


def test_missing_and_extra_cases_are_named(folders: tuple[Path, Path]) -> None:
    (folders[0] / "two.nii.gz").unlink()
    refuse(*folders, r"no prediction for two")
    refuse(*reversed(folders), r"no reference for two")


def test_many_missing_cases_are_cut_short(folders: tuple[Path, Path]) -> None:
    for number in range(7):
        write_volume(folders[1] / f"x{number}.png", MASK)
    refuse(*folders, "no prediction for x0, x1, x2, x3, x4 and 2 more")


def test_two_images_of_one_name(folders: tuple[Path, Path]) -> None:
    write_volume(folders[0] / "one.png", MASK)
    refuse(*folders, "got one.nii.gz and one.png, expected one image of each name")


def test_missing_empty_and_mixed_paths(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refuse(folders[0], tmp_path / "empty", "empty: got no image")
    refuse(folders[0], tmp_path / "nowhere", "nowhere: got no such file or folder")
    refuse(folders[0], folders[1] / "one.mha", r"one\.mha: got a file, expected a folder")


def test_differing_shape_and_affine(folders: tuple[Path, Path]) -> None:
    write_volume(folders[0] / "two.nii.gz", MASK.T)
    refuse(*folders, r"two.nii.gz: got shape \(9, 6\), expected the shape \(6, 9\) of .*two.mha")
    write_volume(folders[0] / "two.nii.gz", MASK, Volume(MASK, np.diag([2.0, 1, 1, 1])))
    refuse(*folders, "two.nii.gz: got spacing .*, expected the spacing .* of .*two.mha")


def test_label_map_where_a_mask_is_expected(folders: tuple[Path, Path]) -> None:
    write_volume(folders[1] / "two.mha", np.arange(54, dtype=np.uint8).reshape(6, 9))
    refuse(*folders, "two.mha: got .*expected a binary mask")


def test_truncated_and_nan_masks(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "two.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    refuse(*folders, "two.nii.gz")
    write_volume(path, np.where(MASK, np.nan, 0).astype(np.float32))
    refuse(*folders, "two.nii.gz: got NaN in 6 of 54 voxels")


def test_2d_beside_3d(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        write_volume(folder / "volume.nii", np.ones((3, 4, 5), dtype=bool))
    refuse(*folders, "case volume: got 3D, expected 2D as case one")


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
    (out / "notes.txt").write_text("mine")
    before = (out / "cases.csv").read_text()
    write_volume(folders[0] / "one.nii.gz", np.zeros_like(MASK))
    evaluate(*folders, out)
    assert (out / "cases.csv").read_text() != before
    assert sorted(p.name for p in out.iterdir()) == ["cases.csv", "errors.csv", "notes.txt", "summary.json"]
    write_volume(folders[0] / "one.nii.gz", MASK.T)
    kept = (out / "cases.csv").read_text(), (out / "summary.json").read_text()
    with pytest.raises(InputError):
        evaluate(*folders, out)
    assert kept == ((out / "cases.csv").read_text(), (out / "summary.json").read_text())
    assert sorted(p.name for p in out.iterdir()) == ["cases.csv", "errors.csv", "notes.txt", "summary.json"]


def test_progress_names_every_case(folders: tuple[Path, Path], tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    evaluate(*folders, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert steps == [("one", 1, 2), ("two", 2, 2)]


def test_workers_find_the_same_and_complain_alike(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_volume(folders[0] / "one.nii.gz", np.zeros_like(MASK))
    for number in range(6):
        for folder in folders:
            write_volume(folder / f"more{number}.png", np.roll(MASK, number))
    assert evaluate(*folders, tmp_path / "a", workers=3) == evaluate(*folders, tmp_path / "b", workers=1)
    assert (tmp_path / "a/cases.csv").read_bytes() == (tmp_path / "b/cases.csv").read_bytes()
    write_volume(folders[0] / "one.nii.gz", MASK.T)
    refuse(*folders, "one.nii.gz: got shape", workers=2)
