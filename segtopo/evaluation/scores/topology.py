"""Scores of topology: Betti numbers, Euler characteristic, DIU and Betti matching."""

from __future__ import annotations

from collections.abc import Sequence

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score

_BETTI_ERROR = "Hu et al. 2019"
_DIU = "Lux et al. 2025"
_BETTI_MATCHING = "Stucki et al. 2023"

_BETTI_NUMBER = "Betti number in dimension k of the {}: components (0), loops (1) and in 3D cavities (2)."
_EULER = "Euler characteristic of the {}: the alternating sum of its Betti numbers."


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the scores of the group."""

    def each(name: str, title: str, *rest: object) -> tuple[Score, ...]:
        return tuple(Score(name.format(k), title.format(k), *rest) for k in range(ndim))  # type: ignore[arg-type]

    return (
        *each("betti_{}_prediction", "Betti {} of the prediction", _BETTI_NUMBER.format("prediction")),
        *each("betti_{}_reference", "Betti {} of the reference", _BETTI_NUMBER.format("reference")),
        *each(
            "betti_{}_error",
            "Betti {} error",
            "Absolute difference of the Betti numbers of the whole masks in dimension k.",
            _BETTI_ERROR,
            "lower",
        ),
        Score("betti_error", "Betti error", "Sum of the Betti errors of all dimensions.", _BETTI_ERROR, "lower"),
        *each(
            "diu_{}",
            "DIU {}",
            "Classes in dimension k of the intersection that vanish in the union, plus classes of the union that do "
            "not come from the intersection (Discrepancy between Intersection and Union).",
            _DIU,
            "lower",
        ),
        Score("diu", "DIU", "Sum of DIU over all dimensions.", _DIU, "lower"),
        *each(
            "betti_matching_{}_error",
            "Betti matching {} error",
            "Features in dimension k of both masks that have no partner.",
            _BETTI_MATCHING,
            "lower",
        ),
        *each(
            "betti_matching_{}_precision",
            "Betti matching {} precision",
            "Share of the prediction's features in dimension k that have a partner; of no features it is 1 if the "
            "reference has none either, else 0.",
            _BETTI_MATCHING,
            "higher",
        ),
        *each(
            "betti_matching_{}_recall",
            "Betti matching {} recall",
            "Share of the reference's features in dimension k that have a partner; of no features it is 1 if the "
            "prediction has none either, else 0.",
            _BETTI_MATCHING,
            "higher",
        ),
        *each(
            "betti_matching_{}_f1",
            "Betti matching {} F1",
            "Harmonic mean of this precision and recall; 1 if neither mask has a feature in dimension k.",
            _BETTI_MATCHING,
            "higher",
        ),
        Score(
            "betti_matching_error",
            "Betti matching error",
            "Sum of the Betti matching errors of all dimensions.",
            _BETTI_MATCHING,
            "lower",
        ),
        Score("euler_prediction", "Euler characteristic of the prediction", _EULER.format("prediction")),
        Score("euler_reference", "Euler characteristic of the reference", _EULER.format("reference")),
        Score("euler_error", "Euler error", "Absolute difference of the Euler characteristics.", "", "lower"),
    )


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the scores of any pair."""
    features = pair.features
    errors = [abs(p - r) for p, r in zip(features.prediction, features.reference, strict=True)]
    diu = pair.comparison.diu
    euler_prediction, euler_reference = _euler(features.prediction), _euler(features.reference)
    return {
        **_by_dimension("betti_{}_prediction", features.prediction),
        **_by_dimension("betti_{}_reference", features.reference),
        **_by_dimension("betti_{}_error", errors),
        "betti_error": float(sum(errors)),
        **_by_dimension("diu_{}", diu),
        "diu": float(sum(diu)),
        **_by_dimension("betti_matching_{}_error", features.error),
        **_by_dimension("betti_matching_{}_precision", features.precision),
        **_by_dimension("betti_matching_{}_recall", features.recall),
        **_by_dimension("betti_matching_{}_f1", features.f1),
        "betti_matching_error": float(sum(features.error)),
        "euler_prediction": euler_prediction,
        "euler_reference": euler_reference,
        "euler_error": abs(euler_prediction - euler_reference),
    }


def _by_dimension(name: str, values: Sequence[float]) -> dict[str, float]:
    return {name.format(k): float(value) for k, value in enumerate(values)}


def _euler(betti: Sequence[int]) -> float:
    return float(sum(betti[0::2]) - sum(betti[1::2]))
