"""The labels of training cases: from the values of a file to those of prepared label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from segtopo.config.data import DataConfig
from segtopo.errors import InputError, mismatch
from segtopo.inference.resampling import LabelArray
from segtopo.volumes import Volume, mask_of, read_volume

#: Voxels that are counted at once.
LARGEST_PART = 2**20


def load_label(path: Path, data: DataConfig) -> Volume:
    """Reads a label map of the classes or regions, or for two classes any binary mask.

    Returns:
        The labels ``(*spatial)``, uint8, with the geometry of the file. The voxels of the label to ignore have a number
        above all labels, see :attr:`segtopo.config.data.DataConfig.output_channels`.

    Raises:
        InputError: The file cannot be read or has other values.
    """
    volume = read_volume(path)
    ignored = np.zeros(volume.spatial_shape, bool)
    if data.ignore_label is not None:
        where = volume.array == data.ignore_label
        ignored = where.all(axis=0) if volume.has_channels else where
        volume = replace(volume, array=np.where(ignored, volume.array.dtype.type(0), volume.array))
    if data.classes == 2:
        volume = mask_of(volume, path, None if data.label is None else [data.label])
    else:
        _check_values(volume, path, data)
    labels = volume.array.astype(np.uint8)
    labels[ignored] = 1 + data.output_channels.highest
    return replace(volume, array=labels)


def _check_values(volume: Volume, path: Path, data: DataConfig) -> None:
    values = np.unique(volume.array)
    known = sorted({0, *(label for labels in data.output_channels.of_channels for label in labels)})
    if volume.has_channels or not np.isin(values, known).all():
        got = f"values from {values[0]} to {values[-1]}" + (" in several channels" if volume.has_channels else "")
        also = "" if data.ignore_label is None else f" and {data.ignore_label}, which is ignored,"
        key = "data.regions" if data.classes is None else f"data.classes: {data.classes}"
        listed = f"0 to {known[-1]}" if len(known) == known[-1] + 1 else ", ".join(map(str, known))
        expected = f"one channel of labels {listed}{also} ({key})"
        raise InputError(mismatch(path, got=got, expected=expected))


def count_voxels(labels: LabelArray, classes: int) -> list[int]:
    """Counts the voxels of each label below ``classes``.

    Example:
        >>> count_voxels(np.array([[0, 2, 2], [0, 0, 3]], np.uint8), classes=4)
        [3, 0, 2, 1]
    """
    # In parts, because NumPy converts the counted array to 64-bit integers.
    parts = np.array_split(labels.ravel(), 1 + labels.size // LARGEST_PART)
    counts = np.sum([np.bincount(part, minlength=classes)[:classes] for part in parts], axis=0)
    return [int(number) for number in counts]


def check_all_present(counts: Sequence[Sequence[int]], data: DataConfig) -> None:
    """Checks that the training cases have voxels of each class or region: a network cannot learn without an example.

    Args:
        counts: For each case the number of voxels of each label.
        data: The classes or regions.

    Raises:
        InputError: Names the first class or region without a voxel.
    """
    channels, voxels = data.output_channels, np.sum(counts, axis=0)
    pairs = zip(channels.names, channels.of_channels, strict=True)
    missing = [name for name, labels in pairs if not voxels[list(labels)].any()]
    if not missing:
        return
    no_voxel = f"no voxel of the {len(counts)} label files"
    if data.label is not None:  # it is the only class
        expected = "a label that the training cases have"
        raise InputError(mismatch("data.label", got=f"{data.label}: {no_voxel}", expected=expected))
    if data.regions is not None:
        got = f"{missing[0]}: {no_voxel} is in this region"
        raise InputError(mismatch("data.regions", got=got, expected="regions that the training cases have"))
    got = f"{data.classes}: {no_voxel} is of {missing[0]}"
    raise InputError(mismatch("data.classes", got=got, expected="classes that the training cases have"))
