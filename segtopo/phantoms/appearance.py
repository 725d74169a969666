"""Simulated intensities for a mask: what a scanner would have made of this anatomy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError
from segtopo.masks.components import FULL_CONNECTIVITY, Mask, label_components

Image = npt.NDArray[np.float32]
Seed: TypeAlias = "int | Sequence[int]"


@dataclass(frozen=True)
class Appearance:
    """How vessels look in a simulated image, whose intensities lie in [0, 1].

    Attributes:
        background: Intensity around the vessels.
        contrast: Intensity of a thick vessel above the background.
        blur: Standard deviation of the point spread function in mm; it gives the partial volume at the walls,
            and makes thin branches fainter than thick ones.
        noise: Standard deviation of the Gaussian noise.
        bias: Relative depth of the smooth bias field.
        texture: Standard deviation of the smooth variation of the background.
        clutter: Intensity of faint curved structures in the background that are no vessels.
        gap_size: Radius in mm of the places where a branch loses its contrast.
        gap_depth: Part of the contrast lost there, from 0 to 1.
    """

    background: float = 0.35
    contrast: float = 0.35
    blur: float = 0.6
    noise: float = 0.08
    bias: float = 0.2
    texture: float = 0.04
    clutter: float = 0.2
    gap_size: float = 2.5
    gap_depth: float = 0.8

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < np.inf:
                raise InputError(f"{name} is {value}; expected a number of at least 0")
        if self.gap_depth > 1:
            raise InputError(f"gap_depth is {self.gap_depth}; expected a number from 0 to 1")


def simulate_intensities(
    mask: npt.NDArray[Any],
    *,
    spacing: Sequence[float] | None = None,
    gap_density: float = 20.0,
    appearance: Appearance | None = None,
    seed: Seed = 0,
) -> Image:
    """Simulates the image of a mask: partial volume, blur, clutter, bias field, noise and faint branches.

    Args:
        mask: 2D or 3D mask, foreground is not zero.
        spacing: Voxel size in mm along each axis; 1 by default.
        gap_density: Gaps per 10,000 voxels of the branches that are at most as thick as a gap. A gap is a
            loss of contrast in a ball that cuts a branch in two, so that a segmentation is likely to break
            there; the mask stays whole.
        appearance: Intensities, noise and sizes.
        seed: Seed of the random generator; the same seed gives the same image.

    Returns:
        float32 image of the mask's shape with values in [0, 1].

    Raises:
        InputError: If ``gap_density`` is negative or the spacing does not fit the mask.

    Example:
        >>> mask = np.zeros((24, 32), bool)
        >>> mask[11:14, 4:28] = True
        >>> image = simulate_intensities(mask, seed=1)
        >>> image.shape, image.dtype, bool(image[mask].mean() > image[~mask].mean() + 0.1)
        ((24, 32), dtype('float32'), True)
    """
    look = Appearance() if appearance is None else appearance
    mm = np.ones(mask.ndim) if spacing is None else np.asarray(spacing, float)
    if mm.shape != (mask.ndim,) or not (mm > 0).all():
        raise InputError(f"spacing is {spacing}; expected {mask.ndim} positive lengths in mm")
    if not gap_density >= 0:
        raise InputError(f"gap_density is {gap_density}; expected a number of at least 0")
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    foreground = mask != 0
    image: Image = gaussian_filter(foreground.astype(np.float32), look.blur / mm)
    _darken_gaps(image, foreground, gap_density, mm=mm, look=look, rng=rng)
    image *= look.contrast
    if look.clutter:
        np.maximum(image, look.clutter * _curved_structures(mask.shape, mm, rng), out=image)
    if look.texture:
        image += look.texture * _smooth_noise(mask.shape, 6.0 / mm, rng)
    image += look.background
    _apply_bias_field(image, look.bias, rng)
    image += look.noise * rng.standard_normal(mask.shape, np.float32)
    return np.clip(image, 0, 1, out=image)


def thin_branches(mask: Mask, radius: float, spacing: Any) -> npt.NDArray[np.intp]:
    """Flat indices of the foreground that little foreground surrounds, as in a branch of this radius."""
    from scipy.ndimage import uniform_filter

    # A straight tube of radius r fills pi / 16 of a box of side 4 r in 3D, and a half in 2D.
    side = 2 * np.ceil(2 * radius / np.asarray(spacing)).astype(int) + 1
    filled = uniform_filter(mask.astype(np.float32), side, mode="constant")
    return np.flatnonzero(mask & (filled <= 0.5 ** (mask.ndim - 1)))


def _darken_gaps(
    vessels: Image, mask: Mask, density: float, *, mm: Any, look: Appearance, rng: np.random.Generator
) -> None:
    """Lowers the contrast in place, in balls that each cut a branch in two."""
    candidates = thin_branches(mask, look.gap_size, mm)
    count = round(density * len(candidates) / 10_000)
    for voxel in rng.permutation(candidates):
        if count == 0:
            return
        window, distance = _ball(mask.shape, np.unravel_index(voxel, mask.shape), mm, 2 * look.gap_size)
        if _cuts_a_branch(mask[window], distance > look.gap_size, distance):
            loss = look.gap_depth * np.exp(-((distance / look.gap_size) ** 4))
            vessels[window] *= (1 - loss).astype(np.float32)
            count -= 1


def _ball(shape: tuple[int, ...], centre: Any, mm: Any, radius: float) -> tuple[tuple[slice, ...], npt.NDArray[Any]]:
    """The window around a voxel and the distance in mm of its voxels from that one."""
    reach = np.ceil(radius / mm).astype(int)
    window = tuple(
        slice(max(int(c - r), 0), min(int(c + r) + 1, n)) for c, r, n in zip(centre, reach, shape, strict=True)
    )
    axes = [(np.arange(s.start, s.stop) - c) * step for s, c, step in zip(window, centre, mm, strict=True)]
    return window, np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))


def _cuts_a_branch(mask: Mask, outside: Mask, distance: npt.NDArray[Any]) -> bool:
    connectivity = FULL_CONNECTIVITY[mask.ndim]
    labels, _ = label_components(mask, connectivity)
    branch = labels == labels[np.unravel_index(int(distance.argmin()), mask.shape)]
    return label_components(branch & outside, connectivity)[1] >= 2


def _smooth_noise(shape: tuple[int, ...], sigma: Any, rng: np.random.Generator) -> Image:
    """Gaussian random field of unit variance with a correlation length of about ``sigma`` voxels."""
    from scipy.ndimage import gaussian_filter

    field: Image = gaussian_filter(rng.standard_normal(shape, np.float32), sigma, mode="wrap")
    return field / max(float(field.std()), 1e-12)


def _curved_structures(shape: tuple[int, ...], mm: Any, rng: np.random.Generator, length: float = 7.0) -> Image:
    """Faint winding lines: where ndim - 1 smooth random fields vanish and one more is positive."""
    squares = sum(_smooth_noise(shape, length / mm, rng) ** 2 for _ in range(len(shape) - 1))
    # A field of this correlation length changes by about 1 / length per mm, so the lines are about 1 mm
    # thick.
    lines: Image = np.exp(-0.5 * squares * length**2).astype(np.float32)
    lines *= np.clip(_smooth_noise(shape, length / mm, rng), 0, 1)
    return lines


def _apply_bias_field(image: Image, depth: float, rng: np.random.Generator) -> None:
    """Multiplies in place by a slow wave along each axis, so that no array of the image's size is needed."""
    for axis, size in enumerate(image.shape):
        t = np.linspace(0, 1, size, dtype=np.float32)
        wave = np.cos(np.pi * (rng.uniform(0.5, 1.5) * t + rng.uniform(0, 2))) * depth / image.ndim
        image *= (1 + wave).astype(np.float32).reshape([-1 if other == axis else 1 for other in range(image.ndim)])
