"""Scores of segmentations: one file per family, functions ``compute_x`` and MONAI metrics ``XMetric``.

Every function takes binary masks of shape (B, C, H, W[, D]) on any device and scores each item and channel
alone; every metric class accumulates them over batches like ``monai.metrics.DiceMetric``.
"""

from segtopo.metrics.betti import BettiErrorMetric, compute_betti_error, compute_betti_numbers
from segtopo.metrics.betti_matching import (
    BettiMatchingErrorMetric,
    BettiMatchingScores,
    compute_betti_matching_error,
    compute_betti_matching_scores,
)
from segtopo.metrics.cldice import ClDiceMetric, compute_cldice
from segtopo.metrics.diu import DIUMetric, compute_diu

__all__ = [
    "BettiErrorMetric",
    "BettiMatchingErrorMetric",
    "BettiMatchingScores",
    "ClDiceMetric",
    "DIUMetric",
    "compute_betti_error",
    "compute_betti_matching_error",
    "compute_betti_matching_scores",
    "compute_betti_numbers",
    "compute_cldice",
    "compute_diu",
]
