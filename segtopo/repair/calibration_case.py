"""A validation case of a calibration, repaired by many rules."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask
from segtopo.masks.inputs import as_mask, check_same_shape
from segtopo.masks.skeletons import skeleton
from segtopo.persistence.barcodes import Indices
from segtopo.repair.betti_prior import meet_betti_numbers
from segtopo.repair.draft import Draft
from segtopo.repair.figures import Figures
from segtopo.repair.joins import JoiningPath, Probability, affordable, find_paths, widen
from segtopo.repair.mask_repair import as_probability, as_spacing, unwanted_holes, unwanted_pieces
from segtopo.repair.rules import RepairRules

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class CalibrationCase:
    """A validation case, ready to be repaired by many rules.

    Attributes:
        probability: The probability map.
        is_mask: Whether it is a mask without probabilities, in which nothing is joined.
        reference: The reference mask.
        skeleton: The skeleton of the reference.
        spacing: Size of a voxel along each axis in mm.
    """

    probability: Probability
    is_mask: bool
    reference: Mask
    skeleton: Mask
    spacing: tuple[float, ...]

    @classmethod
    def of(
        cls,
        values: npt.ArrayLike | torch.Tensor,
        reference: npt.ArrayLike | torch.Tensor,
        spacing: Sequence[float] | None,
    ) -> CalibrationCase:
        """Checks the values of a case and computes the skeleton of its reference."""
        probability, is_mask = as_probability(values)
        mask = as_mask(reference, "reference")
        check_same_shape(probability=probability.shape, reference=mask.shape)
        return cls(probability, is_mask, mask, skeleton(mask), as_spacing(spacing, probability.ndim))

    @property
    def voxel_size(self) -> float:
        """Area (mm²) or volume (mm³) of a voxel."""
        return math.prod(self.spacing)

    def figures(self, mask: Mask, rules: RepairRules) -> Figures:
        """Computes the figures of a mask of this case."""
        return Figures.of(mask, self.reference, self.skeleton, rules.construction, num_threads=1)

    def try_all(self, grid: Sequence[RepairRules], threads: int) -> list[Figures]:
        """Returns the figures of all rules. Of rules with the same joins or with the same mask, one is tried."""
        found = self._find_paths(grid, threads)
        with ThreadPoolExecutor(threads) as pool:
            levels = [(rules.threshold, rules.connect_above, rules.max_path_cost) for rules in grid]
            paths = _once(pool, levels, lambda rules: self._allowed(found.get(rules.threshold, ()), rules), grid)
            path_sets = [(rules.threshold, *allowed) for rules, allowed in zip(grid, paths, strict=True)]
            joined = _once(pool, path_sets, self._join, paths, grid)
            masks = list(pool.map(self._digest, joined, grid))
            return _once(pool, masks, self._try, joined, grid)

    def _find_paths(self, grid: Sequence[RepairRules], threads: int) -> dict[float, list[JoiningPath]]:
        """Finds the paths of each threshold, down to the lowest limit."""
        lowest: dict[float, float] = {}
        for rules in grid:
            if rules.connect_above is not None and rules.connect_above <= rules.threshold and not self.is_mask:
                lowest[rules.threshold] = min(rules.connect_above, lowest.get(rules.threshold, 1.0))
        return {
            threshold: find_paths(self.probability, threshold, limit, grid[0].construction, threads)
            for threshold, limit in lowest.items()
        }

    def _allowed(self, paths: Sequence[JoiningPath], rules: RepairRules) -> list[JoiningPath]:
        """Selects the paths that the rules allow, from paths that reach further down."""
        if rules.connect_above is None:
            return []
        limit = self.probability.dtype.type(rules.connect_above)  # in the precision of the map, as in the kernel
        allowed = [path for path in paths if self.probability.flat[path.saddle] >= limit]
        if rules.max_path_cost is not None:
            allowed = affordable(allowed, self.probability, rules.threshold, rules.construction, rules.max_path_cost)
        return allowed

    def _join(self, paths: Sequence[JoiningPath], rules: RepairRules) -> Indices:
        """Returns the voxels of the joins along some paths."""
        joins = widen(paths, self.probability, rules.threshold, rules.construction, self.spacing)
        return np.concatenate([np.empty(0, np.int64), *(join.voxels for join in joins)])

    def _repair(self, joined: Indices, rules: RepairRules) -> Mask:
        """Returns the mask that :func:`apply_rules` leads to before it meets Betti numbers, without a list of edits."""
        mask = self.probability > rules.threshold
        mask.flat[joined] = True
        mask.flat[unwanted_pieces(mask, self.probability, rules, self.voxel_size).index] = False
        mask.flat[unwanted_holes(mask, self.probability, rules, self.voxel_size).index] = True
        return mask

    def _digest(self, joined: Indices, rules: RepairRules) -> tuple[float, bytes]:
        """Returns a key of the mask on which the figures of the rules depend; all masks would need much memory."""
        return rules.threshold, hashlib.sha256(np.packbits(self._repair(joined, rules)).tobytes()).digest()

    def _try(self, joined: Indices, rules: RepairRules) -> Figures:
        draft = Draft(self.probability, rules.threshold, self.spacing, self._repair(joined, rules))
        if rules.betti_numbers is not None:
            meet_betti_numbers(draft, rules, num_threads=1)
        return self.figures(draft.mask, rules)


def _once(
    pool: ThreadPoolExecutor, keys: Sequence[Hashable], function: Callable[..., Result], *columns: Sequence[Any]
) -> list[Result]:
    """Returns a function's result for each row of some columns; it is called once for all rows of the same key."""
    rows = {key: row for row, key in enumerate(keys)}
    results = pool.map(function, *([column[row] for row in rows.values()] for column in columns))
    of_key = dict(zip(rows, results, strict=True))
    return [of_key[key] for key in keys]
