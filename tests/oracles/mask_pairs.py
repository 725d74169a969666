"""Pairs of masks for scores: random ones, and the hostile ones by name."""

from __future__ import annotations

import numpy as np


def random_pair(seed: int, ndim: int, longest: int = 9) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Two overlapping masks with voxels, with axes of different lengths, some one voxel wide, and a spacing."""
    rng = np.random.default_rng([seed, ndim])
    shape = rng.choice(np.arange(2, longest + 1), size=ndim, replace=False)
    if rng.random() < 0.3:
        shape[rng.integers(ndim)] = 1
    reference = rng.random(shape) < rng.uniform(0.2, 0.9)
    prediction = reference ^ (rng.random(shape) < rng.uniform(0.05, 0.5))
    for mask in (prediction, reference):
        mask[tuple(rng.integers(shape))] = True
    return prediction, reference, tuple(rng.choice([0.4, 0.7, 1.0, 2.5], ndim).tolist())


def hostile_pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs of masks with voxels."""
    full, blob = np.ones((4, 7), bool), np.zeros((4, 7), bool)
    blob[1:3, 2:5] = True
    voxel, corner = np.zeros((3, 4, 6), bool), np.zeros((3, 4, 6), bool)
    voxel[1, 2, 3] = corner[0, 0, 0] = True
    row = np.zeros((1, 11), bool)
    row[0, 2:8] = True
    return {
        "full and full": (full, full),
        "blob and full": (blob, full),
        "full and blob": (full, blob),
        "at the border": (np.roll(blob, 2, 1), np.roll(blob, -1, 0)),
        "two single voxels": (voxel, corner),
        "the same single voxel": (voxel, voxel),
        "a single voxel in a full volume": (voxel, np.ones_like(voxel)),
        "a row": (row, np.roll(row, 2, 1)),
        "a row in a volume": (row[None], np.roll(row, -2, 1)[None]),
        "no overlap": (np.eye(5, 8, dtype=bool), np.eye(5, 8, k=3, dtype=bool)),
    }
