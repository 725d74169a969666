"""The random transforms that a config can list: MONAI's dictionary transforms of these names, with typed parameters.

They are applied to the normalised patch. Angles are in degrees, translations in voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import radians
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from segtopo.config.section import (
    AxisIndex,
    Bounds,
    CountBounds,
    FactorBounds,
    Fraction,
    NonNegative,
    Probability,
    ReductionBounds,
    Section,
    VoxelBounds,
    Voxels,
)
from segtopo.errors import mismatch

if TYPE_CHECKING:
    from monai.transforms import Compose

IMAGE, LABEL = "image", "label"
BOTH = (IMAGE, LABEL)
#: Images are interpolated linearly, labels keep their values.
INTERPOLATION = ("bilinear", "nearest")


class _RandomTransform(Section):
    """A transform that is applied with probability ``prob``."""

    prob: Probability

    def check(self, patch_size: tuple[int, ...]) -> None:
        """Checks that patches of this size can be transformed.

        Raises:
            ValueError: The message begins with the key below the transform.
        """


def _check_axes(axes: tuple[int, ...], patch_size: tuple[int, ...]) -> None:
    if any(axis >= len(patch_size) for axis in axes):
        raise ValueError(mismatch("axes", got=list(axes), expected=f"axes from 0 to {len(patch_size) - 1}"))


def _check_zoom(zoom: tuple[float, float], patch_size: tuple[int, ...]) -> None:
    if zoom[0] * min(patch_size) < 1:
        expected = f"at least one voxel of a patch of {list(patch_size)}"
        raise ValueError(mismatch("zoom", got=list(zoom), expected=expected))


def _linear(dimensions: int) -> str:
    """Returns the name of linear interpolation in torch."""
    return "bilinear" if dimensions == 2 else "trilinear"


class RandFlip(_RandomTransform):
    """Mirrors along each of ``axes`` (default: all), each with probability ``prob``."""

    name: Literal["RandFlip"]
    prob: Probability = 0.5
    axes: tuple[AxisIndex, ...] | None = None

    def check(self, patch_size: tuple[int, ...]) -> None:
        """Checks the number of each axis."""
        _check_axes(self.axes or (), patch_size)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        axes = range(dimensions) if self.axes is None else self.axes
        return [transforms.RandFlipd(BOTH, prob=self.prob, spatial_axis=axis) for axis in axes]


class RandRotate90(_RandomTransform):
    """Rotates by a multiple of 90 degrees in the plane of the two ``axes``, in which the patch must be square."""

    name: Literal["RandRotate90"]
    prob: Probability = 0.5
    axes: tuple[AxisIndex, AxisIndex] = (0, 1)

    def check(self, patch_size: tuple[int, ...]) -> None:
        """Checks that the two axes span a plane in which the patch is square, so that it keeps its shape."""
        _check_axes(self.axes, patch_size)
        first, second = self.axes
        if first == second or patch_size[first] != patch_size[second]:
            expected = f"two axes of equal length in patch_size {list(patch_size)}"
            raise ValueError(mismatch("axes", got=list(self.axes), expected=expected))

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        return [transforms.RandRotate90d(BOTH, prob=self.prob, spatial_axes=self.axes)]


class RandAffine(_RandomTransform):
    """Rotates by up to ``rotate`` degrees, zooms by a factor from ``scale``, shifts by up to ``translate`` voxels."""

    name: Literal["RandAffine"]
    prob: Probability = 0.3
    rotate: NonNegative = 15.0
    scale: FactorBounds = (0.9, 1.1)
    translate: Voxels = 0.0

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        low, high = self.scale
        affine = transforms.RandAffined(
            BOTH,
            prob=self.prob,
            rotate_range=[radians(self.rotate)] * (1 if dimensions == 2 else 3),
            scale_range=[(low - 1, high - 1)] * dimensions,
            translate_range=[self.translate] * dimensions,
            mode=INTERPOLATION,
            padding_mode="reflection",
        )
        return [affine]


class RandZoom(_RandomTransform):
    """Zooms by a factor from ``zoom``. The patch keeps its size."""

    name: Literal["RandZoom"]
    prob: Probability = 0.3
    zoom: FactorBounds = (0.9, 1.1)

    def check(self, patch_size: tuple[int, ...]) -> None:
        """Checks that at least one voxel of the patch remains."""
        _check_zoom(self.zoom, patch_size)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        low, high = self.zoom
        modes = (_linear(dimensions), "nearest")
        return [transforms.RandZoomd(BOTH, prob=self.prob, min_zoom=low, max_zoom=high, mode=modes)]


class RandGridDistortion(_RandomTransform):
    """Bends the patch: the edges of a grid of ``cells`` cells along each axis become up to ``limit`` longer or shorter.

    ``limit`` is a part of their length.
    """

    name: Literal["RandGridDistortion"]
    prob: Probability = 0.2
    cells: Annotated[int, Field(ge=1, le=64)] = 5
    limit: Fraction = 0.2

    def check(self, patch_size: tuple[int, ...]) -> None:
        """Checks that a cell is at least two voxels long."""
        if 2 * self.cells > min(patch_size):
            expected = f"cells of at least two voxels in a patch of {list(patch_size)}"
            raise ValueError(mismatch("cells", got=self.cells, expected=expected))

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        bend = transforms.RandGridDistortiond(
            BOTH,
            num_cells=self.cells,
            prob=self.prob,
            distort_limit=self.limit,
            mode=INTERPOLATION,
            padding_mode="reflection",
        )
        return [bend]


class RandSimulateLowResolution(_RandomTransform):
    """Reduces the image by a factor from ``zoom`` and enlarges it again."""

    name: Literal["RandSimulateLowResolution"]
    prob: Probability = 0.2
    zoom: ReductionBounds = (0.5, 1.0)

    def check(self, patch_size: tuple[int, ...]) -> None:
        """Checks that at least one voxel of the patch remains."""
        _check_zoom(self.zoom, patch_size)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        mode = _linear(dimensions)
        return [transforms.RandSimulateLowResolutiond(IMAGE, prob=self.prob, upsample_mode=mode, zoom_range=self.zoom)]


class RandGaussianNoise(_RandomTransform):
    """Adds noise with a standard deviation of up to ``std``."""

    name: Literal["RandGaussianNoise"]
    prob: Probability = 0.3
    std: NonNegative = 0.1

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        return [transforms.RandGaussianNoised(IMAGE, prob=self.prob, std=self.std)]


class RandGaussianSmooth(_RandomTransform):
    """Blurs with a ``sigma`` from the given range, in voxels."""

    name: Literal["RandGaussianSmooth"]
    prob: Probability = 0.2
    sigma: VoxelBounds = (0.25, 1.0)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        sigmas = {"sigma_x": self.sigma, "sigma_y": self.sigma, "sigma_z": self.sigma}
        return [transforms.RandGaussianSmoothd(IMAGE, prob=self.prob, **sigmas)]


class RandScaleIntensity(_RandomTransform):
    """Multiplies the intensities by ``1 + f`` with f from ``factors``."""

    name: Literal["RandScaleIntensity"]
    prob: Probability = 0.3
    factors: Bounds = (-0.2, 0.2)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        return [transforms.RandScaleIntensityd(IMAGE, prob=self.prob, factors=self.factors)]


class RandShiftIntensity(_RandomTransform):
    """Adds an offset from ``offsets``."""

    name: Literal["RandShiftIntensity"]
    prob: Probability = 0.3
    offsets: Bounds = (-0.2, 0.2)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        return [transforms.RandShiftIntensityd(IMAGE, prob=self.prob, offsets=self.offsets)]


class RandAdjustContrast(_RandomTransform):
    """Scales the intensities to [0, 1], raises them to a power from ``gamma`` and scales them back."""

    name: Literal["RandAdjustContrast"]
    prob: Probability = 0.3
    gamma: FactorBounds = (0.7, 1.5)

    def build(self, dimensions: int) -> list[Any]:
        """Builds MONAI's transforms for patches of 2 or 3 dimensions."""
        from monai import transforms

        return [transforms.RandAdjustContrastd(IMAGE, prob=self.prob, gamma=self.gamma)]


class RandBreakVessels(_RandomTransform):
    """Fills short gaps in thin structures of the image; the label stays whole, so that the network learns to connect.

    ``breaks`` is the number of gaps, ``length`` their length in voxels, ``max_radius`` the largest radius in voxels of
    a structure that may be broken.
    """

    name: Literal["RandBreakVessels"]
    prob: Probability = 0.3
    breaks: CountBounds = (1, 8)
    length: VoxelBounds = (3.0, 10.0)
    max_radius: Annotated[float, Field(ge=1, le=1000)] = 4.0

    def build(self, dimensions: int) -> list[Any]:
        """Builds the transform, for patches of 2 or 3 dimensions."""
        from segtopo.phantoms.rand_break_vessels import RandBreakVesselsd

        return [RandBreakVesselsd(IMAGE, LABEL, self.prob, self.breaks, self.length, self.max_radius)]


Transform = Annotated[
    RandFlip
    | RandRotate90
    | RandAffine
    | RandZoom
    | RandGridDistortion
    | RandSimulateLowResolution
    | RandGaussianNoise
    | RandGaussianSmooth
    | RandScaleIntensity
    | RandShiftIntensity
    | RandAdjustContrast
    | RandBreakVessels,
    Field(discriminator="name"),
]


def build_transforms(configs: Sequence[Transform], dimensions: int) -> Compose:
    """Builds all transforms of a config as one, to be seeded with ``set_random_state``."""
    from monai.transforms import Compose

    return Compose([transform for config in configs for transform in config.build(dimensions)])
