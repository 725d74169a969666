"""The groups of scores, by name, and their computation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from segtopo.evaluation.scores import centreline, overlap, partition, patches, surface, topology, tree
from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import DIAGONAL, Score

#: The scores that reports show first and comparisons test.
MAIN_SCORES = ("dice", "cldice", "hd95_mm", "length_detected", "betti_error", "betti_matching_error", "diu")


class ScoreGroup(NamedTuple):
    """Scores that are computed together.

    Attributes:
        scores: Returns the scores for images of 2 or 3 axes.
        compute: Computes them for a pair of masks, of which at least one has a voxel.
    """

    scores: Callable[[int], tuple[Score, ...]]
    compute: Callable[[MaskPair], dict[str, float]]


SCORE_GROUPS = {
    "overlap": ScoreGroup(overlap.scores, overlap.compute),
    "surface": ScoreGroup(surface.scores, surface.compute),
    "centreline": ScoreGroup(centreline.scores, centreline.compute),
    "topology": ScoreGroup(topology.scores, topology.compute),
    "patches": ScoreGroup(patches.scores, patches.compute),
    "partition": ScoreGroup(partition.scores, partition.compute),
    "tree": ScoreGroup(tree.scores, tree.compute),
}


def scores_of(groups: Sequence[str], ndim: int) -> tuple[Score, ...]:
    """Returns the scores of groups, in their order."""
    return tuple(score for group in groups for score in SCORE_GROUPS[group].scores(ndim))


def compute_scores(pair: MaskPair, groups: Sequence[str] = tuple(SCORE_GROUPS)) -> dict[str, float]:
    """Computes the scores of a prediction against its reference.

    Args:
        pair: The masks.
        groups: Names of the groups, keys of :data:`SCORE_GROUPS`.

    Returns:
        Every score by name. If both masks are empty, counts and volumes are 0 and all other scores NaN. If one mask is
        empty, scores with a worst value have it, and the others are computed as always; a score that needs the
        reference is NaN without it.

    Example:
        >>> import numpy as np
        >>> vessel = np.ones((2, 9), bool)
        >>> broken = vessel.copy()
        >>> broken[:, 4] = False
        >>> scores = compute_scores(MaskPair(broken, vessel, (1.0, 1.0)), ("overlap", "topology"))
        >>> scores["recall"], scores["betti_0_error"]
        (0.8888888888888888, 1.0)
    """
    found: dict[str, float] = {}
    for group in groups:
        scores, compute = SCORE_GROUPS[group]
        if not any(pair.sizes):
            found |= {score.name: float(score.if_absent) for score in scores(pair.ndim)}
            continue
        worst = {} if all(pair.sizes) else _worst_values(scores(pair.ndim), pair)
        computed = {} if len(worst) == len(scores(pair.ndim)) else compute(pair)
        found |= {score.name: (computed | worst)[score.name] for score in scores(pair.ndim)}
    return found


def _worst_values(scores: Sequence[Score], pair: MaskPair) -> dict[str, float]:
    """Returns the values of the scores that have a worst value."""
    return {
        score.name: pair.diagonal if score.worst == DIAGONAL else float(score.worst)
        for score in scores
        if score.worst is not None
    }
