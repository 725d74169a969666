"""The voxels of MetaImage and NRRD files, which lie behind the header or in files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from segtopo.volumes.stored_content import Compression, check_plausible, in_native_order, read_content
from segtopo.volumes.volume import Array

_LONGEST_HEADER = 1 << 24


@dataclass(frozen=True)
class DataFile:
    """A file with voxels, and the position of their first byte.

    Attributes:
        path: The file.
        start: Position of the first byte; -1 means that the voxels end with the file.
    """

    path: Path
    start: int = 0


def read_line(file: BinaryIO) -> str:
    """Reads a line of a header, without its end; an empty string at the end of the file.

    Raises:
        ValueError: The header is not text, or has no end.
    """
    line = file.readline(_LONGEST_HEADER)
    if file.tell() > _LONGEST_HEADER or (line and not line.endswith(b"\n") and len(line) == _LONGEST_HEADER):
        raise ValueError("a header without end")
    return line.decode("utf-8", "replace")


def listed_files(value: str, following: Sequence[str], header: Path) -> list[Path]:
    """Returns the files that a header names: one, a list in the lines that follow, or a pattern with its numbers.

    Raises:
        ValueError: A file does not exist.
    """
    words = value.split()
    if words[:1] == ["LIST"]:
        names = [line.strip() for line in following if line.strip()]
    elif "%" in value and len(words) >= 4:
        first, last, step = (int(word) for word in words[1:4])
        names = [words[0] % number for number in range(first, last + 1, step)]
    else:
        names = [value]
    files = [header.parent / name for name in names]
    missing = next((file.name for file in files if not file.is_file()), None)
    if missing is not None or not files:
        raise ValueError(f"no file {missing!r} of voxels beside it")
    return files


def read_voxels(files: Iterable[DataFile], count: int, dtype: np.dtype, compression: Compression) -> Array:
    """Reads ``count`` numbers, which are evenly spread over files, in native byte order.

    Raises:
        EOFError: A file is too short.
        ValueError: A file is too long, or the numbers are not evenly spread.
    """
    files = list(files)
    share, rest = divmod(count, len(files))
    if rest:
        raise ValueError(f"{count} voxels in {len(files)} files")
    parts = [_read_part(file, share * dtype.itemsize, compression) for file in files]
    content = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return in_native_order(content.view(dtype))


def read_text(file: DataFile, count: int, dtype: np.dtype) -> Array:
    """Reads ``count`` numbers that are written as text.

    Raises:
        ValueError: The text has more or fewer numbers, or a word that is no number of the dtype.
    """
    check_plausible(file.path, count, compressed=False)
    words = file.path.read_bytes()[file.start :].replace(b",", b" ").split()
    if len(words) != count:
        raise ValueError(f"{len(words)} numbers where the header tells of {count}")
    return np.array([word.decode("ascii") for word in words]).astype(dtype)


def read_hex(file: DataFile, count: int, dtype: np.dtype) -> Array:
    """Reads ``count`` numbers whose bytes are written as hexadecimal digits.

    Raises:
        ValueError: The text has more or fewer digits, or other characters.
    """
    check_plausible(file.path, 2 * count * dtype.itemsize, compressed=False)
    content = bytearray.fromhex(file.path.read_bytes()[file.start :].decode("ascii"))
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"{len(content)} bytes where the header tells of {count * dtype.itemsize}")
    return in_native_order(np.frombuffer(content, dtype))


def _read_part(file: DataFile, size: int, compression: Compression) -> npt.NDArray[np.uint8]:
    from_end = file.start < 0
    if from_end and compression != "none":
        raise ValueError("a position from the end of compressed data")
    start = max(0, file.path.stat().st_size - size) if from_end else file.start
    return read_content(file.path, size, compression=compression, start=start, exact=True)
