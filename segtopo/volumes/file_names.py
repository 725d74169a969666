"""Names of image files: extensions, stems, and the images of a folder."""

from __future__ import annotations

from pathlib import Path

from segtopo.errors import InputError, mismatch

NIFTI = (".nii.gz", ".nii", ".hdr")  # .hdr with .img beside it: a NIfTI or Analyze pair
FREESURFER = (".mgz", ".mgh")
METAIMAGE = (".mha", ".mhd")
NRRD = (".seg.nrrd", ".nrrd", ".nhdr")
TIFF = (".tif", ".tiff")
PICTURES = (".png", *TIFF, ".jpg", ".jpeg", ".gif", ".bmp")
_EXTENSIONS = NIFTI + FREESURFER + METAIMAGE + NRRD + PICTURES


def image_extension(path: str | Path) -> str:
    """Returns the extension of an image file in lower case; ``.nii.gz`` and ``.seg.nrrd`` are one extension.

    Raises:
        InputError: The extension is not one of the supported formats.

    Example:
        >>> image_extension("case.01.NII.GZ")
        '.nii.gz'
    """
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
    return Path(path).name[: -len(image_extension(path))]


def list_images(folder: str | Path) -> list[Path]:
    """Lists the image files of a folder, sorted by name, without hidden files and files of other formats.

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
    images = [p for p in sorted(folder.iterdir()) if p.name.lower().endswith(_EXTENSIONS) and p.name[0] != "."]
    if not images:
        raise InputError(mismatch(folder, got="no image", expected=f"files that end in {', '.join(_EXTENSIONS)}"))
    return images


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
