"""The scores of a prediction against its reference: one module for each group."""

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.registry import MAIN_SCORES, SCORE_GROUPS, ScoreGroup, compute_scores, scores_of
from segtopo.evaluation.scores.score import Better, Score, ScoreOptions

__all__ = [
    "MAIN_SCORES",
    "SCORE_GROUPS",
    "Better",
    "MaskPair",
    "Score",
    "ScoreGroup",
    "ScoreOptions",
    "compute_scores",
    "scores_of",
]
