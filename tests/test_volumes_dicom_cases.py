"""DICOM where commands take images and masks: folders of cases, results in NIfTI, reruns, a missing extra."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from oracles.dicom_files import segmentation, slices_of, write_slices
from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.cli import run
from segtopo.errors import InputError
from segtopo.evaluation import EvaluationOptions, evaluate
from segtopo.inference import predict
from segtopo.repair import RepairRules, repair_files
from segtopo.training import train
from segtopo.volumes import (
    Volume,
    check_same_geometry,
    image_stem,
    images_by_name,
    list_images,
    read_mask,
    read_volume,
    write_volume,
)
from segtopo.volumes.case_pairs import cases_of, pair_cases

SCAN = np.random.default_rng(0).integers(0, 4096, (7, 14, 11)).astype(np.uint16)  # k, j, i
LABELS = np.asarray(ndimage.zoom(SCAN[::3, ::3, ::3] % 3, 3, order=0)[:7, :14, :11], np.uint8)
SLICES = slices_of(SCAN)


def write_series(folder: Path) -> Path:
    return write_slices(folder, SLICES)


def write_segmentation(path: Path, labels: np.ndarray = LABELS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    segmentation(SLICES, labels, "BINARY", ["artery", "vein"]).save_as(path)
    return path


def test_a_folder_of_slices_is_one_image(tmp_path: Path) -> None:
    series = write_series(tmp_path / "case.01")
    (tmp_path / "case.02").mkdir()
    write_volume(tmp_path / "a.nii.gz", SCAN)
    write_segmentation(tmp_path / "b.dcm")
    assert [path.name for path in list_images(tmp_path)] == ["a.nii.gz", "b.dcm", "case.01"]
    assert images_by_name(series) == {"case.01": series}
    assert image_stem(series) == "case.01"


@pytest.mark.parametrize("layout", ["{}", "{}/ct", "{}/study/1"])
def test_series_are_cases_named_by_their_folders(layout: str, tmp_path: Path) -> None:
    for case in ("a", "b.1"):
        write_series(tmp_path / "images" / layout.format(case))
    found = cases_of(tmp_path / "images")
    assert {name.split("/")[0]: path for name, path in found.items()} == {
        case: tmp_path / "images" / layout.format(case) for case in ("a", "b.1")
    }
    assert set(found) == {layout.format(case).removesuffix("/ct").removesuffix("/1") for case in ("a", "b.1")}


def test_segmentations_are_paired_with_references(tmp_path: Path) -> None:
    for case in ("a", "b"):
        write_segmentation(tmp_path / "p" / case / "seg.dcm")
        (tmp_path / "r").mkdir(exist_ok=True)
        write_volume(tmp_path / "r" / f"{case}.nii.gz", LABELS)
        write_series(tmp_path / "r2" / case / "ct")
        write_segmentation(tmp_path / "r2" / case / "truth.dcm")
    expected = {case: tmp_path / "p" / case / "seg.dcm" for case in ("a", "b")}
    for references, pattern in (("r", None), ("r2", "{case}/truth.dcm"), ("r2", "{case}/ct")):
        pairs = pair_cases(tmp_path / "p", tmp_path / references, reference_pattern=pattern)
        assert {pair.name: pair.prediction for pair in pairs.cases} == expected
    (pair,) = pair_cases(expected["a"], tmp_path / "r2/a/ct").cases
    assert (pair.name, pair.reference) == ("seg", tmp_path / "r2/a/ct")


def test_a_table_names_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path / "data/b.1")
    write_segmentation(tmp_path / "data/p.dcm")
    (tmp_path / "data/pairs.csv").write_text("prediction,reference\np.dcm,b.1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (pair,) = pair_cases("data/pairs.csv").cases
    assert (pair.name, pair.prediction, pair.reference) == ("b.1", Path("data/p.dcm"), Path("data/b.1"))


def test_segmentations_have_the_scores_of_label_maps(tmp_path: Path) -> None:
    moved = np.roll(LABELS, 1, axis=2)
    series = read_volume(write_series(tmp_path / "ct"))
    for folder, labels in (("p", moved), ("r", LABELS)):
        write_segmentation(tmp_path / "dicom" / folder / "a.dcm", labels)
        write_volume_as_nifti(tmp_path / "nifti" / folder / "a.nii.gz", labels, series)
    tables = []
    for kind, labels in (("dicom", "artery,vein"), ("nifti", "artery=1,vein=2")):
        masks = [str(tmp_path / kind / folder) for folder in "pr"]
        assert run(["evaluate", *masks, "--out", str(tmp_path / f"{kind}.out"), "--labels", labels, "--label-map"]) == 0
        tables.append((tmp_path / f"{kind}.out/cases.csv").read_text(encoding="utf-8").replace("\n", ",").split(","))
    words = [[word for word in table if not is_number(word)] for table in tables]
    assert words[0] == words[1]
    assert words[0].count("vein") == 1
    numbers = [[float(word) for word in table if is_number(word)] for table in tables]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-6)
    assert len(numbers[0]) > 40
    errors = [read_volume(tmp_path / f"{kind}.out/cases/a/errors_vein.nii.gz") for kind in ("dicom", "nifti")]
    np.testing.assert_array_equal(errors[0].array, errors[1].array)
    check_same_geometry(*errors, tolerance=1e-6)


def is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def write_volume_as_nifti(path: Path, labels: np.ndarray, like: Volume) -> None:
    write_volume(path, np.ascontiguousarray(labels.T), like)


def test_a_rerun_scores_a_series_that_has_changed(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write_slices(tmp_path / "r/a", slices_of(LABELS))
    write_volume_as_nifti(tmp_path / "p/a.nii.gz", LABELS > 0, read_volume(tmp_path / "r/a"))
    begun: list[str] = []
    options = EvaluationOptions(labels={"tree": [1, 2]})
    for _ in range(2):
        evaluate(
            tmp_path / "p", tmp_path / "r", tmp_path / "out", options, progress=lambda name, *_: begun.append(name)
        )
    assert begun == ["a"]
    changed = slices_of(np.where(LABELS == 2, 0, LABELS).astype(np.uint8))
    changed[3].save_as(tmp_path / "r/a/IM0003", enforce_file_format=True)
    with pytest.raises(InputError, match="at one position"):
        evaluate(
            tmp_path / "p", tmp_path / "r", tmp_path / "out", options, progress=lambda name, *_: begun.append(name)
        )
    assert begun == ["a", "a"]


def test_fractions_are_repaired_to_nifti_masks(tmp_path: Path) -> None:
    fractions = ndimage.gaussian_filter(LABELS.astype(np.float32) / 2, 1)
    path = tmp_path / "maps/case.1.dcm"
    path.parent.mkdir()
    segmentation(SLICES, fractions, "FRACTIONAL", ["vessel"]).save_as(path)
    repair_files(tmp_path / "maps", tmp_path / "out", rules=RepairRules(min_piece_size=5))
    mask = read_volume(tmp_path / "out/case.1.nii.gz")
    check_same_geometry(mask, read_volume(path), tolerance=1e-6)
    assert mask.array.any()


def test_a_series_is_predicted_to_a_nifti_mask_in_its_place(tmp_path: Path) -> None:
    make_cases(tmp_path, (24, 21, 13))
    config = tiny_config(tmp_path, tmp_path / "training", 3) | {"epochs": 1, "transforms": []}
    checkpoint = train(write_config(tmp_path / "config.yaml", config)).last
    for case in ("a", "b"):
        write_series(tmp_path / "scans" / case)
    written = predict(checkpoint, tmp_path / "scans", tmp_path / "masks", device="cpu", probabilities=True)
    assert [path.name for path in written] == ["a.nii.gz", "b.nii.gz"]
    series = read_volume(tmp_path / "scans/b")
    for path in (written[1], tmp_path / "masks/probabilities/b.nii.gz"):
        check_same_geometry(read_volume(path), series, tolerance=1e-6)
    (one,) = predict(checkpoint, tmp_path / "scans/b", tmp_path / "one", device="cpu")
    np.testing.assert_array_equal(read_mask(one).array, read_mask(written[1]).array)


@pytest.mark.parametrize("module", ["pydicom", "highdicom"])
def test_a_missing_extra_is_named(module: str, tmp_path: Path) -> None:
    write_segmentation(tmp_path / "a.dcm")
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('hidden', name={module!r})", encoding="utf-8")
    command = [sys.executable, "-m", "segtopo.cli", "evaluate", "a.dcm", "a.dcm", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    expected = f'got no module {module!r}, expected the extra: pip install "segtopo[dicom]"'
    assert done.stderr.splitlines()[-1] == f"error: segtopo evaluate: {expected}"
    assert "Traceback" not in done.stderr
