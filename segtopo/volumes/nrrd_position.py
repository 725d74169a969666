"""The position in space that an NRRD header states."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from segtopo.volumes.itk import LPS_TO_RAS, ItkHeader, geometry_lines
from segtopo.volumes.nrrd_header import NrrdHeader
from segtopo.volumes.volume import Affine

Vector = npt.NDArray[np.float64]

_SPATIAL_KINDS = {"domain", "space", "time", "???", "none"}
_ABBREVIATIONS = {"ras": "right-anterior-superior", "las": "left-anterior-superior"}
_TO_LPS = {"right-anterior-superior": (-1.0, -1.0), "left-anterior-superior": (1.0, -1.0)}
_MM_OF_UNIT = {"um": 1e-3, "µm": 1e-3, "micron": 1e-3, "microns": 1e-3, "cm": 10.0, "m": 1e3}


def axis_directions(header: NrrdHeader) -> list[Vector | None]:
    """Returns the step from voxel to voxel along each axis, in LPS+ in mm, and None for an axis of channels.

    Raises:
        ValueError: The number of directions is not the number of axes.
    """
    ndim = len(header.sizes)
    if "space directions" not in header.fields:
        spatial = [kind in _SPATIAL_KINDS for kind in header.kinds]
        steps = iter(np.eye(sum(spatial)))
        spacings = _spacings(header)
        return [next(steps) * spacing if here else None for here, spacing in zip(spatial, spacings, strict=True)]
    found = re.findall(r"none|\([^)]*\)", header.fields["space directions"])
    if len(found) != ndim:
        raise ValueError(f"{len(found)} space directions of {ndim} axes")
    return [None if text == "none" else _vector(text, header) for text in found]


def nrrd_geometry(header: NrrdHeader, size: tuple[int, ...]) -> ItkHeader | None:
    """Returns the geometry of an image whose axes span its space, and None for a slice in a larger space.

    Args:
        header: The header.
        size: Number of voxels along each spatial axis.
    """
    columns = _columns(header)
    if columns.shape[0] != columns.shape[1]:
        return None
    spacing = np.linalg.norm(columns, axis=0)
    with np.errstate(all="ignore"):
        direction = columns / spacing
    return ItkHeader(
        size,
        tuple(spacing.tolist()),
        tuple(_origin(header, len(columns)).tolist()),
        tuple(direction.ravel().tolist()),
        geometry_lines(header.lines),
    )


def nrrd_affine(header: NrrdHeader) -> Affine:
    """Returns the affine of a 2D image in a space of three dimensions; its third axis is the normal.

    Raises:
        ValueError: The image is no such slice, or its directions do not span a plane.
    """
    columns = _columns(header)
    if columns.shape != (3, 2):
        raise ValueError(f"{columns.shape[1]} axes in a space of {columns.shape[0]} dimensions")
    normal = np.cross(columns[:, 0], columns[:, 1])
    if not np.linalg.norm(normal) > 0:
        raise ValueError("space directions that span no plane")
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([columns, normal / np.linalg.norm(normal)])
    affine[:3, 3] = _origin(header, 3)
    return LPS_TO_RAS @ affine


def _columns(header: NrrdHeader) -> Vector:
    return np.column_stack([direction for direction in axis_directions(header) if direction is not None])


def _spacings(header: NrrdHeader) -> list[float]:
    ndim = len(header.sizes)
    spacings = [float(word) for word in header.fields.get("spacings", "1 " * ndim).split()]
    units = re.findall(r'"([^"]*)"', header.fields.get("units", "")) or ["mm"] * ndim
    return [spacing * _MM_OF_UNIT.get(unit, 1.0) for spacing, unit in zip(spacings, units, strict=True)]


def _origin(header: NrrdHeader, ndim: int) -> Vector:
    text = header.fields.get("space origin")
    return np.zeros(ndim) if text is None else _vector(text, header)


def _vector(text: str, header: NrrdHeader) -> Vector:
    """Parses ``(x,y,z)``; the result is in LPS+ in mm."""
    vector = np.array([float(word) for word in text.strip().strip("()").split(",")])
    space = header.fields.get("space", "").lower().removesuffix("-time")
    signs = _TO_LPS.get(_ABBREVIATIONS.get(space.removesuffix("t"), space), (1.0, 1.0))
    vector[: len(signs)] *= signs[: len(vector)]
    units = re.findall(r'"([^"]*)"', header.fields.get("space units", ""))[: len(vector)]
    vector[: len(units)] *= [_MM_OF_UNIT.get(unit, 1.0) for unit in units]
    return vector
