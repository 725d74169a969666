"""The spacing that TIFF files of ImageJ and of OME state."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

_MM_OF_UNIT = {
    "nm": 1e-6,
    "um": 1e-3,
    "µm": 1e-3,  # the sign for micro
    "μm": 1e-3,  # the Greek letter
    "\\u00B5m": 1e-3,  # as ImageJ writes it
    "micron": 1e-3,
    "microns": 1e-3,
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
}
_UNKNOWN = (1.0, 1.0, 1.0)


def tiff_spacing(file: Any) -> tuple[float, float, float]:
    """Returns the spacing along pages, rows and columns in mm, each 1 if the file does not tell it with a unit.

    The resolution of other files, in dots per inch, is for print and says nothing about the subject.

    Args:
        file: A ``tifffile.TiffFile``.
    """
    if file.is_ome:
        return _of_ome(file.ome_metadata)
    if file.is_imagej:
        return _of_imagej(file.imagej_metadata or {}, file.pages.first.tags)
    return _UNKNOWN


def _of_ome(xml: str) -> tuple[float, float, float]:
    pixels = next((e for e in ElementTree.fromstring(xml).iter() if e.tag.rpartition("}")[2] == "Pixels"), None)
    if pixels is None:
        return _UNKNOWN

    def spacing(axis: str) -> float:
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        return _length(float(pixels.get(f"PhysicalSize{axis}", "nan")) * _MM_OF_UNIT.get(unit, math.nan))

    return spacing("Z"), spacing("Y"), spacing("X")


def _of_imagej(metadata: dict[str, Any], tags: Any) -> tuple[float, float, float]:
    scale = _MM_OF_UNIT.get(str(metadata.get("unit", "")), math.nan)

    def spacing(tag: str) -> float:
        pixels, length = tags[tag].value if tag in tags else (0, 0)
        return _length(length / pixels * scale if pixels else math.nan)

    depth = _length(float(metadata.get("spacing", "nan")) * scale)
    return depth, spacing("YResolution"), spacing("XResolution")


def _length(value: float) -> float:
    return value if math.isfinite(value) and value > 0 else 1.0
