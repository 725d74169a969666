"""Images are read as they were written, in every format."""

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
from PIL import Image

from segtopo.volumes import Volume, image_stem, list_images, read_mask, read_volume, write_volume

MEDICAL = [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"]
OBLIQUE = np.array([[0.8, -0.3, 0.1, -12.5], [0.28, 0.75, -0.4, 30.0], [0.05, 0.5, 2.2, -7.25], [0, 0, 0, 1]])


def voxels(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    random = np.random.default_rng(3)
    if np.dtype(dtype).kind == "f":
        return random.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return random.integers(max(info.min, -30000), min(info.max, 30000), shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("extension", MEDICAL)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "float32", "float64"])
def test_a_written_volume_is_read_unchanged(tmp_path: Path, extension: str, dtype: str) -> None:
    array = voxels((7, 5, 4), dtype)
    write_volume(tmp_path / f"image{extension}", array, Volume(array, OBLIQUE))
    volume = read_volume(tmp_path / f"image{extension}")
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.affine, OBLIQUE, atol=1e-5)
    assert volume.spacing == pytest.approx(np.linalg.norm(OBLIQUE[:3, :3], axis=0), abs=1e-6)


@pytest.mark.parametrize("extension", [*MEDICAL, ".png", ".tif"])
def test_2d_images_are_read_as_2d(tmp_path: Path, extension: str) -> None:
    array = voxels((7, 5), "uint8")
    write_volume(tmp_path / f"image{extension}", array)
    volume = read_volume(tmp_path / f"image{extension}")
    np.testing.assert_array_equal(volume.array, array)
    assert volume.ndim == 2
    np.testing.assert_array_equal(volume.affine, np.eye(4))


@pytest.mark.parametrize("extension", [*MEDICAL, ".tif"])
@pytest.mark.parametrize("shape", [(3, 7, 5), (2, 7, 5, 4)])
def test_channels_are_on_the_first_axis(tmp_path: Path, extension: str, shape: tuple[int, ...]) -> None:
    array = voxels(shape, "float32")
    write_volume(tmp_path / f"image{extension}", array, Volume(array[0]))
    volume = read_volume(tmp_path / f"image{extension}")
    assert volume.has_channels
    assert volume.spatial_shape == shape[1:]
    np.testing.assert_array_equal(volume.array, array)


def test_the_colours_of_a_png_are_on_the_first_axis(tmp_path: Path) -> None:
    array = voxels((3, 7, 5), "uint8")
    write_volume(tmp_path / "photo.png", array, Volume(array, has_channels=True))
    np.testing.assert_array_equal(read_volume(tmp_path / "photo.png").array, array)


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw"])
def test_tiff_stacks_and_compressed_tiff_are_read(tmp_path: Path, compression: str) -> None:
    array = voxels((7, 5), "uint8")
    Image.fromarray(array).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").array, array)
    stack = voxels((4, 7, 5), "uint16")
    write_volume(tmp_path / "stack.tif", stack)
    volume = read_volume(tmp_path / "stack.tif")
    assert not volume.has_channels
    np.testing.assert_array_equal(volume.array, stack)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
def test_png_masks_of_every_mode_are_read(tmp_path: Path, mode: str) -> None:
    mask = voxels((7, 5), "int8") > 0
    Image.fromarray(mask.astype(np.uint8) * 255).convert(mode).save(tmp_path / "mask.png")
    volume = read_mask(tmp_path / "mask.png")
    assert volume.array.dtype == bool
    np.testing.assert_array_equal(volume.array, mask)


def test_png_holds_16_bits(tmp_path: Path) -> None:
    array = voxels((7, 5), "uint16")
    write_volume(tmp_path / "a.png", array)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.png").array, array)


@pytest.mark.parametrize(("extension", "foreground"), [(".nii.gz", 1), (".mha", 1), (".png", 255), (".tif", 255)])
def test_masks_are_stored_as_bytes(tmp_path: Path, extension: str, foreground: int) -> None:
    mask = voxels((7, 5), "int8") > 0
    write_volume(tmp_path / f"mask{extension}", mask)
    stored = read_volume(tmp_path / f"mask{extension}").array
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(np.unique(stored), [0, foreground])
    np.testing.assert_array_equal(read_mask(tmp_path / f"mask{extension}").array, mask)


def test_64_bit_integers_are_stored_in_the_smallest_dtype(tmp_path: Path) -> None:
    write_volume(tmp_path / "labels.nii", np.arange(20).reshape(5, 4))
    assert read_volume(tmp_path / "labels.nii").array.dtype == np.uint8
    write_volume(tmp_path / "signed.mha", np.arange(-300, 300).reshape(30, 20))
    np.testing.assert_array_equal(read_volume(tmp_path / "signed.mha").array, np.arange(-300, 300).reshape(30, 20))


def test_scaled_and_big_endian_nifti_are_read(tmp_path: Path) -> None:
    array = voxels((7, 5, 4), "int16")
    image = nib.Nifti1Image(array, np.eye(4), nib.Nifti1Header(endianness=">"))
    image.header.set_data_dtype(">i2")
    nib.save(image, tmp_path / "big.nii.gz")
    volume = read_volume(tmp_path / "big.nii.gz")
    assert volume.array.dtype == np.dtype("=i2")
    np.testing.assert_array_equal(volume.array, array)

    image = nib.Nifti1Image(array, np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nib.save(image, tmp_path / "scaled.nii.gz")
    scaled = read_volume(tmp_path / "scaled.nii.gz").array
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, nib.load(tmp_path / "scaled.nii.gz").get_fdata(), rtol=1e-6)


def test_a_label_selects_one_structure(tmp_path: Path) -> None:
    labels = np.arange(35, dtype=np.uint8).reshape(7, 5) % 3
    write_volume(tmp_path / "labels.nii.gz", labels)
    np.testing.assert_array_equal(read_mask(tmp_path / "labels.nii.gz", [2]).array, labels == 2)


def test_names_have_no_extension_and_hidden_files_are_not_listed(tmp_path: Path) -> None:
    assert image_stem("a/case.01.nii.gz") == "case.01"
    for name in ("b.PNG", "a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.PNG"]


def test_the_same_array_gives_the_same_bytes(tmp_path: Path) -> None:
    array = voxels((7, 5, 4), "uint8")
    write_volume(tmp_path / "a.nii.gz", array)
    write_volume(tmp_path / "b.nii.gz", array)
    compressed = (tmp_path / "a.nii.gz").read_bytes()
    assert compressed == (tmp_path / "b.nii.gz").read_bytes()
    assert compressed[4:8] == bytes(4), "gzip's time stamp is zero"


def test_an_rgb_tiff_is_read_with_its_channels_first(tmp_path: Path) -> None:
    rgb = voxels((7, 5, 3), "uint8")
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb")
    np.testing.assert_array_equal(read_volume(tmp_path / "rgb.tif").array, np.moveaxis(rgb, -1, 0))


def test_the_import_loads_no_heavy_library() -> None:
    heavy = "{'torch', 'monai', 'nibabel', 'SimpleITK', 'scipy', 'skimage', 'PIL', 'tifffile', 'matplotlib'}"
    code = f"import sys, segtopo.volumes; sys.exit(str(found) if (found := {heavy} & set(sys.modules)) else 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
