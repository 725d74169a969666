"""Images in index order with their geometry in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volume:
    """A 2D or 3D image with its position in space.

    Attributes:
        array: Voxels in index order, with the channels, if any, on the first axis. The spatial axes are ``(i, j[, k])``
            for NIfTI, MHA, MHD and NRRD files (as in nibabel), ``(rows, columns)`` for PNG, JPEG and TIFF files and
            ``(pages, rows, columns)`` for TIFF stacks.
        affine: ``(4, 4)`` matrix from voxel indices to RAS+ coordinates in mm; the identity for PNG, JPEG and TIFF.
        has_channels: Whether the first axis of ``array`` holds channels.
        header: The geometry in the format of the file, with which :func:`write_volume` copies it bit for bit. ``None``
            for PNG, JPEG and TIFF files and for volumes that were not read from a file.

    Example:
        >>> volume = Volume(np.zeros((5, 4, 3)), np.diag([0.5, 0.5, 2.0, 1.0]))
        >>> volume.spatial_shape, volume.spacing, volume.ndim
        ((5, 4, 3), (0.5, 0.5, 2.0), 3)
    """

    array: Array
    affine: Affine = field(default_factory=lambda: np.eye(4))
    has_channels: bool = False
    header: Any = None

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
    return Volume(array, affine, volume.has_channels)


def check_same_geometry(
    volume: Volume,
    reference: Volume,
    name: str = "prediction",
    reference_name: str = "reference",
    *,
    tolerance: float = 0.01,
) -> None:
    """Raises InputError unless two volumes have the same spatial shape and the same position in space.

    Args:
        volume: The volume to check.
        reference: The volume with the expected geometry.
        name: Name of ``volume`` in error messages, for instance its path.
        reference_name: Name of ``reference`` in error messages.
        tolerance: Largest distance between the two positions of a corner of the image, in units of the smallest voxel
            size of ``volume``.

    Raises:
        InputError: The spatial shapes differ, or the affines differ by more than the tolerance.

    Example:
        >>> check_same_geometry(Volume(np.zeros((5, 4))), Volume(np.zeros((5, 4))))
        >>> check_same_geometry(Volume(np.zeros((5, 4))), Volume(np.zeros((5, 6))))
        Traceback (most recent call last):
        segtopo.errors.InputError: prediction: got shape (5, 4), expected the shape (5, 6) of reference
    """
    if volume.spatial_shape != reference.spatial_shape:
        expected = f"the shape {reference.spatial_shape} of {reference_name}"
        raise InputError(mismatch(name, got=f"shape {volume.spatial_shape}", expected=expected))
    shape = volume.spatial_shape + (1,) * (3 - volume.ndim)
    corners = np.array([[*index, 1] for index in np.ndindex(2, 2, 2)]) * np.array([*shape, 1])
    displacement = np.linalg.norm(corners @ (volume.affine - reference.affine).T, axis=1).max()
    if not displacement <= tolerance * min(volume.spacing):
        expected = f"the affine {_one_line(reference.affine)} of {reference_name}"
        raise InputError(mismatch(name, got=f"affine {_one_line(volume.affine)}", expected=expected))


def _one_line(affine: Affine) -> str:
    return str([[float(f"{value:.6g}") for value in row] for row in affine[:3].tolist()])
