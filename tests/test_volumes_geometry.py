"""Spacing, origin and direction are kept: bit for bit within a format, through the affine between formats."""

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from segtopo.errors import InputError
from segtopo.evaluation import Case, CasePair, score_case
from segtopo.volumes import (
    Segment,
    Volume,
    check_same_geometry,
    crop_volume,
    fill_grid,
    onto_grid,
    read_volume,
    write_volume,
)

GEOMETRY = ["pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x"]
GEOMETRY += ["qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units", "dim_info"]


def nifti_header(shape: tuple[int, ...], seed: int, nifti2: bool = False) -> nib.Nifti1Header:
    """A header whose sform and qform disagree, with codes, units and spacings that no default would give."""
    random = np.random.default_rng(seed)
    header = nib.Nifti2Header() if nifti2 else nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape(shape)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() * random.uniform(0.3, 3, 3)
    affine[:3, 3] = random.normal(size=3) * 100
    header.set_qform(affine, code=int(random.integers(1, 4)))
    header.set_sform(affine * 1.01, code=2)
    header["srow_x"][0] *= 1.0001
    header.set_xyzt_units("mm", "sec")
    header["pixdim"][4:] = [2.5, 0, 0, 7]
    header["dim_info"] = 27
    header["cal_max"] = 400
    return header


def raw_header(path: Path) -> nib.Nifti1Header:
    header_class = nib.load(path).header_class
    with nib.openers.ImageOpener(path) as file:
        return header_class.from_fileobj(file, check=False)


@pytest.mark.parametrize("nifti2", [False, True])
@pytest.mark.parametrize("shape", [(7, 5, 4), (7, 5), (7, 5, 1), (7, 5, 4, 1), (7, 5, 4, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_geometry_of_nifti_is_copied_bit_for_bit(
    tmp_path: Path, shape: tuple[int, ...], seed: int, nifti2: bool
) -> None:
    image_class = nib.Nifti2Image if nifti2 else nib.Nifti1Image
    image = image_class(np.ones(shape, np.int16), None, nifti_header(shape, seed, nifti2))
    nib.save(image, tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    write_volume(tmp_path / "b.nii.gz", np.ones(volume.spatial_shape, bool), volume)

    a, b = raw_header(tmp_path / "a.nii.gz"), raw_header(tmp_path / "b.nii.gz")
    assert type(a) is type(b)
    for field in GEOMETRY:
        assert a[field].tobytes() == b[field].tobytes(), field
    assert b.get_data_shape() == (shape[:3] if shape[3:] == (3,) else shape)
    assert b.get_data_dtype() == np.uint8
    assert b["cal_max"] == 0
    assert nib.load(tmp_path / "b.nii.gz").get_fdata().all()


def test_a_header_that_nibabel_would_correct_is_copied_unchanged(tmp_path: Path) -> None:
    header = nifti_header((7, 5, 4), 0)
    header["pixdim"][0] = 0
    nib.save(nib.Nifti1Image(np.ones((7, 5, 4), np.int16), None, header), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    write_volume(tmp_path / "b.nii", volume.array, volume)
    assert raw_header(tmp_path / "a.nii")["pixdim"].tobytes() == raw_header(tmp_path / "b.nii")["pixdim"].tobytes()


@pytest.mark.parametrize("extension", [".mha", ".mhd", ".nrrd"])
@pytest.mark.parametrize("size", [(7, 5, 4), (7, 5), (7, 5, 1)])
@pytest.mark.parametrize("seed", range(8))
def test_the_geometry_of_metaimage_and_nrrd_is_copied_bit_for_bit(
    tmp_path: Path, extension: str, size: tuple[int, ...], seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = sitk.Image(size, sitk.sitkInt16)
    rotation = Rotation.random(random_state=seed).as_matrix() if len(size) == 3 else [[0.6, -0.8], [0.8, 0.6]]
    image.SetDirection(np.ravel(rotation).tolist())
    image.SetSpacing(random.uniform(0.3, 3, len(size)).tolist())
    image.SetOrigin(random.normal(size=len(size)).tolist())
    sitk.WriteImage(image, str(tmp_path / f"a{extension}"))
    volume = read_volume(tmp_path / f"a{extension}")
    write_volume(tmp_path / f"b{extension}", np.ones(volume.spatial_shape, np.float32), volume)

    a, b = (sitk.ReadImage(str(tmp_path / f"{name}{extension}")) for name in "ab")
    assert a.GetSize() == b.GetSize()
    assert a.GetSpacing() == b.GetSpacing()
    assert a.GetOrigin() == b.GetOrigin()
    assert a.GetDirection() == b.GetDirection()
    assert sitk.GetArrayViewFromImage(b).all()


def test_the_space_of_an_nrrd_file_is_kept(tmp_path: Path) -> None:
    lines = ["NRRD0005", "type: uint8", "dimension: 3", "space: right-anterior-superior", "sizes: 3 2 2"]
    lines += ["space directions: (0.1,0.7,0) (0.33333333333333331,0,1) (0,1.1,0.5)", "encoding: raw"]
    lines += ["space origin: (1.5,-2,3)", "", ""]
    (tmp_path / "a.nrrd").write_bytes("\n".join(lines).encode() + bytes(12))
    volume = read_volume(tmp_path / "a.nrrd")
    expected = [[0.1, 1 / 3, 0, 1.5], [0.7, 0, 1.1, -2], [0, 1, 0.5, 3]]
    np.testing.assert_allclose(volume.affine[:3], expected, atol=1e-12)
    write_volume(tmp_path / "b.nrrd", volume.array + 1, volume)
    written = (tmp_path / "b.nrrd").read_bytes()
    for line in lines[3:]:
        if line.startswith("space"):
            assert written.count(line.encode() + b"\n") == 1
    np.testing.assert_array_equal(read_volume(tmp_path / "b.nrrd").affine, volume.affine)


@pytest.mark.parametrize("target", [".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize("source", [".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize("shape", [(7, 5, 4), (7, 5)])
def test_formats_agree_on_positions(tmp_path: Path, source: str, target: str, shape: tuple[int, ...]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=1).as_matrix() * [0.5, 0.75, 2]
    affine[:3, 3] = [10, -20, 30]
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    write_volume(tmp_path / f"a{source}", array, Volume(array, affine))
    first = read_volume(tmp_path / f"a{source}")
    write_volume(tmp_path / f"b{target}", first.array, first)
    second = read_volume(tmp_path / f"b{target}")
    np.testing.assert_array_equal(second.array, array)
    np.testing.assert_allclose(second.affine, affine, atol=1e-4)
    check_same_geometry(first, second)

    itk = sitk.ReadImage(str(tmp_path / f"b{target}"))
    index = [n - 1 for n in shape] + [0] * (itk.GetDimension() - len(shape))
    right, anterior, superior, _ = affine @ [*index, 1]
    assert itk.TransformIndexToPhysicalPoint(index) == pytest.approx((-right, -anterior, superior), abs=1e-4)


def test_a_mask_of_a_picture_can_be_written_as_nifti(tmp_path: Path) -> None:
    write_volume(tmp_path / "photo.png", np.zeros((3, 7, 5), np.uint8), Volume(np.zeros((7, 5))))
    write_volume(tmp_path / "mask.nii.gz", np.ones((7, 5), bool), read_volume(tmp_path / "photo.png"))
    volume = read_volume(tmp_path / "mask.nii.gz")
    assert volume.spatial_shape == (7, 5)
    assert volume.spacing == (1, 1)
    assert not volume.has_position


def test_a_crop_keeps_its_position() -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=2).as_matrix() * [0.5, 0.75, 2]
    volume = Volume(np.arange(7 * 5 * 4).reshape(7, 5, 4), affine)
    box = crop_volume(volume, (2, 1, 3), (4, 3, 1))
    assert box.array.tolist() == volume.array[2:6, 1:4, 3:].tolist()
    np.testing.assert_allclose(box.affine @ [1, 2, 0, 1], affine @ [3, 3, 3, 1])


@pytest.mark.parametrize(
    "change",
    [
        ("origin", (0, 3), 0.5, "origin (0, 0, 0) mm, expected the origin (0.5, 0, 0) mm"),
        ("spacing", (0, 0), 0.01, "spacing (1, 1, 1) mm, expected the spacing (1.01, 1, 1) mm"),
        ("direction", (1, 0), 0.005, "directions R, A, S, expected the directions R (1.000, 0.005, 0.000), A, S"),
        ("handedness", (1, 1), -2, "directions R, A, S, expected the directions R, P, S"),
    ],
    ids=lambda change: change[0],
)
def test_the_error_names_the_part_of_the_geometry_that_differs(
    change: tuple[str, tuple[int, int], float, str],
) -> None:
    a = Volume(np.zeros((70, 50, 40)))
    affine = np.eye(4)
    affine[change[1]] += change[2]
    with pytest.raises(InputError, match=re.escape(f"ours.nii: got {change[3]} of theirs.nii")):
        check_same_geometry(a, Volume(np.zeros((70, 50, 40)), affine), "ours.nii", "theirs.nii")


def test_an_affine_in_single_precision_is_the_same() -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=2).as_matrix() * 0.7
    affine[:3, 3] = -907.5999
    a = Volume(np.zeros((70, 50, 40)), affine)
    check_same_geometry(a, Volume(a.array, affine.astype(np.float32)))


def test_a_singular_affine_cannot_be_written_as_mha(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="singular"):
        write_volume(tmp_path / "a.mha", np.zeros((7, 5, 4)), Volume(np.zeros((7, 5, 4)), np.diag([1, 0, 1, 1])))
    assert not list(tmp_path.iterdir())


def test_a_part_of_the_grid_of_a_reference_is_named() -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=2).as_matrix() * [0.5, 0.75, 2]
    whole = Volume(np.zeros((7, 6, 5)), affine)
    part = crop_volume(whole, (0, 0, 1), (7, 6, 3))
    backwards = np.diag([1.0, -1, 1, 1])
    backwards[1, 3] = 5
    flipped = Volume(part.array[:, ::-1], part.affine @ backwards)
    for volume in (part, flipped):
        with pytest.raises(InputError) as error:
            onto_grid(volume, whole, "seg.dcm", "reference.nii")
        assert str(error.value) == (
            "seg.dcm: got shape (7, 6, 3), only the voxels (0, 0, 1) to (6, 5, 3), "
            "expected the shape (7, 6, 5) of reference.nii"
        )
    with pytest.raises(InputError, match=r"got shape \(7, 6, 5\), expected the shape \(7, 6, 3\)"):
        onto_grid(whole, part)
    elsewhere = Volume(part.array, part.affine + np.diag([0.05, 0, 0, 0]))
    with pytest.raises(InputError, match=r"got shape \(7, 6, 3\), expected"):
        onto_grid(elsewhere, whole)


@pytest.mark.parametrize("layers", [False, True])
def test_segments_on_a_part_of_a_grid_are_extended_by_background(layers: bool) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=3).as_matrix() * [0.5, 0.75, 2]
    rng = np.random.default_rng(0)
    labels = np.zeros((2, 7, 6, 5) if layers else (7, 6, 5), np.uint8)
    box = (..., slice(1, 6), slice(0, 4), slice(2, 5))
    labels[box] = rng.integers(0, 3, labels[box].shape)
    segments = {"artery": Segment(0, 1)}
    whole = Volume(labels, affine, has_channels=layers, segments=segments)
    part = crop_volume(whole, (1, 0, 2), (5, 4, 3))
    exchange = np.eye(4)[[2, 1, 0, 3]]
    exchange[0, 2], exchange[0, 3] = -1, 4
    voxels = part.array.swapaxes(-1, -3)[..., ::-1]
    turned = Volume(voxels, part.affine @ exchange, has_channels=layers, segments=segments)
    for volume in (part, turned, whole):
        found = onto_grid(volume, whole)
        np.testing.assert_array_equal(found.array, labels)
        assert found.segments == segments
        np.testing.assert_array_equal(found.affine, affine)
    assert fill_grid(Volume(part.array, part.affine, has_channels=layers), whole).spatial_shape == (5, 4, 3)
    coarse = Volume(labels[..., ::2], affine @ np.diag([1, 1, 2, 1.0]), has_channels=layers, segments=segments)
    with pytest.raises(InputError, match=r"got shape \(7, 6, 3\)"):
        onto_grid(coarse, whole)


def test_a_reference_of_segments_is_extended_to_the_prediction(tmp_path: Path) -> None:
    prediction = np.zeros((9, 8, 7), np.uint8)
    prediction[1:8, 3:5, 3] = prediction[2, 7, 6] = 1
    write_volume(tmp_path / "prediction.nii.gz", prediction)
    fields = ["NRRD0005", "type: uint8", "dimension: 3", "sizes: 7 4 3", "endian: little", "encoding: raw"]
    fields += ["space: left-posterior-superior"]
    fields += ["space directions: (-1,0,0) (0,-1,0) (0,0,1)", "space origin: (-1,-2,2)"]
    fields += ["Segment0_ID:=Segment_1", "Segment0_LabelValue:=1", "Segment0_Layer:=0", "Segment0_Name:=artery"]
    voxels = prediction[1:8, 2:6, 2:5].T.tobytes()
    (tmp_path / "reference.seg.nrrd").write_bytes("\n".join([*fields, "", ""]).encode() + voxels)
    case = CasePair("a", tmp_path / "prediction.nii.gz", tmp_path / "reference.seg.nrrd")
    assert read_volume(case.reference).spatial_shape == (7, 4, 3)
    (scores,) = score_case(Case(case)).scores
    assert scores.numbers["volume_reference_mm3"] == 14
    assert scores.numbers["volume_prediction_mm3"] == 15
    assert [(error.kind, error.voxel) for error in scores.errors] == [("spurious_component", (2, 7, 6))]
