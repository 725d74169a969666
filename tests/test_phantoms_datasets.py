"""Data sets of phantoms, and of simulated images of masks."""

import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.phantoms import vessel_phantom, write_phantom_dataset, write_simulated_dataset
from segtopo.volumes import Volume, check_same_geometry, list_images, read_mask, read_volume, write_volume


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("ndim", "shape", "extension"),
    [(2, (64, 80), ".png"), (2, (64, 80), ".nii.gz"), (3, (40, 36, 32), ".nii.gz")],
)
def test_a_data_set_of_phantoms_has_images_labels_and_a_record(
    tmp_path: Path, ndim: int, shape: tuple[int, ...], extension: str
) -> None:
    calls: list[tuple[str, int, int]] = []
    write_phantom_dataset(
        tmp_path / "a",
        ndim=ndim,
        shape=shape,
        train=2,
        test=1,
        seed=4,
        file_format=extension,
        progress=lambda *call: calls.append(call),
    )
    record = json.loads((tmp_path / "a" / "phantoms.json").read_text(encoding="utf-8"))
    assert record["seed"] == 4
    assert calls == [(case["case"], number, 3) for number, case in enumerate(record["cases"], start=1)]
    assert [len(list_images(tmp_path / "a" / split / "images")) for split in ("train", "test")] == [2, 1]
    for case in record["cases"]:
        split, name = case["case"].split("/")
        image = read_volume(tmp_path / "a" / split / "images" / name)
        label = read_mask(tmp_path / "a" / split / "labels" / name)
        assert image.spatial_shape == shape
        check_same_geometry(image, label)
        expected = vessel_phantom(shape, seed=case["seed"], loops=1)
        np.testing.assert_array_equal(label.array, expected.label)
        assert tuple(case["betti_numbers"]) == expected.betti_numbers == (1, 1, 0)[:ndim]


def test_the_same_seed_gives_the_same_bytes_and_more_cases_change_none(tmp_path: Path) -> None:
    for name, train, seed in (("a", 1, 0), ("b", 1, 0), ("more", 2, 0), ("other", 1, 1)):
        write_phantom_dataset(tmp_path / name, shape=(64, 80), train=train, test=1, seed=seed, file_format=".nii.gz")
    a, b, more, other = (contents(tmp_path / name) for name in ("a", "b", "more", "other"))
    assert a == b
    assert a.keys() == other.keys()
    assert a != other
    assert all(more[name] == data for name, data in a.items() if name != "phantoms.json")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A mask with the geometry of a scanner, and an sform code that differs from the default."""
    label = vessel_phantom((60, 52, 44), seed=8).label
    affine = np.array([[-0.7, 0.1, 0, 20], [0.1, 0.7, 0, -90], [0, 0, 1.4, 300], [0, 0, 0, 1]])
    image = nib.Nifti1Image(label.astype(np.int16), affine)
    image.set_sform(affine, code=3)
    (tmp_path / "masks").mkdir()
    nib.save(image, tmp_path / "masks" / "case1.nii.gz")
    return tmp_path / "masks" / "case1.nii.gz"


def test_crops_of_a_mask_keep_their_position(tree: Path, tmp_path: Path) -> None:
    write_simulated_dataset(tmp_path / "out", [tree.parent], crop=(32, 24, 16), crops_per_mask=3, seed=1)
    mask = read_mask(tree)
    names = [path.name for path in list_images(tmp_path / "out" / "images")]
    assert names == ["case1_00.nii.gz", "case1_01.nii.gz", "case1_02.nii.gz"]
    for name in names:
        image = read_volume(tmp_path / "out" / "images" / name)
        label = read_mask(tmp_path / "out" / "labels" / name)
        check_same_geometry(image, label)
        assert label.spatial_shape == (32, 24, 16)
        assert label.array.any()
        assert image.array[label.array].mean() > image.array[~label.array].mean() + 10
        start = np.linalg.solve(mask.affine, label.affine[:, 3])[:3].round().astype(int)
        box = tuple(slice(first, first + size) for first, size in zip(start, (32, 24, 16), strict=True))
        np.testing.assert_array_equal(label.array, mask.array[box])


def test_an_image_of_the_whole_mask_has_its_header(tree: Path, tmp_path: Path) -> None:
    write_simulated_dataset(tmp_path / "out", [tree], whole=True)
    for kind in ("images", "labels"):
        header, original = nib.load(tmp_path / "out" / kind / "case1.nii.gz").header, nib.load(tree).header
        assert header["sform_code"] == 3
        assert header["srow_x"].tobytes() == original["srow_x"].tobytes()
        assert header["pixdim"].tobytes() == original["pixdim"].tobytes()
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "labels" / "case1.nii.gz").array, read_mask(tree).array)


def test_the_same_seed_gives_the_same_simulated_images(tree: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_simulated_dataset(tmp_path / name, [tree], crop=(24, 20, 16), crops_per_mask=2, seed=3)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_masks_in_png_files_give_png_images(tmp_path: Path) -> None:
    write_volume(tmp_path / "mask.png", vessel_phantom((96, 128), seed=2).label)
    write_simulated_dataset(tmp_path / "out", [tmp_path / "mask.png"], crop=(48, 64), crops_per_mask=2)
    assert read_volume(tmp_path / "out" / "images" / "mask_01.png").spatial_shape == (48, 64)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"ndim": 4}, "ndim: got 4, expected 2 or 3"),
        ({"shape": (64, 80, 40)}, "shape: got (64, 80, 40), expected 2 sizes, as ndim"),
        ({"train": -1}, "train: got -1, expected at least 0"),
        ({"train": 0, "test": 0}, "train and test: got 0 cases, expected at least 1 case"),
        ({"file_format": ".jpg"}, "file_format: got .jpg, expected a lossless format, for instance .png"),
        ({"seed": -1}, "seed: got -1, expected at least 0"),
        ({"trees": 0}, "trees: got 0, expected at least 1"),
    ],
    ids=str,
)
def test_nothing_is_left_of_a_data_set_that_cannot_be_made(
    tmp_path: Path, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(problem)}$"):
        write_phantom_dataset(tmp_path / "new" / "out", **arguments)
    assert not list(tmp_path.iterdir())


def test_two_masks_of_one_name_are_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^masks: got several files named case1, expected one file of each name$"):
        write_simulated_dataset(tmp_path / "out", [tree, tree.parent])
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


def test_nothing_is_left_if_the_second_mask_is_empty(tree: Path, tmp_path: Path) -> None:
    write_volume(tree.parent / "case2.nii.gz", np.zeros((20, 18, 16), bool), Volume(np.zeros((20, 18, 16))))
    with pytest.raises(InputError, match=r"case2\.nii\.gz: got no foreground, expected"):
        write_simulated_dataset(tmp_path / "out", [tree.parent], crop=(16, 16, 16), crops_per_mask=1)
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


def test_a_folder_that_is_not_empty_is_not_changed(tree: Path) -> None:
    before = contents(tree.parent)
    with pytest.raises(InputError, match="not empty"):
        write_simulated_dataset(tree.parent, [tree])
    assert contents(tree.parent) == before
