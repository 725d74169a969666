"""Reading of probability maps from image files and from nnU-Net's ``.npz`` files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.repair.nnunet_dataset import dataset_of
from segtopo.repair.nnunet_files import NPZ, read_nnunet
from segtopo.repair.probability_map import ProbabilityMap
from segtopo.volumes import Volume, image_stem, images_by_name, list_images, mask_of, read_volume, result_extension

ROUNDING = 0.001  # values outside of [0, 1] by at most this are rounding errors of resampling and scaling

#: Other formats for the masks of pictures: a TIFF file of probabilities is a PNG mask, JPEG and GIF are read only.
PICTURE_MASKS = dict.fromkeys((".jpg", ".jpeg", ".gif", ".tif", ".tiff"), ".png")


def probability_files(path: str | Path) -> dict[str, Path]:
    """Finds probability maps.

    Args:
        path: A file, or a folder. In a folder, an image beside an ``.npz`` file of the same name belongs to it: nnU-Net
            writes both. In the folder of a trained nnU-Net, the files are the ``.npz`` files of the validation cases of
            all folds.

    Returns:
        The files by their names without extension, sorted by name.

    Raises:
        InputError: The path does not exist, the folder holds no map or two of one name, or the format of the file is
            unknown.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.nii.gz", "a.nii.gz", "a.npz", "a.pkl"):
        ...     (folder / name).touch()
        >>> [path.name for path in probability_files(folder).values()]
        ['a.npz', 'b.nii.gz']
    """
    path = Path(path)
    if path.is_file():
        return {path.name[: -len(NPZ)] if _is_npz(path) else image_stem(path): path}
    if folds := sorted(path.glob("fold_[0-9]*")):
        return _validation_files(path, folds)
    packed = {p.stem: p for p in path.iterdir() if _is_npz(p) and p.name[0] != "."} if path.is_dir() else {}
    images = images_by_name(path) if not packed or _has_images(path) else {}
    return dict(sorted((images | packed).items()))


def read_probability(path: str | Path) -> ProbabilityMap:
    """Reads the probability maps of a case.

    Args:
        path: An image as :func:`segtopo.volumes.read_volume` reads it, with a channel for each foreground class (the
            maps that ``segtopo predict --probabilities`` writes, with a ``dataset.json`` that names regions); or an
            ``.npz`` file of nnU-Net's ``--save_probabilities``, whose geometry is that of the segmentation beside it.
            The values are probabilities from 0 to 1, of any floating dtype; or integers, 0 and 1 (or 255): a mask.

    Returns:
        The maps and their geometry.

    Raises:
        InputError: The file cannot be read, its values are no probabilities, or one of several channels seems to be
            the background.

    Example:
        >>> import tempfile
        >>> from segtopo.volumes import write_volume
        >>> path = Path(tempfile.mkdtemp()) / "case.nii.gz"
        >>> write_volume(path, np.full((5, 4, 3), 0.25, np.float32))
        >>> read_probability(path).foreground.shape
        (1, 5, 4, 3)
        >>> write_volume(path, np.full((5, 4, 3), 64, np.uint8))
        >>> read_probability(path)
        Traceback (most recent call last):
        segtopo.errors.InputError: ...case.nii.gz: got integers from 64 to 64, expected probabilities from 0 to 1
        (divide 8-bit maps by 255), or a mask of 0 and 1
    """
    path = Path(path)
    if _is_npz(path):
        found = read_nnunet(path)
        return replace(found, foreground=_as_probabilities(found.foreground, path))
    volume = read_volume(path)
    extension = result_extension(path)
    if volume.ndim == 2:
        extension = PICTURE_MASKS.get(extension.lower(), extension)
    if volume.array.dtype.kind in "bui":
        return ProbabilityMap(_as_mask(volume, path)[None], volume, extension)
    foreground = _as_probabilities(volume.array if volume.has_channels else volume.array[None], path)
    regions = dataset_of(path).regions(len(foreground))
    if regions is None and len(foreground) > 1 and foreground.sum(axis=0).min() > 1 - ROUNDING:
        got = f"{len(foreground)} channels with a sum of 1 in every voxel"
        raise InputError(mismatch(path, got=got, expected="the foreground classes without the background"))
    return ProbabilityMap(foreground, volume, extension, labels=regions)


def _is_npz(path: Path) -> bool:
    return path.name.lower().endswith(NPZ)


def _validation_files(model: Path, folds: Sequence[Path]) -> dict[str, Path]:
    """Finds the probabilities of a cross-validation of nnU-Net, in which each case is validated once."""
    files: dict[str, Path] = {}
    for path in [path for fold in folds for path in fold.glob("validation/*") if _is_npz(path)]:
        if path.stem in files:
            got = f"{files[path.stem]} and {path}"
            raise InputError(mismatch(model, got=got, expected="each case in the validation of one fold"))
        files[path.stem] = path
    if not files:
        expected = "the .npz files that nnU-Net's training writes with --npz"
        raise InputError(mismatch(model, got="folds without probabilities", expected=expected))
    return dict(sorted(files.items()))


def _has_images(folder: Path) -> bool:
    try:
        return bool(list_images(folder))
    except InputError:
        return False


def _as_probabilities(values: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    """Returns float32 or float64 in [0, 1], without rounding errors."""
    lowest, highest = values.min(), values.max()
    if not (lowest >= -ROUNDING and highest <= 1 + ROUNDING):
        got = f"values from {lowest:g} to {highest:g}"
        expected = "probabilities from 0 to 1 (apply a sigmoid or softmax to logits)"
        raise InputError(mismatch(path, got=got, expected=expected))
    array = values.astype(np.float64 if values.dtype == np.float64 else np.float32, copy=False)
    return np.asarray(array.clip(0, 1) if lowest < 0 or highest > 1 else array)


def _as_mask(volume: Volume, path: Path) -> npt.NDArray[Any]:
    """Returns the mask in an image of integers, 0 and 1 or 0 and 255."""
    array = volume.array
    highest = array.max()
    if highest not in (0, 1, 255) or not ((array == 0) | (array == highest)).all():
        got = f"integers from {array.min()} to {highest}"
        expected = "probabilities from 0 to 1 (divide 8-bit maps by 255), or a mask of 0 and 1"
        raise InputError(mismatch(path, got=got, expected=expected))
    return mask_of(volume, path).array
