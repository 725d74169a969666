"""Pictures with transparency, in which annotation tools draw masks."""

from __future__ import annotations

import numpy as np

from segtopo.volumes.volume import Array


def without_transparency(colours: Array, opacity: Array) -> Array:
    """Returns the drawing in a picture with transparency: its colours, or its opacity.

    Hidden pixels, whose opacity is 0, are the background. Where they are black and a visible pixel is not, the colours
    show the drawing. Where all visible pixels have one colour, a mask was drawn in that colour, and the opacity shows
    it.

    Args:
        colours: Array of shape (channels, ...).
        opacity: Array of shape (...).

    Returns:
        An array of shape (channels, ...), with one channel if it is the opacity.

    Raises:
        ValueError: Neither shows the drawing: hidden pixels have colours.

    Example:
        >>> without_transparency(np.zeros((3, 1, 4), np.uint8), np.array([[0, 255, 255, 0]], np.uint8)).tolist()
        [[[0, 255, 255, 0]]]
    """
    if opacity.min() == opacity.max():
        return colours
    visible = colours[:, opacity > 0]
    if not colours[:, opacity == 0].any() and visible.any():
        return colours
    if (visible == visible[:, :1]).all():
        return np.asarray(opacity[None])
    raise ValueError("colours that are hidden by transparency")
