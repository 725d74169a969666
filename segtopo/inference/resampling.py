"""Resampling between grids that cover the same box: the outer faces of the first and the last voxels agree.

Shapes are those of the spatial axes. Each function returns its input where no axis changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from segtopo.masks.skeletons import skeleton

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.uint8]
Shape = tuple[int, ...]

CUBIC, NEAREST = 3, 0
#: From this ratio of spacings on, values are not interpolated between slices (nnU-Net's threshold).
THICK_SLICES = 3.0


def resample_image(image: FloatArray, shape: Shape, spacing: Sequence[float]) -> FloatArray:
    """Resamples intensities by cubic splines, within the range of the image.

    Linear interpolation takes contrast from thin vessels. Where an axis becomes coarser, a Gaussian filter comes first,
    so that no vessel falls between two samples. Across thick slices the nearest slice is taken, as in nnU-Net: a mean
    of two slices would show a vessel at two places, half as bright.

    Args:
        image: One channel.
        shape: The new shape.
        spacing: The distance between voxels of ``image`` along each axis, in mm.
    """
    thick = thick_axis(spacing)
    if thick is None:
        return _resize(image, shape, CUBIC)
    in_plane = (*shape[:thick], image.shape[thick], *shape[thick + 1 :])
    return _resize(_resize(image, in_plane, CUBIC), shape, NEAREST)


def _resize(image: FloatArray, shape: Shape, order: int) -> FloatArray:
    from skimage.transform import resize

    if shape == image.shape:
        return image
    return np.asarray(resize(image, shape, order=order, mode="edge", anti_aliasing=True, preserve_range=True))


def thick_axis(spacing: Sequence[float]) -> int | None:
    """Returns the axis across thick slices; None if no spacing is more than three times each of the others.

    Example:
        >>> thick_axis((0.5, 0.5, 2.0)), thick_axis((1.0, 1.0, 2.0)), thick_axis((5.0, 1.0))
        (2, None, None)
    """
    axis = int(np.argmax(spacing))
    others = [length for index, length in enumerate(spacing) if index != axis]
    return axis if len(spacing) == 3 and spacing[axis] > THICK_SLICES * max(others) else None


def resample_labels(labels: LabelArray, shape: Shape, structures: Sequence[Sequence[int]]) -> LabelArray:
    """Resamples a label map so that no thin structure vanishes and no label appears.

    A new voxel has the label at its centre. Along axes that become finer this changes no component, loop or cavity of
    a structure. Along axes that become coarser, a structure thinner than a voxel would fall apart: there the voxels
    that hold its centreline get the label of the centreline too. Where centrelines of several structures meet, the
    rarer structure wins.

    Args:
        labels: A label map.
        shape: The new shape.
        structures: The labels of each structure, a class or a region.
    """
    coarser = tuple(min(old, new) for old, new in zip(labels.shape, shape, strict=True))
    if coarser != labels.shape:
        labels = _with_centrelines(_at_centres(labels, coarser), labels, structures)
    return _at_centres(labels, shape)


def _with_centrelines(coarse: LabelArray, labels: LabelArray, structures: Sequence[Sequence[int]]) -> LabelArray:
    factors = np.divide(coarse.shape, labels.shape)
    counts = np.bincount(labels.reshape(-1), minlength=256)
    sizes = [counts[list(structure)].sum() for structure in structures]
    for number in (number for number in np.argsort(np.negative(sizes), kind="stable") if sizes[number]):
        voxels = np.argwhere(skeleton(np.isin(labels, structures[number])))
        coarse[tuple(((voxels + 0.5) * factors).astype(int).T)] = labels[tuple(voxels.T)]
    return coarse


def _at_centres(labels: LabelArray, shape: Shape) -> LabelArray:
    tensor = torch.from_numpy(np.ascontiguousarray(labels))[None, None]
    return np.asarray(torch.nn.functional.interpolate(tensor, size=shape, mode="nearest-exact")[0, 0].numpy())


def resample_probabilities(probabilities: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Resamples class probabilities (C, ...) linearly, so that they and their sum remain in [0, 1]."""
    if probabilities.shape[1:] == shape:
        return probabilities
    mode = "bilinear" if len(shape) == 2 else "trilinear"
    # One class after the other, because large volumes hardly fit into memory twice.
    classes = [torch.nn.functional.interpolate(one[None, None], size=shape, mode=mode)[0, 0] for one in probabilities]
    return torch.stack(classes)
