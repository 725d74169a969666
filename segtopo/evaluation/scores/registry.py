"""The groups of scores, and their computation for a pair of masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.scores import centreline, overlap, partition, patches, surface, topology, tree
from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score


@dataclass(frozen=True)
class ScoreGroup:
    """Scores that are computed together.

    Attributes:
        scores: Returns the scores of images with a number of spatial axes, in the order of columns.
        compute: Computes all scores of a pair by their names. At least one mask is not empty; both are not if every
            score of the group has a worst value.
    """

    scores: Callable[[int], tuple[Score, ...]]
    compute: Callable[[MaskPair], dict[str, float]]


SCORE_GROUPS: dict[str, ScoreGroup] = {
    "overlap": ScoreGroup(overlap.scores, overlap.compute),
    "surface": ScoreGroup(surface.scores, surface.compute),
    "centreline": ScoreGroup(centreline.scores, centreline.compute),
    "topology": ScoreGroup(topology.scores, topology.compute),
    "patches": ScoreGroup(patches.scores, patches.compute),
    "partition": ScoreGroup(partition.scores, partition.compute),
    "tree": ScoreGroup(tree.scores, tree.compute),
}
"""The groups of scores by name."""

MAIN_SCORES = ("dice", "cldice", "hd95_mm", "length_detected", "betti_error", "betti_matching_error", "diu")
"""The scores that reports show first and comparisons test."""


def scores_of(groups: Sequence[str], ndim: int) -> tuple[Score, ...]:
    """Returns the scores of groups.

    Args:
        groups: Keys of :data:`SCORE_GROUPS`.
        ndim: Number of spatial axes, 2 or 3.

    Returns:
        The scores in the order of the groups.

    Raises:
        InputError: A group is unknown.

    Example:
        >>> [score.name for score in scores_of(["surface"], ndim=3)]
        ['hd95_mm', 'assd_mm', 'nsd']
    """
    return tuple(score for group in _groups(groups) for score in group.scores(ndim))


def compute_scores(pair: MaskPair, groups: Sequence[str] = tuple(SCORE_GROUPS)) -> dict[str, float]:
    """Computes the scores of groups for a pair of masks.

    If both masks are empty, the structure is absent: scores are NaN, and descriptions such as volumes and Betti numbers
    are 0. If one mask is empty, scores have their worst value (:attr:`Score.worst`).

    Args:
        pair: The masks.
        groups: Keys of :data:`SCORE_GROUPS`.

    Returns:
        The numbers by the names of the scores, in the order of :func:`scores_of`.

    Raises:
        InputError: A group is unknown.

    Example:
        >>> import numpy as np
        >>> vessel = np.zeros((5, 9), dtype=bool)
        >>> vessel[2, 1:8] = True
        >>> compute_scores(MaskPair(vessel, np.roll(vessel, 1, axis=0), spacing=(0.5, 1)), ["surface"])
        {'hd95_mm': 0.5, 'assd_mm': 0.5, 'nsd': 1.0}
    """
    numbers: dict[str, float] = {}
    for group in _groups(groups):
        known = {score.name: _known_value(score, pair) for score in group.scores(pair.ndim)}
        computed = group.compute(pair) if None in known.values() else {}
        numbers |= {name: computed[name] if value is None else value for name, value in known.items()}
    return numbers


def _groups(names: Sequence[str]) -> list[ScoreGroup]:
    unknown = [name for name in names if name not in SCORE_GROUPS]
    if unknown:
        raise InputError(mismatch("scores", got=repr(unknown[0]), expected=f"some of {tuple(SCORE_GROUPS)}"))
    return [SCORE_GROUPS[name] for name in names]


def _known_value(score: Score, pair: MaskPair) -> float | None:
    """Returns the value of a score that follows from an empty mask alone; None if it must be computed."""
    prediction, reference, _ = pair.sizes
    if not (prediction or reference):
        return 0.0 if score.better is None else math.nan
    if prediction and reference:
        return None
    return pair.diagonal if score.worst == "diagonal" else score.worst
