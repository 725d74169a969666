"""Pictures of a case: where prediction and reference agree and differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask, bounding_box

Box = tuple[slice, ...]
Plane = npt.NDArray[np.float32]

AXES = "ijk"
MARGIN = 5  # voxels around the masks in 3D
LONGEST_SIDE = 1024  # pixels
CLOSE_UPS = 60  # of so many errors of a case
CLOSE_UP_RADIUS, SLAB_RADIUS = 32, 16  # in the smallest voxel size

GREYS = 64  # levels of brightness for each colour, so that a pixel has one byte
#: Colours of Okabe and Ito: background, prediction only, reference only, both.
COLOURS = ((255, 255, 255), (235, 110, 20), (86, 180, 233), (225, 225, 225))
OPACITY = 0.7  # of the colours over an image
DIMMED = 0.62  # brightness of an image, so that a mask stands out from the brightest part
DARKEST = 0.45  # brightness of the thinnest part of a projected mask


@dataclass(frozen=True)
class Picture:
    """A picture of a case and the place of its pixels in the image.

    Attributes:
        title: A short title, for instance ``"along k"``.
        png: The PNG file. It may have fewer pixels than voxels.
        width: Number of voxels in a row.
        height: Number of voxels in a column.
        axes: Axes of the image along the rows' order and along the columns' order.
        spacing: Voxel sizes along these two axes.
        flipped: Whether the first row (column) of the picture has the largest index.
        origin: Smallest index in the picture along the two axes.
        error: Number of the error, from 0, of which this is a close-up; None for a picture of the whole case.
    """

    title: str
    png: bytes
    width: int
    height: int
    axes: tuple[int, int] = (0, 1)
    spacing: tuple[float, float] = (1.0, 1.0)
    flipped: tuple[bool, bool] = (False, False)
    origin: tuple[int, int] = (0, 0)
    error: int | None = None


def case_pictures(
    prediction: npt.NDArray[Any],
    reference: npt.NDArray[Any],
    voxels: Sequence[Sequence[int]] = (),
    spacing: Sequence[float] | None = None,
    image: npt.NDArray[Any] | None = None,
    *,
    rows_first: bool | None = None,
) -> tuple[Picture, ...]:
    """Draws the masks of a case over each other, for the HTML report.

    Voxels of both masks are light grey, those of the prediction alone orange and those of the reference alone blue. A
    2D case is one picture. A 3D case is projected along each axis, in a box around the masks, and the brightness grows
    with the thickness. The first 60 errors of a 3D case also get close-ups: projections of slabs around the error.

    Args:
        prediction: 2D or 3D binary mask.
        reference: Mask of the same shape.
        voxels: A voxel of each error of the case, in the order of its table.
        spacing: Voxel size along each axis; by default 1.
        image: The image of a 2D case, ``(H, W)`` or ``(C, H, W)``, drawn below the masks.
        rows_first: Whether the axes of the arrays are rows and columns from the top, as in PNG files. Otherwise the
            first axis points right and the last up, as in NIfTI files. By default this is so in 2D.

    Returns:
        The pictures, then the close-ups.

    Example:
        >>> import numpy as np
        >>> mask = np.ones((3, 7), dtype=bool)
        >>> (picture,) = case_pictures(mask, mask)
        >>> picture.width, picture.height
        (7, 3)
    """
    masks = np.asarray(prediction, bool), np.asarray(reference, bool)
    ndim = masks[0].ndim
    sizes = (1.0,) * ndim if spacing is None else tuple(spacing)
    rows_first = ndim == 2 if rows_first is None else rows_first
    if ndim == 2:
        whole = tuple(slice(0, n) for n in masks[0].shape)
        return (
            _picture(
                "whole image", masks, whole, None, sizes, rows_first, grey=None if image is None else _grey(image)
            ),
        )
    box = _box_around(*masks)
    views = tuple(_picture(f"along {AXES[axis]}", masks, box, axis, sizes, rows_first) for axis in (2, 1, 0))
    close_ups = [
        _picture(
            f"along {AXES[axis]}", masks, _slab(voxel, axis, masks[0].shape, sizes), axis, sizes, rows_first, number
        )
        for number, voxel in enumerate(voxels[:CLOSE_UPS])
        for axis in (2, 1, 0)
    ]
    return views + tuple(close_ups)


def _box_around(prediction: Mask, reference: Mask) -> Box:
    """Returns the box of both masks with a margin; the whole image if both are empty."""
    boxes = [bounding_box(mask) for mask in (prediction, reference) if mask.any()]
    if not boxes:
        return tuple(slice(0, n) for n in prediction.shape)
    return tuple(
        slice(max(min(b.start for b in along) - MARGIN, 0), min(max(b.stop for b in along) + MARGIN, n))
        for along, n in zip(zip(*boxes, strict=True), prediction.shape, strict=True)
    )


def _slab(voxel: Sequence[int], axis: int, shape: Sequence[int], spacing: Sequence[float]) -> Box:
    """Returns the box around an error that is projected along an axis."""
    radii = [SLAB_RADIUS if a == axis else CLOSE_UP_RADIUS for a in range(len(shape))]
    steps = [max(1, round(radius * min(spacing) / size)) for radius, size in zip(radii, spacing, strict=True)]
    return tuple(slice(max(v - s, 0), min(v + s + 1, n)) for v, s, n in zip(voxel, steps, shape, strict=True))


def _picture(
    title: str,
    masks: tuple[Mask, Mask],
    box: Box,
    axis: int | None,
    spacing: Sequence[float],
    rows_first: bool,
    error: int | None = None,
    grey: Plane | None = None,
) -> Picture:
    """Draws the part of both masks in a box, projected along an axis."""
    prediction, reference = (mask[box] for mask in masks)
    if axis is None:
        shown, brightness = (prediction, reference), grey
    else:
        shown = np.asarray(prediction.any(axis=axis)), np.asarray(reference.any(axis=axis))
        brightness = _thickness(prediction, reference, axis)
    rows, columns = (a for a in range(prediction.ndim) if a != axis)
    if not rows_first:
        rows, columns = columns, rows
        shown = shown[0].T, shown[1].T
        brightness = None if brightness is None else brightness.T
    flip = slice(None) if rows_first else slice(None, None, -1)
    height, width = shown[0].shape
    pixels = _pixels(*shown, brightness)[flip]
    return Picture(
        title,
        _png(pixels, over_image=grey is not None),
        width,
        height,
        (rows, columns),
        (float(spacing[rows]), float(spacing[columns])),
        (not rows_first, False),
        (box[rows].start, box[columns].start),
        error,
    )


def _thickness(prediction: Mask, reference: Mask, axis: int) -> Plane:
    """Returns the brightness of a projection, in [0, 1]."""
    thickness = np.maximum(*(np.count_nonzero(mask, axis=axis) for mask in (prediction, reference)))
    brightness: Plane = (DARKEST + (1 - DARKEST) * np.sqrt(thickness / max(1, thickness.max()))).astype(np.float32)
    return brightness


def _grey(image: npt.NDArray[Any]) -> Plane:
    """Returns the brightness of an image, in [0, 1], between its percentiles 1 and 99."""
    plane = np.asarray(image, np.float32)
    plane = plane.mean(axis=0) if plane.ndim == 3 else plane
    low, high = np.nanpercentile(plane, (1, 99))
    return np.asarray(np.clip(np.nan_to_num((plane - low) / max(float(high - low), 1e-12)), 0, 1), np.float32)


def _pixels(prediction: Mask, reference: Mask, brightness: Plane | None) -> npt.NDArray[np.uint8]:
    """Returns one byte for each pixel: the colour in the upper two bits, the brightness in the lower six."""
    from skimage.measure import block_reduce

    factor = -(-max(prediction.shape) // LONGEST_SIDE)
    light = np.ones_like(prediction, np.float32) if brightness is None else brightness
    planes: list[npt.NDArray[Any]] = [prediction, reference, light]
    if factor > 1:
        planes = [block_reduce(plane, factor, np.max) for plane in planes]
    colour = planes[0].astype(np.uint8) + 2 * planes[1].astype(np.uint8)
    if brightness is None:
        planes[2] = np.where(colour > 0, planes[2], 0)
    pixels: npt.NDArray[np.uint8] = colour * GREYS + np.round(planes[2] * (GREYS - 1)).astype(np.uint8)
    return pixels


def _png(pixels: npt.NDArray[np.uint8], over_image: bool) -> bytes:
    """Writes a PNG file whose palette has only the colours that occur."""
    from PIL import Image

    used, places = np.unique(pixels, return_inverse=True)
    picture = Image.fromarray(places.reshape(pixels.shape).astype(np.uint8), "P")
    picture.putpalette(_palette(over_image)[used].tobytes())
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _palette(over_image: bool) -> npt.NDArray[np.uint8]:
    """Returns the colour of each byte: over an image a mixture of both, else the colour with its brightness."""
    grey = np.linspace(0, 1, GREYS)[:, None]
    colours = np.array(COLOURS, np.float64)
    if over_image:
        mixed = [255 * grey * (1 - OPACITY) + OPACITY * colour for colour in colours]
        mixed[0] = np.repeat(255 * DIMMED * grey, 3, axis=1)
    else:
        mixed = [grey * colour for colour in colours]
        mixed[0] = np.zeros((GREYS, 3))
    return np.round(np.concatenate(mixed)).astype(np.uint8)
