"""Repair from files to files: formats, geometry, the table of edits, nnU-Net's probabilities, workers."""

from __future__ import annotations

import json
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image
from scipy import ndimage

from oracles.repair_rules import rules_of
from segtopo.errors import FailedCasesError, InputError
from segtopo.repair import read_probability, repair_classes, repair_files, repair_mask
from segtopo.volumes import Volume, check_same_geometry, read_mask, read_volume, write_volume

AFFINE = np.array([[0.0, -0.8, 0, 30], [0.7, 0, 0, -20], [0, 0, 2.5, 5], [0, 0, 0, 1]])
RULES = rules_of(connect_above=0.2, min_piece_size=4, min_hole_size=4)


def smooth_map(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


def two_classes(shape: tuple[int, ...]) -> np.ndarray:
    """Probabilities of two foreground classes, of a sum below 1."""
    return np.stack([smooth_map(shape, 1) * 0.6, smooth_map(shape, 2) ** 2 * 0.4])


@pytest.mark.parametrize("extension", [".nii.gz", ".nii", ".mha", ".mhd", ".nrrd"])
@pytest.mark.parametrize("classes", [1, 2])
def test_a_mask_has_the_geometry_of_its_map(extension: str, classes: int, tmp_path: Path) -> None:
    shape = (9, 8, 7)
    maps = smooth_map(shape)[None] ** 3 if classes == 1 else two_classes(shape)
    path = tmp_path / "maps" / f"case.01{extension}"
    write_volume(path, maps[0] if classes == 1 else maps, like=Volume(maps[0], AFFINE))
    repair_files(tmp_path / "maps", tmp_path / "out", rules=RULES, label_map=True)
    source, mask = read_volume(path), read_volume(tmp_path / "out" / path.name)
    check_same_geometry(mask, source, tolerance=1e-6)
    np.testing.assert_array_equal(mask.affine, source.affine)
    expected = repair_classes(maps, RULES, spacing=source.spacing)
    np.testing.assert_array_equal(mask.array, expected.labels)
    assert mask.array.dtype == np.uint8
    edits = read_volume(tmp_path / "out/edits" / path.name)
    np.testing.assert_array_equal(edits.affine, source.affine)
    assert set(np.unique(edits.array)) <= {0, 1, 2, 3}
    assert edits.array.any()


@pytest.mark.parametrize(
    ("extension", "shape", "written"),
    [(".tiff", (12, 15), ".png"), (".tif", (12, 15), ".png"), (".tif", (5, 12, 15), ".tif")],
)
def test_a_mask_of_a_picture_is_a_picture(extension: str, shape: tuple[int, ...], written: str, tmp_path: Path) -> None:
    probability = smooth_map(shape)
    write_volume(tmp_path / f"case{extension}", probability)
    repair_files(tmp_path / f"case{extension}", tmp_path / "out", rules=RULES)
    mask = read_mask(tmp_path / f"out/case{written}")
    np.testing.assert_array_equal(mask.array, repair_mask(probability, RULES).mask)


def test_channels_of_a_picture_are_classes(tmp_path: Path) -> None:
    maps = two_classes((12, 15))
    write_volume(tmp_path / "case.tiff", maps, like=Volume(maps[0]))
    repair_files(tmp_path / "case.tiff", tmp_path / "out", rules=RULES)
    np.testing.assert_array_equal(read_volume(tmp_path / "out/case.png").array, repair_classes(maps, RULES).labels)


def test_the_table_of_edits_is_exact(tmp_path: Path) -> None:
    probability = np.zeros((3, 6, 2), np.float32)
    probability[1, :, 0] = [0.9, 0.9, 0.25, 0.9, 0, 0]
    probability[2, 5, 1] = 0.75
    write_volume(tmp_path / "maps/b.nii.gz", probability, like=Volume(probability, AFFINE))
    write_volume(tmp_path / "maps/a.nii.gz", probability[..., 0], like=Volume(probability[..., 0]))
    cases = repair_files(tmp_path / "maps", tmp_path / "out", rules=rules_of(min_piece_size=1.5), markups=True)
    assert (tmp_path / "out/edits.csv").read_text(encoding="utf-8").splitlines() == [
        "case,label,kind,dimension,i,j,k,x_mm,y_mm,z_mm,probability,size,size_mm",
        "a,foreground,joined,0,1,2,,1.0,2.0,0.0,0.25,1,1",
        "b,foreground,joined,0,1,2,0,28.4,-19.3,5.0,0.25,1,1.4",
        "b,foreground,piece removed,0,2,5,1,26.0,-18.6,7.5,0.75,1,1.4",
    ]
    assert [(case.name, case.mask, len(case.edits)) for case in cases] == [("a", "a.nii.gz", 1), ("b", "b.nii.gz", 2)]
    (markup,) = json.loads((tmp_path / "out/markups/b.mrk.json").read_text(encoding="utf-8"))["markups"]
    assert (markup["type"], markup["coordinateSystem"], markup["coordinateUnits"]) == ("Fiducial", "RAS", "mm")
    assert markup["controlPoints"][1] == {
        "id": "2",
        "label": "piece removed",
        "description": "foreground: probability 0.75, size 1.4 mm^3",
        "position": [26.0, -18.6, 7.5],
    }


def test_the_classes_are_labels_of_the_table(tmp_path: Path) -> None:
    maps = np.zeros((2, 3, 5), np.float32)
    maps[0, 0], maps[1, 2] = [0.9, 0.9, 0.3, 0.9, 0.9], [0.9, 0, 0, 0, 0]
    write_volume(tmp_path / "case.nii.gz", maps, like=Volume(maps[0]))
    rules = [rules_of(), rules_of(min_piece_size=2)]
    (case,) = repair_files(tmp_path / "case.nii.gz", tmp_path / "out", rules=rules, label_map=True)
    assert [(edit.label, edit.kind) for edit in case.edits] == [("1", "joined"), ("2", "piece removed")]
    assert read_volume(tmp_path / "out/edits/case.nii.gz").array.tolist() == [[0, 0, 1, 0, 0], [0] * 5, [2, 0, 0, 0, 0]]


def test_half_precision_rounding_and_masks_are_read(tmp_path: Path) -> None:
    values = np.array([[0, 0.25, 1.0005], [-0.0005, 0.5, 1]], np.float32)
    write_volume(tmp_path / "overshoot.nii.gz", values)
    found = read_probability(tmp_path / "overshoot.nii.gz").foreground
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], values.clip(0, 1))
    write_volume(tmp_path / "mask.png", values > 0.3)  # 0 and 255
    write_volume(tmp_path / "mask.nii.gz", values > 0.3)  # 0 and 1
    for name in ("mask.png", "mask.nii.gz"):
        assert read_probability(tmp_path / name).foreground.tolist() == [(values > 0.3).tolist()]


def test_probabilities_with_the_background_are_refused(tmp_path: Path) -> None:
    maps = two_classes((6, 7))
    every = np.concatenate([1 - maps.sum(axis=0, keepdims=True), maps])
    write_volume(tmp_path / "case.nii.gz", every, like=Volume(maps[0]))
    with pytest.raises(InputError, match=r"case\.nii\.gz: got 3 channels with a sum of 1 in every voxel, expected the"):
        read_probability(tmp_path / "case.nii.gz")


class Unpickled:
    """Fails the test if it is ever unpickled."""

    def __reduce__(self) -> tuple:
        return pytest.fail, ("a pickle was opened",)


def save_as_nnunet(path: Path, maps: np.ndarray) -> np.ndarray:
    """Writes what nnU-Net writes for foreground maps (classes, x, y, z); returns the array of the file."""
    every = np.concatenate([1 - maps.sum(axis=0, keepdims=True), maps])
    stored = every.transpose(0, 3, 2, 1).astype(np.float16)
    np.savez_compressed(path, probabilities=stored)
    path.with_suffix(".pkl").write_bytes(pickle.dumps(Unpickled()))
    return stored


@pytest.mark.parametrize("extension", [".nii.gz", ".nrrd", ".mha"])
def test_nnunets_probabilities_have_the_geometry_of_the_segmentation_beside_them(
    extension: str, tmp_path: Path
) -> None:
    maps = two_classes((11, 6, 4))
    stored = save_as_nnunet(tmp_path / "case.npz", maps)
    # Written as nnU-Net writes it, with SimpleITK.
    image = sitk.GetImageFromArray(stored.argmax(axis=0).astype(np.uint8))
    image.SetSpacing((0.5, 0.75, 3.0))
    image.SetOrigin((10, 20, 30))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / f"case{extension}"))
    (tmp_path / "dataset.json").write_text("{}", encoding="utf-8")
    found = read_probability(tmp_path / "case.npz")
    np.testing.assert_allclose(found.foreground, maps, atol=1e-3)
    assert found.volume.spacing == (0.5, 0.75, 3.0)
    (case,) = repair_files(tmp_path, tmp_path / "out", rules=rules_of(connect_above=None))
    assert (case.name, case.remarks) == ("case", ())
    written = sitk.ReadImage(str(tmp_path / f"out/case{extension}"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(image))
    for geometry in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(written, geometry)(), getattr(image, geometry)(), atol=1e-6)


def test_nnunets_pictures_keep_their_rows(tmp_path: Path) -> None:
    rows = np.stack([np.zeros((5, 8)), smooth_map((5, 8))]).astype(np.float16)
    rows[0] = 1 - rows[1]
    np.savez(tmp_path / "case.npz", probabilities=rows[:, None])
    write_volume(tmp_path / "case.png", rows[1] > 0.5)
    found = read_probability(tmp_path / "case.npz")
    np.testing.assert_array_equal(found.foreground[0], rows[1].astype(np.float32))
    assert found.mask_extension == ".png"
    (tmp_path / "case.png").unlink()
    alone = read_probability(tmp_path / "case.npz")
    np.testing.assert_array_equal(alone.foreground, found.foreground)
    assert "voxel size is taken as 1 mm" in alone.remarks[0]


def test_nnunets_2d_slices_of_nifti_are_reversed(tmp_path: Path) -> None:
    maps = two_classes((6, 9, 1))
    stored = save_as_nnunet(tmp_path / "case.npz", maps)
    write_volume(tmp_path / "case.nii.gz", stored.argmax(axis=0).astype(np.uint8)[0].T)
    np.testing.assert_allclose(read_probability(tmp_path / "case.npz").foreground, maps[..., 0], atol=1e-3)


def test_nnunets_probabilities_alone_have_voxels_of_1_mm(tmp_path: Path) -> None:
    maps = two_classes((5, 6, 7))
    save_as_nnunet(tmp_path / "case.npz", maps)
    (case,) = repair_files(tmp_path, tmp_path / "out", rules=RULES)
    assert "voxel size is taken as 1 mm" in case.remarks[0]
    mask = read_volume(tmp_path / "out/case.nii.gz")
    assert mask.spatial_shape == (5, 6, 7)
    assert mask.spacing == (1, 1, 1)


def test_nnunets_zeros_outside_of_the_box_are_background(tmp_path: Path) -> None:
    every = np.zeros((2, 2, 3, 4), np.float16)
    every[:, :, 1:, 1:] = np.array([0.25, 0.75]).reshape(2, 1, 1, 1)
    np.savez(tmp_path / "case.npz", probabilities=every)
    found = read_probability(tmp_path / "case.npz")
    np.testing.assert_array_equal(found.foreground[0], every[1].T)


@pytest.mark.parametrize(
    ("values", "beside", "message"),
    [
        (np.zeros((1, 2, 3, 4)), None, "case.npz: got sums of classes from 0 to 0, expected the background"),
        (np.zeros((2, 3, 4)), None, "case.npz: got float64 of shape (2, 3, 4), expected the array"),
        (np.zeros((2, 2, 3, 4), int), None, "case.npz: got int64 of shape (2, 2, 3, 4), expected the array"),
        (np.full((2, 2, 3, 4), np.nan), None, "case.npz: got NaN, expected a number in every voxel"),
        (np.full((2, 2, 3, 4), 0.9), None, "case.npz: got sums of classes from 1.8 to 1.8, expected the background"),
        (np.stack([np.full((2, 3, 4), v) for v in (3, -2)]), None, "case.npz: got values from -2 to -2, expected"),
        (
            np.full((2, 2, 3, 4), 0.5),
            (4, 3, 3),
            "case.npz: got shape (2, 3, 4) (z, y, x), expected the shape (4, 3, 3)",
        ),
    ],
)
def test_what_is_no_file_of_nnunet_is_refused(
    values: np.ndarray, beside: tuple[int, ...] | None, message: str, tmp_path: Path
) -> None:
    values = values.astype(np.float64) if message.startswith("case.npz: got values") else values
    np.savez(tmp_path / "case.npz", probabilities=values)
    if beside is not None:
        write_volume(tmp_path / "case.nii.gz", np.zeros(beside, np.uint8))
    with pytest.raises(InputError, match=re.escape(message)):
        read_probability(tmp_path / "case.npz")


def test_a_segmentation_in_another_orientation_is_noticed(tmp_path: Path) -> None:
    maps = np.zeros((1, 8, 8, 8))
    maps[0, :3, :, 5:] = 0.9
    stored = save_as_nnunet(tmp_path / "case.npz", maps)
    write_volume(tmp_path / "case.nii.gz", stored.argmax(axis=0).astype(np.uint8))  # not reversed
    with pytest.raises(InputError, match=r"Dice of 0\.\d\d with case\.nii\.gz beside it, expected the segmentation"):
        read_probability(tmp_path / "case.npz")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(5):
        write_volume(tmp_path / f"maps/{number}.nii.gz", smooth_map((14, 15, 9), number))
    return tmp_path / "maps"


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_workers_and_processes_give_the_same_files(many: Path, tmp_path: Path) -> None:
    outputs = {"label_map": True, "markups": True, "pictures": True}
    told: list[tuple[str, int, int]] = []
    one = repair_files(many, tmp_path / "1", rules=RULES, workers=1, progress=lambda *a: told.append(a), **outputs)
    assert told == [(str(number), number + 1, 5) for number in range(5)]
    assert repair_files(many, tmp_path / "3", rules=RULES, workers=3, **outputs) == one
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert repair_files(many, tmp_path / "p", rules=RULES, executor=executor, **outputs) == one
    files = everything_in(tmp_path / "1")
    assert len(files) == 5 * 5 + 2  # with a record of each case and one of the settings
    assert everything_in(tmp_path / "3") == everything_in(tmp_path / "p") == files


def test_an_error_in_one_case_does_not_stop_the_others(many: Path, tmp_path: Path) -> None:
    whole = (many / "2.nii.gz").read_bytes()
    write_volume(many / "2.nii.gz", np.full((4, 4), 9, np.float32))
    with pytest.raises(FailedCasesError, match=r"^1 of 5 cases failed: .*2\.nii\.gz: got values from 9 to 9"):
        repair_files(many, tmp_path / "out", rules=RULES, pictures=True)
    assert sorted(path.name for path in (tmp_path / "out/pictures").iterdir()) == ["0.png", "1.png", "3.png", "4.png"]
    (many / "2.nii.gz").write_bytes(whole)
    told: list[tuple[str, int, int]] = []
    cases = repair_files(many, tmp_path / "out", rules=RULES, pictures=True, progress=lambda *a: told.append(a))
    assert told == [("2", 1, 1)]
    assert cases == repair_files(many, tmp_path / "whole", rules=RULES, pictures=True)
    edits = (tmp_path / "out/edits.csv").read_text(encoding="utf-8")
    assert edits == (tmp_path / "whole/edits.csv").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"out: got results of other settings \(rules: "):
        repair_files(many, tmp_path / "out", rules=rules_of(), pictures=True)


def test_an_error_in_every_case_leaves_nothing(tmp_path: Path) -> None:
    write_volume(tmp_path / "maps/a.nii.gz", np.full((4, 4), 9, np.float32))
    with pytest.raises(FailedCasesError, match=r"a\.nii\.gz: got values from 9 to 9"):
        repair_files(tmp_path / "maps", tmp_path / "new/out", rules=RULES, pictures=True)
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]


@pytest.mark.parametrize(("shape", "classes"), [((20, 30), 1), ((20, 30), 2), ((10, 12, 6), 2)])
def test_a_picture_shows_the_edits_in_their_colours(shape: tuple[int, ...], classes: int, tmp_path: Path) -> None:
    maps = smooth_map(shape)[None] if classes == 1 else two_classes(shape)
    write_volume(tmp_path / "case.nii.gz", maps[0] if classes == 1 else maps, like=Volume(maps[0]))
    (case,) = repair_files(tmp_path / "case.nii.gz", tmp_path / "out", rules=RULES, pictures=True)
    with Image.open(tmp_path / "out/pictures/case.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape[2] == 3
    colours = {"joined": (86, 180, 233), "piece removed": (213, 94, 0)}
    for kind, colour in colours.items():
        drawn = (pixels == colour).all(axis=2).sum()
        assert (drawn > 0) == any(edit.kind == kind for edit in case.edits)


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (1, 2, 60), (6, 5, 4)])
def test_a_picture_of_nothing_and_of_odd_shapes(shape: tuple[int, ...], tmp_path: Path) -> None:
    write_volume(tmp_path / "case.nii.gz", np.zeros(shape, np.float32), like=Volume(np.zeros(shape), AFFINE))
    repair_files(tmp_path / "case.nii.gz", tmp_path / "out", rules=rules_of(), pictures=True)
    with Image.open(tmp_path / "out/pictures/case.png") as image:
        assert min(image.size) > 50
