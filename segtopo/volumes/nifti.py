"""NIfTI files, read and written with nibabel; the header is kept to copy the geometry bit for bit."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.volume import Array, Volume, stored_shape


def read_nifti(path: Path) -> Volume:
    """Reads a NIfTI file. Voxels without scaling keep the dtype of the file; scaled voxels become float32.

    Raises:
        InputError: The file is truncated or damaged, has RGB or complex voxels, or is neither 2D nor 3D.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    try:
        # With a memory map, a file that is replaced or truncated later would cause an error long after reading.
        image = nib.load(path, mmap=False)
        header = _header_as_stored(path, image.header_class)
        voxels = _voxels(image)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            mismatch(path, got=f"truncated or damaged data ({reason})", expected="a NIfTI file")
        ) from error
    if voxels.dtype.kind not in "biuf":
        raise InputError(mismatch(path, got=f"voxels of dtype {voxels.dtype}", expected="integers or real numbers"))
    array, has_channels = _to_index_order(voxels, path)
    return Volume(array, np.asarray(image.affine, np.float64), has_channels, header)


def write_nifti(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes an array with the geometry of ``like``: its NIfTI header, or its affine if it has no NIfTI header."""
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
        # Without an affine, nibabel does not change the geometry in the header.
        image = image_class(voxels, None, _header_for(voxels, header))
    nib.save(image, path)


def _header_as_stored(path: Path, header_class: Any) -> Any:
    """Reads the header without the corrections that nibabel makes, for instance of a zero ``pixdim[0]``."""
    from nibabel.openers import ImageOpener

    with ImageOpener(path) as file:
        return header_class.from_fileobj(file, check=False)


def _voxels(image: Any) -> Array:
    proxy = image.dataobj
    unscaled = proxy.slope == 1 and proxy.inter == 0
    # As float64, nibabel's default, a scaled image would need four or eight times its size in the file.
    voxels: Array = np.asanyarray(proxy) if unscaled else image.get_fdata(caching="unchanged", dtype=np.float32)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _to_index_order(voxels: Array, path: Path) -> tuple[Array, bool]:
    """Removes trailing axes of length 1, and moves the channels, if any, from the last axis to the first."""
    spatial, channels = voxels.shape[:3], [size for size in voxels.shape[3:] if size > 1]
    if 0 in voxels.shape or len(spatial) < 2 or len(channels) > 1:
        expected = "a 2D or 3D image, with at most one axis of channels"
        raise InputError(mismatch(path, got=f"shape {voxels.shape}", expected=expected))
    if spatial[2:] == (1,):
        spatial = spatial[:2]
    if channels:
        return np.moveaxis(voxels.reshape(*spatial, *channels, order="A"), -1, 0), True
    return voxels.reshape(spatial, order="A"), False


def _to_disk_order(array: Array, like: Volume, header: Any, has_channels: bool) -> Array:
    """Inverts ``_to_index_order``; the axes of length 1 are those of the header."""
    shape = stored_shape(like) if header is None else tuple(header.get_data_shape())
    if has_channels:
        spatial = (*shape, 1)[:3]
        return np.moveaxis(array, 0, -1).reshape(*spatial, array.shape[0])
    return array.reshape(shape[:3] if like.has_channels else shape)


def _header_for(voxels: Array, header: Any) -> Any:
    """Copies the geometry of a header; dtype, shape, scaling, display range and intent are those of new voxels."""
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
