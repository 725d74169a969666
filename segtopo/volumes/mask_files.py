"""Binary masks: a whole file, structures of a label map, or the values above a threshold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.files import read_volume
from segtopo.volumes.volume import Array, Volume

FOREGROUND = "foreground"
"""The name of the only structure of a binary mask in tables."""

_VALUES_SHOWN = 8


def read_mask(path: str | Path, labels: Collection[int | str] | None = None) -> Volume:
    """Reads a binary mask, or structures of a label map.

    Args:
        path: The file.
        labels: See :func:`mask_of`.

    Returns:
        A volume with a 2D or 3D boolean array and the geometry of the file.

    Raises:
        InputError: :func:`read_volume` cannot read the file, or :func:`mask_of` finds no mask in it.

    Example:
        >>> import tempfile
        >>> from segtopo.volumes import write_volume
        >>> path = Path(tempfile.mkdtemp()) / "labels.nii.gz"
        >>> write_volume(path, np.array([[0, 1, 1, 2], [0, 0, 1, 2]], np.uint8))
        >>> read_mask(path, [2]).array.tolist()
        [[False, False, False, True], [False, False, False, True]]
        >>> read_mask(path)
        Traceback (most recent call last):
        segtopo.errors.InputError: ...labels.nii.gz: got the 3 values 0, 1, 2, expected a binary mask (0 and one other
        value), or the labels to select from a label map
    """
    return mask_of(read_volume(path), path, labels)


def mask_of(volume: Volume, path: str | Path, labels: Collection[int | str] | None = None) -> Volume:
    """Converts a volume to a binary mask, or selects structures of a label map.

    Several masks can be taken from a label map that is read once.

    Args:
        volume: A binary mask has 0 and at most one other value, for instance 1 or 255. A label map has integers. A
            picture in colour is accepted if its colours are equal: drawing programs save black and white so.
        path: File of the volume, for error messages.
        labels: The structures whose union is the foreground: values of a label map, or names of
            ``volume.segments``. By default every value except 0 is foreground.

    Returns:
        A volume with a 2D or 3D boolean array and the geometry of ``volume``.

    Raises:
        InputError: The volume has channels, fractions, or several foreground values and no ``labels`` are given, or a
            name is not one of the segments.

    Example:
        >>> labels = Volume(np.array([[0, 1, 1, 2], [0, 0, 1, 2]]))
        >>> [int(mask_of(labels, "labels.nii.gz", chosen).array.sum()) for chosen in ([1], [2], [1, 2], [3])]
        [3, 2, 5, 0]
    """
    if labels is None and not volume.segments:
        return _as_mask(volume, _only_nonzero(_without_colours(volume, path), path))
    names = [label for label in labels or () if isinstance(label, str)]
    values = [label for label in labels or () if not isinstance(label, str)]
    if labels is None:
        names = _only_segment(volume, path)
    mask = np.zeros(volume.spatial_shape, bool)
    for name in names:
        mask |= _segment(volume, name, path)
    if values or not names:
        array = _without_colours(volume, path)
        _check_labels(array, path)
        mask |= np.isin(array, values)
    return _as_mask(volume, mask)


def mask_above(volume: Volume, path: str | Path, threshold: float) -> Volume:
    """Returns the mask of the voxels whose value is above a threshold.

    Args:
        volume: Image with one channel, for instance a probability map.
        path: File of the volume, for error messages.
        threshold: A value in the unit of the file: for a map that is stored as 0 to 255, a number from 0 to 255.

    Raises:
        InputError: The volume has channels, or the threshold is not finite.

    Example:
        >>> mask_above(Volume(np.array([[0.2, 0.5, 0.7]])), "map.nii.gz", 0.5).array.tolist()
        [[False, False, True]]
    """
    if not np.isfinite(threshold):
        raise InputError(mismatch("threshold", got=threshold, expected="a finite number"))
    return _as_mask(volume, _without_colours(volume, path) > threshold)


def _as_mask(volume: Volume, mask: Array) -> Volume:
    return replace(volume, array=mask, has_channels=False, is_colour=False, segments={})


def _only_nonzero(array: Array, path: str | Path) -> Array:
    """Returns where an array with at most one value except 0 is not 0."""
    mask = np.asarray(array != 0)
    foreground = array[mask]
    if foreground.size and foreground.min() != foreground.max():
        _check_labels(array, path)
        expected = "a binary mask (0 and one other value), or the labels to select from a label map"
        raise InputError(mismatch(path, got=_listed(np.unique(array)), expected=expected))
    return mask


def _check_labels(array: Array, path: str | Path) -> None:
    """Raises InputError if an array has more than two values and one of them is a fraction."""
    if array.dtype.kind != "f" or (np.rint(array) == array).all():
        return
    values = np.unique(array)
    if len(values) > 2:
        got = f"fractions among {_listed(values)}"
        raise InputError(mismatch(path, got=got, expected="a mask, or a threshold that makes a mask of these values"))


def _listed(values: Array) -> str:
    listed = ", ".join(f"{value:g}" for value in values[:_VALUES_SHOWN])
    return f"the {len(values)} values {listed}" + (", ..." if len(values) > _VALUES_SHOWN else "")


def _only_segment(volume: Volume, path: str | Path) -> list[str]:
    if len(volume.segments) > 1:
        got = f"{len(volume.segments)} segments"
        expected = f"the names of those to select, of {', '.join(volume.segments)}"
        raise InputError(mismatch(path, got=got, expected=expected))
    return list(volume.segments)


def _segment(volume: Volume, name: str, path: str | Path) -> Array:
    if name not in volume.segments:
        known = ", ".join(volume.segments)
        expected = f"a segment of the file, {known}" if known else "labels that are numbers: the file names no segment"
        raise InputError(mismatch(path, got=f"the label {name!r}", expected=expected))
    segment = volume.segments[name]
    array = volume.array if volume.has_channels else volume.array[None]
    if not 0 <= segment.layer < len(array):
        got = f"the segment {name!r} in layer {segment.layer}"
        raise InputError(mismatch(path, got=got, expected=f"a layer below {len(array)}"))
    return np.asarray(array[segment.layer] == segment.value)


def _without_colours(volume: Volume, path: str | Path) -> Array:
    """Returns the array of a volume without channels, or one channel of a colour picture whose colours are equal."""
    if not volume.has_channels:
        return volume.array
    if volume.is_colour and (volume.array == volume.array[:1]).all():
        return np.asarray(volume.array[0])
    got = f"{volume.array.shape[0]} channels" + (" that differ" if volume.is_colour else "")
    if volume.segments:
        got += " of overlapping segments"
    raise InputError(mismatch(path, got=got, expected="a mask with one channel"))
