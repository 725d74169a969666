"""The titles of scores, the direction in which they are better, and the scores that are parts of others."""

from __future__ import annotations

import re
from functools import cache

from segtopo.evaluation.scores import SCORE_GROUPS, Better, Score, scores_of


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
    known = _known().get(score)
    return None if known is None else known.better


def score_title(score: str) -> str:
    """Returns the name of a score for people; the name itself for unknown scores.

    Example:
        >>> score_title("hd95_mm"), score_title("other")
        ('HD95 (mm)', 'other')
    """
    known = _known().get(score)
    return score if known is None else known.title


def is_part(score: str) -> bool:
    """Tells whether a score belongs to one dimension, so that it is a part of another score.

    Example:
        >>> is_part("betti_0_error"), is_part("diu_1"), is_part("betti_error"), is_part("hd95_mm")
        (True, True, False, False)
    """
    return re.search(r"_\d(_|$)", score) is not None


@cache
def _known() -> dict[str, Score]:
    return {score.name: score for ndim in (2, 3) for score in scores_of(tuple(SCORE_GROUPS), ndim)}
