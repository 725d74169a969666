"""An image in index order together with the geometry its file gave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volume:
    """A 2D or 3D image and where it lies in space.

    Attributes:
        array: Voxels in index order: ``(i, j[, k])`` as nibabel gives them for NIfTI, MHA and NRRD,
            ``(rows, columns)`` for PNG, JPEG and TIFF and ``(pages, rows, columns)`` for a TIFF stack. An
            image with several channels has them on the first axis.
        affine: ``(4, 4)`` matrix from voxel indices to RAS+ millimetres; the identity for PNG, JPEG and TIFF.
        has_channels: Whether the first axis of ``array`` holds channels.
        header: The geometry as the file states it, kept so that it can be written again bit for bit; ``None``
            if the volume was not read from a file whose format states one.

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
        """Size along each spatial axis, in voxels."""
        return self.array.shape[1:] if self.has_channels else self.array.shape

    @property
    def ndim(self) -> int:
        """Number of spatial axes, 2 or 3."""
        return len(self.spatial_shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighbouring voxels along each spatial axis, in mm."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, : self.ndim], axis=0))


def stored_shape(volume: Volume) -> tuple[int, ...]:
    """Shape in a file: a 2D image that does not lie in the plane z = 0 becomes one slice of a volume.

    Example:
        >>> stored_shape(Volume(np.zeros((5, 4))))
        (5, 4)
        >>> stored_shape(Volume(np.zeros((5, 4)), np.eye(4)[[0, 2, 1, 3]]))
        (5, 4, 1)
    """
    in_plane = not volume.affine[2, [0, 1, 3]].any()
    return volume.spatial_shape if in_plane else (*volume.spatial_shape, 1)[:3]


def crop_volume(volume: Volume, start: Sequence[int], shape: Sequence[int]) -> Volume:
    """Cuts a box out of a volume; its voxels keep their place in space.

    Args:
        volume: The volume to cut from.
        start: First index of the box along each spatial axis.
        shape: Size of the box along each spatial axis, in voxels.

    Returns:
        The box, with the origin of its affine shifted to ``start``.

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
    a: Volume, b: Volume, name_a: str = "prediction", name_b: str = "reference", *, tolerance: float = 0.01
) -> None:
    """Makes sure that two volumes have the same shape and lie at the same place.

    Args:
        a: First volume.
        b: Second volume.
        name_a: What the error message calls the first volume.
        name_b: What the error message calls the second volume.
        tolerance: Largest distance between the positions that both affines give to a corner of the image, in
            voxels.

    Raises:
        InputError: If the shapes or the affines differ.

    Example:
        >>> check_same_geometry(Volume(np.zeros((5, 4))), Volume(np.zeros((5, 4))))
        >>> check_same_geometry(Volume(np.zeros((5, 4))), Volume(np.zeros((5, 6))))
        Traceback (most recent call last):
        segtopo.errors.InputError: prediction has shape (5, 4) but reference (5, 6); expected the same shape
    """
    if a.spatial_shape != b.spatial_shape:
        raise InputError(
            f"{name_a} has shape {a.spatial_shape} but {name_b} {b.spatial_shape}; expected the same shape"
        )
    shape = a.spatial_shape + (1,) * (3 - a.ndim)
    corners = np.array([[*index, 1] for index in np.ndindex(2, 2, 2)]) * np.array([*shape, 1])
    displacement = np.linalg.norm(corners @ (a.affine - b.affine).T, axis=1).max()
    if not displacement <= tolerance * min(a.spacing):
        raise InputError(
            f"{name_a} has affine {_one_line(a.affine)} but {name_b} has affine {_one_line(b.affine)}; "
            "expected the same affine"
        )


def _one_line(affine: Affine) -> str:
    return str([[float(f"{value:.6g}") for value in row] for row in affine[:3].tolist()])
