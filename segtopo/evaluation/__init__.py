"""Evaluation of segmentations: pairs cases by name, scores them, summarises the scores and writes reports.

Example:
    >>> from segtopo.evaluation import evaluate
    >>> evaluation = evaluate("predictions", "references", "evaluation")  # doctest: +SKIP
    >>> evaluation.summary["foreground"]["dice"].mean  # doctest: +SKIP
    0.81
"""

from segtopo.evaluation.case_masks import Case
from segtopo.evaluation.case_scores import CaseResult, CaseScores, PlacedError
from segtopo.evaluation.comparison import Comparison, compare_reports
from segtopo.evaluation.evaluate import evaluate
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.pictures import Picture
from segtopo.evaluation.reports import REPORTS, score_table
from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.scores import (
    MAIN_SCORES,
    SCORE_GROUPS,
    MaskPair,
    Score,
    ScoreOptions,
    compute_scores,
    scores_of,
)
from segtopo.evaluation.scoring import score_case
from segtopo.evaluation.statistics import Statistic, summarise
from segtopo.evaluation.structures import Labels, Structure, parse_labels
from segtopo.volumes.case_pairs import CasePair, CasePairs, pair_cases

__all__ = [
    "MAIN_SCORES",
    "REPORTS",
    "SCORE_GROUPS",
    "Case",
    "CasePair",
    "CasePairs",
    "CaseResult",
    "CaseScores",
    "Comparison",
    "Evaluation",
    "EvaluationOptions",
    "Labels",
    "MaskPair",
    "Picture",
    "PlacedError",
    "Score",
    "ScoreOptions",
    "Statistic",
    "Structure",
    "compare_reports",
    "compute_scores",
    "evaluate",
    "pair_cases",
    "parse_labels",
    "score_case",
    "score_table",
    "scores_of",
    "summarise",
]
