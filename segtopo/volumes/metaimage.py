"""MetaImage files (MHA, and MHD with a file of voxels)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.data_files import DataFile, listed_files, read_line, read_voxels
from segtopo.volumes.itk import ItkHeader, itk_volume
from segtopo.volumes.volume import Volume

_DTYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_LAST_KEY = "ElementDataFile"


def read_metaimage(path: Path) -> Volume:
    """Reads a MetaImage file; the dtype is that of the file.

    Raises:
        InputError: The image is neither 2D nor 3D.
    """
    fields, following, end = _header(path)
    if fields.get("ObjectType", "Image") != "Image":
        raise ValueError(f"an object of the type {fields['ObjectType']}")
    ndim = int(fields["NDims"])
    sizes = [int(size) for size in fields["DimSize"].split()]
    channels = int(fields.get("ElementNumberOfChannels", 1))
    if ndim != len(sizes) or ndim < 2 or min(*sizes, channels) < 1:
        raise InputError(mismatch(path, got=f"size {tuple(sizes)}", expected="the size of a 2D or 3D image"))
    if not _is_true(fields.get("BinaryData", "True")):
        raise ValueError("voxels stored as text")
    order = (
        ">" if any(_is_true(fields.get(key, "")) for key in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")) else "<"
    )
    dtype = np.dtype(order + _DTYPES[fields["ElementType"]])
    voxels = read_voxels(
        _data_files(path, fields, following, end),
        int(np.prod([channels, *sizes], dtype=object)),
        dtype,
        "deflate" if _is_true(fields.get("CompressedData", "")) else "none",
    )
    array = voxels.reshape(channels, *sizes, order="F") if channels > 1 else voxels.reshape(sizes, order="F")
    return itk_volume(
        path, array, _geometry(fields, sizes), has_channels=channels > 1, has_position=_offset(fields) != ""
    )


def _header(path: Path) -> tuple[dict[str, str], list[str], int]:
    """Returns the fields of the header, the lines after them that name files, and the position of the voxels."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while _LAST_KEY not in fields:
            key, separator, value = (line := read_line(file)).partition("=")
            if not separator and (line.strip() or not line):
                raise ValueError("no MetaImage header")
            fields[key.strip()] = value.strip()
        end = file.tell()
        is_list = fields[_LAST_KEY].startswith("LIST")
        return fields, file.read().decode("utf-8", "replace").splitlines() if is_list else [], end


def _data_files(path: Path, fields: dict[str, str], following: list[str], end: int) -> list[DataFile]:
    if fields[_LAST_KEY].upper() == "LOCAL":
        return [DataFile(path, end)]
    start = int(fields.get("HeaderSize", 0))
    return [DataFile(file, start) for file in listed_files(fields[_LAST_KEY], following, path)]


def _geometry(fields: dict[str, str], sizes: list[int]) -> ItkHeader:
    """Reads the geometry. A row of the matrix in the file is the direction of an axis."""
    ndim = len(sizes)
    spacing = fields.get("ElementSpacing") or fields.get("ElementSize") or "1 " * ndim
    matrix = next((fields[key] for key in ("TransformMatrix", "Rotation", "Orientation") if key in fields), "")
    rows = np.array(matrix.split(), float).reshape(ndim, ndim) if matrix else np.eye(ndim)
    offset = _offset(fields) or "0 " * ndim
    return ItkHeader(
        tuple(sizes), _numbers(spacing, ndim), _numbers(offset, ndim), tuple(float(value) for value in rows.T.ravel())
    )


def _offset(fields: dict[str, str]) -> str:
    return next((fields[key] for key in ("Offset", "Position", "Origin") if key in fields), "")


def _numbers(text: str, count: int) -> tuple[float, ...]:
    numbers = tuple(float(word) for word in text.split())
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers in the line {text!r} of an image with {count} axes")
    return numbers


def _is_true(text: str) -> bool:
    return text[:1].lower() in {"t", "1", "y"}
