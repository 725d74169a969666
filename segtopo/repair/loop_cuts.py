"""Cuts that open loops: paths through a ring (2D), smallest cuts through a bridge (3D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from segtopo import _native
from segtopo.masks.components import Mask, connectivities, label_components
from segtopo.persistence.barcodes import Indices, cubical_barcodes
from segtopo.persistence.inputs import thread_count
from segtopo.repair.draft import Draft
from segtopo.repair.joins import Probability
from segtopo.repair.regions import Regions
from segtopo.repair.rules import RepairRules

RADII = (12, 8, 5, 3, 2, 1)  # half-lengths in voxels of the boxes in which a bridge is cut, the largest first
LOOPS = 1


@dataclass(frozen=True, eq=False)
class Cut:
    """Voxels whose removal opens a loop.

    Attributes:
        saddle: Linear index of the loop's weakest voxel.
        voxels: Linear indices of the voxels.
        cost: Sum of their probabilities above the threshold.
    """

    saddle: int
    voxels: Indices
    cost: float


def cut_paths(draft: Draft, holes: Regions, rules: RepairRules, num_threads: int | None) -> dict[int, Cut]:
    """Finds, for each hole of a 2D mask, the path through the mask that joins it with another hole or the outside.

    By duality it is a path between components of the background, along which the largest probability is as small as
    it can be. Its saddle is the birth voxel of the loop.
    """
    shape = draft.mask.shape
    padded = np.pad(draft.levels(rules.threshold), 1, constant_values=-1)  # the outside is the eldest component
    saddles, births, starts, voxels = _native.joining_paths(
        padded,
        superlevel=False,
        top_cells=rules.construction == "V",
        mask_value=float(padded.dtype.type(rules.threshold)),
        last_value=1.0,
        num_threads=thread_count(num_threads),
    )
    saddles, births, voxels = (_without_padding(index, shape) for index in (saddles, births, voxels))
    cuts = {}
    for i, hole in enumerate(holes.at(births).tolist()):
        path = voxels[starts[i] + 1 : starts[i + 1] - 1]
        cuts[hole] = Cut(int(saddles[i]), path, _cost(draft, path, rules.threshold))
    return cuts


def cut_weakest_loops(
    draft: Draft, kept: int, rules: RepairRules, failed: set[int], num_threads: int | None
) -> list[Cut]:
    """Finds cuts through all loops of a 3D mask except the ``kept`` with the most probable weakest voxels.

    Loops whose weakest voxel is in ``failed`` are left out.
    """
    levels = draft.levels(rules.threshold)
    last_value = float(levels[draft.mask].min()) if draft.mask.any() else 1.0
    bars = cubical_barcodes(
        levels[None], "superlevel", rules.construction, last_value=last_value, num_threads=num_threads
    )
    is_loop = (bars.dimension == LOOPS) & bars.essential
    saddles = bars.birth_index[is_loop][np.argsort(-bars.births[is_loop], kind="stable")][kept:]
    cuts = (_cut_bridge(draft, levels, saddle, rules) for saddle in saddles.tolist() if saddle not in failed)
    return [cut for cut in cuts if cut is not None]


def _without_padding(index: Indices, shape: tuple[int, ...]) -> Indices:
    """Converts linear indices in a padded image to those in the image; of voxels outside they are meaningless."""
    places = np.stack(np.unravel_index(index, [extent + 2 for extent in shape])) - 1
    unpadded: Indices = np.ravel_multi_index(tuple(places), shape, mode="clip").astype(np.int64)
    return unpadded


def _cost(draft: Draft, voxels: Indices, threshold: float) -> float:
    return float(np.maximum(draft.probability.flat[voxels].astype(np.float64) - threshold, 0).sum())


def _cut_bridge(draft: Draft, levels: Probability, saddle: int, rules: RepairRules) -> Cut | None:
    """Finds the smallest cut between the two sides of a loop's weakest voxel, in the largest box in which they part."""
    shape = draft.mask.shape
    position = np.array(np.unravel_index(saddle, shape))
    for radius in RADII:
        first = np.maximum(position - radius, 0)
        box = tuple(slice(int(a), int(x) + radius + 1) for a, x in zip(first, position, strict=True))
        mask, values = draft.mask[box], levels[box]
        index = np.ravel_multi_index(np.indices(mask.shape) + first.reshape(3, 1, 1, 1), shape)
        # The voxels that enter the filtration before the weakest voxel.
        enters_earlier = mask & ((values > levels.flat[saddle]) | ((values == levels.flat[saddle]) & (index < saddle)))
        sides = _sides(enters_earlier, tuple(position - first), rules)
        if sides is None:
            continue
        capacities = np.maximum(values - rules.threshold, 0)
        cut = _smallest_cut(mask, capacities, *sides, by_corners=rules.construction == "T")
        if cut is not None:
            voxels = index[cut]
            return Cut(saddle, voxels, _cost(draft, voxels, rules.threshold))
    return None


def _sides(earlier: Mask, centre: tuple[int, ...], rules: RepairRules) -> tuple[Mask, Mask] | None:
    """Returns two sets of voxels beside the centre that are not connected with each other in the box."""
    labels, _ = label_components(np.ascontiguousarray(earlier), connectivities(rules.construction, earlier.ndim)[0])
    around = tuple(slice(max(x - 1, 0), x + 2) for x in centre)
    beside = np.zeros_like(earlier)
    beside[around] = earlier[around]
    found = np.unique(labels[beside])
    if len(found) < 2:
        return None
    sizes = [(labels == label).sum() for label in found]
    largest = found[int(np.argmax(sizes))]
    return beside & (labels == largest), beside & (labels != largest)


def _smallest_cut(
    mask: Mask, capacities: npt.NDArray[np.floating[Any]], source: Mask, sink: Mask, *, by_corners: bool
) -> Mask | None:
    """Finds the voxels of a mask of least total capacity whose removal parts two sets of voxels (max-flow min-cut)."""
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(mask.sum())
    count = int(mask.sum())
    # A voxel is an edge of its capacity from its entrance to its exit; the sides cannot be cut.
    largest = 2**20
    through = np.minimum(1 + 1000 * capacities[mask], largest).astype(np.int32)
    through[(source | sink)[mask]] = largest
    starts, ends = _neighbours(number, by_corners)
    s, t = 2 * count, 2 * count + 1
    tail = np.concatenate([2 * np.arange(count), 2 * starts + 1, np.full(source.sum(), s), 2 * number[sink] + 1])
    head = np.concatenate([2 * np.arange(count) + 1, 2 * ends, 2 * number[source], np.full(sink.sum(), t)])
    weight = np.full(len(tail), largest, np.int32)
    weight[:count] = through
    graph = csr_array((weight, (tail, head)), shape=(t + 1, t + 1))
    flow = maximum_flow(graph, s, t)
    if flow.flow_value >= largest:
        return None
    residual = (graph - flow.flow).tocsr()
    residual.data[residual.data < 0] = 0
    residual.eliminate_zeros()
    reached = np.zeros(t + 1, bool)
    reached[breadth_first_order(residual, s, return_predecessors=False)] = True
    cut = np.zeros(mask.shape, bool)
    cut[mask] = reached[: 2 * count : 2] & ~reached[1 : 2 * count : 2]
    return cut


def _neighbours(number: npt.NDArray[np.int64], by_corners: bool) -> tuple[Indices, Indices]:
    """Returns the pairs of numbers of adjacent voxels, both ways; -1 is no voxel."""
    starts, ends = [], []
    extent = number.shape
    for step in np.ndindex(*(3,) * number.ndim):
        shift = np.array(step) - 1
        if not shift.any() or not (by_corners or np.abs(shift).sum() == 1):
            continue
        here = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(shift, extent, strict=True))
        there = tuple(slice(max(s, 0), n - max(-s, 0)) for s, n in zip(shift, extent, strict=True))
        both = (number[here] >= 0) & (number[there] >= 0)
        starts.append(number[here][both])
        ends.append(number[there][both])
    return np.concatenate(starts), np.concatenate(ends)
