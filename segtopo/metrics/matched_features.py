"""Betti matching of two masks: the features that both have at the same position, counted per dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from segtopo.masks.components import Mask, bounding_box
from segtopo.matching.betti_matching import match_barcodes
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction, check_dimensions


@dataclass(frozen=True)
class MatchedFeatures:
    """The features of a prediction and a reference under Betti matching; every tuple has one number per dimension.

    Attributes:
        matched: Number of features of the prediction that have a partner in the reference.
        prediction: Number of features of the prediction, its Betti numbers.
        reference: Number of features of the reference, its Betti numbers.
    """

    matched: tuple[int, ...]
    prediction: tuple[int, ...]
    reference: tuple[int, ...]

    @property
    def error(self) -> tuple[float, ...]:
        """Number of features of both masks without a partner."""
        return self._scores(lambda matched, prediction, reference: prediction + reference - 2.0 * matched)

    @property
    def precision(self) -> tuple[float, ...]:
        """Matched share of the prediction's features; of none it is 1 if the reference has none either, else 0."""
        return self._scores(_share)

    @property
    def recall(self) -> tuple[float, ...]:
        """Matched share of the reference's features; of none it is 1 if the prediction has none either, else 0."""
        return self._scores(lambda matched, prediction, reference: _share(matched, reference, prediction))

    @property
    def f1(self) -> tuple[float, ...]:
        """Harmonic mean of precision and recall; 1 if neither mask has any feature."""
        return self._scores(lambda matched, prediction, reference: _share(2 * matched, prediction + reference, 0))

    def of(self, dimensions: Sequence[int] | None) -> MatchedFeatures:
        """Returns the features of some dimensions in their order; None is all.

        Raises:
            TypeError: The dimensions are not a list.
            InputError: The masks have no such dimensions.
        """
        chosen = check_dimensions(dimensions, len(self.matched))
        return self._converted(lambda numbers: tuple(numbers[dimension] for dimension in chosen))

    def together(self) -> MatchedFeatures:
        """Returns the features of all dimensions as those of one."""
        return self._converted(lambda numbers: (sum(numbers),))

    def _converted(self, convert: Callable[[tuple[int, ...]], tuple[int, ...]]) -> MatchedFeatures:
        return MatchedFeatures(convert(self.matched), convert(self.prediction), convert(self.reference))

    def _scores(self, score: Callable[[int, int, int], float]) -> tuple[float, ...]:
        return tuple(map(score, self.matched, self.prediction, self.reference))


def match_features(
    prediction: Mask, reference: Mask, construction: Construction = "T", num_threads: int | None = None
) -> MatchedFeatures:
    """Matches the features of two masks of one shape in their union and counts them.

    See :func:`segtopo.metrics.compute_betti_matching_error`, which is the same for batches of tensors.

    Args:
        prediction: 2D or 3D boolean array.
        reference: Boolean array of the same shape.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Example:
        >>> whole = np.ones((2, 5), dtype=bool)
        >>> broken = whole.copy()
        >>> broken[:, 2] = False
        >>> features = match_features(broken, whole)
        >>> features.error, features.precision, features.recall
        ((1.0, 0.0), (0.5, 1.0), (1.0, 1.0))
    """
    check_construction(construction)
    box = bounding_box(prediction | reference)
    predictions, references = (mask[box][None].astype(np.float32) for mask in (prediction, reference))
    if predictions.size == 0:
        return MatchedFeatures(*((0,) * prediction.ndim,) * 3)
    # With threshold 0 the filtration of the union ends with the foreground.
    matching = match_barcodes(predictions, references, "superlevel", construction, 0.0, num_threads)
    in_prediction, in_reference = matching.prediction.births == 1, matching.target.births == 1
    # Classes that die in the union have zero persistence there and cannot be matched.
    matched = in_prediction & matching.prediction.essential
    matched[matched] = in_reference[matching.partners[matched]]
    counts = (
        tuple(np.bincount(dimension, minlength=prediction.ndim).tolist())
        for dimension in (
            matching.prediction.dimension[matched],
            matching.prediction.dimension[in_prediction],
            matching.target.dimension[in_reference],
        )
    )
    return MatchedFeatures(*counts)


def _share(part: int, whole: int, other: int) -> float:
    """Computes a share of a whole; of nothing it is 1 if there is nothing else either, and 0 otherwise."""
    return part / whole if whole else float(other == 0)
