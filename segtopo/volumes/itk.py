"""MetaImage (MHA, MHD) and NRRD through SimpleITK, whose world is LPS+ and whose arrays run k, j, i."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError
from segtopo.volumes.volume import Affine, Array, Volume, stored_shape

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class ItkHeader:
    """Geometry as SimpleITK gives it, in LPS+ mm.

    Attributes:
        size: Voxels along each axis of the file, axes of length one included.
        spacing: Distance between voxels along each axis.
        origin: Position of the first voxel.
        direction: Row-major matrix whose columns are the directions of the axes.
        nrrd_lines: The header lines of an NRRD file that state its geometry. They are kept as text, since
            SimpleITK splits a space direction into a length and a unit vector, whose product may differ in
            the last bit.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    nrrd_lines: tuple[bytes, ...] = ()


def read_itk(path: Path) -> Volume:
    """Reads a MetaImage or NRRD file.

    Raises:
        InputError: If the file is truncated, damaged, or holds complex numbers.
    """
    import SimpleITK as sitk  # noqa: N813

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: truncated or damaged; expected a MetaImage or NRRD file") from error
    voxels = sitk.GetArrayFromImage(image).T
    if voxels.dtype.kind not in "biuf" or not 2 <= len(image.GetSize()) <= 3:
        raise InputError(f"{path}: size {image.GetSize()} of {voxels.dtype}; expected a 2D or 3D image of real numbers")
    has_channels = voxels.ndim > len(image.GetSize())
    if image.GetSize()[2:] == (1,):
        voxels = voxels[..., 0]
    lines = _geometry_lines(path.read_bytes()) if path.suffix.lower() == ".nrrd" else ()
    header = ItkHeader(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection(), lines)
    return Volume(voxels, _affine(header), has_channels, header)


def write_itk(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes ``array`` with the geometry of ``like``, compressed."""
    import SimpleITK as sitk  # noqa: N813

    header = like.header if isinstance(like.header, ItkHeader) else _header_from_affine(like, path)
    spatial = array.reshape(*array.shape[: int(has_channels)], *header.size)
    image = sitk.GetImageFromArray(np.ascontiguousarray(spatial.T), isVector=has_channels)
    image.SetSpacing(header.spacing)
    image.SetOrigin(header.origin)
    image.SetDirection(header.direction)
    sitk.WriteImage(image, str(path), useCompression=True)
    # With channels the lines have an entry more; then SimpleITK's own are right to the last bit but one.
    if path.suffix.lower() == ".nrrd" and header.nrrd_lines and has_channels == like.has_channels:
        _replace_geometry_lines(path, header.nrrd_lines)


def _affine(header: ItkHeader) -> Affine:
    ndim = len(header.size)
    affine = np.eye(4)
    affine[:ndim, :ndim] = np.reshape(header.direction, (ndim, ndim)) * header.spacing
    affine[:ndim, 3] = header.origin
    return LPS_TO_RAS @ affine


def _header_from_affine(like: Volume, path: Path) -> ItkHeader:
    affine = LPS_TO_RAS @ like.affine
    size = stored_shape(like)
    ndim = len(size)
    spacing = np.linalg.norm(affine[:3, :ndim], axis=0)
    if not spacing.all() or abs(np.linalg.det(affine[:ndim, :ndim])) <= 1e-9 * spacing.prod():
        raise InputError(
            f"{path}: the affine {like.affine[:3].tolist()} is singular; MetaImage and NRRD cannot hold it"
        )
    direction = affine[:ndim, :ndim] / spacing
    return ItkHeader(size, tuple(spacing.tolist()), tuple(affine[:ndim, 3].tolist()), tuple(direction.ravel().tolist()))


GEOMETRY_FIELDS = (
    b"space:",
    b"space dimension:",
    b"space directions:",
    b"space origin:",
    b"space units:",
    b"spacings:",
)


def _geometry_lines(nrrd: bytes) -> tuple[bytes, ...]:
    lines = nrrd.partition(b"\n\n")[0].replace(b"\r", b"").split(b"\n")
    return tuple(line for line in lines if line.startswith(GEOMETRY_FIELDS))


def _replace_geometry_lines(path: Path, geometry: tuple[bytes, ...]) -> None:
    header, blank_line, data = path.read_bytes().partition(b"\n\n")
    others: list[Any] = [line for line in header.split(b"\n") if not line.startswith(GEOMETRY_FIELDS)]
    # The dimension must stand before the geometry that it sizes.
    after = 1 + next(n for n, line in enumerate(others) if line.startswith(b"dimension:"))
    path.write_bytes(b"\n".join([*others[:after], *geometry, *others[after:]]) + blank_line + data)
