"""Volumes of one grid of points in other orientations: axes in another order, or in the opposite direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from segtopo.volumes.same_geometry import check_same_geometry, corner_distance, covered_box
from segtopo.volumes.volume import Affine, Array, Volume, crop_volume


@dataclass(frozen=True)
class _Orientation:
    """An order of the spatial axes and the axes that are reversed after they are ordered."""

    order: tuple[int, ...]
    reversed_axes: tuple[bool, ...]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(shape[axis] for axis in self.order)

    def array(self, volume: Volume) -> Array:
        """Returns the voxels in this orientation, without a copy."""
        channels = int(volume.has_channels)
        array = volume.array.transpose(*range(channels), *(axis + channels for axis in self.order))
        steps = tuple(slice(None, None, -1 if reverse else None) for reverse in self.reversed_axes)
        return np.asarray(array[(slice(None),) * channels + steps])

    def affine(self, volume: Volume) -> Affine:
        """Returns the affine of the voxels in this orientation."""
        to_old = np.eye(4)
        to_old[: volume.ndim, : volume.ndim] = 0
        for new, (old, reverse) in enumerate(zip(self.order, self.reversed_axes, strict=True)):
            to_old[old, new] = -1 if reverse else 1
            to_old[old, 3] = volume.spatial_shape[old] - 1 if reverse else 0
        return np.asarray(volume.affine @ to_old)


def onto_grid(
    volume: Volume,
    reference: Volume,
    name: str = "prediction",
    reference_name: str = "reference",
    *,
    trust_grid: bool = False,
    tolerance: float = 0.01,
) -> Volume:
    """Brings a volume to the orientation of a reference that covers the same grid of points.

    Axes are exchanged and reversed; no voxel is resampled. Segments that cover a part of the grid are extended by
    background, see :func:`fill_grid`. If one of the two states no position (``has_position``),
    their axes are taken to be the same, and shapes and spacings must agree.

    Args:
        volume: The volume.
        reference: The volume with the grid.
        name: Name of ``volume`` in error messages, for instance its path.
        reference_name: Name of ``reference`` in error messages.
        trust_grid: Whether the positions are not compared, for files that lost their header. The shapes must agree.
        tolerance: See :func:`check_same_geometry`.

    Returns:
        The voxels of ``volume``, without a copy, with the affine of ``reference``.

    Raises:
        InputError: The volumes cover different grids; the message names the shape, spacing, directions or origin that
            differs.

    Example:
        >>> volume = Volume(np.arange(6).reshape(2, 3))
        >>> flipped = Volume(volume.array[::-1], np.array([[-1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
        >>> onto_grid(flipped, volume).array.tolist()
        [[0, 1, 2], [3, 4, 5]]
    """
    if trust_grid:
        volume = replace(volume, affine=reference.affine, has_position=reference.has_position)
    if trust_grid or not (volume.has_position and reference.has_position):
        check_same_geometry(volume, reference, name, reference_name, tolerance=tolerance)
        return replace(volume, affine=reference.affine, header=None, has_position=reference.has_position)
    turned = _nearest_orientation(fill_grid(volume, reference), reference)
    check_same_geometry(turned, reference, name, reference_name, tolerance=tolerance)
    return replace(turned, affine=reference.affine)


def fill_grid(volume: Volume, reference: Volume) -> Volume:
    """Extends a file of segments to the grid of a larger volume; the voxels around it are background.

    3D Slicer and DICOM segmentations often cover only the voxels between the first and the last one of a segment.

    Args:
        volume: A volume with segments. Others are returned as they are, because their voxels outside are not known.
        reference: The volume with the grid.

    Returns:
        The segments on the whole grid, in the orientation of ``reference``. If they cover no part of its grid, the
        volume as it is.
    """
    box = covered_box(volume, reference) if volume.segments else None
    if box is None:
        return volume
    starts = [axis.start for axis in box]
    part = crop_volume(reference, starts, [axis.stop - axis.start for axis in box])
    turned = _nearest_orientation(volume, part)
    if turned.spatial_shape != part.spatial_shape:
        return volume
    check_same_geometry(turned, part)
    channels = turned.array.shape[: int(turned.has_channels)]
    array = np.zeros((*channels, *reference.spatial_shape), turned.array.dtype)
    crop_volume(replace(turned, array=array), starts, part.spatial_shape).array[...] = turned.array
    return replace(turned, array=array, affine=reference.affine, header=None)


def _nearest_orientation(volume: Volume, reference: Volume) -> Volume:
    """Returns the volume in the orientation whose corners are nearest to those of the reference."""
    candidates = [
        (corner_distance(orientation.affine(volume), reference.affine, reference.spatial_shape), orientation)
        for orientation in _orientations(volume.ndim)
        if orientation.shape(volume.spatial_shape) == reference.spatial_shape
    ]
    if not candidates:
        return volume
    _, best = min(candidates, key=lambda candidate: candidate[0])
    if best == next(_orientations(volume.ndim)):
        return volume
    return replace(volume, array=best.array(volume), affine=best.affine(volume), header=None)


def _orientations(ndim: int) -> Iterator[_Orientation]:
    """Yields all orientations, 48 in 3D and 8 in 2D; the first changes nothing."""
    for order in permutations(range(ndim)):
        for reversed_axes in product((False, True), repeat=ndim):
            yield _Orientation(order, reversed_axes)
