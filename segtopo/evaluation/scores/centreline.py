"""Overlap of each centreline with the other mask."""

from __future__ import annotations

import numpy as np

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score

SHIT = "Shit et al. 2021"


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of centrelines."""
    return (
        Score("cldice", "clDice", "harmonic mean of clDice precision and clDice sensitivity", SHIT, "higher", 0.0),
        Score("cldice_precision", "clDice precision", "share of the skeleton of P inside R", SHIT, "higher", 0.0),
        Score("cldice_sensitivity", "clDice sensitivity", "share of the skeleton of R inside P", SHIT, "higher", 0.0),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the shares of the skeletons; both masks have voxels."""
    (prediction, reference), (of_prediction, of_reference) = pair.cropped, pair.skeletons
    precision = float(np.count_nonzero(of_prediction & reference) / np.count_nonzero(of_prediction))
    sensitivity = float(np.count_nonzero(of_reference & prediction) / np.count_nonzero(of_reference))
    total = precision + sensitivity
    return {
        "cldice": 2 * precision * sensitivity / total if total else 0.0,
        "cldice_precision": precision,
        "cldice_sensitivity": sensitivity,
    }
