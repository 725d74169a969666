"""Judging segmentations: cases paired by name, scored one by one, summarised, reported.

Example:
    >>> from segtopo.evaluation import evaluate
    >>> evaluation = evaluate("predictions", "references", "evaluation")  # doctest: +SKIP
    >>> evaluation.summary["foreground"]["dice"].mean  # doctest: +SKIP
    0.81
"""

from segtopo.evaluation.case_pairs import Case, pair_cases
from segtopo.evaluation.evaluate import Evaluation, evaluate
from segtopo.evaluation.report import score_table
from segtopo.evaluation.scoring import CaseScores, PlacedError, Progress, score_case
from segtopo.evaluation.statistics import Statistic, summarise

__all__ = [
    "Case",
    "CaseScores",
    "Evaluation",
    "PlacedError",
    "Progress",
    "Statistic",
    "evaluate",
    "pair_cases",
    "score_case",
    "score_table",
    "summarise",
]
