"""Repair of the probability maps of several classes that exclude each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.persistence.inputs import as_numpy, check_integer
from segtopo.repair.betti_prior import keep_components, meet_betti_numbers
from segtopo.repair.class_joins import bar_other_classes, join_pieces
from segtopo.repair.draft import Draft
from segtopo.repair.edits import Repair
from segtopo.repair.joins import Probability
from segtopo.repair.mask_repair import (
    NO_JOINS,
    as_probability,
    as_spacing,
    check_betti_numbers,
    fill_holes,
    remove_pieces,
    repair_mask,
)
from segtopo.repair.rules import RepairRules
from segtopo.repair.union_prior import keep_union_components

if TYPE_CHECKING:
    import torch

LARGEST_SUM = 1.01  # of the probabilities of a voxel; half precision rounds
TIE = 1e-6  # the background is the rest to 1, so a tie with it is exact only up to the rounding of single precision


@dataclass(frozen=True, eq=False)
class ClassRepair:
    """The repaired masks of several classes, of which no two share a voxel, or of regions that overlap.

    Attributes:
        repairs: The repair of each class.
        painted: The label of each class in the label map. None: 1 for the first class, 2 for the second. Where regions
            overlap, the label of the last one is seen.
    """

    repairs: tuple[Repair, ...]
    painted: tuple[int, ...] | None = None

    @property
    def labels(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """The label map: 0 the background, 1 the first class, 2 the second, or the labels ``painted``."""
        return self._label_map(repair.mask for repair in self.repairs)

    @property
    def labels_before(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """The label map before the repair."""
        return self._label_map(repair.before for repair in self.repairs)

    def _label_map(self, masks: Iterable[Mask]) -> npt.NDArray[np.unsignedinteger[Any]]:
        values = self.painted or tuple(range(1, len(self.repairs) + 1))
        labels = np.zeros(self.repairs[0].before.shape, np.min_scalar_type(max(values)))
        for value, mask in zip(values, masks, strict=True):
            labels[mask] = value
        return labels


def repair_classes(
    probabilities: npt.ArrayLike | torch.Tensor,
    rules: RepairRules | Sequence[RepairRules] = RepairRules(),  # noqa: B008 -- frozen
    *,
    touching: bool = True,
    union_components: int | None = None,
    spacing: Sequence[float] | None = None,
    num_threads: int | None = None,
) -> ClassRepair:
    """Converts the probability maps of several classes to masks and repairs the topology of each.

    A voxel belongs to its most probable class, if this class is more probable than the background. Each class is then
    repaired as by :func:`repair_mask`. An edit adds only voxels that no other class has: paths lead around the other
    classes, and a hole that contains another class remains open. Where paths of two classes meet, the class of the
    lower probability takes another path or none.

    Args:
        probabilities: ``(classes, H, W)`` or ``(classes, H, W, D)`` probabilities of the foreground classes; the
            probability of the background is 1 minus their sum. Or masks of booleans or of the integers 0 and 1.
        rules: The rules of all classes, or of each. ``threshold`` is the smallest ratio of the probability of a class
            to that of the class or the background; 0.5 means more probable than the background.
        touching: False: no edit adds a voxel that touches another class, not even with a corner. Where the masks
            touch before the repair, they remain as they are.
        union_components: The largest number of components of the union of all classes. The heaviest are kept. None: no
            limit.
        spacing: Size of a voxel along each axis in mm. None: 1.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The repair of each class. With one class it is that of :func:`repair_mask`.

    Raises:
        InputError: As :func:`repair_mask`; or the probabilities of a voxel have a sum above 1, or the number of rules
            is not that of the classes.
        TypeError: The maps are not an array of real numbers.

    Example:
        >>> artery = [[0.9, 0.9, 0.3, 0.9, 0.9], [0.0, 0.0, 0.0, 0.0, 0.0]]
        >>> vein = [[0.0, 0.0, 0.0, 0.0, 0.0], [0.9, 0.9, 0.9, 0.9, 0.0]]
        >>> repair = repair_classes([artery, vein], RepairRules(connect_above=0.1, min_piece_size=0))
        >>> repair.repairs[0].edits
        (Edit('joined' at (0, 2), probability 0.3, size 1),)
        >>> repair.labels
        array([[1, 1, 1, 1, 1],
               [2, 2, 2, 2, 0]], dtype=uint8)
    """
    array = _as_maps(probabilities, "classes")
    rules = _rules_of_classes(rules, len(array))
    if union_components is not None:
        check_integer(union_components, "union_components", 0)
    if len(array) == 1 and union_components is None:
        return ClassRepair((repair_mask(array[0], rules[0], spacing=spacing, num_threads=num_threads),))
    spacing = as_spacing(spacing, array.ndim - 1)
    for rules_of_class in rules:
        check_betti_numbers(rules_of_class, array.ndim - 1)
    maps = [as_probability(values)[0] for values in array]
    masks = class_masks(maps, [r.threshold for r in rules])
    drafts = [Draft(p, r.threshold, spacing, mask) for p, r, mask in zip(maps, rules, masks, strict=True)]
    if array.dtype.kind == "f":
        join_pieces(drafts, rules, touching, num_threads)
    else:
        drafts[0].remarks.append(NO_JOINS)
    # All classes lose their pieces before holes are filled: a hole may have held a piece of another class.
    for draft, r in zip(drafts, rules, strict=True):
        remove_pieces(draft, r)
        if r.betti_numbers is not None and r.betti_numbers[0] is not None:
            keep_components(draft, r.betti_numbers[0], r)
    if union_components is not None:
        keep_union_components(drafts, union_components, rules[0].construction)
    for draft, r in zip(drafts, rules, strict=True):
        bar_other_classes(draft, drafts, touching)
        fill_holes(draft, r)
    for draft, r in zip(drafts, rules, strict=True):
        if r.betti_numbers is not None:
            bar_other_classes(draft, drafts, touching)
            meet_betti_numbers(draft, r, num_threads)
    return ClassRepair(tuple(draft.repair() for draft in drafts))


def repair_regions(
    probabilities: npt.ArrayLike | torch.Tensor,
    rules: RepairRules | Sequence[RepairRules] = RepairRules(),  # noqa: B008 -- frozen
    *,
    painted: Sequence[int] | None = None,
    spacing: Sequence[float] | None = None,
    num_threads: int | None = None,
) -> ClassRepair:
    """Converts the probability maps of regions that may overlap to masks and repairs each as :func:`repair_mask` does.

    Args:
        probabilities: ``(regions, H, W)`` or ``(regions, H, W, D)`` probabilities, or masks.
        rules: The rules of all regions, or of each.
        painted: The label that each region writes into the label map; a later region wins, so an inner region follows
            the outer one. None: 1, 2, 3.
        spacing: Size of a voxel along each axis in mm. None: 1.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The repair of each region.

    Raises:
        InputError: As :func:`repair_mask`; or the number of rules or labels is not that of the regions.

    Example:
        >>> tumour = [[0.9, 0.9, 0.9, 0.9, 0.9], [0.0, 0.0, 0.0, 0.0, 0.0]]
        >>> core = [[0.0, 0.9, 0.3, 0.9, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]
        >>> repair_regions([tumour, core], RepairRules(connect_above=0.1, min_piece_size=0)).labels
        array([[1, 2, 2, 2, 1],
               [0, 0, 0, 0, 0]], dtype=uint8)
    """
    array = _as_maps(probabilities, "regions")
    if painted is not None and len(painted) != len(array):
        raise InputError(
            mismatch("painted", got=f"{len(painted)} labels", expected=f"{len(array)}, one for each region")
        )
    pairs = zip(array, _rules_of_classes(rules, len(array)), strict=True)
    repairs = tuple(repair_mask(values, own, spacing=spacing, num_threads=num_threads) for values, own in pairs)
    return ClassRepair(repairs, None if painted is None else tuple(painted))


def _as_maps(probabilities: npt.ArrayLike | torch.Tensor, axis: str) -> npt.NDArray[Any]:
    """Converts maps of several structures to an array; ``axis`` names its first axis in errors."""
    array = as_numpy(probabilities, "probabilities")
    if array.ndim not in (3, 4) or 0 in array.shape:
        expected = f"({axis}, H, W) or ({axis}, H, W, D)"
        raise InputError(mismatch("probabilities", got=f"shape {array.shape}", expected=expected))
    return array


def class_masks(maps: Sequence[Probability], thresholds: Sequence[float]) -> list[Mask]:
    """Finds the voxels of each class: it is the most probable one, and more probable than the background.

    Args:
        maps: The probabilities of the classes. Of equal ones the first wins, and the background before all.
        thresholds: For each class the smallest ratio of its probability to that of the class or the background.

    Raises:
        InputError: The probabilities of a voxel have a sum above 1.

    Example:
        >>> maps = [np.array([0.4, 0.2, 0.4]), np.array([0.3, 0.6, 0.1])]
        >>> [mask.tolist() for mask in class_masks(maps, [0.5, 0.5])]
        [[True, False, False], [False, True, False]]
    """
    background = np.maximum(1 - sum_of_classes(maps), 0)
    best = np.argmax(maps, axis=0)
    pairs = zip(maps, thresholds, strict=True)
    return [(best == k) & (p * (1 - t) - background * t > TIE) for k, (p, t) in enumerate(pairs)]


def sum_of_classes(probabilities: Sequence[npt.NDArray[Any]] | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Adds the probabilities of classes that exclude each other.

    Raises:
        InputError: The sum of a voxel is above 1.
    """
    total: npt.NDArray[np.float64] = np.add.reduce(probabilities, dtype=np.float64)
    if total.max() > LARGEST_SUM:
        expected = "classes that exclude each other, with a sum of at most 1 in every voxel, as after a softmax"
        raise InputError(mismatch("probabilities", got=f"a sum of {total.max():.3g}", expected=expected))
    return total


def _rules_of_classes(rules: RepairRules | Sequence[RepairRules], count: int) -> Sequence[RepairRules]:
    if isinstance(rules, RepairRules):
        return [rules] * count
    if len(rules) != count:
        raise InputError(mismatch("rules", got=f"{len(rules)} rules", expected=f"one, or {count}: one for each class"))
    return rules
