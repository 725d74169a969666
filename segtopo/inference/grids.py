"""The grid on which a network sees an image, and the way back to the image's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from segtopo.errors import InputError, mismatch
from segtopo.inference.resampling import (
    FloatArray,
    LabelArray,
    resample_image,
    resample_labels,
    resample_probabilities,
)
from segtopo.volumes import Volume
from segtopo.volumes.volume import Array

#: Spacings that differ by less than this part are the same: resampling would only blur.
SAME_SPACING = 0.01


@dataclass(frozen=True)
class TrainingGrid:
    """The grid of a network for one image.

    In 3D the axes lead to the right, to the front and to the head (RAS+, the nearest of the 48 orientations; oblique
    images are not rotated), so that an axis means the same in all cases. Images without a position keep the order of
    their axes, and so do 2D images. A volume with one slice is a 2D image for a network of two axes.

    Attributes:
        image_shape: The shape of the image.
        axes: For each axis of the grid, the axis of the image.
        reversed_axes: Whether each axis of the grid runs against that of the image.
        image_spacing: The distance between voxels of the image along the axes of the grid, in mm.
        shape: The shape of the grid.

    Example:
        >>> affine = np.array([[0, -0.5, 0, 0], [0, 0, 0.5, 0], [4, 0, 0, 0], [0, 0, 0, 1]])  # to head, left, front
        >>> volume = Volume(np.zeros((5, 40, 30)), affine)
        >>> grid = TrainingGrid.of(volume, spacing=(1.0, 1.0, 2.0), dimensions=3)
        >>> grid.axes, grid.reversed_axes, grid.image_spacing, grid.shape
        ((1, 2, 0), (True, False, False), (0.5, 0.5, 4.0), (20, 15, 10))
    """

    image_shape: tuple[int, ...]
    axes: tuple[int, ...]
    reversed_axes: tuple[bool, ...]
    image_spacing: tuple[float, ...]
    shape: tuple[int, ...]

    @staticmethod
    def of(
        volume: Volume,
        spacing: Literal["native"] | Sequence[float],
        dimensions: int,
        name: str = "image",
    ) -> TrainingGrid:
        """Returns the grid for an image.

        Args:
            volume: The image.
            spacing: The distance between voxels of the grid along each of its axes, in mm; ``native``: that of the
                image.
            dimensions: The number of axes of the network.
            name: The name of the image in error messages.

        Raises:
            InputError: The image has another number of axes.
        """
        axes, reversed_axes = _axes(volume, dimensions)
        if len(axes) != dimensions:
            got, expected = f"{volume.ndim} spatial axes", f"{dimensions}, as patch_size has"
            raise InputError(mismatch(name, got=got, expected=expected))
        lengths = tuple(volume.spatial_shape[axis] for axis in axes)
        image_spacing = tuple(volume.spacing[axis] for axis in axes)
        wanted = image_spacing if spacing == "native" else [float(length) for length in spacing]
        shape = tuple(map(_length, lengths, image_spacing, wanted))
        return TrainingGrid(volume.spatial_shape, axes, reversed_axes, image_spacing, shape)

    def image_to_grid(self, channels: Array) -> FloatArray:
        """Resamples an image (C, *image_shape) to (C, *shape), float32."""
        turned = self._turn(channels).astype(np.float32, copy=False)
        return np.stack([resample_image(channel, self.shape, self.image_spacing) for channel in turned])

    def labels_to_grid(self, labels: LabelArray, structures: Sequence[Sequence[int]]) -> LabelArray:
        """Resamples a label map (*image_shape) to (*shape); see :func:`resample_labels`."""
        return np.ascontiguousarray(resample_labels(self._turn(labels[None])[0], self.shape, structures))

    def from_grid(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Brings probabilities (C, *shape) back to the image, (C, *image_shape)."""
        turned_shape = tuple(self.image_shape[axis] for axis in self.axes)
        native = resample_probabilities(probabilities, turned_shape)
        native = native.flip([axis + 1 for axis, is_reversed in enumerate(self.reversed_axes) if is_reversed])
        native = native.permute(0, *(int(axis) + 1 for axis in np.argsort(self.axes)))
        return native.reshape(len(native), *self.image_shape).contiguous()

    def _turn(self, channels: Array) -> Array:
        """Brings the axes of the image (C, *image_shape) into the order and direction of the grid."""
        constant = set(range(len(self.image_shape))) - set(self.axes)
        turned = channels.transpose(0, *(axis + 1 for axis in (*self.axes, *constant)))
        steps = tuple(slice(None, None, -1 if is_reversed else None) for is_reversed in self.reversed_axes)
        window = (slice(None), *steps, *(0 for _ in constant))
        return np.asarray(turned[window])


def _axes(volume: Volume, dimensions: int) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Returns the axes of the image in the order of the grid, and whether they are reversed."""
    from nibabel.orientations import io_orientation

    axes = tuple(range(volume.ndim))
    if volume.ndim == 3 and dimensions == 2 and 1 in volume.spatial_shape:
        constant = volume.spatial_shape.index(1)
        return tuple(axis for axis in axes if axis != constant), (False, False)
    if volume.ndim == 3 and volume.has_position:
        world_axes, directions = io_orientation(volume.affine).T
        axes = tuple(int(axis) for axis in np.argsort(world_axes))
        return axes, tuple(bool(directions[axis] < 0) for axis in axes)
    return axes, (False,) * volume.ndim


def _length(length: int, spacing: float, wanted: float) -> int:
    """Returns the number of voxels of a grid along an axis."""
    return length if abs(spacing / wanted - 1) < SAME_SPACING else max(1, round(length * spacing / wanted))
