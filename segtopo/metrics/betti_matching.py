"""Betti matching error: how many features of two masks have no counterpart in the other, at their place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from segtopo.masks.components import Mask, bounding_box
from segtopo.matching.betti_matching import match_barcodes
from segtopo.metrics.mask_metric import HomologyMetric, check_construction
from segtopo.metrics.masks import check_masks, foreground_channels, gather, single_masks
from segtopo.persistence import Construction


class BettiMatchingScores(NamedTuple):
    """Scores of matched features, float tensors (B, C, ndim) with one score per dimension.

    Attributes:
        error: features of both masks without a partner.
        precision: the part of the prediction's features that are matched; 1 if neither mask has any, 0 if only the
            prediction has none.
        recall: the part of the reference's features that are matched; 1 if neither mask has any, 0 if only the
            reference has none.
        f1: harmonic mean of precision and recall; 1 if neither mask has any feature.
    """

    error: torch.Tensor
    precision: torch.Tensor
    recall: torch.Tensor
    f1: torch.Tensor


def compute_betti_matching_error(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    construction: Construction = "T",
) -> torch.Tensor:
    """Count the topological features of prediction and reference that Betti matching leaves without a partner.

    The masks are matched in their union alone: a feature is a component, loop or cavity of a mask, and two are
    partners if they become the same class of the union. Features that vanish there, such as the second of two pieces
    that the other mask connects, have no partner. So each component of the union in which both masks have a part
    gives one matched pair of components, whatever the order of voxels; between loops or cavities that overlap in
    several ways, ties are broken by the order of voxels.

    Args:
        y_pred: predicted binary masks (B, C, H, W[, D]), any dtype, any device.
        y: reference masks of the same shape.
        include_background: whether the first of several channels is scored as well.
        construction: ``"T"``, a foreground of full connectivity (8, 26); ``"V"``, of face connectivity (4, 6).

    Returns:
        A float tensor (B, C, ndim), one count per dimension, never NaN: two empty masks have 0, and against an
        empty mask the error is the other's Betti numbers.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: masks that are not binary or differ in shape, or an unknown construction.

    References:
        N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer, "Topologically faithful image segmentation via induced
        matching of persistence barcodes", ICML 2023.

    Example:
        >>> import torch
        >>> left, right = torch.zeros(2, 1, 1, 3, 7)
        >>> left[..., :2], right[..., 5:] = 1, 1
        >>> compute_betti_matching_error(left, right)  # one of each mask, although the Betti numbers agree
        tensor([[[2., 0.]]])
    """
    return compute_betti_matching_scores(y_pred, y, include_background, construction).error


def compute_betti_matching_scores(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    construction: Construction = "T",
) -> BettiMatchingScores:
    """Error, precision, recall and F1 of the topological features of a prediction under Betti matching.

    Args:
        y_pred: predicted binary masks (B, C, H, W[, D]), any dtype, any device.
        y: reference masks of the same shape.
        include_background: whether the first of several channels is scored as well.
        construction: see :func:`compute_betti_matching_error`, which says what is matched.

    Returns:
        The scores of each item, channel and dimension, never NaN.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: masks that are not binary or differ in shape, or an unknown construction.

    Example:
        >>> import torch
        >>> whole = torch.ones(1, 1, 2, 5)
        >>> broken = whole.clone()
        >>> broken[..., 2] = 0
        >>> scores = compute_betti_matching_scores(broken, whole)
        >>> scores.precision, scores.recall  # one of two components is right, and nothing is missed
        (tensor([[[0.5000, 1.0000]]]), tensor([[[1., 1.]]]))
    """
    check_masks(y_pred=y_pred, y=y)
    check_construction(construction)
    y_pred, y = foreground_channels(y_pred, include_background), foreground_channels(y, include_background)
    counts = [
        _count_features(prediction, reference, construction)
        for prediction, reference in zip(single_masks(y_pred), single_masks(y), strict=True)
    ]
    matched, predicted, expected = gather(counts, y_pred, torch.float32).unbind(dim=2)
    return BettiMatchingScores(
        predicted + expected - 2 * matched,
        _share(matched, predicted, expected),
        _share(matched, expected, predicted),
        _share(2 * matched, predicted + expected, predicted),
    )


class BettiMatchingErrorMetric(HomologyMetric):
    """:func:`compute_betti_matching_error` accumulated over batches.

    The reductions work on items and channels and keep the dimensions apart: ``"mean"`` gives (ndim,).

    Args:
        include_background: whether the first of several channels is scored as well.
        reduction: how items and channels are reduced, see ``monai.metrics.DiceMetric``.
        get_not_nans: whether :meth:`aggregate` also returns the number of scores.
        construction: see :func:`compute_betti_matching_error`.

    Example:
        >>> import torch
        >>> metric = BettiMatchingErrorMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([1., 0.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:
        return compute_betti_matching_error(y_pred, y, self.include_background, self.construction)


def _share(part: torch.Tensor, whole: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The part of the whole; of nothing it is 1 if there is nothing else either, and 0 otherwise."""
    return torch.where(whole > 0, part / whole.clamp(min=1), (other == 0).to(part))


def _count_features(prediction: Mask, reference: Mask, construction: Construction) -> list[list[int]]:
    """Per dimension: matched features, those of the prediction, those of the reference."""
    box = bounding_box(prediction | reference)
    predicted, expected = (mask[box].astype(np.float32) for mask in (prediction, reference))
    if predicted.size == 0:
        return [[0] * prediction.ndim] * 3
    # With threshold 0 only the union's voxels are left.
    matching = match_barcodes(predicted[None], expected[None], "superlevel", construction, 0.0, None)
    in_prediction, in_reference = matching.prediction.births == 1, matching.target.births == 1
    # Classes that die in the union have zero persistence there and cannot be matched.
    matched = in_prediction & matching.prediction.essential
    matched[matched] = in_reference[matching.partners[matched]]
    return [
        np.bincount(dimension, minlength=prediction.ndim).tolist()
        for dimension in (
            matching.prediction.dimension[matched],
            matching.prediction.dimension[in_prediction],
            matching.target.dimension[in_reference],
        )
    ]
