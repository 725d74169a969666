"""Files that cannot be used are refused in one line, and no partial file is left."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segtopo.errors import InputError
from segtopo.volumes import Volume, check_same_geometry, list_images, read_mask, read_volume, write_volume

NOISE = np.random.default_rng(0).integers(0, 255, (30, 40, 20), np.uint8)


def refused(error: pytest.ExceptionInfo[InputError], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert ": got " in message
    assert ", expected " in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("extension", [".nii", ".nii.gz", ".mha", ".nrrd", ".tif", ".png", ".jpg", ".mhd"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.6])
def test_a_truncated_file_is_refused(
    tmp_path: Path, extension: str, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"image{extension}"
    if extension in {".png", ".jpg"}:
        Image.fromarray(NOISE[..., 0]).save(path)
    else:
        write_volume(path, NOISE)
    damaged = next(tmp_path.glob("*.zraw"), path)
    data = damaged.read_bytes()
    damaged.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError) as error:
        read_volume(path)
    refused(error, path.name, "truncated or damaged")
    if extension not in {".mha", ".mhd"}:  # MetaIO, which SimpleITK uses for these, prints on standard error itself
        assert capfd.readouterr().err == ""


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_volume(tmp_path / "absent.nii.gz")
    refused(error, "absent.nii.gz", "no such file")


def test_a_folder_is_not_read_as_an_image(tmp_path: Path) -> None:
    (tmp_path / "folder.nrrd").mkdir()
    with pytest.raises(InputError) as error:
        read_volume(tmp_path / "folder.nrrd")
    refused(error, "folder.nrrd")


@pytest.mark.parametrize("action", [read_volume, lambda path: write_volume(path, NOISE)])
def test_an_unknown_extension_is_refused(tmp_path: Path, action) -> None:
    (tmp_path / "image.gz").touch()
    with pytest.raises(InputError) as error:
        action(tmp_path / "image.gz")
    refused(error, "image.gz", "unsupported", ".nii.gz")


@pytest.mark.parametrize("extension", [".nii.gz", ".mha", ".tif"])
def test_nan_is_refused_with_its_count_and_first_position(tmp_path: Path, extension: str) -> None:
    array = NOISE.astype(np.float32)
    array[7, 3, 2] = array[7, 4, 1] = array[9, 0, 0] = np.nan
    write_volume(tmp_path / f"image{extension}", array)
    with pytest.raises(InputError) as error:
        read_volume(tmp_path / f"image{extension}")
    refused(error, "got NaN in 3 of 24000 voxels, the first at (7, 3, 2)")


@pytest.mark.parametrize("extension", [".nii.gz", ".mha", ".png"])
def test_a_label_map_is_not_read_as_a_mask(tmp_path: Path, extension: str) -> None:
    write_volume(tmp_path / f"labels{extension}", np.arange(30, dtype=np.uint8).reshape(6, 5) % 4)
    with pytest.raises(InputError) as error:
        read_mask(tmp_path / f"labels{extension}")
    refused(error, "0, 1, 2, 3", "binary mask")


def test_a_photograph_is_not_read_as_a_mask(tmp_path: Path) -> None:
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "photo.png")
    with pytest.raises(InputError) as error:
        read_mask(tmp_path / "photo.png")
    refused(error, "3 channels")


def test_different_shapes_are_reported_with_both_names() -> None:
    with pytest.raises(InputError) as error:
        check_same_geometry(Volume(NOISE), Volume(NOISE[1:]), "a.nii", "b.nii")
    refused(error, "a.nii: got shape (30, 40, 20), expected the shape (29, 40, 20) of b.nii")


def test_empty_and_missing_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="got no image"):
        list_images(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        list_images(tmp_path / "absent")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as error:
        write_volume(tmp_path / "file" / "image.nii.gz", NOISE)
    refused(error, "image.nii.gz", "cannot be written")


@pytest.mark.parametrize("name", ["image.jpg", "image.png"])
def test_values_that_a_picture_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as error:
        write_volume(tmp_path / name, NOISE[..., 0].astype(np.float32))
    refused(error, name)
    assert not list(tmp_path.iterdir())


def test_an_array_whose_shape_differs_from_that_of_like_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"array: got shape .*spatial shape"):
        write_volume(tmp_path / "a.nii", NOISE[1:], Volume(NOISE))
