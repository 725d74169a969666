"""MetaImage (MHA, MHD) and NRRD files, read and written with SimpleITK.

SimpleITK has LPS+ coordinates and arrays with the axes k, j, i; a volume has RAS+ coordinates and the axes i, j, k.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.volume import Affine, Array, Volume, stored_shape

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GEOMETRY_FIELDS = (
    b"space:",
    b"space dimension:",
    b"space directions:",
    b"space origin:",
    b"space units:",
    b"spacings:",
)


@dataclass(frozen=True)
class _ItkHeader:
    """Geometry of an image in SimpleITK, in LPS+ coordinates in mm.

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
    nrrd_lines: tuple[bytes, ...] = ()


def read_itk(path: Path) -> Volume:
    """Reads a MetaImage or NRRD file; the dtype is that of the file.

    Raises:
        InputError: The file is truncated or damaged, has complex voxels, or is neither 2D nor 3D.
    """
    import SimpleITK as sitk  # noqa: N813

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(
            mismatch(path, got="truncated or damaged data", expected="a MetaImage or NRRD file")
        ) from error
    voxels = sitk.GetArrayFromImage(image).T
    if voxels.dtype.kind not in "biuf" or not 2 <= len(image.GetSize()) <= 3:
        got = f"size {image.GetSize()} and dtype {voxels.dtype}"
        raise InputError(mismatch(path, got=got, expected="a 2D or 3D image of real numbers"))
    has_channels = voxels.ndim > len(image.GetSize())
    if image.GetSize()[2:] == (1,):
        voxels = voxels[..., 0]
    lines = _geometry_lines(path.read_bytes()) if path.suffix.lower() == ".nrrd" else ()
    header = _ItkHeader(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection(), lines)
    return Volume(voxels, _affine(header), has_channels, header)


def write_itk(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes a compressed file with the geometry of ``like``.

    Raises:
        InputError: The affine of ``like`` is singular.
    """
    import SimpleITK as sitk  # noqa: N813

    header = like.header if isinstance(like.header, _ItkHeader) else _header_from_affine(like, path)
    spatial = array.reshape(*array.shape[: int(has_channels)], *header.size)
    image = sitk.GetImageFromArray(np.ascontiguousarray(spatial.T), isVector=has_channels)
    image.SetSpacing(header.spacing)
    image.SetOrigin(header.origin)
    image.SetDirection(header.direction)
    sitk.WriteImage(image, str(path), useCompression=True)
    # For an image with channels these lines have one more entry. Those of SimpleITK are kept; the last bit may differ.
    if path.suffix.lower() == ".nrrd" and header.nrrd_lines and has_channels == like.has_channels:
        _replace_geometry_lines(path, header.nrrd_lines)


def _affine(header: _ItkHeader) -> Affine:
    ndim = len(header.size)
    affine = np.eye(4)
    affine[:ndim, :ndim] = np.reshape(header.direction, (ndim, ndim)) * header.spacing
    affine[:ndim, 3] = header.origin
    return _LPS_TO_RAS @ affine


def _header_from_affine(like: Volume, path: Path) -> _ItkHeader:
    affine = _LPS_TO_RAS @ like.affine
    size = stored_shape(like)
    ndim = len(size)
    spacing = np.linalg.norm(affine[:3, :ndim], axis=0)
    if not spacing.all() or abs(np.linalg.det(affine[:ndim, :ndim])) <= 1e-9 * spacing.prod():
        got = f"the singular affine {like.affine[:3].tolist()}"
        raise InputError(mismatch(path, got=got, expected="an invertible affine, which MetaImage and NRRD require"))
    direction = affine[:ndim, :ndim] / spacing
    return _ItkHeader(
        size, tuple(spacing.tolist()), tuple(affine[:ndim, 3].tolist()), tuple(direction.ravel().tolist())
    )


def _geometry_lines(nrrd: bytes) -> tuple[bytes, ...]:
    lines = nrrd.partition(b"\n\n")[0].replace(b"\r", b"").split(b"\n")
    return tuple(line for line in lines if line.startswith(_GEOMETRY_FIELDS))


def _replace_geometry_lines(path: Path, geometry: tuple[bytes, ...]) -> None:
    header, blank_line, data = path.read_bytes().partition(b"\n\n")
    others = [line for line in header.split(b"\n") if not line.startswith(_GEOMETRY_FIELDS)]
    # The NRRD format requires the line of the dimension before those of the geometry.
    after = 1 + next(n for n, line in enumerate(others) if line.startswith(b"dimension:"))
    path.write_bytes(b"\n".join([*others[:after], *geometry, *others[after:]]) + blank_line + data)
