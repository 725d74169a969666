"""DICOM images: a folder with the slices of a series, or a file with one or more frames."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.dicom.files import SEGMENTATION, is_series, series_files
from segtopo.volumes.dicom.frames import Frame, frames_of, number_of_frames
from segtopo.volumes.dicom.grid import grid_of
from segtopo.volumes.dicom.pixels import (
    PixelFormat,
    check_complete,
    pixel_format,
    stored_frames,
    value_dtype,
    values,
)
from segtopo.volumes.dicom.segmentation import read_segmentation
from segtopo.volumes.itk import itk_volume
from segtopo.volumes.reading_errors import errors_in_one_line
from segtopo.volumes.volume import Array, Volume

_SLICE = "an intact slice, as the other files of its folder are"
_SERIES_SHOWN = 5


def read_dicom(path: Path) -> Volume:
    """Reads a file: an image with one or more frames, or a segmentation.

    Raises:
        InputError: The file holds something else, colours, or frames that make no grid.
    """
    with _quietly():
        dataset = _dataset(path)
        if dataset.SOPClassUID in SEGMENTATION:
            check_complete(dataset, path)
            return read_segmentation(dataset, path)
        stored_as = pixel_format(dataset, path)
        check_complete(dataset, path)
        frames = frames_of(dataset, path.name)
        return _volume(path, frames, [stored_as] * len(frames), stored_frames(dataset, stored_as, path))


def read_series(folder: Path) -> Volume:
    """Reads a folder with the slices of one series, which may have any names and lie in any order.

    Raises:
        InputError: The folder holds no series or several, or the slices make no grid.
    """
    if not is_series(folder):
        expected = "a folder with the slices of a DICOM series, or an image file"
        raise InputError(mismatch(folder, got="a folder without slices in space", expected=expected))
    with _quietly():
        files = list(series_files(folder))
        headers = [_header(file) for file in files]
        _check_one_series(headers, folder)
        slices = [_slice(header, file) for header, file in zip(headers, files, strict=True)]
        frames, formats = zip(*slices, strict=True)
        _check_one_format(formats, files, folder)
        return _volume(folder, frames, formats, map(_stored_slice, files, formats))


@contextmanager
def _quietly() -> Iterator[None]:
    """Silences the warnings about headers that break the standard; the errors that matter are found by checks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _volume(path: Path, frames: Sequence[Frame], formats: Sequence[PixelFormat], stored: Iterator[Array]) -> Volume:
    if any(stored_as.is_inverted and frame.is_scaled for stored_as, frame in zip(formats, frames, strict=True)):
        got = "values with a rescale slope and intercept whose lowest is white (MONOCHROME1)"
        raise InputError(mismatch(path, got=got, expected="MONOCHROME2, or values without a scale"))
    rows, columns = formats[0].rows, formats[0].columns
    order, header, has_position = grid_of(frames, columns, rows, path)
    array = np.empty((len(frames), rows, columns), value_dtype(formats, frames))
    for place, frame, pixels in zip(np.argsort(order), frames, stored, strict=True):
        array[place] = values(pixels, frame, array.dtype)
    return itk_volume(path, array.T, header, has_channels=False, has_position=has_position)


def _dataset(path: Path, *, with_pixels: bool = True) -> Any:
    from pydicom import dcmread

    return dcmread(path, stop_before_pixels=not with_pixels)


def _header(file: Path) -> Any:
    """Reads the header of a slice."""
    with errors_in_one_line(file, _SLICE):
        header = _dataset(file, with_pixels=False)
        if number_of_frames(header) > 1:
            got = f"{number_of_frames(header)} frames"
            raise InputError(mismatch(file, got=got, expected="one slice, as the other files of its folder are"))
        return header


def _slice(header: Any, file: Path) -> tuple[Frame, PixelFormat]:
    with errors_in_one_line(file, _SLICE):
        return frames_of(header, file.name)[0], pixel_format(header, file)


def _stored_slice(file: Path, stored_as: PixelFormat) -> Array:
    with errors_in_one_line(file, _SLICE):
        dataset = _dataset(file)
        check_complete(dataset, file)
        (pixels,) = stored_frames(dataset, stored_as, file)
        return pixels


def _check_one_series(headers: Sequence[Any], folder: Path) -> None:
    files = Counter(_series(header) for header in headers)
    if len(files) > 1:
        listed = [
            f"{series} ({number} {'file' if number == 1 else 'files'})"
            for series, number in files.most_common(_SERIES_SHOWN)
        ]
        more = [f"{len(files) - _SERIES_SHOWN} more"] if len(files) > _SERIES_SHOWN else []
        got = f"{len(files)} series: {', '.join(listed + more)}"
        raise InputError(mismatch(folder, got=got, expected="one series, in a folder of its own"))


def _series(header: Any) -> str:
    """Returns the UID, the modality and the description of a series."""
    words = [header.get(key) for key in ("SeriesInstanceUID", "Modality", "SeriesDescription")]
    return " ".join(str(word) for word in words if word)


def _check_one_format(formats: Sequence[PixelFormat], files: Sequence[Path], folder: Path) -> None:
    for stored_as, file in zip(formats, files, strict=True):
        one, other = (f"{found.rows} x {found.columns} pixels of {found.dtype}" for found in (formats[0], stored_as))
        if one != other:
            got = f"{one} in {files[0].name} and {other} in {file.name}"
            raise InputError(
                mismatch(folder, got=got, expected="slices of one size and dtype (no localizer among them)")
            )
