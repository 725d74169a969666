"""Intact files of every format, and damaged copies of them that are read in a process of its own."""

import bz2
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813
import tifffile
from PIL import Image
from pydicom.uid import RLELossless

from oracles.dicom_files import ENCODERS, compressed, enhanced, segmentation, slices_of, write_slices

VOLUME = np.random.default_rng(0).integers(0, 4, (9, 14, 11)).astype(np.int16) * 300
PICTURE = np.random.default_rng(1).integers(0, 4, (31, 26)).astype(np.uint8) * 60
HEADER_BYTES = 400

# The formats whose every byte is under a checksum, and those whose voxels alone are.
FULLY_CHECKED = {"volume.nii.gz", "volume.mgz", "grey.png", "colour.png", "palette.png", "deep.png", "bits.png"}
VOXELS_CHECKED = {
    "packed.mha",
    "packed.mhd",
    "packed.nrrd",
    "packed.seg.nrrd",
    "packed.nhdr",
    "bzip2.nrrd",
    "deflate.tif",
}
VOXELS_CHECKED |= {"stack.tif", "ome.tif"}

READER = """
import json, resource, sys
from pathlib import Path
import numpy as np
from segtopo.errors import InputError
from segtopo.volumes import read_volume
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
intact = {}
for line in sys.stdin:
    path = Path(line.strip())
    right = intact.setdefault(path.name, None) or read_volume(Path(sys.argv[1]) / path.name)
    intact[path.name] = right
    try:
        volume = read_volume(path)
        same = np.array_equal(volume.array, right.array) and np.array_equal(volume.affine, right.affine)
        outcome = "right" if same else "other geometry" if np.array_equal(volume.array, right.array) else "other values"
    except InputError as error:
        message = str(error)
        outcome = "refused" if "\\n" not in message and str(path) in message else "bad error: " + message
    except BaseException as error:
        outcome = f"escaped: {type(error).__name__}: {error}"
    print(json.dumps([str(path), outcome]), file=open(sys.argv[2], "a"))
"""


def intact_files(folder: Path) -> list[Path]:
    """Writes one small file of each format and returns those that are read, without their companions."""
    folder.mkdir(parents=True)
    affine = np.diag([0.5, 0.75, 2.0, 1.0])
    for name in ("volume.nii", "volume.nii.gz"):
        nib.save(nib.Nifti1Image(VOLUME, affine), folder / name)
    nib.save(nib.Nifti2Image(VOLUME, affine), folder / "second.nii")
    nib.save(nib.Nifti1Pair(VOLUME, affine), folder / "pair.hdr")
    for name in ("volume.mgh", "volume.mgz"):
        nib.save(nib.MGHImage(VOLUME, affine), folder / name)
    image = sitk.GetImageFromArray(VOLUME)
    for name in ("mha", "mhd", "nrrd", "seg.nrrd", "nhdr"):
        sitk.WriteImage(image, str(folder / f"packed.{name}"), useCompression=True)
        sitk.WriteImage(image, str(folder / f"raw.{name}"), useCompression=False)
    head = (
        f"NRRD0004\ntype: short\ndimension: 3\nsizes: {' '.join(map(str, VOLUME.T.shape))}\nendian: little\nencoding: "
    )
    (folder / "text.nrrd").write_text(head + "ascii\n\n" + " ".join(map(str, VOLUME.ravel())), encoding="utf-8")
    (folder / "hex.nrrd").write_text(head + "hex\n\n" + VOLUME.tobytes().hex(), encoding="utf-8")
    (folder / "bzip2.nrrd").write_bytes((head + "bzip2\n\n").encode() + bz2.compress(VOLUME.tobytes()))
    colours = np.stack([PICTURE, PICTURE.T.reshape(PICTURE.shape), PICTURE // 2], axis=-1)
    grey = Image.fromarray(PICTURE)
    for extension in ("png", "gif", "bmp", "jpg"):
        grey.save(folder / f"grey.{extension}")
    for extension in ("png", "bmp", "jpg"):
        Image.fromarray(colours).save(folder / f"colour.{extension}")
    for extension in ("png", "bmp"):
        Image.fromarray(PICTURE > 60).save(folder / f"bits.{extension}")
    Image.fromarray(colours).quantize(8).save(folder / "palette.png")
    Image.fromarray(PICTURE.astype(np.uint16) * 200).save(folder / "deep.png")
    for name, compression in (("plain", None), ("deflate", "zlib"), ("lzw", "lzw"), ("jpeg", "jpeg")):
        tifffile.imwrite(folder / f"{name}.tif", PICTURE, compression=compression)
    tifffile.imwrite(folder / "stack.tif", VOLUME, compression="zlib")
    tifffile.imwrite(folder / "tiled.tif", VOLUME, compression="lzw", tile=(16, 16))
    tifffile.imwrite(folder / "imagej.tif", VOLUME, imagej=True, metadata={"spacing": 2.0, "unit": "mm"})
    tifffile.imwrite(folder / "ome.tif", VOLUME, ome=True, compression="zlib")
    pages = [Image.fromarray(limit < PICTURE) for limit in np.array([0, 60, 120])]
    pages[0].save(folder / "fax.tif", save_all=True, append_images=pages[1:], compression="group4")
    _dicom_files(folder)
    companions = {".img", ".zraw", ".raw"}
    return sorted(p for p in folder.iterdir() if p.suffix not in companions and not p.name.endswith(".raw.gz"))


def _dicom_files(folder: Path) -> None:
    """Writes a series, files with frames and with one slice of each compression, and segmentations."""
    slices = slices_of(VOLUME)
    write_slices(folder / "series", slices)
    frames = enhanced(slices, range(len(slices)))
    frames.save_as(folder / "frames.dcm", enforce_file_format=True)
    frames.compress(RLELossless)
    frames.save_as(folder / "rle.dcm", enforce_file_format=True)
    for number, (syntax, encode) in enumerate(ENCODERS.items()):
        (one,) = slices_of(VOLUME[:1])
        compressed(one, syntax, encode).save_as(folder / f"slice{number}.dcm", enforce_file_format=True)
    labels = (VOLUME // 300).astype(np.uint8)
    overlapping = np.stack([labels > 0, labels > 1, labels > 2], axis=-1).astype(np.uint8)
    for name, kind, pixels in (
        ("binary", "BINARY", labels),
        ("overlapping", "BINARY", overlapping),
        ("fractional", "FRACTIONAL", overlapping * np.float32(0.4)),
        ("labels", "LABELMAP", labels),
    ):
        segmentation(slices, pixels, kind, "abc").save_as(folder / f"{name}.dcm")


def companion(path: Path) -> Path | None:
    """The file with the voxels of a header."""
    names = [path.stem + extension for extension in (".img", ".zraw", ".raw", ".raw.gz")]
    if path.suffix not in (".hdr", ".mhd", ".nhdr"):
        return None
    text = path.read_bytes()
    return next(path.with_name(n) for n in names if path.suffix == ".hdr" or n.encode() + b"\n" in text)


def _cut(data: bytearray, random: np.random.Generator) -> bytearray:
    return data[: int(random.integers(0, len(data)))]


def _change(data: bytearray, random: np.random.Generator, first: int = 0, last: int | None = None) -> bytearray:
    for _ in range(int(random.integers(1, 4))):
        place = int(random.integers(first, min(last or len(data), len(data))))
        data[place] = int(random.integers(0, 256))
    return data


def _change_header(data: bytearray, random: np.random.Generator) -> bytearray:
    return _change(data, random, 0, HEADER_BYTES)


def _false_size(data: bytearray, random: np.random.Generator) -> bytearray:
    """A number in the header becomes another: digits in a text, or 2 or 4 bytes."""
    digits = [n for n, byte in enumerate(data[:HEADER_BYTES]) if 48 <= byte < 58]
    if data[:4] in (b"NRRD", b"Obje") and digits:
        place = int(random.choice(digits))
        return data[:place] + str(int(random.choice([0, -1, 7, 99999, 10**12]))).encode() + data[place + 1 :]
    place = int(random.integers(0, min(len(data), HEADER_BYTES) - 4))
    data[place : place + 4] = bytes(random.choice([0, 255, 127, 1], 4).astype(np.uint8))
    return data


def _moved(data: bytearray, random: np.random.Generator) -> bytearray:
    place = int(random.integers(0, len(data)))
    if random.random() < 0.5:
        return data[:place] + bytes(random.integers(0, 256, 3).astype(np.uint8)) + data[place:]
    return data[:place] + data[place + 3 :]


DAMAGE: dict[str, Callable[[bytearray, np.random.Generator], bytearray]] = {
    "cut": _cut,
    "changed": _change,
    "header": _change_header,
    "size": _false_size,
    "moved": _moved,
}


def damaged_copies(files: list[Path], folder: Path, count: int, seed: int) -> dict[Path, str]:
    """Writes damaged copies, each in a folder of its own, and returns them with the kind of their damage."""
    random = np.random.default_rng(seed)
    copies: dict[Path, str] = {}
    for number in range(count):
        source = files[number % len(files)]
        copy = folder / str(number) / source.name
        copy.parent.mkdir(parents=True)
        beside = companion(source)
        kind = str(random.choice(list(DAMAGE)))
        if beside is not None:
            copy.with_name(beside.name).write_bytes(beside.read_bytes())
        if source.is_dir():
            shutil.copytree(source, copy)
            victim = copy / str(random.choice(sorted(file.name for file in source.iterdir())))
        else:
            copy.write_bytes(source.read_bytes())
            victim = copy if beside is None or random.random() < 0.5 else copy.with_name(beside.name)
        victim.write_bytes(DAMAGE[kind](bytearray(victim.read_bytes()), random))
        copies[copy] = f"{kind} of {'voxels' if beside is not None and victim != copy else 'file'}"
    return copies


def outcomes(intact: Path, copies: list[Path], log: Path) -> dict[Path, str]:
    """Reads files in a process with 4 GB of memory; returns ``right``, ``refused``, ``other values`` or an error.

    A process that ends early, or prints something, is an error of the file that it was reading.
    """
    found: dict[Path, str] = {}
    log.touch()
    while remaining := [copy for copy in copies if copy not in found]:
        lines = "".join(f"{copy}\n" for copy in remaining)
        arguments = [sys.executable, "-c", READER, str(intact), str(log)]
        done = subprocess.run(arguments, input=lines, capture_output=True, encoding="utf-8", check=False)
        found = {Path(path): outcome for path, outcome in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
        if done.returncode:
            culprit = next((copy for copy in remaining if copy not in found), remaining[-1])
            found[culprit] = f"process ended with {done.returncode}: {done.stderr[-300:]}"
            with log.open("a", encoding="utf-8") as file:
                print(json.dumps([str(culprit), found[culprit]]), file=file)
        elif done.stdout or done.stderr:
            found[log] = f"printed: {(done.stdout + done.stderr)[:2000]}"
    return found
