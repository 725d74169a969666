"""Repair of a probability map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.persistence.inputs import as_numpy, check_no_nan, check_number, check_shape
from segtopo.repair.betti_prior import meet_betti_numbers
from segtopo.repair.draft import Draft
from segtopo.repair.edits import Repair
from segtopo.repair.joins import Join, Probability, find_joins
from segtopo.repair.regions import Regions, find_holes, find_pieces
from segtopo.repair.rules import RepairRules

if TYPE_CHECKING:
    import torch

NO_JOINS = "The input is a mask without probabilities: no pieces were joined."


def repair_mask(
    probability: npt.ArrayLike | torch.Tensor,
    rules: RepairRules = RepairRules(),  # noqa: B008 -- frozen
    *,
    spacing: Sequence[float] | None = None,
    num_threads: int | None = None,
) -> Repair:
    """Converts a probability map to a mask and repairs its topology: joins, removes, fills and opens by the rules.

    The repair takes four steps. It joins pieces of the mask along the paths that persistent homology finds. It
    removes small or faint pieces. It fills small or shallow holes (2D) and cavities (3D). At last it reduces the Betti
    numbers to ``rules.betti_numbers``.

    Args:
        probability: ``(H, W)`` or ``(H, W, D)`` probabilities from 0 to 1 of one structure, of any floating dtype; or
            a mask of booleans or of the integers 0 and 1. A mask has no paths to join along: only sizes decide.
        rules: The limits of probability and size.
        spacing: Size of a voxel along each axis in mm. None: 1.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The mask, the edits and remarks about wishes that could not be met.

    Raises:
        InputError: The map has values outside of 0 to 1, NaN, another number of axes or no voxel; or ``spacing`` or
            ``rules.betti_numbers`` do not fit its axes.
        TypeError: The map is not an array of real numbers.

    Example:
        >>> probability = np.array([[0.9, 0.8, 0.1, 0.3, 0.7], [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.0, 0.0]])
        >>> repair = repair_mask(probability, RepairRules(connect_above=0.1, min_piece_size=2))
        >>> repair.edits
        (Edit('joined' at (0, 2), probability 0.1, size 2), Edit('piece removed' at (2, 2), probability 0.6, size 1))
        >>> repair.mask.astype(int)
        array([[1, 1, 1, 1, 1],
               [0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0]])
        >>> repair.without(repair.edits[0]).mask[0].astype(int)
        array([1, 1, 0, 0, 1])
    """
    array, is_mask = as_probability(probability)
    spacing = as_spacing(spacing, array.ndim)
    check_betti_numbers(rules, array.ndim)
    draft = Draft(array, rules.threshold, spacing)
    if is_mask:
        draft.remarks.append(NO_JOINS)
    apply_rules(draft, [] if is_mask else possible_joins(draft, rules, num_threads), rules, num_threads)
    return draft.repair()


def apply_rules(draft: Draft, joins: Sequence[Join], rules: RepairRules, num_threads: int | None = None) -> None:
    """Takes the four steps of a repair, with joins that have been found before."""
    for join in joins:
        draft.join(join)
    remove_pieces(draft, rules)
    fill_holes(draft, rules)
    if rules.betti_numbers is not None:
        meet_betti_numbers(draft, rules, num_threads)


def possible_joins(draft: Draft, rules: RepairRules, num_threads: int | None) -> list[Join]:
    """Finds the joins that the rules allow, around the barred voxels."""
    if rules.connect_above is None or rules.connect_above > rules.threshold:
        return []
    levels = draft.probability
    if draft.barred is not None:
        levels = np.where(draft.barred, levels.dtype.type(-1), draft.levels(rules.threshold))
    return find_joins(
        levels,
        rules.threshold,
        rules.connect_above,
        rules.construction,
        draft.spacing,
        rules.max_path_cost,
        num_threads,
    )


def remove_pieces(draft: Draft, rules: RepairRules) -> None:
    """Removes the pieces that are too small or too faint."""
    draft.remove_pieces(unwanted_pieces(draft.mask, draft.probability, rules, draft.voxel_size).parts())


def fill_holes(draft: Draft, rules: RepairRules) -> None:
    """Fills the holes and cavities that are too small or too shallow and have no barred voxels."""
    holes = unwanted_holes(draft.mask, draft.probability, rules, draft.voxel_size)
    for voxels in holes.select(~draft.barred_regions(holes)).parts():
        draft.fill(voxels)


def unwanted_pieces(mask: Mask, probability: Probability, rules: RepairRules, voxel_size: float) -> Regions:
    """Finds the pieces of a mask that are too small or too faint for the rules."""
    pieces = find_pieces(mask, rules.construction)
    unwanted = pieces.sizes * voxel_size < rules.least_piece(voxel_size)
    if rules.min_piece_peak > rules.threshold:
        unwanted |= pieces.largest(probability) < rules.min_piece_peak
    return pieces.select(unwanted)


def unwanted_holes(mask: Mask, probability: Probability, rules: RepairRules, voxel_size: float) -> Regions:
    """Finds the holes (2D) or cavities (3D) of a mask that are too small or too shallow for the rules."""
    least = rules.least_hole(voxel_size, mask.ndim)
    if least == 0 and rules.max_hole_floor == 1:
        return Regions(np.empty(0, np.int64), np.empty(0, np.int64))
    holes = find_holes(mask, rules.construction)
    unwanted = holes.sizes * voxel_size < least
    unwanted |= -holes.largest(-probability) > rules.max_hole_floor
    return holes.select(unwanted)


def as_probability(values: npt.ArrayLike | torch.Tensor) -> tuple[Probability, bool]:
    """Converts a probability map to float32 or float64, and tells whether it is a mask of booleans or integers.

    The array is C-contiguous: otherwise the order of pieces and holes would depend on the memory layout. Errors are
    those of :func:`repair_mask`.
    """
    array = as_numpy(values, "probability")
    is_mask = array.dtype.kind in "bui"
    if not is_mask and array.dtype.kind != "f":
        raise TypeError(mismatch("probability", got=f"dtype {array.dtype}", expected="real numbers"))
    check_shape(array.shape, "probability")
    lowest, highest = array.min(), array.max()
    if np.isnan(lowest):
        check_no_nan(array, "probability")
    if lowest < 0 or highest > 1:
        expected = "probabilities from 0 to 1; apply a sigmoid or softmax to logits, divide 8-bit maps by 255"
        raise InputError(mismatch("probability", got=f"values from {lowest:g} to {highest:g}", expected=expected))
    dtype = np.float64 if not is_mask and array.dtype.itemsize > 4 else np.float32
    return np.ascontiguousarray(array, dtype), is_mask


def check_betti_numbers(rules: RepairRules, ndim: int) -> None:
    """Raises InputError unless the rules have one Betti number for each dimension of an image, or none."""
    if rules.betti_numbers is not None and len(rules.betti_numbers) != ndim:
        expected = f"{ndim}, one for each dimension of a {ndim}D image"
        raise InputError(mismatch("betti_numbers", got=f"{len(rules.betti_numbers)} numbers", expected=expected))


def as_spacing(spacing: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    """Returns the size of a voxel along each axis, 1 by default.

    Raises:
        InputError: There is another number of values than axes, or one is not above 0.
        TypeError: It is not a list of numbers.
    """
    if spacing is None:
        return (1.0,) * ndim
    if not hasattr(spacing, "__len__"):
        raise TypeError(mismatch("spacing", got=repr(spacing), expected=f"{ndim} lengths in mm, one for each axis"))
    if len(spacing) != ndim:
        raise InputError(mismatch("spacing", got=f"{len(spacing)} values", expected=f"{ndim}, one for each axis"))
    smallest = np.nextafter(0.0, 1.0)
    return tuple(check_number(size, "spacing", smallest, 1e9, "lengths in mm above 0") for size in spacing)
