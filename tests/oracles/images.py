"""Images to compute the persistence of: hostile small ones, realistic large ones, known diagrams."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import ndimage

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def random_shape(rng: np.random.Generator, ndim: int) -> tuple[int, ...]:
    """Axes of different lengths; one time in three some axis is one voxel wide."""
    longest = 9 if ndim == 2 else 6
    shape = rng.choice(np.arange(2, longest + 1), size=ndim, replace=False)
    if rng.random() < 1 / 3:
        shape[rng.integers(ndim)] = 1
    return tuple(int(n) for n in shape)


def _integers(dtype: type, low: int, high: int) -> Draw:
    return lambda rng, shape: rng.integers(low, high, shape).astype(dtype)


def _normal(dtype: type) -> Draw:
    return lambda rng, shape: rng.normal(size=shape).astype(dtype)


def _constant(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, rng.normal())


def _distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.permutation(math.prod(shape)).reshape(shape).astype(np.float64)


def _signed_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice([-1.0, -0.0, 0.0, 1.0], shape)


def _infinities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice([-np.inf, -1.0, 0.0, 1.0, np.inf], shape)


def _extremes_of_float32(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    limits = np.finfo(np.float32)
    return rng.choice(np.array([limits.min, -limits.tiny, 0, limits.smallest_subnormal, limits.max], np.float32), shape)


def _extremes_of_int64(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice(np.array([-(2**53), -(2**53) + 1, -1, 0, 1, 2**53 - 1, 2**53], np.int64), shape)


def _fortran(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.asfortranarray(rng.normal(size=shape))


def _strided(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 5, [2 * n + 1 for n in shape])[tuple(slice(1, None, 2) for _ in shape)]


def _reversed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 5, shape).astype(np.float32)[tuple(slice(None, None, -1) for _ in shape)]


def _broadcast(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(rng.normal(size=shape[-1]), shape)


def _byte_swapped(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape).astype(np.dtype(np.float32).newbyteorder())


def _probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return vessel_map(shape, seed=int(rng.integers(2**31)), radius=1.0)


FINITE_KINDS: dict[str, Draw] = {
    "float64": _normal(np.float64),
    "float32": _normal(np.float32),
    "float16": _normal(np.float16),
    "distinct": _distinct,
    "binary": _integers(np.float32, 0, 2),
    "bool": _integers(bool, 0, 2),
    "constant": _constant,
    "int8": _integers(np.int8, -128, 128),
    "int16": _integers(np.int16, -2, 3),
    "int32": _integers(np.int32, -3, 4),
    "int64": _integers(np.int64, -3, 4),
    "uint8": _integers(np.uint8, 0, 4),
    "uint16": _integers(np.uint16, 65530, 65536),
    "uint32": _integers(np.uint32, 2**32 - 4, 2**32),
    "uint64": _integers(np.uint64, 0, 6),
    "large int64": _extremes_of_int64,
    "extreme float32": _extremes_of_float32,
    "signed zeros": _signed_zeros,
    "fortran": _fortran,
    "strided": _strided,
    "reversed": _reversed,
    "broadcast": _broadcast,
    "byte-swapped": _byte_swapped,
    "probabilities": _probabilities,
}
KINDS: dict[str, Draw] = {**FINITE_KINDS, "infinities": _infinities}


def vessel_distance(shape: tuple[int, ...], seed: int, branches: int = 6) -> np.ndarray:
    """Distance of every voxel to the centrelines of a few wandering vessels."""
    rng = np.random.default_rng(seed)
    away = np.ones(shape, bool)
    for _ in range(branches):
        position, heading = rng.uniform(0, shape), rng.normal(size=len(shape))
        for _ in range(2 * max(shape)):
            away[tuple(np.clip(position.astype(int), 0, np.array(shape) - 1))] = False
            heading = heading + 0.3 * rng.normal(size=len(shape))
            position = np.clip(position + heading / np.linalg.norm(heading), 0, np.array(shape) - 0.01)
    return ndimage.distance_transform_edt(away)


def vessel_mask(shape: tuple[int, ...], seed: int, radius: float = 3.0) -> np.ndarray:
    return vessel_distance(shape, seed) <= radius


def vessel_map(shape: tuple[int, ...], seed: int, radius: float = 3.0) -> np.ndarray:
    """What a network says about vessels: near 1 inside, near 0 outside, uncertain between."""
    rng = np.random.default_rng(seed)
    logits = 2 * (radius - vessel_distance(shape, seed)) + ndimage.gaussian_filter(4 * rng.normal(size=shape), 1)
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def smooth_noise(shape: tuple[int, ...], seed: int, sigma: float = 2.0) -> np.ndarray:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)


def gyroid(shape: tuple[int, ...], levels: int = 8) -> np.ndarray:
    """A periodic surface rounded to a few levels: many handles, many ties."""
    phases = [0.45 * axis for axis in np.indices(shape)]
    waves = sum(np.sin(a) * np.cos(b) for a, b in zip(phases, phases[1:] + phases[:1], strict=True))
    return np.round(levels * waves).astype(np.int16)


class KnownImage(NamedTuple):
    """An image and its (birth, death) pairs per dimension, the same under V and T."""

    name: str
    image: np.ndarray
    filtration: str
    diagrams: list[list[tuple[float, float]]]


def _box(shape: tuple[int, ...], *layers: tuple[tuple[slice, ...], float]) -> np.ndarray:
    image = np.zeros(shape)
    for where, value in layers:
        image[where] = value
    return image


def _known_images() -> list[KnownImage]:
    hills = _box((5, 11), (np.s_[1:4, 1:10], 1), (np.s_[1:4, 1:4], 3), (np.s_[1:4, 7:10], 2))
    rings = _box(
        (14, 16),
        *((np.s_[1:13, 1:13], 3), (np.s_[3:11, 3:11], 2), (np.s_[4:10, 4:10], 4), (np.s_[6:8, 6:8], 1)),
    )
    shell = _box((6, 7, 8), (np.s_[1:5, 1:6, 1:7], 5), (np.s_[2:4, 2:5, 2:6], 1), (np.s_[2:4, 2:5, 2:3], 2))
    gate = _box((5, 7, 9), (np.s_[1:4, 1:6, 1:8], 5), (np.s_[:, 3, 3:5], 0), (np.s_[2, 3, 3:5], 2))
    infinity = math.inf
    return [
        KnownImage("two hills and a pass", hills, "superlevel", [[(2, 1), (3, -infinity)], []]),
        KnownImage("two pits and a pass", -hills, "sublevel", [[(-3, infinity), (-2, -1)], []]),
        KnownImage("two rings", rings, "superlevel", [[(3, 2), (4, -infinity)], [(3, 2), (4, 1)]]),
        KnownImage("two rings, dark first", rings, "sublevel", [[(0, infinity), (1, 4), (2, 3)], [(0, 4), (2, 3)]]),
        KnownImage("cavity in two steps", shell, "superlevel", [[(5, -infinity)], [], [(5, 1)]]),
        KnownImage("a gate walled up", gate, "superlevel", [[(5, -infinity)], [(5, 2)], []]),
    ]


KNOWN_IMAGES = _known_images()
