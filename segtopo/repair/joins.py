"""Paths that join the pieces of a mask: along them the smallest probability is as large as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from segtopo import _native
from segtopo.masks.components import Mask
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import Indices
from segtopo.persistence.cubical import voxels_at
from segtopo.persistence.inputs import thread_count

Probability = npt.NDArray[np.floating[Any]]

LARGEST_RADIUS = 10  # in voxels; the width of an end is measured in a box of this half-length


@dataclass(frozen=True, eq=False)
class Join:
    """The voxels to add to a mask so that two of its pieces become one.

    Attributes:
        saddle: Linear index of the least probable voxel of the path.
        voxels: Linear indices of the voxels outside of the mask: the path, then its sides.
    """

    saddle: int
    voxels: Indices


def find_joins(
    probability: Probability,
    threshold: float,
    connect_above: float,
    construction: Construction,
    spacing: tuple[float, ...],
    num_threads: int | None = None,
) -> list[Join]:
    """Finds the joins of the pieces of ``probability > threshold``, the most probable first.

    A path between two pieces is a minimax path: on no other path is the smallest probability larger. It consists of
    the steepest ascents from the saddle, the death voxel of a bar of dimension 0, to both pieces. It has the width of
    the thinner end. Its sides are added where they change no topology, so they touch no third piece.

    Args:
        probability: 2D or 3D array of float32 or float64. Nothing is added where it is below 0.
        threshold: Above it is the mask.
        connect_above: The smallest probability on a path.
        construction: ``"T"`` or ``"V"``.
        spacing: Size of a voxel along each axis.
        num_threads: Threads to use; by default the number of CPUs.
    """
    saddles, _, starts, voxels = _native.joining_paths(
        np.ascontiguousarray(probability),
        superlevel=True,
        top_cells=construction == "T",
        mask_value=float(np.nextafter(probability.dtype.type(threshold), probability.dtype.type(np.inf))),
        last_value=connect_above,
        num_threads=thread_count(num_threads),
    )
    before = probability > threshold
    mask = before.copy()
    paths = np.split(voxels, starts[1:-1]) if len(saddles) else []
    joins = []
    for saddle, path in zip(saddles.tolist(), paths, strict=True):
        radius = min(_radius(before, int(end), spacing) for end in (path[0], path[-1]))
        mask.flat[path] = True
        candidates = _near(path[1:-1], mask.shape, radius, spacing)
        sides = _add_simple_voxels(mask, candidates[probability.flat[candidates] >= 0], construction)
        joins.append(Join(saddle, np.concatenate([path[1:-1], sides])))
    return joins


def _radius(mask: Mask, voxel: int, spacing: tuple[float, ...]) -> float:
    """Returns the distance of the nearby centreline to the surface, for a voxel at the surface of a mask."""
    position = voxels_at(np.array([voxel]), mask.shape)[0]
    first = np.maximum(position - LARGEST_RADIUS, 0)
    box = tuple(slice(int(a), int(x) + LARGEST_RADIUS + 1) for a, x in zip(first, position, strict=True))
    distance = distance_transform_edt(mask[box], sampling=spacing)
    place, step = tuple(position - first), min(spacing)
    while True:
        around = tuple(slice(max(x - 1, 0), x + 2) for x in place)
        best = np.unravel_index(np.argmax(distance[around]), distance[around].shape)
        higher = tuple(int(b) + s.start for b, s in zip(best, around, strict=True))
        # The distance rises by a step towards the centreline, and slowly along it.
        if distance[higher] - distance[place] < 0.4 * step:
            return float(distance[place])
        place = higher


def _near(path: Indices, shape: tuple[int, ...], radius: float, spacing: tuple[float, ...]) -> Indices:
    """Returns the voxels nearer to a path than ``radius``, the nearest first; some appear several times."""
    reach = [int(radius / s) for s in spacing]
    offsets = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, len(shape))
    distances = np.sqrt(((offsets * spacing) ** 2).sum(axis=1))
    near = (distances < radius) & (distances > 0)
    places = voxels_at(path, shape)[:, None] + offsets[near]
    inside = ((places >= 0) & (places < shape)).all(axis=2)
    candidates = np.ravel_multi_index(tuple(places[inside].T), shape)
    order = np.argsort(np.broadcast_to(distances[near], inside.shape)[inside], kind="stable")
    nearest_first: Indices = candidates[order].astype(np.int64)
    return nearest_first


def _add_simple_voxels(mask: Mask, candidates: Indices, construction: Construction) -> Indices:
    """Adds voxels to the mask where they change no topology, in their order, and returns those added."""
    added = np.zeros(len(candidates), np.uint8)
    _native.add_simple_voxels(mask.view(np.uint8), candidates, added, top_cells=construction == "T")
    simple: Indices = candidates[added.astype(bool)]
    return simple
