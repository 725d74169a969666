"""The random transforms a config can list, each a thin typed front of MONAI's dictionary transform of that name.

They see the cropped, normalised patch. Angles are in degrees, translations in voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import radians
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from segtopo.config.section import Bounds, NonNegative, NonNegativeInt, PositiveBounds, Probability, Section

if TYPE_CHECKING:
    from monai.transforms import Compose

IMAGE, LABEL = "image", "label"
BOTH = (IMAGE, LABEL)
#: Images are interpolated linearly, labels keep their values.
INTERPOLATION = ("bilinear", "nearest")


class RandFlip(Section):
    """Mirrors along each of ``axes`` (default: all), each with probability ``prob``."""

    name: Literal["RandFlip"]
    prob: Probability = 0.5
    axes: tuple[NonNegativeInt, ...] | None = None

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        axes = range(dimensions) if self.axes is None else self.axes
        return [transforms.RandFlipd(BOTH, prob=self.prob, spatial_axis=axis) for axis in axes]


class RandRotate90(Section):
    """Turns by a multiple of 90 degrees in the plane of ``axes``, along which the patch must be square."""

    name: Literal["RandRotate90"]
    prob: Probability = 0.5
    axes: tuple[NonNegativeInt, NonNegativeInt] = (0, 1)

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        return [transforms.RandRotate90d(BOTH, prob=self.prob, spatial_axes=self.axes)]


class RandAffine(Section):
    """Turns by up to ``rotate`` degrees, zooms by ``scale`` and moves by up to ``translate`` voxels."""

    name: Literal["RandAffine"]
    prob: Probability = 0.3
    rotate: NonNegative = 15.0
    scale: PositiveBounds = (0.9, 1.1)
    translate: NonNegative = 0.0

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
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


class RandZoom(Section):
    """Zooms by a factor from ``zoom``; the patch keeps its size."""

    name: Literal["RandZoom"]
    prob: Probability = 0.3
    zoom: PositiveBounds = (0.9, 1.1)

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        low, high = self.zoom
        modes = ("bilinear" if dimensions == 2 else "trilinear", "nearest")
        return [transforms.RandZoomd(BOTH, prob=self.prob, min_zoom=low, max_zoom=high, mode=modes)]


class RandGaussianNoise(Section):
    """Adds noise with a standard deviation of up to ``std``."""

    name: Literal["RandGaussianNoise"]
    prob: Probability = 0.3
    std: NonNegative = 0.1

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        return [transforms.RandGaussianNoised(IMAGE, prob=self.prob, std=self.std)]


class RandGaussianSmooth(Section):
    """Blurs with a ``sigma`` from the given range, in voxels."""

    name: Literal["RandGaussianSmooth"]
    prob: Probability = 0.2
    sigma: Bounds = (0.25, 1.0)

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        sigmas = {"sigma_x": self.sigma, "sigma_y": self.sigma, "sigma_z": self.sigma}
        return [transforms.RandGaussianSmoothd(IMAGE, prob=self.prob, **sigmas)]


class RandScaleIntensity(Section):
    """Multiplies the intensities by ``1 + f`` with f from ``factors``."""

    name: Literal["RandScaleIntensity"]
    prob: Probability = 0.3
    factors: Bounds = (-0.2, 0.2)

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        return [transforms.RandScaleIntensityd(IMAGE, prob=self.prob, factors=self.factors)]


class RandShiftIntensity(Section):
    """Adds an offset from ``offsets``."""

    name: Literal["RandShiftIntensity"]
    prob: Probability = 0.3
    offsets: Bounds = (-0.2, 0.2)

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        return [transforms.RandShiftIntensityd(IMAGE, prob=self.prob, offsets=self.offsets)]


class RandAdjustContrast(Section):
    """Raises the intensities, scaled to [0, 1] and back, to a power from ``gamma``."""

    name: Literal["RandAdjustContrast"]
    prob: Probability = 0.3
    gamma: PositiveBounds = (0.7, 1.5)

    def build(self, dimensions: int) -> list[Any]:
        """MONAI's transforms."""
        from monai import transforms

        return [transforms.RandAdjustContrastd(IMAGE, prob=self.prob, gamma=self.gamma)]


Transform = Annotated[
    RandFlip
    | RandRotate90
    | RandAffine
    | RandZoom
    | RandGaussianNoise
    | RandGaussianSmooth
    | RandScaleIntensity
    | RandShiftIntensity
    | RandAdjustContrast,
    Field(discriminator="name"),
]


def build_transforms(configs: Sequence[Transform], dimensions: int) -> Compose:
    """All transforms of a config as one, to be seeded with ``set_random_state``."""
    from monai.transforms import Compose

    return Compose([transform for config in configs for transform in config.build(dimensions)])
