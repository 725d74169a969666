from .betti import BettiErrorMetric, compute_betti_error, compute_betti_numbers
from .betti_matching import (
    BettiMatchingErrorMetric,
    BettiMatchingScores,
    compute_betti_matching_error,
    compute_betti_matching_scores,
)
from .cldice import ClDiceMetric, compute_cldice
from .diu import DIUMetric, compute_diu
from .matched_features import MatchedFeatures, match_features

__all__ = [
    "BettiErrorMetric",
    "BettiMatchingErrorMetric",
    "BettiMatchingScores",
    "ClDiceMetric",
    "DIUMetric",
    "MatchedFeatures",
    "compute_betti_error",
    "compute_betti_matching_error",
    "compute_betti_matching_scores",
    "compute_betti_numbers",
    "compute_cldice",
    "compute_diu",
    "match_features",
]
