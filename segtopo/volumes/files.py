"""Reading and writing of images; the file extension selects the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.volumes.dicom.reader import read_dicom, read_series
from segtopo.volumes.file_names import DICOM, FREESURFER, METAIMAGE, NIFTI, NRRD, PICTURES, SERIES, image_extension
from segtopo.volumes.freesurfer import read_freesurfer, write_freesurfer
from segtopo.volumes.itk import write_itk
from segtopo.volumes.metaimage import read_metaimage
from segtopo.volumes.nifti import read_nifti, write_nifti
from segtopo.volumes.nrrd import read_nrrd
from segtopo.volumes.pictures import read_picture, write_picture
from segtopo.volumes.reading_errors import errors_in_one_line
from segtopo.volumes.scaled_integers import smallest_integer_dtype
from segtopo.volumes.volume import Array, Volume

_READERS: dict[tuple[str, ...], Callable[[Path], Volume]] = {
    NIFTI: read_nifti,
    FREESURFER: read_freesurfer,
    METAIMAGE: read_metaimage,
    NRRD: read_nrrd,
    PICTURES: read_picture,
    DICOM: read_dicom,
    (SERIES,): read_series,
}


def read_volume(path: str | Path) -> Volume:
    """Reads an image from a NIfTI, Analyze, FreeSurfer, MetaImage, NRRD, DICOM, PNG, TIFF, JPEG, GIF or BMP file.

    Every checksum of the file is verified. A medical image whose third axis has length 1 is returned as a 2D image.

    Args:
        path: The file, or a folder with the slices of one DICOM series. DICOM needs the extra ``dicom``.

    Returns:
        The voxels in index order, with their affine (RAS+, in mm). The dtype is that of the file. Scaled NIfTI images
        are float32, or integers if all their values are integers but for the rounding of the scale factor.

    Raises:
        InputError: The file does not exist, has an unsupported format, is truncated or damaged, or contains NaN.
        ModuleNotFoundError: The extra of the format is not installed.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "image.nii.gz"
        >>> write_volume(path, np.ones((5, 4, 3), np.uint8), like=Volume(np.zeros((5, 4, 3)), np.diag([1, 1, 2.5, 1])))
        >>> volume = read_volume(path)
        >>> volume.array.dtype, volume.array.shape, volume.spacing
        (dtype('uint8'), (5, 4, 3), (1.0, 1.0, 2.5))
    """
    path = Path(path)
    extension = image_extension(path)
    if not path.exists():
        raise InputError(mismatch(path, got="no such file", expected="an image"))
    read = next(read for extensions, read in _READERS.items() if extension in extensions)
    with errors_in_one_line(path, f"an intact {extension} file"):
        volume = read(path)
    _check_no_nan(volume.array, path)
    return volume


def write_volume(path: str | Path, array: Array, like: Volume | None = None) -> None:
    """Writes an image to a file of the format that the extension selects. After an error no file is left.

    Args:
        path: The file. Missing parent folders are created.
        array: 2D or 3D image in index order; an additional first axis holds channels. Booleans are stored as 0 and 1,
            in PNG and TIFF files as 0 and 255. 64-bit integers are stored in the smallest dtype that holds their
            values, float16 as float32.
        like: Image whose geometry the file gets. If the formats are the same, the geometry is copied bit for bit,
            otherwise it is converted through the affine. By default the spacing is 1 mm and the origin 0.

    Raises:
        InputError: The extension is unsupported, the folder cannot be written, the format cannot hold the array, or the
            spatial shape of the array differs from that of ``like``.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> scan = Volume(np.zeros((5, 4, 3)), np.diag([0.5, 0.5, 2.0, 1.0]))
        >>> write_volume(folder / "scan.nii.gz", scan.array, scan)
        >>> write_volume(folder / "mask.nii.gz", scan.array > 0.5, like=read_volume(folder / "scan.nii.gz"))
        >>> mask = read_volume(folder / "mask.nii.gz")
        >>> mask.array.dtype, mask.spacing
        (dtype('uint8'), (0.5, 0.5, 2.0))
    """
    path = Path(path)
    extension = image_extension(path)
    if extension in (SERIES, *DICOM):
        got = "a folder" if extension == SERIES else f"the format {extension}, which is only read"
        raise InputError(mismatch(path, got=got, expected="a file of another format, for instance .nii.gz"))
    like = Volume(array) if like is None else like
    has_channels = array.ndim == like.ndim + 1
    if array.shape[int(has_channels) :] != like.spatial_shape:
        expected = f"the spatial shape {like.spatial_shape} of like, with or without channels"
        raise InputError(mismatch("array", got=f"shape {array.shape}", expected=expected))
    stored = _as_stored(array, extension)
    with atomic_output(path) as part:
        if extension in NIFTI:
            write_nifti(part, stored, like, has_channels)
        elif extension in FREESURFER:
            write_freesurfer(part, stored, like, has_channels)
        elif extension in METAIMAGE + NRRD:
            write_itk(part, stored, like, has_channels)
        else:
            write_picture(part, stored, like, has_channels)


def _as_stored(array: Array, extension: str) -> Array:
    if array.dtype == bool:
        return np.asarray(array * np.uint8(255 if extension in PICTURES else 1))
    if array.dtype == np.float16:
        return np.asarray(array, np.float32)
    if array.dtype in (np.int64, np.uint64) and array.size:
        return np.asarray(array, smallest_integer_dtype(int(array.min()), int(array.max())))
    return array


def _check_no_nan(array: Array, path: Path) -> None:
    if array.dtype.kind != "f":
        return
    nan = np.isnan(array)
    if nan.any():
        first = tuple(int(index) for index in np.unravel_index(int(nan.argmax()), nan.shape))
        got = f"NaN in {int(nan.sum())} of {nan.size} voxels, the first at {first}"
        raise InputError(mismatch(path, got=got, expected="a number in every voxel"))
