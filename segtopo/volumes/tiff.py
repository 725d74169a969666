"""TIFF files: pictures and stacks of every compression, with the spacing that ImageJ and OME files state."""

from __future__ import annotations

import logging
import mmap
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.stored_content import check_plausible
from segtopo.volumes.tiff_spacing import tiff_spacing
from segtopo.volumes.transparency import without_transparency
from segtopo.volumes.upright import ORIENTATION, UPRIGHT
from segtopo.volumes.volume import Array, Volume

_WHITE_IS_ZERO, _CMYK = 0, 5
# Of LZW, fax and PackBits data, whose decoders in imagecodecs can end the process when the data are damaged.
_DECODED_BY_LIBTIFF = (2, 3, 4, 5, 32773)
_COLOURS = (2, 6)  # RGB and YCbCr
_OPACITY = (1, 2)  # premultiplied or not
_SAME_UUID = "urn:uuid:00000000-0000-0000-0000-000000000000"  # with a random one, the same array would give other bytes


class _Complaints(logging.Handler):
    """Keeps tifffile's messages about damage, apart for each thread: tifffile goes on after many kinds of damage."""

    _DAMAGE = re.compile("incorrect|missing|corrupt|failed to read|invalid (offset|page|circular)|cannot handle")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._of_thread = threading.local()
        logging.getLogger("tifffile").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if self._DAMAGE.search(record.getMessage()):
            self._of_thread.first = getattr(self._of_thread, "first", None) or record.getMessage()

    def take(self) -> str | None:
        """Returns the first message since the last call."""
        first: str | None = self._of_thread.__dict__.pop("first", None)
        return first


_complaints = _Complaints()


def read_tiff(path: Path) -> Volume:
    """Reads a picture or a stack of pages; of a pyramid, the largest level.

    Pixels of 1 bit become 0 and 1. White is the larger value also where the file stores it as 0.

    Raises:
        InputError: The file says that its pixels are turned.
        ValueError: The pages differ in shape, or tifffile found damage.
    """
    import tifffile

    _complaints.take()
    with (
        tifffile.TiffFile(path) as file,
        path.open("rb") as stored,
        mmap.mmap(stored.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        pixels, axes = _pixels(file, path, content)
        page = file.pages.first
        if (orientation := page.tags.valueof(ORIENTATION, UPRIGHT)) != UPRIGHT:
            raise InputError(mismatch(path, got=f"pixels turned by orientation {orientation}", expected="upright ones"))
        spacing = tiff_spacing(file)
    if complaint := _complaints.take():
        raise ValueError(complaint.partition("> ")[2] or complaint)
    channels, is_colour = _channels(pixels, axes, page)
    has_channels = len(channels) > 1
    array = channels if has_channels else channels[0]
    array = array.astype(np.uint8 if array.dtype == bool else array.dtype.newbyteorder("="), copy=False)
    ndim = array.ndim - has_channels
    if ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"shape {pixels.shape} of the axes {axes}")
    affine = np.eye(4)
    affine[range(ndim), range(ndim)] = spacing[3 - ndim :]
    return Volume(array, affine, has_channels, has_position=False, is_colour=is_colour)


def write_tiff(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes a compressed TIFF file; where the spacing of ``like`` is not 1 mm, as OME-TIFF, which states it."""
    import tifffile

    axes = "CYX" if has_channels and array.ndim == 3 else "CZYX"[-array.ndim :]
    metadata: dict[str, Any] = {"axes": axes}
    is_calibrated = any(length != 1 for length in like.spacing)
    if is_calibrated:
        for axis, length in zip("ZYX"[-like.ndim :], like.spacing, strict=True):
            metadata |= {f"PhysicalSize{axis}": length, f"PhysicalSize{axis}Unit": "mm"}
        metadata["UUID"] = _SAME_UUID
    tifffile.imwrite(
        path, array, compression="zlib", photometric="minisblack", metadata=metadata, ome=is_calibrated or None
    )


def _pixels(file: Any, path: Path, content: mmap.mmap) -> tuple[Array, str]:
    """Returns the pixels and a letter for each of their axes."""
    pages = [page for page in file.pages if not (page.is_reduced or page.is_mask)]
    _check_data(pages, path.stat().st_size)
    series = [series for series in file.series if not (series.keyframe.is_reduced or series.keyframe.is_mask)]
    check_plausible(path, sum(one.size * one.dtype.itemsize for one in series), compressed=True)
    if len(series) == 1:
        pixels, axes = _series_pixels(series[0], content), series[0].axes
    else:
        if len({(page.shape, page.dtype, page.photometric) for page in pages}) != 1:
            raise ValueError("pages that differ in shape or dtype")
        pixels, axes = np.stack([_page_pixels(page, content) for page in pages]), f"I{pages[0].axes}"
    if file.pages.first.photometric == _WHITE_IS_ZERO and pixels.dtype.kind in "bu":
        pixels = np.bitwise_xor(pixels, pixels.dtype.type(2**file.pages.first.bitspersample - 1))
    return pixels, axes


def _series_pixels(series: Any, content: mmap.mmap) -> Array:
    if series.keyframe.compression not in _DECODED_BY_LIBTIFF:
        return np.asarray(series.asarray())
    return np.asarray(np.stack([_page_pixels(page, content) for page in series.pages]).reshape(series.shape))


def _page_pixels(page: Any, content: mmap.mmap) -> Array:
    if page.compression not in _DECODED_BY_LIBTIFF:
        return np.asarray(page.asarray())
    import imagecodecs

    pixels = np.asarray(imagecodecs.tiff_decode(content, index=page.index))
    if pixels.shape != page.shape or pixels.dtype != page.dtype:
        raise ValueError(f"a page of the shape {pixels.shape} where the header tells of {page.shape}")
    return pixels


def _check_data(pages: list[Any], file_size: int) -> None:
    """Raises ValueError if the data of a page are missing, which tifffile fills with zeros, or lie beyond the file."""
    for page in pages:
        ends = [offset + size if size else file_size + 1 for offset, size in _segments(page)]
        if max(ends, default=file_size + 1) > file_size:
            raise ValueError("a page without its data")


def _segments(page: Any) -> Iterable[tuple[int, int]]:
    return zip(page.dataoffsets, page.databytecounts, strict=True)


def _channels(pixels: Array, axes: str, page: Any) -> tuple[Array, bool]:
    """Returns an array whose first axis holds the channels, at least one, and whether these are colours."""
    found = [axis for axis, letter in enumerate(axes) if letter in "SC"]
    if len(found) > 1:
        raise ValueError(f"shape {pixels.shape} of the axes {axes}")
    if not found:
        return pixels[None], False
    channels = np.moveaxis(pixels, found[0], 0)
    if axes[found[0]] == "C":
        return channels, False
    if page.photometric == _CMYK:
        raise ValueError("colours for print, CMYK")
    is_colour = page.photometric in _COLOURS
    if len(page.extrasamples) == 1 and (is_colour or page.extrasamples[0] in _OPACITY):
        channels = without_transparency(channels[:-1], channels[-1])
    return channels, is_colour and len(channels) == 3
