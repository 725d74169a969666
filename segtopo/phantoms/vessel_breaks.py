"""Breaks of thin structures in images: short gaps that look like the background around the structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import FULL_CONNECTIVITY, Mask, label_components

Image: TypeAlias = npt.NDArray[np.float32]
Vectors: TypeAlias = npt.NDArray[np.float64]

#: Width in voxels of the border in which a gap fades into the image.
FADE = 2.0
#: A point spread function makes a structure about this many voxels thicker than its label.
BLUR = 1.5
#: The grain of a gap is copied from one of this many random places.
GRAIN_PLACES = 8


@dataclass(frozen=True)
class Gap:
    """The shape of a gap.

    Attributes:
        length: Length along the structure in voxels.
        width: Width as a multiple of the width of the structure.
        depth: Fraction of the contrast that is lost, from 0 to 1.
        max_radius: Largest radius in voxels of a structure that may be broken.
    """

    length: float
    width: float
    depth: float
    max_radius: float

    @property
    def reach(self) -> int:
        """Half the side of the window in which the background around the gap is measured."""
        return int(np.ceil(self.length / 2 + 3 * self.max_radius + BLUR + FADE))


def break_structure(
    image: Image, labels: npt.NDArray[Any], skeleton: Mask, voxel: npt.NDArray[np.int64], gap: Gap, rng: Any
) -> bool:
    """Fills a gap in one structure with the background around it, in place.

    Nothing is done where the structure is thicker than ``gap.max_radius`` or does not go on at both sides of the gap:
    the gap would not break it but make it shorter.

    Args:
        image: Channels (C, H, W) or (C, H, W, D) of any scale.
        labels: (H, W) or (H, W, D); 0 is the background.
        skeleton: The skeleton of the voxels that have the label of ``voxel``.
        voxel: A voxel of the skeleton, the centre of the gap.
        gap: The shape of the gap.
        rng: A ``numpy.random.RandomState`` for the grain of the background.

    Returns:
        Whether the structure was broken.
    """
    from scipy.ndimage import binary_dilation

    window = tuple(slice(max(c - gap.reach, 0), c + gap.reach + 1) for c in voxel.tolist())
    centre = tuple(c - part.start for c, part in zip(voxel.tolist(), window, strict=True))
    structure = labels[window] == labels[tuple(voxel)]
    background = _surroundings(labels[window], ~binary_dilation(structure, iterations=2))
    if not background.any():
        return False
    offsets = np.moveaxis(np.indices(structure.shape), 0, -1) - np.array(centre)
    radius = float(np.linalg.norm(offsets[~structure], axis=1).min())
    direction = _direction_through(structure, skeleton[window], centre, gap, radius)
    if radius > gap.max_radius or direction is None:
        return False
    along = np.abs(offsets @ direction)
    across = np.sqrt(np.maximum((offsets**2).sum(axis=-1) - along**2, 0))
    weight = gap.depth * _fading(along, gap.length / 2) * _fading(across, gap.width * radius + BLUR)
    shift = _grain_shift(background, weight > 0, rng)
    box = (slice(None), *window)
    pieces = [_background(piece, background, shift, radius + BLUR, rng) for piece in image[box]]
    image[box] += weight.astype(np.float32) * (np.stack(pieces) - image[box])
    return True


def _direction_through(
    structure: Mask, skeleton: Mask, centre: tuple[int, ...], gap: Gap, radius: float
) -> Vectors | None:
    """Returns the direction of a structure at a point; None if it does not go on at both sides of the gap."""
    labels, _ = label_components(structure, FULL_CONNECTIVITY[structure.ndim])
    points = np.argwhere(skeleton & (labels == labels[centre])) - np.array(centre)
    near = points[np.linalg.norm(points, axis=1) <= max(gap.length / 2, radius)]
    direction: Vectors = np.linalg.eigh(near.T @ near)[1][:, -1]
    positions, beyond = points @ direction, gap.length / 2 + FADE
    return direction if positions.min() < -beyond and positions.max() > beyond else None


def _fading(distance: Vectors, edge: float) -> Vectors:
    """Returns 1 inside the edge, 0 outside of it, and a smooth step of the width ``FADE`` around it."""
    t = np.clip((edge - distance) / FADE + 0.5, 0, 1)
    smooth: Vectors = t * t * (3 - 2 * t)
    return smooth


def _surroundings(labels: npt.NDArray[Any], outside: Mask) -> Mask:
    """Returns the voxels of the most frequent label outside of a structure, as the liver around its vessels."""
    values, counts = np.unique(labels[outside], return_counts=True)
    if not len(values):
        return outside
    surroundings: Mask = outside & (labels == values[counts.argmax()])
    return surroundings


def _grain_shift(background: Mask, gap: Mask, rng: Any) -> tuple[int, ...]:
    """Returns the one of some random shifts that brings the most background into the gap."""
    shifts = [tuple(rng.randint(0, size) for size in background.shape) for _ in range(GRAIN_PLACES)]
    axes = tuple(range(background.ndim))
    return max(shifts, key=lambda shift: int(np.roll(background, shift, axes)[gap].sum()))


def _background(piece: Image, background: Mask, shift: tuple[int, ...], sigma: float, rng: Any) -> Image:
    """Returns a window with smooth background everywhere, and the grain of the background from another place."""
    from scipy.ndimage import gaussian_filter

    known = gaussian_filter(background.astype(np.float32), sigma)
    median = np.float32(np.median(piece[background]))  # far from any background
    smooth = median + gaussian_filter((piece - median) * background, sigma) / np.maximum(known, 1e-3)
    grain = piece - smooth
    hidden = ~background
    grain[hidden] = rng.choice(grain[background], int(hidden.sum()))
    filled: Image = smooth + np.roll(grain, shift, tuple(range(piece.ndim)))
    return filled
