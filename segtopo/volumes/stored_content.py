"""The content of files, raw or compressed; it is read to its end, so that every checksum is verified."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

Compression = Literal["none", "deflate", "bzip2"]

GZIP_MAGIC = b"\x1f\x8b"
_ZLIB_OR_GZIP = 47  # zlib's window bits for "either format, by its first bytes"
_PIECE = 1 << 16  # compressed bytes read at once; deflate makes at most 66 MB of them
_LARGEST_RATIO = 5000  # deflate reaches 1032, LZW 2600
_ALWAYS_PLAUSIBLE = 1 << 28  # bytes


def compression_of(path: Path) -> Compression:
    """Returns ``deflate`` for a gzip file, by its first bytes, and ``none`` for others."""
    with path.open("rb") as file:
        return "deflate" if file.read(2) == GZIP_MAGIC else "none"


def first_bytes(path: Path, count: int, compression: Compression) -> bytes:
    """Returns at most ``count`` bytes from the start of the content."""
    found = b""
    with path.open("rb") as file:
        for piece in _pieces(file, compression):
            found += piece
            if len(found) >= count:
                break
    return found[:count]


def read_content(
    path: Path,
    size: int,
    *,
    compression: Compression = "none",
    start: int = 0,
    skip: int = 0,
    exact: bool = False,
) -> npt.NDArray[np.uint8]:
    """Reads a part of the content of a file.

    Args:
        path: The file.
        size: Number of bytes to return.
        compression: How the content is stored.
        start: Position in the file where the content begins.
        skip: Bytes of the content before those returned.
        exact: Whether the content must end with the bytes returned.

    Raises:
        EOFError: The file is too short for the content. This is checked before memory is taken, as far as the size of
            the file tells it.
        ValueError: ``exact``, and the content is longer.
        zlib.error: A checksum or the compressed data are wrong.
    """
    check_plausible(path, skip + size, compressed=compression != "none", start=start)
    content = np.empty(size, np.uint8)
    position = -skip
    with path.open("rb") as file:
        file.seek(start)
        for piece in _pieces(file, compression):
            first, last = max(0, -position), min(len(piece), size - position)
            if first < last:
                content[position + first : position + last] = np.frombuffer(piece, np.uint8)[first:last]
            position += len(piece)
            if compression == "none" and position >= size and not exact:
                break
    if position < size:
        raise EOFError(f"{skip + position} of {skip + size} bytes")
    if exact and position > size:
        raise ValueError(f"{skip + position} bytes where the header tells of {skip + size}")
    return content


def in_native_order(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns numbers in the byte order of this machine; others are swapped in place."""
    return values if values.dtype.isnative else values.byteswap(inplace=True).view(values.dtype.newbyteorder("="))


def check_plausible(path: Path, size: int, *, compressed: bool, start: int = 0) -> None:
    """Raises EOFError if a file is too small to hold ``size`` bytes of content.

    A damaged header can claim more memory than there is; its claim is checked before the memory is taken.
    """
    stored = path.stat().st_size - start
    if size > (max(_ALWAYS_PLAUSIBLE, _LARGEST_RATIO * stored) if compressed else stored):
        raise EOFError(f"a file of {stored + start} bytes cannot hold {size} bytes of data")


def _pieces(file: BinaryIO, compression: Compression) -> Iterator[bytes]:
    if compression == "none":
        return iter(lambda: file.read(1 << 22), b"")
    return _expanded(file, compression)


def _expanded(file: BinaryIO, compression: Compression) -> Iterator[bytes]:
    """Yields the content of each member of a compressed file; the end of a member verifies its checksum.

    As with the program ``gzip``, other bytes after the last member are ignored.
    """
    while True:
        engine = zlib.decompressobj(_ZLIB_OR_GZIP) if compression == "deflate" else bz2.BZ2Decompressor()
        while not engine.eof:
            if not (piece := file.read(_PIECE)):
                raise EOFError("the compressed data have no end")
            yield engine.decompress(piece)
        file.seek(-len(engine.unused_data), 1)
        magic = file.read(3)
        file.seek(-len(magic), 1)
        if not magic.startswith(GZIP_MAGIC if compression == "deflate" else b"BZh"):
            return
