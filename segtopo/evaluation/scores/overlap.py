"""Scores of overlap and volume."""

from __future__ import annotations

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""
    unit = f"mm{ndim}"
    extent = "Volume" if ndim == 3 else "Area"
    return (
        Score("dice", "Dice", "Twice the common voxels over the voxels of both masks.", _DICE, "higher", 0.0),
        Score("iou", "IoU", "The common voxels over the voxels of the union (Jaccard index).", "", "higher", 0.0),
        Score("precision", "Precision", "Share of the prediction's voxels in the reference.", "", "higher", 0.0),
        Score("recall", "Recall", "Share of the reference's voxels in the prediction.", "", "higher", 0.0),
        Score(f"volume_prediction_{unit}", f"{extent} of the prediction ({unit})", _EXTENT.format("prediction")),
        Score(f"volume_reference_{unit}", f"{extent} of the reference ({unit})", _EXTENT.format("reference")),
        Score(
            "volume_difference",
            f"{extent} difference",
            "Absolute difference of the voxels over the voxels of the reference, as a fraction.",
            better="lower",
            worst=1.0,
        ),
    )


_DICE = "Dice 1945"
_EXTENT = "Voxels of the {} times the size of a voxel."


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of a pair in which at least one mask is not empty."""
    prediction, reference, both = pair.sizes
    unit = f"mm{pair.ndim}"
    return {
        "dice": 2 * both / (prediction + reference),
        "iou": both / (prediction + reference - both),
        "precision": both / prediction if prediction else 0.0,
        "recall": both / reference if reference else 0.0,
        f"volume_prediction_{unit}": prediction * pair.voxel_size,
        f"volume_reference_{unit}": reference * pair.voxel_size,
        "volume_difference": abs(prediction - reference) / reference if reference else 1.0,
    }
