"""Names of image files: extensions, stems, and the images of a folder."""

from __future__ import annotations

from pathlib import Path

from segtopo.errors import InputError, mismatch
from segtopo.volumes.dicom.files import is_series

NIFTI = (".nii.gz", ".nii", ".hdr")  # .hdr with .img beside it: a NIfTI or Analyze pair
FREESURFER = (".mgz", ".mgh")
METAIMAGE = (".mha", ".mhd")
NRRD = (".seg.nrrd", ".nrrd", ".nhdr")
TIFF = (".tif", ".tiff")
PICTURES = (".png", *TIFF, ".jpg", ".jpeg", ".gif", ".bmp")
DICOM = (".dcm",)
SERIES = ""  # the extension of a folder, which can hold the slices of a DICOM series
_EXTENSIONS = NIFTI + FREESURFER + METAIMAGE + NRRD + PICTURES + DICOM


def image_extension(path: str | Path) -> str:
    """Returns the extension of an image file in lower case; ``.nii.gz`` and ``.seg.nrrd`` are one extension.

    A folder, which can hold the slices of a DICOM series, has no extension: an empty text.

    Raises:
        InputError: The extension is not one of the supported formats.

    Example:
        >>> image_extension("case.01.NII.GZ")
        '.nii.gz'
    """
    if Path(path).is_dir():
        return SERIES
    for extension in _EXTENSIONS:
        if Path(path).name.lower().endswith(extension):
            return extension
    raise InputError(mismatch(path, got="an unsupported extension", expected=f"one of {', '.join(_EXTENSIONS)}"))


def image_stem(path: str | Path) -> str:
    """Returns the name of an image file without its folder and extension.

    Raises:
        InputError: The extension is not one of the supported formats.

    Example:
        >>> image_stem("scans/case.01.nii.gz")
        'case.01'
        >>> image_stem("case1.seg.nrrd")
        'case1'
    """
    name = Path(path).name
    return name[: len(name) - len(image_extension(path))]


def list_images(folder: str | Path) -> list[Path]:
    """Lists the images of a folder, sorted by name, without hidden files and files of other formats.

    Images are files, and folders with the slices of a DICOM series. If the folder itself is such a series, it is the
    only image.

    Raises:
        InputError: The folder does not exist or contains no image.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.PNG", "a.nii.gz", ".hidden.png", "notes.txt"):
        ...     (folder / name).touch()
        >>> [path.name for path in list_images(folder)]
        ['a.nii.gz', 'b.PNG']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(mismatch(folder, got="no such folder", expected="a folder with images"))
    images = [folder] if is_series(folder) else [path for path in sorted(folder.iterdir()) if is_image(path)]
    if not images:
        raise InputError(mismatch(folder, got="no image", expected=f"files that end in {', '.join(_EXTENSIONS)}"))
    return images


def is_image(path: Path) -> bool:
    """Whether a path is that of an image by the name of its file, or a folder with the slices of a DICOM series."""
    return path.name[0] != "." and (is_series(path) if path.is_dir() else path.name.lower().endswith(_EXTENSIONS))


def is_one_image(path: Path) -> bool:
    """Whether a path is a file or a folder with the slices of a DICOM series, and no folder of images."""
    return path.is_file() or is_series(path)


def result_extension(path: Path) -> str:
    """Returns the extension for results of an image: its own, or ``.nii.gz`` for DICOM, which is not written.

    Example:
        >>> result_extension(Path("case1.NRRD")), result_extension(Path("case1.dcm"))
        ('.NRRD', '.nii.gz')
    """
    extension = image_extension(path)
    return ".nii.gz" if extension in (SERIES, *DICOM) else path.name[-len(extension) :]


def images_by_name(folder: str | Path) -> dict[str, Path]:
    """Maps the stem of each image file of a folder to its path, sorted by file name.

    Raises:
        InputError: The folder does not exist or contains no image, or two images have the same stem.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.png", "a.nii.gz"):
        ...     (folder / name).touch()
        >>> list(images_by_name(folder))
        ['a', 'b']
    """
    images: dict[str, Path] = {}
    for path in list_images(folder):
        if (name := image_stem(path)) in images:
            got = f"{images[name].name} and {path.name}"
            raise InputError(mismatch(folder, got=got, expected="one image of each name"))
        images[name] = path
    return images
