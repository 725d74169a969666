"""Reading of binary masks, and of one structure of a label map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.files import read_volume
from segtopo.volumes.volume import Array, Volume


def read_mask(path: str | Path, label: int | None = None) -> Volume:
    """Reads a binary mask, or one structure of a label map.

    Args:
        path: The file. A binary mask has 0 and at most one other value, for instance 1 or 255. Several channels are
            accepted if they are equal.
        label: Foreground value in a label map. By default every value except 0 is foreground.

    Returns:
        A volume with a 2D or 3D boolean array and the geometry of the file.

    Raises:
        InputError: :func:`read_volume` cannot read the file, its channels differ, or it has several foreground values
            and no ``label`` is given.

    Example:
        >>> import tempfile
        >>> from segtopo.volumes import write_volume
        >>> path = Path(tempfile.mkdtemp()) / "labels.nii.gz"
        >>> write_volume(path, np.array([[0, 1, 1, 2], [0, 0, 1, 2]], np.uint8))
        >>> read_mask(path, label=2).array.tolist()
        [[False, False, False, True], [False, False, False, True]]
        >>> read_mask(path)
        Traceback (most recent call last):
        segtopo.errors.InputError: ...labels.nii.gz: got the 3 values 0, 1, 2, expected a binary mask (0 and one other
        value), or the label to select from a label map
    """
    return mask_of(read_volume(path), path, label)


def mask_of(volume: Volume, path: str | Path, label: int | None = None) -> Volume:
    """Converts a volume to a binary mask, or selects one structure of a label map.

    Several masks can be taken from a label map that is read once.

    Args:
        volume: Image whose values are labels.
        path: File of the volume, for error messages.
        label: Foreground value. By default every value except 0 is foreground.

    Returns:
        A volume with a 2D or 3D boolean array and the geometry of ``volume``.

    Raises:
        InputError: The channels of the volume differ, or it has several foreground values and no ``label`` is given.

    Example:
        >>> labels = Volume(np.array([[0, 1, 1, 2], [0, 0, 1, 2]]))
        >>> [int(mask_of(labels, "labels.nii.gz", label).array.sum()) for label in (1, 2, 3)]
        [3, 2, 0]
    """
    array = _without_channels(volume, path)
    if label is not None:
        return Volume(array == label, volume.affine, False, volume.header)
    mask = array != 0
    foreground = array[mask]
    if foreground.size and foreground.min() != foreground.max():
        values = np.unique(array)
        listed = ", ".join(f"{value:g}" for value in values[:8]) + (", ..." if len(values) > 8 else "")
        expected = "a binary mask (0 and one other value), or the label to select from a label map"
        raise InputError(mismatch(path, got=f"the {len(values)} values {listed}", expected=expected))
    return Volume(mask, volume.affine, False, volume.header)


def _without_channels(volume: Volume, path: str | Path) -> Array:
    """Returns the array without its channels if all are equal: drawing programs save black and white in colour."""
    if not volume.has_channels:
        return volume.array
    if (volume.array == volume.array[:1]).all():
        return np.asarray(volume.array[0])
    got = f"{volume.array.shape[0]} channels that differ"
    raise InputError(mismatch(path, got=got, expected="a mask with one channel"))
