"""FreeSurfer's MGH files and their compressed form MGZ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.stored_content import compression_of, first_bytes, in_native_order, read_content
from segtopo.volumes.volume import Array, Volume, spatial_and_channels, stored_shape

_DATA_OFFSET = 284
_HEADER_SIZE = 90
_DTYPES = (np.uint8, np.int16, np.int32, np.float32)


def read_freesurfer(path: Path) -> Volume:
    """Reads an MGH or MGZ file; the frames, if there are several, are the channels.

    Raises:
        InputError: The file has no voxels.
    """
    from nibabel.freesurfer.mghformat import MGHHeader

    compression = compression_of(path)
    block = first_bytes(path, _HEADER_SIZE, compression)
    states_position = block[28:30] == b"\0\1"
    header = MGHHeader(block, check=False)
    if len(block) < _HEADER_SIZE or header["version"] != 1:
        raise ValueError("no MGH header")
    shape, dtype = tuple(int(size) for size in header["dims"]), header.get_data_dtype().newbyteorder(">")
    if min(shape) < 1:
        raise InputError(mismatch(path, got=f"shape {shape}", expected="a 2D or 3D image"))
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    content = read_content(path, size, compression=compression, skip=_DATA_OFFSET)
    voxels = in_native_order(content.view(dtype)).reshape(shape, order="F")
    array, has_channels = spatial_and_channels(voxels, path)
    affine = np.asarray(header.get_affine(), np.float64)
    if not np.isfinite(affine).all() or not np.abs(affine[:3, :3]).max(axis=0).all():
        raise ValueError("a header without spacing")
    return Volume(array, affine, has_channels, header, states_position)


def write_freesurfer(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes an MGH or MGZ file with the geometry of ``like``.

    Raises:
        InputError: The format cannot hold the values exactly.
    """
    from nibabel.freesurfer.mghformat import MGHHeader, MGHImage

    dtype = next((held for held in _DTYPES if np.can_cast(array.dtype, held)), None)
    if dtype is None:
        expected = "8 bits, 16 or 32 bits with a sign, or float32; use .nii.gz"
        raise InputError(mismatch(path, got=f"values of dtype {array.dtype}", expected=expected))
    spatial = (*stored_shape(like), 1)[:3]
    voxels = np.moveaxis(array, 0, -1).reshape(*spatial, array.shape[0]) if has_channels else array.reshape(spatial)
    header = like.header if isinstance(like.header, MGHHeader) else None
    image = MGHImage(voxels.astype(dtype), like.affine)
    if header is not None:
        for field in ("goodRASFlag", "delta", "Mdc", "Pxyz_c"):
            image.header[field] = header[field]
    image.to_filename(path)
