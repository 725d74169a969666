"""DICOM segmentations, read with highdicom: binary and fractional segments, and label maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.volumes.itk import ItkHeader, itk_volume
from segtopo.volumes.segments import unique_names
from segtopo.volumes.volume import Affine, Array, Segment, Volume


def read_segmentation(dataset: Any, path: Path) -> Volume:
    """Reads a segmentation on the grid of its frames; frames that are left out because they are empty are filled.

    Segments that do not overlap are a label map, whose values are their numbers. Segments that overlap have a channel
    each, and so have fractions, which are float32 from 0 to 1. Fractions are no segments: a mask of them needs a
    threshold.

    Args:
        dataset: The file, with all of its pixels.
        path: The file, for error messages.
    """
    from highdicom.seg import Segmentation

    segmentation = Segmentation.from_dataset(dataset, copy=False)
    numbers = list(segmentation.segment_numbers)
    names = unique_names(
        [str(segmentation.get_segment_description(number).segment_label) for number in numbers], numbers
    )
    found = _combined(segmentation)
    if found is not None:
        array, segments = found.array.T, {name: Segment(0, number) for name, number in zip(names, numbers, strict=True)}
    else:
        found = _volume(segmentation, combine_segments=False)
        array, segments = _layers(found.array, names)
    header = _geometry(np.asarray(found.affine, np.float64), array.shape[-3:])
    volume = itk_volume(path, array, header, has_channels=array.ndim == 4, has_position=True)
    return replace(volume, segments=segments)


def _combined(segmentation: Any) -> Any:
    """Returns one label map; None if segments overlap or have fractions, and where the frames make no grid."""
    try:
        return _volume(segmentation, combine_segments=True)
    except (RuntimeError, ValueError):
        return None


def _volume(segmentation: Any, *, combine_segments: bool) -> Any:
    """Returns the slices in the order of a series: along the normal, so that slices, rows, columns are left-handed."""
    found = segmentation.get_volume(combine_segments=combine_segments)
    return found.ensure_handedness("LEFT_HANDED", flip_axis=0)


def _layers(stacked: Array, names: list[str]) -> tuple[Array, dict[str, Segment]]:
    """Returns ``(layers, i, j, k)``, or ``(i, j, k)`` for one layer, of ``(k, j, i, layers)``."""
    layers = stacked.T
    array = layers if len(layers) > 1 else layers[0]
    if array.dtype.kind == "f" and ((array > 0) & (array < 1)).any():
        return array, {}
    return array, {name: Segment(layer, 1) for layer, name in enumerate(names)}


def _geometry(affine: Affine, size: tuple[int, ...]) -> ItkHeader:
    """Returns the geometry of an affine whose axes are slices, rows and columns."""
    steps = affine[:3, [2, 1, 0]]
    lengths = np.linalg.norm(steps, axis=0)
    return ItkHeader(
        size, tuple(lengths.tolist()), tuple(affine[:3, 3].tolist()), tuple((steps / lengths).ravel().tolist())
    )
