"""NIfTI, Analyze and FreeSurfer files, compared with nibabel, with headers as other programs write them."""

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from segtopo.errors import InputError
from segtopo.volumes import Volume, check_same_geometry, read_mask, read_volume, write_volume

SHAPE = (7, 5, 4)
OBLIQUE = np.array([[0.8, -0.3, 0.1, -12.5], [0.28, 0.75, -0.4, 30.0], [0.05, 0.5, 2.2, -7.25], [0, 0, 0, 1]])
LABELS = np.arange(140, dtype=np.int64).reshape(SHAPE) % 6


def rigid(seed: int) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() * [0.5, 0.75, 2]
    affine[:3, 3] = [10, -20, 30]
    return affine


def freesurfer(path: Path) -> nib.MGHImage:
    """Reads by nibabel; its ``load`` leaves MGH files open."""
    data = path.read_bytes()
    return nib.MGHImage.from_bytes(gzip.decompress(data) if path.suffix == ".mgz" else data)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
@pytest.mark.parametrize("largest", [6, 10, 2035])
def test_labels_stored_through_a_scale_factor_are_the_integers_they_stand_for(
    tmp_path: Path, dtype: type, largest: int
) -> None:
    labels = LABELS.astype(float)
    labels[0, 0, 0] = largest
    image = nib.Nifti1Image(labels, OBLIQUE)
    image.header.set_data_dtype(dtype)
    nib.save(image, tmp_path / "labels.nii.gz")
    assert nib.load(tmp_path / "labels.nii.gz").dataobj.slope != 1
    if dtype is np.uint8 and largest > 10:  # too coarse: 0, 7.98, ...
        with pytest.raises(InputError):
            read_mask(tmp_path / "labels.nii.gz", [1])
        return
    volume = read_volume(tmp_path / "labels.nii.gz")
    assert volume.array.dtype.kind in "iu"
    np.testing.assert_array_equal(volume.array, labels)
    np.testing.assert_array_equal(read_mask(tmp_path / "labels.nii.gz", [3]).array, labels == 3)


@pytest.mark.parametrize(("slope", "inter"), [(1 / 255, 0), (0.5, -3), (1e-4, 0.00003), (1.0001, 0), (-0.25, 1)])
def test_fractions_stored_through_a_scale_factor_stay_fractions(tmp_path: Path, slope: float, inter: float) -> None:
    image = nib.Nifti1Image(np.arange(140, dtype=np.int16).reshape(SHAPE) * 201, np.eye(4))
    image.header.set_slope_inter(slope, inter)
    nib.save(image, tmp_path / "scaled.nii")
    volume = read_volume(tmp_path / "scaled.nii")
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.array, nib.load(tmp_path / "scaled.nii").get_fdata(), rtol=1e-6, atol=1e-6)


def test_hounsfield_units_with_an_intercept_are_integers(tmp_path: Path) -> None:
    image = nib.Nifti1Image((LABELS * 700).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(1, -1024)
    nib.save(image, tmp_path / "ct.nii.gz")
    volume = read_volume(tmp_path / "ct.nii.gz")
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, LABELS * 700 - 1024)


@pytest.mark.parametrize(("unit", "millimetres"), [("micron", 1e-3), ("meter", 1e3), ("mm", 1), ("unknown", 1)])
@pytest.mark.parametrize("form", ["sform", "qform", "neither"])
def test_lengths_in_other_units_are_converted_and_written_back(
    tmp_path: Path, unit: str, millimetres: float, form: str
) -> None:
    image = nib.Nifti1Image(LABELS.astype(np.uint8), rigid(4))
    image.set_qform(rigid(4), code=int(form == "qform"))
    image.set_sform(rigid(4), code=int(form == "sform"))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.spacing == pytest.approx(np.multiply([0.5, 0.75, 2], millimetres))
    if form != "neither":
        np.testing.assert_allclose(volume.affine[:3], rigid(4)[:3] * millimetres, rtol=1e-5, atol=1e-6 * millimetres)
    write_volume(tmp_path / "b.nii", volume.array, volume)
    assert (tmp_path / "a.nii").read_bytes()[252:] == (tmp_path / "b.nii").read_bytes()[252:]
    assert nib.load(tmp_path / "b.nii").header["xyzt_units"] == image.header["xyzt_units"]
    write_volume(tmp_path / "c.mha", volume.array, volume)
    check_same_geometry(read_volume(tmp_path / "c.mha"), volume)


@pytest.mark.parametrize("excess", [1e-7, 5e-7, 1e-5, 4e-4])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_quaternion_that_is_a_rounding_too_long_is_a_rotation(tmp_path: Path, excess: float, axis: int) -> None:
    affine = np.eye(4)
    turn = -np.ones(3)
    turn[axis] = 1
    affine[:3, :3] = np.diag(turn * [2, 2, 3])
    affine[:3, 3] = [30, -20, 10]
    image = nib.Nifti1Image(LABELS.astype(np.uint8), affine)
    image.set_qform(affine, code=1)
    image.set_sform(None, code=0)
    nib.save(image, tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[256:268] = struct.pack("<3f", *(np.eye(3)[axis] * (1 + excess)))
    (tmp_path / "a.nii").write_bytes(data)
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").affine, affine, atol=1e-5)
    itk = sitk.ReadImage(str(tmp_path / "a.nii"))
    right, anterior, superior, _ = affine @ [6, 4, 3, 1]
    assert itk.TransformIndexToPhysicalPoint((6, 4, 3)) == pytest.approx((-right, -anterior, superior), abs=1e-4)


def test_a_quaternion_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(LABELS.astype(np.uint8), np.eye(4))
    image.set_sform(None, code=0)
    nib.save(image, tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[252:254], data[256:260] = struct.pack("<h", 1), struct.pack("<f", 1.5)
    (tmp_path / "a.nii").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.nii: got truncated or damaged data \(a quaternion of length 1\.5\)"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize("spoilt", ["zero", "nan", "code 0"])
def test_a_spoilt_sform_gives_way_to_the_qform(tmp_path: Path, spoilt: str) -> None:
    header = nib.Nifti1Header()
    header.set_data_shape(SHAPE)
    header.set_qform(rigid(1), code=1)
    header.set_sform(OBLIQUE, code=0 if spoilt == "code 0" else 1)
    if spoilt != "code 0":
        header["srow_x"] = header["srow_y"] = header["srow_z"] = {"zero": 0, "nan": np.nan}[spoilt]
    nib.save(nib.Nifti1Image(LABELS.astype(np.float32), None, header), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.has_position
    np.testing.assert_allclose(volume.affine, rigid(1), atol=1e-5)


@pytest.mark.parametrize("extension", [".nii", ".nii.gz"])
def test_a_header_without_orientation_states_no_position(tmp_path: Path, extension: str) -> None:
    image = nib.Nifti1Image(LABELS.astype(np.uint8), None)
    image.header.set_zooms((2, 2, 3))
    nib.save(image, tmp_path / f"a{extension}")
    volume = read_volume(tmp_path / f"a{extension}")
    assert not volume.has_position
    assert volume.spacing == (2, 2, 3)
    read = sitk.ReadImage(str(tmp_path / f"a{extension}"))
    sitk.WriteImage(read, str(tmp_path / "itk.nii.gz"))
    itk = read_volume(tmp_path / "itk.nii.gz")
    check_same_geometry(itk, volume)
    check_same_geometry(volume, itk)
    write_volume(tmp_path / "mask.mha", volume.array > 2, volume)
    check_same_geometry(read_volume(tmp_path / "mask.mha"), volume)
    with pytest.raises(InputError, match="spacing"):
        check_same_geometry(Volume(volume.array, np.diag([2.0, 2, 2.5, 1])), volume)


def test_a_volume_without_position_is_written_without_position(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nii", LABELS, Volume(LABELS, np.diag([2.0, 3, 4, 1]), has_position=False))
    volume = read_volume(tmp_path / "a.nii")
    assert not volume.has_position
    assert volume.spacing == (2, 3, 4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8", "i8"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("extension", [".nii", ".nii.gz", ".hdr"])
def test_every_dtype_and_byte_order_is_read_as_nibabel_reads_it(
    tmp_path: Path, order: str, dtype: str, version: int, extension: str
) -> None:
    kind = "Pair" if extension == ".hdr" else "Image"
    image_class, header_class = getattr(nib, f"Nifti{version}{kind}"), getattr(nib, f"Nifti{version}Header")
    array = (LABELS * 40).astype(dtype)
    header = header_class(endianness=order)
    header.set_data_dtype(order + dtype)
    image = image_class(array, OBLIQUE, header)
    image.set_sform(OBLIQUE, code=2)
    nib.save(image, tmp_path / f"a{extension}")
    volume = read_volume(tmp_path / f"a{extension}")
    assert volume.array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_array_equal(volume.affine, nib.load(tmp_path / f"a{extension}").affine)
    write_volume(tmp_path / f"b{extension}", volume.array, volume)
    assert nib.load(tmp_path / f"b{extension}").get_data_dtype().newbyteorder("=") == (dtype if dtype != "i8" else "u1")
    np.testing.assert_array_equal(nib.load(tmp_path / f"b{extension}").get_fdata(), array)
    np.testing.assert_array_equal(nib.load(tmp_path / f"b{extension}").affine, volume.affine)


@pytest.mark.parametrize("image_class", [nib.AnalyzeImage, nib.Spm99AnalyzeImage])
def test_analyze_pairs_have_a_spacing_and_no_position(tmp_path: Path, image_class: type) -> None:
    nib.save(image_class((LABELS * 40).astype(np.int16), np.diag([2.0, 3, 4, 1])), tmp_path / "a.img")
    volume = read_volume(tmp_path / "a.hdr")
    assert volume.spacing == (2, 3, 4)
    assert not volume.has_position
    np.testing.assert_array_equal(volume.array, LABELS * 40)


def test_a_header_without_its_image_is_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(LABELS.astype(np.int16), np.eye(4)), tmp_path / "a.hdr")
    (tmp_path / "a.img").unlink()
    with pytest.raises(InputError, match=r"a\.hdr: got a header alone, expected a\.img beside it"):
        read_volume(tmp_path / "a.hdr")


@pytest.mark.parametrize("extension", [".mgz", ".mgh"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4"])
def test_freesurfer_files_are_read_as_nibabel_reads_them(tmp_path: Path, extension: str, dtype: str) -> None:
    array = (LABELS * 40).astype(dtype)
    nib.save(nib.MGHImage(array, rigid(3)), tmp_path / f"a{extension}")
    volume = read_volume(tmp_path / f"a{extension}")
    assert volume.array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_array_equal(volume.affine, freesurfer(tmp_path / f"a{extension}").affine)
    write_volume(tmp_path / f"b{extension}", volume.array, volume)
    written = freesurfer(tmp_path / f"b{extension}")
    np.testing.assert_array_equal(written.affine, volume.affine)
    np.testing.assert_array_equal(written.get_fdata(), array)
    write_volume(tmp_path / "c.nii.gz", volume.array, volume)
    check_same_geometry(read_volume(tmp_path / "c.nii.gz"), volume, tolerance=1e-4)


def test_the_frames_of_a_freesurfer_file_are_channels(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(*SHAPE, 3)).astype(np.float32)
    nib.save(nib.MGHImage(array, rigid(3)), tmp_path / "a.mgz")
    volume = read_volume(tmp_path / "a.mgz")
    assert volume.has_channels
    np.testing.assert_array_equal(np.moveaxis(volume.array, 0, -1), array)
    write_volume(tmp_path / "b.mgz", volume.array, volume)
    np.testing.assert_array_equal(read_volume(tmp_path / "b.mgz").array, volume.array)


def test_values_that_freesurfer_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="float64"):
        write_volume(tmp_path / "a.mgz", np.full(SHAPE, 1 / 3))
    write_volume(tmp_path / "a.mgz", LABELS.astype(np.uint16))
    np.testing.assert_array_equal(read_volume(tmp_path / "a.mgz").array, LABELS)


def test_equal_time_points_are_no_mask(tmp_path: Path) -> None:
    mask = np.repeat((LABELS > 2)[..., None], 2, axis=-1).astype(np.uint8)
    nib.save(nib.Nifti1Image(mask, np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(InputError, match="2 channels"):
        read_mask(tmp_path / "a.nii.gz")


def test_a_gzip_file_may_have_several_members_and_end_in_other_bytes(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(LABELS.astype(np.int16), np.eye(4)), tmp_path / "a.nii")
    content = (tmp_path / "a.nii").read_bytes()
    for split in (1, 300, 360, len(content) - 1):
        members = gzip.compress(content[:split]) + gzip.compress(content[split:])
        for tail in (b"", bytes(512), b"garbage"):
            (tmp_path / "b.nii.gz").write_bytes(members + tail)
            np.testing.assert_array_equal(read_volume(tmp_path / "b.nii.gz").array, LABELS)
        (tmp_path / "b.nii.gz").write_bytes(members[:-1])
        with pytest.raises(InputError, match="truncated"):
            read_volume(tmp_path / "b.nii.gz")


@pytest.mark.parametrize("extension", [".nii", ".nii.gz", ".mgh", ".mgz"])
def test_a_header_that_claims_more_than_the_file_takes_no_memory(tmp_path: Path, extension: str) -> None:
    image_class = nib.Nifti1Image if "nii" in extension else nib.MGHImage
    nib.save(image_class(LABELS.astype(np.int16), np.eye(4)), tmp_path / f"a{extension}")
    data = bytearray((tmp_path / f"a{extension}").read_bytes())
    content = bytearray(gzip.decompress(data) if extension[-1] == "z" else data)
    if "nii" in extension:
        content[42:48] = struct.pack("<3h", 30000, 30000, 30000)
    else:
        content[4:16] = struct.pack(">3i", 30000, 30000, 30000)
    (tmp_path / f"a{extension}").write_bytes(gzip.compress(content) if extension[-1] == "z" else content)
    with pytest.raises(InputError, match="cannot hold 54000000"):
        read_volume(tmp_path / f"a{extension}")
