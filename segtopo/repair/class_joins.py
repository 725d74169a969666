"""Joins of several classes, around each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from segtopo.masks.components import Mask
from segtopo.persistence.barcodes import Indices
from segtopo.persistence.cubical import voxels_at
from segtopo.repair.draft import Draft
from segtopo.repair.joins import Join
from segtopo.repair.mask_repair import possible_joins
from segtopo.repair.rules import RepairRules


def bar_other_classes(draft: Draft, drafts: Sequence[Draft], touching: bool) -> None:
    """Bars the voxels that other classes have now, and the voxels around them unless classes may touch."""
    others: Mask = np.zeros_like(draft.mask)
    for other in drafts:
        if other is not draft:
            others |= other.mask
    draft.barred = others if touching else binary_dilation(others, np.ones((3,) * others.ndim)) & ~draft.mask


def join_pieces(drafts: Sequence[Draft], rules: Sequence[RepairRules], touching: bool, num_threads: int | None) -> None:
    """Joins the pieces of each class around the others.

    Where joins of two classes meet (or touch, unless they may), the voxels are barred for the less probable class and
    its joins are sought again.
    """
    wanted = [0] * len(drafts)
    if not touching:
        for k, draft in enumerate(drafts):
            bar_other_classes(draft, drafts, touching=True)
            wanted[k] = len(possible_joins(draft, rules[k], num_threads))
    for draft in drafts:
        bar_other_classes(draft, drafts, touching)
    joins = [possible_joins(draft, r, num_threads) for draft, r in zip(drafts, rules, strict=True)]
    while lost := _lost_voxels(drafts, joins, touching):
        for k, voxels in lost.items():
            barred = drafts[k].barred
            assert barred is not None
            barred.flat[voxels] = True
            joins[k] = possible_joins(drafts[k], rules[k], num_threads)
    for draft, joins_of_class, number in zip(drafts, joins, wanted, strict=True):
        for join in joins_of_class:
            draft.join(join)
        if number > len(joins_of_class):
            left_out = number - len(joins_of_class)
            draft.remarks.append(f"Not joined, because the path would touch another class: {left_out} of {number}.")


def _lost_voxels(drafts: Sequence[Draft], joins: Sequence[Sequence[Join]], touching: bool) -> dict[int, Indices]:
    """Finds, for each class, the voxels of its joins that a more probable voxel of another class's joins meets."""
    empty = np.empty(0, np.int64)
    voxels = [np.unique(np.concatenate([empty, *(join.voxels for join in of_class)])) for of_class in joins]
    reaches = [_reach(draft, v, touching) for draft, v in zip(drafts, voxels, strict=True)]
    lost = {}
    for k, (draft, own) in enumerate(zip(drafts, voxels, strict=True)):
        is_lost = np.zeros(len(own), bool)
        for rival, (places, strengths) in enumerate(reaches):
            if rival == k or not len(places):
                continue
            nearest = np.minimum(np.searchsorted(places, own), len(places) - 1)
            probability, strength = draft.probability.flat[own], strengths[nearest]
            stronger = strength >= probability if rival < k else strength > probability
            is_lost |= (places[nearest] == own) & stronger
        if is_lost.any():
            lost[k] = own[is_lost]
    return lost


def _reach(draft: Draft, voxels: Indices, touching: bool) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Returns the voxels that some voxels take, sorted: themselves, and their neighbours unless classes may touch.

    The second array holds the largest probability of the voxels that take each.
    """
    shape = draft.mask.shape
    offsets = (
        np.zeros((1, len(shape)), np.int64) if touching else np.indices((3,) * len(shape)).reshape(len(shape), -1).T - 1
    )
    places = voxels_at(voxels, shape)[:, None] + offsets
    inside = ((places >= 0) & (places < shape)).all(axis=2)
    index = np.ravel_multi_index(tuple(places[inside].T), shape).astype(np.int64)
    strengths = np.broadcast_to(draft.probability.flat[voxels][:, None], inside.shape)[inside].astype(np.float64)
    order = np.lexsort((-strengths, index))
    taken, first = np.unique(index[order], return_index=True)
    return taken, strengths[order][first]
