"""Pictures of a case: both masks in colours, in 2D on the image, in 3D as projections along the three axes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask, bounding_box
from segtopo.volumes import Volume

Colour = tuple[int, int, int]

#: The colours of Okabe and Ito, which people with any kind of colour vision can tell apart.
BOTH: Colour = (190, 190, 190)
PREDICTION_ONLY: Colour = (230, 159, 0)
REFERENCE_ONLY: Colour = (86, 180, 233)

MARGIN = 3  # voxels around the masks of a projection
WINDOW = (0.5, 99.5)  # percentiles of an image that are black and white
OPACITY = 0.6  # of the colours on an image


@dataclass(frozen=True)
class Picture:
    """A picture of the masks of a structure, with one pixel for each voxel.

    Attributes:
        structure: Name of the structure.
        title: The axis of a projection; empty for a 2D image.
        axes: The axes of the image along the rows and along the columns of the picture.
        start: The voxel of the first row and the first column, along these axes.
        shape: Number of rows and columns.
        is_flipped: Whether the rows run from the last voxel to the first.
        aspect: Height of a voxel divided by its width.
        png: Content of the PNG file.
    """

    structure: str
    title: str
    axes: tuple[int, int]
    start: tuple[int, int]
    shape: tuple[int, int]
    is_flipped: bool
    aspect: float
    png: bytes

    def place(self, voxel: tuple[int, ...]) -> tuple[float, float]:
        """Returns the place of a voxel as shares of the width (from the left) and the height (from the top)."""
        row, column = (
            (voxel[axis] - first + 0.5) / size
            for axis, first, size in zip(self.axes, self.start, self.shape, strict=True)
        )
        return column, 1 - row if self.is_flipped else row

    def facts(self) -> dict[str, Any]:
        """Returns all attributes but the content of the file."""
        return {name: value for name, value in vars(self).items() if name != "png"}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any], png: bytes) -> Picture:
        """Inverts :meth:`facts`, also after they were written to a JSON file."""
        pairs = {name: tuple(facts[name]) for name in ("axes", "start", "shape")}
        return cls(**{**facts, **pairs, "png": png})


def case_pictures(
    structure: str, prediction: Mask, reference: Mask, volume: Volume, image: Volume | None = None
) -> list[Picture]:
    """Draws the masks of a structure.

    Args:
        structure: Its name.
        prediction: Predicted mask.
        reference: Reference mask of the same shape.
        volume: A volume of the same geometry, for the size of the voxels and the order of the axes.
        image: The image, for 2D masks. An image of another shape is not drawn.

    Returns:
        The picture of a 2D case; or the projections of a 3D case along each axis, cropped to the masks.
    """
    if volume.ndim == 2:
        return [_picture_2d(structure, prediction, reference, volume, image)]
    box = tuple(
        slice(max(0, axis.start - MARGIN), min(size, axis.stop + MARGIN)) if axis.stop else slice(0, size)
        for axis, size in zip(bounding_box(prediction | reference), reference.shape, strict=True)
    )
    return [_projection(structure, prediction[box], reference[box], box, axis, volume.spacing) for axis in (2, 1, 0)]


def _picture_2d(structure: str, prediction: Mask, reference: Mask, volume: Volume, image: Volume | None) -> Picture:
    pixels = np.zeros((*reference.shape, 3), np.uint8)
    opacity = 1.0
    if image is not None and image.spatial_shape == reference.shape:
        pixels, opacity = _grey(image), OPACITY
    _paint(pixels, prediction, reference, opacity)
    # The first axis of a picture file runs down, that of a medical file to the side.
    axes = (0, 1) if volume.header is None else (1, 0)
    rows, columns = axes
    shape = reference.shape[rows], reference.shape[columns]
    aspect = volume.spacing[rows] / volume.spacing[columns]
    png = _png(pixels if axes == (0, 1) else pixels.swapaxes(0, 1))
    return Picture(structure, "", axes, (0, 0), shape, False, aspect, png)


def _projection(
    structure: str,
    prediction: Mask,
    reference: Mask,
    box: tuple[slice, ...],
    axis: int,
    spacing: tuple[float, ...],
) -> Picture:
    """Draws the projection along an axis: a ray through voxels of both masks is grey, else it has a mask's colour."""
    columns, rows = (other for other in range(3) if other != axis)
    pixels = np.zeros((*(prediction.shape[other] for other in (columns, rows)), 3), np.uint8)
    both, predicted, known = (
        np.asarray(mask.any(axis=axis)) for mask in (prediction & reference, prediction, reference)
    )
    _paint(pixels, predicted, known, 1.0, both)
    is_flipped = rows == 2  # the third axis of most scans points to the head
    upright = pixels.swapaxes(0, 1)
    return Picture(
        structure,
        "ijk"[axis],
        (rows, columns),
        (box[rows].start, box[columns].start),
        (prediction.shape[rows], prediction.shape[columns]),
        is_flipped,
        spacing[rows] / spacing[columns],
        _png(upright[::-1] if is_flipped else upright),
    )


def _paint(
    pixels: npt.NDArray[np.uint8], prediction: Mask, reference: Mask, opacity: float, both: Mask | None = None
) -> None:
    """Colours the voxels of both masks, of the prediction alone and of the reference alone."""
    both = prediction & reference if both is None else both
    for mask, colour in (
        (both, BOTH),
        (prediction & ~both, PREDICTION_ONLY),
        (reference & ~both, REFERENCE_ONLY),
    ):
        pixels[mask] = (pixels[mask] * (1 - opacity) + np.multiply(colour, opacity)).astype(np.uint8)


def _grey(image: Volume) -> npt.NDArray[np.uint8]:
    """Converts an image to grey in three channels, between its percentiles."""
    values = image.array.mean(axis=0) if image.has_channels else image.array.astype(np.float64)
    low, high = np.percentile(values, WINDOW)
    grey = np.clip((values - low) / max(high - low, np.finfo(float).tiny), 0, 1) * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", optimize=True)
    return file.getvalue()
