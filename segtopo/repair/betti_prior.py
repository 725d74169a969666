"""The Betti numbers of a mask, reduced to prescribed ones by the edits that change the probabilities least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks import betti_numbers
from segtopo.persistence.barcodes import Indices
from segtopo.repair.draft import Draft
from segtopo.repair.loop_cuts import Cut, cut_paths, cut_weakest_loops
from segtopo.repair.regions import Regions, find_holes, find_pieces
from segtopo.repair.rules import RepairRules

NAMES = ("components", "loops", "cavities")

Change = Callable[[], None]


def meet_betti_numbers(draft: Draft, rules: RepairRules, num_threads: int | None) -> None:
    """Reduces the Betti numbers of a draft to those of the rules, and remarks where this fails."""
    wanted = rules.betti_numbers or ()
    if wanted[0] is not None:
        keep_components(draft, wanted[0], rules)
    if draft.mask.ndim == 2 and wanted[1] is not None:
        reduce_holes(draft, wanted[1], rules, num_threads)
    if draft.mask.ndim == 3 and wanted[1] is not None:
        open_loops(draft, wanted[1], rules, num_threads)
    if draft.mask.ndim == 3 and wanted[2] is not None:
        reduce_holes(draft, wanted[2], rules, num_threads)
    numbers = betti_numbers(draft.mask, rules.construction, num_threads)
    for name, number, goal in zip(NAMES, numbers, wanted, strict=False):
        if goal is not None and number != goal:
            draft.remarks.append(f"The result has {number} {name}, the rules ask for {goal}.")


def keep_components(draft: Draft, wanted: int, rules: RepairRules) -> None:
    """Removes all components except those that change the map most: by the sum of their probabilities above t."""
    pieces = find_pieces(draft.mask, rules.construction)
    weights = pieces.sums(np.maximum(draft.probability - rules.threshold, 0))
    draft.remove_pieces([pieces.voxels(i) for i in np.argsort(-weights, kind="stable")[wanted:].tolist()])


def reduce_holes(draft: Draft, wanted: int, rules: RepairRules, num_threads: int | None) -> None:
    """Fills holes (2D) or cavities (3D), or opens the rings around holes: first those that change the map least."""
    stuck: set[int] = set()  # by their first voxel: the holes that can be neither filled nor opened alone
    while True:
        holes = find_holes(draft.mask, rules.construction)
        surplus = len(holes) - wanted
        if surplus <= 0:
            return
        ways = _Ways.of(draft, holes, rules, num_threads)
        cheapest = [i for i in ways.by_cost() if int(holes.voxels(i)[0]) not in stuck][:surplus]
        if not cheapest:
            return
        # Filling changes no other hole; an opening leads into a neighbour, which must not be filled at the same time.
        chosen = [i for i in cheapest if ways.fills_first(i)] or cheapest
        if _try_all(draft, [ways.changes(draft, i)[0] for i in chosen], rules, num_threads):
            continue
        for i in chosen:
            if any(_try_all(draft, [change], rules, num_threads) for change in ways.changes(draft, i)):
                break
            stuck.add(int(holes.voxels(i)[0]))


@dataclass(frozen=True)
class _Ways:
    """The ways to be rid of each hole: fill it, or open the ring around it, with the change of the map as the cost."""

    holes: Regions
    fill_costs: npt.NDArray[np.floating[Any]]
    cuts: dict[int, Cut]

    @classmethod
    def of(cls, draft: Draft, holes: Regions, rules: RepairRules, num_threads: int | None) -> _Ways:
        fill_costs = holes.sums(np.maximum(rules.threshold - draft.probability, 0))
        fill_costs[draft.barred_regions(holes)] = np.inf
        return cls(holes, fill_costs, cut_paths(draft, holes, rules, num_threads) if draft.mask.ndim == 2 else {})

    def by_cost(self) -> list[int]:
        """Returns the numbers of the holes that have a way, the cheapest first."""
        costs = {i: min(fill, self._cut_cost(i)) for i, fill in enumerate(self.fill_costs.tolist())}
        return sorted((i for i, cost in costs.items() if cost < np.inf), key=lambda i: costs[i])

    def fills_first(self, hole: int) -> bool:
        """Returns whether filling a hole is not dearer than opening its ring."""
        return bool(self.fill_costs[hole] <= self._cut_cost(hole))

    def changes(self, draft: Draft, hole: int) -> list[Change]:
        """Returns the possible changes of a draft, the cheaper first."""
        fill = [_fill(draft, self.holes.voxels(hole))] if self.fill_costs[hole] < np.inf else []
        cut = [_open(draft, self.cuts[hole])] if hole in self.cuts else []
        return fill + cut if self.fills_first(hole) else cut + fill

    def _cut_cost(self, hole: int) -> float:
        return self.cuts[hole].cost if hole in self.cuts else np.inf


def open_loops(draft: Draft, wanted: int, rules: RepairRules, num_threads: int | None) -> None:
    """Cuts the weakest loops of a 3D mask through their bridges, as far as this opens nothing else."""
    failed: set[int] = set()
    while True:
        cuts = cut_weakest_loops(draft, wanted, rules, failed, num_threads)
        if not cuts:
            return
        if _try_all(draft, [_open(draft, cut) for cut in cuts], rules, num_threads):
            continue
        for cut in cuts:
            if not _try_all(draft, [_open(draft, cut)], rules, num_threads):
                failed.add(cut.saddle)


def _fill(draft: Draft, voxels: Indices) -> Change:
    return lambda: draft.fill(voxels)


def _open(draft: Draft, cut: Cut) -> Change:
    return lambda: draft.open_loop(cut.saddle, cut.voxels)


def _try_all(draft: Draft, changes: Sequence[Change], rules: RepairRules, num_threads: int | None) -> bool:
    """Applies changes if each removes one hole or loop and no component; otherwise leaves the draft as it is."""
    mask, edits = draft.mask.copy(), list(draft.edits)
    before = betti_numbers(mask, rules.construction, num_threads)
    for change in changes:
        change()
    after = betti_numbers(draft.mask, rules.construction, num_threads)
    is_right = after[0] == before[0] and sum(after) == sum(before) - len(changes)
    if not is_right:
        draft.mask, draft.edits = mask, edits
    return is_right
