"""MetaImage and NRRD files, compared with SimpleITK, and Slicer's segmentations."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from segtopo.errors import InputError
from segtopo.volumes import Segment, check_same_geometry, image_stem, read_mask, read_volume, write_volume

LABELS = np.arange(9 * 14 * 11).reshape(9, 14, 11) % 5  # k, j, i
FORMATS = [".mha", ".mhd", ".nrrd", ".nhdr", ".seg.nrrd"]


def itk_image(array: np.ndarray, seed: int = 0, channels: bool = False) -> sitk.Image:
    image = sitk.GetImageFromArray(array, isVector=channels)
    if image.GetDimension() == 3:
        image.SetDirection(Rotation.random(random_state=seed).as_matrix().ravel().tolist())
    image.SetSpacing(np.random.default_rng(seed).uniform(0.3, 3, image.GetDimension()).tolist())
    image.SetOrigin(np.random.default_rng(seed).normal(size=image.GetDimension()).tolist())
    return image


def check_places(image: sitk.Image, affine: np.ndarray) -> None:
    for index in ((0, 0, 0), (3, 5, 7), (10, 1, 8)):
        right, anterior, superior, _ = affine @ [*index, 1]
        place = image.TransformIndexToPhysicalPoint(index[: image.GetDimension()])
        assert place == pytest.approx((-right, -anterior, superior)[: image.GetDimension()], abs=1e-9)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_voxels_and_places_are_those_of_simpleitk(tmp_path: Path, extension: str, compressed: bool, dtype: str) -> None:
    image = itk_image((LABELS * 25).astype(dtype), seed=len(dtype) + ord(dtype[0]))
    sitk.WriteImage(image, str(tmp_path / f"a{extension}"), useCompression=compressed)
    volume = read_volume(tmp_path / f"a{extension}")
    assert volume.array.dtype == dtype
    assert volume.has_position
    np.testing.assert_array_equal(volume.array.T, LABELS * 25)
    check_places(sitk.ReadImage(str(tmp_path / f"a{extension}")), volume.affine)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("shape", [(14, 11, 3), (9, 14, 11, 2)])
def test_channels_are_those_of_simpleitk(tmp_path: Path, extension: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    sitk.WriteImage(itk_image(array, channels=True), str(tmp_path / f"a{extension}"), useCompression=True)
    volume = read_volume(tmp_path / f"a{extension}")
    assert volume.has_channels
    np.testing.assert_array_equal(volume.array.T, array)
    with pytest.raises(InputError, match="channels"):
        read_mask(tmp_path / f"a{extension}")


@pytest.mark.parametrize("extension", [".mha", ".mhd", ".nrrd"])
@pytest.mark.parametrize("last", [1, 2])
def test_a_fourth_axis_of_length_one_is_dropped(tmp_path: Path, extension: str, last: int) -> None:
    image = itk_image(LABELS.astype(np.uint8))
    four = sitk.JoinSeries([image] * last)
    sitk.WriteImage(four, str(tmp_path / f"a{extension}"))
    if last > 1:
        with pytest.raises(InputError, match=r"a 2D or 3D image"):
            read_volume(tmp_path / f"a{extension}")
        return
    volume = read_volume(tmp_path / f"a{extension}")
    np.testing.assert_array_equal(volume.array.T, LABELS)
    check_places(image, volume.affine)
    write_volume(tmp_path / f"b{extension}", volume.array, volume)
    check_same_geometry(read_volume(tmp_path / f"b{extension}"), volume, tolerance=1e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NDims = 3", "NDims = -1"),
        ("DimSize = 11 14 9", "DimSize = 0 14 9"),
        ("DimSize = 11 14 9", "DimSize = 11 14 8"),
        ("DimSize = 11 14 9", "DimSize = 11 14 900000000"),
        ("MET_UCHAR", "MET_OTHER"),
        ("MET_UCHAR", "MET_USHORT"),
        ("ObjectType = Image", "ObjectType = Tube"),
        ("ElementDataFile = LOCAL", "ElementDataFile = absent.raw"),
        ("ElementDataFile = LOCAL", "ElementDataFile"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_headers_that_contradict_the_file_are_refused(
    tmp_path: Path, old: str, new: str, compressed: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(LABELS.astype(np.uint8)), str(tmp_path / "a.mha"), useCompression=compressed)
    data = (tmp_path / "a.mha").read_bytes()
    assert old.encode() in data
    (tmp_path / "a.mha").write_bytes(data.replace(old.encode(), new.encode()))
    with pytest.raises(InputError, match=r"a\.mha: got .*, expected [^\n]*$"):
        read_volume(tmp_path / "a.mha")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("extension", [".mha", ".nrrd"])
def test_one_changed_byte_of_compressed_voxels_is_noticed(tmp_path: Path, extension: str) -> None:
    # Of labels 0 to 2, one changed byte in a thousand has the same Adler-32, the weak checksum of MetaImage files.
    noise = np.random.default_rng(0).integers(0, 256, LABELS.shape).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(tmp_path / f"a{extension}"), useCompression=True)
    data = (tmp_path / f"a{extension}").read_bytes()
    start = data.index(b"LOCAL\n") + 6 if extension == ".mha" else data.index(b"\n\n") + 2
    refused = 0
    for place in range(start, len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x10
        (tmp_path / f"a{extension}").write_bytes(changed)
        try:
            np.testing.assert_array_equal(read_volume(tmp_path / f"a{extension}").array.T, noise)
        except InputError:
            refused += 1
    # The time stamp in the header of gzip and unused bits change nothing.
    assert refused > len(data) - start - 9


@pytest.mark.parametrize("listed", ["LIST", "slice%d.raw 0 8 1"])
def test_slices_in_files_of_their_own_are_a_volume(tmp_path: Path, listed: str) -> None:
    for number, page in enumerate(LABELS.astype(">i2")):
        (tmp_path / f"slice{number}.raw").write_bytes(page.tobytes())
    lines = ["ObjectType = Image", "NDims = 3", "DimSize = 11 14 9", "ElementType = MET_SHORT"]
    lines += ["ElementByteOrderMSB = True", f"ElementDataFile = {listed}"]
    names = [f"slice{number}.raw" for number in range(9)] if listed == "LIST" else []
    (tmp_path / "a.mhd").write_text("\n".join([*lines, *names, ""]), encoding="utf-8")
    volume = read_volume(tmp_path / "a.mhd")
    np.testing.assert_array_equal(volume.array.T, LABELS)
    assert not volume.has_position


def nrrd(path: Path, fields: list[str], data: bytes) -> None:
    path.write_bytes(("\n".join(["NRRD0004", "type: uint16", *fields, "", ""])).encode() + data)


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii", "hex"])
def test_nrrd_of_every_encoding_is_read(tmp_path: Path, endian: str, encoding: str) -> None:
    import bz2

    raw = LABELS.astype("<u2" if endian == "little" else ">u2").tobytes()
    text = " ".join(map(str, LABELS.ravel())).encode()
    data = {
        "raw": raw,
        "gzip": gzip.compress(raw),
        "bzip2": bz2.compress(raw),
        "ascii": text,
        "hex": raw.hex().encode(),
    }
    fields = ["dimension: 3", "sizes: 11 14 9", f"endian: {endian}", f"encoding: {encoding}"]
    nrrd(tmp_path / "a.nrrd", fields, data[encoding])
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nrrd").array.T, LABELS)
    for damaged in (data[encoding][:-40], data[encoding] + data[encoding][:200]):
        nrrd(tmp_path / "a.nrrd", fields, damaged)
        if encoding == "gzip" and len(damaged) > len(data[encoding]):
            continue  # bytes after a whole gzip file are ignored, or a second member that is cut
        if encoding == "bzip2" and len(damaged) > len(data[encoding]):
            continue
        with pytest.raises(InputError, match="truncated or damaged"):
            read_volume(tmp_path / "a.nrrd")


def test_nrrd_spacings_without_directions_state_no_position(tmp_path: Path) -> None:
    fields = ["dimension: 3", "sizes: 11 14 9", "endian: little", "encoding: raw", "spacings: 500 750 2000"]
    nrrd(tmp_path / "a.nrrd", [*fields, 'units: "um" "um" "um"'], LABELS.astype("<u2").tobytes())
    volume = read_volume(tmp_path / "a.nrrd")
    assert volume.spacing == pytest.approx((0.5, 0.75, 2))
    assert not volume.has_position


def test_a_slice_lies_in_its_space(tmp_path: Path) -> None:
    fields = ["dimension: 2", "space: left-posterior-superior", "sizes: 11 14", "endian: little", "encoding: raw"]
    fields += ["space directions: (0,0.5,0) (0,0,2)", "space origin: (10,20,30)"]
    nrrd(tmp_path / "a.nrrd", fields, LABELS[0].astype("<u2").tobytes())
    volume = read_volume(tmp_path / "a.nrrd")
    np.testing.assert_allclose(volume.affine @ [2, 3, 0, 1], [-10, -21, 36, 1])
    assert volume.ndim == 2


SEGMENTS = ["Segment0_ID:=Segment_1", "Segment0_LabelValue:=1", "Segment0_Layer:=0", "Segment0_Name:=artery"]
SEGMENTS += ["Segment1_ID:=Segment_2", "Segment1_LabelValue:=1", "Segment1_Layer:=1", "Segment1_Name:=portal vein"]
SEGMENTS += ["Segment2_ID:=Segment_3", "Segment2_LabelValue:=4", "Segment2_Layer:=1", "Segment2_Name:=tumour"]
SPACE = ["space: left-posterior-superior", "space origin: (5,6,7)", "endian: little", "encoding: gzip"]


def test_overlapping_segments_are_selected_by_name(tmp_path: Path) -> None:
    layers = np.stack([LABELS > 2, np.where(LABELS == 0, 4, LABELS == 3)], axis=-1).astype("<u2")  # k, j, i, layer
    fields = ["dimension: 4", "sizes: 2 11 14 9", "kinds: list domain domain domain", *SPACE]
    fields += ["space directions: none (0.5,0,0) (0,0.5,0) (0,0,2)", *SEGMENTS]
    nrrd(tmp_path / "case1.seg.nrrd", fields, gzip.compress(layers.tobytes()))
    path = tmp_path / "case1.seg.nrrd"
    assert image_stem(path) == "case1"
    volume = read_volume(path)
    assert volume.segments == {"artery": Segment(0, 1), "portal vein": Segment(1, 1), "tumour": Segment(1, 4)}
    np.testing.assert_allclose(volume.affine @ [1, 1, 1, 1], [-5.5, -6.5, 9, 1])
    for names, expected in (
        (["artery"], LABELS > 2),
        (["portal vein"], LABELS == 3),
        (["tumour", "artery"], (LABELS == 0) | (LABELS > 2)),
    ):
        mask = read_mask(path, names)
        np.testing.assert_array_equal(mask.array.T, expected)
        assert not mask.segments
    for labels, message in ((None, "3 segments"), (["liver"], "artery, portal vein, tumour"), ([1], "channels")):
        with pytest.raises(InputError, match=message):
            read_mask(path, labels)


def test_segments_of_one_layer_are_values_too(tmp_path: Path) -> None:
    fields = ["dimension: 3", "sizes: 11 14 9", "space directions: (0.5,0,0) (0,0.5,0) (0,0,2)", *SPACE, *SEGMENTS[:4]]
    nrrd(tmp_path / "a.seg.nrrd", fields, gzip.compress(LABELS.astype("<u2").tobytes()))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.seg.nrrd").array.T, LABELS == 1)
    np.testing.assert_array_equal(
        read_mask(tmp_path / "a.seg.nrrd", ["artery", 3]).array.T, (LABELS == 1) | (LABELS == 3)
    )
