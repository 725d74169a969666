"""Integers that a file stores through a scale factor, as NIfTI files do with ``scl_slope`` and ``scl_inter``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.volumes.volume import Array

_BLOCK = 1 << 20  # voxels; float64 copies of a whole image would need eight times its size in the file
_FINE_SLOPE = 0.05
_SINGLE_PRECISION = 2e-7  # slope and intercept are stored as float32
_LARGEST_ERROR = 0.05
_LARGEST_INTEGER = 2**31


def scaled(stored: Array, slope: float, inter: float) -> Array:
    """Returns ``slope * stored + inter``: integers where all values are integers but for rounding, otherwise float32.

    A label map that was saved through a scale factor has values like 1.99998. The scale factor rounds a value to a
    multiple of itself, so a value that stands for an integer lies within half a slope of it. Only with a slope below
    0.05 is such a value told from a fraction; with a larger one, only exact integers count.

    Args:
        stored: Values in the file, a 1D array of any real dtype.
        slope: Scale factor, not 0.
        inter: Intercept.

    Example:
        >>> scaled(np.array([0, 6553, 19661], np.uint16), 10 / 65535, 0).tolist()
        [0, 1, 3]
        >>> scaled(np.array([0, 128, 255], np.uint8), 1 / 255, 0).round(2).tolist()
        [0.0, 0.5, 1.0]
    """
    if stored.dtype.kind in "iu" and _are_integers(stored, slope, inter):
        return _integers(stored, slope, inter)
    result = np.empty(stored.shape, np.float32)
    with np.errstate(all="ignore"):
        for block in _blocks(stored):
            result[block] = stored[block].astype(np.float64) * slope + inter
    return result


def smallest_integer_dtype(lowest: int, highest: int) -> np.dtype[Any]:
    """Returns the smallest dtype that holds all integers from ``lowest`` to ``highest``.

    Example:
        >>> smallest_integer_dtype(0, 200), smallest_integer_dtype(-1, 200)
        (dtype('uint8'), dtype('int16'))
    """
    return np.min_scalar_type(highest if lowest >= 0 else min(lowest, -highest - 1))


def _are_integers(stored: Array, slope: float, inter: float) -> bool:
    rounding = 0.501 * abs(slope) if abs(slope) <= _FINE_SLOPE else 0.0
    for block in _blocks(stored):
        values = _scaled_block(stored[block], slope, inter)
        tolerance = rounding + _SINGLE_PRECISION * (abs(values - inter) + abs(inter))
        errors = abs(values - np.rint(values))
        if (errors > tolerance.clip(max=_LARGEST_ERROR)).any() or abs(values).max() >= _LARGEST_INTEGER:
            return False
    return True


def _integers(stored: Array, slope: float, inter: float) -> Array:
    ends = np.rint(_scaled_block(np.array([stored.min(), stored.max()]), slope, inter)).astype(np.int64)
    result = np.empty(stored.shape, smallest_integer_dtype(int(ends.min()), int(ends.max())))
    for block in _blocks(stored):
        result[block] = np.rint(_scaled_block(stored[block], slope, inter))
    return result


def _scaled_block(stored: Array, slope: float, inter: float) -> npt.NDArray[np.float64]:
    with np.errstate(all="ignore"):
        return stored.astype(np.float64) * slope + inter


def _blocks(stored: Array) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, stored.size, _BLOCK))
