"""Tests with real scans and photographs; they are skipped if the data are not available."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from segtopo.phantoms import write_simulated_dataset
from segtopo.volumes import check_same_geometry, read_mask, read_volume, write_volume


@pytest.fixture
def data() -> Path:
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    return folder


def test_a_photograph_of_the_retina_and_its_mask(data: Path, tmp_path: Path) -> None:
    photograph = read_volume(data / "chase_db1" / "train" / "images" / "Image_01L.jpg")
    mask = read_mask(data / "chase_db1" / "train" / "labels" / "Image_01L.png")
    assert photograph.has_channels
    assert photograph.array.shape == (3, 960, 999)
    check_same_geometry(photograph, mask)
    write_volume(tmp_path / "mask.png", mask.array, photograph)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png").array, mask.array)


@pytest.mark.parametrize("structure", ["hepaticArtery", "portalVein"])
def test_a_mask_of_liver_vessels_keeps_its_geometry(data: Path, tmp_path: Path, structure: str) -> None:
    path = data / "liver" / f"case1_{structure}.nii.gz"
    mask = read_mask(path)
    write_volume(tmp_path / "out.nii.gz", mask.array, mask)
    a, b = nib.load(path), nib.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(a.affine, b.affine)
    for field in (
        "pixdim",
        "srow_x",
        "srow_y",
        "srow_z",
        "quatern_b",
        "quatern_c",
        "quatern_d",
        "xyzt_units",
    ):
        assert a.header[field].tobytes() == b.header[field].tobytes(), field
    np.testing.assert_array_equal(a.get_fdata() != 0, b.get_fdata() != 0)


def test_a_label_of_0_and_255_is_a_mask(data: Path) -> None:
    image, label = read_volume(data / "octa3d" / "image.nii.gz"), read_mask(data / "octa3d" / "label.nii.gz")
    assert image.array.dtype == np.uint8
    assert label.array.any()
    check_same_geometry(image, label)


def test_crops_of_an_anisotropic_mask_keep_its_spacing(data: Path, tmp_path: Path) -> None:
    path = data / "liver" / "case1_portalVein.nii.gz"
    write_simulated_dataset(tmp_path / "out", [path], crop=(64, 48, 40), crops_per_mask=1)
    label = read_mask(tmp_path / "out" / "labels" / "case1_portalVein_00.nii.gz")
    assert label.spatial_shape == (64, 48, 30)
    assert label.spacing == pytest.approx(read_mask(path).spacing)
