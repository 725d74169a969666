"""Reading of the probabilities that nnU-Net writes with ``--save_probabilities``."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.masks.dice import dice
from segtopo.repair.nnunet_dataset import NnunetDataset, dataset_of
from segtopo.repair.probability_map import REGION, ProbabilityMap
from segtopo.volumes import Volume, image_extension, image_stem, list_images, read_volume, result_extension

NPZ = ".npz"
PICTURES = (".png", ".bmp", ".tif", ".tiff")
NO_GEOMETRY = "No segmentation of the same name is beside the .npz file: the voxel size is taken as 1 mm."
LEAST_DICE = 0.5  # of the map and the segmentation beside it; flipped or transposed axes give less


def read_nnunet(path: Path) -> ProbabilityMap:
    """Reads an ``.npz`` file of nnU-Net.

    Its axes are those of SimpleITK: those of a NIfTI image in reverse order, and those of a picture as they are. The
    geometry is read from the segmentation of the same name beside it. The labels are read from ``dataset.json``, which
    says whether the classes are regions that overlap. The ``.pkl`` file beside it is never opened, because unpickling
    can run code.

    Raises:
        InputError: The file is no such file, the classes overlap and no ``dataset.json`` names regions, or the
            segmentation beside it has another shape or shows something else.
    """
    values = _probabilities(path)
    dataset = dataset_of(path)
    labels = dataset.labels
    has_regions = dataset.regions(len(values)) is not None
    if not has_regions:
        _check_classes(values, path)
    foreground = values if has_regions else values[1:]
    if labels is not None and len(labels.of_channels) != len(foreground):
        labels = None  # of another network
    beside = _segmentation_beside(path)
    if beside is not None:
        mask = np.asarray((values > REGION).any(axis=0) if has_regions else values.argmax(axis=0) > 0)
        return replace(_with_geometry_of(beside, foreground, mask, dataset, path), labels=labels)
    flat = values.shape[1] == 1
    foreground = foreground[:, 0] if flat else _reversed_axes(foreground)
    extension = ".png" if flat else ".nii.gz"
    return ProbabilityMap(foreground, Volume(foreground[0]), extension, (NO_GEOMETRY,), labels)


def _check_classes(values: npt.NDArray[Any], path: Path) -> None:
    total = values.sum(axis=0, dtype=np.float32)
    # Outside of the box to which nnU-Net crops an image, it writes zeros for all classes.
    if len(values) < 2 or not ((np.abs(total - 1) < 0.02) | (total == 0)).all():
        expected = "the background and classes that exclude each other, with a sum of 1 in every voxel"
        expected += "; or regions that a dataset.json beside it names"
        got = f"sums of classes from {total.min():g} to {total.max():g}"
        raise InputError(mismatch(path, got=got, expected=expected))


def _probabilities(path: Path) -> npt.NDArray[Any]:
    """Reads the array ``(classes, z, y, x)``; a 2D image has one z."""
    expected = "the array 'probabilities' (classes, z, y, x) of nnU-Net"
    if not path.is_file():
        raise InputError(mismatch(path, got="no such file", expected=expected))
    try:
        # NumPy does not close a damaged file that it has opened itself.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if "probabilities" not in arrays.files:
                raise InputError(
                    mismatch(path, got=f"the arrays {', '.join(arrays.files) or 'none'}", expected=expected)
                )
            values: npt.NDArray[Any] = arrays["probabilities"]
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(mismatch(path, got="truncated or damaged data", expected=expected)) from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(mismatch(path, got="data that are no array of numbers", expected=expected)) from error
    if values.ndim != 4 or values.dtype.kind != "f" or 0 in values.shape:
        raise InputError(mismatch(path, got=f"{values.dtype} of shape {values.shape}", expected=expected))
    if np.isnan(values.min()):
        raise InputError(mismatch(path, got="NaN", expected="a number in every voxel"))
    return values


def _segmentation_beside(path: Path) -> Path | None:
    """Finds the image of the same name in the folder of a file."""
    try:
        images = list_images(path.parent)
    except InputError:
        return None
    return next((image for image in images if image_stem(image) == path.name[: -len(NPZ)]), None)


def _with_geometry_of(
    beside: Path, foreground: npt.NDArray[Any], mask: Mask, dataset: NnunetDataset, path: Path
) -> ProbabilityMap:
    """Brings probabilities to the axes of the segmentation beside them, and checks that they show the same."""
    segmentation = read_volume(beside)
    extension = image_extension(beside)

    def ordered(maps: npt.NDArray[Any]) -> npt.NDArray[Any]:
        maps = maps[:, 0] if segmentation.ndim == 2 and maps.shape[1] == 1 else maps
        maps = maps if extension in PICTURES else _reversed_axes(maps)
        return _turned_to(segmentation, maps) if dataset.is_reoriented and segmentation.ndim == 3 else maps

    maps, shown = ordered(foreground), ordered(mask[None])[0]
    if segmentation.has_channels or shown.shape != segmentation.spatial_shape:
        got = f"shape {foreground.shape[1:]} (z, y, x)"
        expected = f"the shape {segmentation.array.shape} of {beside.name} beside it"
        raise InputError(mismatch(path, got=got, expected=expected))
    overlap = dice(shown, segmentation.array > 0)
    if overlap < LEAST_DICE:
        got = f"a map whose most probable classes have a Dice of {overlap:.2f} with {beside.name} beside it"
        raise InputError(mismatch(path, got=got, expected="the segmentation of this map, in the same orientation"))
    return ProbabilityMap(maps, segmentation, result_extension(beside))


def _reversed_axes(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.transpose(values, (0, *range(values.ndim - 1, 0, -1)))


def _turned_to(segmentation: Volume, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Brings maps ``(classes, x, y, z)`` on the axes of RAS to the axes of a volume."""
    from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

    turn = ornt_transform(axcodes2ornt("RAS"), io_orientation(segmentation.affine))
    return np.stack([apply_orientation(array, turn) for array in values])
