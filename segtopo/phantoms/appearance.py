"""Simulation of an image from a mask: partial volume, blur, clutter, bias field, noise and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import FULL_CONNECTIVITY, Mask, label_components

Image = npt.NDArray[np.float32]
Seed: TypeAlias = "int | Sequence[int]"


@dataclass(frozen=True)
class Appearance:
    """Intensities and sizes of a simulated image with values in [0, 1]. Every attribute is at least 0.

    Attributes:
        background: Intensity around the vessels.
        contrast: Difference between the intensity of a thick vessel and the background.
        blur: Standard deviation of the point spread function in mm. It causes the partial volume at the walls and makes
            thin branches fainter than thick ones.
        noise: Standard deviation of the Gaussian noise.
        bias: Amplitude of the smooth bias field, relative to the intensity.
        texture: Standard deviation of the smooth variation of the background.
        clutter: Largest intensity of faint curved structures that are not vessels, above the background.
        gap_size: Radius in mm of the gaps, in which a branch loses its contrast.
        gap_depth: Fraction of the contrast that is lost in a gap, from 0 to 1.

    Raises:
        InputError: An attribute is out of range.

    Example:
        >>> Appearance(noise=0.02, gap_depth=1.0).contrast
        0.35
        >>> Appearance(noise=-1)
        Traceback (most recent call last):
        segtopo.errors.InputError: noise: got -1, expected a finite number >= 0
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
                raise InputError(mismatch(name, got=value, expected="a finite number >= 0"))
        if self.gap_depth > 1:
            raise InputError(mismatch("gap_depth", got=self.gap_depth, expected="a number from 0 to 1"))


def simulate_intensities(
    mask: npt.NDArray[Any],
    *,
    spacing: Sequence[float] | None = None,
    gap_density: float = 20.0,
    appearance: Appearance | None = None,
    seed: Seed = 0,
) -> Image:
    """Simulates an image of the vessels in a mask, with blur, clutter, bias field, noise and gaps.

    A gap is a ball in which a branch loses its contrast and that cuts the branch in two, so a segmentation of the image
    is likely to break there. The mask has no gap.

    Args:
        mask: 2D or 3D mask; voxels other than 0 are foreground.
        spacing: Voxel size in mm along each axis; by default 1.
        gap_density: Number of gaps per 10,000 voxels of thin branches, which are at most as thick as a gap; at least 0.
        appearance: Intensities and sizes.
        seed: Seed of the random generator, at least 0. The same seed gives the same image.

    Returns:
        float32 image of the shape of the mask, with values in [0, 1].

    Raises:
        InputError: ``gap_density`` is negative, or ``spacing`` does not have one positive number for each axis.

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
        raise InputError(mismatch("spacing", got=spacing, expected=f"{mask.ndim} positive lengths in mm"))
    if not gap_density >= 0:
        raise InputError(mismatch("gap_density", got=gap_density, expected="a number >= 0"))
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
    """Returns the linear indices of the foreground voxels in branches of at most a given radius.

    Such a voxel is surrounded by little foreground.

    Args:
        mask: 2D or 3D boolean mask.
        radius: Largest radius of a thin branch, in mm.
        spacing: Voxel size in mm along each axis.
    """
    from scipy.ndimage import uniform_filter

    # In a box of side 4 r, a straight tube of radius r fills a half in 2D and pi / 16 in 3D.
    side = 2 * np.ceil(2 * radius / np.asarray(spacing)).astype(int) + 1
    filled = uniform_filter(mask.astype(np.float32), side, mode="constant")
    return np.flatnonzero(mask & (filled <= 0.5 ** (mask.ndim - 1)))


def _darken_gaps(
    vessels: Image, mask: Mask, density: float, *, mm: Any, look: Appearance, rng: np.random.Generator
) -> None:
    """Reduces the contrast in balls that each cut a branch in two. It changes ``vessels`` in place."""
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
    """Returns the box around a ball, and the distance in mm of each voxel of the box from the centre."""
    reach = np.ceil(radius / mm).astype(int)
    window = tuple(
        slice(max(int(c - r), 0), min(int(c + r) + 1, n)) for c, r, n in zip(centre, reach, shape, strict=True)
    )
    axes = [(np.arange(s.start, s.stop) - c) * step for s, c, step in zip(window, centre, mm, strict=True)]
    return window, np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))


def _cuts_a_branch(mask: Mask, outside: Mask, distance: npt.NDArray[Any]) -> bool:
    """Returns whether the branch at the centre of a box is in several pieces outside the ball."""
    connectivity = FULL_CONNECTIVITY[mask.ndim]
    labels, _ = label_components(mask, connectivity)
    branch = labels == labels[np.unravel_index(int(distance.argmin()), mask.shape)]
    return label_components(branch & outside, connectivity)[1] >= 2


def _smooth_noise(shape: tuple[int, ...], sigma: Any, rng: np.random.Generator) -> Image:
    """Samples a Gaussian random field of unit variance with a correlation length of about ``sigma`` voxels."""
    from scipy.ndimage import gaussian_filter

    field: Image = gaussian_filter(rng.standard_normal(shape, np.float32), sigma, mode="wrap")
    return field / max(float(field.std()), 1e-12)


def _curved_structures(shape: tuple[int, ...], mm: Any, rng: np.random.Generator, length: float = 7.0) -> Image:
    """Simulates winding lines: the common zeros of ndim - 1 smooth random fields where another field is positive."""
    squares = sum(_smooth_noise(shape, length / mm, rng) ** 2 for _ in range(len(shape) - 1))
    # A field with this correlation length changes by about 1 / length per mm, so the lines are about 1 mm thick.
    lines: Image = np.exp(-0.5 * squares * length**2).astype(np.float32)
    lines *= np.clip(_smooth_noise(shape, length / mm, rng), 0, 1)
    return lines


def _apply_bias_field(image: Image, depth: float, rng: np.random.Generator) -> None:
    """Multiplies an image in place by a slow wave along each axis, which needs no other array of its size."""
    for axis, size in enumerate(image.shape):
        t = np.linspace(0, 1, size, dtype=np.float32)
        wave = np.cos(np.pi * (rng.uniform(0.5, 1.5) * t + rng.uniform(0, 2))) * depth / image.ndim
        image *= (1 + wave).astype(np.float32).reshape([-1 if other == axis else 1 for other in range(image.ndim)])
