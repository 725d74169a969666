"""Overlap of the masks, and their volumes."""

from __future__ import annotations

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of overlap and volume; in 2D the volumes are areas."""
    volume, unit, name = ("area", "mm²", "mm2") if ndim == 2 else ("volume", "mm³", "mm3")
    return (
        Score("dice", "Dice", "twice |P and R|, divided by |P| + |R|", "Dice 1945", "higher", 0.0),
        Score("iou", "IoU", "|P and R| / |P or R|, the Jaccard index", "Jaccard 1912", "higher", 0.0),
        Score("precision", "Precision", "|P and R| / |P|", "", "higher", 0.0),
        Score("recall", "Recall", "|P and R| / |R|, the sensitivity", "", "higher", 0.0),
        Score(
            f"{volume}_prediction_{name}", f"{volume.title()} of P ({unit})", f"{volume} of P", decimals=1, if_absent=0
        ),
        Score(
            f"{volume}_reference_{name}", f"{volume.title()} of R ({unit})", f"{volume} of R", decimals=1, if_absent=0
        ),
        Score(
            f"{volume}_difference",
            f"Relative {volume} error",
            "absolute difference of |P| and |R|, divided by |R|",
            "",
            "lower",
            1.0,
        ),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes overlap and volumes of masks that are not empty."""
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
