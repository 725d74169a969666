"""Overlap of the masks, and their volumes."""

from __future__ import annotations

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score

HEIMANN = "Heimann et al. 2009"


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of overlap and volume; in 2D the volumes are areas."""
    volume, unit, name = ("area", "mm²", "mm2") if ndim == 2 else ("volume", "mm³", "mm3")
    return (
        Score("dice", "Dice", "twice |P and R|, divided by |P| + |R|", "Dice 1945", "higher", 0.0),
        Score("iou", "IoU", "|P and R|, divided by |P or R|; the Jaccard index", "Jaccard 1912", "higher", 0.0),
        Score("precision", "Precision", "share of the voxels of P inside R", "", "higher", 0.0),
        Score("recall", "Recall", "share of the voxels of R inside P; the sensitivity", "", "higher", 0.0),
        Score(
            f"{volume}_prediction_{name}", f"{volume.title()} of P ({unit})", f"{volume} of P", decimals=1, if_absent=0
        ),
        Score(
            f"{volume}_reference_{name}", f"{volume.title()} of R ({unit})", f"{volume} of R", decimals=1, if_absent=0
        ),
        Score(
            f"{volume}_difference",
            f"Relative {volume} error",
            f"absolute difference of the {volume}s, divided by the {volume} of R",
            HEIMANN,
            "lower",
            1.0,
        ),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes overlap and volumes. A share of an empty mask is 0, and the error of a volume against nothing is 1."""
    predicted, known = pair.sizes
    volume, name = ("area", "mm2") if pair.ndim == 2 else ("volume", "mm3")
    return {
        "dice": 2 * pair.shared / (predicted + known),
        "iou": pair.shared / (predicted + known - pair.shared),
        "precision": pair.shared / predicted if predicted else 0.0,
        "recall": pair.shared / known if known else 0.0,
        f"{volume}_prediction_{name}": predicted * pair.voxel_size,
        f"{volume}_reference_{name}": known * pair.voxel_size,
        f"{volume}_difference": abs(predicted - known) / known if known else 1.0,
    }
