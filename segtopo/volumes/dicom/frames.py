"""The frames of DICOM images: their place in space and the scale of their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float64]

_GROUP = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
# A projection has the spacing of its detector, a scanned film that of the scanner.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


@dataclass(frozen=True, eq=False)
class Plane:
    """The place of a slice in space, in LPS+ coordinates in mm.

    Attributes:
        position: ``(3,)`` centre of the first pixel.
        orientation: ``(2, 3)`` unit vectors from column to column and from row to row.
        spacing: Distance from column to column and from row to row.
    """

    position: Vectors
    orientation: Vectors
    spacing: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Frame:
    """A slice of an image.

    Attributes:
        name: Its file, and its number in a file with several.
        plane: Its place in space; None if the file does not tell.
        spacing: Distance from column to column and from row to row in mm; None if the file does not tell.
        thickness: The thickness of the slice in mm, or 1.
        slope: Factor from stored values to values.
        intercept: The value of a stored 0.
    """

    name: str
    plane: Plane | None
    spacing: tuple[float, float] | None
    thickness: float
    slope: float
    intercept: float

    @property
    def is_scaled(self) -> bool:
        """Whether the values are not the stored values."""
        return (self.slope, self.intercept) != (1, 0)


def number_of_frames(dataset: Any) -> int:
    """Returns the number of frames of an image, 1 where the file does not tell."""
    return int(dataset.get("NumberOfFrames") or 1)


def frames_of(dataset: Any, name: str) -> list[Frame]:
    """Returns the frames of an image in the order of the file.

    Args:
        dataset: The header.
        name: Name of the file.
    """
    count = number_of_frames(dataset)
    return [_frame(dataset, index, name if count == 1 else f"frame {index + 1} of {name}") for index in range(count)]


def _frame(dataset: Any, index: int, name: str) -> Frame:
    position = _numbers(dataset, index, "ImagePositionPatient", 3)
    orientation = _numbers(dataset, index, "ImageOrientationPatient", 6)
    spacings = (_numbers(dataset, index, key, 2) for key in _SPACINGS)
    rows_first = next((found for found in spacings if found is not None), None)
    spacing = None if rows_first is None else (float(rows_first[1]), float(rows_first[0]))
    plane = None
    if position is not None and orientation is not None and spacing is not None:
        plane = Plane(position, orientation.reshape(2, 3), spacing)
    return Frame(
        name,
        plane,
        spacing,
        _number(dataset, index, "SliceThickness") or 1.0,
        _number(dataset, index, "RescaleSlope", 1.0),
        _number(dataset, index, "RescaleIntercept", 0.0),
    )


def _number(dataset: Any, index: int, key: str, default: float = 0.0) -> float:
    found = _numbers(dataset, index, key, 1)
    return default if found is None else float(found[0])


def _numbers(dataset: Any, index: int, key: str, count: int) -> Vectors | None:
    """Returns the numbers of an element of a frame; None if it is missing or empty."""
    for holder in _holders(dataset, index, key):
        if holder.get(key) not in (None, ""):
            return np.array(holder[key].value, np.float64).reshape(count)
    return None


def _holders(dataset: Any, index: int, key: str) -> Iterator[Any]:
    """Yields the parts of a file that can hold an element of a frame, the most special first."""
    for groups, item in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        if groups in dataset and key in _GROUP:
            yield from dataset[groups].value[item].get(_GROUP[key]) or ()
    yield dataset
