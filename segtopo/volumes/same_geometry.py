"""The comparison of the positions of two volumes, and the sentence about their difference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.volumes.volume import Affine, Volume


def check_same_geometry(
    volume: Volume,
    reference: Volume,
    name: str = "prediction",
    reference_name: str = "reference",
    *,
    tolerance: float = 0.01,
) -> None:
    """Raises InputError unless two volumes have the same spatial shape and the same position in space.

    If one of them states no position (``has_position``), only their shapes and spacings are compared.

    Args:
        volume: The volume to check.
        reference: The volume with the expected geometry.
        name: Name of ``volume`` in error messages, for instance its path.
        reference_name: Name of ``reference`` in error messages.
        tolerance: Largest distance between the two positions of a corner of the image, in units of the smallest voxel
            size of ``volume``.

    Raises:
        InputError: The spatial shapes, the spacings, the directions or the origins differ.

    Example:
        >>> check_same_geometry(Volume(np.zeros((5, 4))), Volume(np.zeros((5, 4))))
        >>> check_same_geometry(Volume(np.zeros((5, 4))), Volume(np.zeros((5, 6))))
        Traceback (most recent call last):
        segtopo.errors.InputError: prediction: got shape (5, 4), expected the shape (5, 6) of reference
    """
    if volume.spatial_shape != reference.spatial_shape:
        expected = f"the shape {reference.spatial_shape} of {reference_name}"
        got = f"shape {volume.spatial_shape}{_part(volume, reference, tolerance)}"
        raise InputError(mismatch(name, got=got, expected=expected))
    limit = tolerance * min(volume.spacing)
    if volume.has_position and reference.has_position:
        differs = not corner_distance(volume.affine, reference.affine, volume.spatial_shape) <= limit
    else:
        differs = _spacings_differ(volume, reference, limit)
    if differs:
        got, expected = _difference(volume, reference, limit)
        raise InputError(mismatch(name, got=got, expected=f"the {expected} of {reference_name}"))


def corner_distance(affine: Affine, reference: Affine, shape: tuple[int, ...]) -> float:
    """Returns the largest distance in mm between the positions that two affines give to a corner of an image.

    Example:
        >>> corner_distance(np.eye(4), np.diag([1.0, 1.5, 1.0, 1.0]), (5, 4))
        2.0
    """
    size = (*shape, 0)[:3]  # the third axis of a 2D image does not matter
    corners = np.array([[*index, 1] for index in np.ndindex(2, 2, 2)]) * np.array([*size, 1])
    return float(np.linalg.norm(corners @ (affine - reference).T, axis=1).max())


def covered_box(volume: Volume, reference: Volume, tolerance: float = 0.01) -> tuple[slice, ...] | None:
    """Returns the box of a 3D reference's grid that a volume covers; None if it covers no part of the grid.

    Args:
        volume: The smaller volume, in any orientation.
        reference: The volume with the grid.
        tolerance: Largest distance of the volume's corners from points of the grid, in voxels.
    """
    if reference.ndim < 3 or not (volume.has_position and reference.has_position and np.linalg.det(reference.affine)):
        return None
    size = np.array((*volume.spatial_shape, 1)[:3])
    corners = np.array([[*((size - 1) * index), 1] for index in np.ndindex(2, 2, 2)])
    voxels = (corners @ (np.linalg.inv(reference.affine) @ volume.affine).T)[:, :3]
    first, last = np.rint(voxels.min(axis=0)).astype(int), np.rint(voxels.max(axis=0)).astype(int)
    is_on_grid = np.abs(voxels - np.rint(voxels)).max() <= tolerance
    if not is_on_grid or (first < 0).any() or (last >= reference.spatial_shape).any():
        return None
    return tuple(slice(int(start), int(stop) + 1) for start, stop in zip(first, last, strict=True))


def _part(volume: Volume, reference: Volume, tolerance: float) -> str:
    """Says which part of the grid of a reference a volume covers; an empty text if it covers no part of it."""
    box = covered_box(volume, reference, tolerance)
    if box is None:
        return ""
    first, last = tuple(axis.start for axis in box), tuple(axis.stop - 1 for axis in box)
    return f", only the voxels {first} to {last}"


def _difference(volume: Volume, reference: Volume, limit: float) -> tuple[str, str]:
    """Returns a phrase for the part of the geometry that differs, of the volume and of its reference."""
    if _spacings_differ(volume, reference, limit):
        return f"spacing {_in_mm(volume.spacing)}", f"spacing {_in_mm(reference.spacing)}"
    directions = volume.affine[:3, : volume.ndim], reference.affine[:3, : volume.ndim]
    shift = np.linalg.norm((directions[0] - directions[1]) * np.array(volume.spatial_shape), axis=0).max()
    if shift > limit:
        return f"directions {_compass(directions[0])}", f"directions {_compass(directions[1])}"
    origins = volume.affine[:3, 3], reference.affine[:3, 3]
    return f"origin {_in_mm(origins[0])}", f"origin {_in_mm(origins[1])}"


def _spacings_differ(volume: Volume, reference: Volume, limit: float) -> bool:
    differences = np.abs(np.subtract(volume.spacing, reference.spacing)) * volume.spatial_shape
    return not differences.max() <= limit


def _in_mm(values: npt.ArrayLike) -> str:
    return f"({', '.join(f'{value:.6g}' for value in np.ravel(values))}) mm"


def _compass(directions: npt.NDArray[np.float64]) -> str:
    """Names the direction of each axis, with its unit vector where it is oblique."""
    words = []
    for direction in (directions / np.linalg.norm(directions, axis=0)).T:
        axis = int(np.abs(direction).argmax())
        letter = ("LR", "PA", "IS")[axis][int(direction[axis] > 0)]
        unit = ", ".join(f"{value:.3f}" for value in direction)
        words.append(letter if abs(direction[axis]) > 1 - 1e-9 else f"{letter} ({unit})")
    return ", ".join(words)
