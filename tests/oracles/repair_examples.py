"""Probability maps whose repair is known, and random ones without ties."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oracles.images import smooth_noise, vessel_map
from segtopo.repair import Edit


def ring(hole: float, weakest: float) -> np.ndarray:
    """A ring of 3 x 3 voxels with the weakest voxel at (1, 2)."""
    probability = np.full((5, 5), 0.1)
    probability[1:4, 1:4] = 0.9
    probability[2, 2], probability[1, 2] = hole, weakest
    return probability


def hollow_cube(hole: float) -> np.ndarray:
    probability = np.full((5, 6, 7), 0.1)
    probability[1:4, 1:4, 1:4] = 0.9
    probability[2, 2, 2] = hole
    return probability


def described(edit: Edit) -> tuple[str, int, tuple[int, ...], float, list[list[int]]]:
    return edit.kind, edit.dimension, edit.voxel, edit.probability, sorted(edit.voxels.tolist())


def two_pieces() -> np.ndarray:
    return np.array([[0.9, 0.8, 0.1, 0.3, 0.7], [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.0, 0.0]])


def distinct_map(seed: int, ndim: int) -> np.ndarray:
    """A map without ties, rough or smooth, with pieces and holes."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12 if ndim == 2 else 8, ndim))
    noise = ndimage.gaussian_filter(rng.random(shape), rng.choice([0, 0.6]))
    ranks = np.argsort(np.argsort(noise, axis=None)).reshape(shape)
    return (ranks + 0.5) / ranks.size


def wide_pieces(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Vessels of radius 3 that a smooth noise has broken into pieces."""
    noise = smooth_noise(shape, seed, 1.5)
    keep = 1 / (1 + np.exp(1 - 2 * noise / noise.std()))
    return (vessel_map(shape, seed) * keep).astype(np.float32)
