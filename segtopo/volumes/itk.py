"""The geometry of ITK, which MetaImage and NRRD files have, and the writing of these files with SimpleITK.

ITK has LPS+ coordinates; a volume has RAS+ coordinates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.volume import Affine, Array, Volume, stored_shape

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NRRD = (".nrrd", ".nhdr")
_GEOMETRY_FIELDS = ("space:", "space dimension:", "space directions:", "space origin:", "space units:", "spacings:")


@dataclass(frozen=True)
class ItkHeader:
    """Geometry of an image in ITK, in LPS+ coordinates in mm.

    Attributes:
        size: Number of voxels along each axis of the file, including axes of length 1.
        spacing: Distance between neighbouring voxels along each axis.
        origin: Position of the first voxel.
        direction: Row-major matrix whose columns are the directions of the axes.
        nrrd_lines: Lines of the geometry in the header of an NRRD file. They are kept as text because SimpleITK splits
            a space direction into a length and a unit vector, and their product may differ in the last bit.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    nrrd_lines: tuple[str, ...] = ()

    @property
    def affine(self) -> Affine:
        """``(4, 4)`` matrix from voxel indices to RAS+ coordinates in mm."""
        ndim = len(self.size)
        affine = np.eye(4)
        affine[:ndim, :ndim] = np.reshape(self.direction, (ndim, ndim)) * self.spacing
        affine[:ndim, 3] = self.origin
        return LPS_TO_RAS @ affine


def itk_volume(path: Path, array: Array, header: ItkHeader, *, has_channels: bool, has_position: bool) -> Volume:
    """Makes a volume of an array with the axes of a file. Axes of length 1 after the second are removed.

    Raises:
        InputError: The image is neither 2D nor 3D, or its directions do not span the space.
    """
    header = _without_fourth_axis(header)
    if len(header.size) > 3:
        raise InputError(mismatch(path, got=f"size {header.size}", expected="a 2D or 3D image"))
    array = array.reshape(*array.shape[: int(has_channels)], *header.size, order="A")
    if header.size[2:] == (1,):
        array = array[..., 0]
    if not np.isfinite(header.affine).all() or min(header.spacing) <= 0 or _is_singular(header.affine):
        raise ValueError("spacings or directions that span no space")
    return Volume(array, header.affine, has_channels, header, has_position)


def write_itk(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes a compressed file with the geometry of ``like``.

    Raises:
        InputError: The affine of ``like`` is singular.
    """
    import SimpleITK as sitk  # noqa: N813

    header = like.header if isinstance(like.header, ItkHeader) else _header_from_affine(like, path)
    spatial = array.reshape(*array.shape[: int(has_channels)], *header.size)
    image = sitk.GetImageFromArray(np.ascontiguousarray(spatial.T), isVector=has_channels)
    image.SetSpacing(header.spacing)
    image.SetOrigin(header.origin)
    image.SetDirection(header.direction)
    sitk.WriteImage(image, str(path), useCompression=True)
    # For an image with channels these lines have one more entry. Those of SimpleITK are kept; the last bit may differ.
    if path.suffix.lower() in _NRRD and header.nrrd_lines and has_channels == like.has_channels:
        _replace_geometry_lines(path, header.nrrd_lines)


def geometry_lines(nrrd_header: Iterable[str]) -> tuple[str, ...]:
    """Returns the lines of an NRRD header that hold geometry."""
    return tuple(line for line in nrrd_header if line.startswith(_GEOMETRY_FIELDS))


def _without_fourth_axis(header: ItkHeader) -> ItkHeader:
    """Removes axes of length 1 after the third, which tools for time series write."""
    ndim = len(header.size)
    if ndim <= 3 or max(header.size[3:]) > 1:
        return header
    direction = np.reshape(header.direction, (ndim, ndim))[:3, :3]
    return ItkHeader(header.size[:3], header.spacing[:3], header.origin[:3], tuple(direction.ravel().tolist()))


def _is_singular(affine: Affine) -> bool:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return not abs(np.linalg.det(affine[:3, :3])) > 1e-9 * lengths.prod()


def _header_from_affine(like: Volume, path: Path) -> ItkHeader:
    affine = LPS_TO_RAS @ like.affine
    size = stored_shape(like)
    ndim = len(size)
    spacing = np.linalg.norm(affine[:3, :ndim], axis=0)
    if not spacing.all() or abs(np.linalg.det(affine[:ndim, :ndim])) <= 1e-9 * spacing.prod():
        got = f"the singular affine {like.affine[:3].tolist()}"
        raise InputError(mismatch(path, got=got, expected="an invertible affine, which MetaImage and NRRD require"))
    direction = affine[:ndim, :ndim] / spacing
    return ItkHeader(size, tuple(spacing.tolist()), tuple(affine[:ndim, 3].tolist()), tuple(direction.ravel().tolist()))


def _replace_geometry_lines(path: Path, geometry: tuple[str, ...]) -> None:
    header, blank_line, data = path.read_bytes().partition(b"\n\n")
    fields = tuple(name.encode() for name in _GEOMETRY_FIELDS)
    others = [line for line in header.split(b"\n") if not line.startswith(fields)]
    # The NRRD format requires the line of the dimension before those of the geometry.
    after = 1 + next(n for n, line in enumerate(others) if line.startswith(b"dimension:"))
    lines = [*others[:after], *(line.encode() for line in geometry), *others[after:]]
    path.write_bytes(b"\n".join(lines) + blank_line + data)
