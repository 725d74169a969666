"""Scores of centrelines."""

from __future__ import annotations

import numpy as np

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks.components import Mask

_CLDICE = "Shit et al. 2021"


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""
    algorithm = "Lee" if ndim == 3 else "Zhang"
    return (
        Score(
            "cldice",
            "clDice",
            "Harmonic mean of the two shares below; skeletons are those of scikit-image, by the algorithm of "
            f"{algorithm}.",
            _CLDICE,
            "higher",
            0.0,
        ),
        Score(
            "cldice_precision",
            "clDice precision",
            "Share of the voxels of the prediction's skeleton in the reference (topology precision).",
            _CLDICE,
            "higher",
            0.0,
        ),
        Score(
            "cldice_sensitivity",
            "clDice sensitivity",
            "Share of the voxels of the reference's skeleton in the prediction (topology sensitivity).",
            _CLDICE,
            "higher",
            0.0,
        ),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of a pair in which no mask is empty."""
    (prediction, reference), (predicted_skeleton, reference_skeleton) = pair.cropped, pair.skeletons
    precision = _share(predicted_skeleton, reference)
    sensitivity = _share(reference_skeleton, prediction)
    total = precision + sensitivity
    return {
        "cldice": 2 * precision * sensitivity / total if total else 0.0,
        "cldice_precision": precision,
        "cldice_sensitivity": sensitivity,
    }


def _share(skeleton: Mask, mask: Mask) -> float:
    return float(np.count_nonzero(skeleton & mask) / np.count_nonzero(skeleton))
