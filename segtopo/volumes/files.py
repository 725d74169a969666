"""Reading and writing images by their file name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError
from segtopo.volumes.itk import read_itk, write_itk
from segtopo.volumes.nifti import read_nifti, write_nifti
from segtopo.volumes.pictures import read_picture, write_picture
from segtopo.volumes.volume import Array, Volume

NIFTI = (".nii.gz", ".nii")
ITK = (".mha", ".mhd", ".nrrd")
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
EXTENSIONS = NIFTI + ITK + PICTURES


def image_extension(path: str | Path) -> str:
    """The extension of an image file, in lower case and with both parts of ``.nii.gz``.

    Raises:
        InputError: If it is none of the formats that can be read.

    Example:
        >>> image_extension("case.01.NII.GZ")
        '.nii.gz'
    """
    for extension in EXTENSIONS:
        if Path(path).name.lower().endswith(extension):
            return extension
    raise InputError(f"{path}: unsupported file name; expected one that ends in {', '.join(EXTENSIONS)}")


def image_stem(path: str | Path) -> str:
    """The name of an image file without its extension.

    Example:
        >>> image_stem("scans/case.01.nii.gz")
        'case.01'
    """
    return Path(path).name[: -len(image_extension(path))]


def list_images(folder: str | Path) -> list[Path]:
    """The image files of a folder, sorted by name; hidden files and other formats are left out.

    Raises:
        InputError: If there is no such folder or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a folder with images")
    images = [p for p in sorted(folder.iterdir()) if p.name.lower().endswith(EXTENSIONS) and p.name[0] != "."]
    if not images:
        raise InputError(f"{folder}: holds no image; expected files that end in {', '.join(EXTENSIONS)}")
    return images


def images_by_name(folder: str | Path) -> dict[str, Path]:
    """The image files of a folder by their names without extension, sorted.

    Raises:
        InputError: As `list_images`; also if two images have the same name.
    """
    images: dict[str, Path] = {}
    for path in list_images(folder):
        if (name := image_stem(path)) in images:
            raise InputError(f"{folder}: holds {images[name].name} and {path.name}; expected one image of each name")
        images[name] = path
    return images


def read_volume(path: str | Path) -> Volume:
    """Reads an image: NIfTI, MHA/MHD, NRRD, PNG, TIFF or JPEG.

    A NIfTI, MHA or NRRD image with a third axis of length one is 2D. Integers keep the type they have on
    disk.

    Args:
        path: The file.

    Returns:
        The voxels in index order with their geometry.

    Raises:
        InputError: If the file is missing, of another format, truncated, or holds NaN.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "image.nii.gz"
        >>> like = Volume(np.zeros((5, 4, 3)), np.diag([1, 1, 2.5, 1]))
        >>> write_volume(path, np.ones((5, 4, 3), np.uint8), like)
        >>> volume = read_volume(path)
        >>> volume.array.dtype, volume.array.shape, volume.spacing
        (dtype('uint8'), (5, 4, 3), (1.0, 1.0, 2.5))
    """
    path = Path(path)
    extension = image_extension(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an image")
    readers = {NIFTI: read_nifti, ITK: read_itk, PICTURES: read_picture}
    volume = next(read for extensions, read in readers.items() if extension in extensions)(path)
    _refuse_nan(volume.array, path)
    return volume


def read_mask(path: str | Path, label: int | None = None) -> Volume:
    """Reads a binary mask.

    Args:
        path: The file. Every value but 0 is foreground, and there may be only one: 0 and 1, or 0 and 255.
        label: The value that is foreground, to pick one structure of a label map.

    Returns:
        A volume whose array is boolean.

    Raises:
        InputError: As `read_volume`; also if the file holds several foreground values and no ``label`` is
            given.
    """
    return mask_of(read_volume(path), path, label)


def mask_of(volume: Volume, path: str | Path, label: int | None = None) -> Volume:
    """Returns the mask that a volume read from a file holds; arguments, result and errors are those of `read_mask`."""
    array = _without_equal_channels(volume, path)
    if label is None:
        mask = array != 0
        foreground = array[mask]
        if foreground.size and foreground.min() != foreground.max():
            values = np.unique(array)
            listed = ", ".join(f"{value:g}" for value in values[:8]) + (", ..." if len(values) > 8 else "")
            raise InputError(
                f"{path}: holds the {len(values)} values {listed}; expected a binary mask (0 and one other "
                "value), or the label to take from a label map"
            )
    else:
        mask = array == label
    return Volume(mask, volume.affine, False, volume.header)


def write_volume(path: str | Path, array: Array, like: Volume | None = None) -> None:
    """Writes an image, whole or not at all.

    Args:
        path: The file; its extension chooses the format. Missing parent folders are made.
        array: Voxels in index order, with or without a first axis of channels. Booleans become 0 and 1 (0 and
            255 in PNG and TIFF), and integers of 64 bits the smallest type that holds them.
        like: The image whose geometry the file gets: bit for bit in the same format, through the affine in
            another. Without it the spacing is 1 mm.

    Raises:
        InputError: If the extension is unknown, the folder cannot be written or the format cannot hold the
            array.
        ValueError: If the spatial shape of the array is not that of ``like``.
    """
    path = Path(path)
    extension = image_extension(path)
    like = Volume(array) if like is None else like
    has_channels = array.ndim == like.ndim + 1
    if array.shape[int(has_channels) :] != like.spatial_shape:
        raise ValueError(
            f"array of shape {array.shape}; expected the spatial shape {like.spatial_shape} of `like`, "
            "with or without channels"
        )
    stored = _as_stored(array, extension)
    with atomic_output(path) as part:
        if extension in NIFTI:
            write_nifti(part, stored, like, has_channels)
        elif extension in ITK:
            write_itk(part, stored, like, has_channels)
        else:
            write_picture(part, stored, has_channels)


def _as_stored(array: Array, extension: str) -> Array:
    if array.dtype == bool:
        return np.asarray(array * np.uint8(255 if extension in PICTURES else 1))
    if array.dtype == np.float16:
        return np.asarray(array, np.float32)
    if array.dtype in (np.int64, np.uint64) and array.size:
        smallest = np.result_type(np.min_scalar_type(array.min()), np.min_scalar_type(array.max()))
        return np.asarray(array, smallest)
    return array


def _refuse_nan(array: Array, path: Path) -> None:
    if array.dtype.kind != "f":
        return
    nan = np.isnan(array)
    if nan.any():
        first = tuple(int(index) for index in np.unravel_index(int(nan.argmax()), nan.shape))
        raise InputError(f"{path}: {int(nan.sum())} voxels are NaN, the first at {first}; expected finite values")


def _without_equal_channels(volume: Volume, path: str | Path) -> Array:
    """Drawing programs save black and white masks in colour."""
    if not volume.has_channels:
        return volume.array
    if (volume.array == volume.array[:1]).all():
        return np.asarray(volume.array[0])
    raise InputError(f"{path}: {volume.array.shape[0]} channels that differ; expected a mask with one channel")
