"""NIfTI through nibabel; the header is kept, to write another file with its geometry bit for bit."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError
from segtopo.volumes.volume import Array, Volume, stored_shape


def read_nifti(path: Path) -> Volume:
    """Reads a NIfTI file; integers without scaling keep the type they have on disk.

    Raises:
        InputError: If the file is truncated, damaged, or holds colours or complex numbers.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    try:
        # A memory map would fail long after reading, when the file is replaced or truncated meanwhile.
        image = nib.load(path, mmap=False)
        header = _header_as_stored(path, image.header_class)
        voxels = _voxels(image)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: truncated or damaged ({reason}); expected a NIfTI file") from error
    if voxels.dtype.kind not in "biuf":
        raise InputError(f"{path}: voxels of type {voxels.dtype}; expected integers or real numbers")
    array, has_channels = _to_index_order(voxels, path)
    return Volume(array, np.asarray(image.affine, np.float64), has_channels, header)


def write_nifti(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes ``array`` with the geometry of ``like``: its NIfTI header if it has one, else its affine."""
    import nibabel as nib

    header = like.header if isinstance(like.header, nib.Nifti1Header) else None
    voxels = _to_disk_order(array, like, header, has_channels)
    image_class = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    if header is None:
        image = image_class(voxels, like.affine, dtype=voxels.dtype)
        image.set_qform(like.affine, code="scanner")
        image.set_sform(like.affine, code="scanner")
        image.header.set_xyzt_units("mm")
    else:
        # Without an affine nibabel leaves the geometry of the header alone.
        image = image_class(voxels, None, _header_for(voxels, header))
    nib.save(image, path)


def _header_as_stored(path: Path, header_class: Any) -> Any:
    """The header without the repairs that nibabel makes on loading, for instance of a zero ``pixdim[0]``."""
    from nibabel.openers import ImageOpener

    with ImageOpener(path) as file:
        return header_class.from_fileobj(file, check=False)


def _voxels(image: Any) -> Array:
    proxy = image.dataobj
    unscaled = proxy.slope == 1 and proxy.inter == 0
    # In nibabel's default of float64 a scaled scan would take four or eight times the memory it has on disk.
    voxels: Array = np.asanyarray(proxy) if unscaled else image.get_fdata(caching="unchanged", dtype=np.float32)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _to_index_order(voxels: Array, path: Path) -> tuple[Array, bool]:
    """Drops trailing axes of length one and moves the channels, if any, from the last axis to the front."""
    spatial, channels = voxels.shape[:3], [size for size in voxels.shape[3:] if size > 1]
    if 0 in voxels.shape or len(spatial) < 2 or len(channels) > 1:
        raise InputError(f"{path}: shape {voxels.shape}; expected a 2D or 3D image, at most with one axis of channels")
    if spatial[2:] == (1,):
        spatial = spatial[:2]
    if channels:
        return np.moveaxis(voxels.reshape(*spatial, *channels, order="A"), -1, 0), True
    return voxels.reshape(spatial, order="A"), False


def _to_disk_order(array: Array, like: Volume, header: Any, has_channels: bool) -> Array:
    """The inverse of ``_to_index_order``, with the axes of length one that the header had."""
    shape = stored_shape(like) if header is None else tuple(header.get_data_shape())
    if has_channels:
        spatial = (*shape, 1)[:3]
        return np.moveaxis(array, 0, -1).reshape(*spatial, array.shape[0])
    return array.reshape(shape[:3] if like.has_channels else shape)


def _header_for(voxels: Array, header: Any) -> Any:
    """The header of another image, for these voxels: its geometry stays, its data and display range go."""
    header = header.copy()
    pixdim = header["pixdim"].copy()
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header["pixdim"] = pixdim
    header.set_data_offset(0)
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    return header
