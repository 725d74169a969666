"""DICOM files and the folders that hold a series, recognised by their first bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

SEGMENTATION = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # of segments, of labels

_SLICES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128")  # CT, MR, PET
_EXTENSION = re.compile(r"|\.dcm|\.ima|\.dicom|\.\d+", re.IGNORECASE)  # many slices have a number for an extension
_CLASS_ELEMENT = re.compile(rb"\x02\x00\x02\x00UI..([0-9.]+)", re.DOTALL)
_FILE_META = slice(132, 1024)


def is_series(folder: Path) -> bool:
    """Whether a folder holds slices of CT, MR or PET images, each in a file of its own."""
    is_readable = folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
    return is_readable and any(_sop_class(file) in _SLICES for file in series_files(folder))


def series_files(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder whose names are possible for slices, sorted by name."""
    for file in sorted(folder.iterdir()):
        if file.name[0] != "." and file.name != "DICOMDIR" and _EXTENSION.fullmatch(file.suffix) and file.is_file():
            yield file


def _sop_class(file: Path) -> str | None:
    """Returns the UID of the kind of object that a DICOM file holds; None for other files."""
    try:
        with file.open("rb") as opened:
            start = opened.read(_FILE_META.stop)
    except OSError:
        return None
    if start[128:132] != b"DICM" or (found := _CLASS_ELEMENT.search(start[_FILE_META])) is None:
        return None
    return found[1].decode("ascii")
