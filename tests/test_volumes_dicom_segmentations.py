"""DICOM segmentations as masks, compared with highdicom's own reading and with the arrays that were written."""

from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless
from scipy.spatial.transform import Rotation

from oracles.dicom_files import segmentation, slices_of, write_slices
from segtopo.errors import InputError
from segtopo.volumes import Segment, Volume, check_same_geometry, mask_above, onto_grid, read_mask, read_volume

SCAN = np.random.default_rng(0).integers(0, 4096, (7, 14, 11)).astype(np.uint16)  # k, j, i
LABELS = (SCAN % 4).astype(np.uint8)
OBLIQUE = Rotation.random(random_state=3).as_matrix()[:2]
SLICES = slices_of(SCAN, OBLIQUE)
NAMES = ("artery", "portal vein", "tumour")


def written(folder: Path, pixels: np.ndarray, kind: str = "BINARY", names: Any = NAMES, **options: Any) -> Path:
    segmentation(SLICES, pixels, kind, names, **options).save_as(folder / "seg.dcm")
    return folder / "seg.dcm"


@pytest.fixture
def image(tmp_path: Path) -> Volume:
    return read_volume(write_slices(tmp_path / "image", SLICES))


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "FRACTIONAL"])
def test_segments_are_selected_by_name(tmp_path: Path, kind: str, image: Volume) -> None:
    path = written(tmp_path, LABELS, kind)
    volume = read_volume(path)
    assert volume.segments == {name: Segment(0, number) for number, name in enumerate(NAMES, start=1)}
    np.testing.assert_array_equal(volume.array.T, LABELS)
    check_same_geometry(volume, image, tolerance=1e-6)
    for names, expected in ((["artery"], LABELS == 1), (["tumour", "portal vein"], LABELS > 1)):
        np.testing.assert_array_equal(read_mask(path, names).array.T, expected)
    np.testing.assert_array_equal(read_mask(path, [3]).array.T, LABELS == 3)
    for labels, message in ((None, "3 segments"), (["liver"], "artery, portal vein, tumour")):
        with pytest.raises(InputError, match=message):
            read_mask(path, labels)


def test_values_and_places_are_those_of_highdicom(tmp_path: Path) -> None:
    path = written(tmp_path, LABELS)
    volume, other = read_volume(path), hd.seg.segread(path).get_volume(combine_segments=True)
    for index in ((0, 0, 0), (10, 13, 6), (3, 8, 2)):
        x, y, z = (volume.affine @ [*index, 1])[:3]
        place = np.rint(np.linalg.inv(other.affine) @ [-x, -y, z, 1]).astype(int)
        assert volume.array[index] == other.array[tuple(place[:3])]
        np.testing.assert_allclose((other.affine @ place)[:3], [-x, -y, z], atol=1e-6)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_overlapping_segments_have_layers(tmp_path: Path, kind: str, image: Volume) -> None:
    overlapping = np.stack([LABELS > 2, LABELS > 0, LABELS == 1], axis=-1).astype(np.uint8)
    path = written(tmp_path, overlapping, kind)
    volume = read_volume(path)
    assert volume.segments == {name: Segment(layer, 1) for layer, name in enumerate(NAMES)}
    check_same_geometry(volume, image, tolerance=1e-6)
    for names, expected in (
        (["artery"], LABELS > 2),
        (["portal vein"], LABELS > 0),
        (["tumour", "artery"], (LABELS == 1) | (LABELS == 3)),
    ):
        np.testing.assert_array_equal(read_mask(path, names).array.T, expected)
    with pytest.raises(InputError, match="channels of overlapping segments"):
        read_mask(path, [1])


def test_one_segment_is_a_mask(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        read_mask(written(tmp_path, (LABELS > 0) * np.uint8(1), names=["a"])).array.T, LABELS > 0
    )


def test_segments_of_one_name_are_told_apart_by_their_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, LABELS, names=["vessel", "vessel", "tumour"])
    assert list(read_volume(path).segments) == ["vessel (1)", "vessel (2)", "tumour"]
    np.testing.assert_array_equal(read_mask(path, ["vessel (2)"]).array.T, LABELS == 2)


def test_fractions_are_a_probability_map(tmp_path: Path, image: Volume) -> None:
    fractions = (SCAN / 4095).astype(np.float32)
    path = written(tmp_path, fractions, "FRACTIONAL", ["vessel"], max_fractional_value=255)
    volume = read_volume(path)
    assert (volume.array.dtype, volume.segments) == (np.float32, {})
    np.testing.assert_array_equal(volume.array.T, np.rint(fractions * 255).astype(np.float32) / np.float32(255))
    check_same_geometry(volume, image, tolerance=1e-6)
    np.testing.assert_array_equal(mask_above(volume, path, 0.4).array.T, np.rint(fractions * 255) > 0.4 * 255)
    with pytest.raises(InputError, match="fractions among"):
        read_mask(path)
    with pytest.raises(InputError, match="names no segment"):
        read_mask(path, ["vessel"])


def test_fractions_of_several_segments_have_channels(tmp_path: Path) -> None:
    fractions = np.stack([SCAN / 4095, 1 - SCAN / 4095], axis=-1).astype(np.float32)
    volume = read_volume(written(tmp_path, fractions, "FRACTIONAL", NAMES[:2]))
    assert volume.has_channels
    np.testing.assert_allclose(volume.array.T, fractions, atol=0.51 / 255)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("layers", [False, True])
def test_empty_frames_that_are_left_out_are_filled(tmp_path: Path, kind: str, layers: bool, image: Volume) -> None:
    labels = LABELS.copy()
    labels[[2, 4]] = 0
    pixels = labels if not layers else np.stack([labels == 1, labels > 0, labels == 2], axis=-1).astype(np.uint8)
    if layers and kind == "LABELMAP":
        pixels[..., 1] = labels == 3
    path = written(tmp_path, pixels, kind)
    assert pydicom.dcmread(path).NumberOfFrames < 7 * (1 if kind == "LABELMAP" else 3)
    np.testing.assert_array_equal(read_mask(path, ["artery"]).array.T, labels == 1)
    check_same_geometry(read_volume(path), image, tolerance=1e-6)


def test_a_segmentation_of_a_part_of_its_image_is_extended_by_background(tmp_path: Path, image: Volume) -> None:
    labels = LABELS.copy()
    labels[[0, 1, 6]] = 0
    volume = read_volume(written(tmp_path, labels))
    np.testing.assert_array_equal(volume.array.T, labels[2:6])
    whole = onto_grid(volume, image)
    np.testing.assert_array_equal(whole.array.T, labels)
    assert whole.segments == volume.segments
    check_same_geometry(whole, image, tolerance=1e-6)


def test_fractions_of_a_part_of_an_image_are_refused_with_the_part(tmp_path: Path, image: Volume) -> None:
    labels = LABELS.copy()
    labels[[0, 1, 6]] = 0
    path = written(tmp_path, (labels / 4).astype(np.float32), "FRACTIONAL", ["vessel"], max_fractional_value=255)
    with pytest.raises(InputError) as error:
        onto_grid(read_volume(path), image, str(path), "image")
    part = "shape (11, 14, 4), only the voxels (0, 0, 2) to (10, 13, 5)"
    assert str(error.value) == f"{path}: got {part}, expected the shape (11, 14, 7) of image"


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_labels_are_read(tmp_path: Path, syntax: Any) -> None:
    path = written(tmp_path, LABELS, "LABELMAP", transfer_syntax_uid=syntax)
    np.testing.assert_array_equal(read_volume(path).array.T, LABELS)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_segmentation_is_refused(tmp_path: Path, kind: str, kept: float) -> None:
    path = written(tmp_path, LABELS, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match=r"seg\.dcm: got truncated or damaged data[^\n]*$"):
        read_volume(path)


def test_segments_off_the_grid_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, LABELS)
    dataset = pydicom.dcmread(path)
    for frame in dataset.PerFrameFunctionalGroupsSequence[:4]:
        frame.PlanePositionSequence[0].ImagePositionPatient[0] += 0.7
    dataset.save_as(path)
    with pytest.raises(InputError, match=r"seg\.dcm: got [^\n]*regularly-spaced[^\n]*$"):
        read_volume(path)
