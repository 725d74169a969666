"""Probabilities of nnU-Net: written by its own readers and writers, repaired and calibrated with their geometry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from oracles.repair_rules import rules_of
from segtopo.cli import run
from segtopo.errors import InputError
from segtopo.masks import betti_numbers
from segtopo.masks.dice import dice
from segtopo.repair import calibrate_files, read_probability, repair_files, repair_mask, repair_regions
from segtopo.repair.probability_files import probability_files
from segtopo.volumes import read_volume, write_volume

#: Axes of a NIfTI file that nnU-Net's reader turns to RAS: left, superior, anterior.
TURNED = np.array([[-0.8, 0, 0, 5], [0, 0, 1.5, -7], [0, 0.9, 0, 3], [0, 0, 0, 1.0]])


def tube(shape: tuple[int, ...]) -> np.ndarray:
    """Probabilities of an oblique tube, different along each axis."""
    *across, along = np.indices(shape)
    distance = sum((a - (0.3 + 0.2 * axis) * shape[axis] - along / 4) ** 2 for axis, a in enumerate(across))
    return np.exp(-distance / 6).astype(np.float32)


def write_raw(path: Path, shape: tuple[int, ...]) -> None:
    """Writes an image of a format with its geometry."""
    if path.suffix in (".png", ".bmp", ".tif"):
        write_volume(path, np.zeros(shape, np.uint8))
    elif "turned" in path.name:
        nib.save(nib.Nifti1Image(np.zeros(shape, np.float32), TURNED), path)
    else:
        image = sitk.GetImageFromArray(np.zeros(shape, np.float32))
        image.SetSpacing((0.8, 0.9, 1.5)[: len(shape)])
        image.SetOrigin((10.0, 20.0, -30.0)[: len(shape)])
        sitk.WriteImage(image, str(path))


@pytest.mark.parametrize(
    ("reader", "name", "shape"),
    [
        ("SimpleITKIO", "case.nii.gz", (6, 9, 14)),
        ("SimpleITKIO", "case.nii.gz", (11, 16)),
        ("SimpleITKIO", "case.nrrd", (6, 9, 14)),
        ("NibabelIO", "case.nii.gz", (6, 9, 14)),
        ("NibabelIO", "turned.nii.gz", (6, 9, 14)),
        ("NibabelIOWithReorient", "case.nii.gz", (6, 9, 14)),
        ("NibabelIOWithReorient", "turned.nii.gz", (6, 9, 14)),
        ("NaturalImage2DIO", "case.png", (11, 16)),
        ("NaturalImage2DIO", "case.bmp", (11, 16)),
        ("Tiff3DIO", "case.tif", (6, 9, 14)),
    ],
)
def test_every_format_of_nnunet_is_repaired_on_the_grid_of_its_image(
    reader: str, name: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    find = pytest.importorskip("nnunetv2.imageio.reader_writer_registry", reason="the extra nnunet is not installed")
    io = find.recursive_find_reader_writer_by_name(reader)()
    write_raw(tmp_path / name, shape)
    image, properties = io.read_images([str(tmp_path / name)])
    foreground = tube(image.shape[1:])
    out = tmp_path / "predictions"
    out.mkdir()
    npz = out / f"{name.removesuffix('.gz').rpartition('.')[0]}.npz"
    np.savez(npz, probabilities=np.stack([1 - foreground, foreground]))
    io.write_seg((foreground > 0.5).astype(np.uint8), str(out / name), properties)
    (out / "plans.json").write_text(json.dumps({"image_reader_writer": reader}), encoding="utf-8")
    (out / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "tube": 1}}), encoding="utf-8")
    written = read_volume(out / name)
    found = read_probability(npz)
    np.testing.assert_array_equal(found.foreground[0] > 0.5, written.array > 0)
    assert 0 < (written.array > 0).mean() < 0.5
    repair_files(out, tmp_path / "repaired", rules=rules_of(connect_above=None))
    repaired = read_volume(tmp_path / "repaired" / name)
    np.testing.assert_array_equal(repaired.array > 0, written.array > 0)
    np.testing.assert_allclose(repaired.affine, read_volume(tmp_path / name).affine, atol=1e-6)


def regions_of(shape: tuple[int, ...]) -> np.ndarray:
    """A tube with a gap and its core, as ``(2, *spatial)``; no channel is the background."""
    outer, inner = np.zeros((2, *shape), np.float32)
    outer[3:8, 2:-2] = 0.9
    inner[5, 2:-2] = 0.9
    outer[:, 9:11] *= 0.3
    inner[:, 9:11] *= 0.3
    outer[0, 0] = 0.8  # a speck
    return np.stack([outer, inner])


def save_regions(folder: Path, maps: np.ndarray, name: str = "case", **dataset: Any) -> None:
    """Writes the files that nnU-Net writes for regions of a 2D image."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", probabilities=maps.transpose(0, 2, 1)[:, None])
    labels = np.zeros(maps.shape[1:], np.uint8)
    labels[maps[0] > 0.5], labels[maps[1] > 0.5] = 1, 2
    write_volume(folder / f"{name}.nii.gz", labels)
    content = {"labels": {"background": 0, "tube": [1, 2], "core": [2]}, "regions_class_order": [1, 2]} | dataset
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")


def test_regions_are_repaired_each_and_painted_in_their_order(tmp_path: Path) -> None:
    maps = regions_of((12, 20))
    save_regions(tmp_path / "maps", maps)
    rules = rules_of(connect_above=0.2, min_piece_size=4)
    (case,) = repair_files(tmp_path / "maps", tmp_path / "out", rules=rules, pictures=True)
    labels = read_volume(tmp_path / "out/case.nii.gz").array
    for region, values in ((0, (1, 2)), (1, (2,))):
        np.testing.assert_array_equal(np.isin(labels, values), repair_mask(maps[region], rules).mask)
        assert betti_numbers(np.isin(labels, values)) == (1, 0)
    assert sorted((edit.label, edit.kind) for edit in case.edits) == [
        ("1", "joined"),
        ("1", "piece removed"),
        ("2", "joined"),
    ]
    assert case.remarks == ()


def test_a_region_that_another_covers_is_said(tmp_path: Path) -> None:
    maps = regions_of((12, 20))
    maps[1, 10, 3:6] = 0.9  # core outside of the tube
    save_regions(tmp_path / "maps", maps)
    (case,) = repair_files(tmp_path / "maps", tmp_path / "out", rules=rules_of(min_piece_size=0))
    expected = "Region 1: 3 voxels differ in the label map, because another region covers them."
    assert case.remarks == (expected,)


def test_one_region_keeps_its_label(tmp_path: Path) -> None:
    maps = regions_of((12, 20))[:1]
    tmp_path.joinpath("maps").mkdir()
    np.savez(tmp_path / "maps/case.npz", probabilities=maps.transpose(0, 2, 1)[:, None])
    write_volume(tmp_path / "maps/case.nii.gz", np.where(maps[0] > 0.5, 2, 0).astype(np.uint8))
    content = {"labels": {"background": 0, "both": [1, 2]}, "regions_class_order": [2]}
    (tmp_path / "maps/dataset.json").write_text(json.dumps(content), encoding="utf-8")
    repair_files(tmp_path / "maps", tmp_path / "out", rules=rules_of(connect_above=None))
    assert set(np.unique(read_volume(tmp_path / "out/case.nii.gz").array)) == {0, 2}


def test_rules_of_classes_that_exclude_each_other_are_refused_for_regions(tmp_path: Path) -> None:
    save_regions(tmp_path / "maps", regions_of((12, 20)))
    for options in ({"touching": False}, {"union_components": 1}):
        with pytest.raises(InputError, match="regions that overlap: got a rule about touching classes or their union"):
            repair_files(tmp_path / "maps", tmp_path / "out", **options)
    with pytest.raises(InputError, match="painted: got 1 labels, expected 2, one for each region"):
        repair_regions(regions_of((12, 20)), painted=[1])


def test_without_the_names_of_regions_overlapping_maps_are_refused(tmp_path: Path) -> None:
    save_regions(tmp_path / "maps", regions_of((12, 20)), regions_class_order=[1])
    with pytest.raises(InputError, match=r"or regions that a dataset\.json beside it names"):
        read_probability(tmp_path / "maps/case.npz")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a trained nnU-Net with the validation cases of two folds, and the labels of three cases."""
    folder = tmp_path / "model"
    for number in range(2):
        maps = regions_of((12, 20 + number))
        save_regions(folder / f"fold_{number}/validation", maps, f"case_{number}")
        (folder / f"fold_{number}/validation/dataset.json").unlink()
    save_regions(folder / "fold_all/validation", regions_of((12, 20)), "case_0")  # its cases have been trained on
    labels = {"background": 0, "tube": [1, 2], "core": [2], "ignore": 3}
    content = {"labels": labels, "regions_class_order": [1, 2]}
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    for number in range(3):
        reference = np.zeros((12, 20 + number), np.uint8)
        reference[3:8, 2:-2], reference[5, 2:-2] = 1, 2
        reference[:, -4:] = 3
        write_volume(tmp_path / f"labels/case_{number}.nii.gz", reference)
    return folder


def test_all_folds_are_calibrated_with_the_labels_of_the_dataset(model: Path, tmp_path: Path) -> None:
    assert [path.parent.parent.name for path in probability_files(model).values()] == ["fold_0", "fold_1"]
    for channel, values in ((1, (1, 2)), (2, (2,))):
        out = tmp_path / f"{channel}.json"
        found = calibrate_files(model, tmp_path / "labels", out, channel=channel, skip_missing=True, tolerance=0.1)
        for number, figures in enumerate(found.cases):
            labels = read_volume(tmp_path / f"labels/case_{number}.nii.gz").array
            mask = (regions_of(labels.shape)[channel - 1] > 0.5) & (labels != 3)  # undecided voxels do not count
            as_predicted = figures[found.grid.index(rules_of(connect_above=None, min_piece_size=0, min_hole_size=0))]
            assert as_predicted.dice == pytest.approx(dice(mask, np.isin(labels, values)))
        assert found.repaired.betti_matching_error == 0 < found.as_predicted.betti_matching_error
    rules = [f"--rules={tmp_path / name}" for name in ("1.json", "2.json")]
    assert run(["repair", str(model), "--out", str(tmp_path / "out"), *rules]) == 0
    for number in range(2):
        labels = read_volume(tmp_path / f"out/case_{number}.nii.gz").array
        assert betti_numbers(labels > 0) == betti_numbers(labels == 2) == (1, 0)


def test_an_undecided_label_can_be_given(tmp_path: Path) -> None:
    probability = np.full((6, 9), 0.9, np.float32)
    write_volume(tmp_path / "map.nii.gz", probability)
    reference = np.ones((6, 9), np.uint8)
    reference[:, 3:5] = 7
    write_volume(tmp_path / "reference.nii.gz", reference)
    found = calibrate_files(tmp_path / "map.nii.gz", tmp_path / "reference.nii.gz", tmp_path / "r.json", ignore_label=7)
    assert (found.as_predicted.dice, found.as_predicted.betti_errors) == (1, (0, 0))


def test_a_reference_without_a_map_is_an_error_unless_it_is_skipped(model: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["calibrate", str(model), str(tmp_path / "labels"), "--out", str(tmp_path / "r.json"), "--channel", "1"]
    assert run(words) == 2
    assert "got no prediction for case_2" in capsys.readouterr().err
    assert run([*words, "--skip-missing"]) == 0


def test_a_case_in_two_folds_and_folds_without_maps_are_refused(model: Path) -> None:
    save_regions(model / "fold_1/validation", regions_of((12, 20)), "case_0")
    with pytest.raises(InputError, match="expected each case in the validation of one fold"):
        probability_files(model)
    for path in model.glob("fold_*/validation/*.npz"):
        path.unlink()
    with pytest.raises(InputError, match=r"got folds without probabilities, expected the \.npz files that nnU-Net"):
        probability_files(model)
