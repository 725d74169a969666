"""Agreement of the components of the masks, as partitions of the voxels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.metrics import adapted_rand_error, variation_of_information

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score
from segtopo.masks.components import connectivities, label_components

RAND = "Arganda-Carreras et al. 2015"
VI = "Meilă 2007"


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of partitions."""
    where = "over the voxels of R, with its components and those of P; the background of P is one more part"
    return (
        Score(
            "adapted_rand_error",
            "Adapted Rand error",
            f"1 - F-score of the pairs of voxels {where}",
            RAND,
            "lower",
            1.0,
        ),
        Score("vi_split", "VI split (bits)", f"conditional entropy H(P | R) {where}", VI, "lower"),
        Score("vi_merge", "VI merge (bits)", f"conditional entropy H(R | P) {where}", VI, "lower"),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of scikit-image. Without a reference the information lost or added is 0."""
    connectivity, _ = connectivities(pair.construction, pair.ndim)
    prediction, reference = pair.cropped
    predicted, known = (
        label_components(mask, connectivity)[0][reference].astype(np.int64) for mask in (prediction, reference)
    )
    if not known.size:
        return {"adapted_rand_error": 1.0, "vi_split": 0.0, "vi_merge": 0.0}
    # scikit-image's pair is H(second | first) and H(first | second).
    split, merge = variation_of_information(known, predicted)
    return {
        "adapted_rand_error": _rand_error(known, predicted),
        "vi_split": abs(float(split)),
        "vi_merge": abs(float(merge)),
    }


def _rand_error(known: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> float:
    """Computes the adapted Rand error; without a pair of voxels in one component it is 0 in both, and 1 in one."""
    pairs = [int((np.bincount(labels) ** 2).sum()) - labels.size for labels in (known, predicted)]
    if 0 in pairs:
        return float(pairs[0] != pairs[1])
    return float(adapted_rand_error(known, predicted, ignore_labels=())[0])
