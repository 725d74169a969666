"""Images in index order with their geometry in space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """The voxels of one structure of a segmentation: those of a layer that have a value.

    Attributes:
        layer: Channel of the array; 0 for an array without channels.
        value: Value of the voxels of the structure.
    """

    layer: int
    value: int


@dataclass(frozen=True, eq=False)
class Volume:
    """A 2D or 3D image with its position in space.

    Attributes:
        array: Voxels in index order, with the channels, if any, on the first axis. The spatial axes are ``(i, j[, k])``
            for medical formats (as in nibabel), ``(rows, columns)`` for pictures and ``(pages, rows, columns)`` for
            TIFF stacks.
        affine: ``(4, 4)`` matrix from voxel indices to RAS+ coordinates in mm; for pictures the identity, or the
            spacing of a TIFF file.
        has_channels: Whether the first axis of ``array`` holds channels.
        header: The geometry in the format of the file, with which :func:`write_volume` copies it bit for bit. ``None``
            for pictures and for volumes that were not read from a file.
        has_position: Whether the origin and the directions of ``affine`` are known. A picture and a NIfTI file without
            sform and qform state no position.
        is_colour: Whether the channels are the colours of a picture.
        segments: The structures of a segmentation by name; empty for other images.

    Example:
        >>> volume = Volume(np.zeros((5, 4, 3)), np.diag([0.5, 0.5, 2.0, 1.0]))
        >>> volume.spatial_shape, volume.spacing, volume.ndim
        ((5, 4, 3), (0.5, 0.5, 2.0), 3)
    """

    array: Array
    affine: Affine = field(default_factory=lambda: np.eye(4))
    has_channels: bool = False
    header: Any = None
    has_position: bool = True
    is_colour: bool = False
    segments: Mapping[str, Segment] = field(default_factory=dict)

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Number of voxels along each spatial axis."""
        return self.array.shape[1:] if self.has_channels else self.array.shape

    @property
    def ndim(self) -> int:
        """Number of spatial axes, 2 or 3."""
        return len(self.spatial_shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighbouring voxels along each spatial axis, in mm."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, : self.ndim], axis=0))


def world_position(voxel: Sequence[int], affine: Affine) -> tuple[float, float, float]:
    """Returns the RAS+ coordinates of a voxel in mm; the third index of a 2D image is 0.

    Example:
        >>> world_position((1, 2), np.diag([0.5, 0.5, 2.0, 1.0]))
        (0.5, 1.0, 0.0)
    """
    index = np.array([*voxel, 0, 0][:3])
    x, y, z = (float(c) for c in affine[:3, :3] @ index + affine[:3, 3])
    return x, y, z


def stored_shape(volume: Volume) -> tuple[int, ...]:
    """Returns the spatial shape to store in a file; a 2D image outside the plane z = 0 is stored as a 3D slice.

    Example:
        >>> stored_shape(Volume(np.zeros((5, 4))))
        (5, 4)
        >>> stored_shape(Volume(np.zeros((5, 4)), np.eye(4)[[0, 2, 1, 3]]))
        (5, 4, 1)
    """
    in_plane = not volume.affine[2, [0, 1, 3]].any()
    return volume.spatial_shape if in_plane else (*volume.spatial_shape, 1)[:3]


def spatial_and_channels(voxels: Array, path: Path) -> tuple[Array, bool]:
    """Separates the axes of voxels in the order i, j, k, ... of a file.

    Axes of length 1 after the second are removed. The channels, if any, move from the last axis to the first.

    Returns:
        The array, and whether its first axis holds channels.

    Raises:
        InputError: There are two axes of channels.
    """
    spatial, channels = voxels.shape[:3], [size for size in voxels.shape[3:] if size > 1]
    if len(channels) > 1:
        expected = "a 2D or 3D image, with at most one axis of channels"
        raise InputError(mismatch(path, got=f"shape {voxels.shape}", expected=expected))
    if spatial[2:] == (1,):
        spatial = spatial[:2]
    if channels:
        return np.moveaxis(voxels.reshape(*spatial, *channels, order="A"), -1, 0), True
    return voxels.reshape(spatial, order="A"), False


def crop_volume(volume: Volume, start: Sequence[int], shape: Sequence[int]) -> Volume:
    """Crops a volume to a box; the voxels keep their positions in space.

    Args:
        volume: 2D or 3D volume.
        start: First index of the box along each spatial axis, at least 0.
        shape: Number of voxels of the box along each spatial axis.

    Returns:
        The voxels in the box, without a copy. The origin of the affine is the position of the voxel ``start``; the
        header is ``None``.

    Example:
        >>> volume = Volume(np.arange(20).reshape(5, 4), np.diag([2.0, 3.0, 1.0, 1.0]))
        >>> box = crop_volume(volume, start=(1, 2), shape=(2, 2))
        >>> box.array.tolist(), box.affine[:2, 3].tolist()
        ([[6, 7], [10, 11]], [2.0, 6.0])
    """
    box = tuple(slice(first, first + size) for first, size in zip(start, shape, strict=True))
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, : volume.ndim] @ np.asarray(start)
    array = volume.array[(slice(None), *box) if volume.has_channels else box]
    return replace(volume, array=array, affine=affine, header=None)
