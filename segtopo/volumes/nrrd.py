"""NRRD files (with the voxels behind the header, or NHDR with files of voxels), and Slicer's segmentations in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.data_files import DataFile, listed_files, read_hex, read_text, read_voxels
from segtopo.volumes.itk import itk_volume
from segtopo.volumes.nrrd_header import NrrdHeader, read_nrrd_header
from segtopo.volumes.nrrd_position import axis_directions, nrrd_affine, nrrd_geometry
from segtopo.volumes.segments import segments_of
from segtopo.volumes.stored_content import Compression
from segtopo.volumes.volume import Array, Volume

_DTYPES = {"float": "f4", "double": "f8"}
_INTEGERS = {"char": 1, "short": 2, "short int": 2, "int": 4, "longlong": 8, "long long": 8, "long long int": 8}
for _name, _width in _INTEGERS.items():
    _DTYPES |= {f"{sign}{_name}": f"i{_width}" for sign in ("", "signed ")}
    _DTYPES |= {f"{sign}{_name}": f"u{_width}" for sign in ("u", "unsigned ")}
    _DTYPES |= {f"{sign}int{8 * _width}{end}": f"{sign or 'i'}{_width}" for sign in ("", "u") for end in ("", "_t")}
_COMPRESSIONS: dict[str, Compression] = {
    "raw": "none",
    "gzip": "deflate",
    "gz": "deflate",
    "bzip2": "bzip2",
    "bz2": "bzip2",
}
_TEXT = ("ascii", "text", "txt")


def read_nrrd(path: Path) -> Volume:
    """Reads an NRRD file; the dtype is that of the file.

    Raises:
        InputError: The image is neither 2D nor 3D, has complex voxels, or has two axes of channels.
    """
    header = read_nrrd_header(path)
    sizes = header.sizes
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(mismatch(path, got=f"sizes {sizes}", expected="the sizes of a 2D or 3D image"))
    directions = axis_directions(header)
    channels = [axis for axis, direction in enumerate(directions) if direction is None and sizes[axis] > 1]
    if len(channels) > 1 or "complex" in header.kinds:
        got = f"sizes {sizes} of the kinds {', '.join(header.kinds)}"
        raise InputError(mismatch(path, got=got, expected="real numbers, with at most one axis of channels"))
    array = _voxels(path, header).reshape(sizes, order="F")
    array = np.moveaxis(array, channels, range(len(channels)))
    spatial = [axis for axis, direction in enumerate(directions) if direction is not None]
    array = array.reshape(*array.shape[: len(channels)], *(sizes[axis] for axis in spatial), order="A")
    volume = _in_space(path, array, header, bool(channels))
    return replace(volume, segments=segments_of(header.keys, has_layers=volume.has_channels))


def _voxels(path: Path, header: NrrdHeader) -> Array:
    count = int(np.prod(header.sizes, dtype=object))
    encoding = header.fields["encoding"].lower()
    name = header.fields["type"].lower()
    if name not in _DTYPES:
        raise ValueError(f"voxels of the type {name!r}")
    dtype = np.dtype(_DTYPES[name])
    files = _data_files(path, header)
    if encoding in _TEXT:
        return read_text(files[0], count, dtype)
    if dtype.itemsize > 1:
        dtype = np.dtype({"little": "<", "big": ">"}[header.fields["endian"].lower()] + _DTYPES[name])
    if encoding == "hex":
        return read_hex(files[0], count, dtype)
    if encoding not in _COMPRESSIONS:
        raise ValueError(f"the encoding {encoding!r}")
    return read_voxels(files, count, dtype, _COMPRESSIONS[encoding])


def _data_files(path: Path, header: NrrdHeader) -> list[DataFile]:
    named = header.fields.get("data file")
    paths = [path] if named is None else listed_files(named, header.listed, path)
    start = header.end if named is None else 0
    bytes_skipped, lines_skipped = (int(header.fields.get(f"{unit} skip", 0)) for unit in ("byte", "line"))
    if bytes_skipped < 0:
        return [DataFile(file, -1) for file in paths]
    return [DataFile(file, _after_lines(file, start, lines_skipped) + bytes_skipped) for file in paths]


def _after_lines(path: Path, start: int, lines: int) -> int:
    with path.open("rb") as file:
        file.seek(start)
        for _ in range(lines):
            if not file.readline():
                raise EOFError(f"fewer than {lines} lines to skip")
        return file.tell()


def _in_space(path: Path, array: Array, header: NrrdHeader, has_channels: bool) -> Volume:
    has_position = bool({"space directions", "space origin"} & header.fields.keys())
    geometry = nrrd_geometry(header, array.shape[int(has_channels) :])
    if geometry is None:  # a slice that lies somewhere in a space of three dimensions
        return Volume(array, nrrd_affine(header), has_channels, has_position=has_position)
    return itk_volume(path, array, geometry, has_channels=has_channels, has_position=has_position)
