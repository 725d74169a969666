"""Paths that join the pieces of a mask: along them the smallest probability is as large as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import DisjointSet
from scipy.ndimage import distance_transform_edt

from segtopo import _native
from segtopo.masks.components import Mask, connectivities, label_components
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import Indices
from segtopo.persistence.cubical import voxels_at
from segtopo.persistence.inputs import thread_count
from segtopo.repair.regions import find_pieces

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


@dataclass(frozen=True, eq=False)
class JoiningPath:
    """A path between two pieces of a mask, one voxel wide.

    Attributes:
        saddle: Linear index of its least probable voxel.
        voxels: Linear indices of its voxels, from a voxel of one piece to a voxel of the other.
    """

    saddle: int
    voxels: Indices


def find_joins(
    probability: Probability,
    threshold: float,
    connect_above: float,
    construction: Construction,
    spacing: tuple[float, ...],
    max_path_cost: float | None = None,
    num_threads: int | None = None,
) -> list[Join]:
    """Finds the joins of the pieces of ``probability > threshold``, the most probable first.

    A path between two pieces is a minimax path: on no other path is the smallest probability larger. It consists of
    the steepest ascents from the saddle, the death voxel of a bar of dimension 0, to both pieces. It has the width of
    the thinner end. Its sides are added where they change no topology, so they touch no third piece.

    Args:
        probability: 2D or 3D array of float32 or float64. Voxels below 0 belong to no path.
        threshold: Above it is the mask.
        connect_above: The smallest probability on a path.
        construction: ``"T"`` or ``"V"``.
        spacing: Size of a voxel along each axis.
        max_path_cost: See :class:`~segtopo.repair.RepairRules`.
        num_threads: Threads to use; by default the number of CPUs.
    """
    paths = find_paths(probability, threshold, connect_above, construction, num_threads)
    if max_path_cost is not None:
        paths = affordable(paths, probability, threshold, construction, max_path_cost)
    return widen(paths, probability, threshold, construction, spacing)


def find_paths(
    probability: Probability,
    threshold: float,
    connect_above: float,
    construction: Construction,
    num_threads: int | None = None,
) -> list[JoiningPath]:
    """Finds the paths of :func:`find_joins`."""
    saddles, _, starts, voxels = _native.joining_paths(
        np.ascontiguousarray(probability),
        superlevel=True,
        top_cells=construction == "T",
        mask_value=float(np.nextafter(probability.dtype.type(threshold), probability.dtype.type(np.inf))),
        last_value=connect_above,
        num_threads=thread_count(num_threads),
    )
    paths = np.split(voxels, starts[1:-1]) if len(saddles) else []
    return [JoiningPath(saddle, path) for saddle, path in zip(saddles.tolist(), paths, strict=True)]


def affordable(
    paths: Sequence[JoiningPath],
    probability: Probability,
    threshold: float,
    construction: Construction,
    max_path_cost: float,
) -> list[JoiningPath]:
    """Selects the paths that cost at most ``max_path_cost`` times the weight of the lighter piece that they join.

    A piece that has been joined weighs as much as its parts, less the cost of the paths between them.
    """
    pieces = find_pieces(probability > threshold, construction)
    weights = pieces.sums(np.maximum(probability - threshold, 0)).tolist()
    ends = pieces.at(np.array([[path.voxels[0], path.voxels[-1]] for path in paths], np.int64).reshape(-1, 2))
    clusters, chosen = DisjointSet(range(len(pieces))), []
    for path, (first, last) in zip(paths, ends.tolist(), strict=True):
        one, other = clusters[first], clusters[last]
        cost = float(np.maximum(threshold - probability.flat[path.voxels].astype(np.float64), 0).sum())
        if cost <= max_path_cost * min(weights[one], weights[other]):
            chosen.append(path)
            clusters.merge(one, other)
            weights[clusters[one]] = weights[one] + weights[other] - cost
    return chosen


def widen(
    paths: Sequence[JoiningPath],
    probability: Probability,
    threshold: float,
    construction: Construction,
    spacing: tuple[float, ...],
) -> list[Join]:
    """Widens paths to the width of the thinner end, and returns the voxels to add."""
    before = probability > threshold
    mask = before.copy()
    for path in paths:  # all before the first side: no side closes a loop with a path that comes later
        mask.flat[path.voxels] = True
    joins = []
    for path in paths:
        radius = min(_radius(before, int(end), spacing) for end in (path.voxels[0], path.voxels[-1]))
        inner = path.voxels[1:-1]
        candidates = _near(inner, mask.shape, radius, spacing)
        sides = _add_sides(mask, inner, candidates[probability.flat[candidates] >= 0], construction)
        joins.append(Join(path.saddle, np.concatenate([inner, sides])))
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


def _add_sides(mask: Mask, path: Indices, candidates: Indices, construction: Construction) -> Indices:
    """Adds the candidates to the mask that change no topology, in their order, and returns those added.

    Beside a third piece, adding changes no topology either. Such voxels are no sides of the path.
    """
    added = np.zeros(len(candidates), np.uint8)
    _native.add_simple_voxels(mask.view(np.uint8), candidates, added, top_cells=construction == "T")
    sides = candidates[added.astype(bool)]
    is_beside_path = _are_connected(mask, path, sides, construction)
    mask.flat[sides[~is_beside_path]] = False
    beside: Indices = sides[is_beside_path]
    return beside


def _are_connected(mask: Mask, path: Indices, voxels: Indices, construction: Construction) -> npt.NDArray[np.bool_]:
    """Tells which voxels of a mask are connected with a path in the box around them all."""
    places = voxels_at(np.concatenate([path, voxels]), mask.shape)
    first = np.maximum(places.min(axis=0) - 1, 0)
    box = tuple(slice(int(a), int(b) + 2) for a, b in zip(first, places.max(axis=0), strict=True))
    labels, _ = label_components(np.ascontiguousarray(mask[box]), connectivities(construction, mask.ndim)[0])
    found = labels[tuple((places - first).T)]
    connected: npt.NDArray[np.bool_] = found[len(path) :] == found[0]
    return connected
