"""DICOM series and multi-frame files, compared with SimpleITK and with the arrays that were written."""

from pathlib import Path
from typing import Any

import imagecodecs
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    RTStructureSetStorage,
)
from scipy.spatial.transform import Rotation

from oracles.dicom_files import (
    AXIAL,
    ENCODERS,
    SPACING,
    compressed,
    dicom_file,
    enhanced,
    set_pixels,
    slices_of,
    write_slices,
)
from segtopo.errors import InputError
from segtopo.volumes import check_same_geometry, read_mask, read_volume, write_volume

STORED = np.random.default_rng(0).integers(0, 4096, (7, 14, 11)).astype(np.uint16)  # k, j, i
SIGNED = STORED.astype(np.int16) - 2048
OBLIQUE = Rotation.random(random_state=3).as_matrix()[:2]
HOUNSFIELD = [(1, -1024)] * 7


def itk_series(folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    (series,) = reader.GetGDCMSeriesIDs(str(folder))
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series))
    return reader.Execute()


def check_places(image: sitk.Image, affine: np.ndarray) -> None:
    for index in ((0, 0, 0), (3, 5, 6), (10, 13, 2)):
        right, anterior, superior, _ = affine @ [*index, 1]
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx((-right, -anterior, superior), abs=1e-9)


def refused(path: Path, *parts: str) -> None:
    with pytest.raises(InputError) as error:
        read_volume(path)
    message = str(error.value)
    assert "\n" not in message
    for part in (str(path), ": got ", ", expected ", *parts):
        assert part in message


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE, -OBLIQUE[::-1]], ids=["axial", "oblique", "flipped"])
@pytest.mark.parametrize("stored", [STORED, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("slopes", [(), HOUNSFIELD], ids=["as stored", "Hounsfield units"])
def test_a_series_is_that_of_simpleitk(tmp_path: Path, orientation: Any, stored: np.ndarray, slopes: Any) -> None:
    folder = write_slices(tmp_path / "ct", slices_of(stored, orientation, slopes=slopes, bits=12))
    volume = read_volume(folder)
    image = itk_series(folder)
    np.testing.assert_array_equal(volume.array.T, stored.astype(int) - (1024 if slopes else 0))
    np.testing.assert_array_equal(volume.array.T, sitk.GetArrayFromImage(image))
    assert volume.array.dtype == (np.int16 if slopes or stored is SIGNED else np.uint16)
    assert volume.spacing == pytest.approx(SPACING, abs=1e-9)
    assert volume.has_position
    check_places(image, volume.affine)


@pytest.mark.parametrize("modality", ["CT", "OT"])
def test_what_simpleitk_writes_is_read(tmp_path: Path, modality: str) -> None:
    image = sitk.GetImageFromArray(STORED)
    image.SetSpacing(SPACING)
    image.SetOrigin((-10.5, 20.25, 30))
    image.SetDirection(Rotation.random(random_state=4).as_matrix().ravel().tolist())
    columns = np.reshape(image.GetDirection(), (3, 3)).T
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    (tmp_path / "series").mkdir()
    for k in range(7):
        page = image[:, :, k]
        place = image.TransformIndexToPhysicalPoint((0, 0, k))
        for key, value in {
            "0008|0060": modality,
            "0020|000e": "1.2.3.5",
            "0020|0032": "\\".join(map(str, place)),
            "0020|0037": "\\".join(map(str, columns[:2].ravel())),
        }.items():
            page.SetMetaData(key, value)
        writer.SetFileName(str(tmp_path / f"series/{6 - k}.dcm"))
        writer.Execute(page)
    sitk.WriteImage(image, str(tmp_path / "frames.dcm"))
    for path in (tmp_path / "series", tmp_path / "frames.dcm"):
        volume = read_volume(path)
        np.testing.assert_array_equal(volume.array.T, STORED)
        check_places(image, volume.affine)


@pytest.mark.parametrize("extension", [".nii.gz", ".nrrd", ".mha"])
def test_a_series_and_its_conversion_are_the_same(tmp_path: Path, extension: str) -> None:
    folder = write_slices(tmp_path / "ct", slices_of(STORED, OBLIQUE, slopes=HOUNSFIELD))
    sitk.WriteImage(itk_series(folder), str(tmp_path / f"ct{extension}"))
    volume, converted = read_volume(folder), read_volume(tmp_path / f"ct{extension}")
    np.testing.assert_array_equal(volume.array, converted.array)
    check_same_geometry(volume, converted, tolerance=1e-5)
    write_volume(tmp_path / f"own{extension}", volume.array > 0, volume)
    check_same_geometry(read_volume(tmp_path / f"own{extension}"), converted, tolerance=1e-5)


def test_slices_of_slopes_of_their_own_are_not_rounded(tmp_path: Path) -> None:
    # SimpleITK takes the dtype of the first slice for all of them, and cuts the fractions of the others off.
    slopes = [(1 + number / 2, number - 3.25) for number in range(7)]
    volume = read_volume(write_slices(tmp_path / "pet", slices_of(STORED, slopes=slopes)))
    expected = np.stack(
        [slope * page + inter for page, (slope, inter) in zip(STORED.astype(float), slopes, strict=True)]
    )
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.array.T, expected, rtol=1e-7)


@pytest.mark.parametrize("frames", [[0, 1, 2, 3, 4, 5, 6], [3, 0, 6, 1, 2, 5, 4]], ids=["in order", "shuffled"])
@pytest.mark.parametrize("slopes", [(), [(number + 1, -number) for number in range(7)]], ids=["as stored", "scaled"])
def test_frames_of_one_file_are_the_slices_of_a_series(tmp_path: Path, frames: list[int], slopes: Any) -> None:
    slices = slices_of(STORED, OBLIQUE, slopes=slopes)
    enhanced(slices, frames).save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    volume, series = read_volume(tmp_path / "ct.dcm"), read_volume(write_slices(tmp_path / "ct", slices))
    np.testing.assert_array_equal(volume.array, series.array)
    np.testing.assert_array_equal(volume.affine, series.affine)
    assert volume.array.dtype == series.array.dtype


def test_the_first_frame_lies_where_simpleitk_puts_it(tmp_path: Path) -> None:
    enhanced(slices_of(STORED, OBLIQUE), range(7)).save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    image = sitk.ReadImage(str(tmp_path / "ct.dcm"))
    volume = read_volume(tmp_path / "ct.dcm")
    np.testing.assert_array_equal(volume.array.T, sitk.GetArrayFromImage(image))
    check_places(image, volume.affine)


def test_the_slices_of_a_tilted_gantry_are_a_sheared_grid(tmp_path: Path) -> None:
    slices = slices_of(STORED, step=np.array([0, 0.9, 2.3]))
    folder = write_slices(tmp_path / "ct", slices)
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.array.T, STORED)
    for k in (0, 4, 6):
        x, y, z = (float(value) for value in slices[k].ImagePositionPatient)
        np.testing.assert_allclose(volume.affine @ [0, 0, k, 1], [-x, -y, z, 1], atol=1e-9)
    for extension in (".nii.gz", ".mha", ".nrrd"):
        write_volume(tmp_path / f"mask{extension}", volume.array > 9, volume)
        check_same_geometry(read_volume(tmp_path / f"mask{extension}"), volume, tolerance=1e-5)
    np.testing.assert_allclose(nib.load(tmp_path / "mask.nii.gz").affine, volume.affine, atol=1e-6)


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("stored", [STORED, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", [12, 16])
def test_compressed_slices_are_read(tmp_path: Path, syntax: Any, stored: np.ndarray, bits: int) -> None:
    slices = [compressed(dataset, syntax, ENCODERS[syntax]) for dataset in slices_of(stored, bits=bits)]
    folder = write_slices(tmp_path / "ct", slices)
    np.testing.assert_array_equal(read_volume(folder).array.T, stored)
    if stored is STORED:
        np.testing.assert_array_equal(sitk.GetArrayFromImage(itk_series(folder)), stored)


@pytest.mark.parametrize(
    "stored", [STORED, SIGNED, (STORED // 16).astype(np.uint8)], ids=["unsigned", "signed", "byte"]
)
@pytest.mark.parametrize("multi_frame", [False, True])
def test_run_lengths_are_read(tmp_path: Path, stored: np.ndarray, multi_frame: bool) -> None:
    slices = slices_of(stored)
    if multi_frame:
        dataset = enhanced(slices, range(7))
        dataset.compress(RLELossless)
        dataset.save_as(tmp_path / "ct.dcm", enforce_file_format=True)
        np.testing.assert_array_equal(read_volume(tmp_path / "ct.dcm").array.T, stored)
        return
    for dataset in slices:
        dataset.compress(RLELossless, generate_instance_uid=False)
    folder = write_slices(tmp_path / "ct", slices)
    np.testing.assert_array_equal(read_volume(folder).array.T, stored)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(itk_series(folder)), stored)


def test_a_lossy_image_is_that_of_simpleitk(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8)[None] * 3
    (dataset,) = slices_of(smooth)
    compressed(dataset, JPEGBaseline8Bit, lambda pixels, bits: imagecodecs.jpeg8_encode(pixels, level=90))
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.dcm")))[0]
    assert np.abs(read_volume(tmp_path / "a.dcm").array.T.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_plain_encoding_is_read(tmp_path: Path, syntax: Any) -> None:
    slices = slices_of(SIGNED)
    for dataset in slices:
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, dataset in enumerate(slices):
        pydicom.dcmwrite(
            folder / f"{number}",
            dataset,
            enforce_file_format=True,
            little_endian=syntax != ExplicitVRBigEndian,
            implicit_vr=syntax == ImplicitVRLittleEndian,
        )
    np.testing.assert_array_equal(read_volume(folder).array.T, SIGNED)


def test_overlays_in_unused_bits_are_no_values(tmp_path: Path) -> None:
    slices = slices_of(STORED | 0x5000)
    for dataset in slices:
        dataset.BitsStored, dataset.HighBit = 12, 11
    np.testing.assert_array_equal(read_volume(write_slices(tmp_path / "ct", slices)).array.T, STORED)


@pytest.mark.parametrize(("stored", "bits", "ends"), [(STORED, 12, 4095), (STORED, 16, 65535), (SIGNED, 16, -1)])
def test_white_is_the_largest_value_also_where_it_is_stored_as_the_lowest(
    tmp_path: Path, stored: np.ndarray, bits: int, ends: int
) -> None:
    slices = slices_of(stored, bits=bits)
    for dataset in slices:
        dataset.PhotometricInterpretation = "MONOCHROME1"
    folder = write_slices(tmp_path / "film", slices)
    np.testing.assert_array_equal(read_volume(folder).array.T, ends - stored.astype(int))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(itk_series(folder)), ends - stored.astype(int))


def test_a_scale_of_inverted_values_is_refused(tmp_path: Path) -> None:
    slices = slices_of(STORED, slopes=HOUNSFIELD)
    slices[3].PhotometricInterpretation = "MONOCHROME1"
    refused(write_slices(tmp_path / "ct", slices), "MONOCHROME1")


def test_a_missing_slice_is_refused_with_its_place(tmp_path: Path) -> None:
    slices = slices_of(STORED)
    del slices[4]
    write_slices(tmp_path / "ct", slices)
    numbers = np.random.default_rng(0).permutation(6)
    place = f"a step of (0, 0, 5) mm from IM{numbers[3]:04} to IM{numbers[4]:04}"
    refused(tmp_path / "ct", place, "the usual step of (0, 0, 2.5) mm")


@pytest.mark.parametrize("shift", [[0, 0, 0.2], [0.2, 0, 0]], ids=["along the normal", "across the normal"])
def test_a_slice_off_its_place_is_refused(tmp_path: Path, shift: list[float]) -> None:
    slices = slices_of(STORED)
    slices[2].ImagePositionPatient = [f"{value:.6f}" for value in np.add(slices[2].ImagePositionPatient, shift)]
    refused(write_slices(tmp_path / "ct", slices), "a step of", "IM", "no slice missing")


def test_positions_rounded_by_the_scanner_are_even(tmp_path: Path) -> None:
    slices = slices_of(STORED, spacing=(0.8, 0.6, 1.3333))
    for dataset in slices:
        dataset.ImagePositionPatient = [f"{value:.2f}" for value in dataset.ImagePositionPatient]
    assert read_volume(write_slices(tmp_path / "ct", slices)).spacing == pytest.approx((0.8, 0.6, 1.3333), abs=1e-3)


def test_two_volumes_in_one_series_are_refused(tmp_path: Path) -> None:
    slices = slices_of(STORED[:4]) + slices_of(STORED[3:])
    refused(write_slices(tmp_path / "mr", slices), "at one position, (-10.5, 20.25, 30) mm", "one volume, not several")


def test_two_series_are_refused_with_their_names(tmp_path: Path) -> None:
    slices, others = slices_of(STORED), slices_of(STORED[:1], OBLIQUE)
    for dataset in others:
        dataset.SeriesInstanceUID, dataset.SeriesDescription = "1.2.3.6", "Topogram"
    folder = write_slices(tmp_path / "ct", slices + others)
    refused(folder, "2 series: 1.2.3.5 CT (7 files), 1.2.3.6 CT Topogram (1 file)", "one series")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "(0, 1, 0, 0, 0, -1) in IM"),
        ({"PixelSpacing": [1.5, 1.5]}, "(1.5, 1.5) in IM"),
        ({"Rows": 11, "Columns": 14}, "14 x 11 pixels of uint16 in "),
        ({"PixelRepresentation": 1}, "14 x 11 pixels of int16 in "),
        ({"ImagePositionPatient": None}, "without position, orientation"),
        ({"PhotometricInterpretation": "RGB"}, "got colours (RGB)"),
        ({"NumberOfFrames": 2}, "got 2 frames"),
    ],
)
def test_a_slice_that_differs_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    slices = slices_of(STORED)
    for key, value in change.items():
        setattr(slices[5], key, value)
    refused(write_slices(tmp_path / "ct", slices), message)


def test_other_files_in_the_folder_are_no_slices(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "ct", slices_of(STORED))
    for name in ("notes.txt", ".DS_Store", "DICOMDIR", "series.json"):
        (folder / name).write_text("notes", encoding="utf-8")
    np.testing.assert_array_equal(read_volume(folder).array.T, STORED)
    (folder / "IM9999").write_text("notes", encoding="utf-8")
    refused(folder, "IM9999")


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_a_cut_slice_is_refused_with_its_name(tmp_path: Path, kept: float) -> None:
    folder = write_slices(tmp_path / "ct", slices_of(STORED))
    data = (folder / "IM0003").read_bytes()
    (folder / "IM0003").write_bytes(data[: int(kept * len(data))])
    refused(folder, "IM0003: got ")


def test_a_folder_without_slices_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    refused(tmp_path, "a folder without slices")


def test_an_object_without_pixels_is_refused(tmp_path: Path) -> None:
    dicom_file(RTStructureSetStorage).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    refused(tmp_path / "a.dcm", "no pixels (RT Structure Set Storage)")


def test_values_through_a_table_are_refused(tmp_path: Path) -> None:
    (dataset,) = slices_of(STORED[:1])
    dataset.ModalityLUTSequence = []
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    refused(tmp_path / "a.dcm", "Modality LUT")


def test_frames_without_positions_are_refused(tmp_path: Path) -> None:
    dataset = dicom_file()
    set_pixels(dataset, STORED)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    refused(tmp_path / "a.dcm", "frame 1 of a.dcm without position")


def test_a_radiograph_is_a_2d_image_without_a_position(tmp_path: Path) -> None:
    dataset = dicom_file(ComputedRadiographyImageStorage)
    set_pixels(dataset, STORED[0])
    dataset.ImagerPixelSpacing = [0.2, 0.15]
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    volume = read_volume(tmp_path / "a.dcm")
    np.testing.assert_array_equal(volume.array.T, STORED[0])
    assert (volume.ndim, volume.has_position) == (2, False)
    assert volume.spacing == pytest.approx(sitk.ReadImage(str(tmp_path / "a.dcm")).GetSpacing()[:2])


def test_one_slice_is_a_2d_image_in_space(tmp_path: Path) -> None:
    (dataset,) = slices_of(STORED[:1], OBLIQUE)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    volume = read_volume(tmp_path / "a.dcm")
    image = sitk.ReadImage(str(tmp_path / "a.dcm"))
    assert volume.ndim == 2
    place = image.TransformIndexToPhysicalPoint((3, 5, 0))
    np.testing.assert_allclose((volume.affine @ [3, 5, 0, 1])[:3], place * np.array([-1, -1, 1]), atol=1e-9)


def test_labels_in_a_series_are_a_mask(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "labels", slices_of(STORED % 3))
    np.testing.assert_array_equal(read_mask(folder, [2]).array.T, STORED % 3 == 2)


def test_dicom_is_not_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "a.dcm"):
        with pytest.raises(InputError, match="expected a file of another format"):
            write_volume(path, STORED)
