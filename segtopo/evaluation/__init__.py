"""Evaluation of segmentations: pairs cases by name, scores them, summarises the scores and writes reports.

Example:
    >>> from segtopo.evaluation import evaluate
    >>> evaluation = evaluate("predictions", "references", "evaluation")  # doctest: +SKIP
    >>> evaluation.summary["foreground"]["dice"].mean  # doctest: +SKIP
    0.81
"""

from segtopo.evaluation.case_scores import CaseScores, PlacedError
from segtopo.evaluation.evaluate import evaluate
from segtopo.evaluation.reports import REPORTS, score_table
from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.scoring import Progress, score_case
from segtopo.evaluation.statistics import Statistic, summarise
from segtopo.volumes.case_pairs import CasePair, pair_cases

__all__ = [
    "REPORTS",
    "CasePair",
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
