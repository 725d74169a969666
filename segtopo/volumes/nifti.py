"""NIfTI and Analyze files: headers by nibabel, voxels with their checksums."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.nifti_position import nifti_position
from segtopo.volumes.scaled_integers import scaled
from segtopo.volumes.stored_content import compression_of, first_bytes, in_native_order, read_content
from segtopo.volumes.volume import Array, Volume, spatial_and_channels, stored_shape

_LONGEST_HEADER = 540
_SINGLE = (b"n+1\0", b"n+2\0")


def read_nifti(path: Path) -> Volume:
    """Reads a NIfTI file (one file, or ``.hdr`` with ``.img``) or an Analyze pair.

    Voxels without scaling keep the dtype of the file. Scaled voxels become integers if all are integers but for the
    rounding of the scaling, otherwise float32.

    Raises:
        InputError: The file has RGB or complex voxels, or is neither 2D nor 3D.
    """
    compression = compression_of(path)
    header = _header(first_bytes(path, _LONGEST_HEADER, compression), path)
    is_single = getattr(header, "is_single", False)  # Analyze headers lack it
    data_file = path if is_single else _image_beside(path)
    shape, dtype = tuple(int(size) for size in header.get_data_shape()), header.get_data_dtype()
    if dtype.kind not in "biuf":
        raise InputError(mismatch(path, got=f"voxels of dtype {dtype}", expected="integers or real numbers"))
    if len(shape) < 2 or min(shape) < 1:
        raise InputError(mismatch(path, got=f"shape {shape}", expected="a 2D or 3D image"))
    content = read_content(
        data_file,
        int(np.prod(shape, dtype=object)) * dtype.itemsize,
        compression=compression_of(data_file),
        skip=_data_offset(header),
    )
    array, has_channels = spatial_and_channels(_voxels(content.view(dtype), header).reshape(shape, order="F"), path)
    if not hasattr(header, "get_sform"):  # Analyze files state no position.
        return Volume(array, np.asarray(header.get_best_affine(), np.float64), has_channels, has_position=False)
    affine, has_position = nifti_position(header)
    return Volume(array, affine, has_channels, header, has_position)


def write_nifti(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes an array with the geometry of ``like``: its NIfTI header, or its affine if it has no NIfTI header."""
    import nibabel as nib

    header = like.header if isinstance(like.header, nib.Nifti1Header) else None
    voxels = _to_disk_order(array, like, header, has_channels)
    version = 2 if isinstance(header, nib.Nifti2Header) else 1
    image_class = getattr(nib, f"Nifti{version}{'Pair' if path.suffix.lower() == '.hdr' else 'Image'}")
    if header is None:
        image = image_class(voxels, like.affine, dtype=voxels.dtype)
        code = "scanner" if like.has_position else "unknown"
        image.set_qform(like.affine, code=code)
        image.set_sform(like.affine, code=code)
        image.header.set_xyzt_units("mm")
    else:
        # Without an affine, nibabel does not change the geometry in the header.
        image = image_class(voxels, None, _header_for(voxels, header, image_class.header_class))
    nib.save(image, path)


def _header(block: bytes, path: Path) -> Any:
    """Parses a header without the corrections that nibabel makes, for instance of a zero ``pixdim[0]``.

    Extensions of the header are left out: they are not geometry, and can name the patient.
    """
    from nibabel.nifti1 import Nifti1Header, Nifti1PairHeader
    from nibabel.nifti2 import Nifti2Header, Nifti2PairHeader
    from nibabel.spm99analyze import Spm99AnalyzeHeader

    size = next((size for size in (348, 540) for order in "<>" if block[:4] == struct.pack(f"{order}i", size)), 0)
    magic = block[344:348] if size == 348 else block[4:8]
    is_pair = path.suffix.lower() == ".hdr"
    if len(block) < size or not size or (magic not in _SINGLE and not is_pair):
        raise ValueError("no NIfTI header")
    if size == 540:
        return (Nifti2PairHeader if is_pair else Nifti2Header)(block, check=False)
    if is_pair and magic not in (b"ni1\0", b"n+1\0"):
        return Spm99AnalyzeHeader(block[:348], check=False)
    return (Nifti1PairHeader if is_pair else Nifti1Header)(block[:348], check=False)


def _image_beside(path: Path) -> Path:
    """Returns the file of the voxels of a header, ``.img`` in the case of letters of the header's extension."""
    extension = ".IMG" if path.suffix.isupper() else ".img"
    for image in (path.with_suffix(extension), path.with_suffix(f"{extension}.gz")):
        if image.is_file():
            return image
    raise InputError(mismatch(path, got="a header alone", expected=f"{path.stem}{extension} beside it"))


def _data_offset(header: Any) -> int:
    offset = int(abs(header["vox_offset"]))
    smallest = int(header.single_vox_offset) if getattr(header, "is_single", False) else 0
    if 0 < offset < smallest:
        raise ValueError(f"voxels at byte {offset}, within the header")
    return max(offset, smallest)


def _voxels(stored: Array, header: Any) -> Array:
    """Returns the values of the voxels in native byte order."""
    stored = in_native_order(stored)
    if stored.dtype.itemsize > 8:
        stored = stored.astype(np.float64)
    slope, inter = header.get_slope_inter()
    slope, inter = 1.0 if slope is None else float(slope), 0.0 if inter is None else float(inter)
    return stored if (slope, inter) == (1, 0) else scaled(stored, slope, inter)


def _to_disk_order(array: Array, like: Volume, header: Any, has_channels: bool) -> Array:
    """Puts the channels last; the axes of length 1 are those of the header."""
    shape = stored_shape(like) if header is None else tuple(header.get_data_shape())
    if has_channels:
        spatial = (*shape, 1)[:3]
        return np.moveaxis(array, 0, -1).reshape(*spatial, array.shape[0])
    return array.reshape(shape[:3] if like.has_channels else shape)


def _header_for(voxels: Array, header: Any, header_class: Any) -> Any:
    """Copies the geometry of a header; dtype, shape, scaling, display range and intent are those of new voxels."""
    magic = header_class.default_structarr()["magic"]
    header = header_class(header.binaryblock, header.endianness, check=False)
    header["magic"] = magic
    pixdim = header["pixdim"].copy()
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header["pixdim"] = pixdim
    header.set_data_offset(0)
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    return header
