"""Pictures of cameras that were turned: the EXIF entry that tells how to show them upright."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from segtopo.volumes.volume import Array

ORIENTATION = 0x0112  # the number of the entry in EXIF and in TIFF
UPRIGHT = 1


def upright(pixels: Array, image: Any) -> Array:
    """Turns pixels ``(rows, columns[, colours])`` as viewers and drawing programs show them.

    Args:
        pixels: The pixels in the order of the file.
        image: The image of Pillow with the EXIF data.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of damaged EXIF data; then the order of the file remains
        orientation = image.getexif().get(ORIENTATION, UPRIGHT)
    if orientation not in range(2, 9):
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
