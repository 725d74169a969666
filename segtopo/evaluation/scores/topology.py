"""Betti numbers and errors, Betti matching, DIU and Euler characteristic."""

from __future__ import annotations

from segtopo.evaluation.scores.mask_pair import MaskPair
from segtopo.evaluation.scores.score import Score

FEATURES = ("components", "loops", "cavities")
HU = "Hu et al. 2019"
MATCHING = "Stucki et al. 2023"
LUX = "Lux et al. 2025"


def scores(ndim: int) -> tuple[Score, ...]:
    """Returns the topological scores: one for each dimension, and their sums."""
    names = ("components", "holes") if ndim == 2 else FEATURES
    alternating = "b0 - b1" if ndim == 2 else "b0 - b1 + b2"
    found: list[Score] = []
    for k, feature in enumerate(names):
        error = f"absolute difference of the numbers of {feature}"
        found.append(Score(f"betti_{k}_error", f"Betti-{k} error", error, HU, "lower", decimals=1))
    found.append(
        Score("betti_error", "Betti error", "sum of the Betti errors over the dimensions", HU, "lower", decimals=1)
    )
    for k, feature in enumerate(names):
        text = f"number of {feature} that intersection and union of the masks do not share"
        found.append(Score(f"diu_{k}", f"DIU-{k}", text, LUX, "lower", decimals=1))
    found.append(Score("diu", "DIU", "sum of DIU over the dimensions", LUX, "lower", decimals=1))
    for k, feature in enumerate(names):
        text = f"number of {feature} of P and of R without a partner in the other mask"
        found.append(
            Score(f"betti_matching_{k}_error", f"Betti matching-{k} error", text, MATCHING, "lower", decimals=1)
        )
    for name, text in (
        ("precision", "share of the {} of P that have a partner in R"),
        ("recall", "share of the {} of R that have a partner in P"),
        ("f1", "harmonic mean of precision and recall of the {}"),
    ):
        for k, feature in enumerate(names):
            title = f"Betti matching-{k} {name}"
            found.append(Score(f"betti_matching_{k}_{name}", title, text.format(feature), MATCHING, "higher"))
    total = Score(
        "betti_matching_error",
        "Betti matching error",
        "sum of the Betti matching errors over the dimensions",
        MATCHING,
        "lower",
        decimals=1,
    )
    found.append(total)
    for mask, letter in (("prediction", "P"), ("reference", "R")):
        for k, feature in enumerate(names):
            text = f"number of {feature} of {letter}"
            found.append(Score(f"betti_{k}_{mask}", f"b{k} of {letter}", text, decimals=0, if_absent=0))
    for mask, letter in (("prediction", "P"), ("reference", "R")):
        text = f"Euler characteristic of {letter}: {alternating}"
        found.append(Score(f"euler_{mask}", f"Euler of {letter}", text, decimals=0, if_absent=0))
    found.append(
        Score("euler_error", "Euler error", "absolute difference of the Euler characteristics", "", "lower", decimals=1)
    )
    return tuple(found)


def compute(pair: MaskPair) -> dict[str, float]:
    """Computes the topological scores."""
    features, diu = pair.features, pair.comparison.diu
    predicted, known = features.prediction, features.reference
    errors = [abs(p - r) for p, r in zip(predicted, known, strict=True)]
    euler = [sum((-1) ** k * number for k, number in enumerate(numbers)) for numbers in (predicted, known)]
    matching = {
        "error": features.error,
        "precision": features.precision,
        "recall": features.recall,
        "f1": features.f1,
    }
    found: dict[str, float] = {
        **{f"betti_{k}_error": error for k, error in enumerate(errors)},
        "betti_error": sum(errors),
        **{f"diu_{k}": error for k, error in enumerate(diu)},
        "diu": sum(diu),
        **{f"betti_matching_{k}_{name}": value for name, of in matching.items() for k, value in enumerate(of)},
        "betti_matching_error": sum(features.error),
        **{f"betti_{k}_prediction": number for k, number in enumerate(predicted)},
        **{f"betti_{k}_reference": number for k, number in enumerate(known)},
        "euler_prediction": euler[0],
        "euler_reference": euler[1],
        "euler_error": abs(euler[0] - euler[1]),
    }
    return {name: float(value) for name, value in found.items()}
