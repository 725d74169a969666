"""The grid that frames lie on: their order, the affine, and the refusal of frames that make no grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.volumes.dicom.frames import Frame, Plane, Vectors
from segtopo.volumes.itk import ItkHeader

_ANGLE = 1e-4  # largest difference of two direction cosines; files round them to about six digits
_LENGTH = 1e-3  # largest error of the length of a direction, and of the angle between two
_SPACING = 1e-4  # largest difference of two spacings, as a part of them
_GAP = 0.02  # largest distance of a slice from its place, in gaps between slices


def grid_of(
    frames: Sequence[Frame], columns: int, rows: int, path: Path
) -> tuple[npt.NDArray[np.intp], ItkHeader, bool]:
    """Returns the order of frames along their normal, their geometry, and whether they state a position.

    The step from slice to slice need not be along the normal: the slices of a tilted gantry are a sheared grid.

    Raises:
        InputError: The frames differ in orientation or spacing, two have one position, or they are not evenly spaced.
    """
    planes = [frame.plane for frame in frames if frame.plane is not None]
    if len(planes) < len(frames):
        _check_single(frames, path)
        spacing = (*(frames[0].spacing or (1.0, 1.0)), 1.0)
        flat = ItkHeader((columns, rows, 1), spacing, (0.0, 0.0, 0.0), tuple(np.eye(3).ravel().tolist()))
        return np.arange(1), flat, False
    _check_parallel(frames, planes, path)
    across = _normal(frames[0].name, planes[0], path)
    positions = np.stack([plane.position for plane in planes])
    order = np.argsort(positions @ across, kind="stable")
    step = across * frames[0].thickness
    if len(frames) > 1:
        _check_even([frames[index].name for index in order], positions[order], across, path)
        step = (positions[order[-1]] - positions[order[0]]) / (len(frames) - 1)
    length = float(np.linalg.norm(step))
    direction = np.column_stack([*planes[0].orientation, step / length])
    header = ItkHeader(
        (columns, rows, len(frames)),
        (*planes[0].spacing, length),
        tuple(positions[order[0]].tolist()),
        tuple(direction.ravel().tolist()),
    )
    return order, header, True


def _check_single(frames: Sequence[Frame], path: Path) -> None:
    if len(frames) > 1:
        name = next(frame.name for frame in frames if frame.plane is None)
        got = f"{name} without position, orientation or pixel spacing"
        raise InputError(mismatch(path, got=got, expected="the place of every slice in space, or one slice"))


def _check_parallel(frames: Sequence[Frame], planes: Sequence[Plane], path: Path) -> None:
    """Raises InputError if two frames differ in orientation or spacing."""
    first = planes[0]
    for frame, plane in zip(frames, planes, strict=True):
        if np.abs(plane.orientation - first.orientation).max() > _ANGLE:
            kind, one, other = "orientations", _listed(first.orientation), _listed(plane.orientation)
        elif not np.allclose(plane.spacing, first.spacing, rtol=_SPACING, atol=0):
            kind, one, other = "pixel spacings", _listed(first.spacing), _listed(plane.spacing)
        else:
            continue
        got = f"the {kind} {one} in {frames[0].name} and {other} in {frame.name}"
        raise InputError(mismatch(path, got=got, expected="parallel slices of one grid (no localizer among them)"))


def _normal(name: str, plane: Plane, path: Path) -> Vectors:
    along_row, along_column = plane.orientation
    lengths = np.linalg.norm(plane.orientation, axis=1)
    if np.abs(lengths - 1).max() > _LENGTH or abs(along_row @ along_column) > _LENGTH:
        got = f"the orientation {_listed(plane.orientation)} in {name}"
        raise InputError(mismatch(path, got=got, expected="two perpendicular vectors of length 1"))
    return np.asarray(np.cross(along_row, along_column))


def _check_even(names: Sequence[str], positions: Vectors, across: Vectors, path: Path) -> None:
    """Raises InputError if sorted slices are not the places of one step."""
    steps = np.diff(positions, axis=0)
    usual = np.median(steps, axis=0)
    gaps = steps @ across
    limit = _GAP * float(np.linalg.norm(usual))
    if gaps.min() <= max(limit, 1e-6):
        place = int(gaps.argmin())
        got = f"{names[place]} and {names[place + 1]} at one position, {_listed(positions[place])} mm"
        raise InputError(mismatch(path, got=got, expected="one slice at each position (one volume, not several)"))
    even = np.linspace(positions[0], positions[-1], len(positions))
    if np.linalg.norm(positions - even, axis=1).max() > limit:
        place = int(np.linalg.norm(steps - usual, axis=1).argmax())
        got = f"a step of {_listed(steps[place])} mm from {names[place]} to {names[place + 1]}"
        raise InputError(mismatch(path, got=got, expected=f"the usual step of {_listed(usual)} mm (no slice missing)"))


def _listed(numbers: npt.ArrayLike) -> str:
    return f"({', '.join(f'{number:.6g}' for number in np.ravel(numbers))})"
