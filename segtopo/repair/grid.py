"""The grid of repair rules that a calibration tries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from segtopo.repair.rules import RepairRules

PIECE_SIZES = (0, 20, 50, 100, 200, 400, 800)  # in voxels
HOLE_SIZES = {2: (0, 20, 50), 3: (0, 5, 20)}  # in voxels


@dataclass(frozen=True)
class RuleGrid:
    """The values of rules to try, in all combinations.

    Attributes:
        thresholds: Thresholds of the mask.
        connect_above: Limits of the joins; None tries no joins. Useful saddles reach far down. Of equal results, the
            first limit is chosen: the one with the fewest joins.
        max_path_costs: Limits of the cost of a join; None is no limit.
        min_piece_sizes: Sizes in mm² or mm³; smaller pieces are removed. None: 0 to 800 voxels of the first case.
        min_hole_sizes: Sizes in mm² or mm³; smaller holes are filled. None: 0 to 50 pixels (2D) or 0 to 20 voxels (3D)
            of the first case.
    """

    thresholds: Sequence[float] = (0.5,)
    connect_above: Sequence[float | None] = (None, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0001)
    max_path_costs: Sequence[float | None] = (None, 0.3)
    min_piece_sizes: Sequence[float] | None = None
    min_hole_sizes: Sequence[float] | None = None

    def rules(self, given: RepairRules, voxel_size: float, ndim: int) -> Iterator[RepairRules]:
        """Yields all combinations, each with the other values of the given rules."""
        pieces, holes = self.min_piece_sizes, self.min_hole_sizes
        pieces = [n * voxel_size for n in PIECE_SIZES] if pieces is None else pieces
        holes = [n * voxel_size for n in HOLE_SIZES[ndim]] if holes is None else holes
        sizes = list(product(pieces, holes))
        for threshold, limit, cost in product(self.thresholds, self.connect_above, self.max_path_costs):
            if limit is None and cost != self.max_path_costs[0]:
                continue  # without joins all costs are the same
            level = replace(given, threshold=threshold, connect_above=limit, max_path_cost=cost)
            for piece, hole in sizes:
                yield replace(level, min_piece_size=piece, min_hole_size=hole)
