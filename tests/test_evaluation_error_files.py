"""The errors of a case in files: their image, their markups, their table, all at one place in space."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from segtopo.evaluation import EvaluationOptions, evaluate
from segtopo.evaluation.error_files import ERROR_VALUES, error_regions
from segtopo.masks import compare_masks
from segtopo.volumes import Volume, write_volume

OBLIQUE = np.array([[0.6, -0.3, 0.1, 12.0], [0.2, 0.7, 0.3, -40.0], [-0.1, 0.2, 1.4, 7.5], [0, 0, 0, 1]])
ROTATED = np.diag([0.6, 0.8, 1.5, 1.0])  # a rotation times a spacing, as ITK requires
ROTATED[:3, :3] = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]]) @ ROTATED[:3, :3]
ROTATED[:3, 3] = 5.0, -7.0, 11.0


def masks() -> tuple[np.ndarray, np.ndarray]:
    """A vessel with a gap, a spurious piece, and a ring that the prediction fills."""
    reference = np.zeros((9, 24, 14), bool)
    reference[4, 2:22, 5:7] = True
    reference[2, 2:9, 9:13] = True
    reference[2, 4:7, 10:12] = False
    prediction = reference.copy()
    prediction[4, 10:13] = False
    prediction[2, 4:7, 10:12] = True
    prediction[7, 20:23, 1:3] = True
    return prediction, reference


def evaluated(folder: Path, affine: np.ndarray, extension: str, **options: Any) -> tuple[Path, list[dict[str, str]]]:
    for name, mask in zip(("prediction", "reference"), masks(), strict=True):
        write_volume(folder / f"{name}{extension}", mask, Volume(mask, affine))
    pair = folder / f"prediction{extension}", folder / f"reference{extension}"
    evaluate(*pair, folder / "out", EvaluationOptions(scores=("topology",), label_map=True, markups=True, **options))
    with (folder / "out/errors.csv").open(newline="", encoding="utf-8") as file:
        return folder / "out/cases/prediction", list(csv.DictReader(file))


@pytest.mark.parametrize(("affine", "extension"), [(OBLIQUE, ".nii.gz"), (ROTATED, ".mha"), (ROTATED, ".nrrd")])
def test_every_output_places_an_error_where_nibabel_and_simpleitk_place_its_voxel(
    affine: np.ndarray, extension: str, tmp_path: Path
) -> None:
    folder, rows = evaluated(tmp_path, affine, extension)
    assert [row["kind"] for row in rows] == ["missed_connection", "spurious_component", "missed_loop"]
    points = json.loads((folder / "errors.mrk.json").read_text(encoding="utf-8"))["markups"][0]
    assert (points["coordinateSystem"], points["coordinateUnits"]) == ("RAS", "mm")
    image = nib.load(folder / "errors.nii.gz")
    assert isinstance(image, nib.Nifti1Image)
    regions = np.asarray(image.dataobj)
    for row, point in zip(rows, points["controlPoints"], strict=True):
        voxel = [int(row[axis]) for axis in "ijk"]
        world = [float(row[f"{axis}_mm"]) for axis in "xyz"]
        assert point["label"] == row["kind"]
        assert point["position"] == world
        assert world == pytest.approx(affine[:3, :3] @ voxel + affine[:3, 3], abs=1e-3)
        assert world == pytest.approx(nib.affines.apply_affine(image.affine, voxel), abs=1e-3)
        assert regions[tuple(voxel)] == ERROR_VALUES[row["kind"]]
        if extension != ".nii.gz":
            x, y, z = sitk.ReadImage(str(tmp_path / f"reference{extension}")).TransformIndexToPhysicalPoint(voxel)
            assert world == pytest.approx([-x, -y, z], abs=1e-3)


def test_the_table_has_sizes_and_gaps_in_mm(tmp_path: Path) -> None:
    _, rows = evaluated(tmp_path, np.diag([0.5, 2.0, 1.0, 1.0]), ".nii.gz")
    by_kind = {row["kind"]: row for row in rows}
    gap = by_kind["missed_connection"]
    assert (gap["region_size"], gap["region_mm3"]) == ("6", "6")
    assert float(gap["gap_mm"]) == pytest.approx(4 * 2.0)  # from column 9 to column 13
    assert (by_kind["spurious_component"]["region_size"], by_kind["spurious_component"]["gap_mm"]) == ("6", "")
    assert by_kind["missed_loop"]["region_size"] == "6"


def test_the_regions_of_errors_have_the_value_of_their_kind() -> None:
    prediction, reference = masks()
    errors = compare_masks(prediction, reference).errors
    image = error_regions(prediction, reference, errors, "T")
    for error in errors:
        assert np.count_nonzero(image == ERROR_VALUES[error.kind]) == error.region_size
    assert not image[prediction == reference].any()
    assert not error_regions(prediction, reference, [], "T").any()


def test_a_picture_and_a_stack_of_pictures_have_an_image_of_errors_of_their_kind(tmp_path: Path) -> None:
    prediction, reference = masks()
    for name, extension, slices in (("flat", ".png", 4), ("stack", ".tif", slice(None))):
        folder = tmp_path / name
        write_volume(folder / f"p{extension}", prediction[slices])
        write_volume(folder / f"r{extension}", reference[slices])
        options = EvaluationOptions(scores=("topology",), label_map=True)
        evaluate(folder / f"p{extension}", folder / f"r{extension}", folder / "out", options)
        assert (folder / f"out/cases/p/errors{extension}").is_file()


def test_each_structure_has_files_of_its_own(tmp_path: Path) -> None:
    prediction, reference = masks()
    write_volume(tmp_path / "p.nii.gz", prediction.astype(np.uint8))
    write_volume(tmp_path / "r.nii.gz", reference.astype(np.uint8) + (2 * ~reference).astype(np.uint8))
    options = EvaluationOptions(labels={"vessel": 1, "rest": 2}, scores=("topology",), label_map=True, markups=True)
    evaluate(tmp_path / "p.nii.gz", tmp_path / "r.nii.gz", tmp_path / "out", options)
    files = {path.name for path in (tmp_path / "out/cases/p").iterdir()}
    assert {f"errors_{name}{end}" for name in ("vessel", "rest") for end in (".nii.gz", ".mrk.json")} <= files
