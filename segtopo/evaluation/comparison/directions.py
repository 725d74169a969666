"""The direction in which a score is better, and its place among the scores."""

from __future__ import annotations

import re
from functools import cache
from typing import TypeAlias

from segtopo.evaluation.scores import SCORE_GROUPS, Better, scores_of

__all__ = ["Better", "better_direction", "is_part"]

Directions: TypeAlias = dict[str, Better | None]


def better_direction(score: str) -> Better | None:
    """Returns whether higher or lower values of a score are better; None for counts, sizes and unknown scores.

    Args:
        score: Name of the score.

    Example:
        >>> better_direction("betti_matching_0_f1"), better_direction("betti_error")
        ('higher', 'lower')
        >>> better_direction("betti_0_reference") is None
        True
    """
    return _directions().get(score)


def is_part(score: str) -> bool:
    """Tells whether a score belongs to one dimension, so that it is a part of another score.

    Example:
        >>> is_part("betti_0_error"), is_part("diu_1"), is_part("betti_error"), is_part("hd95_mm")
        (True, True, False, False)
    """
    return re.search(r"_\d(_|$)", score) is not None


@cache
def _directions() -> Directions:
    return {score.name: score.better for ndim in (2, 3) for score in scores_of(tuple(SCORE_GROUPS), ndim)}
