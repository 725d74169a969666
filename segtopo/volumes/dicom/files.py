"""DICOM files and the folders that hold a series, recognised by their first bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

SEGMENTATION = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # of segments, of labels

_SLICES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128")  # CT, MR, PET
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # a slice only if it has a position: also SimpleITK writes such slices
_EXTENSION = re.compile(r"|\.dcm|\.ima|\.dicom|\.\d+", re.IGNORECASE)  # many slices have a number for an extension
_CLASS_ELEMENT = re.compile(rb"\x02\x00\x02\x00UI..([0-9.]+)", re.DOTALL)
_POSITION_ELEMENT = b"\x20\x00\x32\x00"
_LONGEST_META = 1024
_LONGEST_HEADER = 1 << 16


def is_series(folder: Path) -> bool:
    """Whether a folder holds slices in space, each in a file of its own: CT, MR, PET, or others with a position."""
    is_readable = folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
    return is_readable and any(map(_is_slice, series_files(folder)))


def series_files(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder whose names are possible for slices, sorted by name."""
    for file in sorted(folder.iterdir()):
        if file.name[0] != "." and file.name != "DICOMDIR" and _EXTENSION.fullmatch(file.suffix) and file.is_file():
            yield file


def _is_slice(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            start = opened.read(_LONGEST_HEADER)
    except OSError:
        return False
    found = _CLASS_ELEMENT.search(start, 132, _LONGEST_META)
    if start[128:132] != b"DICM" or found is None:
        return False
    kind = found[1].decode("ascii")
    return kind in _SLICES or (kind == _SECONDARY_CAPTURE and _POSITION_ELEMENT in start)
