"""The values of DICOM images, of every compression that the decoders of imagecodecs and pydicom know."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.dicom.frames import Frame, number_of_frames
from segtopo.volumes.scaled_integers import smallest_integer_dtype
from segtopo.volumes.stored_content import check_plausible
from segtopo.volumes.volume import Array

_RLE = "1.2.840.10008.1.2.5"
_DECODERS = {
    "1.2.840.10008.1.2.4.50": "jpeg8_decode",
    "1.2.840.10008.1.2.4.51": "jpeg8_decode",
    "1.2.840.10008.1.2.4.57": "jpeg8_decode",
    "1.2.840.10008.1.2.4.70": "jpeg8_decode",
    "1.2.840.10008.1.2.4.80": "jpegls_decode",
    "1.2.840.10008.1.2.4.81": "jpegls_decode",
    "1.2.840.10008.1.2.4.90": "jpeg2k_decode",
    "1.2.840.10008.1.2.4.91": "jpeg2k_decode",
}
_LONGEST_PADDING = 8
_END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000; their decoders invent the rest of an image that is cut
_WHITE_IS_LOWEST = "MONOCHROME1"
_GREY = (_WHITE_IS_LOWEST, "MONOCHROME2")


@dataclass(frozen=True)
class PixelFormat:
    """How a file stores the values of a frame.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        bits: Number of bits of a stored value, 8, 16 or 32.
        used_bits: Number of those that hold the value, the lowest.
        is_signed: Whether the values are signed.
        is_inverted: Whether the lowest value is white.
    """

    rows: int
    columns: int
    bits: int
    used_bits: int
    is_signed: bool
    is_inverted: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the stored values."""
        return np.dtype(f"{'i' if self.is_signed else 'u'}{self.bits // 8}")

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest value that can be stored."""
        return (-(1 << self.used_bits - 1) if self.is_signed else 0), (1 << self.used_bits - self.is_signed) - 1


def pixel_format(dataset: Any, path: Path) -> PixelFormat:
    """Reads from the header how the values are stored.

    Raises:
        InputError: The file holds no image, colours, or values through a table.
    """
    if "Rows" not in dataset or "BitsAllocated" not in dataset:
        got = f"no pixels ({getattr(dataset.get('SOPClassUID'), 'name', 'of an unknown kind')})"
        raise InputError(mismatch(path, got=got, expected="an image or a segmentation"))
    if dataset.SamplesPerPixel != 1 or dataset.PhotometricInterpretation not in _GREY:
        got = f"colours ({dataset.PhotometricInterpretation})"
        raise InputError(mismatch(path, got=got, expected="one value in each pixel"))
    if "ModalityLUTSequence" in dataset:
        raise InputError(mismatch(path, got="values through a table (Modality LUT)", expected="a slope and intercept"))
    bits, used_bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if bits not in (8, 16, 32) or not 0 < used_bits <= bits or dataset.HighBit != used_bits - 1:
        raise ValueError(f"{used_bits} bits below bit {dataset.HighBit} of {bits}")
    return PixelFormat(
        int(dataset.Rows),
        int(dataset.Columns),
        bits,
        used_bits,
        bool(dataset.PixelRepresentation),
        dataset.PhotometricInterpretation == _WHITE_IS_LOWEST,
    )


def value_dtype(formats: Sequence[PixelFormat], frames: Sequence[Frame]) -> np.dtype[Any]:
    """Returns the dtype that holds every value that frames can have.

    It is that of the file if nothing is scaled, an integer if all slopes and intercepts are integers, and float32 for
    others.
    """
    if not any(frame.is_scaled for frame in frames):
        return np.result_type(*(one.dtype for one in formats))
    if not all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in frames):
        return np.dtype(np.float32)
    ends = [
        int(frame.slope) * end + int(frame.intercept)
        for one, frame in zip(formats, frames, strict=True)
        for end in one.limits
    ]
    return smallest_integer_dtype(min(ends), max(ends))


def values(stored: Array, frame: Frame, dtype: np.dtype[Any]) -> Array:
    """Returns ``slope * stored + intercept``."""
    if not frame.is_scaled:
        return stored.astype(dtype, copy=False)
    if frame.slope == 0:
        raise ValueError("a rescale slope of 0")
    number = np.float64 if dtype.kind == "f" else np.int64
    scaled: Array = stored.astype(number) * number(frame.slope) + number(frame.intercept)
    return scaled.astype(dtype)


def check_complete(dataset: Any, path: Path) -> None:
    """Raises EOFError if a file does not hold the pixels that its header tells of, before memory is taken."""
    if "PixelData" not in dataset:
        raise EOFError("no pixels at the end")
    pixels = number_of_frames(dataset) * int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    size = -(-pixels * int(dataset.BitsAllocated) // 8)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        check_plausible(path, size, compressed=True)
    elif not size <= len(dataset.PixelData) <= size + 1:  # the length is padded to an even number
        raise EOFError(f"{len(dataset.PixelData)} of {size} bytes")


def stored_frames(dataset: Any, stored_as: PixelFormat, path: Path) -> Iterator[Array]:
    """Yields the stored values ``(rows, columns)`` of each frame.

    White is the largest value also where the file stores it as the lowest.

    Raises:
        InputError: The compression is not supported.
    """
    size, unused = stored_as.dtype.itemsize, stored_as.bits - stored_as.used_bits
    for pixels in _decoded(dataset, stored_as, path):
        if pixels.shape != (stored_as.rows, stored_as.columns) or pixels.dtype.itemsize > size:
            expected = f"{stored_as.rows} x {stored_as.columns} of {stored_as.dtype}"
            raise ValueError(f"pixels of shape {pixels.shape} and dtype {pixels.dtype} instead of {expected}")
        stored = pixels.astype(f"{pixels.dtype.kind}{size}").view(stored_as.dtype)
        stored = ~stored if stored_as.is_inverted else stored
        yield stored << unused >> unused  # the unused bits may hold anything


def _decoded(dataset: Any, stored_as: PixelFormat, path: Path) -> Iterator[Array]:
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        dtype = stored_as.dtype if syntax.is_little_endian else stored_as.dtype.newbyteorder(">")
        shape = (number_of_frames(dataset), stored_as.rows, stored_as.columns)
        return iter(np.frombuffer(dataset.PixelData, dtype, math.prod(shape)).reshape(shape))
    if syntax == _RLE:
        from pydicom.pixels import get_decoder  # its decoder is Python; that of imagecodecs can end the process

        return (pixels for pixels, _ in get_decoder(syntax).iter_array(dataset, raw=True, decoding_plugin="pydicom"))
    if syntax not in _DECODERS:
        expected = "none, RLE, JPEG, JPEG-LS or JPEG 2000"
        raise InputError(mismatch(path, got=f"the compression {syntax.name}", expected=expected))
    return _decoded_jpeg(dataset, _DECODERS[syntax])


def _decoded_jpeg(dataset: Any, decoder: str) -> Iterator[Array]:
    import imagecodecs
    from pydicom.encaps import generate_frames

    decode: Callable[[bytes], Array] = getattr(imagecodecs, decoder)
    table = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    frames = generate_frames(
        dataset.PixelData,
        number_of_frames=number_of_frames(dataset),
        extended_offsets=table if all(table) else None,
    )
    for frame in frames:
        if _END_OF_IMAGE not in frame.rstrip(b"\0")[-_LONGEST_PADDING:]:
            raise EOFError("a compressed frame without end")
        yield decode(frame)
