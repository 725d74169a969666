"""The inputs of the benchmarks: images, masks, point clouds, simplicial complexes and persistence diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
DiagramPoints = npt.NDArray[np.float64]


# Images and masks


def vessel(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Returns a probability map of vessels like that of a network: steep at the walls, smooth noise in the logits."""
    from scipy.ndimage import gaussian_filter

    label = binary(shape, rng)
    noise = gaussian_filter(rng.standard_normal(shape, np.float32), 3)
    logits = 12 * (gaussian_filter(label, 1) - 0.5) + noise / noise.std()
    return 1 / (1 + np.exp(-logits))


def binary(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Returns the label of a vessel phantom, repeated along axes longer than 128 voxels (512 in 2D)."""
    from segtopo.phantoms import vessel_phantom

    size = tuple(min(n, 128 if len(shape) == 3 else 512) for n in shape)
    label = vessel_phantom(size, seed=int(rng.integers(1000)), loops=2).label
    return np.tile(label, [n // m for n, m in zip(shape, size, strict=True)]).astype(np.float32)


def smooth(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Returns white noise, smoothed with a Gaussian of 3 voxels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(rng.standard_normal(shape, np.float32), 3)


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Returns white noise."""
    return rng.random(shape, np.float32)


VOLUMES = {function.__name__: function for function in (vessel, smooth, binary, noise)}


def maps_and_labels(shape: tuple[int, ...], count: int) -> tuple[Image, Image]:
    """Returns probability maps of vessels and their labels, both ``(count, *shape)``."""
    maps = [vessel(shape, np.random.default_rng(seed)) for seed in range(count)]
    labels = [binary(shape, np.random.default_rng(seed)) for seed in range(count)]
    return np.stack(maps), np.stack(labels)


def broken_and_whole(length: int, cuts: int = 200, gap: int = 7) -> tuple[Mask, Mask]:
    """Returns a vessel mask that is shifted by a voxel and cut at random voxels, and the mask itself, both cubes."""
    tiled = (-(-length // 128) * 128,) * 3
    whole = binary(tiled, np.random.default_rng(0))[:length, :length, :length] > 0
    broken = np.roll(whole, 1, axis=0)
    centres = np.random.default_rng(1).choice(np.flatnonzero(whole), cuts)
    for centre in zip(*np.unravel_index(centres, whole.shape), strict=True):
        broken[tuple(slice(max(0, c - gap // 2), c + gap // 2 + 1) for c in centre)] = False
    return broken, np.ascontiguousarray(whole)


# Point clouds


def circle(count: int) -> Array:
    """Returns points on the unit circle with noise."""
    angles = np.random.default_rng(0).random(count) * 2 * np.pi
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) + np.random.default_rng(1).normal(0, 0.05, (count, 2))


def sphere(count: int) -> Array:
    """Returns points on the unit sphere."""
    points = np.random.default_rng(0).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def torus(count: int) -> Array:
    """Returns points on a torus of radii 2 and 1."""
    u, v = np.random.default_rng(0).random((2, count)) * 2 * np.pi
    return np.stack([(2 + np.cos(v)) * np.cos(u), (2 + np.cos(v)) * np.sin(u), np.sin(v)], axis=1)


def cube(count: int) -> Array:
    """Returns points in the unit cube."""
    return np.random.default_rng(0).random((count, 3))


def graph_of_nearest(points: Array, degree: int) -> tuple[Array, Array]:
    """Returns the edges ``(m, 2)`` from each point to its ``degree`` nearest points, and their lengths ``(m,)``."""
    from scipy.spatial import cKDTree

    lengths, nearest = cKDTree(points).query(points, degree + 1)
    ends = np.stack([np.repeat(np.arange(len(points)), degree), nearest[:, 1:].ravel()], axis=1)
    edges, chosen = np.unique(np.sort(ends, axis=1), axis=0, return_index=True)
    return edges, lengths[:, 1:].ravel()[chosen].astype(np.float32)


# Simplicial complexes: one array of simplices for each dimension, and the values of all simplices


def grid_of_noise(side: int) -> tuple[list[Array], Array]:
    """Returns the lower stars of noise on the vertices of a triangulated cube."""
    from segtopo.persistence.simplicial_complex import closure, read_simplices

    noise = np.random.default_rng(0).random(side**3)
    arrays = closure(read_simplices(freudenthal_grid(side)))
    return arrays, np.concatenate([noise[array].max(axis=1) for array in arrays])


def freudenthal_grid(side: int) -> list[Array]:
    """Returns the tetrahedra of a cube with ``side`` vertices along each axis; every voxel is cut into six."""
    number = np.arange(side**3).reshape((side,) * 3)
    tetrahedra = []
    for axes in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        corner = np.zeros(3, dtype=int)
        path = [corner.copy()]
        for axis in axes:
            corner[axis] = 1
            path.append(corner.copy())
        tetrahedra.append([number[tuple(slice(c, side - 1 + c) for c in corner)].ravel() for corner in path])
    return [np.stack(corners, axis=1) for corners in tetrahedra]


def random_flag_complex(vertices: int, density: float) -> tuple[list[Array], Array]:
    """Returns the simplices of a random weighted graph up to dimension 3, with their diameters."""
    import gudhi

    rng = np.random.default_rng(0)
    tree = gudhi.SimplexTree()
    for first, second in zip(*np.triu_indices(vertices, 1), strict=True):
        if rng.random() < density:
            tree.insert([first, second], float(rng.random()))
    for vertex in range(vertices):
        tree.assign_filtration([vertex], 0.0)
    tree.expansion(3)
    return _by_dimension(list(tree.get_filtration()))


def _by_dimension(simplices: Sequence[tuple[list[int], float]]) -> tuple[list[Array], Array]:
    sizes = range(1, max(len(simplex) for simplex, _ in simplices) + 1)
    arrays = [np.array([simplex for simplex, _ in simplices if len(simplex) == size]) for size in sizes]
    return arrays, np.array([value for size in sizes for simplex, value in simplices if len(simplex) == size])


# Persistence diagrams: points (birth, death)


def over_the_triangle(count: int, rng: np.random.Generator) -> DiagramPoints:
    """Returns points uniform over the triangle of birth < death. Nearly all are matched: the hardest case."""
    return np.sort(rng.random((count, 2)), axis=1)


def near_the_diagonal(count: int, rng: np.random.Generator) -> DiagramPoints:
    """Returns points of small persistence."""
    births = rng.random(count)
    return np.stack([births, births + rng.exponential(0.02, count)], axis=1)


def components_of_noise(count: int, rng: np.random.Generator) -> DiagramPoints:
    """Returns the components of an image of white noise, about ``count``."""
    from segtopo.persistence import compute_persistence

    side = round((count / 0.112) ** 0.5)
    pairs = compute_persistence(rng.random((side, side)), filtration="sublevel").of_dimension(0)
    pairs = pairs.select(~pairs.essential)
    return np.stack([pairs.births, pairs.deaths], axis=1)


DIAGRAMS = {
    "over the triangle": over_the_triangle,
    "near the diagonal": near_the_diagonal,
    "components of noise": components_of_noise,
}
