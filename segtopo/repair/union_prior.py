"""The components of the union of several classes, reduced to a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtopo.persistence import Construction
from segtopo.repair.draft import Draft
from segtopo.repair.regions import find_pieces


def keep_union_components(drafts: Sequence[Draft], wanted: int, construction: Construction) -> None:
    """Keeps the heaviest components of the union of classes, and removes the pieces of all classes outside of them.

    The weight of a component is the sum of the probabilities of its voxels, each that of its own class.
    """
    shape = drafts[0].mask.shape
    union, weights = np.zeros(shape, bool), np.zeros(shape)
    for draft in drafts:
        union |= draft.mask
        weights[draft.mask] = draft.probability[draft.mask]
    components = find_pieces(union, construction)
    order = np.argsort(-components.sums(weights), kind="stable")
    kept = np.isin(np.arange(len(components)), order[:wanted])
    for draft in drafts:
        pieces = find_pieces(draft.mask, construction)
        # A piece of a class lies in one component of the union.
        firsts = np.array([pieces.voxels(i)[0] for i in range(len(pieces))], np.int64)
        removed = np.flatnonzero(~kept[components.at(firsts)]) if len(firsts) else firsts
        draft.remove_pieces([pieces.voxels(i) for i in removed.tolist()])
