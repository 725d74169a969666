"""Scores of trees such as airways, after the challenges ATM'22 and AIIB23."""

from __future__ import annotations

import math

import numpy as np

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.evaluation.scores.skeleton_graph import SkeletonGraph
from segtopo.masks.components import Mask

_ATM = "Zhang et al. 2023 (ATM'22)"
_AIIB = "Nan et al. 2024 (AIIB23)"

DETECTED_SHARE = 0.8
"""Share of a branch inside the prediction from which it is detected."""


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""
    neighbours = 26 if ndim == 3 else 8
    whole = (
        Score(
            "length_detected",
            "Length detected",
            "Share of the length of the reference's skeleton in the prediction, in mm; ATM'22 counts voxels of the "
            "skeleton in place of mm, as clDice sensitivity does.",
            _ATM,
            "higher",
            0.0,
        ),
        Score(
            "branches_detected",
            "Branches detected",
            "Share of the branches of the reference's skeleton that have at least 80 % of their voxels in the "
            f"prediction; branches are connected pieces of 5 voxels or more with at most 2 of {neighbours} neighbours; "
            "without any branch the score is NaN.",
            _ATM,
            "higher",
            0.0,
        ),
        Score(
            "leakage",
            "Leakage",
            "Voxels of the prediction outside the reference over the voxels of the reference.",
            _AIIB,
            "lower",
            1.0,
        ),
    )
    largest = tuple(
        Score(
            f"{score.name}_largest",
            f"{score.title}, largest component",
            f"{score.title} of the largest component of the prediction, as in the challenges; its connectivity is that "
            "of the construction, and of the reference everything counts.",
            score.paper,
            score.better,
            score.worst,
        )
        for score in whole
    )
    precision = Score(
        "length_precision",
        "Length precision",
        "Share of the length of the prediction's skeleton in the reference, in mm.",
        "",
        "higher",
        0.0,
    )
    return (*whole, precision, *largest)


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of a pair in which no mask is empty."""
    prediction, reference = pair.cropped
    predicted_tree, tree = (SkeletonGraph.of(skeleton, pair.spacing) for skeleton in pair.skeletons)
    size = pair.sizes[1]
    numbers = {"length_precision": _length_share(predicted_tree, reference)}
    for suffix, mask in {"": prediction, "_largest": pair.largest_component}.items():
        numbers[f"length_detected{suffix}"] = _length_share(tree, mask)
        numbers[f"branches_detected{suffix}"] = _share_of_branches(tree, mask)
        numbers[f"leakage{suffix}"] = float(np.count_nonzero(mask & ~reference) / size)
    return numbers


def _length_share(tree: SkeletonGraph, mask: Mask) -> float:
    """Computes the share of the length of a skeleton in a mask."""
    return float(tree.lengths[tree.inside(mask)].sum() / tree.lengths.sum())


def _share_of_branches(tree: SkeletonGraph, mask: Mask) -> float:
    """Computes the share of the branches that are detected in a mask; NaN if there are none."""
    in_branch = tree.branches >= 0
    branches = tree.branches[in_branch]
    if not branches.size:
        return math.nan
    found = np.bincount(branches, weights=tree.inside(mask)[in_branch])
    return float(np.mean(found / np.bincount(branches) >= DETECTED_SHARE))
